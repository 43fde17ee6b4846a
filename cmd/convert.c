#include "cmd/convert.h"

#include <string.h>

#include "base/digest.h"
#include "base/str.h"
#include "cmd/lock_libc.h"
#include "cmd/locking.h"

static bool is_full(const struct lock_platform *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < p[i].n_packages; k++)
			if (p[i].packages[k].bare)
				return false;
	return true;
}

/* What was asked is not known, so the hash is of what is there; CEP 37 would have it so. */
static const char *hash_of(struct arena *a, const struct lock_platform *p)
{
	const char **urls = arena_array(a, p->n_packages, sizeof(*urls));
	auto_buf b = { 0 };
	struct digest d;

	for (size_t i = 0; i < p->n_packages; i++)
		urls[i] = p->packages[i].url;
	if (p->n_packages)
		qsort(urls, p->n_packages, sizeof(*urls), str_ptr_cmp);
	for (size_t i = 0; i < p->n_packages; i++)
		buf_addf(&b, "%s\n", urls[i]);
	d = digest_bytes(buf_cstr(&b), b.n);
	return arena_strdup(a, digest_hex(&d).hex);
}

static bool is_wanted(const struct platform *const *only, size_t n, const char *subdir)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(only[i]->subdir, subdir) == 0)
			return true;
	return !n;
}

static const char *platforms_text(const struct lock *l, struct arena *a)
{
	const char *ret = "";

	for (size_t i = 0; i < l->n_platforms; i++)
		ret = arena_printf(a, "%s%s%s", ret, i ? ", " : "", l->platforms[i].subdir);
	return *ret ? ret : "no platform";
}

int convert_lock(const struct lock *in, const char *path, const struct platform *const *only, size_t n_only,
		 struct arena *a, struct lock *ret, struct err *err)
{
	struct lock_platform *list = arena_array(a, in->n_platforms, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < in->n_platforms; i++) {
		if (!is_wanted(only, n_only, in->platforms[i].subdir))
			continue;
		if (in->platforms[i].refused)
			return err_set(err, ERR_FORMAT, "%s: %s%s", path, in->platforms[i].refused,
				       n_only ? "" : " (--platform leaves other platforms out)");
		list[n] = in->platforms[i];
		if (!*list[n].content_hash)
			list[n].content_hash = hash_of(a, &list[n]);
		n++;
	}
	for (size_t i = 0; i < n_only; i++)
		if (!lock_find(in, only[i]->subdir))
			return err_set(err, ERR_FORMAT, "%s has nothing for %s, only for %s", path, only[i]->subdir,
				       platforms_text(in, a));
	*ret = *in;
	ret->arena = (struct arena){ 0 };
	ret->platforms = list;
	ret->n_platforms = n;
	ret->foreign = in->foreign && !is_full(list, n);
	return 0;
}

/* One platform's, by the channels of the lock. */
static int add_libc(const struct options *o, const struct settings *s, const char *path, const struct platform *p,
		    struct workshop *w, struct arena *a, const struct lock *lock, struct lock_platform *lp,
		    struct err *err)
{
	struct question q = { 0 };
	int rc;

	if (!w->http && workshop_open(s, s->offline, w, err) < 0)
		return -1;
	rc = lock_libc_add(lock, path, true, o, s, p, w, &q, a, lp, err);
	arena_join(a, &q.arena);
	return rc;
}

int convert_libc(const struct options *o, struct settings *s, struct registries *r, const char *path, struct arena *a,
		 struct lock *lock, struct err *err)
{
	auto_workshop w = { .packages = -1, .repodata = -1, .plans = -1, .lock = -1 };
	struct lock_platform *list = arena_dup(a, lock->platforms, lock->n_platforms * sizeof(*list));

	if (locking_pin_base(o, s, r, a, &lock->base, err) < 0)
		return -1;
	lock->platforms = list;
	for (size_t i = 0; i < lock->n_platforms; i++) {
		struct err other = ERR_INIT;
		const struct platform *p = platform_parse(list[i].subdir, &other);

		if (list[i].n_libc_packages || !p)
			continue;
		list[i].libc = s->has_base ? "base" : s->libc_none ? "none" : "auto";
		if (strcmp(list[i].libc, "auto") == 0 && add_libc(o, s, path, p, &w, a, lock, &list[i], err) < 0)
			return -1;
	}
	return 0;
}
