#include <ctype.h>

#include "base/doc.h"
#include "cmd/init.h"

/* ---- Python ---- */

/* A tokenizer that knows no more of Python than where a statement begins. */
struct scan {
	const char *at;
	bool begins; /* a statement may begin here */
	unsigned depth; /* of brackets */
	void (*found)(void *arg, struct str module);
	void *arg;
};

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static void skip_blanks(struct scan *s)
{
	for (;;) {
		if (*s->at == ' ' || *s->at == '\t' || *s->at == '\f')
			s->at++;
		else if (s->at[0] == '\\' && s->at[1] == '\n')
			s->at += 2;
		else if (s->at[0] == '\\' && s->at[1] == '\r' && s->at[2] == '\n')
			s->at += 3;
		else
			return;
	}
}

/* A string that is not closed ends with its line, or with the file where it has three quotes. */
static void skip_string(struct scan *s)
{
	char quote = *s->at;
	bool triple = s->at[1] == quote && s->at[2] == quote;

	s->at += triple ? 3 : 1;
	for (; *s->at; s->at++) {
		if (s->at[0] == '\\' && s->at[1])
			s->at++;
		else if (*s->at == quote && (!triple || (s->at[1] == quote && s->at[2] == quote)))
			break;
		else if (*s->at == '\n' && !triple)
			return;
	}
	if (*s->at)
		s->at += triple ? 3 : 1;
}

static struct str word(struct scan *s)
{
	struct str ret = { s->at, 0 };

	while (is_word(*s->at))
		s->at++;
	ret.n = (size_t)(s->at - ret.p);
	return ret;
}

/* "a.b.c", of n == 0 where there is none. */
static struct str dotted(struct scan *s)
{
	struct str ret = { s->at, 0 };

	while (is_word(*s->at) || (*s->at == '.' && is_word(s->at[1]) && s->at > ret.p))
		s->at++;
	ret.n = (size_t)(s->at - ret.p);
	return ret;
}

static void read_import(struct scan *s)
{
	for (;;) {
		struct str module;

		skip_blanks(s);
		module = dotted(s);
		if (!module.n)
			return;
		s->found(s->arg, module);
		skip_blanks(s);
		if (strncmp(s->at, "as", 2) == 0 && !is_word(s->at[2])) {
			s->at += 2;
			skip_blanks(s);
			word(s);
			skip_blanks(s);
		}
		if (*s->at != ',')
			return;
		s->at++;
	}
}

static void read_from(struct scan *s)
{
	struct str module;

	skip_blanks(s);
	module = dotted(s); /* a relative one begins with a '.', which is none */
	skip_blanks(s);
	if (module.n && strncmp(s->at, "import", 6) == 0 && !is_word(s->at[6]))
		s->found(s->arg, module);
}

static void read_statement(struct scan *s)
{
	struct str first = word(s);

	if ((*s->at == ' ' || *s->at == '\t' || *s->at == '\\') && str_eq(first, "import"))
		read_import(s);
	else if ((*s->at == ' ' || *s->at == '\t') && str_eq(first, "from"))
		read_from(s);
}

static void step(struct scan *s)
{
	char c = *s->at;

	if (c == '#') {
		s->at += strcspn(s->at, "\n");
		return;
	}
	if (c == '"' || c == '\'') {
		skip_string(s);
		s->begins = false;
		return;
	}
	if (is_word(c)) {
		if (s->begins)
			read_statement(s);
		else
			word(s);
		s->begins = false;
		return;
	}
	if (strchr("([{", c))
		s->depth++;
	else if (strchr(")]}", c) && s->depth)
		s->depth--;
	/* "try: import x" */
	if (strchr("\n;:", c))
		s->begins = !s->depth;
	else if (!strchr(" \t\r\f", c))
		s->begins = false;
	s->at++;
}

void init_scan_python(const char *text, void (*found)(void *arg, struct str module), void *arg)
{
	struct scan s = { .at = text, .begins = true, .found = found, .arg = arg };

	if (str_starts(text, "\xef\xbb\xbf"))
		s.at += 3;
	while (*s.at) {
		skip_blanks(&s);
		if (*s.at)
			step(&s);
	}
}

/* ---- into the world ---- */

