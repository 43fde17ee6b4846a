/* question -> lock: records, libc, solve. */
#ifndef CMD_RESOLVE_H
#define CMD_RESOLVE_H

#include "channels/repodata.h"
#include "cmd/question.h"
#include "cmd/refusal.h"
#include "cmd/workshop.h"

/* Read what n questions need of their channels, side by side; ret has room for n. By one thread at a time. */
int resolve_fetch(const struct question *q, size_t n, struct workshop *w, struct repodata_set *ret, struct err *err);

/* Records that are to stay where they can. */
struct favored {
	const struct record *const *list;
	size_t n;
};

/*
 * Answer it from what was read: *ret (in a) is what the lock says for this platform. ERR_UNSAT: *refusal (in a) says
 * why. No network is asked, and other questions may be answered at the same time.
 */
int resolve_solve(const struct question *q, const struct repodata_set *set, const struct workshop *w,
		  const struct favored *favored, struct arena *a, struct lock_platform *ret, struct refusal *refusal,
		  struct err *err);

/* No more than the C library: settle ret->libc_packages. What the question asks for has no say. */
int resolve_libc(const struct question *q, struct workshop *w, struct arena *a, struct lock_platform *ret,
		 struct err *err);

/* The records of names, and of what they need, in the question's channels. ix is to be released in any case. */
int resolve_records(const struct question *q, const char *const *names, size_t n, struct workshop *w, struct index *ix,
		    struct err *err);

/* Both, for one question. */
int resolve(const struct question *q, struct workshop *w, struct arena *a, struct lock_platform *ret,
	    struct refusal *refusal, struct err *err);

/* The lock that holds these answers. Texts and records stay where they are. */
void resolve_lock(struct lock *ret, const struct question *q, const char *source, const struct lock_platform *platforms,
		  size_t n);

#endif
