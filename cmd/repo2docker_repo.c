#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/doc.h"
#include "base/fs.h"
#include "cmd/repo2docker.h"

#define FILE_MAX ((uint64_t)16 << 20)
#define NO_CODE "condaimg runs no code while it makes an image"

struct looker {
	const char *dir;
	struct arena *a;
	struct r2d_repo *to;
	struct err *err;
};

/* ---- files of the repository ---- */

static const char *full(const struct looker *l, const char *path)
{
	return arena_printf(l->a, "%s/%s", l->dir, path);
}

static const char *configured(const struct looker *l, const char *name)
{
	return arena_printf(l->a, "%s%s", l->to->front, name);
}

static bool is_folder(const struct looker *l, const char *path)
{
	struct stat st;

	return stat(full(l, path), &st) == 0 && S_ISDIR(st.st_mode);
}

static bool has(const struct looker *l, const char *path)
{
	struct stat st;

	return stat(full(l, path), &st) == 0 && !S_ISDIR(st.st_mode);
}

/* A file of a stranger may be a link to one of this machine's. */
static int read_own(const struct looker *l, const char *path, struct buf *ret)
{
	auto_free char *real = realpath(full(l, path), NULL), *top = realpath(l->dir, NULL);
	size_t n = top ? strlen(top) : 0;

	if (!real || !top)
		return err_sys(l->err, "cannot read %s", path);
	if (strncmp(real, top, n) != 0 || real[n] != '/')
		return err_set(l->err, ERR_FORMAT, "%s is a link that leads out of the repository", path);
	return fs_read(AT_FDCWD, real, FILE_MAX, ret, l->err) < 0 ? err_at(l->err, "%s", path) : 0;
}

/* Whether a file has a line that says something. */
static int says_something(const struct looker *l, const char *path)
{
	auto_buf text = { 0 };
	struct str rest, line;

	if (!has(l, path))
		return 0;
	if (read_own(l, path, &text) < 0)
		return -1;
	rest = (struct str){ buf_cstr(&text), text.n };
	while (str_cut(&rest, '\n', &line)) {
		line = str_trim(line);
		if (line.n && line.p[0] != '#')
			return 1;
	}
	return 0;
}

static void impossible(const struct looker *l, const char *what, const char *why)
{
	if (!l->to->impossible)
		l->to->impossible = arena_printf(l->a, "%s: %s, and " NO_CODE, what, why);
}

/* ---- runtime.txt: "python-3.11", "r-4.4-2024-01-01" ---- */

static int read_runtime(const struct looker *l, bool *is_r, bool *is_python)
{
	const char *path = configured(l, "runtime.txt");
	auto_buf text = { 0 };
	struct str s;
	size_t n;

	*is_r = *is_python = false;
	if (!has(l, path))
		return 0;
	if (read_own(l, path, &text) < 0)
		return -1;
	s = str_trim((struct str){ buf_cstr(&text), text.n });
	*is_r = s.n > 2 && strncmp(s.p, "r-", 2) == 0;
	*is_python = s.n > 7 && strncmp(s.p, "python-", 7) == 0;
	if (!*is_python)
		return 0;
	s.p += 7;
	n = strspn(s.p, "0123456789.");
	if (n != s.n - 7)
		return err_set(l->err, ERR_FORMAT, "%s is '%.*s', expected python-X.Y", path, (int)(s.n), s.p - 7);
	l->to->python = arena_strndup(l->a, s.p, n);
	return 0;
}

/* ---- environment.yml ---- */

/* Whether a text in it has a '$'. */
static bool has_variable(const struct doc *d)
{
	bool ret = d->text && strchr(d->text, '$');

	for (size_t i = 0; i < d->n && (d->type == DOC_LIST || d->type == DOC_MAP); i++)
		ret = ret || has_variable(&d->items[i]);
	return ret;
}

/* What has to be known of it before it is solved. */
static int read_environment(const struct looker *l, const char *path)
{
	auto_buf text = { 0 };
	auto_arena tmp = { 0 };
	struct err ignored = ERR_INIT;
	const struct doc *d, *deps, *channels;

	if (read_own(l, path, &text) < 0)
		return -1;
	/* What is wrong with it the build will tell. */
	d = doc_parse_yaml(&tmp, buf_cstr(&text), text.n, path, &ignored);
	deps = doc_find(d, "dependencies");
	channels = doc_find(d, "channels");
	/* A stranger's server would be told what the variables of this machine are. */
	if (channels && has_variable(channels))
		return err_set(l->err, ERR_FORMAT,
			       "%s: a channel has a variable in it ('$'), which a repository may not ask for", path);
	for (size_t i = 0; deps && deps->type == DOC_LIST && i < deps->n; i++) {
		const struct doc *item = &deps->items[i], *pip = doc_find(item, "pip");

		if (item->type == DOC_STRING && str_starts(item->text, "r-"))
			l->to->has_r = true;
		if (pip && pip->type == DOC_LIST && pip->n)
			impossible(l, path,
				   "it asks for packages from PyPI ('pip:'), which condaimg does not install yet");
	}
	return 0;
}

/* ---- which of repo2docker's ways it is ---- */

static bool find_environment(const struct looker *l)
{
	static const char *const names[] = { "environment.yml", "environment.yaml" };

	for (size_t i = 0; i < COUNT(names) && !l->to->environment; i++)
		if (has(l, configured(l, names[i])))
			l->to->environment = configured(l, names[i]);
	return l->to->environment != NULL;
}

