#include <stdio.h>

#include "base/log.h"
#include "cmd/attachments.h"
#include "cmd/commands.h"
#include "cmd/input.h"
#include "cmd/question.h"
#include "cmd/registries.h"
#include "cmd/told_packages.h"

struct work {
	struct arena arena;
	struct registries registries;
	struct settings settings;
	struct input_files files;
	struct input input;
	struct dest dest;
	struct blobs *blobs;
	struct attach_told told;
};

static void work_release(struct work *w)
{
	attachments_release(&w->told);
	blobs_free(w->blobs);
	input_release(&w->input);
	input_close(&w->files);
	registries_release(&w->registries);
	settings_release(&w->settings);
	arena_release(&w->arena);
}

/* An index stands for several images; which of them the lock is of must be said. */
static int open_image(struct work *w, const struct options *o, struct err *err)
{
	const struct platform *p = w->settings.platform;
	struct digest trunk, own;

	if (registries_place(&w->registries, o, &w->arena, o->args[0], &w->dest, err) < 0 ||
	    attach_check(&w->dest, err) < 0)
		return -1;
	w->blobs = dest_open(&w->dest, p ? p->oci_os : NULL, p ? p->oci_arch : NULL, err);
	if (!w->blobs || dest_digest(&w->dest, &trunk, err) < 0)
		return -1;
	own = blobs_manifest_digest(w->blobs);
	if (!p && !digest_equal(&trunk, &own))
		return err_set(err, ERR_USAGE, "%s has images of several platforms: say which with --platform",
			       o->args[0]);
	return 0;
}

static const struct lock_platform *read_lock(struct work *w, const struct options *o, struct err *err)
{
	const struct image *im = blobs_image(w->blobs);
	const char *path = o->args[1];
	const char *oci = arena_printf(&w->arena, "%s/%s", im->os, im->arch);
	const struct platform *p = platform_parse(oci, err);
	const struct lock_platform *lp;

	if (!p || input_read_one(path, p->subdir, &w->files, &w->input, err) < 0)
		return NULL;
	lp = w->input.is_lock ? lock_find(&w->input.lock, p->subdir) : NULL;
	if (!w->input.is_lock)
		err_set(err, ERR_USAGE, "%s is no lock", path);
	else if (!lp)
		err_set(err, ERR_FORMAT, "%s has nothing for %s", path, p->subdir);
	return lp;
}

static bool has_dist(const char *const *list, size_t n, const char *dist)
{
	return n && bsearch(&dist, list, n, sizeof(*list), str_ptr_cmp);
}

/* Whether all packages of the lock are in the image, and none is there that is not the lock's but a base's. */
static int check(struct work *w, const struct options *o, const struct lock_platform *lp, struct err *err)
{
	const struct image *im = blobs_image(w->blobs);
	size_t n;
	const char *const *dists = told_packages_dists(&w->arena, im, &n);
	bool on_base = descriptor_annotation(im->annotations, im->n_annotations,
					     "org.opencontainers.image.base.digest") != NULL;

	if (!dists)
		return err_set(err, ERR_FORMAT, "%s does not tell which packages are in it: condaimg did not build it",
			       o->args[0]);
	for (size_t i = 0; i < lp->n_packages; i++) {
		const char *dist = record_dist(&w->arena, &lp->packages[i]);

		if (!has_dist(dists, n, dist))
			return err_set(err, ERR_FORMAT, "%s is not the lock of %s: the image has no %s", o->args[1],
				       o->args[0], dist);
	}
	if (!on_base && n > lp->n_packages + (lp->n_libc_packages != 0))
		return err_set(err, ERR_FORMAT,
			       "%s is not the lock of %s: the image has %zu packages, and the lock %zu", o->args[1],
			       o->args[0], n, lp->n_packages + (lp->n_libc_packages != 0));
	return 0;
}

static void print_result(struct work *w, const struct options *o)
{
	struct digest d = blobs_manifest_digest(w->blobs);
	auto_buf out = { 0 };
	struct json j = { .out = &out, .indent = 2 };

	for (size_t i = 0; !o->json && i < w->told.n; i++)
		printf("%s sha256:%s\n", w->told.list[i].type, digest_hex(&w->told.list[i].digest).hex);
	if (!o->json)
		return;
	json_object(&j);
	json_put_string(&j, "schema", "attach-1");
	json_put_string(&j, "image", dest_text(&w->arena, &w->dest));
	json_put_string(&j, "digest", arena_printf(&w->arena, "sha256:%s", digest_hex(&d).hex));
	json_key(&j, "attached");
	attachments_json(&w->told, &w->arena, &j);
	json_end(&j);
	puts(out.p);
}

int cmd_attach(const struct options *o, struct err *err)
{
	CLEANUP(work_release) struct work w = { 0 };
	struct attach_facts facts;
	struct attach_wanted wanted;

	if (attachments_wanted(o, false, &wanted, err) < 0)
		return -1;
	if (!wanted.any)
		wanted = (struct attach_wanted){
			.kinds = { [KIND_LOCK] = true, [KIND_SPDX] = true, [KIND_CYCLONEDX] = true }, .any = true
		};
	if (settings_read(o, &w.settings, err) < 0 || settings_one_platform(&w.settings, err) < 0 ||
	    open_image(&w, o, err) < 0)
		return -1;
	facts = (struct attach_facts){
		.lp = read_lock(&w, o, err), .lock = &w.input.lock, .image = w.blobs, .epoch = w.settings.epoch
	};
	if (!facts.lp || check(&w, o, facts.lp, err) < 0 ||
	    attachments_put(&facts, &wanted, &w.dest, &w.arena, &w.told, err) < 0)
		return -1;
	print_result(&w, o);
	return 0;
}
