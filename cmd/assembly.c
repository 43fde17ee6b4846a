#include "cmd/assembly.h"

#include <stdatomic.h>
#include <string.h>

#include "base/log.h"
#include "base/work.h"
#include "cmd/filling.h"
#include "cmd/making.h"
#include "cmd/paths_plan.h"
#include "cmd/plan_cache.h"
#include "cmd/progress.h"
#include "conda/version.h"

#define OWN_LAYERS 4 /* libc, system, environment, application: always, so that no option moves packages */
#define EPOCH_DEFAULT 315532800 /* 1980-01-01: no package says a time, nor does the user */

/* ---- plan ---- */

static int plan_prefix(struct assembly *a, struct err *err)
{
	const struct record *python = making_find(a->lp, "python");
	const char *fault;

	a->prefix = (struct prefix){ .path = a->settings->prefix };
	if (!python)
		return 0;
	a->prefix.python = version_major_minor(&a->arena, python->version);
	if (!a->prefix.python)
		return err_set(err, ERR_FORMAT, "python's version is '%s', expected MAJOR.MINOR", python->version);
	a->prefix.site_packages = python->site_packages;
	if (!a->prefix.site_packages)
		a->prefix.site_packages = arena_printf(&a->arena, "lib/python%s/site-packages", a->prefix.python);
	fault = tree_path_fault(a->prefix.site_packages);
	if (fault)
		return err_set(err, ERR_FORMAT, "python's site-packages path '%s' %s", a->prefix.site_packages, fault);
	return 0;
}

/* When the newest package was made, or a constant; never now. */
static int64_t newest_package(const struct assembly *a)
{
	int64_t newest = 0;

	for (size_t i = 0; i < a->lp->n_packages; i++)
		if (a->lp->packages[i].timestamp > newest)
			newest = a->lp->packages[i].timestamp;
	return newest ? newest / 1000 : EPOCH_DEFAULT;
}

static int plan_groups(struct assembly *a, struct err *err)
{
	size_t taken = OWN_LAYERS + (a->base ? a->base->n_layers : 0);

	if (taken >= a->settings->layers)
		return err_set(err, ERR_USAGE, "--layers %zu leaves no layer for packages: %zu are taken%s",
			       a->settings->layers, taken, a->base ? ", most by the base" : "");
	group_packages(&a->arena, a->lp->packages, a->lp->n_packages, a->settings->layers - taken, &a->groups,
		       &a->n_groups);
	return 0;
}

void assembly_add_layer(struct assembly *a, enum part part, const struct group *group)
{
	a->layers[a->n_layers++] = (struct part_layer){ .part = part, .group = group };
}

static int plan(struct assembly *a, struct err *err)
{
	const struct lock_platform *lp = a->lp;
	const struct settings *s = a->settings;

	if (plan_prefix(a, err) < 0 || plan_groups(a, err) < 0)
		return -1;
	a->newest = newest_package(a);
	a->created = s->epoch >= 0 ? s->epoch : a->newest;
	a->packages = arena_dup(&a->arena, lp->packages, lp->n_packages * sizeof(*a->packages));
	a->paths.dropped = arena_array(&a->arena, lp->n_packages, sizeof(*a->paths.dropped)); /* nothing, as yet */
	a->layers = arena_array(&a->arena, a->n_groups + OWN_LAYERS, sizeof(*a->layers));
	a->n_layers = 0;
	if (!a->base && lp->n_libc_packages && !s->libc_none)
		assembly_add_layer(a, PART_LIBC, NULL);
	assembly_add_layer(a, PART_SYSTEM, NULL);
	for (size_t i = 0; i < a->n_groups; i++)
		assembly_add_layer(a, PART_PACKAGES, &a->groups[i]);
	assembly_add_layer(a, PART_ENVIRONMENT, NULL);
	if (a->files.n) /* known where the plan is made once more */
		assembly_add_layer(a, PART_APP, NULL);
	return 0;
}

int assembly_plan(struct assembly *a, const struct settings *s, struct workshop *w, const struct lock *lock,
		  const struct lock_platform *lp, const struct platform *platform, const struct image *base,
		  struct err *err)
{
	*a = (struct assembly){
		.settings = s, .workshop = w, .lock = lock, .lp = lp, .platform = platform, .base = base
	};
	return plan(a, err);
}

/* Once more, where the packages had to be asked what they are. */
static int plan_filled(struct assembly *a, struct err *err)
{
	struct lock_platform *lp;

	if (!filling_needed(a->lp))
		return 0;
	if (filling_records(a, a->packages, err) < 0)
		return -1;
	lp = arena_dup(&a->arena, a->lp, sizeof(*lp));
	lp->packages = a->packages;
	a->lp = lp;
	return plan(a, err);
}

/* ---- layers made ahead ---- */

