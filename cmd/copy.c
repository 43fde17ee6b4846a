#include "cmd/copy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "cmd/copy_file.h"
#include "cmd/ignore.h"

#define IGNORE_FILE ".dockerignore"
#define IGNORE_MAX ((uint64_t)1 << 20)
#define DEPTH_MAX 500
#define DIR_MODE 0755
#define PLACE_MODE 0775 /* where the application is to write, as any user of group 0 */
#define WRITABLE 0020

struct filter {
	struct ignore ignore;
	const char *front; /* of a path below the copied folder, as this one's patterns see it: "src/" or "" */
	const char *name; /* of its file, for errors */
};

struct copier {
	const struct copy_request *q;
	struct copy *to;
	struct map at; /* path in the image -> index */
	const char *root; /* SRC as it was said */
	struct filter filters[2];
	size_t n_filters, kept, left_out;
	struct stat *skip;
	size_t n_skip;
	struct err *err;
};

/* ---- entries ---- */

static int put(struct copier *c, const struct copy_entry *new, const char *from)
{
	const char *fault = tree_path_fault(new->e.path);
	struct copy *to = c->to;
	struct copy_entry *old;
	bool is_new;
	uint32_t at;

	if (fault)
		return err_set(c->err, ERR_FORMAT, "%s: its path in the image, '%s', %s", from, new->e.path, fault);
	if (to->n >= COPY_ENTRIES_MAX)
		return err_set(c->err, ERR_LIMIT, "%s: there are more than %d files to copy", from, COPY_ENTRIES_MAX);
	at = map_put(&c->at, new->e.path, (uint32_t)to->n, &is_new);
	if (is_new) {
		mem_grow(to->entries, to->n);
		to->entries[to->n++] = *new;
		return 0;
	}
	old = &to->entries[at];
	if ((old->e.type == ENTRY_DIR) != (new->e.type == ENTRY_DIR))
		return err_set(c->err, ERR_FORMAT, "%s: /%s would be a folder and a file", from, new->e.path);
	if (new->e.type != ENTRY_DIR)
		*old = *new;
	return 0;
}

static int put_dir(struct copier *c, const char *path, uint32_t mode, uint32_t uid, const char *from)
{
	const struct ground_entry *g = ground_find(c->q->ground, path);

	if (g && !g->is_dir && !g->target)
		return err_set(c->err, ERR_FORMAT, "%s: /%s is a file in the image", from, path);
	return put(
		c,
		&(struct copy_entry){
			.e = { .path = path, .type = ENTRY_DIR, .mode = g && g->is_dir ? g->mode : mode, .uid = uid } },
		from);
}

static int put_parents(struct copier *c, const char *path, const char *from)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		auto_free char *dir = mem_printf("%.*s", (int)(slash - path), path);
		uint32_t at;

		if (map_get(&c->at, dir, &at) && c->to->entries[at].e.type == ENTRY_DIR)
			continue;
		if (put_dir(c, arena_strdup(&c->to->arena, dir), DIR_MODE, 0, from) < 0)
			return -1;
	}
	return 0;
}

/* A file or link, with the directories that it is in. */
static int put_file(struct copier *c, const struct copy_entry *new, const char *from)
{
	const struct ground_entry *g = ground_find(c->q->ground, new->e.path);

	if (g && g->is_dir)
		return err_set(c->err, ERR_FORMAT, "%s: /%s is a directory in the image", from, new->e.path);
	return put_parents(c, new->e.path, from) < 0 ? -1 : put(c, new, from);
}

static const char *join(struct copier *c, const char *dir, const char *name)
{
	return arena_printf(&c->to->arena, "%s%s%s", dir, *dir && !str_ends(dir, "/") ? "/" : "", name);
}

static const char *resolve(struct copier *c, const char *path, bool last, const char *from)
{
	const char *ret = ground_resolve(c->q->ground, &c->to->arena, path, last);

	if (!ret)
		err_set(c->err, ERR_FORMAT, "%s: the links at /%s in the image go round in circles", from, path);
	return ret;
}

/* ---- whose it is ---- */

static uint32_t owner(const struct copier *c)
{
	return c->q->app->writable ? c->q->app->user.number : 0;
}

static uint32_t copied_mode(const struct copier *c, uint32_t mode)
{
	return c->q->app->writable ? mode | WRITABLE : mode;
}

static int put_copied_dir(struct copier *c, const char *path, const char *from)
{
	return put_dir(c, path, copied_mode(c, DIR_MODE), owner(c), from);
}

