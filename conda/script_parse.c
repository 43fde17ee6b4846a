#include <stdio.h>
#include <string.h>

#include "conda/script_impl.h"

enum token_type { WORD, NEWLINE, SEMICOLON, ARM_END, AND_IF, OR_IF, PIPE, BACKGROUND, OPEN, CLOSE, REDIRECT, END, BAD };

struct token {
	enum token_type type;
	struct str text;
	unsigned line;
};

struct parser {
	struct arena *arena;
	struct str rest;
	unsigned line;
	struct token token; /* the one that comes next */
	unsigned depth;
	const char *fault; /* or NULL */
	unsigned fault_line;
};

/* Nodes while they are made. */
struct list {
	struct str *words;
	size_t n_words;
	struct script_redirect *redirects;
	size_t n_redirects;
};

static const struct script_node *parse_list(struct parser *p, bool needed);
static const struct script_node *parse_and_or(struct parser *p);

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

static void fault(struct parser *p, unsigned line, const char *what)
{
	if (!p->fault) {
		p->fault = what;
		p->fault_line = line;
	}
	p->token = (struct token){ BAD, { 0 }, line };
}

static void take(struct parser *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p->line += p->rest.p[i] == '\n';
	p->rest.p += n;
	p->rest.n -= n;
}

static void skip_comment(struct parser *p)
{
	const char *end = memchr(p->rest.p, '\n', p->rest.n);

	take(p, end ? (size_t)(end - p->rest.p) : p->rest.n);
}

static void skip_blanks(struct parser *p)
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

static bool is_number(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

/* Operators, the longest first where one begins another. */
static const struct {
	const char *text;
	enum token_type type;
} operators[] = {
	{ "&>>", REDIRECT }, { "<<<", BAD },	 { "&&", AND_IF },   { "||", OR_IF },	  { ";;&", BAD },
	{ ";;", ARM_END },   { ";&", BAD },	 { "&>", REDIRECT }, { ">>", REDIRECT },  { ">&", REDIRECT },
	{ ">|", REDIRECT },  { ">", REDIRECT },	 { "<", BAD },	     { "&", BACKGROUND }, { "|&", PIPE },
	{ "|", PIPE },	     { ";", SEMICOLON }, { "\n", NEWLINE },  { "(", OPEN },	  { ")", CLOSE },
};

static bool take_operator(struct parser *p)
{
	for (size_t i = 0; i < COUNT(operators); i++) {
		size_t n = strlen(operators[i].text);

		if (p->rest.n < n || memcmp(p->rest.p, operators[i].text, n) != 0)
			continue;
		p->token = (struct token){ operators[i].type, { p->rest.p, n }, p->line };
		if (operators[i].type == BAD)
			fault(p, p->line, "reads from a file or has a here-document");
		take(p, n);
		return true;
	}
	return false;
}

static void next_token(struct parser *p)
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
		p->token = (struct token){ END, at, line };
		return;
	}
	if (take_operator(p))
		return;
	while (n < at.n && !strchr(" \t\n;&|()<>", at.p[n])) {
		size_t more = script_skip((struct str){ at.p + n, at.n - n });

		if (!more) {
			fault(p, line, "has a quote or brace that does not end");
			return;
		}
		n += more;
	}
	take(p, n);
	p->token = (struct token){ WORD, { at.p, n }, line };
	/* "2>" */
	if (is_number(p->token.text) && p->rest.n && (p->rest.p[0] == '>' || p->rest.p[0] == '<'))
		take_operator(p);
}

static bool is_word(const struct parser *p, const char *text)
{
	return p->token.type == WORD && str_eq(p->token.text, text);
}

static bool accept_word(struct parser *p, const char *text)
{
	if (!is_word(p, text))
		return false;
	next_token(p);
	return true;
}

static void expect_word(struct parser *p, const char *text)
{
	if (!accept_word(p, text))
		fault(p, p->token.line, "is not written as expected");
}

static void skip_newlines(struct parser *p)
{
	while (p->token.type == NEWLINE)
		next_token(p);
}

/* ---- nodes ---- */

static struct script_node *node(struct parser *p, enum script_node_type type, unsigned line)
{
	struct script_node *n = arena_alloc(p->arena, sizeof(*n));

	n->type = type;
	n->line = line;
	return n;
}

static struct script_node *more(struct parser *p, unsigned line, const char *what)
{
	struct script_node *n = node(p, SCRIPT_MORE, line);

