#include "cmd/assembly.h"

#include <stdatomic.h>
#include <string.h>

#include "base/log.h"
#include "base/work.h"
#include "cmd/assembly_cache.h"
#include "cmd/filling.h"
#include "cmd/making.h"
#include "cmd/paths_plan.h"
#include "cmd/plan_cache.h"
#include "cmd/progress.h"
#include "conda/version.h"

#define OWN_LAYERS 4 /* libc, system, environment, application: always, so that no option moves packages */
#define EPOCH_DEFAULT 315532800 /* 1980-01-01: no package says a time, nor does the user */

/* What was found out on this machine goes before. */
static bool recall_told(const struct assembly *a, struct part_layer *l)
{
	for (size_t i = 0; i < a->n_told; i++) {
		const struct layer *told = &a->told[i].layer;

		if (digest_equal(&a->told[i].recipe, &l->recipe) &&
		    store_has(a->workshop->layers, &told->digest, told->size)) {
			l->layer = *told;
			return true;
		}
	}
	return false;
}

bool assembly_recall(const struct assembly *a, struct part_layer *l)
{
	l->foreign = l->told = false;
	if (l->given)
		return true;
	for (size_t i = 0; i < a->n_ready; i++)
		if (digest_equal(&a->ready[i].recipe, &l->recipe)) {
			l->layer = a->ready[i].layer;
			l->foreign = true;
			return true;
		}
	if (store_recall(a->workshop->layers, &l->recipe, &l->layer))
		return true;
	l->told = recall_told(a, l);
	return l->told;
}

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
	size_t *package_of; /* by download; SIZE_MAX: the C library */
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

	if (!assembly_recall(h->a, l)) {
		auto_tree *t = stoppable(making_open(h->a, l, &o, &err), &h->stop);

		if (making_write(h->a, l, t, &err) < 0)
			log_debug("not made ahead: %s", err.text);
		else
			progress_layer(h->a->workshop->progress, &l->layer.digest, l->layer.size, false);
	}
}

static void begin_layer(struct ahead *h, size_t i)
{
	/* Then its packages are only listed. A bundle has the layer as it is when all is known, and nothing to wait for. */
	if (h->a->layers[i].at || h->a->layers[i].given || h->a->n_told)
		return;
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
	size_t k = done ? h->package_of[done - h->downloads] : SIZE_MAX;

	h->told.base.tell(&h->told.base, bytes, total, done);
	if (k == SIZE_MAX)
		return;
	know_digest(&h->a->packages[k], done);
	if (--h->missing[h->layer_of[k]] == 0)
		begin_layer(h, h->layer_of[k]);
}

static void ahead_begin(struct ahead *h, struct assembly *a, struct listing *listing, struct download *downloads,
			size_t n, size_t *package_of)
{
	*h = (struct ahead){
		.base = { tell_ahead }, .a = a, .listing = listing, .downloads = downloads, .package_of = package_of
	};
	h->layer_of = mem_array(a->lp->n_packages, sizeof(*h->layer_of));
	h->missing = mem_array(a->n_layers, sizeof(*h->missing));
	for (size_t i = 0; i < a->n_layers; i++) {
		const struct group *g = a->layers[i].group;

		for (size_t k = 0; g && k < g->n; k++)
			h->layer_of[g->members[k]] = i;
	}
	for (size_t i = 0; i < n; i++)
		if (package_of[i] != SIZE_MAX)
			h->missing[h->layer_of[package_of[i]]]++;
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

int assembly_fetch_records(struct assembly *a, struct record *records, size_t n, struct err *err)
{
	auto_free struct download *d = mem_array(n + 1, sizeof(*d));
	struct progress_fetch told;
	int rc;

	for (size_t i = 0; i < n; i++)
		add_download(a, &d[i], &records[i]);
	progress_fetch_begin(&told, a->workshop->progress, n);
	rc = download_all(a->workshop->http, a->workshop->packages, d, n, a->workshop->offline, &told.base, err);
	progress_fetch_end(&told);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		records[i].sha256 = d[i].sha256;
		records[i].has_sha256 = true;
	}
	return rc;
}

static bool uses_libc(const struct assembly *a)
{
	return a->layers[0].part == PART_LIBC;
}

/* want: by package, NULL: all. package_of: by download, SIZE_MAX: the C library. Returns how many there are. */
static size_t list_downloads(struct assembly *a, const bool *want, bool libc, struct download *d, size_t *package_of)
{
	size_t n = 0;

	for (size_t i = 0; i < a->lp->n_packages; i++)
		if (!want || want[i]) {
			add_download(a, &d[n], &a->packages[i]);
			package_of[n++] = i;
		}
	for (size_t i = 0; libc && uses_libc(a) && i < a->lp->n_libc_packages; i++) {
		add_download(a, &d[n], &a->lp->libc_packages[i]);
		package_of[n++] = SIZE_MAX;
	}
	return n;
}

