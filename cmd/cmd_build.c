#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/num.h"
#include "cmd/assembly.h"
#include "cmd/base_image.h"
#include "cmd/commands.h"
#include "cmd/delivery.h"
#include "cmd/ground.h"
#include "cmd/lock_libc.h"
#include "cmd/paths_plan.h"
#include "cmd/project.h"
#include "cmd/registries.h"
#include "cmd/solve_all.h"

#define LOCK_MAX ((uint64_t)64 << 20)
#define REPAIRS_MAX 3 /* broken blobs in the cache that one build makes anew */

/* What the images of all platforms have in common. */
struct order {
	struct arena arena;
	struct project project;
	const struct options *o;
	struct settings settings;
	struct input_files files;
	struct registries registries;
	struct delivery delivery;
	struct question *questions; /* one a platform */
	struct lock_platform *answers;
	struct build *builds;
	size_t n;
};

/* The image of one platform. */
struct build {
	struct order *order;
	struct arena arena;
	struct settings settings;
	struct input input;
	struct lock lock; /* what is built, where the input is no lock itself */
	struct workshop workshop;
	struct question *question;
	struct lock_platform *answer;
	struct blobs *base; /* or NULL */
	struct dest base_place; /* of base: of a registry by digest */
	struct ground ground; /* of base */
	struct assembly assembly;
	const struct platform *platform;
	const struct lock *from; /* the lock that is built; NULL: not known yet */
	const struct lock_platform *lp;
};

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
	delivery_release(&r->delivery);
	registries_release(&r->registries);
	input_close(&r->files);
	settings_release(&r->settings);
	project_release(&r->project);
	arena_release(&r->arena);
}

/* ---- input ---- */

static int read_input(struct build *b, const struct platform *asked, struct err *err)
{
	struct input_files *files = &b->order->files;
	const struct platform *first;

	if (settings_read(b->order->o, &b->settings, err) < 0 || settings_configure(b->order->o, &b->settings, err) < 0)
		return -1;
	b->settings.platform = asked;
	first = asked ? asked : b->settings.host;
	if (input_read(files, first->subdir, &b->input, err) < 0)
		return -1;
	b->platform = question_platform(&b->settings, &b->input, err);
	if (!b->platform)
		return err_at(err, "%s", b->order->o->args[0]);
	if (b->input.is_lock || b->platform == first)
		return 0;
	/* Its selectors were read for another platform. */
	input_release(&b->input);
	return input_read(files, b->platform->subdir, &b->input, err);
}

/* ---- base ---- */

/* The lock that may say which base: the input, or what stands beside it. Only looked at. */
static const char *base_in_lock(struct build *b)
{
	const struct options *o = b->order->o;
	const char *path = o->lockfile ? o->lockfile : input_lock_path(&b->arena, o->args[0]);
	struct err none = ERR_INIT;
	auto_lock lock = { 0 };
	auto_buf text = { 0 };

	if (b->input.is_lock)
		return b->input.lock.base;
	if (strcmp(o->args[0], "-") == 0 || !fs_exists(AT_FDCWD, path) ||
	    fs_read(AT_FDCWD, path, LOCK_MAX, &text, &none) < 0 ||
	    lock_parse(buf_cstr(&text), text.n, path, &lock, &none) < 0)
		return NULL;
	return arena_strdup(&b->arena, lock.base);
}

/* A tag means what the lock says it meant; a lock brings its base along. */
static int choose_base(struct build *b, bool *is_some, struct err *err)
{
	const struct options *o = b->order->o;
	const char *locked = o->base && !b->settings.has_base ? NULL : base_in_lock(b);
	struct dest d = b->settings.base;

	*is_some = b->settings.has_base;
	if (*is_some)
		b->base_place = d;
	if (!locked || (!*is_some && !b->input.is_lock))
		return 0;
	if (registries_place(&b->order->registries, o, &b->arena, locked, &b->base_place, err) < 0)
		return err_at(err, "the base in the lock");
	if (*is_some && (d.type != DEST_REGISTRY || d.ref.has_digest || !ref_same_repo(&d.ref, &b->base_place.ref) ||
			 strcmp(d.tag ? d.tag : "latest", b->base_place.tag ? b->base_place.tag : "latest") != 0))
		b->base_place = d;
	*is_some = true;
	return 0;
}

