#include "conda/script.h"

#include <string.h>

#include "conda/script_impl.h"

static int run(struct script_run *r, const struct script_node *n);

/* ---- commands: their status, or -1 ---- */

static int run_test(struct script_run *r, const struct script_fields *f)
{
	size_t n = f->n - 1;
	int got;

	if (strcmp(f->list[0], "[") == 0 && (!n || strcmp(f->list[n--], "]") != 0))
		return script_more(r, "is not written as expected");
	got = script_test_args(r, f->list + 1, n);
	return got < 0 ? -1 : !got;
}

static int run_unset(struct script_run *r, const struct script_fields *f)
{
	for (size_t i = 1; i < f->n; i++) {
		struct script_var *v = script_env_find(r->env, f->list[i]);

		if (i == 1 && strcmp(f->list[i], "-v") == 0)
			continue;
		if (script_name_length(str_of(f->list[i])) != strlen(f->list[i]) || !*f->list[i])
			return script_more(r, "unsets '%.100s'", f->list[i]);
		if (script_is_magic(f->list[i]) || strcmp(f->list[i], "IFS") == 0)
			return script_more(r, "unsets $%s", f->list[i]);
		if (v) {
			v->value = NULL;
			v->exported = false;
		} else if (script_is_foreign(f->list[i])) {
			return script_more(r, "unsets $%s", f->list[i]);
		}
	}
	return 0;
}

static int run_echo(struct script_run *r, const struct script_fields *f)
{
	if (strcmp(f->list[0], "printf") == 0 && (f->n < 2 || f->list[1][0] == '-'))
		return script_more(r, "uses an option of printf");
	return 0;
}

static int run_leave(struct script_run *r, const struct script_fields *f)
{
	static const char *const numbers[] = { "0", "1", "2" };

	if (strcmp(f->list[0], "exit") == 0 && !r->host->is_process)
		return script_more(r, "ends the shell");
	if (strcmp(f->list[0], "return") == 0 && r->host->is_process)
		return script_more(r, "returns from what is no function");
	r->leaving = true;
	for (size_t i = 0; f->n == 2 && i < COUNT(numbers); i++)
		if (strcmp(f->list[1], numbers[i]) == 0)
			return (int)i;
	return f->n == 1 ? 0 : script_more(r, "leaves with another status");
}

static int run_set(struct script_run *r, const struct script_fields *f)
{
	for (size_t i = 1; i < f->n; i++) {
		const char *arg = f->list[i];
		bool on = arg[0] == '-';

		if ((!on && arg[0] != '+') || !arg[1] || arg[1 + strspn(arg + 1, "eu")])
			return script_more(r, "uses set %.100s", arg);
		if (strchr(arg, 'e'))
			r->errexit = on;
		if (strchr(arg, 'u'))
			r->nounset = on;
	}
	return f->n > 1 ? 0 : script_more(r, "lists all variables");
}

static int run_true(struct script_run *r, const struct script_fields *f)
{
	(void)r;
	return strcmp(f->list[0], "false") == 0;
}

static const struct {
	const char *name;
	int (*run)(struct script_run *r, const struct script_fields *f);
} builtins[] = {
	{ ":", run_true },	 { "true", run_true },	 { "false", run_true }, { "test", run_test },
	{ "[", run_test },	 { "unset", run_unset }, { "echo", run_echo },	{ "printf", run_echo },
	{ "return", run_leave }, { "exit", run_leave },	 { "set", run_set },
};

/* NAME=word: how many bytes are in front of the word; 0 where it is none. */
static size_t assignment(struct str word)
{
	size_t n = script_name_length(word);

	return n && n < word.n && word.p[n] == '=' ? n + 1 : 0;
}

static int assign(struct script_run *r, struct str word)
{
	size_t n = assignment(word);
	const char *name = arena_strndup(r->arena, word.p, n - 1);
	const char *value = script_expand_one(r, (struct str){ word.p + n, word.n - n }, SCRIPT_WORD);

	return value ? script_assign(r, name, value) : -1;
}

