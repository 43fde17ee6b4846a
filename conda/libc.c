#include "conda/libc.h"

#include <string.h>

#include "conda/version.h"

const char *libc_package_name(struct arena *a, const struct platform *p)
{
	return arena_printf(a, "sysroot_%s", p->subdir);
}

static size_t n_features(const struct record *r)
{
	size_t n = 0;

	while (r->track_features[n])
		n++;
	return n;
}

/* Whether a goes before b. */
static bool is_better(const struct record *a, const struct record *b)
{
	int c = version_text_cmp(a->version, b->version);

	if (c)
		return c > 0;
	if (n_features(a) != n_features(b))
		return n_features(a) < n_features(b);
	if (a->build_number != b->build_number)
		return a->build_number > b->build_number;
	return record_cmp(a, b) < 0;
}

const struct record *libc_choose(const struct index *ix, const char *name, const char *version, int64_t newest)
{
	struct record_range range = index_find(ix, name);
	const struct record *best = NULL;

	for (size_t i = 0; i < range.n; i++) {
		const struct record *r = &range.first[i];

		if (version && version_text_cmp(r->version, version) != 0)
			continue;
		if (newest && record_time(r) > newest)
			continue;
		if (!best || is_better(r, best))
			best = r;
	}
	return best;
}

/* ---- the tree ---- */

struct libc_tree {
	struct tree base;
	struct package *package;
	const struct platform *platform;
	char *root; /* "x86_64-conda-linux-gnu/sysroot/" */
	struct tree *links; /* what comes after the package's files */
	char *path; /* of the entry handed out last */
	bool has_loader; /* where its absolute path leads by the links: /lib is one to /lib64 */
	size_t licenses; /* handed out */
	struct source *text; /* of the licence handed out last */
};

/* "libc.so.6", "ld-2.17.so": what a process loads; not "libm.a", "libc.so" (a linker script), "crt1.o". */
static bool is_runtime_library(const char *name)
{
	size_t n = strlen(name), digits = 0;

	if (strchr(name, '/'))
		return false;
	if (strstr(name, ".so."))
		return true;
	if (!str_ends(name, ".so"))
		return false;
	while (digits + 3 < n && strchr("0123456789.", name[n - 4 - digits]))
		digits++;
	return digits > 0 && digits + 3 < n && name[n - 4 - digits] == '-';
}

/* Where a file of the sysroot belongs, below LIBDIR; NULL: nowhere. */
static const char *place_of(const char *path)
{
	static const char *const dirs[] = { "lib64/", "lib/", "usr/lib64/", "usr/lib/" };

	for (size_t i = 0; i < COUNT(dirs); i++) {
		const char *name = path + strlen(dirs[i]);

		if (!str_starts(path, dirs[i]))
			continue;
		if (is_runtime_library(name) || str_starts(name, "gconv/") || str_starts(name, "locale/C.utf8/"))
			return name;
		return NULL;
	}
	return NULL;
}

/* The name of the neighbour that a link leads to: the library directories all become one. NULL: it leads elsewhere. */
static const char *neighbour(const char *target)
{
	struct str rest = str_of(target), part;

	if (*target == '/')
		return NULL;
	while (str_cut(&rest, '/', &part)) {
		if (!rest.p)
			return part.n && !str_eq(part, "..") ? part.p : NULL;
		if (!str_eq(part, "..") && !str_eq(part, "usr") && !str_eq(part, "lib") && !str_eq(part, "lib64"))
			return NULL;
	}
	return NULL;
}

/* A link of the sysroot is kept where it leads to a neighbour. */
static bool is_wanted(const struct member *m, const char *place)
{
	const char *to = m->type == MEMBER_SYMLINK ? neighbour(m->target) : NULL;

	if (!place)
		return false;
	if (m->type == MEMBER_FILE)
		return !str_ends(place, ".a");
	return to && strcmp(to, place) != 0 && (!strchr(place, '/') || to == m->target);
}

