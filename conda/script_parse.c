#include <stdio.h>
#include <string.h>

#include "conda/script_token.h"

/* Nodes while they are made. */
struct list {
	struct str *words;
	size_t n_words;
	struct script_redirect *redirects;
	size_t n_redirects;
};

static const struct script_node *parse_list(struct script_parser *p, bool needed);
static const struct script_node *parse_and_or(struct script_parser *p);

/* ---- nodes ---- */

static struct script_node *node(struct script_parser *p, enum script_node_type type, unsigned line)
{
	struct script_node *n = arena_alloc(p->arena, sizeof(*n));

	n->type = type;
	n->line = line;
	return n;
}

static struct script_node *more(struct script_parser *p, unsigned line, const char *what)
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

static void keep(struct script_parser *p, struct list *l, struct script_node *n)
{
	n->words = arena_dup(p->arena, l->words, l->n_words * sizeof(*l->words));
	n->n_words = l->n_words;
	n->redirects = arena_dup(p->arena, l->redirects, l->n_redirects * sizeof(*l->redirects));
	n->n_redirects = l->n_redirects;
	free(l->words);
	free(l->redirects);
	*l = (struct list){ 0 };
}

static void parse_redirect(struct script_parser *p, struct list *l)
{
	bool dup = str_eq(p->token.text, ">&"), strips = str_eq(p->token.text, "<<-");
	bool here = strips || str_eq(p->token.text, "<<");
	struct script_redirect r = { 0 };

	script_next_token(p);
	if (p->token.type != WORD) {
		script_fault(p, p->token.line, "is not written as expected");
		return;
	}
	r.target = p->token.text;
	r.is_number = dup && script_is_number(p->token.text);
	if (here)
		r.here = script_begin_here(p, strips);
	mem_grow(l->redirects, l->n_redirects);
	l->redirects[l->n_redirects++] = r;
	script_next_token(p);
}

static void parse_redirects(struct script_parser *p, struct list *l)
{
	while (p->token.type == REDIRECT)
		parse_redirect(p, l);
}

static const struct script_node *parse_function(struct script_parser *p, unsigned line)
{
	script_next_token(p);
	if (p->token.type != CLOSE) {
		script_fault(p, line, "is not written as expected");
		return NULL;
	}
	script_next_token(p);
	script_skip_newlines(p);
	/* Read to its end, and not kept: a script with functions is not evaluated once it defines one. */
	parse_and_or(p);
	return more(p, line, "defines a function");
}

static const struct script_node *parse_simple(struct script_parser *p)
{
	struct script_node *n = node(p, SCRIPT_SIMPLE, p->token.line);
	struct list l = { 0 };

	while (p->token.type == WORD || p->token.type == REDIRECT) {
		if (p->token.type == REDIRECT) {
			parse_redirect(p, &l);
			continue;
		}
		add_word(&l, p->token.text);
		script_next_token(p);
		if (l.n_words == 1 && !l.n_redirects && p->token.type == OPEN) {
			free(l.words);
			return parse_function(p, n->line);
		}
	}
	if (!l.n_words && !l.n_redirects)
		script_fault(p, p->token.line, "is not written as expected");
	keep(p, &l, n);
	return n;
}

/* [[ ... ]]: && binds closer than ||. */
static const struct script_node *parse_or_test(struct script_parser *p);

static const struct script_node *parse_one_test(struct script_parser *p)
{
	struct script_node *n = node(p, SCRIPT_TEST, p->token.line);
	const struct script_node *in;
	struct list l = { 0 };

	script_skip_newlines(p);
	if (++p->depth > SCRIPT_DEPTH_MAX) {
		script_fault(p, n->line, "is too deep");
	} else if (script_accept_word(p, "!")) {
		n->type = SCRIPT_NOT;
		n->first = parse_one_test(p);
	} else if (p->token.type == OPEN) {
		script_next_token(p);
		in = parse_or_test(p);
		if (p->token.type != CLOSE)
			script_fault(p, n->line, "is not written as expected");
		script_next_token(p);
		p->depth--;
		return in;
	} else {
		while (p->token.type == WORD && !script_is_word(p, "]]")) {
			add_word(&l, p->token.text);
			script_next_token(p);
		}
		/* bash takes what looks like an operator for one: [[ -n = x ]] is an error. */
		if (!l.n_words || (l.n_words > 2 && l.words[0].n == 2 && l.words[0].p[0] == '-'))
			script_fault(p, n->line, "is not written as expected");
		keep(p, &l, n);
	}
	p->depth--;
	return n;
}