static int open_base(struct build *b, const char **glibc, struct err *err)
{
	struct dest *d = &b->base_place;
	bool is_some;

	*glibc = NULL;
	if (choose_base(b, &is_some, err) < 0)
		return -1;
	if (!is_some)
		return 0;
	if (registries_attach(&b->order->registries, b->order->o, d, err) == 0)
		b->base = dest_open(d, b->platform->oci_os, b->platform->oci_arch, err);
	if (!b->base || ground_of_base(b->base, blobs_image(b->base)->n_layers, b->workshop.plans, &b->ground, err) < 0)
		return err_at(err, "--base %s", dest_text(&b->arena, d));
	*glibc = b->ground.glibc;
	/* Asked again where there is none: for the sentence. */
	if (!*glibc && !b->input.is_lock && base_image_glibc(&b->arena, b->base, glibc, err) < 0)
		return err_at(err, "--base %s", dest_text(&b->arena, d));
	return 0;
}

/* ---- which lock ---- */

static const char *platforms_of(struct build *b, const struct lock *lock)
{
	auto_buf names = { 0 };

	for (size_t i = 0; i < lock->n_platforms; i++)
		buf_addf(&names, "%s%s", i ? ", " : "", lock->platforms[i].subdir);
	return arena_strdup(&b->arena, buf_cstr(&names));
}

static int use_lock(struct build *b, const struct lock *lock, const char *path, struct err *err)
{
	for (const char *const *warning = lock->warnings; *warning; warning++)
		log_warn("%s", *warning);
	b->from = lock;
	b->lp = lock_find(lock, b->platform->subdir);
	if (!b->lp)
		return err_set(
			err, ERR_FORMAT,
			"%s has nothing for %s, only for %s: lock it with --platform %s, or build one that is there",
			path, b->platform->subdir, platforms_of(b, lock), b->platform->subdir);
	if (b->lp->refused)
		return err_set(err, ERR_FORMAT, "%s: %s", path, b->lp->refused);
	if (b->base || b->settings.libc_none || b->lp->n_libc_packages || strcmp(b->lp->libc, "none") == 0)
		return 0;
	*b->answer = *b->lp;
	b->lp = b->answer;
	return lock_libc_add(lock, path, b->order->o, &b->settings, b->platform, &b->workshop, b->question, &b->arena,
			     b->answer, err);
}

/* Whether a lock says that it was made from this file; one that does not say may have been. */
static bool is_lock_of(const struct lock *l, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	for (const char *const *s = l->sources; s && *s; s++) {
		const char *at = strrchr(*s, '/');

		if (strcmp(at ? at + 1 : *s, name) == 0)
			return true;
	}
	return !l->sources || !l->sources[0];
}

/* The lock beside the environment file, if it is there and still answers the question. 1 yes, 0 no. */
static int try_lock(struct build *b, struct err *err)
{
	const struct options *o = b->order->o;
	const char *names = b->order->files.names;
	const char *path = o->lockfile;
	auto_buf text = { 0 };
	const struct lock_platform *lp;

	if (!path)
		path = input_lock_path(&b->arena, o->args[0]);
	if (!o->lockfile && (strcmp(o->args[0], "-") == 0 || !fs_exists(AT_FDCWD, path)))
		return 0;
	if (fs_read(AT_FDCWD, path, LOCK_MAX, &text, err) < 0 ||
	    lock_parse(buf_cstr(&text), text.n, path, &b->lock, err) < 0)
		return -1;
	lp = lock_find(&b->lock, b->platform->subdir);
	if (lp && strcmp(lp->content_hash, b->question->content_hash) == 0) {
		log_debug("%s still answers %s, so nothing is solved", path, names);
		return use_lock(b, &b->lock, path, err) < 0 ? -1 : 1;
	}
	if (o->lockfile)
		return err_set(err, ERR_FORMAT,
			       "%s does not match %s (for %s): run condaimg lock %s again, with the same options", path,
			       names, b->platform->subdir, names);
	if (is_lock_of(&b->lock, o->args[0]))
		log_warn("%s does not match %s (for %s) and is not used; condaimg lock %s makes it anew", path, names,
			 b->platform->subdir, names);
	lock_release(&b->lock);
	return 0;
}

