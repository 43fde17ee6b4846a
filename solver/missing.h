/*
 * Why nothing meets a spec: nobody has the name, or the version, or something left it
 * out, or it is for the machine to have. Private to solver/.
 */
#ifndef SOLVER_MISSING_H
#define SOLVER_MISSING_H

#include "solver/problem.h"

/* As a clause: "there is only numpy 1.0 to 1.26". In a. */
const char *missing_text(struct problem *p, uint32_t spec, struct arena *a);

/* A step for each spec of the request that nothing meets, which needs no solver. False where there is none. */
bool missing_roots(struct problem *p, struct solution *ret);

#endif
