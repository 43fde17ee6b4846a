#include "conda/env.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/doc.h"
#include "base/num.h"
#include "base/str.h"
#include "conda/matchspec.h"
#include "conda/platform.h"
#include "conda/selector.h"
#include "conda/spec_hint.h"

#define ENV_BYTES_MAX ((size_t)1 << 20)
#define SPEC_BYTES_MAX 2048

struct reader {
	struct env *e;
	const char *subdir;
	const char **warnings;
	struct env_spec *specs;
	size_t n_warnings;
	struct err *err;
};

__attribute__((format(printf, 3, 4))) static void warn(struct reader *r, const struct doc *at, const char *fmt, ...)
{
	auto_buf b = { 0 };
	char text[1000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_addf(&b, "%s:%u:%u: %s", at->file, at->line, at->column, text);
	mem_grow(r->warnings, r->n_warnings);
	r->warnings[r->n_warnings++] = arena_strdup(&r->e->arena, buf_cstr(&b));
}

/* ---- selectors ---- */

/* The expression of "# [expr]", if the comment is one. */
static bool bracketed(const char *comment, struct str *ret)
{
	struct str s = str_trim(str_of(comment));

	if (!s.n || s.p[0] != '[')
		return false;
	s.p++, s.n--;
	return str_cut(&s, ']', ret) && s.p;
}

/* A word of a selector behind "[", without the "]": somebody forgot it. */
static bool looks_unclosed(const char *comment)
{
	static const char *const words[] = {
		"linux", "osx", "win", "unix", "not ", "aarch64", "arm64", "x86", "ppc64"
	};
	struct str s = str_trim(str_of(comment));

	if (!s.n || s.p[0] != '[' || memchr(s.p, ']', s.n))
		return false;
	s = str_trim((struct str){ s.p + 1, s.n - 1 });
	for (size_t i = 0; i < COUNT(words); i++)
		if (str_starts(s.p, words[i]))
			return true;
	return !s.n;
}

/* Whether the line of d is meant for this platform. */
static bool is_meant(struct reader *r, const struct doc *d)
{
	struct str expr;

	if (d->comment && looks_unclosed(d->comment)) {
		expr = str_trim(str_of(d->comment));
		warn(r, d, "the comment '# %.*s' begins like a selector and has no ']'; the line is kept", (int)expr.n,
		     expr.p);
	}
	if (!d->comment || !bracketed(d->comment, &expr))
		return true;
	switch (selector_eval(expr, r->subdir)) {
	case SELECTOR_FALSE:
		return false;
	case SELECTOR_TRUE:
		return true;
	case SELECTOR_UNKNOWN:
		break;
	}
	warn(r, d, "the comment '[%.*s]' is not a selector that is known (CEP 24); the line is kept", (int)expr.n,
	     expr.p);
	return true;
}

/* What cannot be left out line by line must not look as if it were. */
static int refuse_selector(struct reader *r, const struct doc *d)
{
	struct str expr;

	if (!d->comment || !bracketed(d->comment, &expr) || selector_eval(expr, r->subdir) == SELECTOR_UNKNOWN)
		return 0;
	return doc_fault(d, r->err,
			 "the selector '[%.*s]' stands where none is read; put it on the items of 'dependencies' or "
			 "'channels', or on a variable",
			 (int)expr.n, expr.p);
}

/* ---- helpers ---- */

static bool has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

/* A string in one line with something in it. what: "a dependency". */
static int one_line(struct reader *r, const struct doc *d, const char *what, const char *example)
{
	if (d->type == DOC_NULL)
		return doc_fault(d, r->err, "%s is empty; write %s, or remove the line", what, example);
	if (d->type == DOC_LIST || d->type == DOC_MAP)
		return doc_fault(d, r->err, "%s is a %s, expected a string such as %s", what, doc_type_name(d->type),
				 example);
	if (d->type != DOC_STRING)
		return doc_fault(d, r->err,
				 "%s is '%s', which YAML reads as a %s; write a string such as %s, or quote it", what,
				 d->text, doc_type_name(d->type), example);
	if (d->last_line == d->line && has_control(d->text) && !strchr(d->text, '\n'))
		return doc_fault(d, r->err, "%s has a control character in it, expected one such as %s", what, example);
	if (d->last_line != d->line || has_control(d->text))
		return doc_fault(d, r->err,
				 "%s runs over more than one line, expected one such as %s; is a '-' missing?", what,
				 example);
	if (!str_trim(str_of(d->text)).n)
		return doc_fault(d, r->err, "%s is an empty string; write %s, or remove the line", what, example);
	return 0;
}

static int want_list(struct reader *r, const struct doc *d, const char *key, const char *example)
{
	if (d->type == DOC_LIST)
		return 0;
	return doc_fault(d, r->err, "'%s' is a %s, expected a list with a line such as '- %s' for each", key,
			 doc_type_name(d->type), example);
}

/* ---- keys ---- */

static int read_name(struct reader *r, const struct doc *d)
{
	static const char bad[] = "/ :#";

	if (d->type == DOC_NULL)
		return 0;
	if (one_line(r, d, "'name'", "'analysis'") < 0)
		return -1;
	if (strpbrk(d->text, bad))
		return doc_fault(d, r->err, "the name '%s' has a '%c'; a name has no '/', ' ', ':' or '#'", d->text,
				 *strpbrk(d->text, bad));
	if (strcmp(d->text, "base") == 0 || strcmp(d->text, "root") == 0)
		warn(r, d, "the name '%s' is reserved for conda's own environment; no name is used", d->text);
	else
		r->e->name = d->text;
	return 0;
}

static int read_prefix(struct reader *r, const struct doc *d)
{
	warn(r, d, "'prefix' is ignored: where the environment stands in the image is not the file's to say");
	return 0;
}

static int read_category(struct reader *r, const struct doc *d)
{
	return d->type == DOC_NULL ? 0 : one_line(r, d, "'category'", "'main'");
}

static int read_channels(struct reader *r, const struct doc *d)
{
	const char **list, **files;
	size_t n = 0;

	if (d->type == DOC_NULL)
		return 0;
	if (want_list(r, d, "channels", "conda-forge") < 0)
		return -1;
	list = arena_array(&r->e->arena, d->n + 1, sizeof(*list));
	files = arena_array(&r->e->arena, d->n + 1, sizeof(*files));
	for (size_t i = 0; i < d->n; i++) {
		if (!is_meant(r, &d->items[i]))
			continue;
		if (one_line(r, &d->items[i], "a channel", "'conda-forge'") < 0)
			return -1;
		if (strcmp(d->items[i].text, "nodefaults") == 0)
			r->e->nodefaults = true;
		else
			files[n] = r->e->file, list[n++] = d->items[i].text;
	}
	r->e->channels = list;
	r->e->channel_files = files;
	return 0;
}

static int read_platforms(struct reader *r, const struct doc *d)
{
	const char **list;
	size_t n = 0;

	if (d->type == DOC_NULL)
		return 0;
	if (want_list(r, d, "platforms", "linux-64") < 0)
		return -1;
	list = arena_array(&r->e->arena, d->n + 1, sizeof(*list));
	for (size_t i = 0; i < d->n; i++) {
		const struct doc *item = &d->items[i];
		bool again = false;

		if (refuse_selector(r, item) < 0 || one_line(r, item, "a platform", "'linux-64'") < 0)
			return -1;
		if (!platform_is_subdir(item->text) || strcmp(item->text, "noarch") == 0)
			return doc_fault(
				item, r->err,
				"'%s' is not a platform, expected one such as linux-64, linux-aarch64, osx-arm64",
				item->text);
		for (size_t k = 0; k < n; k++)
			again = again || strcmp(list[k], item->text) == 0;
		if (!again)
			list[n++] = item->text;
	}
	r->e->platforms = list;
	return 0;
}

/* ---- variables ---- */

static bool is_variable_name(const char *s)
{
	if (*s >= '0' && *s <= '9')
		return false;
	return *s && !s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")];
}

static int variable_cmp(const void *a, const void *b)
{
	return strcmp(((const struct env_variable *)a)->name, ((const struct env_variable *)b)->name);
}

static int read_variables(struct reader *r, const struct doc *d)
{
	struct env_variable *list;
	size_t n = 0;

	if (d->type == DOC_NULL)
		return 0;
	if (d->type != DOC_MAP)
		return doc_fault(d, r->err,
				 "'variables' is a %s, expected a map with a line such as 'NAME: value' for each",
				 doc_type_name(d->type));
	list = arena_array(&r->e->arena, d->n, sizeof(*list));
	for (size_t i = 0; i < d->n; i++) {
		const struct doc *k = &d->keys[i], *v = &d->items[i];

		if (!is_meant(r, k) || !is_meant(r, v))
			continue;
		if (!is_variable_name(k->text))
			return doc_fault(
				k, r->err,
				"'%s' is not the name of a variable: letters, digits and '_' are, a digit not first",
				k->text);
		if (v->type == DOC_LIST || v->type == DOC_MAP)
			return doc_fault(v, r->err, "variable %s is a %s, expected a string", k->text,
					 doc_type_name(v->type));
		if (v->type == DOC_NULL)
			return doc_fault(v, r->err, "variable %s has no value; write '' for an empty one", k->text);
		if (strcmp(k->text, "PATH") == 0)
			warn(r, k, "variable PATH is ignored: it is reserved (conda does not set it either)");
		else
			list[n++] = (struct env_variable){ k->text, v->text };
	}
	if (n)
		qsort(list, n, sizeof(*list), variable_cmp);
	r->e->variables = list;
	r->e->n_variables = n;
	return 0;
}

/* ---- dependencies ---- */

static int add_spec(struct reader *r, const struct doc *d)
{
	struct err why = ERR_INIT;
	struct env *e = r->e;

	if (one_line(r, d, "a dependency", "'python=3.10'") < 0)
		return -1;
	if (strlen(d->text) > SPEC_BYTES_MAX)
		return doc_fault(d, r->err, "a dependency has %zu bytes, expected at most %d", strlen(d->text),
				 SPEC_BYTES_MAX);
	if (!matchspec_parse(&e->arena, d->text, MATCHSPEC_V3, &why)) {
		const char *hint = spec_hint(&e->arena, d->text);

		return hint ? doc_fault(d, r->err, "'%s' is no spec: %s", d->text, hint)
			    : doc_fault(d, r->err, "%s", why.text);
	}
	if (spec_hint_unheeded(&e->arena, d->text))
		warn(r, d, "%s", spec_hint_unheeded(&e->arena, d->text));
	mem_grow(r->specs, e->n_specs);
	r->specs[e->n_specs++] = (struct env_spec){ d->text, e->file, d->line, d->column };
	return 0;
}

/* The expression of "sel(expr)". */
static bool is_sel(const char *key, struct str *ret)
{
	struct str s = str_of(key);

	if (!str_starts(key, "sel(") || !str_ends(key, ")"))
		return false;
	*ret = (struct str){ s.p + 4, s.n - 5 };
	return true;
}

/* "- KEY: value": another installer's list, or a selector of micromamba's. */
static int read_section(struct reader *r, const struct doc *k, const struct doc *v)
{
	struct str expr;

	if (is_sel(k->text, &expr)) {
		switch (selector_eval(expr, r->subdir)) {
		case SELECTOR_FALSE:
			return 0;
		case SELECTOR_TRUE:
			return add_spec(r, v);
		case SELECTOR_UNKNOWN:
			return doc_fault(
				k, r->err,
				"'%s' is not a selector; they are sel(unix), sel(linux), sel(osx) and sel(win)",
				k->text);
		}
	}
	if (str_starts(k->text, "sel("))
		return doc_fault(k, r->err, "the selector '%s' has no ')'; it is written 'sel(linux): numpy'", k->text);
	if (strcmp(k->text, "pip") != 0 && v->type != DOC_NULL && v->type != DOC_LIST && v->type != DOC_MAP)
		return doc_fault(k, r->err, "'%s: %s' is a map, and a package is written without ':', as '%s=%s'",
				 k->text, v->text, k->text, v->text);
	if (strcmp(k->text, "pip") != 0)
		return doc_fault(
			k, r->err,
			"'%s:' begins a map, and no such installer is known; a package is written '%s=VERSION', "
			"without ':'",
			k->text, k->text);
	if (v->type == DOC_NULL || (v->type == DOC_LIST && v->n == 0))
		return 0;
	return doc_fault(k, r->err,
			 "packages from PyPI ('pip:') are not installed by condaimg yet; list conda packages instead "
			 "and remove the section");
}

static int read_dependencies(struct reader *r, const struct doc *d)
{
	if (d->type == DOC_NULL || (d->type == DOC_LIST && d->n == 0))
		return doc_fault(d, r->err, "'dependencies' is empty; add a line such as '- python=3.10' below it");
	if (want_list(r, d, "dependencies", "python=3.10") < 0)
		return -1;
	for (size_t i = 0; i < d->n; i++) {
		const struct doc *item = &d->items[i];

		if (item->type != DOC_MAP || item->n == 0) {
			if (is_meant(r, item) && add_spec(r, item) < 0)
				return -1;
			continue;
		}
		for (size_t k = 0; k < item->n; k++)
			if (is_meant(r, &item->keys[k]) && is_meant(r, &item->items[k]) &&
			    read_section(r, &item->keys[k], &item->items[k]) < 0)
				return -1;
	}
	return 0;
}

/* ---- the file ---- */

static const struct {
	const char *key;
	int (*read)(struct reader *r, const struct doc *d);
} keys[] = {
	{ "name", read_name },
	{ "prefix", read_prefix },
	{ "channels", read_channels },
	{ "category", read_category },
	{ "dependencies", read_dependencies },
	{ "platforms", read_platforms },
	{ "variables", read_variables },
};

static int read_key(struct reader *r, const struct doc *k, const struct doc *v)
{
	if (refuse_selector(r, k) < 0 || refuse_selector(r, v) < 0)
		return -1;
	for (size_t i = 0; i < COUNT(keys); i++)
		if (strcmp(k->text, keys[i].key) == 0)
			return keys[i].read(r, v);
	warn(r, k, "'%s' is not a key of an environment file (CEP 24); it is ignored", k->text);
	return 0;
}

/* Keys of files that are YAML, too, and no environments. */
static const char *other_file(const struct doc *d)
{
	if (doc_find(d, "requirements") && doc_find(d, "package"))
		return "is a recipe; an environment file lists what is to be installed, below 'dependencies:'";
	return NULL;
}

/* The key that may have been meant to be "dependencies". */
static const struct doc *misspelt(const struct doc *d)
{
	for (size_t i = 0; i < d->n; i++) {
		const char *k = d->keys[i].text;

		if (str_starts(k, "depend") || str_starts(k, "Depend") || str_starts(k, "depnd") ||
		    strcmp(k, "packages") == 0 || strcmp(k, "requirements") == 0 || strcmp(k, "specs") == 0)
			return &d->keys[i];
	}
	return NULL;
}

static int refuse_without_dependencies(struct reader *r, const struct doc *d)
{
	const struct doc *k = misspelt(d);

	if (other_file(d))
		return doc_fault(d, r->err, "%s", other_file(d));
	if (k)
		return doc_fault(k, r->err, "there is no 'dependencies:'; is that what '%s:' is meant to be?", k->text);
	return doc_fault(d, r->err, "has no 'dependencies:'; add it, with a line such as '- python=3.10' below it");
}

/* What "{{" makes of YAML is told in YAML's words, which help nobody. */
static int tell_of_template(struct reader *r, const char *p, size_t n)
{
	const char *text = arena_strdup(&r->e->arena, r->err->text);
	enum err_code code = r->err->code;

	if (code != ERR_FORMAT || !memmem(p, n, "{{", 2))
		return -1;
	err_clear(r->err);
	return err_set(r->err, code, "%s; '{{' begins a template, and none is filled in here", text);
}

static int read_file(struct reader *r, const char *p, size_t n)
{
	const struct doc *d = doc_parse_yaml(&r->e->arena, p, n, r->e->file, r->err);

	if (!d)
		return tell_of_template(r, p, n);
	if (d->type != DOC_MAP)
		return doc_fault(d, r->err, "is a %s, expected a map with 'dependencies:' in it",
				 doc_type_name(d->type));
	if (!doc_find(d, "dependencies"))
		return refuse_without_dependencies(r, d);
	for (size_t i = 0; i < d->n; i++)
		if (read_key(r, &d->keys[i], &d->items[i]) < 0)
			return -1;
	return 0;
}

int env_parse(const char *p, size_t n, const char *file, const char *subdir, struct env *ret, struct err *err)
{
	static const char *const none[] = { NULL };
	struct env e = { .channels = none, .channel_files = none, .platforms = none };
	struct reader r = { .e = &e, .subdir = subdir, .err = err };
	int rc;

	if (n > ENV_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "%s: is larger than %s, which no environment file is", file,
			       num_bytes(ENV_BYTES_MAX).s);
	e.file = arena_strdup(&e.arena, file);
	e.files = arena_strlist(&e.arena, &e.file, 1);
	rc = read_file(&r, p, n);
	if (rc == 0) {
		e.specs = arena_dup(&e.arena, r.specs, e.n_specs * sizeof(*r.specs));
		e.warnings = arena_strlist(&e.arena, r.warnings, r.n_warnings);
		*ret = e;
	} else {
		arena_release(&e.arena);
	}
	free(r.specs);
	free(r.warnings);
	return rc;
}

void env_release(struct env *e)
{
	arena_release(&e->arena);
	*e = (struct env){ 0 };
}