static const struct script_node *parse_and_test(struct script_parser *p)
{
	const struct script_node *left = parse_one_test(p);

	for (script_skip_newlines(p); p->token.type == AND_IF; script_skip_newlines(p)) {
		struct script_node *n = node(p, SCRIPT_AND, p->token.line);

		script_next_token(p);
		n->first = left;
		n->other = parse_one_test(p);
		left = n;
	}
	return left;
}

static const struct script_node *parse_or_test(struct script_parser *p)
{
	const struct script_node *left = parse_and_test(p);

	for (script_skip_newlines(p); p->token.type == OR_IF; script_skip_newlines(p)) {
		struct script_node *n = node(p, SCRIPT_OR, p->token.line);

		script_next_token(p);
		n->first = left;
		n->other = parse_and_test(p);
		left = n;
	}
	return left;
}

/* Behind "if" or "elif". */
static const struct script_node *parse_if(struct script_parser *p)
{
	struct script_node *n = node(p, SCRIPT_IF, p->token.line);

	n->test = parse_list(p, true);
	script_expect_word(p, "then");
	n->first = parse_list(p, true);
	if (++p->depth > SCRIPT_DEPTH_MAX)
		script_fault(p, n->line, "is too deep");
	else if (script_accept_word(p, "elif"))
		n->other = parse_if(p);
	else {
		if (script_accept_word(p, "else"))
			n->other = parse_list(p, true);
		script_expect_word(p, "fi");
	}
	p->depth--;
	return n;
}

static const struct script_node *parse_loop(struct script_parser *p, bool until)
{
	struct script_node *n = node(p, SCRIPT_WHILE, p->token.line);

	n->test = parse_list(p, true);
	if (until) {
		struct script_node *negation = node(p, SCRIPT_NOT, n->line);

		negation->first = n->test;
		n->test = negation;
	}
	script_expect_word(p, "do");
	n->first = parse_list(p, true);
	script_expect_word(p, "done");
	return n;
}

static const struct script_node *parse_for(struct script_parser *p)
{
	struct script_node *n = node(p, SCRIPT_FOR, p->token.line);
	struct list l = { 0 };

	if (p->token.type != WORD || script_name_length(p->token.text) != p->token.text.n)
		script_fault(p, n->line, "is not written as expected");
	else
		add_word(&l, p->token.text);
	script_next_token(p);
	script_skip_newlines(p);
	script_expect_word(p, "in");
	for (; p->token.type == WORD; script_next_token(p))
		add_word(&l, p->token.text);
	if (p->token.type == SEMICOLON)
		script_next_token(p);
	script_skip_newlines(p);
	script_expect_word(p, "do");
	n->first = parse_list(p, true);
	script_expect_word(p, "done");
	keep(p, &l, n);
	return n;
}

static struct script_node *parse_arm(struct script_parser *p)
{
	struct script_node *n = node(p, SCRIPT_ARM, p->token.line);
	struct list l = { 0 };

	if (p->token.type == OPEN)
		script_next_token(p);
	while (p->token.type == WORD) {
		add_word(&l, p->token.text);
		script_next_token(p);
		if (p->token.type != PIPE || !str_eq(p->token.text, "|"))
			break;
		script_next_token(p);
	}
	if (p->token.type != CLOSE || !l.n_words)
		script_fault(p, n->line, "is not written as expected");
	script_next_token(p);
	n->first = parse_list(p, false);
	if (p->token.type == ARM_END)
		script_next_token(p);
	else if (!script_is_word(p, "esac"))
		script_fault(p, p->token.line, "is not written as expected");
	script_skip_newlines(p);
	keep(p, &l, n);
	return n;
}

static const struct script_node *parse_case(struct script_parser *p)
{
	struct script_node *n = node(p, SCRIPT_CASE, p->token.line);
	const struct script_node **at = &n->other;
	struct list l = { 0 };

	if (p->token.type == WORD)
		add_word(&l, p->token.text);
	else
		script_fault(p, n->line, "is not written as expected");
	script_next_token(p);
	script_skip_newlines(p);
	script_expect_word(p, "in");
	script_skip_newlines(p);
	while (!p->fault && !script_is_word(p, "esac")) {
		struct script_node *arm = parse_arm(p);

		*at = arm;
		at = &arm->next;
	}
	script_expect_word(p, "esac");
	keep(p, &l, n);
	return n;
}

