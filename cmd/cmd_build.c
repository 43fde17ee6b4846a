#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/num.h"
#include "cmd/assembly.h"
#include "cmd/base_image.h"
#include "cmd/commands.h"
#include "cmd/lock_libc.h"
#include "cmd/ground.h"
#include "cmd/libraries.h"
#include "cmd/paths_plan.h"
#include "cmd/project.h"
#include "cmd/registries.h"
#include "cmd/resolve.h"

#define REPAIRS_MAX 3 /* broken blobs in the cache that one build makes anew */

struct build {
	struct arena arena;
	struct settings settings;
	struct input_files files;
	struct input input;
	struct lock lock; /* what is built, where the input is no lock itself */
	struct workshop workshop;
	struct question question;
	struct project project;
	struct blobs *base; /* or NULL */
	struct ground ground; /* of base */
	struct assembly assembly;
	const struct platform *platform;
	const struct lock *from; /* the lock that is built */
	const struct lock_platform *lp;
	struct lock_platform answer;
	struct registries registries;
	struct dest dests[2]; /* where the image goes: a place, and with --push a registry */
	size_t n_dests;
	struct dest_told told;
};

static void build_release(struct build *b)
{
	assembly_release(&b->assembly);
	blobs_free(b->base);
	registries_release(&b->registries);
	question_release(&b->question);
	workshop_release(&b->workshop);
	lock_release(&b->lock);
	input_release(&b->input);
	input_close(&b->files);
	settings_release(&b->settings);
	ground_release(&b->ground);
	project_release(&b->project);
	arena_release(&b->arena);
}

/* ---- input ---- */

static int read_input(const struct options *o, struct build *b, struct err *err)
{
	const struct platform *first = b->settings.platform ? b->settings.platform : b->settings.host;

	if (input_open(o, &b->files, err) < 0 || input_read(&b->files, first->subdir, &b->input, err) < 0)
		return -1;
	b->platform = question_platform(&b->settings, &b->input, err);
	if (!b->platform)
		return err_at(err, "%s", o->args[0]);
	if (b->input.is_lock || b->platform == first)
		return 0;
	/* Its selectors were read for another platform. */
	input_release(&b->input);
	return input_read(&b->files, b->platform->subdir, &b->input, err);
}

