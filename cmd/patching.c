#include "cmd/patching.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cmd/assembly_cache.h"
#include "cmd/libraries.h"
#include "cmd/making.h"
#include "cmd/output.h"
#include "cmd/patching_app.h"
#include "cmd/paths_plan.h"
#include "oci/index.h"
#include "oci/repotag.h"

#define REPAIRS_MAX 3 /* broken blobs in the cache that one run makes anew */

/* ---- where from, where to ---- */

static int check_tag(const struct options *o, struct err *err)
{
	if (!o->new_tag || repotag_is_tag(o->new_tag))
		return 0;
	return err_set(err, ERR_USAGE,
		       "-t is '%.200s', expected a tag for the new image, such as 1.2; another place is said with -o",
		       o->new_tag);
}

/* Beside the old one, under another name; or wherever -o says. */
static int find_place(struct patching *p, struct err *err)
{
	const struct options *o = p->o;
	struct dest *to = &p->to;

	*to = p->settings.has_output ? p->settings.output : p->from;
	if (check_tag(o, err) < 0 || registries_attach(&p->registries, o, to, err) < 0)
		return -1;
	if (p->settings.has_output) {
		if (output_check_archive(&(struct options){ .args = o->args, .n_args = 1 }, to, err) < 0)
			return -1;
		if (o->new_tag && !to->tag)
			to->tag = o->new_tag;
		return 0;
	}
	if (to->type != DEST_OCI && to->type != DEST_REGISTRY && !o->dry_run)
		return err_set(err, ERR_USAGE,
			       "%s is an archive, which is not added to: say with -o where the new image goes",
			       o->args[0]);
	if (!o->new_tag && !o->dry_run)
		return err_set(err, ERR_USAGE,
			       "say with -t which tag the new image has beside %s, or with -o where it goes",
			       o->args[0]);
	to->tag = o->new_tag;
	to->ref.has_digest = false;
	return 0;
}

/* ---- which images ---- */

static bool is_wanted(const struct patching *p, const struct platform *platform)
{
	for (size_t i = 0; i < p->settings.n_platforms; i++)
		if (p->settings.platforms[i] == platform)
			return true;
	return !p->settings.n_platforms;
}

/* An entry of an index; those of other tools' attestations are for no platform. */
static int add_entry(struct patching *p, const struct doc *entry, const struct platform **list, size_t *n,
		     struct err *err)
{
	const struct doc *said = doc_find(entry, "platform");
	const char *os, *arch;
	const struct platform *one;

	if (!said)
		return err_set(err, ERR_FORMAT, "%s has an index that says no platforms", p->o->args[0]);
	if (doc_get_string(said, "os", "", &os, err) < 0 || doc_get_string(said, "architecture", "", &arch, err) < 0)
		return -1;
	if (strcmp(os, "unknown") == 0)
		return 0;
	one = platform_parse(arena_printf(&p->arena, "%s/%s", os, arch), err);
	if (!one)
		return err_at(err, "%s", p->o->args[0]);
	if (is_wanted(p, one))
		list[(*n)++] = one;
	return 0;
}

static int by_subdir(const void *x, const void *y)
{
	return strcmp((*(const struct platform *const *)x)->subdir, (*(const struct platform *const *)y)->subdir);
}

/* The platforms of an index, as build has them: by subdir. n 0: it is an image itself. */
static int list_platforms(struct patching *p, const struct platform ***ret, size_t *n, struct err *err)
{
	auto_blobs *trunk = dest_open_trunk(&p->from, err);
	const struct doc *d, *list;
	const char *text;
	size_t len;

	*n = 0;
	if (!trunk)
		return -1;
	p->was = blobs_manifest_digest(trunk);
	text = blobs_manifest(trunk, &len);
	d = doc_parse_json(&p->arena, text, len, p->o->args[0], err);
	list = doc_find(d, "manifests");
	if (!d)
		return -1;
	if (!list || list->type != DOC_LIST)
		return 0;
	*ret = arena_array(&p->arena, list->n + 1, sizeof(**ret));
	for (size_t i = 0; i < list->n; i++)
		if (add_entry(p, &list->items[i], *ret, n, err) < 0)
			return -1;
	if (!*n)
		return err_set(err, ERR_USAGE, "%s has no image of that platform", p->o->args[0]);
	qsort(*ret, *n, sizeof(**ret), by_subdir);
	return 0;
}