/* "NAME" or "NAME=value", after it was expanded. */
static int export_text(struct script_run *r, const char *text)
{
	size_t n = script_name_length(str_of(text));
	const char *name = arena_strndup(r->arena, text, n);

	if (!n || (text[n] && text[n] != '='))
		return script_more(r, "exports '%.100s'", text);
	if (text[n] && script_assign(r, name, text + n + 1) < 0)
		return -1;
	if (!text[n] && script_is_magic(name))
		return script_more(r, "exports $%s", name);
	if (!text[n] && !script_env_get(r->env, name) && script_is_foreign(name))
		return script_more(r, "exports $%s", name);
	script_env_add(r->env, name)->exported = true;
	return 0;
}

/* bash takes what stands behind export for words, too: {a,b} is two of them. */
static bool has_braces(struct str word)
{
	for (size_t i = 0, n; i < word.n; i += n) {
		if (word.p[i] == '{' || word.p[i] == '}')
			return true;
		n = script_skip((struct str){ word.p + i, word.n - i });
		if (!n)
			return true;
	}
	return false;
}

/* All words are expanded before the first of them is exported, as bash does. */
static int run_export(struct script_run *r, const struct str *words, size_t n)
{
	struct script_fields f = { 0 };
	int rc = n > 1 ? 0 : script_more(r, "lists all variables");

	for (size_t i = 1; rc == 0 && i < n; i++) {
		size_t skip = assignment(words[i]);
		const char *value;

		if (!skip) {
			rc = script_expand(r, words[i], SCRIPT_FIELDS, &f);
			continue;
		}
		if (has_braces(words[i])) {
			rc = script_more(r, "has braces in a word");
			continue;
		}
		value = script_expand_one(r, (struct str){ words[i].p + skip, words[i].n - skip }, SCRIPT_WORD);
		rc = value ? 0 : -1;
		mem_grow(f.list, f.n);
		f.list[f.n++] = arena_printf(r->arena, "%.*s%s", (int)skip, words[i].p, value ? value : "");
	}
	for (size_t k = 0; rc == 0 && k < f.n; k++)
		rc = export_text(r, f.list[k]);
	free(f.list);
	return rc;
}

/* As a word in double quotes, but that quotes are nothing special in it. False: it does not end. */
static bool quote_here(struct str body, struct buf *ret)
{
	buf_addc(ret, '"');
	for (size_t i = 0, n; i < body.n; i += n) {
		struct str at = { body.p + i, body.n - i };
		bool special = *at.p == '$' || *at.p == '`' || (*at.p == '\\' && at.n > 1);

		n = special ? script_skip(at) : 1;
		if (!n)
			return false;
		if (*at.p == '"' || (*at.p == '\\' && n == 1))
			buf_addc(ret, '\\');
		buf_add(ret, at.p, n);
	}
	buf_addc(ret, '"');
	return true;
}

/* Nobody is told what it says, so what counts is that nothing is run for it. */
static int check_here(struct script_run *r, const struct script_here *h)
{
	bool untold = r->untold;
	auto_buf word = { 0 };
	int rc = 0;

	if (h->quoted)
		return 0;
	if (!quote_here(h->body, &word))
		return script_more(r, "has a quote or brace that does not end");
	r->untold = r->in_here = true;
	if (!script_expand_one(r, (struct str){ word.p, word.n }, SCRIPT_WORD))
		rc = -1;
	r->untold = untold;
	r->in_here = false;
	return rc;
}

static int check_redirects(struct script_run *r, const struct script_node *n)
{
	for (size_t i = 0; i < n->n_redirects; i++) {
		const char *to;

		if (n->redirects[i].is_number)
			continue;
		if (n->redirects[i].here) {
			if (check_here(r, n->redirects[i].here) < 0)
				return -1;
			continue;
		}
		to = script_expand_one(r, n->redirects[i].target, SCRIPT_WORD);
		if (!to)
			return -1;
		if (strcmp(to, "/dev/null") != 0 && (!r->host->messages || strcmp(to, r->host->messages) != 0))
			return script_more(r, "writes to '%.100s'", to);
	}
	return 0;
}

