#include <string.h>

#include "conda/script_impl.h"

/* Whether a path of the image is of a kind: 1, 0, or -1. */
static int look(struct script_run *r, char kind, const char *path)
{
	enum script_file is = *path == '/' ? r->host->look(r->host->arg, path) : SCRIPT_UNKNOWN;

	if (!*path)
		return 0;
	if (is == SCRIPT_UNKNOWN || (is == SCRIPT_LINK && kind != 'L' && kind != 'h') || strchr("rwxs", kind))
		return script_more(r, "asks for the file '%.100s'", path);
	switch (kind) {
	case 'f':
		return is == SCRIPT_FILE;
	case 'd':
		return is == SCRIPT_DIR;
	case 'L':
	case 'h':
		return is == SCRIPT_LINK;
	default:
		return is != SCRIPT_NONE;
	}
}

static int is_set(struct script_run *r, const char *name)
{
	const struct script_var *v = script_env_find(r->env, name);

	if (!*name || script_name_length(str_of(name)) != strlen(name))
		return script_more(r, "asks whether '%.100s' is set", name);
	if ((!v || !v->value) && (script_is_foreign(name) || (!v && r->host->is_process)))
		return script_more(r, "asks whether $%s is set", name);
	return v && v->value;
}

static bool is_unary(const char *op)
{
	return op[0] == '-' && op[1] && !op[2] && strchr("nzvfdeLhrwxs", op[1]);
}

static int unary(struct script_run *r, const char *op, const char *arg)
{
	switch (op[1]) {
	case 'n':
		return *arg != '\0';
	case 'z':
		return *arg == '\0';
	case 'v':
		return is_set(r, arg);
	default:
		return look(r, op[1], arg);
	}
}

static bool is_equals(const char *op)
{
	return strcmp(op, "=") == 0 || strcmp(op, "==") == 0;
}

static int not(int got)
{
	return got < 0 ? got : !got;
}

/* The arguments of test, as POSIX counts them. 1 true, 0 false, -1. */
int script_test_args(struct script_run *r, const char *const *a, size_t n)
{
	if (n == 0)
		return 0;
	if (n == 1)
		return *a[0] != '\0';
	if (n == 3 && is_equals(a[1]))
		return strcmp(a[0], a[2]) == 0;
	if (n == 3 && strcmp(a[1], "!=") == 0)
		return strcmp(a[0], a[2]) != 0;
	if (n <= 4 && strcmp(a[0], "!") == 0)
		return not(script_test_args(r, a + 1, n - 1));
	if (n == 2 && is_unary(a[0]))
		return unary(r, a[0], a[1]);
	return script_more(r, "has a test that is not known here");
}

int script_test_words(struct script_run *r, const struct script_node *n)
{
	const struct str *w = n->words;
	bool equals = n->n_words == 3 && (str_eq(w[1], "=") || str_eq(w[1], "=="));
	bool differs = n->n_words == 3 && str_eq(w[1], "!=");
	const char *left, *right;
	int got;

	if (n->n_words == 1) {
		left = script_expand_one(r, w[0], SCRIPT_WORD);
		return left ? *left != '\0' : -1;
	}
	if (n->n_words == 2 && w[0].n == 2 && w[0].p[0] == '-' && strchr("nzvfdeLhrwxs", w[0].p[1])) {
		left = script_expand_one(r, w[1], SCRIPT_WORD);
		return left ? unary(r, (char[]){ '-', w[0].p[1], '\0' }, left) : -1;
	}
	if (!equals && !differs)
		return script_more(r, "has a test that is not known here");
	left = script_expand_one(r, w[0], SCRIPT_WORD);
	right = left ? script_expand_one(r, w[2], SCRIPT_PATTERN) : NULL;
	got = right ? script_match(r, right, left, strlen(left)) : -1;
	return differs ? not(got) : got;
}
