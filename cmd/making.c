#include "cmd/making.h"

#include <string.h>

#include "cmd/libraries.h"
#include "cmd/paths_plan.h"
#include "cmd/recipe.h"
#include "cmd/rootfs.h"
#include "conda/libc.h"

#define BZIP2_COST 8

/* ---- packages ---- */

const struct record *making_find(const struct lock_platform *lp, const char *name)
{
	for (size_t i = 0; i < lp->n_packages; i++)
		if (strcmp(lp->packages[i].name, name) == 0)
			return &lp->packages[i];
	return NULL;
}

struct package *making_open_package(const struct assembly *a, const struct record *r, struct err *err)
{
	auto_free char *path = mem_printf("sha256/%s", digest_hex(&r->sha256).hex);

	return package_open(a->workshop->packages, path, r->fn, err);
}

int making_list(const struct assembly *a, struct listing *l, size_t i, const struct package *p, struct err *err)
{
	const struct record *r = &a->packages[i];

	if (l->done[i])
		return 0;
	if (linked_paths(&l->arenas[i], p, r, &a->prefix, &l->lists[i], err) < 0)
		return -1;
	l->done[i] = true;
	return 0;
}

struct tree *making_open_linked(const struct assembly *a, size_t i, struct listing *l, struct err *err)
{
	const struct record *r = &a->packages[i];
	auto_package *p = making_open_package(a, r, err);

	if (!p || (l && making_list(a, l, i, p, err) < 0))
		return NULL;
	return linked_tree(TAKE(p), r, &a->prefix, a->paths.dropped[i], err);
}

/* ---- one layer ---- */

static struct tree *open_member(void *arg, size_t i, struct err *err)
{
	const struct opener *o = arg;

	return libraries_watch(o->a, o->group->members[i],
			       making_open_linked(o->a, o->group->members[i], o->listing, err));
}

static struct tree *open_libc(const struct assembly *a, struct err *err)
{
	struct package *p = making_open_package(a, &a->lp->libc_packages[0], err);

	return p ? libc_tree(p, a->platform, err) : NULL;
}

struct tree *making_open(const struct assembly *a, const struct part_layer *l, struct opener *o, struct err *err)
{
	struct tree *t;

	switch (l->part) {
	case PART_LIBC:
		return open_libc(a, err);
	case PART_SYSTEM:
		return assembly_open_system(a, err);
	case PART_PACKAGES:
		o->a = a;
		o->group = l->group;
		return tree_chain(open_member, o, l->group->n);
	case PART_ENVIRONMENT:
		t = rootfs_environment(&a->prefix, &a->ground, a->lock, a->lp, a->newest);
		paths_plan_write(a, t);
		return t;
	case PART_APP:
		return copy_tree(&a->files);
	}
	return NULL;
}

/* Errors of packages begin with the package's name, which says which layer. */
static int tell_layer(const struct part_layer *l, struct err *err)
{
	static const char *const names[] = { [PART_LIBC] = "the C library",
					     [PART_SYSTEM] = "the system files",
					     [PART_ENVIRONMENT] = "the environment",
					     [PART_APP] = "the application" };

	return l->part == PART_PACKAGES ? -1 : err_at(err, "layer of %s", names[l->part]);
}

static void add_tree_to_recipe(struct buf *b, struct tree *t)
{
	struct err none = ERR_INIT;
	struct source *content;
	struct entry e;

	while (tree_next(t, &e, &content, &none) > 0) {
		buf_addf(b, "%s %o %s\n", e.path, e.mode, e.target ? e.target : "");
		if (content && io_slurp(content, UINT32_MAX, b, &none) < 0)
			break;
	}
}

/* bzip2 takes that much longer than zstd. */
static uint64_t cost(const struct record *r)
{
	return str_ends(r->fn, ".tar.bz2") ? BZIP2_COST * r->size : r->size;
}

static uint64_t weigh(const struct assembly *a, const struct part_layer *l)
{
	uint64_t sum = 0;

	if (l->part == PART_LIBC)
		return cost(&a->lp->libc_packages[0]);
	if (l->part == PART_APP)
		return a->files.bytes;
	for (size_t i = 0; l->group && i < l->group->n; i++)
		sum += cost(&a->packages[l->group->members[i]]);
	return sum;
}

void making_recipe_text(const struct assembly *a, const struct part_layer *l, bool drops, struct buf *ret)
{
	static const char *const kinds[] = { [PART_LIBC] = "libc",
					     [PART_SYSTEM] = "system",
					     [PART_PACKAGES] = "packages",
					     [PART_ENVIRONMENT] = "environment",
					     [PART_APP] = "app" };
	struct opener unused = { 0 };
	struct err none = ERR_INIT;

	recipe_begin(ret, kinds[l->part], &a->settings->codec);
	if (l->part == PART_PACKAGES) {
		for (size_t i = 0; i < l->group->n; i++) {
			size_t k = l->group->members[i];

			recipe_add_package(ret, &a->packages[k], &a->prefix, drops ? a->paths.dropped[k] : NULL);
		}
	} else if (l->part == PART_LIBC) {
		buf_addf(ret, "platform: %s\n", a->platform->subdir);
		recipe_add_record(ret, &a->lp->libc_packages[0]);
	} else if (l->part == PART_APP) {
		copy_recipe(&a->files, ret);
	} else {
		auto_tree *t = l->part == PART_SYSTEM ? assembly_system_recipe(a) : making_open(a, l, &unused, &none);

		/* Small trees out of memory: they are their own recipe. */
		add_tree_to_recipe(ret, t);
	}
}

void making_recipe(struct assembly *a, struct part_layer *l)
{
	auto_buf b = { 0 };

	making_recipe_text(a, l, true, &b);
	l->weight = weigh(a, l);
	l->recipe = recipe_digest(&b);
	l->recipe_size = b.n;
}

int making_write(const struct assembly *a, struct part_layer *l, struct tree *t, struct err *err)
{
	if (t && a->stream) {
		if (layer_send(t, a->stream, &a->settings->codec, &l->layer, err) < 0)
			return tell_layer(l, err);
		l->made = true;
		return 0;
	}
	if (!t || layer_write(t, a->workshop->layers, &a->settings->codec, &l->layer, err) < 0)
		return tell_layer(l, err);
	if (store_remember(a->workshop->layers, &l->recipe, &l->layer, err) < 0)
		return -1;
	l->made = true;
	return 0;
}