/*
 * Which paths a package has to leave to others is known when all packages are there. Hardly one has to, so a layer
 * is made as soon as its packages are, as if they had none to leave; it is remembered by a recipe that says so,
 * and assembly_layers() finds it, or makes the right one. What fails here fails there again, and is told there.
 */
struct ahead {
	struct download_progress base;
	struct progress_fetch told;
	struct assembly *a;
	struct listing *listing; /* or NULL: nobody needs it */
	struct download *downloads;
	size_t *layer_of; /* by package */
	size_t *missing; /* packages that are not there yet, by layer */
	struct work_line *line;
	atomic_bool stop;
};

/* A tree that ends in an error as soon as nobody wants it any more. */
struct stoppable {
	struct tree base;
	struct tree *in;
	atomic_bool *stop;
};

static int stoppable_next(struct tree *t, struct entry *e, struct source **content, struct err *err)
{
	struct stoppable *s = (struct stoppable *)t;

	return *s->stop ? err_set(err, ERR_CANCELLED, "no longer wanted") : tree_next(s->in, e, content, err);
}

static void stoppable_free(struct tree *t)
{
	tree_free(((struct stoppable *)t)->in);
	free(t);
}

static const struct tree_ops stoppable_ops = { stoppable_next, stoppable_free };

/* Takes in over. */
static struct tree *stoppable(struct tree *in, atomic_bool *stop)
{
	struct stoppable *s = in ? NEW(struct stoppable) : NULL;

	if (!s)
		return NULL;
	*s = (struct stoppable){ { &stoppable_ops }, in, stop };
	return &s->base;
}

static void make_ahead(void *arg, size_t i)
{
	struct ahead *h = arg;
	struct part_layer *l = &h->a->layers[i];
	struct opener o = { .listing = h->listing };
	struct err err = ERR_INIT;

	if (!store_recall(h->a->workshop->layers, &l->recipe, &l->layer)) {
		auto_tree *t = stoppable(making_open(h->a, l, &o, &err), &h->stop);

		if (making_write(h->a, l, t, &err) < 0)
			log_debug("not made ahead: %s", err.text);
		else
			progress_layer(h->a->workshop->progress, &l->layer.digest, l->layer.size, false);
	}
}

static void begin_layer(struct ahead *h, size_t i)
{
	making_recipe(h->a, &h->a->layers[i]);
	work_line_add(h->line, i, h->a->layers[i].weight);
}

/* A record is not touched again once a thread may read it. */
static void know_digest(struct record *r, const struct download *done)
{
	if (r->has_sha256)
		return;
	r->sha256 = done->sha256;
	r->has_sha256 = true;
}

static void tell_ahead(struct download_progress *base, uint64_t bytes, uint64_t total, const struct download *done)
{
	struct ahead *h = (struct ahead *)base;
	size_t k = done ? (size_t)(done - h->downloads) : SIZE_MAX;

	h->told.base.tell(&h->told.base, bytes, total, done);
	if (k >= h->a->lp->n_packages)
		return;
	know_digest(&h->a->packages[k], done);
	if (--h->missing[h->layer_of[k]] == 0)
		begin_layer(h, h->layer_of[k]);
}

static void ahead_begin(struct ahead *h, struct assembly *a, struct listing *listing, struct download *downloads,
			size_t n)
{
	*h = (struct ahead){ .base = { tell_ahead }, .a = a, .listing = listing, .downloads = downloads };
	h->layer_of = mem_array(a->lp->n_packages, sizeof(*h->layer_of));
	h->missing = mem_array(a->n_layers, sizeof(*h->missing));
	for (size_t i = 0; i < a->n_layers; i++) {
		const struct group *g = a->layers[i].group;

		h->missing[i] = g ? g->n : 0;
		for (size_t k = 0; k < h->missing[i]; k++)
			h->layer_of[g->members[k]] = i;
	}
	progress_layers_begin(a->workshop->progress, a->platform->subdir, a->n_layers);
	progress_fetch_begin(&h->told, a->workshop->progress, n);
	h->line = work_line_new(a->workshop->threads, make_ahead, h);
}

static void ahead_end(struct ahead *h, bool failed)
{
	progress_fetch_end(&h->told);
	h->stop = failed;
	work_line_end(h->line, failed);
	free(h->layer_of);
	free(h->missing);
}

/* ---- fetch ---- */

static void add_download(struct assembly *a, struct download *d, const struct record *r)
{
	*d = (struct download){ .url = channel_fetch_url(&a->arena, a->channels, a->n_channels, r->url),
				.fn = r->fn,
				.local = sources_look(a->workshop->sources, &a->arena, r),
				.size = r->size,
				.has_sha256 = r->has_sha256,
				.has_md5 = r->has_md5,
				.sha256 = r->sha256 };
	memcpy(d->md5, r->md5, sizeof(d->md5));
}