static size_t downloads_max(const struct assembly *a)
{
	return a->lp->n_packages + a->lp->n_libc_packages + 1;
}

static int fetch_packages(struct assembly *a, struct listing *listing, const bool *want, bool libc, struct err *err)
{
	auto_free struct download *d = mem_array(downloads_max(a), sizeof(*d));
	auto_free size_t *package_of = mem_array(downloads_max(a), sizeof(*package_of));
	size_t n = list_downloads(a, want, libc, d, package_of);
	struct ahead h;
	int rc;

	ahead_begin(&h, a, listing, d, n, package_of);
	rc = download_all(a->workshop->http, a->workshop->packages, d, n, a->workshop->offline, &h.base, err);
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (package_of[i] != SIZE_MAX)
			know_digest(&a->packages[package_of[i]], &d[i]);
	ahead_end(&h, rc < 0);
	return rc;
}

int assembly_fetch_some(struct assembly *a, const bool *want, bool libc, struct err *err)
{
	auto_free struct download *d = mem_array(downloads_max(a), sizeof(*d));
	auto_free size_t *package_of = mem_array(downloads_max(a), sizeof(*package_of));
	size_t n = list_downloads(a, want, libc, d, package_of);
	struct progress_fetch told;
	int rc;

	if (!n)
		return 0;
	progress_fetch_begin(&told, a->workshop->progress, n);
	rc = download_all(a->workshop->http, a->workshop->packages, d, n, a->workshop->offline, &told.base, err);
	progress_fetch_end(&told);
	return rc;
}

/* ---- which paths are whose ---- */

static bool knows_digests(const struct assembly *a)
{
	for (size_t i = 0; i < a->lp->n_packages; i++)
		if (!a->packages[i].has_sha256)
			return false;
	return true;
}

/* Not before the packages are there is everybody's sha256 known. */
static bool remembers_plan(struct assembly *a)
{
	return knows_digests(a) && plan_cache_get(a, &a->paths);
}

/* The layers that are made of packages: those that planned is known of without a plan. */
static size_t package_layers(struct assembly *a, struct part_layer **list)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n_layers; i++)
		if (a->layers[i].part == PART_PACKAGES || a->layers[i].part == PART_LIBC)
			list[n++] = &a->layers[i];
	return n;
}

/* Take packages' lists from the layer cache. */
static void learn_lists(struct assembly *a, struct listing *l)
{
	for (size_t i = 0; a->facts && i < a->lp->n_packages; i++)
		if (a->facts[i].has_list) {
			l->lists[i] = a->facts[i].list;
			l->done[i] = true;
		}
}

/* Which packages have to be here: those of layers that nobody has, and those whose lists nobody knows. */
static void find_wanted(struct assembly *a, struct listing *l, bool planned, bool *want, bool *libc)
{
	auto_free struct part_layer **list = mem_array(a->n_layers, sizeof(struct part_layer *));
	auto_free struct part_layer **asked = mem_array(a->n_layers, sizeof(struct part_layer *));
	size_t n = package_layers(a, list), n_asked = 0;

	for (size_t i = 0; i < n; i++) {
		making_recipe(a, list[i]);
		list[i]->known = assembly_recall(a, list[i]);
		if (!list[i]->known || !planned)
			asked[n_asked++] = list[i];
	}
	assembly_cache_find(a, asked, n_asked);
	if (!planned) {
		assembly_cache_read(a, asked, n_asked);
		learn_lists(a, l);
	}
	for (size_t i = 0; i < n; i++) {
		const struct part_layer *p = list[i];
		bool there = p->known || p->at;

		if (p->part == PART_LIBC)
			*libc = !there;
		for (size_t k = 0; p->group && k < p->group->n; k++)
			want[p->group->members[k]] = !there || (!planned && !l->done[p->group->members[k]]);
	}
}

