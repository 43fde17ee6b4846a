/*
 * Which part of a spec keeps candidates of its name away, as a clause: the version,
 * the build, the subdir, ... Private to solver/.
 */
#ifndef SOLVER_LACKING_H
#define SOLVER_LACKING_H

#include "solver/problem.h"

/*
 * For a spec of this name that none of its candidates meets; there are some. "of numpy 1.21.4 to
 * 2.5.2 the nearest are 1.26.4 and 2.0.0". In a.
 */
const char *lacking_text(const struct problem *p, const struct matchspec *m, const struct name *n, struct arena *a);

/* Whether no version whatever can meet a condition such as ">=3.12,<3.11". False where that is not sure. */
bool lacking_is_empty(const struct matchspec *m);

/* The versions that a condition names, without operators and stars, in the order in which they stand. In a. */
const char *const *lacking_literals(const char *version_text, struct arena *a);

/* "a, b and c". In a. */
const char *lacking_list(const char *const *words, struct arena *a);

#endif