/* ---- one file ---- */

static int copy_file(struct copier *c, const char *source, const struct stat *st, const char *dest)
{
	struct copy_entry new = { .e = { .path = dest,
					 .type = ENTRY_FILE,
					 .mode = copied_mode(c, st->st_mode & S_IXUSR ? 0755 : 0644),
					 .uid = owner(c) },
				  .source = source };

	if (copy_file_hash(source, &new.digest, &new.e.size, c->err) < 0)
		return -1;
	c->to->bytes += new.e.size;
	return put_file(c, &new, source);
}

/* Whether a link at rel leads to somewhere in the copied folder, as far as text tells. */
static bool stays_inside(const char *rel, const char *target)
{
	struct str rest = str_of(target), part;
	size_t depth = 0;

	if (*target == '/')
		return false;
	for (const char *c = rel; *c; c++)
		depth += *c == '/';
	while (str_cut(&rest, '/', &part)) {
		if (str_eq(part, "..") && depth-- == 0)
			return false;
		depth += part.n && !str_eq(part, ".") && !str_eq(part, "..");
	}
	return true;
}

static int copy_link(struct copier *c, const char *source, const char *rel, const char *dest)
{
	char target[4096];
	ssize_t n = readlink(source, target, sizeof(target) - 1);
	struct copy_entry new = { .e = { .path = dest, .type = ENTRY_SYMLINK, .mode = 0777, .uid = owner(c) } };

	if (n < 0)
		return err_sys(c->err, "cannot read the link %s", source);
	target[n] = '\0';
	if (n == 0 || !stays_inside(rel, target))
		return err_set(c->err, ERR_FORMAT,
			       "%s is a link to '%s', outside of %s: copy what it leads to, or name it in " IGNORE_FILE,
			       source, target, c->root);
	new.e.target = arena_strdup(&c->to->arena, target);
	return put_file(c, &new, source);
}

static int refuse(const char *source, mode_t mode, struct err *err)
{
	const char *what = S_ISSOCK(mode) ? "socket" : S_ISFIFO(mode) ? "pipe" : "device";

	return err_set(err, ERR_FORMAT, "%s is a %s, which no image can hold: name it in " IGNORE_FILE, source, what);
}

/* ---- what is left out ---- */

static bool is_left_out(struct copier *c, const char *rel)
{
	for (size_t i = 0; i < c->n_filters; i++) {
		auto_free char *path = mem_printf("%s%s", c->filters[i].front, rel);

		if (ignore_match(&c->filters[i].ignore, path))
			return true;
	}
	return false;
}

/* A folder that is left out may have files in it that are not. */
static bool may_have_exceptions(const struct copier *c)
{
	for (size_t i = 0; i < c->n_filters; i++)
		if (c->filters[i].ignore.has_exceptions)
			return true;
	return false;
}

static bool is_skipped(const struct copier *c, const struct stat *st)
{
	for (size_t i = 0; i < c->n_skip; i++)
		if (c->skip[i].st_dev == st->st_dev && c->skip[i].st_ino == st->st_ino)
			return true;
	return false;
}

/* The .dockerignore of a folder, if it has one. front: where the copied folder is in it. */
static int add_filter(struct copier *c, const char *folder, const char *front)
{
	struct filter *f = &c->filters[c->n_filters];
	auto_buf text = { 0 };

	f->name = join(c, folder, IGNORE_FILE);
	f->front = front;
	if (!fs_exists(AT_FDCWD, f->name))
		return 0;
	if (fs_read(AT_FDCWD, f->name, IGNORE_MAX, &text, c->err) < 0 ||
	    ignore_parse(&c->to->arena, buf_cstr(&text), text.n, f->name, &f->ignore, c->err) < 0)
		return -1;
	c->n_filters++;
	return 0;
}

/* The files of --ignore-file, as one. */
static int add_said(struct copier *c)
{
	struct filter *f = &c->filters[0];
	auto_buf text = { 0 };

	f->name = "--ignore-file";
	f->front = "";
	for (const char *const *file = c->q->app->ignore_files; *file; file++) {
		if (fs_read(AT_FDCWD, *file, IGNORE_MAX, &text, c->err) < 0)
			return err_at(c->err, "--ignore-file");
		buf_addc(&text, '\n');
		f->name = *file;
	}
	if (ignore_parse(&c->to->arena, buf_cstr(&text), text.n, f->name, &f->ignore, c->err) < 0)
		return -1;
	c->n_filters = 1;
	return 0;
}

