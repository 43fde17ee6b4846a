#include "cmd/input.h"

#include <string.h>

#include "base/fs.h"
#include "conda/explicit.h"
#include "conda/notebook.h"
#include "conda/pixi_lock.h"
#include "conda/spec_file.h"

#define INPUT_MAX ((uint64_t)64 << 20)

/* ---- reading ---- */

static bool is_stdin(const char *path)
{
	return strcmp(path, "-") == 0;
}

static int read_text(const char *path, struct buf *ret, struct err *err)
{
	auto_source *in = NULL;

	if (!is_stdin(path))
		return fs_read(AT_FDCWD, path, INPUT_MAX, ret, err);
	in = source_file(AT_FDCWD, "/dev/stdin", err);
	return in ? io_slurp(in, INPUT_MAX, ret, err) : -1;
}

/* The lock in a bundle. */
static int open_bundle(const struct options *o, struct input_files *ret, struct err *err)
{
	struct input_file *file = arena_alloc(&ret->arena, sizeof(*file));
	const char *path = o->args[0];

	if (o->n_args > 1)
		return err_set(err, ERR_USAGE, "a bundle is taken alone, and there are %zu files", o->n_args);
	if (bundle_open(path, &ret->bundle, err) < 0)
		return -1;
	*file = (struct input_file){ arena_printf(&ret->arena, "%s:conda-lock.yml", path), ret->bundle.lock,
				     ret->bundle.lock_size };
	ret->files = file;
	ret->n = 1;
	ret->names = path;
	return 0;
}

int input_open(const struct options *o, struct input_files *ret, struct err *err)
{
	struct input_file *files;
	auto_buf names = { 0 };

	*ret = (struct input_files){ .n = o->n_args, .environment = o->environment };
	files = arena_array(&ret->arena, o->n_args, sizeof(*files));
	ret->files = files;
	for (size_t i = 0; i < o->n_args; i++) {
		auto_buf text = { 0 };

		if (!is_stdin(o->args[i]) && bundle_is(o->args[i]))
			return open_bundle(o, ret, err);
		if (read_text(o->args[i], &text, err) < 0)
			return -1;
		files[i] =
			(struct input_file){ o->args[i], arena_strndup(&ret->arena, buf_cstr(&text), text.n), text.n };
		buf_addf(&names, "%s%s", i ? " " : "", o->args[i]);
	}
	ret->names = arena_strdup(&ret->arena, buf_cstr(&names));
	return 0;
}

void input_close(struct input_files *f)
{
	bundle_close(&f->bundle);
	arena_release(&f->arena);
	*f = (struct input_files){ 0 };
}

/* ---- what is it ---- */

enum form { FORM_ENVIRONMENT, FORM_SPECS, FORM_NOTEBOOK, FORM_EXPLICIT, FORM_CONDA_LOCK, FORM_PIXI_LOCK };

/* Whether a line begins with "key:". */
static bool has_key(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, n) == 0 && line[n] == ':')
			return true;
	}
	return false;
}

/* Whether a line is "word:" or "word: more" from its first column on, as no MatchSpec is. */
static bool has_any_key(const char *text)
{
	for (const char *line = text; line; line = strchr(line, '\n')) {
		size_t n;

		line += *line == '\n';
		n = strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-\"'");
		if (n && line[n] == ':' && strchr(" \t\r\n", line[n + 1]))
			return true;
	}
	return *text == '{';
}

static bool is_yaml_name(const char *path)
{
	return str_ends(path, ".yml") || str_ends(path, ".yaml") || str_ends(path, ".lock") || str_ends(path, ".json");
}

/* By the name where that says it, as conda has it; by the text where a name does not. */
static enum form form_of(const struct input_file *f)
{
	bool text = str_ends(f->path, ".txt") || (!is_yaml_name(f->path) && f->n && !has_any_key(f->text));

	if (str_ends(f->path, ".ipynb"))
		return FORM_NOTEBOOK;
	if (text)
		return explicit_is(f->text, f->n) ? FORM_EXPLICIT : FORM_SPECS;
	if (has_key(f->text, "packages") && has_key(f->text, "environments"))
		return FORM_PIXI_LOCK;
	if (has_key(f->text, "package") && has_key(f->text, "metadata"))
		return FORM_CONDA_LOCK;
	return FORM_ENVIRONMENT;
}