static int open_images(struct patching *p, struct err *err)
{
	const struct platform **platforms = NULL, *said = p->settings.platform;
	size_t n;

	if (list_platforms(p, &platforms, &n, err) < 0)
		return -1;
	p->images = mem_array(n ? n : 1, sizeof(*p->images));
	while (p->n < (n ? n : 1)) {
		struct patched *one = &p->images[p->n++];

		if (remake_open(&p->room, n ? platforms[p->n - 1] : said, &one->was, err) < 0)
			return -1;
		one->lock = *one->was.lock;
		one->lock.arena = (struct arena){ 0 };
		one->lp = *one->was.lp;
		if (one->was.docker_types != p->images[0].was.docker_types)
			return err_set(err, ERR_FORMAT, "%s has images of Docker's media types and of OCI's",
				       p->o->args[0]);
	}
	return 0;
}

/* What was kept beside the old image is kept beside the new one, unless options say what. */
static int find_attachments(struct patching *p, struct err *err)
{
	static const char *const types[] = {
		[KIND_LOCK] = ATTACH_LOCK, [KIND_SPDX] = ATTACH_SPDX, [KIND_CYCLONEDX] = ATTACH_CYCLONEDX
	};
	bool archive = p->to.type != DEST_OCI && p->to.type != DEST_REGISTRY;

	if (attachments_wanted(p->o, false, &p->attach, err) < 0)
		return -1;
	if (p->attach.any)
		return attach_check(&p->to, err) < 0 ? err_at(err, "--attach") : 0;
	for (size_t i = 0; !archive && i < p->n; i++)
		for (size_t k = 0; k < COUNT(types); k++) {
			struct digest subject = blobs_manifest_digest(p->images[i].was.blobs);
			struct registry_referrer *list;
			size_t n;

			if (attach_list(&p->from, &p->arena, &subject, types[k], &list, &n, err) < 0)
				return -1;
			p->attach.kinds[k] |= n > 0;
			p->attach.any |= n > 0;
		}
	return 0;
}

int patching_open(const struct options *o, bool rebases, struct patching *p, struct err *err)
{
	*p = (struct patching){ .o = o,
				.rebases = rebases,
				.workshop = { .packages = -1, .repodata = -1, .plans = -1, .lock = -1 } };
	p->room = (struct remake_room){ o, &p->registries, &p->workshop, NULL, &p->from, o->args[0] };
	if (settings_read(o, &p->settings, err) < 0 || settings_configure(o, &p->settings, err) < 0 ||
	    registries_place(&p->registries, o, &p->arena, o->args[0], &p->from, err) < 0 || find_place(p, err) < 0 ||
	    layer_cache_open(&p->registries, o, &p->cache, err) < 0 ||
	    workshop_open(&p->settings, p->settings.offline, &p->workshop, err) < 0)
		return -1;
	p->room.cache = p->cache;
	if (open_images(p, err) < 0 || find_attachments(p, err) < 0)
		return -1;
	p->delivery.dests = mem_array(1, sizeof(*p->delivery.dests));
	p->delivery.dests[0] = p->to;
	p->delivery.n = p->delivery.n_named = 1;
	p->delivery.how =
		(struct dest_how){ .docker_types = p->images[0].was.docker_types, .told = &p->delivery.told.base };
	registries_told_begin(&p->delivery.told, NULL);
	return 0;
}

static void patched_release(struct patched *one)
{
	diff_release(&one->diff);
	for (size_t i = 0; i < 2; i++)
		told_packages_release(&one->told[i]);
	assembly_release(&one->assembly);
	ground_release(&one->ground);
	blobs_free(one->base);
	free(one->ready);
	remake_release(&one->was);
}

void patching_release(struct patching *p)
{
	for (size_t i = 0; i < p->n; i++)
		patched_release(&p->images[i]);
	free(p->images);
	attachments_release(&p->attached);
	delivery_release(&p->delivery);
	layer_cache_free(p->cache);
	workshop_release(&p->workshop);
	registries_release(&p->registries);
	settings_release(&p->settings);
	arena_release(&p->arena);
}

/* ---- plan ---- */

