#include "cmd/verify.h"

#include <inttypes.h>
#include <string.h>

#include "cmd/link_effects.h"
#include "cmd/paths_plan.h"
#include "cmd/rootfs.h"
#include "conda/libc.h"

#define NAMES_MAX 200 /* bytes of a layer's package names in a sentence */

/* ---- the list ---- */

void verify_add(struct verify *v, const char *package, const char *path, const char *found, const char *expected)
{
	mem_grow(v->list, v->n);
	v->list[v->n++] = (struct difference){ arena_strdup(&v->arena, package),
					       *path ? arena_printf(&v->arena, "/%s", path) : "",
					       arena_strdup(&v->arena, found), arena_strdup(&v->arena, expected) };
}

static int difference_cmp(const void *x, const void *y)
{
	const struct difference *a = x, *b = y;
	int c = strcmp(a->package, b->package);

	if (!c)
		c = strcmp(a->path, b->path);
	if (!c)
		c = strcmp(a->found, b->found);
	return c ? c : strcmp(a->expected, b->expected);
}

void verify_finish(struct verify *v)
{
	size_t n = 0;

	if (v->n)
		qsort(v->list, v->n, sizeof(*v->list), difference_cmp);
	for (size_t i = 0; i < v->n; i++)
		if (!n || difference_cmp(&v->list[n - 1], &v->list[i]) != 0)
			v->list[n++] = v->list[i];
	v->n = n;
}

static const char *layer_name(struct verify *v, uint32_t layer, size_t max)
{
	const struct holding *h = &v->contents.holdings[layer];
	const char *what = *h->packages ? h->packages : h->part;
	size_t n = strlen(what);

	if (!n)
		return arena_printf(&v->arena, "layer %u", layer + 1);
	return arena_printf(&v->arena, "layer %u (%.*s%s)", layer + 1, (int)(n > max ? max : n), what,
			    n > max ? "..." : "");
}

const char *verify_layer_name(struct verify *v, uint32_t layer)
{
	return layer_name(v, layer, NAMES_MAX);
}

/* ---- claims: which package says what of a path ---- */

struct claim {
	const char *path; /* in the image */
	const struct meta_file *file;
	const struct contents_package *package; /* in the lock's order in memory, too */
};

static int claim_cmp(const void *x, const void *y)
{
	const struct claim *a = x, *b = y;
	int c = strcmp(a->path, b->path);

	return c ? c : (a->package > b->package) - (a->package < b->package);
}

static struct claim *make_claims(struct verify *v, size_t *n)
{
	const struct contents *c = &v->contents;
	struct claim *list;
	size_t at = 0;

	*n = 0;
	for (size_t i = 0; i < c->n_packages; i++)
		*n += c->packages[i].meta.n;
	list = mem_array(*n, sizeof(*list));
	*n = 0;
	for (size_t i = 0; i < c->n_packages; i++) {
		const struct contents_package *p = &c->packages[i];

		/* Of a broken layer that is said, and not of each of its files. */
		if (contents_is_broken(c, p->layer))
			continue;
		*n += p->meta.n;
		for (size_t k = 0; k < p->meta.n; k++)
			list[at++] = (struct claim){ arena_printf(&v->arena, "%s%s%s", p->prefix, *p->prefix ? "/" : "",
								  p->meta.files[k].path),
						     &p->meta.files[k], p };
	}
	if (*n)
		qsort(list, *n, sizeof(*list), claim_cmp);
	return list;
}

static const char *type_name(enum member_type t)
{
	static const char *const names[] = { [MEMBER_FILE] = "a file",
					     [MEMBER_DIR] = "a directory",
					     [MEMBER_SYMLINK] = "a symlink",
					     [MEMBER_HARDLINK] = "a file",
					     [MEMBER_OTHER] = "a device or pipe" };

	return names[t];
}

static bool is_file(const struct overlay_file *f)
{
	return f->type == MEMBER_FILE || f->type == MEMBER_HARDLINK;
}