static int find_lock(struct build *b, const char *glibc, struct err *err)
{
	const struct options *o = b->order->o;
	int got;

	if (b->input.is_lock)
		return use_lock(b, &b->input.lock, o->args[0], err);
	if (b == b->order->builds)
		for (const char *const *warning = b->input.env.warnings; *warning; warning++)
			log_warn("%s", *warning);
	if (question_make(&b->input.env, o, &b->settings, b->platform, glibc, b->question, err) < 0)
		return -1;
	got = try_lock(b, err);
	if (got <= 0)
		return got;
	/* What no solve depends on is as the files have it now. */
	b->lock.name = b->input.env.name;
	b->lock.variables = b->input.env.variables;
	b->lock.n_variables = b->input.env.n_variables;
	return 0;
}

/* Those that no lock answers are solved: together, so that noarch packages are the same ones. */
static int solve_rest(struct order *r, struct err *err)
{
	struct refusal refusal = { 0 };
	auto_kept none = { 0 };
	bool all = true;
	int rc;

	for (size_t i = 0; i < r->n; i++)
		all = all && r->builds[i].from;
	if (all)
		return 0;
	rc = r->n == 1 ? resolve(&r->questions[0], &r->builds[0].workshop, &r->arena, r->answers, &refusal, err)
		       : solve_all(r->questions, r->n, &none, &r->builds[0].workshop, &r->arena, r->answers, &refusal,
				   err);
	if (rc < 0) {
		refusal_print(&refusal, r->o->json, err);
		return -1;
	}
	for (size_t i = 0; i < r->n; i++) {
		struct build *b = &r->builds[i];

		lock_release(&b->lock);
		resolve_lock(&b->lock, b->question, "environment.yml", b->answer, 1);
		b->from = &b->lock;
		b->lp = b->answer;
	}
	return 0;
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

/* ---- dry run ---- */

static int dry_run(const struct options *o, const struct build *b)
{
	const struct assembly *a = &b->assembly;
	uint64_t bytes = 0;
	auto_buf out = { 0 };
	struct json j = { .out = &out, .indent = 2 };

	for (size_t i = 0; i < b->lp->n_packages; i++)
		bytes += b->lp->packages[i].size;
	if (!o->json) {
		for (size_t i = 0; i < b->lp->n_packages; i++)
			printf("%-28s %-16s %-24s %10s\n", b->lp->packages[i].name, b->lp->packages[i].version,
			       b->lp->packages[i].build, num_bytes(b->lp->packages[i].size).s);
		printf("%zu packages, %s, in %zu layers for %s\n", b->lp->n_packages, num_bytes(bytes).s, a->n_layers,
		       b->platform->subdir);
		return 0;
	}
	json_object(&j);
	json_put_string(&j, "schema", "build-dry-run-1");
	json_put_string(&j, "platform", b->platform->subdir);
	json_put_int(&j, "layers", (int64_t)a->n_layers);
	json_put_int(&j, "size", (int64_t)bytes);
	json_key(&j, "packages");
	json_array(&j);
	for (size_t i = 0; i < b->lp->n_packages; i++) {
		json_object(&j);
		json_put_string(&j, "name", b->lp->packages[i].name);
		json_put_string(&j, "version", b->lp->packages[i].version);
		json_put_string(&j, "build", b->lp->packages[i].build);
		json_put_int(&j, "size", (int64_t)b->lp->packages[i].size);
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
	puts(out.p);
	return 0;
}

/* ---- the image ---- */

static bool forget(struct order *r, const struct digest *broken)
{
	for (size_t i = 0; i < r->n; i++)
		if (assembly_forget(&r->builds[i].assembly, broken))
			return true;
	return false;
}

static int make_images(struct order *r, struct image *images, struct dest_image *ret, struct err *err)
{
	for (size_t i = 0; i < r->n; i++) {
		struct build *b = &r->builds[i];

		if (assembly_layers(&b->assembly, err) < 0)
			return -1;
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
		if (delivery_write(&r->delivery, list, r->n, ret, &broken, err) == 0)
			return 0;
		if (err->code != ERR_INTEGRITY || tries == REPAIRS_MAX || !forget(r, &broken))
			return -1;
		log_warn("a layer in the cache was broken and is made anew (%s)", err->text);
		err_clear(err);
	}
}

struct sums {
	uint64_t bytes;
	size_t made;
};

static struct sums sums_of(const struct assembly *a)
{
	struct sums s = { 0 };

	for (size_t i = 0; i < a->n_layers; i++) {
		s.bytes += a->layers[i].layer.size;
		s.made += !a->layers[i].known;
	}
	return s;
}

static void json_build(struct json *j, const struct build *b)
{
	struct sums s = sums_of(&b->assembly);

	json_put_string(j, "platform", b->platform->subdir);
	json_put_int(j, "packages", (int64_t)b->lp->n_packages);
	json_put_int(j, "layers", (int64_t)b->assembly.n_layers);
	json_put_int(j, "layers_new", (int64_t)s.made);
	json_put_int(j, "size", (int64_t)s.bytes);
}

static int report(struct order *r, const struct digest *d)
{
	auto_buf out = { 0 };
	struct json j = { .out = &out, .indent = 2 };

	for (size_t i = 0; i < r->n; i++) {
		const struct build *b = &r->builds[i];
		struct sums s = sums_of(&b->assembly);

		log_info("%s%s%zu packages in %zu layers, %s; %zu layers new", r->n > 1 ? b->platform->subdir : "",
			 r->n > 1 ? ": " : "", b->lp->n_packages, b->assembly.n_layers, num_bytes(s.bytes).s, s.made);
	}
	if (!r->o->json) {
		delivery_print(&r->delivery, &r->arena, d);
		return 0;
	}
	json_object(&j);
	json_put_string(&j, "schema", "build-1");
	delivery_json(&r->delivery, &r->arena, d, &j);
	if (r->n == 1) {
		json_build(&j, &r->builds[0]);
	} else {
		json_key(&j, "images");
		json_array(&j);
		for (size_t i = 0; i < r->n; i++) {
			json_object(&j);
			json_build(&j, &r->builds[i]);
			json_end(&j);
		}
		json_end(&j);
	}
	json_end(&j);
	puts(out.p);
	return 0;
}

/* The image itself, and our cache, are no part of an application that has them in its folder. */
static int plan_app(struct build *b, struct err *err)
{
	const struct delivery *d = &b->order->delivery;
	const char *skip[COUNT(d->dests) + 2] = { b->settings.cache_dir };
	size_t n = 1;

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
	b->assembly.stream = b->order->delivery.stream;
	note_base(b);
	return 0;
}

static int begin(struct build *b, struct order *r, size_t i, const struct platform *asked, struct err *err)
{
	const char *glibc;

	*b = (struct build){ .order = r,
			     .question = &r->questions[i],
			     .answer = &r->answers[i],
			     .workshop = { .packages = -1, .repodata = -1, .plans = -1 } };
	if (read_input(b, asked, err) < 0 || workshop_open(&b->settings, b->settings.offline, &b->workshop, err) < 0 ||
	    open_base(b, &glibc, err) < 0)
		return -1;
	return find_lock(b, glibc, err);
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
	return solve_rest(r, err);
}

static const char *image_name(const struct order *r)
{
	const char *name = r->builds[0].from->name;

	return r->project.name ? r->project.name : name ? name : "image";
}

static int run_all(struct order *r, struct err *err)
{
	struct digest digest;

	for (size_t i = 0; i < r->n; i++)
		if (plan(&r->builds[i], err) < 0)
			return -1;
	for (size_t i = 0; r->o->dry_run && i < r->n; i++)
		dry_run(r->o, &r->builds[i]);
	if (r->o->dry_run)
		return 0;
	for (size_t i = 0; i < r->n; i++)
		if (assembly_fetch(&r->builds[i].assembly, err) < 0 || paths_plan_tell(&r->builds[i].assembly, err) < 0)
			return -1;
	return write_images(r, &digest, err) < 0 ? -1 : report(r, &digest);
}

int cmd_build(const struct options *given, struct err *err)
{
	CLEANUP(order_release) struct order r = { 0 };

	r.o = &r.project.options;
	if (project_open(given, &r.project, err) < 0 || settings_read(r.o, &r.settings, err) < 0 ||
	    input_open(r.o, &r.files, err) < 0 ||
	    delivery_open(&r.delivery, r.o, &r.settings, &r.registries, &r.arena, err) < 0 || begin_all(&r, err) < 0 ||
	    delivery_name(&r.delivery, image_name(&r), &r.arena, err) < 0)
		return -1;
	return run_all(&r, err);
}