static bool uses_libc(const struct assembly *a)
{
	return a->layers[0].part == PART_LIBC;
}

static int fetch_packages(struct assembly *a, struct listing *listing, struct err *err)
{
	size_t n = a->lp->n_packages, n_libc = uses_libc(a) ? a->lp->n_libc_packages : 0;
	auto_free struct download *d = mem_array(n + n_libc, sizeof(*d));
	struct ahead h;
	int rc;

	for (size_t i = 0; i < n; i++)
		add_download(a, &d[i], &a->packages[i]);
	for (size_t i = 0; i < n_libc; i++)
		add_download(a, &d[n + i], &a->lp->libc_packages[i]);
	ahead_begin(&h, a, listing, d, n + n_libc);
	rc = download_all(a->workshop->http, a->workshop->packages, d, n + n_libc, a->workshop->offline, &h.base, err);
	for (size_t i = 0; rc == 0 && i < n; i++)
		know_digest(&a->packages[i], &d[i]);
	ahead_end(&h, rc < 0);
	return rc;
}

/* ---- which paths are whose ---- */

/* Not before the packages are there is everybody's sha256 known. */
static bool remembers_plan(struct assembly *a)
{
	for (size_t i = 0; i < a->lp->n_packages; i++)
		if (!a->packages[i].has_sha256)
			return false;
	return plan_cache_get(a, &a->paths);
}

static int fetch_and_plan(struct assembly *a, struct err *err)
{
	size_t n = a->lp->n_packages;
	auto_free struct linked_list *lists = mem_array(n, sizeof(*lists));
	auto_free struct arena *arenas = mem_array(n, sizeof(*arenas));
	auto_free bool *done = mem_array(n, sizeof(*done));
	struct listing l = { lists, arenas, done };
	bool remembered = remembers_plan(a);
	int rc = fetch_packages(a, remembered ? NULL : &l, err);

	if (rc == 0 && !remembered && !remembers_plan(a)) {
		rc = paths_plan_make(a, &l, err);
		if (rc == 0)
			plan_cache_put(a, &a->paths);
	}
	for (size_t i = 0; i < n; i++)
		arena_join(&a->arena, &arenas[i]);
	return rc;
}

int assembly_fetch(struct assembly *a, struct err *err)
{
	return plan_filled(a, err) < 0 ? -1 : fetch_and_plan(a, err);
}

/* ---- all layers ---- */

struct making {
	struct assembly *a;
	struct part_layer **todo;
};

static int make_one(void *arg, size_t i, struct err *err)
{
	struct making *m = arg;
	struct part_layer *l = m->todo[i];
	struct opener o = { 0 };
	auto_tree *t = making_open(m->a, l, &o, err);

	if (making_write(m->a, l, t, err) < 0)
		return -1;
	progress_layer(m->a->workshop->progress, &l->layer.digest, l->layer.size, false);
	return 0;
}

static int heavier_first(const void *x, const void *y)
{
	const struct part_layer *a = *(struct part_layer *const *)x, *b = *(struct part_layer *const *)y;

	if (a->weight != b->weight)
		return a->weight > b->weight ? -1 : 1;
	return a < b ? -1 : a > b;
}

int assembly_layers(struct assembly *a, struct err *err)
{
	auto_free struct part_layer **todo = mem_array(a->n_layers, sizeof(*todo));
	struct progress *progress = a->workshop->progress;
	size_t n = 0;
	int rc;

	for (size_t i = 0; i < a->n_layers; i++) {
		struct part_layer *l = &a->layers[i];

		struct digest before = l->recipe;
		bool sent;

		making_recipe(a, l);
		/* What went to a registry while it was made is not in the store. */
		sent = a->stream && l->made && digest_equal(&before, &l->recipe);
		l->known = sent || store_recall(a->workshop->layers, &l->recipe, &l->layer);
		if (!l->known)
			todo[n++] = l;
		else if (!l->made)
			progress_layer(progress, &l->layer.digest, l->layer.size, true);
		l->known = l->known && !l->made;
	}
	log_debug("%zu of %zu layers are to be made, by %u threads", n, a->n_layers, a->workshop->threads);
	qsort(todo, n, sizeof(*todo), heavier_first);
	rc = work_run(n, a->workshop->threads, make_one, &(struct making){ a, todo }, err);
	progress_layers_end(progress);
	return rc;
}

bool assembly_forget(struct assembly *a, const struct digest *blob)
{
	for (size_t i = 0; i < a->n_layers; i++)
		if (digest_equal(&a->layers[i].layer.digest, blob)) {
			store_drop(a->workshop->layers, blob);
			return true;
		}
	return false;
}

void assembly_release(struct assembly *a)
{
	ground_release(&a->ground);
	copy_release(&a->files);
	arena_release(&a->arena);
	*a = (struct assembly){ 0 };
}
