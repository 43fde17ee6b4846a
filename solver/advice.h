/*
 * What would help where there is no solution: the question is put again with one thing
 * changed at a time, a bounded number of times. Private to solver/.
 */
#ifndef SOLVER_ADVICE_H
#define SOLVER_ADVICE_H

#include "solver/core.h"

/* Sets ret->advice. core may be empty. */
void advice_find(const struct problem *p, const struct core *core, struct solution *ret);

#endif
