/*
 * A lock that only says where packages are (a list of URLs, a conda-lock.yml of another tool)
 * leaves the rest to the packages: they are fetched and asked before anything is planned, so that the
 * image is the one of a lock that says it all.
 */
#ifndef CMD_FILLING_H
#define CMD_FILLING_H

#include "cmd/assembly.h"

/* Whether a record of the lock is bare. */
bool filling_needed(const struct lock_platform *lp);

/* Fetch the bare ones of a's records, fill them in place, and put all in the lock's order. */
int filling_records(struct assembly *a, struct record *records, struct err *err);

#endif
