#include "cmd/convert.h"

#include <string.h>

#include "base/digest.h"
#include "base/str.h"

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
			return err_set(err, ERR_FORMAT, "%s has nothing for %s", path, only[i]->subdir);
	*ret = *in;
	ret->arena = (struct arena){ 0 };
	ret->platforms = list;
	ret->n_platforms = n;
	ret->foreign = in->foreign && !is_full(list, n);
	return 0;
}
