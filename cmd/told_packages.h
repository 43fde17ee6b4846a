/*
 * The packages of an image as far as they can be told without its layers: by the manifest (which packages), and by the
 * lock that is attached to it (everything else of them).
 */
#ifndef CMD_TOLD_PACKAGES_H
#define CMD_TOLD_PACKAGES_H

#include "cmd/contents.h"
#include "conda/lock.h"

struct told_package {
	const struct record *record; /* name, version and build; and, where full, what a lock says */
	bool full; /* channel and licence are known */
};

struct told_packages {
	struct arena arena;
	struct told_package *list; /* sorted by name, version, build */
	size_t n;
	struct lock lock; /* the one attached, if there is one */
	struct contents contents; /* where the layers were read */
	bool all_full;
};

/*
 * Of an image in a place. Layers are read where they are on this machine, and where the manifest does not say what is in
 * them. b must outlive it; *ret is zeroed by the caller, and to be released in any case.
 */
int told_packages_read(const struct dest *d, struct blobs *b, struct told_packages *ret, struct err *err);

/* Of a lock, which must outlive it. */
void told_packages_of_lock(const struct lock_platform *lp, struct told_packages *ret);

/* "name-version-build" of all that the manifest tells, sorted; NULL where it tells nothing. In a. */
const char *const *told_packages_dists(struct arena *a, const struct image *im, size_t *n);

void told_packages_release(struct told_packages *t);

#endif
