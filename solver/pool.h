/*
 * A question put to Debian's libsolv, which shares no line with the search. Private to solver/.
 */
#ifndef SOLVER_POOL_H
#define SOLVER_POOL_H

#include "solver/problem.h"

/*
 * Whether a question whose candidates are all taken has them as its solution: nothing is left to choose, so it takes no
 * longer than reading them. False: *why (in p's arena) says what libsolv does not accept.
 */
bool pool_accepts(struct problem *p, const char **why);

/*
 * Another opinion, for tests: whether there is a solution must be the same; which one it finds is its own affair. It
 * cannot be interrupted. True: *ret (a flag for each candidate, in p's arena) marks the chosen.
 */
bool pool_solve(struct problem *p, bool **ret);

#endif
