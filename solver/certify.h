/*
 * An answer held against libsolv before anybody sees it (docs/solver.md). Private to solver/.
 */
#ifndef SOLVER_CERTIFY_H
#define SOLVER_CERTIFY_H

#include "solver/solver.h"

/*
 * Whether the records are an answer to q: asked anew of libsolv, from the records themselves, with these and no others in
 * the world. Which would be the better answer is not its business. ERR_BUG, with what is wrong.
 */
int certify(const struct solve *q, const struct record *const *records, size_t n, struct err *err);

#endif