static int fetch_and_plan(struct assembly *a, struct err *err)
{
	size_t n = a->lp->n_packages;
	auto_free struct linked_list *lists = mem_array(n, sizeof(*lists));
	auto_free struct arena *arenas = mem_array(n, sizeof(*arenas));
	auto_free bool *done = mem_array(n, sizeof(*done)), *want = mem_array(n + 1, sizeof(*want));
	struct listing l = { lists, arenas, done };
	bool remembered = remembers_plan(a), libc = true;
	int rc;

	a->lazy = a->lazy && knows_digests(a);
	if (a->lazy)
		find_wanted(a, &l, remembered, want, &libc);
	rc = fetch_packages(a, remembered ? NULL : &l, a->lazy ? want : NULL, libc, err);
	if (rc == 0 && !remembered && !remembers_plan(a)) {
		rc = paths_plan_make(a, &l, err);
		if (rc == 0 && !a->facts) /* made of what this machine has seen itself */
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

/* Whether the layer need not be made: it is here, or somewhere else. */
static bool is_known(struct assembly *a, struct part_layer *l)
{
	struct digest before = l->recipe;
	bool same;

	making_recipe(a, l);
	same = digest_equal(&before, &l->recipe);
	/* What went to a registry while it was made is not in the store. */
	if (a->stream && l->made && same)
		return true;
	if (assembly_recall(a, l)) {
		l->at = NULL;
		return true;
	}
	if (!same)
		l->at = NULL;
	return l->at != NULL;
}

/* Those of the n layers that a layer cache has are taken out of the list. */
static size_t ask_for_layers(struct assembly *a, struct part_layer **todo, size_t n)
{
	size_t left = 0;

	assembly_cache_find(a, todo, n);
	for (size_t i = 0; i < n; i++) {
		todo[i]->known = todo[i]->at != NULL;
		if (todo[i]->known)
			progress_layer(a->workshop->progress, &todo[i]->layer.digest, todo[i]->layer.size, true);
		else
			todo[left++] = todo[i];
	}
	return left;
}

/* What a lazy assembly did not fetch before. */
static int fetch_for(struct assembly *a, struct part_layer *const *todo, size_t n, struct err *err)
{
	auto_free bool *want = mem_array(a->lp->n_packages + 1, sizeof(*want));
	const struct record *cacert = making_find(a->lp, "ca-certificates");
	bool libc = false;

	if (!a->lazy)
		return 0;
	for (size_t i = 0; i < n; i++) {
		const struct group *g = todo[i]->group;

		libc |= todo[i]->part == PART_LIBC;
		for (size_t k = 0; g && k < g->n; k++)
			want[g->members[k]] = true;
		if (todo[i]->part == PART_SYSTEM && a->settings->app.certificates && cacert)
			want[cacert - a->lp->packages] = true;
	}
	return assembly_fetch_some(a, want, libc, err);
}

int assembly_layers(struct assembly *a, struct err *err)
{
	auto_free struct part_layer **todo = mem_array(a->n_layers, sizeof(*todo));
	struct progress *progress = a->workshop->progress;
	size_t n = 0;
	int rc;

	for (size_t i = 0; i < a->n_layers; i++) {
		struct part_layer *l = &a->layers[i];

		l->known = is_known(a, l);
		if (!l->known)
			todo[n++] = l;
		else if (!l->made)
			progress_layer(progress, &l->layer.digest, l->layer.size, true);
		l->known = l->known && !l->made;
	}
	n = ask_for_layers(a, todo, n);
	log_debug("%zu of %zu layers are to be made, by %u threads", n, a->n_layers, a->workshop->threads);
	qsort(todo, n, sizeof(*todo), heavier_first);
	rc = fetch_for(a, todo, n, err);
	if (rc == 0)
		rc = work_run(n, a->workshop->threads, make_one, &(struct making){ a, todo }, err);
	progress_layers_end(progress);
	return rc;
}

bool assembly_forget(struct assembly *a, const struct digest *blob)
{
	for (size_t i = 0; i < a->n_layers; i++)
		if (digest_equal(&a->layers[i].layer.digest, blob)) {
			if (!a->layers[i].at)
				store_drop(a->workshop->layers, blob);
			a->layers[i].distrusted |= a->layers[i].at != NULL;
			a->layers[i].at = NULL;
			return true;
		}
	return false;
}

struct checking {
	struct assembly *a;
	bool *broken;
};

static int check_one(void *arg, size_t i, struct err *err)
{
	struct checking *c = arg;
	const struct part_layer *l = &c->a->layers[i];
	struct store *s = c->a->workshop->layers;
	auto_source *in = NULL;

	if (l->at || l->made)
		return 0;
	in = store_get(s, &l->layer.digest, l->layer.size, err);
	c->broken[i] = !in || io_drain(in, err) < 0;
	err_clear(err);
	return 0;
}

size_t assembly_forget_broken(struct assembly *a)
{
	auto_free bool *broken = mem_array(a->n_layers, sizeof(*broken));
	struct err none = ERR_INIT;
	size_t n = 0;

	work_run(a->n_layers, a->workshop->threads, check_one, &(struct checking){ a, broken }, &none);
	for (size_t i = 0; i < a->n_layers; i++) {
		if (broken[i])
			store_drop(a->workshop->layers, &a->layers[i].layer.digest);
		n += broken[i];
	}
	return n;
}

void assembly_release(struct assembly *a)
{
	ground_release(&a->ground);
	copy_release(&a->files);
	arena_release(&a->arena);
	*a = (struct assembly){ 0 };
}