struct reading {
	struct init_world *w;
	const char *file;
};

static void found_module(void *arg, struct str module)
{
	struct reading *r = arg;

	init_import(r->w, arena_strndup(&r->w->arena, module.p, module.n), r->file);
}

void init_read_python(struct init_world *w, const char *text, const char *file)
{
	init_scan_python(text, found_module, &(struct reading){ w, file });
}

/* ---- notebooks ---- */

/* "%pip install a 'b>=1'", "!pip install a": the words that are no options. */
static void read_pip_line(struct init_world *w, struct str line, const char *file)
{
	static const char *const starts[] = { "%pip install ",	 "!pip install ",	    "!pip3 install ",
					      "! pip install ",	 "!python -m pip install ", "%conda install ",
					      "!conda install ", "!mamba install " };
	struct str word;

	for (size_t i = 0; i < COUNT(starts); i++) {
		size_t n = strlen(starts[i]);

		if (line.n < n || strncmp(line.p, starts[i], n) != 0)
			continue;
		line = (struct str){ line.p + n, line.n - n };
		while (str_cut(&line, ' ', &word)) {
			word = str_trim(word);
			while (word.n && strchr("'\"", word.p[0]))
				word = (struct str){ word.p + 1, word.n - 1 };
			while (word.n && strchr("'\"", word.p[word.n - 1]))
				word.n--;
			/* what stands behind some options is no package */
			if (word.n == 2 && word.p[0] == '-' && strchr("cfint", word.p[1]))
				str_cut(&line, ' ', &word);
			else if (word.n && word.p[0] == '-')
				continue;
			else if (word.n)
				init_read_requirement(w, word, file);
		}
		return;
	}
}

/* A cell without its magics. "%%bash" makes all of it something else, "%%time" does not. */
static void read_cell(struct init_world *w, const char *source, const char *file)
{
	struct str rest = str_of(source), line;
	auto_buf python = { 0 };

	while (str_cut(&rest, '\n', &line)) {
		struct str text = str_trim(line);

		if (text.n > 1 && strncmp(text.p, "%%", 2) == 0) {
			if (strncmp(text.p, "%%time", 6) != 0 && strncmp(text.p, "%%capture", 9) != 0)
				return;
		} else if (text.n && strchr("%!", text.p[0])) {
			read_pip_line(w, text, file);
		} else {
			buf_add(&python, line.p, line.n);
		}
		buf_addc(&python, '\n');
	}
	init_read_python(w, buf_cstr(&python), file);
}

/* A source is a text, or a list of its lines. */
static const char *source_of(struct arena *a, const struct doc *source)
{
	auto_buf text = { 0 };

	if (source && source->type == DOC_STRING)
		return source->text;
	for (size_t i = 0; source && source->type == DOC_LIST && i < source->n; i++)
		if (source->items[i].type == DOC_STRING)
			buf_adds(&text, source->items[i].text);
	return arena_strdup(a, buf_cstr(&text));
}

static const char *text_of(const struct doc *d)
{
	return d && d->type == DOC_STRING ? d->text : "";
}

void init_read_notebook(struct init_world *w, const char *text, size_t n, const char *file)
{
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	const struct doc *d = doc_parse_json(&a, text, n, file, &err), *cells = doc_find(d, "cells");
	const struct doc *language = doc_find(doc_find(d, "metadata"), "language_info");
	const char *name = text_of(doc_find(language, "name")), *version = text_of(doc_find(language, "version"));
	size_t minor = strspn(version, "0123456789");

	if (!d) {
		init_remark(w, "%s", err.text);
		return;
	}
	if (*name && strcmp(name, "python") != 0)
		return;
	w->has_notebooks = true;
	minor += version[minor] == '.' ? 1 + strspn(version + minor + 1, "0123456789") : 0;
	if (!w->python && minor) {
		w->python = arena_printf(&w->arena, "=%.*s", (int)minor, version);
		w->python_from = file;
	}
	for (size_t i = 0; cells && cells->type == DOC_LIST && i < cells->n; i++)
		if (strcmp(text_of(doc_find(&cells->items[i], "cell_type")), "code") == 0)
			read_cell(w, source_of(&a, doc_find(&cells->items[i], "source")), file);
}