/* The line, from 1, that git leaves in a file whose two sides it could not put together; 0: none. */
static unsigned conflict_line(const char *text)
{
	unsigned n = 1;

	for (const char *line = text; line; line = strchr(line, '\n'), n++) {
		line += *line == '\n';
		if (str_starts(line, "<<<<<<< ") || str_starts(line, ">>>>>>> "))
			return n;
	}
	return 0;
}

#define WRITE_LISTS "write the file with `conda list --explicit --sha256`, or `conda env export`"

/* What people have beside environments, and is none. NULL: it may be one. */
static const char *other_tools(const struct input_file *f)
{
	const char *base = strrchr(f->path, '/'), *text = f->text + strspn(f->text, " \t\r\n");

	base = base ? base + 1 : f->path;
	if (str_starts(text, "version https://git-lfs"))
		return "is a pointer of Git LFS; git lfs pull brings the file itself";
	if (str_starts(text, "List of packages in environment"))
		return "is what `micromamba list` prints; " WRITE_LISTS;
	if (*text == '[' && strstr(text, "\"dist_name\""))
		return "is what `conda list --json` prints; " WRITE_LISTS;
	if (*text == '<')
		return "is HTML or XML; was a page saved instead of the file?";
	if (strcmp(base, "pixi.toml") == 0 || (strcmp(base, "pyproject.toml") == 0 && strstr(f->text, "[tool.pixi")))
		return "is a manifest of pixi; give the pixi.lock that pixi lock writes beside it";
	if (str_starts(text, "[[package]]") || strstr(f->text, "\n[[package]]"))
		return "is a lock of another package manager, such as uv or poetry; conda-lock.yml and pixi.lock are read";
	if (str_ends(base, ".toml"))
		return "is TOML, which is not read; give an environment.yml, a list of specs or a lock";
	if (strcmp(base, "package.json") == 0 || strcmp(base, "package-lock.json") == 0)
		return "is of npm; give an environment.yml, a list of specs or a lock";
	return NULL;
}

static int refuse_other_tools(const struct input_file *f, struct err *err)
{
	unsigned line = conflict_line(f->text);
	const char *other = other_tools(f);

	if (line)
		return err_set(err, ERR_FORMAT, "%s:%u: is a mark of a conflict in git: the merge is not finished",
			       f->path, line);
	return other ? err_set(err, ERR_FORMAT, "%s %s", f->path, other) : 0;
}

static const char *variable(const char *name)
{
	return getenv(name);
}

static int absolute_dir(const char *dir, char **ret, struct err *err)
{
	*ret = realpath(dir, NULL);
	return *ret ? 0 : err_sys(err, "cannot find the directory %s", dir);
}

static int read_lock(const struct input_files *f, enum form form, const char *subdir, struct lock *ret, struct err *err)
{
	const struct input_file *file = &f->files[0];
	auto_arena a = { 0 };
	auto_free char *dir = NULL;

	if (form == FORM_CONDA_LOCK)
		return lock_parse(file->text, file->n, file->path, ret, err);
	/* Paths of a list are against the working directory (CEP 23), those of a pixi.lock against its own. */
	if (absolute_dir(form == FORM_EXPLICIT ? "." : input_dir(&a, file->path), &dir, err) < 0)
		return -1;
	if (form == FORM_PIXI_LOCK)
		return pixi_lock_parse(file->text, file->n, file->path, dir, f->environment, ret, err);
	return explicit_parse(
		file->text, file->n, file->path, subdir,
		&(struct explicit_place){
			.cwd = dir, .home = getenv("HOME"), .variable = variable, .unverified = f->looks_up },
		ret, err);
}

static int add_environment(const struct input_file *f, enum form form, const char *subdir, bool first, struct env *ret,
			   struct err *err)
{
	auto_env more = { 0 };
	int rc = form == FORM_SPECS	 ? spec_file_parse(f->text, f->n, f->path, &more, err)
		 : form == FORM_NOTEBOOK ? notebook_parse(f->text, f->n, f->path, &more, err)
					 : env_parse(f->text, f->n, f->path, subdir, &more, err);

