#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cmd/assembly_cache.h"
#include "cmd/building.h"
#include "cmd/commands.h"
#include "cmd/libraries.h"
#include "cmd/paths_plan.h"

#define REPAIRS_MAX 3 /* times that a build makes anew what is broken in the cache */

static void build_release(struct build *b)
{
	assembly_release(&b->assembly);
	blobs_free(b->base);
	workshop_release(&b->workshop);
	lock_release(&b->lock);
	input_release(&b->input);
	settings_release(&b->settings);
	ground_release(&b->ground);
	arena_release(&b->arena);
}

static void order_release(struct order *r)
{
	for (size_t i = 0; i < r->n; i++) {
		build_release(&r->builds[i]);
		question_release(&r->questions[i]);
	}
	free(r->builds);
	free(r->questions);
	free(r->answers);
	attachments_release(&r->attached);
	delivery_release(&r->delivery);
	layer_cache_free(r->cache);
	registries_release(&r->registries);
	input_close(&r->files);
	settings_release(&r->settings);
	project_release(&r->project);
	arena_release(&r->arena);
}

/* ---- where packages come from ---- */

/* A lock may have them from anywhere. */
static int check_sources(const struct build *b, struct err *err)
{
	const struct config *c = &b->settings.config;
	int rc = 0;

	if (!c->rc.values[CONDARC_ALLOWLIST_CHANNELS].n && !c->rc.values[CONDARC_DENYLIST_CHANNELS].n)
		return 0;
	for (size_t i = 0; rc == 0 && i < b->lp->n_packages; i++)
		rc = config_allows_url(c, b->lp->packages[i].url, err);
	for (size_t i = 0; rc == 0 && i < b->lp->n_libc_packages; i++)
		rc = config_allows_url(c, b->lp->libc_packages[i].url, err);
	return rc;
}

/* The question's channels, which know logins, and the lock's, which may have mirrors here. */
static void find_channels(struct build *b)
{
	struct channel *list = NULL;
	size_t n = 0;

	for (size_t i = 0; i < b->question->n_channels; i++) {
		mem_grow(list, n);
		list[n++] = b->question->channels[i];
	}
	for (size_t i = 0; b->from->channels && b->from->channels[i]; i++) {
		struct err err = ERR_INIT;

		/* another tool's lock may call them as it likes */
		if (channel_resolve_as(&b->arena, &b->settings.config.names, b->from->channels[i], ".", &list, &n,
				       &err) < 0)
			log_debug("%s", err.text);
	}
	b->assembly.channels = arena_dup(&b->arena, list, n * sizeof(*list));
	b->assembly.n_channels = n;
	free(list);
}

/* ---- the image ---- */

static int make_images(struct order *r, struct image *images, struct dest_image *ret, struct err *err)
{
	for (size_t i = 0; i < r->n; i++) {
		struct build *b = &r->builds[i];

		if (assembly_layers(&b->assembly, err) < 0)
			return building_tell_room(r, err);
		assembly_image(&b->assembly, &images[i]);
		ret[i] = (struct dest_image){ &images[i], b->workshop.layers, b->base };
	}
	return 0;
}

static int write_images(struct order *r, struct digest *ret, struct err *err)
{
	auto_free struct image *images = mem_array(r->n, sizeof(*images));
	auto_free struct dest_image *list = mem_array(r->n, sizeof(*list));

	for (unsigned tries = 0;; tries++) {
		struct digest broken = { 0 };

		if (make_images(r, images, list, err) < 0)
			return -1;
		if (r->only_digest)
			return dest_digest_all(list, r->n, &r->delivery.how, ret, err);
		if (delivery_write(&r->delivery, list, r->n, r->builds[0].workshop.progress, ret, &broken, err) == 0)
			return 0;
		if (err->code != ERR_INTEGRITY && err->code != ERR_NET)
			return -1;
		if (tries == REPAIRS_MAX && err->code == ERR_NET)
			return -1;
		if (tries == REPAIRS_MAX)
			return err_at(err, "what is in the cache %s is broken again and again (condaimg cache verify)",
				      r->builds[0].settings.cache_dir);
		if (!building_heal_layers(r, &broken))
			return -1;
		err_clear(err);
	}
}

