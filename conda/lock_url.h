/* What the URL of a package says, for reading and writing locks of any kind. Private to conda/. */
#ifndef CONDA_LOCK_URL_H
#define CONDA_LOCK_URL_H

#include <stdbool.h>

#include "conda/record.h"

struct lock_place {
	const char *channel; /* what stands before "/subdir/fn" (or "/fn") */
	const char *subdir; /* a subdir that conda knows, or "" */
	const char *fn; /* without %xx */
};

/*
 * NULL, and *ret the URL (in a) without user, password and token; or what is
 * wrong with it. Taken are http, https, file and absolute paths.
 */
const char *lock_url_clean(struct arena *a, const char *url, const char **ret);

/* Cut a URL apart. False where its last part is no file name. */
bool lock_url_split(struct arena *a, const char *url, struct lock_place *ret);

/*
 * The file:// URL of a path, in a: relative ones are below base, an absolute directory; "." and ".." are
 * resolved by name, not on disk.
 */
const char *lock_url_of_path(struct arena *a, const char *base, const char *path);

/*
 * Set url, channel, subdir ("" where the URL names none), fn, name, version and build of a record. NULL, or what
 * is wrong with the URL.
 */
const char *lock_url_record(struct arena *a, const char *url, struct record *ret);

#endif