	n->more = what;
	return n;
}

static void add_word(struct list *l, struct str word)
{
	mem_grow(l->words, l->n_words);
	l->words[l->n_words++] = word;
}

static void keep(struct parser *p, struct list *l, struct script_node *n)
{
	n->words = arena_dup(p->arena, l->words, l->n_words * sizeof(*l->words));
	n->n_words = l->n_words;
	n->redirects = arena_dup(p->arena, l->redirects, l->n_redirects * sizeof(*l->redirects));
	n->n_redirects = l->n_redirects;
	free(l->words);
	free(l->redirects);
	*l = (struct list){ 0 };
}

static void parse_redirect(struct parser *p, struct list *l)
{
	bool dup = str_eq(p->token.text, ">&");

	next_token(p);
	if (p->token.type != WORD) {
		fault(p, p->token.line, "is not written as expected");
		return;
	}
	mem_grow(l->redirects, l->n_redirects);
	l->redirects[l->n_redirects++] = (struct script_redirect){ p->token.text, dup && is_number(p->token.text) };
	next_token(p);
}

static void parse_redirects(struct parser *p, struct list *l)
{
	while (p->token.type == REDIRECT)
		parse_redirect(p, l);
}

static const struct script_node *parse_function(struct parser *p, unsigned line)
{
	next_token(p);
	if (p->token.type != CLOSE) {
		fault(p, line, "is not written as expected");
		return NULL;
	}
	next_token(p);
	skip_newlines(p);
	/* Read to its end, and not kept: a script with functions is not evaluated once it defines one. */
	parse_and_or(p);
	return more(p, line, "defines a function");
}

static const struct script_node *parse_simple(struct parser *p)
{
	struct script_node *n = node(p, SCRIPT_SIMPLE, p->token.line);
	struct list l = { 0 };

	while (p->token.type == WORD || p->token.type == REDIRECT) {
		if (p->token.type == REDIRECT) {
			parse_redirect(p, &l);
			continue;
		}
		add_word(&l, p->token.text);
		next_token(p);
		if (l.n_words == 1 && !l.n_redirects && p->token.type == OPEN) {
			free(l.words);
			return parse_function(p, n->line);
		}
	}
	if (!l.n_words && !l.n_redirects)
		fault(p, p->token.line, "is not written as expected");
	keep(p, &l, n);
	return n;
}

/* [[ ... ]]: && binds closer than ||. */
static const struct script_node *parse_or_test(struct parser *p);

static const struct script_node *parse_one_test(struct parser *p)
{
	struct script_node *n = node(p, SCRIPT_TEST, p->token.line);
	const struct script_node *in;
	struct list l = { 0 };

	skip_newlines(p);
	if (++p->depth > SCRIPT_DEPTH_MAX) {
		fault(p, n->line, "is too deep");
	} else if (accept_word(p, "!")) {
		n->type = SCRIPT_NOT;
		n->first = parse_one_test(p);
	} else if (p->token.type == OPEN) {
		next_token(p);
		in = parse_or_test(p);
		if (p->token.type != CLOSE)
			fault(p, n->line, "is not written as expected");
		next_token(p);
		p->depth--;
		return in;
	} else {
		while (p->token.type == WORD && !is_word(p, "]]")) {
			add_word(&l, p->token.text);
			next_token(p);
		}
		/* bash takes what looks like an operator for one: [[ -n = x ]] is an error. */
		if (!l.n_words || (l.n_words > 2 && l.words[0].n == 2 && l.words[0].p[0] == '-'))
			fault(p, n->line, "is not written as expected");
		keep(p, &l, n);
	}
	p->depth--;
	return n;
}

static const struct script_node *parse_and_test(struct parser *p)
{
	const struct script_node *left = parse_one_test(p);

	for (skip_newlines(p); p->token.type == AND_IF; skip_newlines(p)) {
		struct script_node *n = node(p, SCRIPT_AND, p->token.line);

		next_token(p);
		n->first = left;
		n->other = parse_one_test(p);
		left = n;
	}
	return left;
}

static const struct script_node *parse_or_test(struct parser *p)
{
	const struct script_node *left = parse_and_test(p);

	for (skip_newlines(p); p->token.type == OR_IF; skip_newlines(p)) {
		struct script_node *n = node(p, SCRIPT_OR, p->token.line);

		next_token(p);
		n->first = left;
		n->other = parse_and_test(p);
		left = n;
	}
	return left;
}

