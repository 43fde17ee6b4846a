/* lock -> its packages, fetched, with records that say all that a channel says of them. */
#ifndef CMD_GATHER_H
#define CMD_GATHER_H

#include "cmd/workshop.h"
#include "conda/lock.h"

struct gathering {
	struct arena arena;
	struct record *records; /* those of all locks and platforms; strings in arena or the locks' */
	size_t n;
	const char **subdirs; /* of the platforms and "noarch", each once */
	size_t n_subdirs;
	uint64_t bytes; /* of the files of records, each once */
};

/*
 * All packages of one platform of a lock, those of its C library too, are in w's cache afterwards. lock must outlive
 * g. ERR_NET, ERR_INTEGRITY, ERR_USAGE where a channel is not allowed.
 */
int gather_platform(struct gathering *g, const struct settings *s, struct workshop *w, const struct lock *lock,
		    const struct lock_platform *lp, struct err *err);

/* Those of one subdir, each file once, by file name; in a. */
const struct record *const *gather_subdir(const struct gathering *g, const char *subdir, struct arena *a, size_t *n);
void gather_release(struct gathering *g);

#define auto_gathering CLEANUP(gather_release) struct gathering

#endif
