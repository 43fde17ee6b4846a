#include "cmd/assembly.h"

#include <stdatomic.h>
#include <string.h>

#include "base/log.h"
#include "base/work.h"
#include "cmd/assembly_cache.h"
#include "cmd/making.h"
#include "cmd/paths_plan.h"
#include "cmd/plan_cache.h"
#include "cmd/progress.h"

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
	return assembly_plan_filled(a, err) < 0 ? -1 : fetch_and_plan(a, err);
}
