/* Specs against records, and back to text. */
#include "conda/matchspec.h"

#include <stdint.h>
#include <strings.h>

#include "base/str.h"
#include "conda/matchspec_impl.h"
#include "conda/platform.h"

static bool is_hex_of(const char *hex, const uint8_t *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	if (strlen(hex) != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (hex[2 * i] != digits[bytes[i] >> 4] || hex[2 * i + 1] != digits[bytes[i] & 15])
			return false;
	}
	return true;
}

static bool list_has(const char *const *list, const char *word)
{
	for (; list && *list; list++) {
		if (strcmp(*list, word) == 0)
			return true;
	}
	return false;
}

/* As sets. b may be NULL and name a word twice. */
static bool same_words(const char *const *a, const char *const *b)
{
	for (const char *const *w = a; *w; w++) {
		if (!list_has(b, *w))
			return false;
	}
	for (const char *const *w = b; w && *w; w++) {
		if (!list_has(a, *w))
			return false;
	}
	return true;
}

static bool flags_match(const char *const *patterns, const char *const *flags)
{
	for (; *patterns; patterns++) {
		const char *const *f = flags;

		while (f && *f && !pattern_glob(*patterns, *f))
			f++;
		if (!f || !*f)
			return false;
	}
	return true;
}

static bool name_matches(const struct matchspec *m, const struct record *r)
{
	if (m->name)
		return strcasecmp(m->name, r->name) == 0;
	return !m->name_pattern || pattern_match(m->name_pattern, r->name);
}

static bool version_matches(const struct matchspec *m, const struct record *r, const struct version *v)
{
	auto_arena a = { 0 };
	struct err err = ERR_INIT;

	if (!m->version)
		return true;
	if (!v)
		v = version_parse(&a, r->version, &err);
	return version_spec_match(m->version, v, r->version);
}

/* What hardly any spec asks. */
static bool details_match(const struct matchspec *m, const struct record *r)
{
	static const char *const none[] = { NULL };

	if (m->fn && strcmp(m->fn, r->fn) != 0)
		return false;
	if (m->url && strcmp(m->url, r->url) != 0)
		return false;
	if (m->md5 && !(r->has_md5 && is_hex_of(m->md5, r->md5, sizeof(r->md5))))
		return false;
	if (m->sha256 && !(r->has_sha256 && is_hex_of(m->sha256, r->sha256.sha256, sizeof(r->sha256.sha256))))
		return false;
	if (m->license && !pattern_match(m->license, r->license ? r->license : ""))
		return false;
	if (m->license_family && !pattern_match(m->license_family, r->license_family ? r->license_family : ""))
		return false;
	if (m->track_features && !same_words(m->track_features, r->track_features))
		return false;
	/* Records do not keep the old "features": no list is equal to a list of some. */
	if (m->features && !same_words(m->features, none))
		return false;
	return !m->flags || flags_match(m->flags, r->flags);
}

bool matchspec_match_rest(const struct matchspec *m, const struct record *r)
{
	if (m->build && !pattern_match(m->build, r->build))
		return false;
	if (m->number && !matchspec_number_match(m->number, r->build_number))
		return false;
	if (m->subdir && strcmp(m->subdir, r->subdir) != 0)
		return false;
	if (m->channel && !matchspec_channel_match(m->channel, r->channel))
		return false;
	return details_match(m, r);
}

bool matchspec_match(const struct matchspec *m, const struct record *r, const struct version *v)
{
	return name_matches(m, r) && matchspec_match_rest(m, r) && version_matches(m, r, v);
}

bool matchspec_is_version_only(const struct matchspec *m)
{
	return m->name && !m->channel && !m->subdir && !m->build && !m->number && !m->track_features && !m->features &&
	       !m->license && !m->license_family && !m->fn && !m->url && !m->md5 && !m->sha256 && !m->flags;
}

/* Key and value in brackets. */
static void add_value(struct buf *b, const char *key, const char *value, bool quoted)
{
	const char *quote = matchspec_brackets_quote(value);

	buf_adds(b, b->n ? "," : "");
	if (!quoted && !strpbrk(value, ", =[]'\""))
		quote = "";
	buf_addf(b, "%s=%s%s%s", key, quote, value, quote);
}

static bool is_exact_channel(const struct matchspec *m)
{
	return m->channel && !matchspec_channel_is_pattern(m->channel);
}

static void add_channel(struct buf *b, struct buf *brackets, const struct matchspec *m)
{
	bool exact = is_exact_channel(m), inside = m->subdir && (!exact || !platform_is_subdir(m->subdir));

	if (exact)
		buf_addf(b, inside || !m->subdir ? "%s::" : "%s/%s::", m->channel, m->subdir);
	else if (m->channel && strcmp(m->channel, "*") != 0)
		add_value(brackets, "channel", m->channel, false);
	if (inside)
		add_value(brackets, "subdir", m->subdir, false);
}

