#include "conda/license.h"

#include <strings.h>

#include "base/str.h"

#define EXPRESSION_MAX 2000 /* bytes */
#define DEPTH_MAX 50

static const char id_bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.";

struct parse {
	const char *at;
	struct buf *out;
	unsigned depth;
};

static int no_case_cmp(const void *key, const void *item)
{
	return strcasecmp(key, *(const char *const *)item);
}

static const char *find(const char *const *list, size_t n, const char *word)
{
	const char *const *hit = bsearch(word, list, n, sizeof(*list), no_case_cmp);

	return hit ? *hit : NULL;
}

static void skip_spaces(struct parse *p)
{
	while (*p->at == ' ' || *p->at == '\t')
		p->at++;
}

/* Bytes of the word that comes next; 0: none. A ':' only in "DocumentRef-x:LicenseRef-y", which nobody could resolve. */
static size_t word_len(struct parse *p)
{
	skip_spaces(p);
	return strspn(p->at, id_bytes);
}

static bool take_operator(struct parse *p, const char *name)
{
	size_t n = word_len(p);

	if (n != strlen(name) || strncasecmp(p->at, name, n) != 0)
		return false;
	buf_addf(p->out, " %s ", name);
	p->at += n;
	return true;
}

static bool take_from(struct parse *p, const char *const *list, size_t n_list)
{
	size_t n = word_len(p);
	auto_free char *word = mem_printf("%.*s", (int)n, p->at);
	const char *listed = find(list, n_list, word);

	if (listed)
		buf_adds(p->out, listed);
	else if (list == license_ids && str_starts(word, "LicenseRef-") && n > strlen("LicenseRef-"))
		buf_adds(p->out, word);
	else
		return false;
	p->at += n;
	return true;
}

static bool expression(struct parse *p);

/* An identifier with '+' and WITH, or parentheses. */
static bool operand(struct parse *p)
{
	bool good;

	skip_spaces(p);
	if (*p->at != '(') {
		if (!take_from(p, license_ids, license_ids_n))
			return false;
		if (*p->at == '+' && p->out->p[p->out->n - 1] != '+')
			buf_addc(p->out, *p->at++);
		return !take_operator(p, "WITH") || take_from(p, license_exceptions, license_exceptions_n);
	}
	if (p->depth++ == DEPTH_MAX)
		return false;
	p->at++;
	buf_addc(p->out, '(');
	good = expression(p);
	skip_spaces(p);
	if (!good || *p->at != ')')
		return false;
	p->at++;
	buf_addc(p->out, ')');
	p->depth--;
	return true;
}

/* That AND binds tighter than OR does not matter to whom only the words are of interest. */
static bool expression(struct parse *p)
{
	do {
		if (!operand(p))
			return false;
	} while (take_operator(p, "AND") || take_operator(p, "OR"));
	return true;
}

const char *license_expression(struct arena *a, const char *text)
{
	auto_buf out = { 0 };
	struct parse p = { text, &out, 0 };

	if (!text || strlen(text) > EXPRESSION_MAX || !expression(&p))
		return NULL;
	skip_spaces(&p);
	return *p.at ? NULL : arena_strdup(a, out.p);
}

bool license_is_listed(const char *expression)
{
	return find(license_ids, license_ids_n, expression) != NULL;
}

const char *license_ref(struct arena *a, const char *text)
{
	auto_buf b = { 0 };

	buf_adds(&b, "LicenseRef-");
	for (; *text && b.n < 200; text++) {
		if (strchr(id_bytes, *text))
			buf_addc(&b, *text);
		else if (b.p[b.n - 1] != '-')
			buf_addc(&b, '-');
	}
	while (b.n > strlen("LicenseRef-") && b.p[b.n - 1] == '-')
		b.p[--b.n] = '\0';
	if (b.n == strlen("LicenseRef-"))
		buf_adds(&b, "unnamed");
	return arena_strdup(a, b.p);
}

const char *const *license_refs(struct arena *a, const char *expression)
{
	const char **list = NULL;
	const char *const *ret;
	size_t n = 0;

	for (const char *at = expression; *at;) {
		size_t len = strspn(at, id_bytes);

		if (len && str_starts(at, "LicenseRef-")) {
			mem_grow(list, n);
			list[n++] = arena_strndup(a, at, len);
		}
		at += len ? len : 1;
	}
	ret = arena_strlist(a, list, n);
	free(list);
	return ret;
}
