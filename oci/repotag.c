#include "oci/repotag.h"

#include "base/str.h"

#define TAG_BYTES_MAX 128
#define NAME_BYTES_MAX 255
#define LOWER "abcdefghijklmnopqrstuvwxyz0123456789"
#define LETTERS LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

bool repotag_is_tag(const char *s)
{
	size_t n = strlen(s);

	return n >= 1 && n <= TAG_BYTES_MAX && s[0] != '.' && s[0] != '-' && strspn(s, LETTERS "._-") == n;
}

/* [a-z0-9]+ with ".", "_", "__" or any number of "-" between */
static bool is_component(struct str s)
{
	size_t at = 0;

	for (;;) {
		size_t word = 0, dashes = 0;

		while (at + word < s.n && strchr(LOWER, s.p[at + word]))
			word++;
		at += word;
		if (!word)
			return false;
		if (at == s.n)
			return true;
		while (at + dashes < s.n && s.p[at + dashes] == '-')
			dashes++;
		if (dashes)
			at += dashes;
		else if (s.p[at] == '.')
			at++;
		else if (s.p[at] == '_')
			at += at + 1 < s.n && s.p[at + 1] == '_' ? 2 : 1;
		else
			return false;
	}
}

/* host, host.name, host:5000, [::1]:5000; only its alphabet is looked at */
static bool is_domain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!strchr(LETTERS ".-:[]", s.p[i]))
			return false;
	return s.n > 0;
}

/* What makes the first of several components a host's name. */
static bool says_domain(struct str s)
{
	return memchr(s.p, '.', s.n) || memchr(s.p, ':', s.n) || str_eq(s, "localhost");
}

static bool is_name(const char *name, bool *has_domain)
{
	struct str rest = str_of(name), part;
	size_t components = 0;

	*has_domain = false;
	while (str_cut(&rest, '/', &part)) {
		if (components == 0 && rest.p && part.n && says_domain(part)) {
			*has_domain = true;
			if (!is_domain(part))
				return false;
		} else if (!is_component(part)) {
			return false;
		}
		components++;
	}
	return strlen(name) <= NAME_BYTES_MAX;
}

/* What people get wrong. */
static const char *name_fault(const char *name)
{
	const char *slash = strchr(name, '/');

	if (strlen(name) > NAME_BYTES_MAX)
		return ": it is longer than 255 characters";
	for (const char *c = slash ? slash : name; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			return ": it is in lower case, but for its host";
	return "";
}

int repotag_parse(struct arena *a, const char *text, struct repotag *ret, struct err *err)
{
	const char *slash = strrchr(text, '/'), *colon = strrchr(text, ':');
	bool tagged = colon && (!slash || colon > slash), has_domain;
	const char *name = arena_strndup(a, text, tagged ? (size_t)(colon - text) : strlen(text));
	const char *tag = tagged ? arena_strdup(a, colon + 1) : "latest";

	if (!is_name(name, &has_domain))
		return err_set(err, ERR_USAGE, "'%.300s' is no name of an image such as app:1 or ghcr.io/me/app:1%s",
			       text, name_fault(name));
	if (!repotag_is_tag(tag))
		return err_set(err, ERR_USAGE,
			       "'%.300s': '%.150s' is no tag: letters, digits, '_', '.', '-', at most %d", text, tag,
			       TAG_BYTES_MAX);
	ret->tag = tag;
	ret->given = arena_printf(a, "%s:%s", name, tag);
	ret->full = arena_printf(a, "%s%s:%s",
				 has_domain	     ? ""
				 : strchr(name, '/') ? "docker.io/"
						     : "docker.io/library/",
				 name, tag);
	return 0;
}
