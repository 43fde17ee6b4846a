#include "cmd/lock_libc.h"

#include <string.h>

#include "base/log.h"
#include "cmd/resolve.h"
#include "conda/libc.h"

static bool has(const char *const *list, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], text) == 0)
			return true;
	return false;
}

/* The lock's channels; of a list of URLs, those that its packages are from. */
static const char *const *channels_of(struct arena *a, const struct lock *lock, const struct lock_platform *lp,
				      size_t *n)
{
	const char **ret;

	for (*n = 0; lock->channels && lock->channels[*n];)
		++*n;
	if (*n)
		return lock->channels;
	ret = arena_array(a, lp->n_packages + 1, sizeof(*ret));
	for (size_t i = 0; i < lp->n_packages; i++)
		if (lp->packages[i].channel && *lp->packages[i].channel && !has(ret, *n, lp->packages[i].channel))
			ret[(*n)++] = lp->packages[i].channel;
	return ret;
}

const struct env *lock_libc_environment(struct arena *a, const struct lock *lock, const struct lock_platform *lp,
					const char *path)
{
	struct env *ret = arena_alloc(a, sizeof(*ret));
	const char **files, **paths = arena_array(a, 2, sizeof(*paths));
	size_t n;

	*ret = (struct env){ .file = path, .files = paths, .channels = channels_of(a, lock, lp, &n) };
	files = arena_array(a, n + 1, sizeof(*files));
	for (size_t i = 0; i < n; i++)
		files[i] = path;
	ret->channel_files = files;
	paths[0] = path;
	return ret;
}

static const struct record *locked_sysroot(const struct lock_platform *lp, const char *name)
{
	for (size_t i = 0; i < lp->n_packages; i++)
		if (strcmp(lp->packages[i].name, name) == 0)
			return &lp->packages[i];
	return NULL;
}

int lock_libc_add(const struct lock *lock, const char *path, bool is_kept, const struct options *o,
		  const struct settings *s, const struct platform *platform, struct workshop *w, struct question *q,
		  struct arena *a, struct lock_platform *lp, struct err *err)
{
	const char *name = libc_package_name(a, platform);
	const struct record *r = locked_sysroot(lp, name);

	if (r) {
		lp->libc_packages = r;
		lp->n_libc_packages = 1;
		log_info("the C library is the lock's own %s %s", name, r->version);
		return 0;
	}
	if (question_make(lock_libc_environment(a, lock, lp, path), o, s, platform, NULL, q, err) < 0 ||
	    resolve_libc(q, w, a, lp, err) < 0)
		return err_at(
			err,
			"%s names no C library for the image, and none can be added (--base oci:DIR puts it on an "
			"image that has one, --libc none leaves it out)",
			path);
	r = &lp->libc_packages[0];
	if (is_kept) {
		log_info("the C library is %s %s (%s) of %s", name, r->version, r->build, r->channel);
		return 0;
	}
	/* No lock says this choice: whoever reads the log of a build is to see it. */
	log_warn("%s names no C library: the image gets %s %s (%s) of %s; --exclude-newer DATE keeps it from moving",
		 path, name, r->version, r->build, r->channel);
	return 0;
}
