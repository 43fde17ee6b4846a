#include <ctype.h>
#include <string.h>

#include "base/fs.h"
#include "base/num.h"
#include "cmd/init.h"

#define INCLUDES_MAX 4

static struct str from(struct str s, size_t n)
{
	return n > s.n ? (struct str){ s.p + s.n, 0 } : (struct str){ s.p + n, s.n - n };
}

static bool contains(struct str s, const char *part)
{
	size_t n = strlen(part);

	for (size_t i = 0; i + n <= s.n; i++)
		if (strncmp(s.p + i, part, n) == 0)
			return true;
	return false;
}

/* ---- versions ---- */

static void add_clause(struct buf *ret, struct str c)
{
	bool star = c.n > 2 && strncmp(c.p + c.n - 2, ".*", 2) == 0;

	if (ret->n)
		buf_addc(ret, ',');
	if (contains(c, "===") && c.p[0] == '=')
		c = from(c, 1);
	if (star && c.n > 4 && strncmp(c.p, "==", 2) == 0) {
		c = from(c, 1);
		c.n -= 2;
	}
	for (size_t i = 0; i < c.n; i++)
		if (!isspace((unsigned char)c.p[i]))
			buf_addc(ret, c.p[i]);
}

const char *init_version(struct arena *a, struct str pep440)
{
	struct str clause;
	auto_buf ret = { 0 };

	pep440 = str_trim(pep440);
	if (pep440.n > 1 && pep440.p[0] == '(' && pep440.p[pep440.n - 1] == ')')
		pep440 = (struct str){ pep440.p + 1, pep440.n - 2 };
	while (str_cut(&pep440, ',', &clause)) {
		clause = str_trim(clause);
		if (clause.n)
			add_clause(&ret, clause);
	}
	return arena_strdup(a, buf_cstr(&ret));
}

/* "^1.2.3" allows what leaves the first part that is not 0 as it is. */
static const char *caret(struct arena *a, struct str v)
{
	const char *text = arena_strndup(a, v.p, v.n);
	struct str rest = str_of(text), part;
	auto_buf next = { 0 };

	while (str_cut(&rest, '.', &part)) {
		size_t digits = strspn(part.p, "0123456789");
		bool last = digits < part.n || !rest.n || !isdigit((unsigned char)*rest.p);
		uint64_t n = 0;

		num_parse(arena_strndup(a, part.p, digits < part.n ? digits : part.n), UINT32_MAX, &n);
		if (n || last) {
			buf_addf(&next, "%llu", (unsigned long long)n + 1);
			break;
		}
		buf_adds(&next, "0.");
	}
	return arena_printf(a, ">=%s,<%s", text, next.p);
}

const char *init_poetry_version(struct arena *a, struct str text)
{
	text = str_trim(text);
	if (!text.n || str_eq(text, "*"))
		return "";
	if (text.p[0] == '^' && text.n > 1 && isdigit((unsigned char)text.p[1]))
		return caret(a, from(text, 1));
	if (text.p[0] == '~' && text.n > 1 && isdigit((unsigned char)text.p[1]))
		return arena_printf(a, "=%.*s", (int)text.n - 1, text.p + 1);
	if (isdigit((unsigned char)text.p[0]))
		return arena_printf(a, "==%.*s", (int)text.n, text.p);
	return init_version(a, text);
}

/* ---- a requirement ---- */

/* Whether a marker can never hold in an image of Linux. */
static bool is_elsewhere(struct str marker)
{
	return contains(marker, "==") &&
	       (contains(marker, "win32") || contains(marker, "darwin") || contains(marker, "Windows") ||
		contains(marker, "Darwin") || contains(marker, "'nt'"));
}

static size_t name_length(struct str s)
{
	size_t n = 0;

	while (n < s.n && (isalnum((unsigned char)s.p[n]) || strchr("-_.", s.p[n])))
		n++;
	return n;
}

