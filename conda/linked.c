#include "conda/linked.h"

#include "conda/entry_point.h"
#include "conda/placeholder.h"

#define PATH_BYTES_MAX 4096
#define SITE_PACKAGES "site-packages"
#define PYTHON_SCRIPTS "python-scripts"

/* ---- prefix ---- */

int prefix_check(const char *path, struct err *err)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+-@,=%~";
	static const char shebang[] = "#!/bin/python3.10";
	const char *fault = path[0] == '/' ? tree_path_fault(path + 1) : "is not absolute";

	if (fault)
		return err_set(err, ERR_USAGE, "prefix '%s' %s", path, fault);
	if (path[strspn(path, good)])
		return err_set(
			err, ERR_USAGE,
			"prefix '%s' has a byte that breaks scripts or PATH, expected letters, digits and /._+-@,=%%~",
			path);
	if (strlen(path) + strlen(shebang) > PLACEHOLDER_SHEBANG_MAX)
		return err_set(err, ERR_USAGE,
			       "prefix '%s' has %zu bytes, expected at most %zu, for scripts to begin with it", path,
			       strlen(path), PLACEHOLDER_SHEBANG_MAX - strlen(shebang));
	return 0;
}

/* ---- where a path goes ---- */

/* What stands below dir/ in path; "" where path is dir itself; NULL where it is elsewhere. */
static const char *below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (strncmp(path, dir, n) != 0 || (path[n] && path[n] != '/'))
		return NULL;
	return path[n] ? path + n + 1 : "";
}

static const char *joined(struct arena *a, const char *dir, const char *rest)
{
	return *rest ? arena_printf(a, "%s/%s", dir, rest) : arena_strdup(a, dir);
}

static int need_python(const struct package *p, const struct prefix *prefix, struct err *err)
{
	if (prefix->python)
		return 0;
	return err_set(err, ERR_FORMAT, "%s: is noarch: python, but the environment has no python", package_fn(p));
}

static const char *site_packages(struct arena *a, const struct prefix *prefix)
{
	return prefix->site_packages ? prefix->site_packages
				     : arena_printf(a, "lib/python%s/" SITE_PACKAGES, prefix->python);
}

/* The record's word goes first, as with conda; where a channel does not know, the package's own. */
static bool may_be_noarch(const struct record *r)
{
	return r->noarch == NOARCH_NO && (!r->subdir || strcmp(r->subdir, "noarch") == 0);
}

bool linked_asks_python(const struct record *r)
{
	return r->noarch == NOARCH_PYTHON || may_be_noarch(r);
}

enum noarch linked_noarch(const struct package *p, const struct record *r)
{
	return may_be_noarch(r) ? package_info(p)->noarch : r->noarch;
}

/* CEP 20, CEP 17: two folders of a noarch python package go where its python looks. NULL: err. */
static const char *map_path(struct arena *a, const struct package *p, const struct prefix *prefix, enum noarch noarch,
			    const char *path, struct err *err)
{
	const char *rest;

	if (noarch != NOARCH_PYTHON)
		return arena_strdup(a, path);
	rest = below(path, SITE_PACKAGES);
	if (rest)
		return need_python(p, prefix, err) < 0 ? NULL : joined(a, site_packages(a, prefix), rest);
	rest = below(path, PYTHON_SCRIPTS);
	return rest ? joined(a, "bin", rest) : arena_strdup(a, path);
}

static int check_path(const struct package *p, const struct prefix *prefix, const char *path, struct err *err)
{
	const char *fault = tree_path_fault(path);

	if (!fault && below(path, "conda-meta"))
		fault = "is reserved for the installer";
	if (!fault && strlen(prefix->path) + strlen(path) + 1 >= PATH_BYTES_MAX)
		fault = "is too long below the prefix";
	return fault ? err_set(err, ERR_FORMAT, "%s: '%s' %s", package_fn(p), path, fault) : 0;
}

/* ---- the list ---- */

static int add_files(struct arena *a, const struct package *p, const struct prefix *prefix, enum noarch noarch,
		     struct linked_path *paths, struct err *err)
{
	const struct package_info *info = package_info(p);

	for (size_t i = 0; i < info->n_paths; i++) {
		const struct package_path *from = &info->paths[i];
		const char *path = map_path(a, p, prefix, noarch, from->path, err);

		if (!path || check_path(p, prefix, path, err) < 0)
			return -1;
		paths[i] = (struct linked_path){
			.path = path,
			.type = from->type,
			.has_sha256 = from->has_sha256,
			.sha256 = from->sha256,
			.rewritten = from->mode != PATH_PLAIN,
			.from = from,
		};
	}
	return 0;
}

static struct digest script_digest(const struct entry_point *e, const struct prefix *prefix)
{
	auto_buf interpreter = { 0 }, text = { 0 };

	buf_addf(&interpreter, "%s/bin/python%s", prefix->path, prefix->python);
	entry_point_script(e, interpreter.p, &text);
	return digest_bytes(text.p, text.n);
}

static int add_scripts(struct arena *a, const struct package *p, const struct prefix *prefix, struct linked_path *paths,
		       struct err *err)
{
	const struct package_info *info = package_info(p);