static int open_base(const struct options *o, struct build *b, const char **glibc, struct err *err)
{
	*glibc = NULL;
	if (!b->settings.has_base)
		return 0;
	if (registries_attach(&b->registries, o, &b->settings.base, err) == 0)
		b->base = dest_open(&b->settings.base, b->platform->oci_os, b->platform->oci_arch, err);
	if (!b->base || ground_of_base(b->base, blobs_image(b->base)->n_layers, b->workshop.plans, &b->ground, err) < 0)
		return err_at(err, "--base %s", dest_text(&b->arena, &b->settings.base));
	*glibc = b->ground.glibc;
	/* Asked again where there is none: for the sentence. */
	if (!*glibc && !b->input.is_lock && base_image_glibc(&b->arena, b->base, glibc, err) < 0)
		return err_at(err, "--base %s", dest_text(&b->arena, &b->settings.base));
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

static int use_lock(const struct options *o, struct build *b, const struct lock *lock, const char *path,
		    struct err *err)
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
	b->answer = *b->lp;
	b->lp = &b->answer;
	return lock_libc_add(lock, path, o, &b->settings, b->platform, &b->workshop, &b->question, &b->arena,
			     &b->answer, err);
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
static int try_lock(const struct options *o, struct build *b, struct err *err)
{
	const char *path = o->lockfile;
	auto_buf text = { 0 };
	const struct lock_platform *lp;

	if (!path)
		path = input_lock_path(&b->arena, o->args[0]);
	if (!o->lockfile && (strcmp(o->args[0], "-") == 0 || !fs_exists(AT_FDCWD, path)))
		return 0;
	if (fs_read(AT_FDCWD, path, (uint64_t)64 << 20, &text, err) < 0 ||
	    lock_parse(buf_cstr(&text), text.n, path, &b->lock, err) < 0)
		return -1;
	lp = lock_find(&b->lock, b->platform->subdir);
	if (lp && strcmp(lp->content_hash, b->question.content_hash) == 0) {
		log_debug("%s still answers %s, so nothing is solved", path, b->files.names);
		return use_lock(o, b, &b->lock, path, err) < 0 ? -1 : 1;
	}
	if (o->lockfile)
		return err_set(err, ERR_FORMAT,
			       "%s does not match %s (for %s): run condaimg lock %s again, with the same options", path,
			       b->files.names, b->platform->subdir, b->files.names);
	if (is_lock_of(&b->lock, o->args[0]))
		log_warn("%s does not match %s (for %s) and is not used; condaimg lock %s makes it anew", path,
			 b->files.names, b->platform->subdir, b->files.names);
	lock_release(&b->lock);
	return 0;
}

static int find_lock(const struct options *o, struct build *b, const char *glibc, struct err *err)
{
	struct refusal refusal = { 0 };
	int got;

	if (b->input.is_lock)
		return use_lock(o, b, &b->input.lock, o->args[0], err);
	for (const char *const *warning = b->input.env.warnings; *warning; warning++)
		log_warn("%s", *warning);
	if (question_make(&b->input.env, o, &b->settings, b->platform, glibc, &b->question, err) < 0)
		return -1;
	got = try_lock(o, b, err);
	if (got == 0 && b->workshop.plans < 0 &&
	    workshop_open(&b->settings, b->settings.offline, &b->workshop, err) < 0)
		return -1;
	if (got < 0)
		return -1;
	if (got > 0) {
		/* What no solve depends on is as the files have it now. */
		b->lock.name = b->input.env.name;
		b->lock.variables = b->input.env.variables;
		b->lock.n_variables = b->input.env.n_variables;
		return 0;
	}
	if (resolve(&b->question, &b->workshop, &b->arena, &b->answer, &refusal, err) < 0) {
		refusal_print(&refusal, o->json, err);
		return -1;
	}
	resolve_lock(&b->lock, &b->question, "environment.yml", &b->answer, 1);
	b->from = &b->lock;
	b->lp = &b->answer;
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

	for (size_t i = 0; i < b->question.n_channels; i++) {
		mem_grow(list, n);
		list[n++] = b->question.channels[i];
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

/* ---- destination ---- */

/* What stands behind the last ':' of "name:tag", or NULL. */
static const char *tag_part(const char *tag)
{
	const char *colon = strrchr(tag, ':');

	return colon && !strchr(colon, '/') ? colon + 1 : NULL;
}

static int choose_place(const struct options *o, struct build *b, struct err *err)
{
	const char *tag = b->settings.tag;
	struct dest *d = &b->dests[b->n_dests++];

	if (b->settings.has_output) {
		*d = b->settings.output;
		if (tag && !d->tag)
			d->tag = d->type == DEST_OCI || d->type == DEST_REGISTRY ? (tag_part(tag) ? tag_part(tag) : tag)
										 : tag;
		return registries_attach(&b->registries, o, d, err);
	}
	if (!tag)
		tag = b->project.name ? b->project.name : b->from->name ? b->from->name : "image";
	if (dest_parse(&b->arena, arena_printf(&b->arena, "oci:%s", tag), d, err) < 0)
		return err_at(err, "-t %s", tag);
	return 0;
}

/* With --push alone nothing is kept but in the registry. */
static int choose_dests(const struct options *o, struct build *b, struct err *err)
{
	bool place = b->settings.has_output || b->settings.tag || !o->push;

	if (place && choose_place(o, b, err) < 0)
		return -1;
	if (o->push && registries_ref(&b->registries, o, &b->arena, o->push, &b->dests[b->n_dests++], err) < 0)
		return err_at(err, "--push %s", o->push);
	return 0;
}

/* ---- dry run ---- */

/* As inspect and verify count them: the base's lowest, from 1. */
static size_t layer_number(const struct build *b, size_t i)
{
	return i + 1 + (b->base ? blobs_image(b->base)->n_layers : 0);
}

/* Which layer package i is in. */
static size_t layer_of(const struct build *b, size_t i)
{
	const struct assembly *a = &b->assembly;

	for (size_t k = 0; k < a->n_layers; k++) {
		const struct group *g = a->layers[k].group;

		for (size_t m = 0; g && m < g->n; m++)
			if (g->members[m] == i)
				return layer_number(b, k);
	}
	return 0;
}

static void print_package(const struct record *r, size_t layer)
{
	printf("%5zu  %-28s %-16s %-24s %10s\n", layer, r->name, r->version, r->build, num_bytes(r->size).s);
}

/* A line a package, from the lowest layer up. */
static void print_layers(const struct build *b)
{
	static const char *const others[] = { [PART_SYSTEM] = "(system files)",
					      [PART_ENVIRONMENT] = "(conda-meta/history and its like)",
					      [PART_APP] = "(copied files)" };
	const struct assembly *a = &b->assembly;

	printf("layer  %-28s %-16s %-24s %10s\n", "package", "version", "build", "size");
	for (size_t k = 0; k < a->n_layers; k++) {
		const struct part_layer *l = &a->layers[k];

		if (l->part == PART_LIBC)
			print_package(&b->lp->libc_packages[0], layer_number(b, k));
		for (size_t m = 0; l->group && m < l->group->n; m++)
			print_package(&b->lp->packages[l->group->members[m]], layer_number(b, k));
		if (l->part != PART_LIBC && !l->group)
			printf("%5zu  %s\n", layer_number(b, k), others[l->part]);
	}
}

static int dry_run(const struct options *o, struct build *b)
{
	const struct assembly *a = &b->assembly;
	uint64_t bytes = 0;
	auto_buf out = { 0 };
	struct json j = { .out = &out, .indent = 2 };

	for (size_t i = 0; i < b->lp->n_packages; i++)
		bytes += b->lp->packages[i].size;
	if (!o->json) {
		print_layers(b);
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
		json_put_int(&j, "layer", (int64_t)layer_of(b, i));
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
	puts(out.p);
	return 0;
}

/* ---- the image ---- */

static int write_to_all(struct build *b, const struct dest_image *im, const struct dest_how *how, struct digest *ret,
			struct digest *broken, struct err *err)
{
	for (size_t i = 0; i < b->n_dests; i++)
		if (dest_write_all(&b->dests[i], im, 1, how, ret, broken, err) < 0)
			return -1;
	return 0;
}

static int write_image(const struct options *o, struct build *b, struct digest *ret, struct err *err)
{
	struct dest_how how = { .told = &b->told };

	if (registries_media_types(o, &how.docker_types, err) < 0)
		return -1;
	for (unsigned tries = 0;; tries++) {
		struct digest broken = { 0 };
		struct image im;

		if (assembly_layers(&b->assembly, err) < 0)
			return -1;
		assembly_image(&b->assembly, &im);
		if (write_to_all(b, &(struct dest_image){ &im, b->workshop.layers, b->base }, &how, ret, &broken,
				 err) == 0)
			return 0;
		if (err->code != ERR_INTEGRITY || tries == REPAIRS_MAX || !assembly_forget(&b->assembly, &broken))
			return -1;
		log_warn("a layer in the cache was broken and is made anew (%s)", err->text);
		err_clear(err);
	}
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

static void add_pushed(struct build *b, struct json *j)
{
	for (size_t i = 0; i < b->n_dests; i++) {
		if (b->dests[i].type != DEST_REGISTRY)
			continue;
		json_put_int(j, "blobs_uploaded", (int64_t)b->told.uploaded);
		json_put_int(j, "blobs_mounted", (int64_t)b->told.mounted);
		json_put_int(j, "blobs_there", (int64_t)b->told.there);
		json_put_int(j, "bytes_uploaded", (int64_t)b->told.bytes);
		return;
	}
}

static int report(const struct options *o, struct build *b, const struct digest *d)
{
	const struct assembly *a = &b->assembly;
	uint64_t bytes = 0;
	size_t made = 0;
	auto_buf out = { 0 };
	struct json j = { .out = &out, .indent = 2 };

	for (size_t i = 0; i < a->n_layers; i++) {
		bytes += a->layers[i].layer.size;
		made += !a->layers[i].known;
	}
	log_info("%zu packages in %zu layers, %s; %zu layers new", b->lp->n_packages, a->n_layers, num_bytes(bytes).s,
		 made);
	if (!o->json) {
		for (size_t i = 0; i < b->n_dests; i++)
			printf("%s@sha256:%s\n", dest_text(&b->arena, &b->dests[i]), digest_hex(d).hex);
		return 0;
	}
	json_object(&j);
	json_put_string(&j, "schema", "build-1");
	json_put_string(&j, "image", dest_text(&b->arena, &b->dests[0]));
	if (b->n_dests > 1)
		json_put_string(&j, "pushed", dest_text(&b->arena, &b->dests[1]));
	json_put_string(&j, "digest", arena_printf(&b->arena, "sha256:%s", digest_hex(d).hex));
	json_put_string(&j, "platform", b->platform->subdir);
	json_put_int(&j, "packages", (int64_t)b->lp->n_packages);
	json_put_int(&j, "layers", (int64_t)a->n_layers);
	json_put_int(&j, "layers_new", (int64_t)made);
	json_put_int(&j, "size", (int64_t)bytes);
	add_pushed(b, &j);
	json_end(&j);
	puts(out.p);
	return 0;
}

/* The image itself, and our cache, are no part of an application that has them in its folder. */
static int plan_app(const struct options *o, struct build *b, struct err *err)
{
	const char *skip[COUNT(b->dests) + 2] = { b->settings.cache_dir };
	size_t n = 1;

	for (size_t i = 0; i < b->n_dests; i++)
		if (b->dests[i].path)
			skip[n++] = b->dests[i].path;

	return assembly_plan_app(&b->assembly, b->base ? &b->ground : NULL, input_dir(&b->arena, o->args[0]), skip,
				 err);
}

/* Who only looks leaves nothing behind, unless something has to be solved: repodata is kept. */
static int open_workshop(const struct options *o, struct build *b, struct err *err)
{
	return o->dry_run ? 0 : workshop_open(&b->settings, b->settings.offline, &b->workshop, err);
}

int cmd_build(const struct options *given, struct err *err)
{
	CLEANUP(build_release) struct build b = { .workshop = { .packages = -1, .repodata = -1, .plans = -1 } };
	struct digest digest;
	const struct options *o = &b.project.options;
	const char *glibc;

	if (project_open(given, &b.project, err) < 0 || settings_read(o, &b.settings, err) < 0 ||
	    settings_configure(o, &b.settings, err) < 0 || settings_one_platform(&b.settings, err) < 0 ||
	    read_input(o, &b, err) < 0 || open_workshop(o, &b, err) < 0 || open_base(o, &b, &glibc, err) < 0 ||
	    find_lock(o, &b, glibc, err) < 0 || check_sources(&b, err) < 0 || choose_dests(o, &b, err) < 0)
		return -1;
	if (assembly_plan(&b.assembly, &b.settings, &b.workshop, b.from, b.lp, b.platform,
			  b.base ? blobs_image(b.base) : NULL, err) < 0 ||
	    plan_app(o, &b, err) < 0)
		return -1;
	find_channels(&b);
	if (o->dry_run)
		return dry_run(o, &b);
	if (assembly_fetch(&b.assembly, err) < 0 || paths_plan_tell(&b.assembly, err) < 0 ||
	    write_image(o, &b, &digest, err) < 0)
		return -1;
	tell_libraries(&b);
	return report(o, &b, &digest);
}
