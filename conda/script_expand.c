#include <string.h>

#include "conda/script_impl.h"

/* Where a word grows. In fields, what was not quoted is split at white space. */
struct growing {
	struct script_run *run;
	enum script_split how;
	struct script_fields *ret;
	struct buf cur;
	bool begun; /* cur is a field, even if it is empty */
	char separators[4]; /* IFS: white space alone */
	unsigned depth;
};

static int expand_into(struct growing *g, struct str word, bool quoted, bool nested);

/* ---- bytes ---- */

static int charge(struct growing *g, size_t n)
{
	g->run->bytes += n + 1;
	return g->run->bytes > SCRIPT_BYTES_MAX ? script_more(g->run, "makes too much text") : 0;
}

static void end_field(struct growing *g)
{
	if (g->begun) {
		mem_grow(g->ret->list, g->ret->n);
		g->ret->list[g->ret->n++] = arena_strndup(g->run->arena, buf_cstr(&g->cur), g->cur.n);
	}
	g->cur.n = 0;
	g->begun = false;
}

static void add_quoted(struct growing *g, char c)
{
	if (g->how == SCRIPT_PATTERN && strchr("*?[]\\(", c))
		buf_addc(&g->cur, '\\');
	buf_addc(&g->cur, c);
	g->begun = true;
}

/* A byte that was not quoted: of a value, or of a word in ${X:-word}. */
static int add_bare(struct growing *g, char c)
{
	if (g->how == SCRIPT_FIELDS && strchr(g->separators, c)) {
		end_field(g);
		return 0;
	}
	if (g->how == SCRIPT_FIELDS && strchr("*?[", c))
		return script_more(g->run, "looks for files by a pattern");
	buf_addc(&g->cur, c);
	g->begun = true;
	return 0;
}

static int add_value(struct growing *g, const char *value, size_t n, bool quoted)
{
	if (charge(g, n) < 0)
		return -1;
	if (quoted)
		g->begun = true;
	for (size_t i = 0; i < n; i++) {
		if (quoted)
			add_quoted(g, value[i]);
		else if (add_bare(g, value[i]) < 0)
			return -1;
	}
	return 0;
}

/* ---- patterns ---- */

/* One that * and ? and backslashes are all of. */
int script_match(struct script_run *r, const char *pattern, const char *text, size_t n)
{
	const char *star = NULL, *end = text + n, *back = text;

	r->bytes += n + 1;
	if (r->bytes > SCRIPT_BYTES_MAX)
		return script_more(r, "makes too much text");
	while (text < end || *pattern) {
		bool escaped = *pattern == '\\' && pattern[1];

		if (!escaped && (*pattern == '[' || *pattern == '('))
			return script_more(r, "has a pattern with '%c'", *pattern);
		if (!escaped && *pattern == '*') {
			star = ++pattern;
			back = text;
			continue;
		}
		if (text < end && !escaped && *pattern == '?' && (*text & 0x80))
			return script_more(r, "counts characters that are not ASCII");
		if (text < end && *pattern && ((!escaped && *pattern == '?') || pattern[escaped] == *text)) {
			pattern += 1 + escaped;
			text++;
			continue;
		}
		if (!star || back == end)
			return 0;
		r->bytes++;
		text = ++back;
		pattern = star;
	}
	return 1;
}

/* ${X#pattern} and its kin: the part of value that stays. */
static int cut(struct growing *g, const char *value, struct str op, struct str word, struct str *ret)
{
	const char *pattern = script_expand_one(g->run, word, SCRIPT_PATTERN);
	size_t n = strlen(value);
	bool longest = op.n == 2, front = op.p[0] == '#';

	if (!pattern)
		return -1;
	*ret = (struct str){ value, n };
	for (size_t i = 0; i <= n; i++) {
		size_t len = longest ? n - i : i; /* of what would go */
		int got = script_match(g->run, pattern, front ? value : value + n - len, len);

		if (got < 0)
			return -1;
		if (got) {
			*ret = (struct str){ front ? value + len : value, n - len };
			return 0;
		}
	}
	return 0;
}

/* ---- $ ---- */

/* told: it matters whether there is one. */
static int value_of(struct growing *g, const char *name, bool told, const char **ret)
{
	const struct script_var *v = script_env_find(g->run->env, name);

	*ret = v ? v->value : NULL;
	if (!*ret && told && (script_is_foreign(name) || (!v && g->run->host->is_process)))
		return script_more(g->run, "reads $%s", name);
	return 0;
}

/* With set -u it matters even if nobody is told. */
static bool is_told(const struct growing *g)
{
	return !g->run->untold || g->run->nounset;
}