/* " # comment" and " --hash=..." are not for us. */
static struct str without_tail(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] == '#' && (!i || isspace((unsigned char)s.p[i - 1]))) ||
		    (i + 2 < s.n && strncmp(s.p + i, " --", 3) == 0))
			s.n = i;
	return str_trim(s);
}

void init_read_requirement(struct init_world *w, struct str line, const char *file)
{
	struct arena *a = &w->arena;
	struct str marker = { 0 }, version;
	size_t n;

	line = without_tail(line);
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] == ';') {
			marker = str_trim(from(line, i + 1));
			line.n = i;
		}
	line = str_trim(line);
	n = name_length(line);
	if (!line.n || is_elsewhere(marker))
		return;
	if (!n || contains(line, "://") || contains(line, "@") || line.p[0] == '.' || contains(line, "/")) {
		init_remark(w, "%s: '%.*s' is no package of a channel", file, (int)(line.n > 200 ? 200 : line.n),
			    line.p);
		return;
	}
	version = str_trim(from(line, n));
	if (version.n && version.p[0] == '[') {
		const char *end = memchr(version.p, ']', version.n);

		version = str_trim(end ? from(version, (size_t)(end - version.p) + 1) : (struct str){ version.p, 0 });
	}
	if (version.n && !strchr("=<>!~(", version.p[0])) {
		init_remark(w, "%s: '%.*s' is not understood", file, (int)(line.n > 200 ? 200 : line.n), line.p);
		return;
	}
	init_need(w, init_package_of_pip(a, (struct str){ line.p, n }), init_version(a, version),
		  marker.n ? arena_printf(a, "%s, where %.*s", file, (int)(marker.n > 80 ? 80 : marker.n), marker.p)
			   : file);
}

/* ---- requirements.txt ---- */

/* "-r other.txt", which is beside the file that says so. */
static void include(struct init_world *w, struct str name, const char *file, unsigned depth)
{
	const char *slash = strrchr(file, '/');
	const char *path =
		arena_printf(&w->arena, "%.*s%.*s", slash ? (int)(slash - file) + 1 : 0, file, (int)name.n, name.p);
	struct err ignored = ERR_INIT;
	auto_buf text = { 0 };

	if (!name.n || name.p[0] == '/' || contains(name, "..") || contains(name, "://") || depth >= INCLUDES_MAX)
		init_remark(w, "%s: '-r %.*s' is not followed", file, (int)name.n, name.p);
	else if (fs_read(AT_FDCWD, arena_printf(&w->arena, "%s/%s", w->dir, path), INIT_FILE_MAX, &text, &ignored) < 0)
		init_remark(w, "%s: there is no %s", file, path);
	else
		init_read_requirements(w, buf_cstr(&text), path, depth + 1);
}

static void read_line(struct init_world *w, struct str line, const char *file, unsigned depth)
{
	line = str_trim(line);
	if (!line.n || line.p[0] == '#')
		return;
	if (line.p[0] != '-') {
		init_read_requirement(w, line, file);
		return;
	}
	if (strncmp(line.p, "-r", 2) == 0)
		include(w, str_trim(from(line, 2)), file, depth);
	else if (contains(line, "--requirement") && line.n > 14)
		include(w, str_trim(from(line, 14)), file, depth);
	else if (strncmp(line.p, "-e", 2) == 0 || contains(line, "--editable"))
		init_remark(w, "%s: '%.*s' is no package of a channel", file, (int)(line.n > 200 ? 200 : line.n),
			    line.p);
}

void init_read_requirements(struct init_world *w, const char *text, const char *file, unsigned depth)
{
	struct str rest = str_of(text), line;
	auto_buf whole = { 0 };

	while (str_cut(&rest, '\n', &line)) {
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (line.n && line.p[line.n - 1] == '\\') {
			buf_add(&whole, line.p, line.n - 1);
			buf_addc(&whole, ' ');
			continue;
		}
		buf_add(&whole, line.p, line.n);
		read_line(w, (struct str){ buf_cstr(&whole), whole.n }, file, depth);
		whole.n = 0;
	}
}

