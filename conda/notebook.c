#include "conda/notebook.h"

#include <ctype.h>
#include <string.h>

#include "base/doc.h"
#include "conda/matchspec.h"

#define NAME "requirements"
#define SPECS_MAX 10000
#define SPEC_BYTES_MAX 2048

struct reader {
	struct env e;
	struct arena *a; /* of e */
	struct env_spec *list; /* what requirements says: the later assignment replaces the earlier */
	size_t n;
	const char **warnings;
	size_t n_warnings;
	size_t cell; /* from 1; 0: the metadata */
	struct err *err;
};

static int fault(struct reader *r, const char *what)
{
	if (!r->cell)
		return err_set(r->err, ERR_FORMAT, "%s: metadata: %s", r->e.file, what);
	return err_set(r->err, ERR_FORMAT, "%s: cell %zu: %s", r->e.file, r->cell, what);
}

static void warn(struct reader *r, const char *what)
{
	mem_grow(r->warnings, r->n_warnings);
	r->warnings[r->n_warnings++] = arena_printf(r->a, "%s: cell %zu: %s", r->e.file, r->cell, what);
}

static int add_spec(struct reader *r, const char *text)
{
	struct err why = ERR_INIT;

	if (r->n >= SPECS_MAX || strlen(text) > SPEC_BYTES_MAX)
		return err_set(r->err, ERR_LIMIT, "%s: " NAME " has more than %d items, or one of more than %d bytes",
			       r->e.file, SPECS_MAX, SPEC_BYTES_MAX);
	if (!matchspec_parse(r->a, text, MATCHSPEC_V3, &why))
		return fault(r, why.text);
	mem_grow(r->list, r->n);
	r->list[r->n++] = (struct env_spec){ .text = text, .file = r->e.file, .line = (unsigned)r->cell };
	return 0;
}

/* ("numpy", "1.24.2"): nothing but the exact version was meant. */
static int add_pair(struct reader *r, const char *name, const char *version)
{
	return add_spec(r, arena_printf(r->a, "%s ==%s", name, version));
}

/* ---- what python has for lists, as far as no code is in it ---- */

struct literal {
	struct reader *r;
	const char *at;
};

/* White space, comments, and lines that go on. */
static void skip(struct literal *l)
{
	for (;;) {
		if (*l->at == '#')
			l->at += strcspn(l->at, "\n");
		else if (isspace((unsigned char)*l->at))
			l->at++;
		else if (l->at[0] == '\\' && l->at[1] == '\n')
			l->at += 2;
		else
			return;
	}
}

static bool take(struct literal *l, char c)
{
	skip(l);
	if (*l->at != c)
		return false;
	l->at++;
	return true;
}

/* One string, and those that stand right behind it. NULL: there is none, or it is more than plain text. */
static const char *take_text(struct literal *l)
{
	auto_buf b = { 0 };
	size_t n = 0;

	for (skip(l); *l->at == '"' || *l->at == '\''; skip(l), n++) {
		char quote = *l->at++;
		size_t len = strcspn(l->at, quote == '"' ? "\"\\\n" : "'\\\n");

		/* Escapes and triple quotes are for texts, and names of packages have none. */
		if (l->at[len] != quote || (!len && l->at[1] == quote))
			return NULL;
		buf_add(&b, l->at, len);
		l->at += len + 1;
	}
	return n ? arena_strndup(l->r->a, buf_cstr(&b), b.n) : NULL;
}

static int computed(struct literal *l)
{
	return fault(l->r,
		     "'" NAME "' is more than a list of texts or of pairs (\"numpy\", \"1.24\"), and condaimg runs no "
		     "code to find out what it is");
}

static int take_item(struct literal *l)
{
	char close = take(l, '(') ? ')' : take(l, '[') ? ']' : 0;
	const char *name = take_text(l), *version;

	if (!name)
		return computed(l);
	if (!close)
		return add_spec(l->r, name);
	version = take(l, ',') ? take_text(l) : NULL;
	take(l, ',');
	if (!version || !take(l, close))
		return computed(l);
	return add_pair(l->r, name, version);
}

/* text: what stands behind the '='. */
static int read_list(struct reader *r, const char *text)
{
	struct literal l = { r, text };
	char close = take(&l, '[') ? ']' : take(&l, '(') ? ')' : 0;

	r->n = 0;
	if (!close)
		return computed(&l);
	while (!take(&l, close)) {
		if (take_item(&l) < 0)
			return -1;
		if (!take(&l, ',')) {
			if (!take(&l, close))
				return computed(&l);
			break;
		}
	}
	/* The list is the end of the statement. */
	l.at += strspn(l.at, " \t\r;");
	return *l.at && *l.at != '\n' && *l.at != '#' ? computed(&l) : 0;
}

/* ---- cells ---- */

/* The lines of a cell's source, as one text. NULL: it is none. */
static const char *source_of(struct reader *r, const struct doc *cell)
{
	const struct doc *source = doc_find(cell, "source");
	auto_buf b = { 0 };

	if (source && source->type == DOC_STRING)
		return source->text;
	for (size_t i = 0; source && source->type == DOC_LIST && i < source->n; i++)
		if (source->items[i].type == DOC_STRING)
			buf_adds(&b, source->items[i].text);
	return source ? arena_strdup(r->a, buf_cstr(&b)) : NULL;
}

