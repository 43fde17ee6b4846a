#include "conda/script_token.h"

#include <string.h>

/* ---- tokens ---- */

size_t script_name_length(struct str s)
{
	size_t n = 0;

	while (n < s.n && (s.p[n] == '_' || (s.p[n] >= 'a' && s.p[n] <= 'z') || (s.p[n] >= 'A' && s.p[n] <= 'Z') ||
			   (n && s.p[n] >= '0' && s.p[n] <= '9')))
		n++;
	return n;
}

static size_t skip_depth(struct str s, unsigned depth);

/* Up to and with the byte that ends what was opened; i is behind its opening. */
static size_t skip_to(struct str s, size_t i, char open, char close, unsigned depth)
{
	unsigned level = 1;

	while (i < s.n) {
		size_t n;

		if (s.p[i] == close && --level == 0)
			return i + 1;
		if (s.p[i] == open && open != close)
			level++;
		if (s.p[i] == close || s.p[i] == open) {
			i++;
			continue;
		}
		n = skip_depth((struct str){ s.p + i, s.n - i }, depth);
		if (!n)
			return 0;
		i += n;
	}
	return 0;
}

static size_t skip_single(struct str s)
{
	const char *end = s.n > 1 ? memchr(s.p + 1, '\'', s.n - 1) : NULL;

	return end ? (size_t)(end - s.p) + 1 : 0;
}

static size_t skip_double(struct str s, unsigned depth)
{
	for (size_t i = 1; i < s.n;) {
		size_t n = 1;

		if (s.p[i] == '"')
			return i + 1;
		if (s.p[i] != '\'')
			n = skip_depth((struct str){ s.p + i, s.n - i }, depth);
		if (!n)
			return 0;
		i += n;
	}
	return 0;
}

static size_t skip_backquote(struct str s)
{
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] == '`')
			return i + 1;
		if (s.p[i] == '\\')
			i++;
	}
	return 0;
}

static size_t skip_depth(struct str s, unsigned depth)
{
	if (depth >= SCRIPT_DEPTH_MAX)
		return 0;
	switch (s.p[0]) {
	case '\\':
		return s.n > 1 ? 2 : 0;
	case '\'':
		return skip_single(s);
	case '"':
		return skip_double(s, depth + 1);
	case '`':
		return skip_backquote(s);
	case '$':
		if (s.n > 1 && s.p[1] == '{')
			return skip_to(s, 2, '}', '}', depth + 1);
		if (s.n > 1 && s.p[1] == '(')
			return skip_to(s, 2, '(', ')', depth + 1);
		return 1;
	default:
		return 1;
	}
}

size_t script_skip(struct str s)
{
	return s.n ? skip_depth(s, 0) : 0;
}

void script_fault(struct script_parser *p, unsigned line, const char *what)
{
	if (!p->fault) {
		p->fault = what;
		p->fault_line = line;
	}
	p->token = (struct script_token){ BAD, { 0 }, line };
}

static void take(struct script_parser *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p->line += p->rest.p[i] == '\n';
	p->rest.p += n;
	p->rest.n -= n;
}

static void skip_comment(struct script_parser *p)
{
	const char *end = memchr(p->rest.p, '\n', p->rest.n);

	take(p, end ? (size_t)(end - p->rest.p) : p->rest.n);
}

static void skip_blanks(struct script_parser *p)
{
	while (p->rest.n) {
		char c = p->rest.p[0];

		if (c == ' ' || c == '\t')
			take(p, 1);
		else if (c == '\\' && p->rest.n > 1 && p->rest.p[1] == '\n')
			take(p, 2);
		else if (c == '#')
			skip_comment(p);
		else
			return;
	}
}

