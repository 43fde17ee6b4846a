#include "conda/lock.h"

#include <string.h>

#include "base/digest.h"
#include "base/json.h"
#include "base/str.h"

const struct lock_platform *lock_find(const struct lock *l, const char *subdir)
{
	for (size_t i = 0; i < l->n_platforms; i++)
		if (strcmp(l->platforms[i].subdir, subdir) == 0)
			return &l->platforms[i];
	return NULL;
}

void lock_release(struct lock *l)
{
	arena_release(&l->arena);
	*l = (struct lock){ 0 };
}

/* In any order in, sorted and each once out. */
static const char *const *sorted(struct arena *a, const char *const *list)
{
	size_t n = 0, kept = 0;
	const char **ret;

	while (list && list[n])
		n++;
	ret = arena_array(a, n + 1, sizeof(*ret));
	for (size_t i = 0; i < n; i++)
		ret[i] = list[i];
	if (n)
		qsort(ret, n, sizeof(*ret), str_ptr_cmp);
	for (size_t i = 0; i < n; i++)
		if (!kept || strcmp(ret[kept - 1], ret[i]) != 0)
			ret[kept++] = ret[i];
	ret[kept] = NULL;
	return ret;
}

const char *lock_content_hash(struct arena *a, const struct lock_question *q)
{
	auto_buf b = { 0 };
	struct json j = { .out = &b };
	struct digest d;

	json_object(&j);
	json_put_strings(&j, "channels", q->channels);
	/* Only where they are said: locks from before these could be said stay current. */
	if (q->exclude_newer)
		json_put_string(&j, "exclude_newer", q->exclude_newer);
	json_put_string(&j, "libc", q->libc);
	if (q->pins && *q->pins)
		json_put_strings(&j, "pins", sorted(a, q->pins));
	json_put_string(&j, "priority", q->priority);
	json_put_strings(&j, "specs", sorted(a, q->specs));
	json_put_string(&j, "subdir", q->subdir);
	json_put_strings(&j, "virtuals", sorted(a, q->virtuals));
	json_end(&j);
	d = digest_bytes(b.p, b.n);
	return arena_strdup(a, digest_hex(&d).hex);
}