static int next_file(struct libc_tree *t, struct entry *e, struct source **content, struct err *err)
{
	struct member m;
	int got;

	while ((got = package_next(t->package, &m, content, err)) > 0) {
		const char *place = str_starts(m.path, t->root) ? place_of(m.path + strlen(t->root)) : NULL;

		if (!is_wanted(&m, place))
			continue;
		free(t->path);
		t->path = mem_printf("%s/%s", t->platform->libdir, place);
		t->has_loader |= strcmp(place, strrchr(t->platform->loader, '/') + 1) == 0;
		*e = (struct entry){ .path = t->path, .mode = m.mode & 0755 };
		if (m.type == MEMBER_SYMLINK) {
			e->type = ENTRY_SYMLINK;
			e->mode = 0777;
			e->target = neighbour(m.target);
			*content = NULL;
		} else {
			e->type = ENTRY_FILE;
			e->size = m.size;
		}
		return 1;
	}
	return got;
}

/* "x86_64-linux-gnu": what Debian calls the directory that its loader looks in. */
static char *multiarch(const struct platform *p)
{
	const char *dash = strchr(p->triplet, '-');

	return mem_printf("%.*s-linux-gnu", (int)(dash - p->triplet), p->triplet);
}

struct tree *libc_links(const struct platform *p)
{
	struct tree *t = tree_memory();
	auto_free char *arch = multiarch(p), *in_libdir = mem_printf("%s/%s", p->libdir, arch);
	auto_free char *up = mem_printf("../%s", p->libdir), *usr_libdir = mem_printf("usr/%s", p->libdir);

	tree_memory_symlink(t, in_libdir, ".");
	if (strcmp(p->libdir, "lib") != 0)
		tree_memory_symlink(t, "lib", p->libdir);
	tree_memory_dir(t, "usr", 0755);
	tree_memory_symlink(t, "usr/lib", up);
	if (strcmp(p->libdir, "lib") != 0)
		tree_memory_symlink(t, usr_libdir, up);
	return t;
}

bool libc_may_write(const char *path)
{
	static const char *const dirs[] = { "lib", "lib64", "usr/lib", "usr/lib64" };

	for (size_t i = 0; i < COUNT(dirs); i++) {
		size_t n = strlen(dirs[i]);
		const char *inside = path + n + 1;

		if (strncmp(path, dirs[i], n) != 0 || (path[n] && path[n] != '/'))
			continue;
		if (!path[n] || !strchr(inside, '/') || str_starts(inside, "gconv/") ||
		    str_starts(inside, "locale/C.utf8/"))
			return true;
	}
	return str_starts(path, LIBC_LICENSES "/");
}

/* 0 after the last one. */
static int next_license(struct libc_tree *t, struct entry *e, struct source **content, struct err *err)
{
	size_t n;
	const struct package_license *l = package_licenses(t->package, &n);
	const char *fault;

	source_free(TAKE(t->text));
	if (t->licenses == n)
		return 0;
	l += t->licenses++;
	free(t->path);
	t->path = mem_printf(LIBC_LICENSES "/%s/%s", package_info(t->package)->index.name, l->name);
	fault = tree_path_fault(t->path);
	if (fault)
		return err_set(err, ERR_FORMAT, "the licence text '%.300s' %s", l->name, fault);
	*e = (struct entry){ .path = t->path, .size = l->text.n, .mode = 0644, .type = ENTRY_FILE };
	if (l->text.n)
		*content = t->text = source_bytes(l->text.p, l->text.n);
	return 1;
}

static int libc_next(struct tree *base, struct entry *e, struct source **content, struct err *err)
{
	struct libc_tree *t = (struct libc_tree *)base;

	*content = NULL;
	if (!t->links) {
		int got = next_file(t, e, content, err);

		if (got == 0 && t->has_loader)
			got = next_license(t, e, content, err);
		if (got)
			return got;
		if (!t->has_loader)
			return err_set(err, ERR_FORMAT, "has no %s%s, the loader of %s", t->root,
				       t->platform->loader + 1, t->platform->subdir);
		t->links = libc_links(t->platform);
	}
	return tree_next(t->links, e, content, err);
}

static void libc_free(struct tree *base)
{
	struct libc_tree *t = (struct libc_tree *)base;

	package_free(t->package);
	source_free(t->text);
	tree_free(t->links);
	free(t->root);
	free(t->path);
	free(t);
}

static const struct tree_ops libc_ops = { libc_next, libc_free };

struct tree *libc_tree(struct package *p, const struct platform *platform, struct err *err)
{
	struct libc_tree *t = NEW(struct libc_tree);

	(void)err;
	t->base.ops = &libc_ops;
	t->package = p;
	t->platform = platform;
	t->root = mem_printf("%s/sysroot/", platform->triplet);
	return &t->base;
}
