/* From the text of a spec to its pieces, in conda's order of steps (facts of each step: docs/matchspec.md). */
#include "conda/matchspec_impl.h"

#include "conda/platform.h"

struct parse {
	struct arena *arena;
	unsigned flags;
	struct matchspec_fields f;
	struct err *err;
};

static int fault(struct parse *p, const char *what, struct str s)
{
	return err_set(p->err, ERR_FORMAT, "%s: '%.*s'", what, (int)(s.n < 200 ? s.n : 200), s.p);
}

static const char *copy(struct parse *p, struct str s)
{
	return arena_strndup(p->arena, s.p, s.n);
}

static struct str from_to(const char *from, const char *to)
{
	return (struct str){ from, (size_t)(to - from) };
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* CEP 26, without the limit of length, and upper case is lower case. */
static bool is_name(struct str s)
{
	size_t from = 0;
	bool separator = false;

	if (s.n > 2 && s.p[0] == '_' && s.p[1] == '_')
		from = 2;
	if (!s.n || (!is_alnum(s.p[from]) && (from || s.p[0] != '_')))
		return false;
	if (!from && s.n > 1 && s.p[0] == '_' && s.p[1] == '_')
		return false;
	for (size_t i = from + 1; i < s.n; i++) {
		bool sep = s.p[i] == '.' || s.p[i] == '_' || s.p[i] == '-';

		if ((!sep && !is_alnum(s.p[i])) || (sep && separator))
			return false;
		separator = sep;
	}
	return true;
}

/* With a star, other bytes are allowed; but only those of names and of regular expressions. */
static bool is_name_glob(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!is_alnum(s.p[i]) && !strchr("._-*^$+?|\\{}", s.p[i]))
			return false;
	}
	return memchr(s.p, '*', s.n);
}

bool matchspec_parse_is_file(struct str s)
{
	static const char *const ends[] = { ".conda", ".tar.bz2" };

	for (size_t i = 0; i < COUNT(ends); i++) {
		size_t n = strlen(ends[i]);

		if (s.n >= n && memcmp(s.p + s.n - n, ends[i], n) == 0)
			return true;
	}
	return false;
}

const char *matchspec_sanitise(struct arena *a, const char *version, bool has_build)
{
	const char *bare = version + strspn(version, "=");
	size_t n = strlen(bare);

	if (bare == version || !n)
		return version;
	if (str_starts(version, "==") && !has_build)
		return bare;
	if (strpbrk(bare, "=,|"))
		return version;
	if (!has_build && bare[n - 1] != '*')
		return arena_printf(a, "%s*", bare);
	return bare;
}

static const char *without_spaces(struct parse *p, struct str s)
{
	char *ret = arena_strndup(p->arena, s.p, s.n), *to = ret;

	for (const char *from = ret; *from; from++) {
		if (*from != ' ')
			*to++ = *from;
	}
	*to = '\0';
	return ret;
}

/* Where the separator of a build that is a regular expression ("^a|b$", the last word) stands; s.n where there is none. */
static size_t find_expression(struct str s)
{
	size_t at = s.n;

	if (!s.n || s.p[s.n - 1] != '$')
		return s.n;
	while (at > 0 && s.p[at - 1] != ' ' && s.p[at - 1] != '=')
		at--;
	return at > 1 && s.p[at] == '^' && !strchr("=!|,<>~", s.p[at - 2]) ? at - 1 : s.n;
}

/*
 * Where the build's separator stands: the first space or '=' that follows no
 * operator and has none of "-=,|<>~" behind it. s.n where there is no build.
 */
static size_t find_build(struct str s)
{
	size_t at = find_expression(s);

	if (at < s.n)
		return at;
	at = 1;
	for (size_t i = s.n; i-- > 0;) {
		if (strchr("-=,|<>~", s.p[i])) {
			at = i > 1 ? i : 1;
			break;
		}
	}
	for (; at + 1 < s.n; at++) {
		if ((s.p[at] == ' ' || s.p[at] == '=') && !strchr("=!|,<>~", s.p[at - 1]) &&
		    !(s.p[at + 1] && strchr("-=,|<>~", s.p[at + 1])))
			return at;
	}
	return s.n;
}

