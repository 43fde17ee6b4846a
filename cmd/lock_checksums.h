/* Checksums for a list of URLs that says none, as `conda list --explicit` writes it. */
#ifndef CMD_LOCK_CHECKSUMS_H
#define CMD_LOCK_CHECKSUMS_H

#include "cmd/settings.h"
#include "cmd/workshop.h"
#include "conda/lock.h"

/*
 * Give every package of lock that has no checksum the one that its channel's index says, which is all that a solve has,
 * too. lock->unverified says where the first of them stands; it is NULL afterwards. ERR_FORMAT where an index does not have one.
 */
int lock_checksums_find(struct lock *lock, const char *path, const struct options *o, const struct settings *s,
			struct workshop *w, struct err *err);

#endif