/* ---- pyproject.toml ---- */

enum table { OTHER, PROJECT, POETRY, PIXI };

struct toml {
	struct init_world *w;
	const char *file;
	enum table table;
	bool in_list; /* of project.dependencies */
};

/* The next text in quotes; *rest is what is behind. False: there is none before a comment or the end of the line. */
static bool quoted(struct str *rest, struct str *ret)
{
	for (size_t i = 0; i < rest->n && rest->p[i] != '#'; i++) {
		const char *end;

		if (!strchr("'\"", rest->p[i]))
			continue;
		end = memchr(rest->p + i + 1, rest->p[i], rest->n - i - 1);
		if (!end)
			return false;
		*ret = (struct str){ rest->p + i + 1, (size_t)(end - rest->p) - i - 1 };
		*rest = from(*rest, (size_t)(end - rest->p) + 1);
		return true;
	}
	return false;
}

static void read_items(struct toml *t, struct str line)
{
	struct str item;

	while (quoted(&line, &item))
		init_read_requirement(t->w, item, t->file);
	/* what is left has no quotes, so a bracket is the list's own ("name[extra]" is quoted) */
	if (memchr(line.p, ']', line.n))
		t->in_list = false;
}

static void set_python(struct toml *t, const char *version)
{
	if (t->w->python || !*version)
		return;
	t->w->python = version;
	t->w->python_from = t->file;
}

static void read_table(struct toml *t, struct str header)
{
	t->table = str_eq(header, "[project]")			  ? PROJECT
		   : str_eq(header, "[tool.poetry.dependencies]") ? POETRY
		   : str_eq(header, "[tool.pixi.dependencies]")	  ? PIXI
								  : OTHER;
}

/* name = "^1.2", or { version = "^1.2", ... }: of those the first text. */
static void read_dependency(struct toml *t, struct str key, struct str value)
{
	struct arena *a = &t->w->arena;
	struct str version = { 0 };
	const char *spec;

	if (contains(value, "path") || contains(value, "git =") || contains(value, "url =")) {
		init_remark(t->w, "%s: '%.*s' is no package of a channel", t->file, (int)key.n, key.p);
		return;
	}
	quoted(&value, &version);
	spec = !version.n	      ? ""
	       : t->table == POETRY   ? init_poetry_version(a, version)
	       : str_eq(version, "*") ? ""
				      : arena_strndup(a, version.p, version.n);
	if (str_eq(key, "python"))
		set_python(t, spec);
	else
		init_need(t->w, t->table == POETRY ? init_package_of_pip(a, key) : arena_strndup(a, key.p, key.n), spec,
			  t->file);
}

static void read_key(struct toml *t, struct str line)
{
	const char *eq = memchr(line.p, '=', line.n);
	struct str key, value, text;

	if (!eq)
		return;
	key = str_trim((struct str){ line.p, (size_t)(eq - line.p) });
	value = from(line, (size_t)(eq - line.p) + 1);
	if (t->table == PROJECT && str_eq(key, "dependencies")) {
		t->in_list = true;
		read_items(t, value);
	} else if (t->table == PROJECT && str_eq(key, "requires-python") && quoted(&value, &text)) {
		set_python(t, init_version(&t->w->arena, text));
	} else if (t->table == POETRY || t->table == PIXI) {
		read_dependency(t, key, value);
	}
}

/* As much of TOML as these files are written in: a line says one thing, but for lists. */
void init_read_pyproject(struct init_world *w, const char *text, const char *file)
{
	struct toml t = { .w = w, .file = file };
	struct str rest = str_of(text), line;

	while (str_cut(&rest, '\n', &line)) {
		line = str_trim(line);
		if (!line.n || line.p[0] == '#')
			continue;
		if (t.in_list)
			read_items(&t, line);
		else if (line.p[0] == '[')
			read_table(&t, line);
		else
			read_key(&t, line);
	}
}
