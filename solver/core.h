/*
 * Why there is no solution: the smallest part of a question that has none.
 * Private to solver/.
 *
 * The parts are the specs of the request, the pins, and links: all that the
 * candidates of one name need (or constrain) of another. Parts are taken away as
 * long as what is left has no solution either, the far ones first, so a chain is
 * short and every step of it is needed.
 */
#ifndef SOLVER_CORE_H
#define SOLVER_CORE_H

#include "solver/problem.h"

struct link {
	uint32_t from; /* index into problem.names */
	uint32_t to; /* likewise; NONE: not one literal name, or nobody has it */
	const char *to_text; /* the name, or the spec where it has no literal one */
	bool constrains; /* else needs */
	unsigned depth; /* of from: how many needs it is away from the request */
};

struct core {
	struct link *links; /* sorted by depth, then by names; in the problem's arena */
	uint32_t n_links;
	uint32_t *roots, *pins; /* specs */
	uint32_t n_roots, n_pins;
};

/* False where the question has a solution after all. p is as it was afterwards. */
bool core_find(struct problem *p, struct core *ret);

/* Whether a need of a candidate belongs to a link. */
bool core_is_of_link(const struct problem *p, const struct link *l, const struct candidate *c, const struct need *n,
		     bool constrains);

#endif
