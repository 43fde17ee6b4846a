#include <string.h>

#include "base/log.h"
#include "cmd/base_image.h"
#include "cmd/commands.h"
#include "cmd/patching.h"
#include "conda/matchspec.h"
#include "conda/version.h"

/* ---- does it run there ---- */

/* The first condition on __glibc that a version does not meet, or NULL. */
static const char *unmet(struct arena *a, const char *const *list, const struct record *glibc, struct err *err)
{
	for (; list && *list; list++) {
		const struct matchspec *m;

		if (!str_eq(matchspec_name_of(*list), "__glibc"))
			continue;
		m = matchspec_parse(a, *list, MATCHSPEC_V3, err);
		if (!m)
			return NULL;
		if (!matchspec_match(m, glibc, NULL))
			return *list;
	}
	return NULL;
}

static int check_glibc(struct arena *a, const struct patched *one, const char *version, struct err *err)
{
	struct virtual_set set = { 0 };
	const struct record *glibc;

	if (virtual_apply(a, &set, arena_printf(a, "__glibc=%s", version), err) < 0)
		return -1;
	glibc = virtual_find(&set, "__glibc");
	for (size_t i = 0; i < one->lp.n_packages; i++) {
		const struct record *r = &one->lp.packages[i];
		const char *what = unmet(a, r->depends, glibc, err);

		if (err->code != ERR_NONE)
			return err_at(err, "%s", r->fn);
		if (what)
			return err_set(err, ERR_UNSAT, "the new base has glibc %s, and %s needs '%s'", version,
				       record_dist(a, r), what);
		what = unmet(a, r->constrains, glibc, err);
		if (err->code != ERR_NONE)
			return err_at(err, "%s", r->fn);
		if (what)
			return err_set(err, ERR_UNSAT, "the new base has glibc %s, and %s allows only '%s'", version,
				       record_dist(a, r), what);
	}
	return 0;
}

/* ---- the base ---- */

/* What is in it decides what the system files are, and is read for that, once. */
static int open_base(struct patching *p, struct patched *one, struct err *err)
{
	const struct platform *platform = one->was.platform;
	const char *glibc;

	one->base_place = p->settings.base;
	if (registries_attach(&p->registries, p->o, &one->base_place, err) < 0)
		return -1;
	one->base = dest_open(&one->base_place, platform->oci_os, platform->oci_arch, err);
	if (!one->base ||
	    ground_of_base(one->base, blobs_image(one->base)->n_layers, &p->workshop, &one->ground, err) < 0)
		return -1;
	glibc = one->ground.glibc;
	if (!glibc && base_image_glibc(&p->arena, one->base, &glibc, err) < 0)
		return -1;
	return check_glibc(&p->arena, one, glibc, err);
}

static int to_scratch(struct patched *one, struct err *err)
{
	if (one->lp.n_libc_packages)
		return 0;
	return err_set(err, ERR_USAGE,
		       "the lock has no C library, which an image on scratch brings along: lock the environment anew "
		       "and build it");
}

static int set_base(struct patching *p, struct patched *one, struct err *err)
{
	one->lock.base = NULL; /* the annotations tell, and who attaches a lock takes it from there */
	if (!p->settings.has_base)
		return to_scratch(one, err);
	if (open_base(p, one, err) < 0)
		return err_at(err, "--base %s", dest_text(&p->arena, &p->settings.base));
	if (one->base_place.type == DEST_REGISTRY) {
		struct dest pinned = one->base_place;

		if (dest_digest(&one->base_place, &pinned.ref.digest, err) < 0)
			return err_at(err, "--base");
		pinned.ref.has_digest = true;
		one->lock.base = dest_text(&p->arena, &pinned);
	}
	return 0;
}

int cmd_rebase(const struct options *o, struct err *err)
{
	auto_patching p = { 0 };

	if (!o->base)
		return err_set(err, ERR_USAGE, "say with --base which image the new one is to be on");
	if (patching_open(o, true, &p, err) < 0)
		return -1;
	for (size_t i = 0; i < p.n; i++)
		if (set_base(&p, &p.images[i], err) < 0)
			return -1;
	return patching_finish(&p, err);
}