/* NULL where the file is what the record says, else what it is and what is expected. */
static const char *fault_of(struct arena *a, const struct overlay_file *f, const struct meta_file *m,
			    const char **expected)
{
	bool right = m->type == PATH_SYMLINK ? f->type == MEMBER_SYMLINK : is_file(f);

	/* What a record calls a file may be a link there: those of conda-build 2 and older do not tell them apart. */
	if (!right && !(m->type == PATH_FILE && !m->has_sha256 && f->type == MEMBER_SYMLINK)) {
		*expected = m->type == PATH_SYMLINK ? "expected a symlink" : "expected a file";
		return arena_printf(a, "is %s", type_name(f->type));
	}
	if (m->has_sha256 && f->hashed && !digest_equal(&m->sha256, &f->sha256)) {
		*expected = arena_printf(a, "expected sha256:%s", digest_hex(&m->sha256).hex);
		return arena_printf(a, "is sha256:%s", digest_hex(&f->sha256).hex);
	}
	if (m->has_size && is_file(f) && m->size != f->size) {
		*expected = arena_printf(a, "expected %" PRIu64, m->size);
		return arena_printf(a, "has %" PRIu64 " bytes", f->size);
	}
	return NULL;
}

static bool is_part(const struct verify *v, uint32_t layer, const char *part)
{
	return strcmp(v->contents.holdings[layer].part, part) == 0;
}

/* What --copy puts in a package's place is what the image's maker wanted: said, but no difference. */
static void replace(struct verify *v, const char *dist, const struct overlay_file *f)
{
	v->checked[f - v->contents.files.files] = false;
	if (!v->n_replaced++)
		v->replaced = arena_printf(&v->arena, "/%s of %s", f->path, dist);
}

/* All that packages say of one path: whichever of them is right, the file is one that a package brought. */
static void check_claims(struct verify *v, const struct claim *c, size_t n)
{
	const struct overlay_file *f = overlay_find(&v->contents.files, c->path);
	const struct claim *last = &c[n - 1];
	const char *found = NULL, *expected = "";

	if (!f) {
		if (last->file->has_sha256)
			expected = arena_printf(&v->arena, "expected sha256:%s", digest_hex(&last->file->sha256).hex);
		verify_add(v, last->package->dist, c->path, "is missing", expected);
		return;
	}
	v->checked[f - v->contents.files.files] = true;
	for (size_t i = 0; i < n; i++) {
		found = fault_of(&v->arena, f, c[i].file, &expected);
		if (!found)
			return;
	}
	if (is_part(v, f->layer, "app"))
		replace(v, last->package->dist, f);
	else
		verify_add(v, last->package->dist, c->path, found, expected);
}

/* ---- files that nobody claims ---- */

/* What stands below dir/ in path, or NULL. */
static const char *below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && path[n] == '/' ? path + n + 1 : NULL;
}

/* What a tool that installs packages writes besides: conda's, and ours. */
static bool is_bookkeeping(const char *path, const char *prefix)
{
	static const char *const names[] = { "history", "state", "frozen", "pinned" };
	static const char dir[] = "/conda-meta/";
	const char *name = path + strlen(prefix);

	if (!str_starts(name, dir))
		return false;
	name += strlen(dir);
	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return str_ends(name, ".json") && !strchr(name, '/');
}

/* Whether every file of that layer has to be a package's. */
static bool is_packages(const struct verify *v, uint32_t layer)
{
	return is_part(v, layer, "packages");
}

static bool is_record_of(const char *path, const struct contents_package *p)
{
	auto_free char *record = mem_printf("conda-meta/%s.json", p->dist);

	return strcmp(path, record) == 0;
}

/* A record or licence text of one of the layer's packages, which may be those of a base, with a prefix of its own. */
static bool is_about_package(const struct verify *v, const struct overlay_file *f)
{
	const struct contents *c = &v->contents;

	for (size_t i = 0; i < c->n_packages; i++) {
		const struct contents_package *p = &c->packages[i];
		const char *inside, *text;

		if (p->layer != f->layer)
			continue;
		inside = *p->prefix ? below(f->path, p->prefix) : f->path;
		text = inside ? below(inside, LINKED_LICENSES) : NULL;
		if ((text && below(text, p->meta.record.name)) || (inside && is_record_of(inside, p)))
			return true;
	}
	return false;
}