/* Behind "if" or "elif". */
static const struct script_node *parse_if(struct parser *p)
{
	struct script_node *n = node(p, SCRIPT_IF, p->token.line);

	n->test = parse_list(p, true);
	expect_word(p, "then");
	n->first = parse_list(p, true);
	if (++p->depth > SCRIPT_DEPTH_MAX)
		fault(p, n->line, "is too deep");
	else if (accept_word(p, "elif"))
		n->other = parse_if(p);
	else {
		if (accept_word(p, "else"))
			n->other = parse_list(p, true);
		expect_word(p, "fi");
	}
	p->depth--;
	return n;
}

static const struct script_node *parse_loop(struct parser *p, bool until)
{
	struct script_node *n = node(p, SCRIPT_WHILE, p->token.line);

	n->test = parse_list(p, true);
	if (until) {
		struct script_node *negation = node(p, SCRIPT_NOT, n->line);

		negation->first = n->test;
		n->test = negation;
	}
	expect_word(p, "do");
	n->first = parse_list(p, true);
	expect_word(p, "done");
	return n;
}

static const struct script_node *parse_for(struct parser *p)
{
	struct script_node *n = node(p, SCRIPT_FOR, p->token.line);
	struct list l = { 0 };

	if (p->token.type != WORD || script_name_length(p->token.text) != p->token.text.n)
		fault(p, n->line, "is not written as expected");
	else
		add_word(&l, p->token.text);
	next_token(p);
	skip_newlines(p);
	expect_word(p, "in");
	for (; p->token.type == WORD; next_token(p))
		add_word(&l, p->token.text);
	if (p->token.type == SEMICOLON)
		next_token(p);
	skip_newlines(p);
	expect_word(p, "do");
	n->first = parse_list(p, true);
	expect_word(p, "done");
	keep(p, &l, n);
	return n;
}

static struct script_node *parse_arm(struct parser *p)
{
	struct script_node *n = node(p, SCRIPT_ARM, p->token.line);
	struct list l = { 0 };

	if (p->token.type == OPEN)
		next_token(p);
	while (p->token.type == WORD) {
		add_word(&l, p->token.text);
		next_token(p);
		if (p->token.type != PIPE || !str_eq(p->token.text, "|"))
			break;
		next_token(p);
	}
	if (p->token.type != CLOSE || !l.n_words)
		fault(p, n->line, "is not written as expected");
	next_token(p);
	n->first = parse_list(p, false);
	if (p->token.type == ARM_END)
		next_token(p);
	else if (!is_word(p, "esac"))
		fault(p, p->token.line, "is not written as expected");
	skip_newlines(p);
	keep(p, &l, n);
	return n;
}

static const struct script_node *parse_case(struct parser *p)
{
	struct script_node *n = node(p, SCRIPT_CASE, p->token.line);
	const struct script_node **at = &n->other;
	struct list l = { 0 };

	if (p->token.type == WORD)
		add_word(&l, p->token.text);
	else
		fault(p, n->line, "is not written as expected");
	next_token(p);
	skip_newlines(p);
	expect_word(p, "in");
	skip_newlines(p);
	while (!p->fault && !is_word(p, "esac")) {
		struct script_node *arm = parse_arm(p);

		*at = arm;
		at = &arm->next;
	}
	expect_word(p, "esac");
	keep(p, &l, n);
	return n;
}

static const struct script_node *parse_subshell(struct parser *p)
{
	unsigned line = p->token.line;

	next_token(p);
	parse_list(p, true);
	if (p->token.type != CLOSE)
		fault(p, line, "is not written as expected");
	next_token(p);
	return more(p, line, "runs a part in a shell of its own");
}

static const struct script_node *parse_group(struct parser *p)
{
	const struct script_node *n = parse_list(p, true);

	expect_word(p, "}");
	return n;
}

static const struct script_node *parse_double_bracket(struct parser *p)
{
	const struct script_node *n = parse_or_test(p);

	expect_word(p, "]]");
	return n;
}

/* NULL: it is no compound command. */
static const struct script_node *parse_compound(struct parser *p)
{
	if (p->token.type == OPEN)
		return parse_subshell(p);
	if (accept_word(p, "if"))
		return parse_if(p);
	if (accept_word(p, "while"))
		return parse_loop(p, false);
	if (accept_word(p, "until"))
		return parse_loop(p, true);
	if (accept_word(p, "for"))
		return parse_for(p);
	if (accept_word(p, "case"))
		return parse_case(p);
	if (accept_word(p, "{"))
		return parse_group(p);
	if (accept_word(p, "[["))
		return parse_double_bracket(p);
	return NULL;
}

