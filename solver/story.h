/*
 * Steps of an explanation as they are told. Private to solver/.
 */
#ifndef SOLVER_STORY_H
#define SOLVER_STORY_H

#include "solver/problem.h"

struct story {
	struct arena *a; /* owns the texts */
	struct why *list;
	size_t n;
};

/* Add a step; what w points to is copied, but its text, which is in the story's arena already. */
void story_add(struct story *s, const struct why *w);

/* Hand the steps over to a solution; of too many the last are left out. */
void story_finish(struct story *s, struct solution *ret);

/* "numpy 1.0 to 1.26": candidates from lowest to highest. In a. */
const char *story_range(struct arena *a, const char *name, const struct candidate *lowest,
			const struct candidate *highest);

#endif
