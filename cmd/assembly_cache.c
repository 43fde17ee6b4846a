#include "cmd/assembly_cache.h"

#include <string.h>

#include "base/log.h"
#include "base/work.h"
#include "cmd/activation.h"
#include "cmd/libraries.h"
#include "cmd/plan_cache.h"
#include "cmd/recipe.h"

#define ASKED_AT_ONCE 8

/* ---- read ---- */

struct asking {
	struct assembly *a;
	struct part_layer *const *list;
	struct arena *arenas; /* one a layer: threads do not share */
};

static int find_one(void *arg, size_t i, struct err *err)
{
	struct asking *q = arg;
	struct part_layer *l = q->list[i];

	(void)err;
	l->at = NULL;
	l->cached = (struct cached_layer){ 0 };
	if (l->distrusted || !layer_cache_find(q->a->cache, &l->recipe, l->recipe_size,
					       layer_media_type(&q->a->settings->codec), &l->cached))
		return 0;
	if (!l->known && l->cached.has_layer) {
		l->layer = l->cached.layer;
		l->at = l->cached.at;
	}
	return 0;
}

void assembly_cache_find(struct assembly *a, struct part_layer *const *list, size_t n)
{
	struct err none = ERR_INIT;

	if (a->cache)
		work_run(n, ASKED_AT_ONCE, find_one, &(struct asking){ a, list, NULL }, &none);
}

static size_t members(const struct part_layer *l)
{
	return l->part == PART_LIBC ? 1 : l->group ? l->group->n : 0;
}

/* The C library's facts stand behind those of the packages. */
static size_t package_of(const struct assembly *a, const struct part_layer *l, size_t i)
{
	return l->part == PART_LIBC ? a->lp->n_packages : l->group->members[i];
}

static int read_one(void *arg, size_t i, struct err *err)
{
	struct asking *q = arg;
	const struct part_layer *l = q->list[i];
	size_t n = members(l);
	auto_free struct package_facts *facts = mem_array(n + 1, sizeof(*facts));
	auto_buf text = { 0 };

	(void)err;
	if (!n || !layer_cache_facts(q->a->cache, &l->cached, &text))
		return 0;
	if (!layer_facts_read(&q->arenas[i], (struct str){ buf_cstr(&text), text.n }, facts, n)) {
		log_warn("a layer cache has facts of a layer that do not read well: its packages are asked");
		return 0;
	}
	for (size_t k = 0; k < n; k++)
		q->a->facts[package_of(q->a, l, k)] = facts[k];
	return 0;
}

static bool has_facts(const struct assembly *a)
{
	for (size_t i = 0; i <= a->lp->n_packages; i++)
		if (a->facts[i].has_list || a->facts[i].links)
			return true;
	return false;
}

void assembly_cache_read(struct assembly *a, struct part_layer *const *list, size_t n)
{
	auto_free struct arena *arenas = mem_array(n + 1, sizeof(*arenas));
	struct err none = ERR_INIT;

	if (!a->cache)
		return;
	if (!a->facts)
		a->facts = arena_array(&a->arena, a->lp->n_packages + 1, sizeof(*a->facts));
	work_run(n, ASKED_AT_ONCE, read_one, &(struct asking){ a, list, arenas }, &none);
	for (size_t i = 0; i < n; i++)
		arena_join(&a->arena, &arenas[i]);
	if (!has_facts(a))
		a->facts = NULL;
}

const char *assembly_cache_links(const struct assembly *a, size_t i)
{
	return a->facts ? a->facts[i].links : NULL;
}

/* ---- write ---- */

/* What its scripts and variables are, whether or not another package provides them here. */
static int read_files(struct arena *arena, const struct assembly *a, size_t i, struct package_facts *f, struct err *err)
{
	const struct record *r = &a->packages[i];
	struct package *p = making_open_package(a, r, err);
	struct tree *t = p ? linked_tree(p, r, &a->prefix, NULL, err) : NULL;

	return t ? activation_read(arena, t, &a->prefix, &f->list, i, &f->files, &f->n_files, err) : -1;
}

/* A package that is not here any more is told of without its list. */
static void list_package(struct arena *arena, const struct assembly *a, size_t i, struct package_facts *f,
			 struct package **opened)
{
	struct err err = ERR_INIT;
	struct package *p = making_open_package(a, &a->packages[i], &err);

	*opened = p;
	f->has_list = p && linked_paths(arena, p, &a->packages[i], &a->prefix, &f->list, &err) == 0 &&
		      (!activation_is_in(&f->list) || read_files(arena, a, i, f, &err) == 0);
	if (!f->has_list)
		log_debug("nothing is told of %s: %s", a->packages[i].fn, err.text);
}

static void gather_facts(const struct assembly *a, const struct part_layer *l, bool drops, struct buf *ret)
{
	for (size_t i = 0; i < members(l); i++) {
		size_t k = package_of(a, l, i);
		struct package *p = NULL;
		struct package_facts f = { 0 };
		auto_arena arena = { 0 };
		auto_buf links = { 0 };

		if (l->part != PART_LIBC)
			list_package(&arena, a, k, &f, &p);
		if (libraries_facts_text(a, k, drops, &links))
			f.links = buf_cstr(&links);
		layer_facts_write(&f, ret);
		free(f.files);
		package_free(p);
	}
}

static bool has_drops(const struct assembly *a, const struct part_layer *l)
{
	for (size_t i = 0; l->group && i < l->group->n; i++) {
		const char *const *d = a->paths.dropped[l->group->members[i]];

		if (d && *d)
			return true;
	}
	return false;
}

static void write_layer(const struct assembly *a, const struct part_layer *l, bool drops)
{
	const char *type = layer_media_type(&a->settings->codec);
	struct layer layer = l->layer;
	bool has_layer = true;
	struct digest recipe;
	auto_buf text = { 0 }, facts = { 0 };

	making_recipe_text(a, l, drops, &text);
	recipe = recipe_digest(&text);
	if (!layer_cache_lacks(a->cache, LAYER_CACHE_LAYER, &recipe))
		return;
	/* Nobody may need the layer that it would be if it had no paths to leave to others, but its packages' lists. */
	if (!digest_equal(&recipe, &l->recipe))
		has_layer = store_recall(a->workshop->layers, &recipe, &layer);
	gather_facts(a, l, drops, &facts);
	layer_cache_put(a->cache, &text, type, has_layer ? &layer : NULL, a->workshop->layers, &facts);
}

static int write_one(void *arg, size_t i, struct err *err)
{
	const struct assembly *a = arg;
	const struct part_layer *l = &a->layers[i];

	(void)err;
	/* What was taken from a cache or a bundle is not vouched for. */
	if (l->at || l->told)
		return 0;
	write_layer(a, l, true);
	if (has_drops(a, l))
		write_layer(a, l, false);
	return 0;
}

void assembly_cache_write(struct assembly *a)
{
	struct err none = ERR_INIT;

	if (!a->cache)
		return;
	work_run(a->n_layers, REGISTRY_AT_ONCE, write_one, a, &none);
	plan_cache_tell(a);
}