static bool find_lock(const struct looker *l)
{
	static const char *const names[] = { "conda-lock.yml", "pixi.lock" };

	for (size_t i = 0; i < COUNT(names) && !l->to->environment; i++)
		if (has(l, configured(l, names[i])))
			l->to->environment = configured(l, names[i]);
	l->to->is_lock = l->to->environment != NULL;
	return l->to->is_lock;
}

/* setup.py, or a pyproject.toml that says how it is built. Only in the root, and only without binder/. */
static int is_python_package(const struct looker *l, const char **which)
{
	auto_buf text = { 0 };

	*which = NULL;
	if (*l->to->front)
		return 0;
	if (has(l, "setup.py"))
		*which = "setup.py";
	if (*which || !has(l, "pyproject.toml"))
		return 0;
	if (read_own(l, "pyproject.toml", &text) < 0)
		return -1;
	if (strstr(buf_cstr(&text), "[build-system]") && strstr(buf_cstr(&text), "[project]"))
		*which = "pyproject.toml";
	return 0;
}

static int look_for_others(const struct looker *l, bool is_r)
{
	static const struct {
		const char *name, *why;
	} others[] = {
		{ "Dockerfile", "a Dockerfile is a list of commands to run" },
		{ "Project.toml", "Julia's packages are installed by julia" },
		{ "JuliaProject.toml", "Julia's packages are installed by julia" },
		{ "REQUIRE", "Julia's packages are installed by julia" },
		{ "default.nix", "Nix environments are built by nix" },
	};

	for (size_t i = 0; i < COUNT(others); i++)
		if (has(l, configured(l, others[i].name)))
			impossible(l, configured(l, others[i].name), others[i].why);
	if (is_r)
		impossible(l, configured(l, "runtime.txt"),
			   "it asks for R from a snapshot of CRAN, which R itself installs");
	if (!*l->to->front && has(l, "DESCRIPTION"))
		impossible(l, "DESCRIPTION", "R packages are installed by R");
	return 0;
}

static int look_for_pip(const struct looker *l)
{
	static const char *const names[] = { "Pipfile", "Pipfile.lock" };
	const char *package;
	int got;

	for (size_t i = 0; i < COUNT(names); i++)
		if (has(l, configured(l, names[i])))
			impossible(l, configured(l, names[i]), "its packages are installed by pip");
	if (is_python_package(l, &package) < 0)
		return -1;
	if (package)
		impossible(l, package, "installing the package means to run its build");
	got = says_something(l, configured(l, "requirements.txt"));
	if (got > 0)
		impossible(l, configured(l, "requirements.txt"),
			   "its packages are installed by pip (list conda packages in an environment.yml instead)");
	return got < 0 ? -1 : 0;
}

/* What is heeded whatever the way is. */
static int look_for_scripts(const struct looker *l)
{
	int got = says_something(l, configured(l, "apt.txt"));

	if (got < 0)
		return -1;
	if (got > 0)
		impossible(l, configured(l, "apt.txt"), "Debian's packages run scripts when they are installed");
	if (has(l, configured(l, "postBuild")))
		impossible(l, configured(l, "postBuild"), "it is a script to run in the image");
	return 0;
}

/* ---- the start script ---- */

/* It runs when the container does, so it is no obstacle. One that is not executable is started by what its first line names. */
static int look_for_start(const struct looker *l)
{
	const char *path = configured(l, "start");
	auto_buf text = { 0 };
	struct stat st;
	struct str line;

	if (!has(l, path))
		return 0;
	if (read_own(l, path, &text) < 0)
		return -1;
	line = (struct str){ buf_cstr(&text), strcspn(buf_cstr(&text), "\r\n") };
	if (line.n < 4 || strncmp(line.p, "#!", 2) != 0)
		return err_set(l->err, ERR_FORMAT,
			       "%s has no first line such as #!/bin/bash, so nobody knows how to start it", path);
	l->to->start = path;
	if (stat(full(l, path), &st) == 0 && st.st_mode & S_IXUSR)
		return 0;
	line = str_trim((struct str){ line.p + 2, line.n - 2 });
	l->to->interpreter = arena_strndup(l->a, line.p, line.n);
	return 0;
}

static void find_ignore_files(const struct looker *l)
{
	static const char *const names[] = { ".dockerignore", ".containerignore" };
	const char *found[COUNT(names)];
	size_t n = 0;

	for (size_t i = 0; i < COUNT(names); i++)
		if (has(l, configured(l, names[i])))
			found[n++] = configured(l, names[i]);
	l->to->ignore_files = arena_strlist(l->a, found, n);
}

int repo2docker_look(const char *dir, struct arena *a, struct r2d_repo *ret, struct err *err)
{
	struct looker l = { dir, a, ret, err };
	bool is_r, is_python, binder = is_folder(&l, "binder"), dot_binder = is_folder(&l, ".binder");

	*ret = (struct r2d_repo){ .front = dot_binder ? ".binder/" : binder ? "binder/" : "" };
	if (binder && dot_binder)
		return err_set(
			err, ERR_FORMAT,
			"the repository contains both a 'binder' and a '.binder' directory, and may have one of them");
	if (read_runtime(&l, &is_r, &is_python) < 0 || look_for_others(&l, is_r) < 0 || look_for_scripts(&l) < 0 ||
	    look_for_start(&l) < 0)
		return -1;
	find_ignore_files(&l);
	if (find_environment(&l)) {
		ret->python = NULL; /* as repo2docker has it: the environment says which */
		return read_environment(&l, ret->environment);
	}
	return find_lock(&l) ? 0 : look_for_pip(&l);
}