/* Something that is no builtin. */
static int run_other(struct script_run *r, struct str word)
{
	struct err unknown = ERR_INIT;
	struct script_run quiet = *r;
	const char *name;

	quiet.err = &unknown;
	name = script_expand_one(&quiet, word, SCRIPT_WORD);
	if (name)
		return script_more(r, "runs '%.100s'", name);
	return script_more(r, "runs '%.*s'", (int)(word.n < 100 ? word.n : 100), word.p);
}

/* The one command that passes a here-document on: to a place that check_redirects() saw. */
static bool is_cat(const struct script_node *n)
{
	bool here = false;

	for (size_t i = 0; i < n->n_redirects; i++)
		here = here || n->redirects[i].here;
	return here && str_eq(n->words[0], "cat") && (n->n_words == 1 || (n->n_words == 2 && str_eq(n->words[1], "-")));
}

/* What is said with them is told nobody; the first of printf decides what it does. */
static bool is_untold(const char *name, size_t i)
{
	return strcmp(name, "echo") == 0 || (strcmp(name, "printf") == 0 && i > 1);
}

static int run_command(struct script_run *r, const struct script_node *n)
{
	struct script_fields f = { 0 };
	size_t k = 0;
	int rc = 0;

	if (is_cat(n))
		return 0;
	while (k < COUNT(builtins) && !str_eq(n->words[0], builtins[k].name))
		k++;
	if (k == COUNT(builtins))
		return run_other(r, n->words[0]);
	mem_grow(f.list, f.n);
	f.list[f.n++] = builtins[k].name;
	for (size_t i = 1; rc == 0 && i < n->n_words; i++) {
		r->untold = is_untold(builtins[k].name, i);
		rc = script_expand(r, n->words[i], SCRIPT_FIELDS, &f);
	}
	r->untold = false;
	if (rc == 0)
		rc = builtins[k].run(r, &f);
	free(f.list);
	return rc;
}

static int run_simple(struct script_run *r, const struct script_node *n)
{
	size_t assignments = 0;

	while (assignments < n->n_words && assignment(n->words[assignments]))
		assignments++;
	if (assignments < n->n_words && assignments)
		return script_more(r, "sets a variable for one command");
	if (check_redirects(r, n) < 0)
		return -1;
	for (size_t i = 0; i < assignments; i++)
		if (assign(r, n->words[i]) < 0)
			return -1;
	if (assignments || !n->n_words)
		return 0;
	if (str_eq(n->words[0], "export"))
		return run_export(r, n->words, n->n_words);
	return run_command(r, n);
}

/* A condition: failing is no failure. */
static int run_condition(struct script_run *r, const struct script_node *n)
{
	bool errexit = r->errexit;
	int status;

	r->errexit = false;
	status = run(r, n);
	/* A condition that says "set -e" is none that is meant well. */
	if (status >= 0 && r->errexit)
		return script_more(r, "sets -e in a condition");
	r->errexit = errexit;
	return status;
}

static int run_list(struct script_run *r, const struct script_node *n)
{
	int status = 0;

	for (const struct script_node *i = n->first; i && status >= 0 && !r->leaving; i = i->next) {
		r->soft = false;
		status = run(r, i->first);
		if (status > 0 && r->errexit && !r->soft && !r->leaving)
			return script_more(r, "would end by set -e");
	}
	return status;
}

static int run_if(struct script_run *r, const struct script_node *n)
{
	int status = run_condition(r, n->test);

	if (status < 0 || r->leaving)
		return status;
	if (status == 0)
		return run(r, n->first);
	return n->other ? run(r, n->other) : 0;
}

static int run_while(struct script_run *r, const struct script_node *n)
{
	int status, last = 0;

	while ((status = run_condition(r, n->test)) == 0 && !r->leaving) {
		last = run(r, n->first);
		if (last < 0 || r->leaving)
			return last;
	}
	return status < 0 || r->leaving ? status : last;
}

