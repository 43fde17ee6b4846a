/*
 * One answer for each platform. The first platform (by subdir) is solved by itself;
 * the others, side by side, take its noarch packages where they can.
 */
#ifndef CMD_SOLVE_ALL_H
#define CMD_SOLVE_ALL_H

#include "cmd/resolve.h"

/* What an older lock holds on to. Empty: nothing. */
struct kept {
	struct arena arena;
	const struct lock *lock; /* or NULL */
	const char *const *moving; /* names; NULL-terminated */
};

/*
 * All that lock has stays, but moving ("numpy", "numpy,pandas"), and what has to move with it. ERR_USAGE where nobody
 * knows a name. lock must outlive it. To be released in any case.
 */
int kept_init(struct kept *ret, const struct lock *lock, const char *const *moving, size_t n,
	      const struct question *questions, size_t n_questions, struct err *err);
void kept_release(struct kept *k);

#define auto_kept CLEANUP(kept_release) struct kept

/* ret has room for n. ERR_UNSAT: *refusal is that of the first platform that was refused. */
int solve_all(const struct question *questions, size_t n, const struct kept *kept, struct workshop *w, struct arena *a,
	      struct lock_platform *ret, struct refusal *refusal, struct err *err);

#endif
