/*
 * What the files of advice.c share: a question that is put again with something changed.
 */
#ifndef SOLVER_ADVICE_IMPL_H
#define SOLVER_ADVICE_IMPL_H

#include "solver/advice.h"

struct adviser {
	const struct problem *p;
	const struct core *core;
	struct arena *a;
	const char **list;
	size_t n;
	unsigned tries;
	uint64_t work; /* steps that all of them together may still take */
};

void advice_add(struct adviser *v, const char *text);

/* Whether a question has a solution; false, too, where too much was tried. ret is to be released in any case. */
bool advice_solves(struct adviser *v, struct solve q, struct solution *ret);

/* The record of a name in a solution, or NULL. */
const struct record *advice_record(const struct solution *s, const char *name);

/* What the machine or the image would have to be (advice_machine.c). */
void advice_of_machine(struct adviser *v);

#endif