static struct part_layer *find_part(struct assembly *a, enum part part)
{
	for (size_t i = 0; i < a->n_layers; i++)
		if (a->layers[i].part == part)
			return &a->layers[i];
	return NULL;
}

/* What lies on another base may lie differently: its system files are not those that stay. */
static void find_ready(struct patched *one, bool rebases)
{
	const struct assembly *was = &one->was.assembly;
	size_t n = 0;

	free(one->ready);
	one->ready = mem_array(was->n_layers, sizeof(*one->ready));
	for (size_t i = 0; i < was->n_layers; i++) {
		const struct part_layer *l = &was->layers[i];

		if (l->part != PART_APP && (l->part != PART_SYSTEM || !rebases))
			one->ready[n++] = (struct ready_layer){ l->recipe, l->layer };
	}
	one->assembly.ready = one->ready;
	one->assembly.n_ready = n;
	one->assembly.ready_in = one->was.blobs;
}

static int plan(struct patching *p, struct patched *one, struct err *err)
{
	struct assembly *a = &one->assembly;
	struct remake *was = &one->was;
	struct blobs *base = p->rebases ? one->base : was->base;

	assembly_release(a);
	if (assembly_plan(a, &was->settings, &p->workshop, &one->lock, &one->lp, was->platform,
			  base ? blobs_image(base) : NULL, err) < 0)
		return -1;
	/* The base's layers are the old image's, too. */
	a->base_blobs = p->rebases ? one->base : was->blobs;
	a->cache = p->cache;
	a->lazy = true;
	remake_channels(a);
	if (base)
		remake_name_base(a, p->rebases ? &one->base_place : &was->base_place, base);
	find_ready(one, p->rebases);
	return assembly_plan_ground(a, base ? p->rebases ? &one->ground : &was->ground : NULL, err);
}

/* Without knowing what is in the base, nobody can make the system files anew. */
static int plan_system(struct patching *p, struct patched *one, struct err *err)
{
	struct part_layer *l = find_part(&one->assembly, PART_SYSTEM);

	making_recipe(&one->assembly, l);
	if (p->rebases || !one->was.base || one->was.ground_known || assembly_recall(&one->assembly, l))
		return 0;
	if (remake_read_base(&one->was, err) < 0)
		return -1;
	making_recipe(&one->was.assembly, find_part(&one->was.assembly, PART_SYSTEM));
	return plan(p, one, err);
}

/* What was copied is not at hand any more, and lies on the base and the system files alone. */
static int plan_app(struct patching *p, struct patched *one, struct err *err)
{
	const struct part_layer *app = one->was.app;
	struct assembly *a = &one->assembly;
	const char *nothing = NULL;
	bool stays = app != NULL;

	if (p->rebases && patching_app_stays(&one->was, a, &stays, err) < 0)
		return -1;
	if (!stays && !p->rebases)
		return 0;
	if (!stays) {
		ground_release(&a->ground);
		return assembly_plan_app(a, one->base ? &one->ground : NULL, ".", &nothing, err);
	}
	assembly_add_layer(a, PART_APP, NULL);
	a->layers[a->n_layers - 1].layer = app->layer;
	a->layers[a->n_layers - 1].given = true;
	return 0;
}

static int check_sources(const struct patched *one, struct err *err)
{
	const struct config *c = &one->was.settings.config;

	if (!c->rc.values[CONDARC_ALLOWLIST_CHANNELS].n && !c->rc.values[CONDARC_DENYLIST_CHANNELS].n)
		return 0;
	for (size_t i = 0; i < one->lp.n_packages; i++)
		if (config_allows_url(c, one->lp.packages[i].url, err) < 0)
			return -1;
	return 0;
}

static int prepare(struct patching *p, struct patched *one, struct err *err)
{
	if (remake_check(&one->was, err) < 0 || check_sources(one, err) < 0)
		return -1;
	if (p->rebases)
		one->was.settings.libc_none = false;
	if (p->settings.epoch >= 0)
		one->was.settings.epoch = p->settings.epoch;
	if (plan(p, one, err) < 0 || plan_system(p, one, err) < 0 || plan_app(p, one, err) < 0 ||
	    assembly_fetch(&one->assembly, err) < 0)
		return -1;
	return paths_plan_tell(&one->assembly, err);
}

/* ---- write ---- */