static int version_and_build(struct parse *p, struct str s)
{
	size_t at;
	struct str build = { 0 };

	s = str_trim(s);
	if (!s.n)
		return 0;
	at = find_build(s);
	if (at < s.n)
		build = str_trim((struct str){ s.p + at + 1, s.n - at - 1 });
	if (build.n)
		p->f.value[FIELD_BUILD] = copy(p, build);
	p->f.value[FIELD_VERSION] =
		matchspec_sanitise(p->arena, without_spaces(p, (struct str){ s.p, at }), build.n > 0);
	return 0;
}

/* "name", "name version", "name version build", "name=version=build", ... */
static int name_and_rest(struct parse *p, struct str s)
{
	struct str name = { s.p, 0 };

	while (name.n < s.n && !strchr(" =<>!~", s.p[name.n]))
		name.n++;
	if (!name.n)
		return fault(p, "no package name before", s);
	if (!is_name(name) && !is_name_glob(name))
		return fault(p, "not a package name", name);
	p->f.value[FIELD_NAME] = copy(p, name);
	/* "numpy=" is numpy, "numpy==" is a mistake: so says conda. */
	if (s.n < name.n + 2)
		return 0;
	return version_and_build(p, (struct str){ s.p + name.n, s.n - name.n });
}

static int set_channel(struct parse *p, const char *text)
{
	const char *channel = matchspec_channel_parse(p->arena, text, &p->f.value[FIELD_SUBDIR], p->err);

	p->f.value[FIELD_CHANNEL] = channel;
	return channel ? 0 : -1;
}

/* "channel:namespace:rest"; the namespace has no meaning yet. */
static int channel_and_rest(struct parse *p, struct str s, struct str *rest)
{
	const char *second = last_of(s, ':'), *first;

	*rest = s;
	if (!second)
		return 0;
	*rest = from_to(second + 1, s.p + s.n);
	if (memchr(s.p, ' ', (size_t)(second - s.p)))
		return fault(p, "a space before ':'", s);
	first = last_of(from_to(s.p, second), ':');
	if (!first || first == s.p)
		return 0;
	return set_channel(p, copy(p, from_to(s.p, first)));
}

static int merge_brackets(struct parse *p, const struct matchspec_fields *b)
{
	const char *channel = b->value[FIELD_CHANNEL];

	p->f.optional |= b->optional;
	if (channel && set_channel(p, channel) < 0)
		return -1;
	for (size_t i = 0; i < FIELD_N; i++) {
		/* A name in brackets must not change what seems to be installed. */
		if (i != FIELD_CHANNEL && i != FIELD_NAME && b->value[i])
			p->f.value[i] = b->value[i];
	}
	return 0;
}

/*
 * Find "[...]": up to the last ']'; from the first '[' by the v3 rules, from the
 * last one today. False: there is none.
 */
static bool find_brackets(struct str s, unsigned flags, size_t *from, size_t *to)
{
	const char *close = last_of(s, ']'), *open;

	if (!close)
		return false;
	open = flags & MATCHSPEC_V3 ? memchr(s.p, '[', (size_t)(close - s.p)) : last_of(from_to(s.p, close), '[');
	if (!open)
		return false;
	*from = (size_t)(open - s.p);
	*to = (size_t)(close - s.p) + 1;
	return true;
}

/* Cut s[from..to) out. What stands behind must not become part of what stands before. */
static int cut_out(struct parse *p, struct str *s, size_t from, size_t to)
{
	struct str behind = { s->p + to, s->n - to };

	if (behind.n && (!strchr(" =<>!~(", *behind.p) || memchr(behind.p, ':', behind.n)))
		return fault(p, "expected the end or a version", behind);
	*s = str_of(arena_printf(p->arena, "%.*s%.*s", (int)from, s->p, (int)behind.n, behind.p));
	return 0;
}

