#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "cmd/init.h"

#define TEXT_MAX 1000

/* ---- the world ---- */

void init_release(struct init_world *w)
{
	free(w->needs);
	free(w->local);
	free(w->imports);
	free(w->remarks);
	arena_release(&w->arena);
	*w = (struct init_world){ 0 };
}

void init_need(struct init_world *w, const char *name, const char *spec, const char *why)
{
	if (init_same_name(name, "python")) {
		if (*spec && !w->python) {
			w->python = spec;
			w->python_from = why;
		}
		return;
	}
	for (size_t i = 0; i < w->n_needs; i++) {
		struct init_need *n = &w->needs[i];

		if (!init_same_name(n->name, name))
			continue;
		n->more += strcmp(n->why, why) != 0;
		if (!*n->spec && *spec) {
			n->spec = spec;
			n->why = why;
		}
		return;
	}
	mem_grow(w->needs, w->n_needs);
	w->needs[w->n_needs++] = (struct init_need){ name, spec, arena_strdup(&w->arena, why), 0 };
}

void init_remark(struct init_world *w, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	str_tidy(text);
	for (size_t i = 0; i < w->n_remarks; i++)
		if (strcmp(w->remarks[i], text) == 0)
			return;
	mem_grow(w->remarks, w->n_remarks);
	w->remarks[w->n_remarks++] = arena_strdup(&w->arena, text);
}

static void add(const char ***list, size_t *n, const char *text)
{
	mem_grow(*list, *n);
	(*list)[(*n)++] = text;
}

void init_import(struct init_world *w, const char *module, const char *file)
{
	add(&w->imports, &w->n_imports, module);
	add(&w->imports, &w->n_imports, file);
}

static const char *top_of(struct arena *a, const char *module)
{
	return arena_strndup(a, module, strcspn(module, "."));
}

static bool is_local(const struct init_world *w, const char *name)
{
	for (size_t i = 0; i < w->n_local; i++)
		if (strcmp(w->local[i], name) == 0)
			return true;
	return false;
}

/* Once all files are known. Needs that somebody wrote down stand first, and keep their versions. */
static void resolve_imports(struct init_world *w)
{
	for (size_t i = 0; i < w->n_imports; i += 2) {
		const char *module = w->imports[i], *top = top_of(&w->arena, module);

		if (init_is_standard(top) || is_local(w, top))
			continue;
		init_need(w, init_package_of_module(&w->arena, module), "",
			  arena_printf(&w->arena, "imported by %s", w->imports[i + 1]));
	}
}

/* ---- the folder ---- */

static const char *in_dir(struct init_world *w, const char *path)
{
	return arena_printf(&w->arena, "%s/%s", w->dir, path);
}

/* What is not there, not a file, or too large is nothing to look at. */
static bool read_text(struct init_world *w, const char *path, struct buf *ret)
{
	struct err ignored = ERR_INIT;
	struct stat st;
	const char *full = in_dir(w, path);

	return lstat(full, &st) == 0 && S_ISREG(st.st_mode) &&
	       fs_read(AT_FDCWD, full, INIT_FILE_MAX, ret, &ignored) == 0;
}

/* Environments and what tools leave behind are no part of the project. */
static bool is_skipped(struct init_world *w, const char *path, const char *name)
{
	static const char *const names[] = { "node_modules", "__pycache__", "build",	    "dist",
					     "venv",	     "env",	    "site-packages" };

	if (*name == '.')
		return true;
	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return fs_exists(AT_FDCWD, in_dir(w, arena_printf(&w->arena, "%s/pyvenv.cfg", path))) ||
	       fs_exists(AT_FDCWD, in_dir(w, arena_printf(&w->arena, "%s/conda-meta", path)));
}

static void look_at_file(struct init_world *w, const char *path, const char *name)
{
	auto_buf text = { 0 };

	if (!str_ends(name, ".py") && !str_ends(name, ".ipynb"))
		return;
	if (w->files++ >= INIT_FILES_MAX || !read_text(w, path, &text))
		return;
	if (str_ends(name, ".ipynb")) {
		init_read_notebook(w, buf_cstr(&text), text.n, path);
		return;
	}
	add(&w->local, &w->n_local, arena_strndup(&w->arena, name, strlen(name) - 3));
	init_read_python(w, buf_cstr(&text), path);
}