static int make_images(struct patching *p, struct image *images, struct dest_image *list, struct err *err)
{
	for (size_t i = 0; i < p->n; i++) {
		struct patched *one = &p->images[i];

		if (assembly_layers(&one->assembly, err) < 0)
			return -1;
		assembly_image(&one->assembly, &images[i]);
		list[i] = (struct dest_image){ &images[i], p->workshop.layers, one->was.blobs };
		if (dest_digest_all(&list[i], 1, &p->delivery.how, &one->digest, err) < 0)
			return -1;
	}
	return 0;
}

static bool forget(struct patching *p, const struct digest *broken)
{
	for (size_t i = 0; i < p->n; i++)
		if (assembly_forget(&p->images[i].assembly, broken))
			return true;
	return false;
}

static int write_images(struct patching *p, struct digest *ret, struct err *err)
{
	auto_free struct image *images = mem_array(p->n, sizeof(*images));
	auto_free struct dest_image *list = mem_array(p->n, sizeof(*list));

	for (unsigned tries = 0;; tries++) {
		struct digest broken = { 0 };

		if (make_images(p, images, list, err) < 0)
			return -1;
		if (p->o->dry_run)
			return dest_digest_all(list, p->n, &p->delivery.how, ret, err);
		if (delivery_write(&p->delivery, list, p->n, p->workshop.progress, ret, &broken, err) == 0)
			return 0;
		if ((err->code != ERR_INTEGRITY && err->code != ERR_NET) || tries == REPAIRS_MAX || !forget(p, &broken))
			return -1;
		log_warn("a layer in the cache was broken or gone, and is made anew (%s)", err->text);
		err_clear(err);
	}
}

static int attach_all(struct patching *p, const struct digest *digest, struct err *err)
{
	struct dest to = p->to;

	to.ref.digest = *digest;
	to.ref.has_digest = true;
	for (size_t i = 0; p->attach.any && i < p->n; i++) {
		struct patched *one = &p->images[i];
		const struct platform *platform = one->was.platform;
		auto_blobs *image = dest_open(&to, platform->oci_os, platform->oci_arch, err);
		struct attach_facts facts = { .lock = &one->lock,
					      .lp = &one->lp,
					      .packages = one->assembly.packages,
					      .image = image,
					      .epoch = p->settings.epoch };

		if (!image || attachments_put(&facts, &p->attach, &to, &p->arena, &p->attached, err) < 0)
			return err_at(err, "--attach");
	}
	return 0;
}

/* One lock for all platforms, as condaimg lock writes it. */
static int write_lock(struct patching *p, struct err *err)
{
	struct lock all = p->images[0].lock;
	struct lock_platform *list = arena_array(&p->arena, p->n, sizeof(*list));
	auto_buf text = { 0 };

	if (!p->o->lockfile || p->o->dry_run)
		return 0;
	for (size_t i = 0; i < p->n; i++) {
		const char *base = p->images[i].lock.base;

		list[i] = p->images[i].lp;
		/* Attached locks name the base of their platform, which is no base for the others. */
		if (!base || !all.base || strcmp(base, all.base) != 0)
			all.base = NULL;
	}
	all.platforms = list;
	all.n_platforms = p->n;
	lock_write(&all, &text);
	return output_write(p->o->lockfile, &text, err);
}

/* Remarks: the image is there, whatever there is to say of it. */
static void tell_libraries(struct patched *one)
{
	struct libraries l = { 0 };
	struct err err = ERR_INIT;

	if (one->was.base && !one->base && !one->was.ground_known)
		return;
	if (libraries_check(&one->assembly, &l, &err) < 0)
		log_debug("cannot tell whether all shared libraries are there: %s", err.text);
	else
		libraries_tell(&one->assembly, &l);
}

int patching_finish(struct patching *p, struct err *err)
{
	struct digest digest;

	for (size_t i = 0; i < p->n; i++)
		if (prepare(p, &p->images[i], err) < 0)
			return -1;
	if (write_images(p, &digest, err) < 0)
		return -1;
	for (size_t i = 0; i < p->n; i++)
		tell_libraries(&p->images[i]);
	if (!p->o->dry_run && (attach_all(p, &digest, err) < 0 || write_lock(p, err) < 0))
		return -1;
	patching_tell(p, &digest);
	return 0;
}