/* What condaimg and --copy put below the prefix, each into its own layer. */
static bool is_ours(const struct verify *v, const struct overlay_file *f)
{
	const char *path = f->path + strlen(v->contents.prefix) + 1;

	if (is_packages(v, f->layer))
		return is_about_package(v, f);
	if (is_part(v, f->layer, "environment"))
		return strcmp(path, PATHS_PLAN_ENTRY_POINT) == 0 || link_effects_may_write(path);
	if (is_part(v, f->layer, "system"))
		return rootfs_may_write(f->path) || (strcmp(path, ROOTFS_BUNDLE_IN_PREFIX) == 0 &&
						     holding_label(v->contents.image, LABEL_CERTIFICATES));
	if (is_part(v, f->layer, "libc"))
		return libc_may_write(f->path);
	return is_part(v, f->layer, "app");
}

static void check_unclaimed(struct verify *v)
{
	const struct contents *c = &v->contents;

	for (size_t i = 0; i < c->files.n; i++) {
		const struct overlay_file *f = &c->files.files[i];
		bool inside = c->prefix && below(f->path, c->prefix);

		if (f->hidden || f->type == MEMBER_DIR || v->checked[i] || contents_is_broken(c, f->layer))
			continue;
		if (inside ? is_bookkeeping(f->path, c->prefix) || is_ours(v, f)
			   : !is_packages(v, f->layer) || is_about_package(v, f))
			continue;
		verify_add(v, verify_layer_name(v, f->layer), f->path,
			   f->hashed ? arena_printf(&v->arena, "is sha256:%s", digest_hex(&f->sha256).hex)
				     : arena_printf(&v->arena, "is %s", type_name(f->type)),
			   "expected nothing: no package has it");
	}
}

/* ---- packages ---- */

/* Every package that a layer's annotation names has a record. */
static void check_holdings(struct verify *v)
{
	const struct contents *c = &v->contents;

	for (uint32_t i = 0; i < c->image->n_layers; i++) {
		struct str rest = str_of(c->holdings[i].packages), name;

		if (!is_packages(v, i) || contents_is_broken(c, i))
			continue;
		while (*c->holdings[i].packages && str_cut(&rest, ',', &name)) {
			const char *dist = arena_strndup(&v->arena, name.p, name.n);

			if (!contents_find(c, dist))
				verify_add(v, dist, arena_printf(&v->arena, "%s/conda-meta/%s.json", c->prefix, dist),
					   "is missing",
					   arena_printf(&v->arena, "expected in layer %u, which names it", i + 1));
		}
	}
}

static bool some_layer_is_broken(const struct contents *c)
{
	for (size_t i = 0; i < c->n_faults; i++)
		if (c->faults[i].is_layer)
			return true;
	return false;
}

/* In the image's own environment: a base's may have the same package. */
static bool is_installed(const struct contents_package *p, const struct contents *c)
{
	return strcmp(p->prefix, c->prefix) == 0;
}

static const struct contents_package *find_installed(const struct contents *c, const char *dist)
{
	for (size_t i = 0; i < c->n_packages; i++)
		if (is_installed(&c->packages[i], c) && strcmp(c->packages[i].dist, dist) == 0)
			return &c->packages[i];
	return NULL;
}

/* What is below the image's own layers is not made once more, so nothing of its environment may be there. */
static void check_own(struct verify *v)
{
	const struct contents *c = &v->contents;

	for (size_t i = 0; c->prefix && i < c->n_packages; i++) {
		const struct contents_package *p = &c->packages[i];

		if (is_installed(p, c) && p->layer < c->own)
			verify_add(v, p->dist, "",
				   arena_printf(&v->arena, "is in layer %u, below the system files", p->layer + 1),
				   "expected above them");
	}
}