/* Whether "(" and ")" stand in a word that is a regular expression: "^(a|b)$". */
static bool is_in_expression(struct str s, const char *open, const char *close)
{
	const char *word = open, *end = close;

	while (word > s.p && !strchr(" =", word[-1]))
		word--;
	while (end < s.p + s.n && *end != ' ')
		end++;
	return *word == '^' && end[-1] == '$';
}

/* conda removes "(...)" and looks for one word in it. Of an expression nothing would be left: that is for the build. */
static int cut_parens(struct parse *p, struct str *s)
{
	const char *close = last_of(*s, ')'), *open;
	struct str inside;

	open = close ? last_of(from_to(s->p, close), '(') : NULL;
	if (!open || is_in_expression(*s, open, close))
		return 0;
	inside = from_to(open, close);
	if (memchr(inside.p, ':', inside.n))
		return fault(p, "a channel within parentheses", *s);
	p->f.optional |= memmem(inside.p, inside.n, "optional", 8) != NULL;
	return cut_out(p, s, (size_t)(open - s->p), (size_t)(close - s->p) + 1);
}

static int parse_general(struct parse *p, struct str s)
{
	struct matchspec_fields brackets = { 0 };
	size_t from, to;
	struct str rest;

	if (find_brackets(s, p->flags, &from, &to)) {
		struct str inside = { s.p + from + 1, to - from - 2 };

		if (matchspec_brackets_parse(p->arena, inside, p->flags, &brackets, p->err) < 0 ||
		    cut_out(p, &s, from, to) < 0)
			return -1;
	}
	if (brackets.value[FIELD_VERSION])
		brackets.value[FIELD_VERSION] =
			matchspec_sanitise(p->arena, brackets.value[FIELD_VERSION],
					   p->flags & MATCHSPEC_V3 && brackets.value[FIELD_BUILD]);
	if (memchr(s.p, '[', s.n) || memchr(s.p, ']', s.n))
		return fault(p, "brackets that do not pair, or more than one pair", s);
	if (cut_parens(p, &s) < 0 || channel_and_rest(p, s, &rest) < 0 || name_and_rest(p, rest) < 0)
		return -1;
	return merge_brackets(p, &brackets);
}

/* "feature@": anything with exactly these track_features. */
static int parse_features(struct parse *p, struct str s)
{
	s.n--;
	if (!s.n || strpbrk(copy(p, s), "[](),'\" =#"))
		return fault(p, "expected a feature before '@'", s);
	p->f.value[FIELD_TRACK_FEATURES] = copy(p, s);
	p->f.value[FIELD_NAME] = "*";
	return 0;
}

/* The URL or path of a package. */
static int parse_package(struct parse *p, const char *text)
{
	bool has_url = strstr(text, "://") || *text == '/';
	const char *url =
		*text == '/' ? arena_printf(p->arena, "file://%s", text) : matchspec_channel_public_url(p->arena, text);
	const char *slash = strrchr(url, '/'), *fn = slash ? slash + 1 : url;
	const char *name, *version, *build, *subdir = NULL, *channel = NULL;
	size_t stem;

	if (!record_is_package_file(fn, &stem) || strpbrk(fn, "'\"[]() ,="))
		return fault(p, "not the file name of a package", str_of(fn));
	p->f.value[FIELD_FN] = fn;
	if (has_url) {
		p->f.value[FIELD_URL] = url;
		channel = matchspec_channel_parse(p->arena, copy(p, from_to(url, slash)), &subdir, p->err);
		if (!channel)
			return -1;
	}
	p->f.value[FIELD_NAME] = "*";
	if (has_url && !subdir)
		return 0;
	if (!record_split_fn(p->arena, fn, &name, &version, &build))
		return fault(p, "expected NAME-VERSION-BUILD as file name", str_of(fn));
	if (!is_name(str_of(name)))
		return fault(p, "not a package name", str_of(name));
	p->f.value[FIELD_CHANNEL] = channel;
	p->f.value[FIELD_SUBDIR] = subdir;
	p->f.value[FIELD_NAME] = name;
	p->f.value[FIELD_VERSION] = version;
	p->f.value[FIELD_BUILD] = build;
	return 0;
}