static int find_filters(struct copier *c, const char *from, bool is_dir)
{
	auto_free char *real = realpath(from, NULL), *context = realpath(c->q->context, NULL);
	size_t n = context ? strlen(context) : 0;

	c->n_filters = 0;
	if (c->q->app->ignore_files)
		return is_dir ? add_said(c) : 0;
	n -= n == 1; /* "/" */
	if (is_dir && add_filter(c, from, "") < 0)
		return -1;
	if (!real || !context || strncmp(real, context, n) != 0 || real[n] != '/')
		return 0; /* the context itself, or outside of it */
	return add_filter(c, c->q->context, arena_printf(&c->to->arena, "%s%s", real + n + 1, is_dir ? "/" : ""));
}

/* ---- a folder ---- */

static int copy_folder(struct copier *c, const char *source, const char *rel, const char *dest, unsigned depth);

static int copy_subfolder(struct copier *c, const char *source, const char *rel, const char *dest, bool out,
			  unsigned depth)
{
	const char *path;

	if (out && !may_have_exceptions(c))
		return 0;
	if (depth == DEPTH_MAX)
		return err_set(c->err, ERR_LIMIT, "%s: folders are nested more than %d deep", source, DEPTH_MAX);
	path = resolve(c, dest, true, source);
	if (!path || (!out && (put_parents(c, path, source) < 0 || put_copied_dir(c, path, source) < 0)))
		return -1;
	c->kept += !out;
	return copy_folder(c, source, rel, path, depth + 1);
}

static int copy_one(struct copier *c, const char *source, const char *rel, const char *dest, unsigned depth)
{
	bool out = is_left_out(c, rel);
	struct stat st;

	if (lstat(source, &st) < 0)
		return err_sys(c->err, "cannot read %s", source);
	if (is_skipped(c, &st))
		return 0;
	c->left_out += out;
	if (S_ISDIR(st.st_mode))
		return copy_subfolder(c, source, rel, dest, out, depth);
	if (out)
		return 0;
	c->kept++;
	if (S_ISREG(st.st_mode))
		return copy_file(c, source, &st, dest);
	return S_ISLNK(st.st_mode) ? copy_link(c, source, rel, dest) : refuse(source, st.st_mode, c->err);
}