	if (rc < 0)
		return -1;
	if (!first)
		return env_merge(ret, &more, err);
	*ret = more;
	more = (struct env){ 0 };
	return 0;
}

int input_read(const struct input_files *f, const char *subdir, struct input *ret, struct err *err)
{
	*ret = (struct input){ 0 };
	for (size_t i = 0; i < f->n; i++) {
		enum form form = form_of(&f->files[i]);
		bool is_lock = form != FORM_ENVIRONMENT && form != FORM_SPECS && form != FORM_NOTEBOOK;

		if (refuse_other_tools(&f->files[i], err) < 0)
			return -1;
		if (form == FORM_ENVIRONMENT && str_ends(f->files[i].path, ".lock") &&
		    !has_key(f->files[i].text, "dependencies"))
			return err_set(
				err, ERR_FORMAT,
				"%s is neither a conda-lock file (keys 'metadata' and 'package') nor a pixi.lock "
				"('environments' and 'packages')",
				f->files[i].path);
		if (f->environment && form != FORM_PIXI_LOCK)
			return err_set(err, ERR_USAGE, "-e chooses an environment of a pixi.lock, and %s is none",
				       f->files[i].path);
		if (is_lock && f->n > 1)
			return err_set(err, ERR_USAGE,
				       "%s is a lock, which is taken alone; only environments are "
				       "taken together",
				       f->files[i].path);
		if (is_lock) {
			ret->is_lock = true;
			ret->is_conda_lock = form == FORM_CONDA_LOCK;
			return read_lock(f, form, subdir, &ret->lock, err);
		}
		if (add_environment(&f->files[i], form, subdir, i == 0, &ret->env, err) < 0)
			return -1;
	}
	return 0;
}

int input_read_one(const char *path, const char *subdir, struct input_files *files, struct input *ret, struct err *err)
{
	struct options o = { .args = &path, .n_args = 1 };

	return input_open(&o, files, err) < 0 ? -1 : input_read(files, subdir, ret, err);
}

void input_release(struct input *in)
{
	env_release(&in->env);
	lock_release(&in->lock);
}

/* ---- places ---- */

const char *input_dir(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return ".";
	return slash == path ? "/" : arena_strndup(a, path, (size_t)(slash - path));
}

const char *input_lock_path(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t dir = slash ? (size_t)(slash - path) + 1 : 0;

	return arena_printf(a, "%.*sconda-lock.yml", (int)dir, path);
}

/* Bytes of the directories that two absolute ones have in common, without a '/' at the end. */
static size_t common_dirs(const char *x, const char *y)
{
	size_t n = 0, i = 0;

	for (;; i++) {
		bool x_end = !x[i] || x[i] == '/', y_end = !y[i] || y[i] == '/';

		if (x_end && y_end)
			n = i;
		if (x[i] != y[i] || !x[i])
			return n;
	}
}

/* path, seen from the absolute directory from. */
static const char *relative(struct arena *a, const char *from, const char *path)
{
	const char *base = strrchr(path, '/');
	auto_free char *dir = realpath(input_dir(a, path), NULL);
	auto_buf b = { 0 };
	size_t n;

	base = base ? base + 1 : path;
	if (!dir || is_stdin(path))
		return path;
	n = common_dirs(from, dir);
	for (const char *s = from + n; *s; s++)
		if (*s == '/' && s[1])
			buf_adds(&b, "../");
	if (dir[n] == '/' && dir[n + 1])
		buf_addf(&b, "%s/", dir + n + 1);
	buf_adds(&b, base);
	return arena_strdup(a, buf_cstr(&b));
}

const char *const *input_sources(struct arena *a, const struct input_files *f, const char *lock_path)
{
	const char **ret = arena_array(a, f->n + 1, sizeof(*ret));
	auto_free char *from = realpath(is_stdin(lock_path) ? "." : input_dir(a, lock_path), NULL);

	for (size_t i = 0; i < f->n; i++)
		ret[i] = from ? relative(a, from, f->files[i].path) : f->files[i].path;
	return ret;
}