static int plain(struct growing *g, const char *name, const char *value, bool quoted)
{
	if (!value && g->run->nounset)
		return script_more(g->run, "reads $%s, which is not set", name);
	return add_value(g, value ? value : "", value ? strlen(value) : 0, quoted);
}

static int length_of(struct growing *g, const char *name, bool quoted)
{
	auto_buf text = { 0 };
	const char *value;

	if (value_of(g, name, true, &value) < 0)
		return -1;
	if (!value && g->run->nounset)
		return script_more(g->run, "reads $%s, which is not set", name);
	for (const char *c = value ? value : ""; *c; c++)
		if (*c & 0x80)
			return script_more(g->run, "counts characters that are not ASCII");
	buf_addf(&text, "%zu", value ? strlen(value) : 0);
	return add_value(g, text.p, text.n, quoted);
}

/* In double quotes, shells disagree on quotes in the word of ${X:-word}. */
static int expand_other(struct growing *g, struct str word, bool quoted)
{
	if (quoted && (memchr(word.p, '"', word.n) || memchr(word.p, '\'', word.n) || memchr(word.p, '\\', word.n)))
		return script_more(g->run, "has quotes in a default value in quotes");
	return expand_into(g, word, quoted, true);
}

static int assign_default(struct growing *g, const char *name, struct str word, bool quoted)
{
	const char *value;

	if (quoted && (memchr(word.p, '"', word.n) || memchr(word.p, '\'', word.n) || memchr(word.p, '\\', word.n)))
		return script_more(g->run, "has quotes in a default value in quotes");
	if (g->run->in_here)
		return script_more(g->run, "sets $%s in a here-document", name);
	value = script_expand_one(g->run, word, SCRIPT_WORD);
	if (!value || script_assign(g->run, name, value) < 0)
		return -1;
	return add_value(g, value, strlen(value), quoted);
}

/* Behind the name: "", ":-word", "#pattern", ... */
static int operate(struct growing *g, const char *name, struct str rest, bool quoted)
{
	bool colon = rest.n && rest.p[0] == ':';
	const char *value;
	struct str word, part;
	char op;
	bool there;

	if (value_of(g, name, rest.n || is_told(g), &value) < 0)
		return -1;
	if (!rest.n)
		return plain(g, name, value, quoted);
	word = (struct str){ rest.p + colon, rest.n - colon };
	op = word.n ? word.p[0] : '\0';
	if (!op || !strchr(colon ? "-=+?" : "-=+?#%", op))
		return script_more(g->run, "uses ${%s%.*s}", name, (int)(rest.n < 40 ? rest.n : 40), rest.p);
	if (op == '#' || op == '%') {
		size_t n = word.n > 1 && word.p[1] == op ? 2 : 1;

		if (!value)
			return plain(g, name, value, quoted);
		if (cut(g, value, (struct str){ word.p, n }, (struct str){ word.p + n, word.n - n }, &part) < 0)
			return -1;
		return add_value(g, part.p, part.n, quoted);
	}
	word = (struct str){ word.p + 1, word.n - 1 };
	there = value && (!colon || *value);
	if (op == '+')
		return there ? expand_other(g, word, quoted) : (g->begun = g->begun || quoted, 0);
	if (there)
		return add_value(g, value, strlen(value), quoted);
	if (op == '?')
		return script_more(g->run, "ends where $%s is not set", name);
	return op == '-' ? expand_other(g, word, quoted) : assign_default(g, name, word, quoted);
}

/* "${...}", with its braces. */
static int brace(struct growing *g, struct str s, bool quoted)
{
	struct str in = { s.p + 2, s.n - 3 };
	bool length = in.n > 1 && in.p[0] == '#';
	size_t n;
	const char *name;

	if (length)
		in = (struct str){ in.p + 1, in.n - 1 };
	n = script_name_length(in);
	if (!n || (length && n != in.n))
		return script_more(g->run, "uses %.*s", (int)(s.n < 40 ? s.n : 40), s.p);
	name = arena_strndup(g->run->arena, in.p, n);
	return length ? length_of(g, name, quoted) : operate(g, name, (struct str){ in.p + n, in.n - n }, quoted);
}

/* Of commands only the one is known whose answer is the same for every image. */
static int command(struct growing *g, struct str s, bool quoted)
{
	static const char *const known[] = { "$(uname)", "$(uname -s)", "`uname`", "`uname -s`" };

	for (size_t i = 0; i < COUNT(known); i++)
		if (str_eq(s, known[i]))
			return add_value(g, "Linux", 5, quoted);
	return script_more(g->run, "runs %.*s", (int)(s.n < 60 ? s.n : 60), s.p);
}

