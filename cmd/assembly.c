#include "cmd/assembly.h"

#include <string.h>

#include "base/log.h"
#include "base/work.h"
#include "cmd/activation.h"
#include "cmd/plan_cache.h"
#include "cmd/progress.h"
#include "cmd/recipe.h"
#include "cmd/rootfs.h"
#include "conda/libc.h"
#include "conda/version.h"

#define OWN_LAYERS 4 /* libc, system, environment, application: always, so that no option moves packages */
#define EPOCH_DEFAULT 315532800 /* 1980-01-01: no package says a time, nor does the user */

/* ---- plan ---- */

static const struct record *find_package(const struct lock_platform *lp, const char *name)
{
	for (size_t i = 0; i < lp->n_packages; i++)
		if (strcmp(lp->packages[i].name, name) == 0)
			return &lp->packages[i];
	return NULL;
}

static int plan_prefix(struct assembly *a, struct err *err)
{
	const struct record *python = find_package(a->lp, "python");
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

int assembly_plan(struct assembly *a, const struct settings *s, struct workshop *w, const struct lock *lock,
		  const struct lock_platform *lp, const struct platform *platform, const struct image *base,
		  struct err *err)
{
	*a = (struct assembly){
		.settings = s, .workshop = w, .lock = lock, .lp = lp, .platform = platform, .base = base
	};
	if (plan_prefix(a, err) < 0 || plan_groups(a, err) < 0)
		return -1;
	a->newest = newest_package(a);
	a->created = s->epoch >= 0 ? s->epoch : a->newest;
	a->packages = arena_dup(&a->arena, lp->packages, lp->n_packages * sizeof(*a->packages));
	a->layers = arena_array(&a->arena, a->n_groups + OWN_LAYERS, sizeof(*a->layers));
	if (!base && lp->n_libc_packages && !s->libc_none)
		assembly_add_layer(a, PART_LIBC, NULL);
	assembly_add_layer(a, PART_SYSTEM, NULL);
	for (size_t i = 0; i < a->n_groups; i++)
		assembly_add_layer(a, PART_PACKAGES, &a->groups[i]);
	assembly_add_layer(a, PART_ENVIRONMENT, NULL);
	return 0;
}

/* ---- fetch ---- */

static void add_download(struct assembly *a, struct download *d, const struct record *r)
{
	*d = (struct download){ .url = channel_fetch_url(&a->arena, a->channels, a->n_channels, r->url),
				.fn = r->fn,
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

static int fetch_packages(struct assembly *a, struct err *err)
{
	size_t n = a->lp->n_packages, n_libc = uses_libc(a) ? a->lp->n_libc_packages : 0;
	auto_free struct download *d = mem_array(n + n_libc, sizeof(*d));
	struct progress_bar bar;

	for (size_t i = 0; i < n; i++)
		add_download(a, &d[i], &a->packages[i]);
	for (size_t i = 0; i < n_libc; i++)
		add_download(a, &d[n + i], &a->lp->libc_packages[i]);
	progress_begin(&bar, "fetching");
	if (download_all(a->workshop->http, a->workshop->packages, d, n + n_libc, a->workshop->offline, &bar.base,
			 err) < 0) {
		progress_end(&bar);
		return -1;
	}
	progress_end(&bar);
	for (size_t i = 0; i < n; i++) {
		a->packages[i].sha256 = d[i].sha256;
		a->packages[i].has_sha256 = true;
	}
	return 0;
}

static struct package *open_package(const struct assembly *a, const struct record *r, struct err *err)
{
	auto_free char *path = mem_printf("sha256/%s", digest_hex(&r->sha256).hex);
	struct package *p = package_open(a->workshop->packages, path, r->fn, err);

	if (!p)
		err_at(err, "%s", r->fn);
	return p;
}

/* ---- which paths are whose ---- */

struct listing {
	struct assembly *a;
	struct linked_list *lists;
	struct arena *arenas; /* one a package: threads do not share */
};

static int list_one(void *arg, size_t i, struct err *err)
{
	struct listing *l = arg;
	const struct record *r = &l->a->packages[i];
	auto_package *p = open_package(l->a, r, err);

	if (!p)
		return -1;
	if (linked_paths(&l->arenas[i], p, r, &l->a->prefix, &l->lists[i], err) < 0)
		return err_at(err, "%s", r->fn);
	return 0;
}

static void tell_of_clobbers(const struct assembly *a, const struct clobber_plan *plan)
{
	for (size_t i = 0; i < plan->n_clobbers; i++) {
		const struct clobber *c = &plan->clobbers[i];

		if (!c->same)
			log_debug("%s is in %s and in %s; the image has that of %s", c->path, a->packages[c->loser].fn,
				  a->packages[c->winner].fn, a->packages[c->winner].fn);
	}
}

struct tree *assembly_open_package(const struct assembly *a, size_t i, struct err *err)
{
	const struct record *r = &a->packages[i];
	struct package *p = open_package(a, r, err);
	struct tree *t;

	if (!p)
		return NULL;
	t = linked_tree(p, r, &a->prefix, a->paths.dropped[i], err);
	if (!t)
		err_at(err, "%s", r->fn);
	return t;
}

/* Few packages have variables to set; these are read once more for them. */
static int read_activation(struct assembly *a, const struct linked_list *lists, struct err *err)
{
	struct activation_file *files = NULL;
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < a->lp->n_packages; i++) {
		struct tree *t;

		if (!activation_is_in(&lists[i]))
			continue;
		t = assembly_open_package(a, i, err);
		rc = t ? activation_read(&a->arena, t, &a->prefix, &files, &n, err) : -1;
		if (rc < 0 && t)
			err_at(err, "%s", a->packages[i].fn);
	}
	if (rc == 0)
		rc = activation_merge(&a->arena, files, n, &a->paths.variables, &a->paths.n_variables, err);
	free(files);
	return rc;
}

static int plan_paths(struct assembly *a, struct err *err)
{
	size_t n = a->lp->n_packages;
	const char **names = arena_array(&a->arena, n, sizeof(*names));
	const char *const **scripts = arena_array(&a->arena, n, sizeof(*scripts));
	auto_free struct linked_list *lists = mem_array(n, sizeof(*lists));
	auto_free struct arena *arenas = mem_array(n, sizeof(*arenas));
	struct listing l = { a, lists, arenas };
	struct clobber_plan plan;
	int rc = work_run(n, a->workshop->threads, list_one, &l, err);

	for (size_t i = 0; i < n; i++) {
		names[i] = record_dist(&a->arena, &a->packages[i]);
		arena_join(&a->arena, &arenas[i]);
		scripts[i] = lists[i].scripts;
	}
	if (rc < 0 || clobber_plan(&a->arena, lists, names, n, &plan, err) < 0)
		return -1;
	tell_of_clobbers(a, &plan);
	a->paths = (struct paths_plan){ .dropped = plan.dropped, .scripts = scripts };
	return read_activation(a, lists, err);
}

static void warn_of_scripts(const struct assembly *a)
{
	for (size_t i = 0; i < a->lp->n_packages; i++)
		for (const char *const *s = a->paths.scripts[i]; s && *s; s++)
			log_warn(
				"%s has a link script, %s, which is not run: what it would do is missing from the image",
				a->packages[i].fn, *s);
}

int assembly_fetch(struct assembly *a, struct err *err)
{
	if (fetch_packages(a, err) < 0)
		return -1;
	if (!plan_cache_get(a, &a->paths)) {
		if (plan_paths(a, err) < 0)
			return -1;
		plan_cache_put(a, &a->paths);
	}
	warn_of_scripts(a);
	return 0;
}

/* ---- layers ---- */

struct opener {
	const struct assembly *a;
	const struct group *group;
};

static struct tree *open_member(void *arg, size_t i, struct err *err)
{
	const struct opener *o = arg;

	return assembly_open_package(o->a, o->group->members[i], err);
}

static struct tree *open_libc(const struct assembly *a, struct err *err)
{
	struct package *p = open_package(a, &a->lp->libc_packages[0], err);

	return p ? libc_tree(p, a->platform, err) : NULL;
}

static struct tree *open_tree(const struct assembly *a, const struct part_layer *l, struct opener *o, struct err *err)
{
	switch (l->part) {
	case PART_LIBC:
		return open_libc(a, err);
	case PART_SYSTEM:
		return assembly_open_system(a, err);
	case PART_PACKAGES:
		*o = (struct opener){ a, l->group };
		return tree_chain(open_member, o, l->group->n);
	case PART_ENVIRONMENT:
		return rootfs_environment(&a->prefix, a->lock, a->lp, a->newest);
	case PART_APP:
		return copy_tree(&a->files);
	}
	return NULL;
}

/* The members' names for an error: one package, or "N packages from X". */
static const char *layer_name(const struct assembly *a, const struct part_layer *l)
{
	static const char *const names[] = { [PART_LIBC] = "C library",
					     [PART_SYSTEM] = "system files",
					     [PART_PACKAGES] = "packages",
					     [PART_ENVIRONMENT] = "environment",
					     [PART_APP] = "the application" };

	return l->part == PART_PACKAGES && l->group->n == 1 ? a->packages[l->group->members[0]].fn : names[l->part];
}

void assembly_tree_recipe(struct tree *t, struct buf *b)
{
	struct err none = ERR_INIT;
	struct source *content;
	struct entry e;

	while (tree_next(t, &e, &content, &none) > 0) {
		buf_addf(b, "%s %o %s\n", e.path, e.mode, e.target ? e.target : "");
		if (content && io_slurp(content, UINT32_MAX, b, &none) < 0)
			break;
	}
}

static void make_recipe(struct assembly *a, struct part_layer *l)
{
	static const char *const kinds[] = { [PART_LIBC] = "libc",
					     [PART_SYSTEM] = "system",
					     [PART_PACKAGES] = "packages",
					     [PART_ENVIRONMENT] = "environment",
					     [PART_APP] = "app" };
	auto_buf b = { 0 };

	recipe_begin(&b, kinds[l->part], &a->settings->codec);
	if (l->part == PART_PACKAGES) {
		for (size_t i = 0; i < l->group->n; i++) {
			size_t k = l->group->members[i];

			recipe_add_package(&b, &a->packages[k], &a->prefix, a->paths.dropped[k]);
			l->weight += a->packages[k].size;
		}
	} else if (l->part == PART_LIBC) {
		buf_addf(&b, "platform: %s\n", a->platform->subdir);
		recipe_add_record(&b, &a->lp->libc_packages[0]);
		l->weight = a->lp->libc_packages[0].size;
	} else if (l->part == PART_APP) {
		copy_recipe(&a->files, &b);
		l->weight = a->files.bytes;
	} else if (l->part == PART_SYSTEM) {
		assembly_system_recipe(a, &b);
	} else {
		auto_tree *t = rootfs_environment(&a->prefix, a->lock, a->lp, a->newest);

		assembly_tree_recipe(t, &b);
	}
	l->recipe = recipe_digest(&b);
}

struct making {
	struct assembly *a;
	struct part_layer **todo;
	struct progress_bar *bar;
};

static int make_one(void *arg, size_t i, struct err *err)
{
	struct making *m = arg;
	struct part_layer *l = m->todo[i];
	struct opener o;
	auto_tree *t = open_tree(m->a, l, &o, err);

	if (!t || layer_write(t, m->a->workshop->layers, &m->a->settings->codec, &l->layer, err) < 0)
		return err_at(err, "layer of %s", layer_name(m->a, l));
	if (store_remember(m->a->workshop->layers, &l->recipe, &l->layer, err) < 0)
		return -1;
	progress_step(m->bar);
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
	struct progress_bar bar;
	size_t n = 0;
	int rc;

	for (size_t i = 0; i < a->n_layers; i++) {
		struct part_layer *l = &a->layers[i];

		l->weight = 0;
		make_recipe(a, l);
		l->known = store_recall(a->workshop->layers, &l->recipe, &l->layer);
		if (!l->known)
			todo[n++] = l;
	}
	qsort(todo, n, sizeof(*todo), heavier_first);
	progress_begin(&bar, "making layers");
	progress_expect(&bar, n);
	rc = work_run(n, a->workshop->threads, make_one, &(struct making){ a, todo, &bar }, err);
	progress_end(&bar);
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
