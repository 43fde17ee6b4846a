#include "cmd/lock_checksums.h"

#include <string.h>

#include "base/log.h"
#include "cmd/lock_libc.h"
#include "cmd/resolve.h"

static bool lacks(const struct record *r)
{
	return !r->has_sha256 && !r->has_md5;
}

static const char *const *names_of(const struct record *list, size_t n, struct arena *a, size_t *n_ret)
{
	const char **ret = arena_array(a, n + 1, sizeof(*ret));

	*n_ret = 0;
	for (size_t i = 0; i < n; i++)
		if (lacks(&list[i]))
			ret[(*n_ret)++] = list[i].name;
	return ret;
}

static int fill_one(struct record *r, const struct index *ix, const char *path, struct err *err)
{
	struct record_range range = index_find(ix, r->name);

	for (size_t i = 0; i < range.n; i++) {
		const struct record *known = &range.first[i];

		if (strcmp(known->fn, r->fn) != 0 || strcmp(known->subdir, r->subdir) != 0 ||
		    strcmp(known->channel, r->channel) != 0 || lacks(known))
			continue;
		r->has_sha256 = known->has_sha256;
		r->sha256 = known->sha256;
		r->has_md5 = known->has_md5;
		memcpy(r->md5, known->md5, sizeof(r->md5));
		return 0;
	}
	return err_set(err, ERR_FORMAT,
		       "%s: %s has no checksum, and the index of %s has no such file: what is downloaded could not be "
		       "verified; write the list with conda list --explicit --sha256 (or --md5)",
		       path, r->fn, r->channel);
}

static int fill(const struct lock *lock, struct lock_platform *lp, const char *path, const struct options *o,
		const struct settings *s, struct workshop *w, struct arena *a, struct err *err)
{
	struct record *list = arena_dup(a, lp->packages, lp->n_packages * sizeof(*list));
	const struct platform *platform = platform_parse(lp->subdir, err);
	struct question q = { 0 };
	auto_arena scratch = { 0 };
	auto_index ix = { 0 };
	size_t n;
	const char *const *names = names_of(list, lp->n_packages, &scratch, &n);
	int rc = platform ? 0 : -1;

	if (rc == 0)
		rc = question_make(lock_libc_environment(&scratch, lock, lp, path), o, s, platform, NULL, &q, err);
	if (rc == 0)
		rc = resolve_records(&q, names, n, w, &ix, err);
	for (size_t i = 0; rc == 0 && i < lp->n_packages; i++)
		rc = lacks(&list[i]) ? fill_one(&list[i], &ix, path, err) : 0;
	question_release(&q);
	lp->packages = list;
	return rc;
}

int lock_checksums_find(struct lock *lock, const char *path, const struct options *o, const struct settings *s,
			struct workshop *w, struct err *err)
{
	struct lock_platform *list = arena_dup(&lock->arena, lock->platforms, lock->n_platforms * sizeof(*list));

	if (!lock->unverified)
		return 0;
	log_info("%s has no checksum: those of the channels' index are taken", lock->unverified);
	for (size_t i = 0; i < lock->n_platforms; i++)
		if (fill(lock, &list[i], path, o, s, w, &lock->arena, err) < 0)
			return -1;
	lock->platforms = list;
	lock->unverified = NULL;
	return 0;
}