/* "+channel/subdir::name-version-build" came, "-..." went. */
static void check_history(struct verify *v)
{
	const struct contents *c = &v->contents;
	auto_map listed = { 0 };
	auto_free bool *there = NULL;
	const char **names = NULL;
	struct str rest, line;
	bool is_new;

	for (rest = str_of(c->history); str_cut(&rest, '\n', &line);) {
		const char *text = arena_strndup(&v->arena, line.p, line.n), *at = strstr(text, "::");
		uint32_t i;

		if ((*text != '+' && *text != '-') || !at)
			continue;
		mem_grow(names, listed.n);
		mem_grow(there, listed.n);
		names[listed.n] = at + 2;
		i = map_put(&listed, at + 2, (uint32_t)listed.n, &is_new);
		there[i] = *text == '+';
	}
	for (size_t i = 0; i < listed.n; i++)
		if (there[i] && !find_installed(c, names[i]) && !contents_broken_holder(c, names[i]))
			verify_add(v, names[i], "", "is missing", "expected: conda-meta/history says it was installed");
	for (size_t i = 0; i < c->n_packages; i++) {
		uint32_t k;

		if (is_installed(&c->packages[i], c) && (!map_get(&listed, c->packages[i].dist, &k) || !there[k]))
			verify_add(v, c->packages[i].dist, "", "is in the image",
				   "expected nothing: conda-meta/history does not say that it was installed");
	}
	free(names);
}

static void tell_faults(struct verify *v)
{
	const struct contents *c = &v->contents;

	for (size_t i = 0; i < c->n_faults; i++) {
		const struct contents_fault *f = &c->faults[i];

		/* All packages by their names, for those who look for one. */
		verify_add(v, layer_name(v, f->layer, f->is_layer ? SIZE_MAX : NAMES_MAX), f->path, f->text,
			   f->is_layer && *f->path ? "(it was read up to here)" : "");
	}
}

int verify_records(struct verify *v, struct blobs *b, struct err *err)
{
	struct contents *c = &v->contents;
	auto_free struct claim *claims = NULL;
	size_t n, k;

	if (contents_read(c, b, CONTENTS_FILES, err) < 0)
		return -1;
	v->checked = mem_array(c->files.n, sizeof(*v->checked));
	claims = make_claims(v, &n);
	for (size_t i = 0; i < n; i = k) {
		for (k = i + 1; k < n && strcmp(claims[k].path, claims[i].path) == 0;)
			k++;
		check_claims(v, &claims[i], k - i);
	}
	check_unclaimed(v);
	check_holdings(v);
	check_own(v);
	tell_faults(v);
	if (c->prefix && c->history)
		check_history(v);
	else if (c->prefix && !some_layer_is_broken(c))
		verify_add(v, "image", arena_printf(&v->arena, "%s/conda-meta/history", c->prefix), "is missing", "");
	return 0;
}

/* ---- a lock ---- */

static void check_locked(struct verify *v, const struct record *r)
{
	const char *dist = record_dist(&v->arena, r);
	const struct contents_package *p = find_installed(&v->contents, dist);

	if (!p && contents_broken_holder(&v->contents, dist))
		return;
	if (!p)
		verify_add(v, dist, "", "is missing", "expected: the lock has it");
	else if (r->has_sha256 && p->meta.record.has_sha256 && !digest_equal(&r->sha256, &p->meta.record.sha256))
		verify_add(
			v, dist, "",
			arena_printf(&v->arena, "is sha256:%s in its record", digest_hex(&p->meta.record.sha256).hex),
			arena_printf(&v->arena, "expected sha256:%s, as in the lock", digest_hex(&r->sha256).hex));
}

void verify_lock(struct verify *v, const struct lock_platform *lp)
{
	auto_arena a = { 0 };
	auto_map locked = { 0 };
	bool is_new;

	for (size_t i = 0; i < lp->n_packages; i++) {
		map_put(&locked, record_dist(&a, &lp->packages[i]), 0, &is_new);
		check_locked(v, &lp->packages[i]);
	}
	for (size_t i = 0; i < v->contents.n_packages; i++) {
		const struct contents_package *p = &v->contents.packages[i];

		if (is_installed(p, &v->contents) && !map_get(&locked, p->dist, NULL))
			verify_add(v, p->dist, "", "is in the image", "expected nothing: the lock does not have it");
	}
}

/* ---- sums ---- */

size_t verify_files(const struct verify *v, size_t *checked)
{
	size_t n = 0;

	*checked = 0;
	for (size_t i = 0; i < v->contents.files.n; i++) {
		const struct overlay_file *f = &v->contents.files.files[i];

		if (f->hidden || f->type == MEMBER_DIR)
			continue;
		n++;
		*checked += v->checked[i];
	}
	return n;
}

void verify_release(struct verify *v)
{
	contents_release(&v->contents);
	free(v->list);
	free(v->checked);
	arena_release(&v->arena);
	*v = (struct verify){ 0 };
}