/* The image itself, and our cache, are no part of an application that has them in its folder. */
static int plan_app(struct build *b, struct err *err)
{
	const struct delivery *d = &b->order->delivery;
	auto_free const char **skip = mem_array(d->n + 2, sizeof(*skip));
	size_t n = 0;

	skip[n++] = b->settings.cache_dir;
	for (size_t i = 0; i < d->n; i++)
		if (d->dests[i].path)
			skip[n++] = d->dests[i].path;
	return assembly_plan_app(&b->assembly, b->base ? &b->ground : NULL, input_dir(&b->arena, b->order->o->args[0]),
				 skip, err);
}

/* What the image says of the one below it (image-spec, annotations.md). */
static void note_base(struct build *b)
{
	struct digest d;
	struct ref ref;

	if (!b->base || b->base_place.type != DEST_REGISTRY)
		return;
	ref = b->base_place.ref;
	ref.tag = b->base_place.tag;
	ref.has_digest = false;
	d = blobs_manifest_digest(b->base);
	b->assembly.base_name = ref_text(&b->arena, &ref);
	b->assembly.base_digest = arena_printf(&b->arena, "sha256:%s", digest_hex(&d).hex);
}

static int plan(struct build *b, struct err *err)
{
	if (check_sources(b, err) < 0 ||
	    assembly_plan(&b->assembly, &b->settings, &b->workshop, b->from, b->lp, b->platform,
			  b->base ? blobs_image(b->base) : NULL, err) < 0 ||
	    plan_app(b, err) < 0)
		return -1;
	find_channels(b);
	b->assembly.told = b->order->files.bundle.layers;
	b->assembly.n_told = b->order->files.bundle.n_layers;
	b->assembly.stream = b->order->delivery.stream;
	b->assembly.cache = b->order->cache;
	b->assembly.lazy = b->order->cache || b->order->only_digest;
	note_base(b);
	return 0;
}

/* The image is there, whatever there is to say of it. */
static void tell_libraries(struct build *b)
{
	struct libraries l = { 0 };
	struct err err = ERR_INIT;

	if (libraries_check(&b->assembly, &l, &err) < 0)
		log_warn("cannot tell whether all shared libraries are there: %s", err.text);
	else
		libraries_tell(&b->assembly, &l);
}

/* What is to be said of the image, and what others can take from this build. The image is there, whatever becomes of that. */
static void tell(struct order *r)
{
	for (size_t i = 0; r->cache && i < r->delivery.n; i++)
		if (r->delivery.dests[i].type == DEST_REGISTRY)
			layer_cache_mount_from(r->cache, &r->delivery.dests[i].ref);
	for (size_t i = 0; i < r->n; i++)
		tell_libraries(&r->builds[i]);
	for (size_t i = 0; i < r->n; i++)
		assembly_cache_write(&r->builds[i].assembly);
}

static int begin(struct build *b, struct order *r, size_t i, const struct platform *asked, struct err *err)
{
	const char *glibc;

	*b = (struct build){ .order = r,
			     .question = &r->questions[i],
			     .answer = &r->answers[i],
			     .workshop = { .packages = -1, .repodata = -1, .plans = -1, .lock = -1 } };
	if (building_read(b, asked, err) < 0 || (!r->o->dry_run && building_open(b, err) < 0) ||
	    building_base(b, &glibc, err) < 0)
		return -1;
	return building_lock(b, glibc, err);
}

static int begin_all(struct order *r, struct err *err)
{
	size_t n = r->settings.n_platforms ? r->settings.n_platforms : 1;

	r->builds = mem_array(n, sizeof(*r->builds));
	r->questions = mem_array(n, sizeof(*r->questions));
	r->answers = mem_array(n, sizeof(*r->answers));
	while (r->n < n) {
		const struct platform *asked = r->settings.n_platforms ? r->settings.platforms[r->n] : NULL;

		r->n++;
		if (begin(&r->builds[r->n - 1], r, r->n - 1, asked, err) < 0)
			return -1;
	}
	return building_solve(r, err);
}

