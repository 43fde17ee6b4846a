/* The C library for a lock that names none, because another tool wrote it. */
#ifndef CMD_LOCK_LIBC_H
#define CMD_LOCK_LIBC_H

#include "cmd/question.h"
#include "cmd/workshop.h"
#include "conda/lock.h"

/*
 * Give lp the sysroot package that the lock has, or else the best one of its channels (those of -c go before): as for
 * an environment, by --virtual-package __glibc and --exclude-newer. channels and n_channels of q are where it was looked for.
 * q, to be released in any case, and a outlive lp. path is the lock's, for sentences; is_kept: a
 * lock will say the choice, so that nobody need be warned of it.
 */
int lock_libc_add(const struct lock *lock, const char *path, bool is_kept, const struct options *o,
		  const struct settings *s, const struct platform *platform, struct workshop *w, struct question *q,
		  struct arena *a, struct lock_platform *lp, struct err *err);

/* An environment that asks for nothing, of the lock's channels (of a list, those of its packages). In a. */
const struct env *lock_libc_environment(struct arena *a, const struct lock *lock, const struct lock_platform *lp,
					const char *path);

#endif
