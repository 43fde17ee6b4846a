/*
 * Contradictions told in conda's words: sentences and data. Private to solver/.
 */
#ifndef SOLVER_EXPLAIN_H
#define SOLVER_EXPLAIN_H

#include "solver/core.h"

/* A story that grows: steps in an arena. */
struct story {
	struct problem *p;
	struct arena *a;
	struct why *list;
	size_t n;
};

/* Add a step; the story copies what w points to, but not its texts. */
void story_add(struct story *s, const struct why *w);

/* Hand the steps over to a solution. */
void story_finish(struct story *s, struct solution *ret);

/* Causes that need no solver: requested names or versions that nobody has. False where there is none. */
bool explain_plain(struct problem *p, struct solution *ret);

/* The steps of a core (solver/explain.c). */
void explain_core(struct problem *p, const struct core *core, struct solution *ret);

/* Why nothing meets a spec, as a clause: "there is only numpy 1.0 to 1.26" (solver/missing.c). In a. */
const char *missing_text(struct problem *p, uint32_t spec, struct arena *a);

/* "numpy 1.0 to 1.26" of candidates from lowest to highest. */
const char *range_text(struct arena *a, const char *name, const struct candidate *lowest,
		       const struct candidate *highest);

/* What would help, tried out: ret->advice (solver/advice.c). core may be empty. */
void advise(const struct problem *p, const struct core *core, struct solution *ret);

#endif
