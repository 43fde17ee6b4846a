/*
 * Another opinion: the same question put to Debian's libsolv. Whether there is a solution must be
 * the same; which one it finds is its own affair.
 */
#ifndef TESTS_LIBSOLV_H
#define TESTS_LIBSOLV_H

#include "solver/problem.h"

/* True: *ret (a flag for each candidate, in p's arena) marks the chosen. */
bool libsolv_solve(struct problem *p, bool **ret);

#endif