/* Whether "=" and this text would be read as this text and ".*". */
static bool is_fuzzy(const char *s, size_t n)
{
	return n > 0 && s[n - 1] != '*' && !memchr(s, '=', n) && !memchr(s, '@', n) && !memchr(s, ' ', n) &&
	       !matchspec_parse_is_file((struct str){ s, n });
}

/* True: the version stands in front of the brackets and is an exact one. */
static bool add_version(struct buf *b, struct buf *brackets, const struct matchspec *m)
{
	const char *s = m->version ? version_spec_text(m->version) : "*";
	size_t n = strlen(s);
	bool negative = str_starts(s, "!=") || str_starts(s, "~=");
	bool inside = strpbrk(s, "><$^|,@() ") || str_ends(s, "!") || matchspec_parse_is_file(str_of(s)) ||
		      (negative && m->build_text);

	if (!m->version)
		return false;
	if (!inside && !negative && s[n - 1] == '*') {
		n -= str_ends(s, ".*") ? 2 : 1;
		/* What "=" is read back as has no dot before the star where it is a glob already. */
		inside = *s == '=' || !is_fuzzy(s, n) || (memchr(s, '*', n) && str_ends(s, ".*"));
		if (!inside)
			buf_addf(b, "=%.*s", (int)n, s);
	} else if (!inside) {
		buf_addf(b, "%s%s", negative || str_starts(s, "==") ? "" : "==", s);
		return !negative;
	}
	if (inside)
		add_value(brackets, "version", s, true);
	return false;
}

static bool is_build_plain(const char *s)
{
	return s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+")] == '\0';
}

static void add_build(struct buf *b, struct buf *brackets, const struct matchspec *m, bool version_exact)
{
	if (m->build_text && version_exact && is_build_plain(m->build_text))
		buf_addf(b, "=%s", m->build_text);
	else if (m->build_text)
		add_value(brackets, "build", m->build_text, strpbrk(m->build_text, "><$^|,"));
}

static void add_words(struct buf *brackets, const char *key, const char *const *words)
{
	auto_buf b = { 0 };

	if (!words)
		return;
	for (size_t i = 0; words[i]; i++)
		buf_addf(&b, "%s%s", i ? " " : "", words[i]);
	add_value(brackets, key, buf_cstr(&b), false);
}

static void add_list(struct buf *brackets, const char *key, const char *const *words)
{
	if (!words)
		return;
	buf_addf(brackets, "%s%s=[", brackets->n ? "," : "", key);
	for (size_t i = 0; words[i]; i++)
		buf_addf(brackets, "%s'%s'", i ? ", " : "", words[i]);
	buf_addc(brackets, ']');
}

static void add_string(struct buf *brackets, const char *key, const char *value)
{
	if (value)
		add_value(brackets, key, value, false);
}

/* Whether channel, subdir, name, version and build were read off the URL. */
static bool is_of_url(struct arena *a, const struct matchspec *m)
{
	return m->url && m->fn && m->channel && m->subdir &&
	       str_ends(m->url, arena_printf(a, "/%s/%s", m->subdir, m->fn));
}

const char *matchspec_text(struct arena *a, const struct matchspec *m)
{
	auto_buf b = { 0 }, brackets = { 0 };
	bool exact, of_url = is_of_url(a, m);

	add_channel(&b, &brackets, m);
	buf_adds(&b, m->name ? m->name : m->name_pattern ? pattern_text(m->name_pattern) : "*");
	exact = add_version(&b, &brackets, m);
	add_build(&b, &brackets, m, exact);
	add_string(&brackets, "build_number", m->build_number);
	add_words(&brackets, "track_features", m->track_features);
	add_words(&brackets, "features", m->features);
	add_string(&brackets, "url", of_url ? NULL : m->url);
	add_string(&brackets, "md5", m->md5);
	add_string(&brackets, "sha256", m->sha256);
	add_string(&brackets, "license", m->license ? pattern_text(m->license) : NULL);
	add_string(&brackets, "license_family", m->license_family ? pattern_text(m->license_family) : NULL);
	add_string(&brackets, "fn", of_url ? NULL : m->fn);
	add_string(&brackets, "when", m->when_text);
	add_list(&brackets, "extras", m->extras);
	add_list(&brackets, "flags", m->flags);
	if (brackets.n)
		buf_addf(&b, "[%s]", brackets.p);
	return arena_strndup(a, b.p, b.n);
}