/* Most specs by far: nothing but a name, a version and a build. */
static bool is_plain(struct str s)
{
	return strcspn(s.p, "[](){}:@#") >= s.n && !matchspec_parse_is_file(s);
}

static int parse_text(struct parse *p, const char *text)
{
	struct str s = str_of(text);
	const char *cut;

	while (s.n > 0 && *s.p == ' ')
		s = (struct str){ s.p + 1, s.n - 1 };
	if (s.n && s.p[s.n - 1] == '@')
		return parse_features(p, s);
	cut = s.n ? memchr(s.p, '#', s.n) : NULL;
	if (cut)
		s.n = (size_t)(cut - s.p);
	/* Conditions of an abandoned design: today's conda takes such specs without. */
	cut = memmem(s.p, s.n, " if ", 4);
	if (cut && !(p->flags & MATCHSPEC_V3))
		s.n = (size_t)(cut - s.p);
	else if (cut && !memchr(s.p, '[', (size_t)(cut - s.p)))
		return fault(p, "conditions are written [when=\"...\"], not", from_to(cut, s.p + s.n));
	if (is_plain(s))
		return name_and_rest(p, s);
	return matchspec_parse_is_file(s) ? parse_package(p, copy(p, s)) : parse_general(p, s);
}

static int check_text(const char *text, struct err *err)
{
	size_t n = strlen(text);

	if (n > MATCHSPEC_MAX)
		return err_set(err, ERR_FORMAT, "%zu bytes, at most %d are allowed", n, MATCHSPEC_MAX);
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)text[i] < ' ' || text[i] == 127)
			return err_set(err, ERR_FORMAT, "a control character");
	}
	return 0;
}

const struct matchspec *matchspec_parse(struct arena *a, const char *text, unsigned flags, struct err *err)
{
	struct parse p = { .arena = a, .flags = flags, .err = err };
	struct matchspec *m = arena_alloc(a, sizeof(*m));

	if (check_text(text, err) < 0 || parse_text(&p, text) < 0 ||
	    matchspec_fields_compile(a, &p.f, flags, m, err) < 0) {
		err_at(err, "spec '%.300s'", text);
		return NULL;
	}
	m->text = arena_strdup(a, text);
	return m;
}

struct str matchspec_name_of(const char *text)
{
	struct str s = str_of(text);
	const char *cut, *open;
	size_t n = 0;

	while (s.n > 0 && *s.p == ' ')
		s = (struct str){ s.p + 1, s.n - 1 };
	if (s.n && s.p[s.n - 1] == '@')
		return (struct str){ s.p, 0 };
	cut = memchr(s.p, '#', s.n);
	if (cut)
		s.n = (size_t)(cut - s.p);
	open = memchr(s.p, '[', s.n);
	cut = memmem(s.p, s.n, " if ", 4);
	if (cut && (!open || cut < open))
		s.n = (size_t)(cut - s.p);
	if (open && open >= s.p + s.n)
		open = NULL;
	if (!open && matchspec_parse_is_file(s))
		return (struct str){ s.p, 0 };
	if (open)
		s.n = (size_t)(open - s.p);
	cut = last_of(s, ':');
	if (cut)
		s = from_to(cut + 1, s.p + s.n);
	while (n < s.n && !strchr(" =<>!~(", s.p[n]))
		n++;
	s.n = memchr(s.p, '*', n) ? 0 : n;
	return s;
}
