#include "cmd/bundle_layers.h"

#include "base/log.h"
#include "cmd/assembly.h"
#include "cmd/ground.h"
#include "cmd/remake.h"

#define REPAIRS_MAX 3 /* times that layers of the cache are found broken and made anew */

/* The image of one platform. */
struct one {
	struct settings settings; /* borrowed, but for the platform */
	struct blobs *base; /* or NULL */
	struct ground ground; /* of base */
	struct assembly assembly;
};

static void one_release(struct one *o)
{
	assembly_release(&o->assembly);
	ground_release(&o->ground);
	blobs_free(o->base);
}

static int open_base(struct one *o, const char *layout, const struct platform *p, struct workshop *w, struct err *err)
{
	struct dest d = { .type = DEST_OCI, .path = layout, .tag = "base" };

	if (!layout)
		return 0;
	o->base = dest_open(&d, p->oci_os, p->oci_arch, err);
	if (!o->base || ground_of_base(o->base, blobs_image(o->base)->n_layers, w, &o->ground, err) < 0)
		return err_at(err, "--base");
	return 0;
}

/* As a build does that has all packages. */
static int plan(struct one *o, const struct lock *lock, const struct lock_platform *lp, const char *layout,
		struct workshop *w, struct err *err)
{
	struct assembly *a = &o->assembly;
	const struct platform *p = platform_parse(lp->subdir, err);

	if (!p || open_base(o, layout, p, w, err) < 0)
		return -1;
	o->settings.platform = p;
	if (assembly_plan(a, &o->settings, w, lock, lp, p, o->base ? blobs_image(o->base) : NULL, err) < 0 ||
	    assembly_plan_ground(a, o->base ? &o->ground : NULL, err) < 0)
		return -1;
	remake_channels(a);
	return assembly_fetch(a, err);
}

/* A bundle is of bytes that were looked at: a broken layer would be refused there. */
static int make(struct assembly *a, struct err *err)
{
	for (unsigned tries = 0; tries <= REPAIRS_MAX; tries++) {
		size_t broken;

		if (assembly_layers(a, err) < 0)
			return -1;
		broken = assembly_forget_broken(a);
		if (!broken)
			return 0;
		log_warn("layers in the cache were broken and are made anew: %zu", broken);
	}
	return err_set(err, ERR_INTEGRITY, "what is in the cache %s is broken again and again (condaimg cache verify)",
		       a->settings->cache_dir);
}

/* seen: recipes that are in it already. */
static void add(struct bundle_plan *to, const struct assembly *a, struct digest **seen, size_t *n)
{
	for (size_t i = 0; i < a->n_layers; i++) {
		const struct part_layer *l = &a->layers[i];
		bool there = false;

		for (size_t k = 0; k < *n && !there; k++)
			there = digest_equal(&(*seen)[k], &l->recipe);
		if (there)
			continue;
		bundle_add_layer(to, &l->recipe, &l->layer, a->workshop->layers);
		mem_grow(*seen, *n);
		(*seen)[(*n)++] = l->recipe;
	}
}

int bundle_layers_add(struct bundle_plan *to, const struct buf *lock_text, const struct settings *s, struct workshop *w,
		      const char *layout, size_t *n, struct err *err)
{
	auto_lock lock = { 0 };
	auto_free struct digest *seen = NULL;

	*n = 0;
	if (lock_parse(buf_cstr(lock_text), lock_text->n, "conda-lock.yml", &lock, err) < 0)
		return -1;
	for (size_t i = 0; i < lock.n_platforms; i++) {
		CLEANUP(one_release) struct one o = { .settings = *s };

		if (plan(&o, &lock, &lock.platforms[i], layout, w, err) < 0 || make(&o.assembly, err) < 0)
			return err_at(err, "--with-layers: %s", lock.platforms[i].subdir);
		add(to, &o.assembly, &seen, n);
	}
	return 0;
}