/* What begins with '$' or '`' at s.p; *used bytes of it. */
static int dollar(struct growing *g, struct str s, bool quoted, size_t *used)
{
	size_t n = s.n > 1 && s.p[0] == '$' ? script_name_length((struct str){ s.p + 1, s.n - 1 }) : 0;
	const char *name, *value;

	if (n) {
		name = arena_strndup(g->run->arena, s.p + 1, n);
		*used = n + 1;
		return value_of(g, name, is_told(g), &value) < 0 ? -1 : plain(g, name, value, quoted);
	}
	*used = script_skip(s);
	if (s.p[0] == '`' || (s.n > 1 && s.p[1] == '('))
		return command(g, (struct str){ s.p, *used }, quoted);
	if (s.n > 1 && s.p[1] == '{')
		return brace(g, (struct str){ s.p, *used }, quoted);
	if (s.n > 1 && (strchr("@*#?-$![0123456789", s.p[1]) || (!quoted && (s.p[1] == '\'' || s.p[1] == '"'))))
		return script_more(g->run, "uses $%c", s.p[1]);
	add_quoted(g, '$');
	return 0;
}

/* ---- words ---- */

static int expand_double(struct growing *g, struct str s)
{
	g->begun = true;
	return expand_into(g, (struct str){ s.p + 1, s.n - 2 }, true, false);
}

static int backslash(struct growing *g, struct str s, bool quoted)
{
	if (s.p[1] == '\n')
		return 0;
	if (quoted && !strchr("$`\"\\", s.p[1]))
		add_quoted(g, '\\');
	add_quoted(g, s.p[1]);
	return 0;
}

static int literal(struct growing *g, char c, bool first, char before, bool nested)
{
	if (c == '~' && (first || before == ':' || before == '='))
		return script_more(g->run, "uses ~");
	if (g->how == SCRIPT_FIELDS && (c == '{' || c == '}'))
		return script_more(g->run, "has braces in a word");
	if (nested || g->how == SCRIPT_FIELDS)
		return add_bare(g, c);
	buf_addc(&g->cur, c);
	g->begun = true;
	return 0;
}

/* nested: it is the word of ${X:-word}, whose white space splits where nothing quotes it. */
static int expand_into(struct growing *g, struct str word, bool quoted, bool nested)
{
	int rc = 0;

	if (++g->run->depth > SCRIPT_DEPTH_MAX) {
		g->run->depth--;
		return script_more(g->run, "is too deep");
	}
	if (charge(g, word.n) < 0)
		rc = -1;
	for (size_t i = 0; rc == 0 && i < word.n;) {
		struct str at = { word.p + i, word.n - i };
		size_t n = quoted && *at.p == '\'' ? 1 : script_skip(at);

		if (!n || n > at.n)
			rc = script_more(g->run, "has a quote or brace that does not end");
		else if (*at.p == '$' || *at.p == '`')
			rc = dollar(g, at, quoted, &n);
		else if (*at.p == '\\')
			rc = backslash(g, at, quoted);
		else if (quoted)
			add_quoted(g, *at.p);
		else if (*at.p == '\'')
			rc = add_value(g, at.p + 1, n - 2, true);
		else if (*at.p == '"')
			rc = expand_double(g, (struct str){ at.p, n });
		else
			rc = literal(g, *at.p, i == 0, i ? word.p[i - 1] : '\0', nested);
		i += n;
	}
	g->run->depth--;
	return rc;
}

/* Other separators than white space split in ways of their own. */
static int read_separators(struct script_run *r, char ret[4])
{
	const struct script_var *v = script_env_find(r->env, "IFS");
	const char *ifs = v && v->value ? v->value : " \t\n";

	if (strlen(ifs) > 3 || ifs[strspn(ifs, " \t\n")])
		return script_more(r, "sets IFS");
	memcpy(ret, ifs, strlen(ifs) + 1);
	return 0;
}

int script_expand(struct script_run *r, struct str word, enum script_split how, struct script_fields *ret)
{
	struct growing g = { .run = r, .how = how, .ret = ret };
	int rc = read_separators(r, g.separators);

	if (rc == 0)
		rc = expand_into(&g, word, false, false);
	if (rc == 0) {
		g.begun = g.begun || how != SCRIPT_FIELDS;
		end_field(&g);
	}
	buf_release(&g.cur);
	return rc;
}

const char *script_expand_one(struct script_run *r, struct str word, enum script_split how)
{
	struct script_fields f = { 0 };
	const char *ret = script_expand(r, word, how, &f) == 0 ? f.list[0] : NULL;

	free(f.list);
	return ret;
}