/* ---- what is beside it ---- */

static int attach_one(struct order *r, struct build *b, const struct dest *to, struct err *err)
{
	auto_blobs *image = dest_open(to, b->platform->oci_os, b->platform->oci_arch, err);
	struct attach_facts facts = { .lock = b->from,
				      .lp = b->lp,
				      .packages = b->assembly.packages,
				      .image = image,
				      .epoch = b->settings.epoch,
				      .o = r->o };

	return image ? attachments_put(&facts, &r->attach, to, &r->arena, &r->attached, err) : -1;
}

/* To what was just written there, whatever the tag means by now. */
static int attach_all(struct order *r, const struct digest *digest, struct err *err)
{
	for (size_t i = 0; r->attach.any && i < r->delivery.n; i++) {
		struct dest to = r->delivery.dests[i];

		to.ref.digest = *digest;
		to.ref.has_digest = true;
		for (size_t k = 0; k < r->n; k++)
			if (attach_one(r, &r->builds[k], &to, err) < 0)
				return err_at(err, "--attach");
	}
	return 0;
}

static int check_attach(struct order *r, struct err *err)
{
	if (attachments_wanted(r->o, true, &r->attach, err) < 0)
		return -1;
	for (size_t i = 0; r->attach.any && !r->only_digest && i < r->delivery.n; i++)
		if (attach_check(&r->delivery.dests[i], err) < 0)
			return err_at(err, "--attach");
	return 0;
}

static const char *image_name(const struct order *r)
{
	const char *name = r->builds[0].from->name;

	return r->project.name ? r->project.name : name ? name : "image";
}

static int fetch_all(struct order *r, struct err *err)
{
	for (size_t i = 0; i < r->n; i++)
		if (assembly_fetch(&r->builds[i].assembly, err) < 0)
			return building_tell_room(r, err);
	return 0;
}

static int run_all(struct order *r, struct err *err)
{
	struct digest digest;

	for (size_t i = 0; i < r->n; i++)
		if (plan(&r->builds[i], err) < 0)
			return -1;
	if (r->o->dry_run) {
		building_preview(r);
		return 0;
	}
	if (fetch_all(r, err) < 0 && !(building_heal_packages(r, err) && fetch_all(r, err) == 0))
		return -1;
	for (size_t i = 0; i < r->n; i++)
		if (paths_plan_tell(&r->builds[i].assembly, err) < 0)
			return -1;
	if (write_images(r, &digest, err) < 0 &&
	    !(building_heal_packages(r, err) && fetch_all(r, err) == 0 && write_images(r, &digest, err) == 0))
		return -1;
	if (r->only_digest) {
		building_report_digest(r, &digest);
		return 0;
	}
	if (attach_all(r, &digest, err) < 0)
		return -1;
	tell(r);
	building_report(r, &digest);
	return 0;
}

static int build(const struct options *given, bool only_digest, struct err *err)
{
	CLEANUP(order_release) struct order r = { .only_digest = only_digest };

	r.o = &r.project.options;
	if (project_open(given, &r.project, err) < 0 || settings_read(r.o, &r.settings, err) < 0 ||
	    input_open(r.o, &r.files, err) < 0 ||
	    delivery_open(&r.delivery, r.o, &r.settings, &r.registries, &r.arena, err) < 0 ||
	    check_attach(&r, err) < 0 || layer_cache_open(&r.registries, r.o, &r.cache, err) < 0)
		return -1;
	if (only_digest)
		registry_free(TAKE(r.delivery.stream));
	if (begin_all(&r, err) < 0 || delivery_name(&r.delivery, image_name(&r), &r.arena, err) < 0)
		return -1;
	return run_all(&r, err);
}

int cmd_build(const struct options *given, struct err *err)
{
	return build(given, false, err);
}

int cmd_build_digest(const struct options *given, struct err *err)
{
	return build(given, true, err);
}
