/* From what was asked to the lock that is built. */
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "cmd/base_image.h"
#include "cmd/building.h"
#include "cmd/lock_checksums.h"
#include "cmd/lock_libc.h"
#include "cmd/solve_all.h"

#define LOCK_MAX ((uint64_t)64 << 20)

int building_open(struct build *b, struct err *err)
{
	struct bundle *bundle = &b->order->files.bundle;

	if (b->workshop.plans >= 0)
		return 0;
	if (workshop_open(&b->settings, b->settings.offline, &b->workshop, err) < 0)
		return -1;
	/* what a bundle has need not be fetched */
	return bundle->path && b == b->order->builds
		       ? bundle_unpack(bundle, b->workshop.packages, b->workshop.layers, err)
		       : 0;
}

/* ---- input ---- */

int building_read(struct build *b, const struct platform *asked, struct err *err)
{
	struct input_files *files = &b->order->files;
	const struct platform *first;

	if (settings_read(b->order->o, &b->settings, err) < 0 || settings_configure(b->order->o, &b->settings, err) < 0)
		return -1;
	b->settings.platform = asked;
	first = asked ? asked : b->settings.host;
	files->looks_up = true;
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
		return b->input.lock.base ? b->input.lock.base : b->order->files.bundle.base;
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
	if (dest_parse(&b->arena, locked, &b->base_place, err) < 0)
		return err_at(err, "the base in the lock");
	if (*is_some && (d.type != DEST_REGISTRY || d.ref.has_digest || !ref_same_repo(&d.ref, &b->base_place.ref) ||
			 strcmp(d.tag ? d.tag : "latest", b->base_place.tag ? b->base_place.tag : "latest") != 0))
		b->base_place = d;
	*is_some = true;
	return 0;
}

/* Whether a bundle has the base: that one, and no other. */
static bool is_bundled(struct build *b)
{
	const char *base = b->order->files.bundle.base;

	return base && strcmp(base, dest_text(&b->arena, &b->base_place)) == 0;
}

int building_base(struct build *b, const char **glibc, struct err *err)
{
	struct dest *d = &b->base_place;
	bool is_some;

	*glibc = NULL;
	if (choose_base(b, &is_some, err) < 0)
		return -1;
	if (!is_some)
		return 0;
	if (is_bundled(b))
		b->base = dest_open(&(struct dest){ .type = DEST_OCI_ARCHIVE, .path = b->order->files.bundle.path },
				    b->platform->oci_os, b->platform->oci_arch, err);
	else if (registries_attach(&b->order->registries, b->order->o, d, err) == 0)
		b->base = dest_open(d, b->platform->oci_os, b->platform->oci_arch, err);
	if (!b->base || ground_of_base(b->base, blobs_image(b->base)->n_layers, &b->workshop, &b->ground, err) < 0)
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
	if (building_open(b, err) < 0)
		return -1;
	*b->answer = *b->lp;
	b->lp = b->answer;
	return lock_libc_add(lock, path, false, b->order->o, &b->settings, b->platform, &b->workshop, b->question,
			     &b->arena, b->answer, err);
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

int building_lock(struct build *b, const char *glibc, struct err *err)
{
	const struct options *o = b->order->o;
	int got;

	if (b->input.is_lock && b->input.lock.unverified &&
	    (building_open(b, err) < 0 ||
	     lock_checksums_find(&b->input.lock, o->args[0], o, &b->settings, &b->workshop, err) < 0))
		return -1;
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

int building_solve(struct order *r, struct err *err)
{
	struct refusal refusal = { 0 };
	auto_kept none = { 0 };
	bool all = true;
	int rc;

	for (size_t i = 0; i < r->n; i++)
		all = all && r->builds[i].from;
	if (all)
		return 0;
	if (building_open(&r->builds[0], err) < 0)
		return -1;
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
