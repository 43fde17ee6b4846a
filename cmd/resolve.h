/* question -> lock: records, libc, solve. */
#ifndef CMD_RESOLVE_H
#define CMD_RESOLVE_H

#include "cmd/question.h"
#include "cmd/workshop.h"

/*
 * Answer it: *ret (in a) is what the lock says for this platform. Sentences about an
 * unsatisfiable request are printed to stderr, and err is ERR_UNSAT.
 */
int resolve(const struct question *q, struct workshop *w, struct arena *a, struct lock_platform *ret, struct err *err);

/* The lock that holds these answers. Texts and records stay where they are. */
void resolve_lock(struct lock *ret, const struct question *q, const char *source, const struct lock_platform *platforms,
		  size_t n);

#endif