static int walk(struct init_world *w, const char *folder, unsigned depth, struct err *err)
{
	const char *const *names;
	size_t n;

	if (fs_list(&w->arena, AT_FDCWD, *folder ? in_dir(w, folder) : w->dir, &names, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const char *path = *folder ? arena_printf(&w->arena, "%s/%s", folder, names[i]) : names[i];
		struct err ignored = ERR_INIT;
		struct stat st;

		if (lstat(in_dir(w, path), &st) < 0)
			continue;
		if (S_ISREG(st.st_mode))
			look_at_file(w, path, names[i]);
		if (!S_ISDIR(st.st_mode) || depth >= INIT_DEPTH_MAX || is_skipped(w, path, names[i]))
			continue;
		add(&w->local, &w->n_local, names[i]);
		walk(w, path, depth + 1, &ignored);
	}
	return 0;
}

/* ---- files of other systems ---- */

static struct str first_line(const struct buf *text)
{
	return str_trim((struct str){ buf_cstr(text), strcspn(buf_cstr(text), "\n") });
}

/* runtime.txt: "python-3.11.4"; .python-version: "3.11.4". */
static void read_runtime(struct init_world *w, const char *file, const char *front)
{
	auto_buf text = { 0 };
	struct str s;

	if (w->python || !read_text(w, file, &text))
		return;
	s = first_line(&text);
	if (s.n < strlen(front) || strncmp(s.p, front, strlen(front)) != 0)
		return;
	s = (struct str){ s.p + strlen(front), s.n - strlen(front) };
	if (!s.n || strspn(s.p, "0123456789.") < s.n || s.p[s.n - 1] == '.')
		return;
	w->python = arena_printf(&w->arena, "=%.*s", (int)s.n, s.p);
	w->python_from = file;
}

/* "web: command"; the first process where none is called web. */
static void read_procfile(struct init_world *w)
{
	auto_buf text = { 0 };
	struct str rest, line;

	if (!read_text(w, "Procfile", &text))
		return;
	rest = (struct str){ buf_cstr(&text), text.n };
	while (str_cut(&rest, '\n', &line)) {
		const char *colon = memchr(line.p, ':', line.n);
		struct str name, command;

		if (!colon || line.p[0] == '#')
			continue;
		name = str_trim((struct str){ line.p, (size_t)(colon - line.p) });
		command = str_trim((struct str){ colon + 1, line.n - (size_t)(colon - line.p) - 1 });
		if (command.n && (!w->command || str_eq(name, "web"))) {
			w->command = arena_strndup(&w->arena, command.p, command.n);
			w->command_from = arena_printf(&w->arena, "Procfile, %.*s", (int)name.n, name.p);
		}
	}
}

/* A server that is started, and imported by nobody. */
static void need_program(struct init_world *w)
{
	static const char *const programs[] = { "gunicorn", "uvicorn", "hypercorn", "daphne", "celery", "streamlit",
						"panel",    "bokeh",   "voila",	    "flask",  "jupyter" };
	size_t n = w->command ? strcspn(w->command, " ") : 0;

	for (size_t i = 0; i < COUNT(programs); i++)
		if (n && strlen(programs[i]) == n && strncmp(w->command, programs[i], n) == 0)
			init_need(w, programs[i], "", "Procfile");
}

static void find_script(struct init_world *w)
{
	static const char *const names[] = { "main.py", "app.py", "server.py",	"serve.py",
					     "web.py",	"run.py", "__main__.py" };

	for (size_t i = 0; i < COUNT(names) && !w->script; i++)
		if (fs_exists(AT_FDCWD, in_dir(w, names[i])))
			w->script = names[i];
}

static void read_lists(struct init_world *w)
{
	auto_buf requirements = { 0 }, project = { 0 };

	if (read_text(w, "requirements.txt", &requirements))
		init_read_requirements(w, buf_cstr(&requirements), "requirements.txt", 0);
	if (read_text(w, "pyproject.toml", &project))
		init_read_pyproject(w, buf_cstr(&project), "pyproject.toml");
}

static void find_locks(struct init_world *w)
{
	static const char *const names[] = { "conda-lock.yml", "pixi.lock" };

	for (size_t i = 0; i < COUNT(names); i++)
		if (fs_exists(AT_FDCWD, in_dir(w, names[i]))) {
			w->has_lock = true;
			init_remark(w, "there is a %s, which condaimg build takes as it is", names[i]);
		}
	if (fs_exists(AT_FDCWD, in_dir(w, "Pipfile")))
		init_remark(w, "Pipfile is not read");
}

int init_look(const char *dir, struct init_world *ret, struct err *err)
{
	*ret = (struct init_world){ .dir = dir };
	read_runtime(ret, "runtime.txt", "python-");
	read_runtime(ret, ".python-version", "");
	read_lists(ret);
	if (walk(ret, "", 0, err) < 0)
		return -1;
	if (ret->files > INIT_FILES_MAX)
		init_remark(ret, "only the first %d Python files were looked at", INIT_FILES_MAX);
	resolve_imports(ret);
	read_procfile(ret);
	need_program(ret);
	find_script(ret);
	find_locks(ret);
	return 0;
}