static const struct script_node *parse_subshell(struct script_parser *p)
{
	unsigned line = p->token.line;

	script_next_token(p);
	parse_list(p, true);
	if (p->token.type != CLOSE)
		script_fault(p, line, "is not written as expected");
	script_next_token(p);
	return more(p, line, "runs a part in a shell of its own");
}

static const struct script_node *parse_group(struct script_parser *p)
{
	const struct script_node *n = parse_list(p, true);

	script_expect_word(p, "}");
	return n;
}

static const struct script_node *parse_double_bracket(struct script_parser *p)
{
	const struct script_node *n = parse_or_test(p);

	script_expect_word(p, "]]");
	return n;
}

/* NULL: it is no compound command. */
static const struct script_node *parse_compound(struct script_parser *p)
{
	if (p->token.type == OPEN)
		return parse_subshell(p);
	if (script_accept_word(p, "if"))
		return parse_if(p);
	if (script_accept_word(p, "while"))
		return parse_loop(p, false);
	if (script_accept_word(p, "until"))
		return parse_loop(p, true);
	if (script_accept_word(p, "for"))
		return parse_for(p);
	if (script_accept_word(p, "case"))
		return parse_case(p);
	if (script_accept_word(p, "{"))
		return parse_group(p);
	if (script_accept_word(p, "[["))
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

static const struct script_node *parse_command(struct script_parser *p)
{
	unsigned line = p->token.line;
	const struct script_node *n = NULL;
	struct script_node *outer;
	struct list l = { 0 };

	if (++p->depth > SCRIPT_DEPTH_MAX)
		script_fault(p, line, "is too deep");
	if (p->token.type == WORD && is_reserved(p->token.text))
		script_fault(p, line, "is not written as expected");
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

static const struct script_node *parse_pipeline(struct script_parser *p)
{
	struct script_node *negation = NULL;
	const struct script_node *n;
	unsigned line = p->token.line;

	if (script_accept_word(p, "!"))
		negation = node(p, SCRIPT_NOT, line);
	n = parse_command(p);
	while (p->token.type == PIPE) {
		script_next_token(p);
		script_skip_newlines(p);
		parse_command(p);
		n = more(p, line, "runs a pipe");
	}
	if (!negation)
		return n;
	negation->first = n;
	return negation;
}

static const struct script_node *parse_and_or(struct script_parser *p)
{
	const struct script_node *left = parse_pipeline(p);

	while (p->token.type == AND_IF || p->token.type == OR_IF) {
		struct script_node *n = node(p, p->token.type == AND_IF ? SCRIPT_AND : SCRIPT_OR, p->token.line);

		script_next_token(p);
		script_skip_newlines(p);
		n->first = left;
		n->other = parse_pipeline(p);
		left = n;
	}
	return left;
}

static bool ends_list(const struct script_parser *p)
{
	static const char *const words[] = { "then", "elif", "else", "fi", "do", "done", "esac", "}" };

	if (p->token.type == END || p->token.type == CLOSE || p->token.type == ARM_END || p->token.type == BAD)
		return true;
	for (size_t i = 0; i < COUNT(words); i++)
		if (script_is_word(p, words[i]))
			return true;
	return false;
}

static const struct script_node *parse_list(struct script_parser *p, bool needed)
{
	struct script_node *n = node(p, SCRIPT_LIST, p->token.line);
	const struct script_node **at = &n->first;

	for (script_skip_newlines(p); !ends_list(p); script_skip_newlines(p)) {
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
			script_next_token(p);
		else if (p->token.type != NEWLINE)
			break;
	}
	if (needed && !n->first)
		script_fault(p, p->token.line, "is not written as expected");
	return n;
}

const struct script_node *script_parse(struct arena *a, struct str text, struct err *err)
{
	struct script_parser p = { .arena = a, .rest = text, .line = 1, .token = { .type = END } };
	const struct script_node *n;

	if (text.n > SCRIPT_MAX) {
		err_set(err, ERR_FORMAT, "is larger than %zu bytes", SCRIPT_MAX);
		return NULL;
	}
	if (memchr(text.p, '\0', text.n)) {
		err_set(err, ERR_FORMAT, "has a NUL byte");
		return NULL;
	}
	script_next_token(&p);
	n = parse_list(&p, false);
	if (!p.fault && p.token.type != END)
		script_fault(&p, p.token.line, "is not written as expected");
	if (!p.fault && p.n_pending)
		script_fault(&p, p.line, "has a here-document that does not end");
	if (!p.fault)
		return n;
	err_set(err, ERR_FORMAT, "line %u: %s", p.fault_line, p.fault);
	return NULL;
}
