#include "cmd/assembly.h"

#include "base/log.h"
#include "base/work.h"
#include "cmd/assembly_cache.h"
#include "cmd/filling.h"
#include "cmd/making.h"
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

int assembly_plan_filled(struct assembly *a, struct err *err)
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