static bool is_reserved(struct str word)
{
	static const char *const words[] = { "then", "elif", "else", "fi",	 "do",	   "done", "esac",
					     "in",   "}",    "]]",   "function", "select", "time", "coproc" };

	for (size_t i = 0; i < COUNT(words); i++)
		if (str_eq(word, words[i]))
			return true;
	return false;
}

static const struct script_node *parse_command(struct parser *p)
{
	unsigned line = p->token.line;
	const struct script_node *n = NULL;
	struct script_node *outer;
	struct list l = { 0 };

	if (++p->depth > SCRIPT_DEPTH_MAX)
		fault(p, line, "is too deep");
	if (p->token.type == WORD && is_reserved(p->token.text))
		fault(p, line, "is not written as expected");
	if (!p->fault)
		n = parse_compound(p);
	if (!n && !p->fault) {
		n = parse_simple(p);
	} else if (p->token.type == REDIRECT) {
		/* { ... } >FILE */
		parse_redirects(p, &l);
		outer = node(p, SCRIPT_REDIRECTED, line);
		outer->first = n;
		keep(p, &l, outer);
		n = outer;
	}
	p->depth--;
	return n;
}

static const struct script_node *parse_pipeline(struct parser *p)
{
	struct script_node *negation = NULL;
	const struct script_node *n;
	unsigned line = p->token.line;

	if (accept_word(p, "!"))
		negation = node(p, SCRIPT_NOT, line);
	n = parse_command(p);
	while (p->token.type == PIPE) {
		next_token(p);
		skip_newlines(p);
		parse_command(p);
		n = more(p, line, "runs a pipe");
	}
	if (!negation)
		return n;
	negation->first = n;
	return negation;
}

static const struct script_node *parse_and_or(struct parser *p)
{
	const struct script_node *left = parse_pipeline(p);

	while (p->token.type == AND_IF || p->token.type == OR_IF) {
		struct script_node *n = node(p, p->token.type == AND_IF ? SCRIPT_AND : SCRIPT_OR, p->token.line);

		next_token(p);
		skip_newlines(p);
		n->first = left;
		n->other = parse_pipeline(p);
		left = n;
	}
	return left;
}

static bool ends_list(const struct parser *p)
{
	static const char *const words[] = { "then", "elif", "else", "fi", "do", "done", "esac", "}" };

	if (p->token.type == END || p->token.type == CLOSE || p->token.type == ARM_END || p->token.type == BAD)
		return true;
	for (size_t i = 0; i < COUNT(words); i++)
		if (is_word(p, words[i]))
			return true;
	return false;
}

static const struct script_node *parse_list(struct parser *p, bool needed)
{
	struct script_node *n = node(p, SCRIPT_LIST, p->token.line);
	const struct script_node **at = &n->first;

	for (skip_newlines(p); !ends_list(p); skip_newlines(p)) {
		const struct script_node *command = parse_and_or(p);
		struct script_node *item = node(p, SCRIPT_ITEM, p->token.line);

		if (p->fault)
			return n;
		if (p->token.type == BACKGROUND)
			command = more(p, p->token.line, "runs something in the background");
		item->first = command;
		*at = item;
		at = &item->next;
		if (p->token.type == SEMICOLON || p->token.type == BACKGROUND)
			next_token(p);
		else if (p->token.type != NEWLINE)
			break;
	}
	if (needed && !n->first)
		fault(p, p->token.line, "is not written as expected");
	return n;
}

const struct script_node *script_parse(struct arena *a, struct str text, struct err *err)
{
	struct parser p = { .arena = a, .rest = text, .line = 1, .token = { .type = END } };
	const struct script_node *n;

	if (text.n > SCRIPT_MAX) {
		err_set(err, ERR_FORMAT, "is larger than %zu bytes", SCRIPT_MAX);
		return NULL;
	}
	if (memchr(text.p, '\0', text.n)) {
		err_set(err, ERR_FORMAT, "has a NUL byte");
		return NULL;
	}
	next_token(&p);
	n = parse_list(&p, false);
	if (!p.fault && p.token.type != END)
		fault(&p, p.token.line, "is not written as expected");
	if (!p.fault)
		return n;
	err_set(err, ERR_FORMAT, "line %u: %s", p.fault_line, p.fault);
	return NULL;
}