bool script_is_number(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

/* ---- here-documents ---- */

/* Whether an unquoted line goes on in the next one. */
static bool goes_on(struct str line)
{
	size_t n = 0;

	while (n < line.n && line.p[line.n - 1 - n] == '\\')
		n++;
	return n % 2;
}

static bool is_delimiter(const struct script_pending *h, struct str line)
{
	while (h->strips && line.n && line.p[0] == '\t')
		line = (struct str){ line.p + 1, line.n - 1 };
	return line.n == h->delimiter.n && memcmp(line.p, h->delimiter.p, line.n) == 0;
}

static bool read_here(struct script_parser *p, const struct script_pending *h)
{
	const char *begin = p->rest.p;
	bool joined = false;

	while (p->rest.n) {
		const char *end = memchr(p->rest.p, '\n', p->rest.n);
		struct str line = { p->rest.p, end ? (size_t)(end - p->rest.p) : p->rest.n };

		if (!joined && is_delimiter(h, line)) {
			h->to->body = (struct str){ begin, (size_t)(line.p - begin) };
			take(p, line.n + (end != NULL));
			return true;
		}
		joined = !h->to->quoted && goes_on(line);
		take(p, line.n + (end != NULL));
	}
	return false;
}

/* Behind the end of a line. */
static void read_heres(struct script_parser *p)
{
	size_t n = p->n_pending;

	p->n_pending = 0;
	for (size_t i = 0; i < n; i++)
		if (!read_here(p, &p->pending[i])) {
			script_fault(p, p->line, "has a here-document that does not end");
			return;
		}
}

/* The delimiter without its quotes, where there are any. */
static struct str unquote(struct script_parser *p, struct str word, bool *quoted)
{
	char *ret = arena_strndup(p->arena, word.p, word.n);
	size_t n = 0;

	*quoted = false;
	for (size_t i = 0; i < word.n; i++) {
		bool quote = strchr("'\"\\", word.p[i]) != NULL;

		*quoted = *quoted || quote;
		if (!quote)
			ret[n++] = word.p[i];
	}
	return (struct str){ ret, n };
}

const struct script_here *script_begin_here(struct script_parser *p, bool strips)
{
	struct script_here *h = arena_alloc(p->arena, sizeof(*h));
	struct str word = p->token.text;

	if (p->n_pending == SCRIPT_HERE_MAX || memchr(word.p, '$', word.n) || memchr(word.p, '`', word.n)) {
		script_fault(p, p->token.line, "is not written as expected");
		return h;
	}
	p->pending[p->n_pending].to = h;
	p->pending[p->n_pending].strips = strips;
	p->pending[p->n_pending].delimiter = unquote(p, word, &h->quoted);
	p->n_pending++;
	return h;
}

/* ---- operators ---- */

/* Operators, the longest first where one begins another. */
static const struct {
	const char *text;
	enum script_token_type type;
} operators[] = {
	{ "&>>", REDIRECT }, { "<<<", BAD },	 { "<<-", REDIRECT }, { "<<", REDIRECT }, { "&&", AND_IF },
	{ "||", OR_IF },     { ";;&", BAD },	 { ";;", ARM_END },   { ";&", BAD },	  { "&>", REDIRECT },
	{ ">>", REDIRECT },  { ">&", REDIRECT }, { ">|", REDIRECT },  { ">", REDIRECT },  { "<", BAD },
	{ "&", BACKGROUND }, { "|&", PIPE },	 { "|", PIPE },	      { ";", SEMICOLON }, { "\n", NEWLINE },
	{ "(", OPEN },	     { ")", CLOSE },
};

static const char *what_is(const char *operator)
{
	if (operator[0] == '<')
		return operator[1] ? "reads from a here-string" : "reads from a file";
	return "is not written as expected";
}

static bool take_operator(struct script_parser *p)
{
	for (size_t i = 0; i < COUNT(operators); i++) {
		size_t n = strlen(operators[i].text);

		if (p->rest.n < n || memcmp(p->rest.p, operators[i].text, n) != 0)
			continue;
		p->token = (struct script_token){ operators[i].type, { p->rest.p, n }, p->line };
		if (operators[i].type == BAD)
			script_fault(p, p->line, what_is(operators[i].text));
		take(p, n);
		if (operators[i].type == NEWLINE)
			read_heres(p);
		return true;
	}
	return false;
}

void script_next_token(struct script_parser *p)
{
	struct str at;
	size_t n = 0;
	unsigned line;

	if (p->token.type == BAD)
		return;
	skip_blanks(p);
	at = p->rest;
	line = p->line;
	if (!at.n) {
		p->token = (struct script_token){ END, at, line };
		return;
	}
	if (take_operator(p))
		return;
	while (n < at.n && !strchr(" \t\n;&|()<>", at.p[n])) {
		size_t more = script_skip((struct str){ at.p + n, at.n - n });

		if (!more) {
			script_fault(p, line, "has a quote or brace that does not end");
			return;
		}
		n += more;
	}
	take(p, n);
	p->token = (struct script_token){ WORD, { at.p, n }, line };
	/* "2>" */
	if (script_is_number(p->token.text) && p->rest.n && p->rest.p[0] == '<')
		script_fault(p, line, "reads from a file");
	else if (script_is_number(p->token.text) && p->rest.n && p->rest.p[0] == '>')
		take_operator(p);
}

bool script_is_word(const struct script_parser *p, const char *text)
{
	return p->token.type == WORD && str_eq(p->token.text, text);
}

bool script_accept_word(struct script_parser *p, const char *text)
{
	if (!script_is_word(p, text))
		return false;
	script_next_token(p);
	return true;
}

void script_expect_word(struct script_parser *p, const char *text)
{
	if (!script_accept_word(p, text))
		script_fault(p, p->token.line, "is not written as expected");
}

void script_skip_newlines(struct script_parser *p)
{
	while (p->token.type == NEWLINE)
		script_next_token(p);
}
