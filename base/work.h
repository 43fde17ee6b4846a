/*
 * n jobs on a few threads. Jobs begin in order (put the largest first); their
 * results belong in slots that the caller owns, so that order of arrival shows
 * nowhere. There are no threads inside a stream, only above it.
 */
#ifndef BASE_WORK_H
#define BASE_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Returns 0, or -1 with err filled. May run on any thread, at the same time as others. */
typedef int work_fn(void *arg, size_t i, struct err *err);

/*
 * Run fn(arg, 0..n-1, ...) on at most threads threads. After a failure no new
 * job begins; of several failures the one with the lowest i is told, so that
 * the message does not depend on timing more than it must.
 */
int work_run(size_t n, unsigned threads, work_fn *fn, void *arg, struct err *err);

/*
 * Jobs that turn up one by one while others are under way: a thread that is free takes the heaviest of those
 * that are there. The caller does not work, but where no thread could be had.
 */
struct work_line;
typedef void work_line_fn(void *arg, size_t i);
struct work_line *work_line_new(unsigned threads, work_line_fn *fn, void *arg);
void work_line_add(struct work_line *w, size_t i, uint64_t weight); /* from any thread */

/* Returns when every job has ended; with forget those that nobody has begun never will be. Frees w. */
void work_line_end(struct work_line *w, bool forget);

/* CPUs that this process may use, at least 1. */
unsigned work_cpus(void);

#endif