static int run_for(struct script_run *r, const struct script_node *n)
{
	const char *name = arena_strndup(r->arena, n->words[0].p, n->words[0].n);
	struct script_fields f = { 0 };
	int rc = 0;

	for (size_t i = 1; rc == 0 && i < n->n_words; i++)
		rc = script_expand(r, n->words[i], SCRIPT_FIELDS, &f);
	for (size_t i = 0; rc >= 0 && i < f.n && !r->leaving; i++) {
		rc = script_assign(r, name, f.list[i]);
		if (rc == 0)
			rc = run(r, n->first);
	}
	free(f.list);
	return rc;
}

static int run_case(struct script_run *r, const struct script_node *n)
{
	const char *word = script_expand_one(r, n->words[0], SCRIPT_WORD);

	if (!word)
		return -1;
	for (const struct script_node *arm = n->other; arm; arm = arm->next)
		for (size_t i = 0; i < arm->n_words; i++) {
			const char *pattern = script_expand_one(r, arm->words[i], SCRIPT_PATTERN);
			int got = pattern ? script_match(r, pattern, word, strlen(word)) : -1;

			if (got)
				return got < 0 ? -1 : run(r, arm->first);
		}
	return 0;
}

static int run_and_or(struct script_run *r, const struct script_node *n)
{
	int status = run_condition(r, n->first);

	if (status < 0 || r->leaving)
		return status;
	if ((status == 0) == (n->type == SCRIPT_AND)) {
		r->soft = false;
		return run(r, n->other);
	}
	r->soft = true;
	return status;
}

static int run_not(struct script_run *r, const struct script_node *n)
{
	int status = run_condition(r, n->first);

	r->soft = true;
	return status < 0 || r->leaving ? status : !status;
}

/* The status, or -1. */
static int run(struct script_run *r, const struct script_node *n)
{
	int got;

	r->line = n->line;
	if (++r->steps > SCRIPT_STEPS_MAX)
		return script_more(r, "takes too many steps");
	switch (n->type) {
	case SCRIPT_SIMPLE:
		return run_simple(r, n);
	case SCRIPT_LIST:
		return run_list(r, n);
	case SCRIPT_REDIRECTED:
		return check_redirects(r, n) < 0 ? -1 : run(r, n->first);
	case SCRIPT_AND:
	case SCRIPT_OR:
		return run_and_or(r, n);
	case SCRIPT_NOT:
		return run_not(r, n);
	case SCRIPT_IF:
		return run_if(r, n);
	case SCRIPT_WHILE:
		return run_while(r, n);
	case SCRIPT_FOR:
		return run_for(r, n);
	case SCRIPT_CASE:
		return run_case(r, n);
	case SCRIPT_TEST:
		got = script_test_words(r, n);
		return got < 0 ? -1 : !got;
	case SCRIPT_ITEM:
	case SCRIPT_ARM:
	case SCRIPT_MORE:
		break;
	}
	return script_more(r, "%s", n->more ? n->more : "");
}

/* The capacity that mem_grow() counts on in an array of n. */
static size_t grown(size_t n)
{
	size_t cap = 1;

	while (cap < n)
		cap *= 2;
	return cap;
}

int script_run(struct script_env *e, struct str text, const struct script_host *host, struct err *err)
{
	auto_arena scratch = { 0 };
	struct script_env before = { e->arena, mem_array(grown(e->n), sizeof(*e->vars)), e->n };
	struct script_run r = { .arena = &scratch, .env = e, .host = host, .err = err, .line = 1 };
	const struct script_node *n = script_parse(&scratch, text, err);

	if (e->n)
		memcpy(before.vars, e->vars, e->n * sizeof(*e->vars));
	if (n && run(&r, n) >= 0) {
		free(before.vars);
		return 0;
	}
	free(e->vars);
	*e = before;
	return -1;
}