static bool is_install(const char *line)
{
	line += *line == '!' || *line == '%';
	return str_starts(line, "pip install ") || str_starts(line, "conda install ") ||
	       str_starts(line, "mamba install ");
}

static int read_line(struct reader *r, const char *line)
{
	const char *rest = line + strlen(NAME);

	if ((*line == '!' || *line == '%') && is_install(line))
		warn(r, "installs packages when it is run, which are not in the image: name them in '" NAME "'");
	if (!str_starts(line, NAME) || isalnum((unsigned char)*rest) || *rest == '_')
		return 0;
	rest += strspn(rest, " \t");
	if (rest[0] == '=' && rest[1] != '=')
		return read_list(r, rest + 1);
	if ((rest[0] == '+' && rest[1] == '=') || str_starts(rest, ".append") || str_starts(rest, ".extend"))
		return fault(r,
			     "'" NAME "' is changed by code, which condaimg does not run: say all of it in one list");
	return 0;
}

static int read_cell(struct reader *r, const struct doc *cell)
{
	const struct doc *kind = doc_find(cell, "cell_type");
	const char *text = source_of(r, cell);

	if (!kind || kind->type != DOC_STRING || strcmp(kind->text, "code") != 0 || !text)
		return 0;
	/* "%%bash": a cell in another language. */
	if (str_starts(text, "%%"))
		return 0;
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (read_line(r, line) < 0)
			return -1;
	}
	return 0;
}

/* ---- metadata ---- */

static const char *text_at(const struct doc *d, const char *key, const char *below)
{
	const struct doc *v = doc_find(doc_find(d, key), below);

	return v && v->type == DOC_STRING ? v->text : NULL;
}

static int read_metadata_list(struct reader *r, const struct doc *metadata)
{
	const struct doc *list = doc_find(metadata, NAME);

	for (size_t i = 0; list && list->type == DOC_LIST && i < list->n; i++) {
		const struct doc *item = &list->items[i];
		int rc = -1;

		if (item->type == DOC_STRING)
			rc = add_spec(r, item->text);
		else if (item->type == DOC_LIST && item->n == 2 && item->items[0].type == DOC_STRING &&
			 item->items[1].type == DOC_STRING)
			rc = add_pair(r, item->items[0].text, item->items[1].text);
		else
			fault(r, "an item of '" NAME "' is neither a text nor a pair of texts");
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* The python that the notebook was written with, up to its minor version. */
static int add_python(struct reader *r, const struct doc *metadata)
{
	const char *language = text_at(metadata, "language_info", "name");
	const char *version = text_at(metadata, "language_info", "version"), *kernel;
	size_t n;

	kernel = text_at(metadata, "kernelspec", "language");
	language = language ? language : kernel;
	if (language && strcmp(language, "python") != 0)
		return err_set(r->err, ERR_FORMAT, "%s: is a notebook of %s, and only those of python are read",
			       r->e.file, language);
	n = version ? strspn(version, "0123456789") : 0;
	if (!n || version[n] != '.' || !isdigit((unsigned char)version[n + 1]))
		return add_spec(r, "python");
	n += 1 + strspn(version + n + 1, "0123456789");
	return add_spec(r, arena_printf(r->a, "python=%.*s", (int)n, version));
}

/* What the list says of python goes before what wrote the file. */
static bool names_python(const struct reader *r)
{
	for (size_t i = 0; i < r->n; i++) {
		size_t n = strcspn(r->list[i].text, " =<>!~[");

		if (n == strlen("python") && strncmp(r->list[i].text, "python", n) == 0)
			return true;
	}
	return false;
}

static int read_notebook(struct reader *r, const char *p, size_t n)
{
	const struct doc *d = doc_parse_json(r->a, p, n, r->e.file, r->err), *metadata, *cells;

	if (!d)
		return -1;
	metadata = doc_find(d, "metadata");
	cells = doc_find(d, "cells");
	if (!cells || cells->type != DOC_LIST)
		return err_set(r->err, ERR_FORMAT, "%s: has no list 'cells', as notebooks have (nbformat 4)",
			       r->e.file);
	if (read_metadata_list(r, metadata) < 0)
		return -1;
	for (size_t i = 0; i < cells->n; i++) {
		r->cell = i + 1;
		if (read_cell(r, &cells->items[i]) < 0)
			return -1;
	}
	r->cell = 0;
	return names_python(r) ? 0 : add_python(r, metadata);
}

int notebook_parse(const char *p, size_t n, const char *file, struct env *ret, struct err *err)
{
	static const char *const none[] = { NULL };
	struct reader r = { .e = { .channels = none, .channel_files = none, .platforms = none }, .err = err };
	int rc;

	r.a = &r.e.arena;
	r.e.file = arena_strdup(r.a, file);
	r.e.files = arena_strlist(r.a, &r.e.file, 1);
	rc = read_notebook(&r, p, n);
	r.e.specs = arena_dup(r.a, r.list, r.n * sizeof(*r.list));
	r.e.n_specs = r.n;
	r.e.warnings = arena_strlist(r.a, r.warnings, r.n_warnings);
	free(r.list);
	free(r.warnings);
	if (rc < 0)
		arena_release(&r.e.arena);
	else
		*ret = r.e;
	return rc;
}
