/* A lock of another kind as a conda-lock.yml or a list: what it says, and nothing solved. */
#ifndef CMD_CONVERT_H
#define CMD_CONVERT_H

#include "cmd/registries.h"
#include "cmd/settings.h"
#include "conda/lock.h"

/*
 * The lock to be written, for the platforms of only, or all where there are none; its texts and records stay in's, the rest is in a. A
 * lock whose records are in full becomes one of condaimg's, so that none of them is lost. ERR_FORMAT where a
 * platform has packages that are no conda packages. path is in's, for sentences.
 */
int convert_lock(const struct lock *in, const char *path, const struct platform *const *only, size_t n_only,
		 struct arena *a, struct lock *ret, struct err *err);

/*
 * Give each platform of a converted lock its C library, so that what is built of it does not move: the one that build would
 * choose, or none where --base or --libc say so. What is added is in a.
 */
int convert_libc(const struct options *o, struct settings *s, struct registries *r, const char *path, struct arena *a,
		 struct lock *lock, struct err *err);

#endif
