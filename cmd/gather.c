#include "cmd/gather.h"

#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "cmd/filling.h"
#include "cmd/progress.h"

/* ---- channels ---- */

/* Where to log in, and what may be fetched from where. */
static void find_channels(struct assembly *a)
{
	struct channel *list = NULL;
	size_t n = 0;

	for (size_t i = 0; a->lock->channels && a->lock->channels[i]; i++) {
		struct err err = ERR_INIT;

		if (channel_resolve_as(&a->arena, &a->settings->config.names, a->lock->channels[i], ".", &list, &n,
				       &err) < 0)
			log_debug("%s", err.text);
	}
	a->channels = arena_dup(&a->arena, list, n * sizeof(*list));
	a->n_channels = n;
	free(list);
}

static int check_allowed(const struct assembly *a, const struct record *records, size_t n, struct err *err)
{
	const struct config *c = &a->settings->config;

	if (!c->rc.values[CONDARC_ALLOWLIST_CHANNELS].n && !c->rc.values[CONDARC_DENYLIST_CHANNELS].n)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (config_allows_url(c, records[i].url, err) < 0)
			return -1;
	return 0;
}

/* A record without a size is of a lock that does not tell it. */
static int know_size(const struct assembly *a, struct record *r, struct err *err)
{
	auto_free char *path = mem_printf("sha256/%s", digest_hex(&r->sha256).hex);
	struct stat st;

	if (r->size)
		return 0;
	if (fstatat(a->workshop->packages, path, &st, 0) < 0)
		return err_sys(err, "cannot find %s", r->fn);
	r->size = (uint64_t)st.st_size;
	return 0;
}

/* ---- what is gathered ---- */

static void add_subdir(struct gathering *g, const char *subdir)
{
	for (size_t i = 0; i < g->n_subdirs; i++)
		if (strcmp(g->subdirs[i], subdir) == 0)
			return;
	mem_grow(g->subdirs, g->n_subdirs);
	g->subdirs[g->n_subdirs++] = arena_strdup(&g->arena, subdir);
}

static bool is_new(const struct gathering *g, const struct record *r)
{
	for (size_t i = 0; i < g->n; i++)
		if (strcmp(g->records[i].fn, r->fn) == 0 && strcmp(g->records[i].subdir, r->subdir) == 0 &&
		    digest_equal(&g->records[i].sha256, &r->sha256))
			return false;
	return true;
}

static void add_record(struct gathering *g, const struct record *r)
{
	if (!is_new(g, r))
		return;
	mem_grow(g->records, g->n);
	g->records[g->n++] = *r;
	g->bytes += r->size;
	add_subdir(g, r->subdir);
}

/* Its packages in full: those that only say where they are leave the rest to their own index.json. */
static int complete(struct assembly *a, struct record *packages, struct err *err)
{
	size_t n = a->lp->n_packages;

	if (check_allowed(a, packages, n, err) < 0)
		return -1;
	return filling_needed(a->lp) ? filling_records(a, packages, err) : assembly_fetch_records(a, packages, n, err);
}

int gather_platform(struct gathering *g, const struct settings *s, struct workshop *w, const struct lock *lock,
		    const struct lock_platform *lp, struct err *err)
{
	struct assembly a = { .settings = s, .workshop = w, .lock = lock, .lp = lp };
	struct record *packages = arena_dup(&a.arena, lp->packages, lp->n_packages * sizeof(*packages));
	struct record *libc = arena_dup(&a.arena, lp->libc_packages, lp->n_libc_packages * sizeof(*libc));
	int rc = -1;

	find_channels(&a);
	if (check_allowed(&a, libc, lp->n_libc_packages, err) == 0 && complete(&a, packages, err) == 0 &&
	    assembly_fetch_records(&a, libc, lp->n_libc_packages, err) == 0)
		rc = 0;
	for (size_t i = 0; rc == 0 && i < lp->n_packages; i++)
		rc = know_size(&a, &packages[i], err);
	for (size_t i = 0; rc == 0 && i < lp->n_libc_packages; i++)
		rc = know_size(&a, &libc[i], err);
	for (size_t i = 0; rc == 0 && i < lp->n_packages; i++)
		add_record(g, &packages[i]);
	for (size_t i = 0; rc == 0 && i < lp->n_libc_packages; i++)
		add_record(g, &libc[i]);
	add_subdir(g, "noarch");
	add_subdir(g, lp->subdir);
	arena_join(&g->arena, &a.arena);
	return rc;
}

static int fn_cmp(const void *x, const void *y)
{
	const struct record *const *a = x, *const *b = y;

	return strcmp((*a)->fn, (*b)->fn);
}

const struct record *const *gather_subdir(const struct gathering *g, const char *subdir, struct arena *a, size_t *n)
{
	const struct record **ret = arena_array(a, g->n + 1, sizeof(*ret));

	*n = 0;
	for (size_t i = 0; i < g->n; i++)
		if (strcmp(g->records[i].subdir, subdir) == 0)
			ret[(*n)++] = &g->records[i];
	if (*n)
		qsort(ret, *n, sizeof(*ret), fn_cmp);
	return ret;
}

void gather_release(struct gathering *g)
{
	free(g->records);
	free(g->subdirs);
	arena_release(&g->arena);
	*g = (struct gathering){ 0 };
}
