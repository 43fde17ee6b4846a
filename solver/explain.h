/*
 * A core told in conda's words: sentences and data. Private to solver/.
 */
#ifndef SOLVER_EXPLAIN_H
#define SOLVER_EXPLAIN_H

#include "solver/core.h"

/* Its steps, as a walk from the request, into ret. */
void explain_core(struct problem *p, const struct core *core, struct solution *ret);

#endif