	if (info->n_entry_points && need_python(p, prefix, err) < 0)
		return -1;
	for (size_t i = 0; i < info->n_entry_points; i++) {
		const struct entry_point *e = &info->entry_points[i];

		paths[i] = (struct linked_path){
			.path = arena_printf(a, "bin/%s", e->command),
			.type = PATH_FILE,
			.has_sha256 = true,
			.sha256 = script_digest(e, prefix),
			.rewritten = true,
			.script = e,
		};
		if (check_path(p, prefix, paths[i].path, err) < 0)
			return -1;
	}
	return 0;
}

/* Of one path, scripts come first. */
static int path_cmp(const void *x, const void *y)
{
	const struct linked_path *a = x, *b = y;
	int c = strcmp(a->path, b->path);

	return c ? c : (a->script == NULL) - (b->script == NULL);
}

static int sort_unique(const struct package *p, struct linked_path *paths, size_t *n, struct err *err)
{
	size_t kept = 0;

	if (*n)
		qsort(paths, *n, sizeof(*paths), path_cmp);
	for (size_t i = 0; i < *n; i++) {
		if (!kept || strcmp(paths[kept - 1].path, paths[i].path) != 0)
			paths[kept++] = paths[i];
		else if (!paths[kept - 1].script || paths[i].script || paths[i].type != PATH_FILE)
			return err_set(err, ERR_FORMAT, "%s: two files would be '%s'", package_fn(p), paths[i].path);
	}
	*n = kept;
	return 0;
}

const struct linked_path *linked_find(const struct linked_list *l, const char *path, size_t len)
{
	size_t lo = 0, hi = l->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const char *at = l->paths[mid].path;
		int c = strncmp(at, path, len);

		if (c == 0 && at[len] == '\0')
			return &l->paths[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

size_t linked_common_dir(const char *other, const char *path)
{
	size_t ret = 0;

	for (size_t i = 0; path[i] && path[i] == other[i]; i++)
		if (path[i] == '/')
			ret = i + 1;
	return ret;
}

/*
 * No path may go through another that is no directory: written in order, it would leave the
 * prefix by a link. Of directories that two neighbours share only the first is asked for.
 */
static int check_parents(const struct package *p, const struct linked_list *l, struct err *err)
{
	const char *last = "";
	size_t n_dirs = 0;

	for (size_t i = 0; i < l->n; i++) {
		const char *path = l->paths[i].path, *slash = strchr(path + linked_common_dir(last, path), '/');

		for (last = path; slash; slash = strchr(slash + 1, '/')) {
			const struct linked_path *dir = linked_find(l, path, (size_t)(slash - path));

			if (dir && dir->type != PATH_DIR)
				return err_set(err, ERR_FORMAT, "%s: '%s' would go through '%s', which is no directory",
					       package_fn(p), path, dir->path);
			if (n_dirs++ == LINKED_DIRS_MAX)
				return err_set(err, ERR_LIMIT, "%s: has more than %d directories", package_fn(p),
					       LINKED_DIRS_MAX);
		}
	}
	return 0;
}

static const char *const *link_scripts(struct arena *a, const struct linked_list *l, const char *name)
{
	static const char *const actions[] = { "pre-link", "post-link" };
	const char *found[COUNT(actions)];
	size_t n = 0;

	for (size_t i = 0; i < COUNT(actions); i++) {
		const char *path = arena_printf(a, "bin/.%s-%s.sh", name, actions[i]);

		if (linked_find(l, path, strlen(path)))
			found[n++] = path;
	}
	return arena_strlist(a, found, n);
}

static int check_same(const struct package *p, const char *what, const char *is, const char *expected, struct err *err)
{
	if (strcmp(is, expected) == 0)
		return 0;
	return err_set(err, ERR_INTEGRITY, "%s: info/index.json: '%s' is '%s', expected '%s'", package_fn(p), what, is,
		       expected);
}

/* A wrong file under a right hash cannot happen; a record that tells of another package can. */
static int check_record(const struct package *p, const struct record *r, struct err *err)
{
	const struct record *is = &package_info(p)->index;

	if (check_same(p, "name", is->name, r->name, err) < 0 ||
	    check_same(p, "version", is->version, r->version, err) < 0 ||
	    check_same(p, "build", is->build, r->build, err) < 0)
		return -1;
	if (!*r->name || strchr(r->name, '/') || strchr(r->version, '/') || strchr(r->build, '/') ||
	    strlen(r->name) + strlen(r->version) + strlen(r->build) > 240)
		return err_set(err, ERR_FORMAT, "%s: '%s-%s-%s' cannot be the name of a file", package_fn(p), r->name,
			       r->version, r->build);
	return 0;
}

int linked_paths(struct arena *a, const struct package *p, const struct record *r, const struct prefix *prefix,
		 struct linked_list *ret, struct err *err)
{
	const struct package_info *info = package_info(p);
	enum noarch noarch = linked_noarch(p, r);
	size_t n_scripts = noarch == NOARCH_PYTHON ? info->n_entry_points : 0;
	struct linked_list l = { .n = info->n_paths + n_scripts };
	struct linked_path *paths = arena_array(a, l.n, sizeof(*paths));

	l.paths = paths;
	if (check_record(p, r, err) < 0 || add_files(a, p, prefix, noarch, paths, err) < 0 ||
	    (n_scripts && add_scripts(a, p, prefix, paths + info->n_paths, err) < 0) ||
	    sort_unique(p, paths, &l.n, err) < 0 || check_parents(p, &l, err) < 0)
		return -1;
	l.scripts = link_scripts(a, &l, r->name);
	*ret = l;
	return 0;
}