static int copy_folder(struct copier *c, const char *source, const char *rel, const char *dest, unsigned depth)
{
	const char *const *names;
	size_t n;

	if (fs_list(&c->to->arena, AT_FDCWD, source, &names, &n, c->err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (copy_one(c, join(c, source, names[i]), join(c, rel, names[i]), join(c, dest, names[i]), depth) < 0)
			return -1;
	return 0;
}

static int nothing_left(struct copier *c)
{
	return err_set(c->err, ERR_USAGE, "--copy %s: all of it is left out by %s", c->root,
		       c->filters[c->n_filters - 1].name);
}

static int copy_root_folder(struct copier *c, const struct app_copy *what)
{
	const char *dest = resolve(c, what->to + 1, true, what->from);

	if (!dest || (*dest && (put_parents(c, dest, what->from) < 0 || put_copied_dir(c, dest, what->from) < 0)))
		return -1;
	c->kept = c->left_out = 0;
	if (copy_folder(c, what->from, "", dest, 0) < 0)
		return -1;
	return !c->kept && c->left_out ? nothing_left(c) : 0;
}

static int copy_root_file(struct copier *c, const struct app_copy *what, const struct stat *st)
{
	const char *slash = strrchr(what->from, '/'), *name = slash ? slash + 1 : what->from;
	const struct ground_entry *g;
	const char *dest;

	for (size_t i = 0; i < c->n_filters; i++)
		if (ignore_match(&c->filters[i].ignore, c->filters[i].front))
			return nothing_left(c);
	dest = resolve(c, what->to + 1, true, what->from);
	if (!dest)
		return -1;
	g = ground_find(c->q->ground, dest);
	if (what->into || !*dest || (g && g->is_dir))
		dest = join(c, dest, name);
	else
		dest = resolve(c, what->to + 1, false, what->from);
	return dest ? copy_file(c, what->from, st, dest) : -1;
}

static int copy_root(struct copier *c, const struct app_copy *what)
{
	struct stat st;

	c->root = what->from;
	if (stat(what->from, &st) < 0)
		return err_sys(c->err, "--copy: cannot read %s", what->from);
	if (find_filters(c, what->from, S_ISDIR(st.st_mode)) < 0)
		return -1;
	if (S_ISDIR(st.st_mode))
		return copy_root_folder(c, what);
	return S_ISREG(st.st_mode) ? copy_root_file(c, what, &st) : refuse(what->from, st.st_mode, c->err);
}

/* ---- places ---- */

static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* A directory that must be there, where the application may write unless it came with files. */
static int add_place(struct copier *c, const char *option, const char *path)
{
	const char *dest = resolve(c, path + 1, true, path);
	const struct ground_entry *g = dest ? ground_find(c->q->ground, dest) : NULL;
	uint32_t at;

	if (!dest)
		return -1;
	if ((g && !g->is_dir) || (map_get(&c->at, dest, &at) && c->to->entries[at].e.type != ENTRY_DIR))
		return err_set(c->err, ERR_USAGE, "--%s is '%s', which is a file in the image, expected a directory",
			       option, path);
	if (!*dest || is_below(path, c->q->prefix) || is_below(c->q->prefix, path) || g || map_get(&c->at, dest, NULL))
		return 0;
	return put_parents(c, dest, path) < 0 ? -1 : put_dir(c, dest, PLACE_MODE, owner(c), path);
}

/* ---- the plan ---- */

static void find_skipped(struct copier *c)
{
	for (const char *const *s = c->q->skip; s && *s; s++) {
		mem_grow(c->skip, c->n_skip);
		if (stat(*s, &c->skip[c->n_skip]) == 0)
			c->n_skip++;
	}
}

static int entry_cmp(const void *a, const void *b)
{
	return strcmp(((const struct copy_entry *)a)->e.path, ((const struct copy_entry *)b)->e.path);
}

static int plan(struct copier *c)
{
	const struct app *app = c->q->app;

	for (size_t i = 0; i < app->n_copies; i++)
		if (copy_root(c, &app->copies[i]) < 0)
			return -1;
	for (const char *const *v = app->volumes; v && *v; v++)
		if (add_place(c, "volume", *v) < 0)
			return -1;
	return add_place(c, "workdir", app->workdir);
}

int copy_plan(const struct copy_request *q, struct copy *ret, struct err *err)
{
	struct copier c = { .q = q, .to = ret, .err = err };
	int rc;

	*ret = (struct copy){ 0 };
	find_skipped(&c);
	rc = plan(&c);
	if (ret->n)
		qsort(ret->entries, ret->n, sizeof(*ret->entries), entry_cmp);
	map_release(&c.at);
	free(c.skip);
	return rc;
}

void copy_release(struct copy *c)
{
	free(c->entries);
	arena_release(&c->arena);
	*c = (struct copy){ 0 };
}

void copy_recipe(const struct copy *c, struct buf *ret)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct copy_entry *e = &c->entries[i];
		const char *target = e->e.target ? e->e.target : "";

		if (e->e.uid)
			buf_addf(ret, "%" PRIu32 " ", e->e.uid);
		buf_addf(ret, "%c %o %zu:%s %zu:%s %" PRIu64 " %s\n", "fdlh"[e->e.type], e -> e.mode, strlen(e->e.path),
			 e->e.path, strlen(target), target, e->e.size,
			 e->e.type == ENTRY_FILE ? digest_hex(&e->digest).hex : "-");
	}
}

/* ---- the tree ---- */

struct copied_tree {
	struct tree base;
	const struct copy *copy;
	size_t at;
	struct source *content;
};

static int tree_of_copy_next(struct tree *base, struct entry *e, struct source **content, struct err *err)
{
	struct copied_tree *t = (struct copied_tree *)base;
	const struct copy_entry *c;

	source_free(TAKE(t->content));
	*content = NULL;
	if (t->at == t->copy->n)
		return 0;
	c = &t->copy->entries[t->at++];
	*e = c->e;
	if (e->type != ENTRY_FILE || !e->size)
		return 1;
	*content = t->content = copy_file_open(c, err);
	return t->content ? 1 : -1;
}

static void tree_of_copy_free(struct tree *base)
{
	source_free(((struct copied_tree *)base)->content);
	free(base);
}

static const struct tree_ops copied_tree_ops = { tree_of_copy_next, tree_of_copy_free };

struct tree *copy_tree(const struct copy *c)
{
	struct copied_tree *t = NEW(struct copied_tree);

	*t = (struct copied_tree){ .base = { &copied_tree_ops }, .copy = c };
	return &t->base;
}
