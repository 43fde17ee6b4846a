/*
 * What the files of explain.c share: who says what of a name (explain_voices.c), and
 * builds of a name that are alike in what they need (explain_classes.c).
 */
#ifndef SOLVER_EXPLAIN_IMPL_H
#define SOLVER_EXPLAIN_IMPL_H

#include "solver/explain.h"
#include "solver/story.h"

/* One voice that says which candidates of a name will do. */
struct voice {
	enum why_kind kind;
	uint32_t name; /* of what it speaks */
	uint32_t spec; /* WHY_ASKED, WHY_PIN */
	uint32_t link; /* the others */
	const bool *allows; /* by candidate */
	bool whole; /* all relevant builds of who speaks say so */
};

struct teller {
	struct story story;
	struct problem *p;
	const struct core *core;
	struct arena scratch;
	struct voice *voices;
	uint32_t n_voices;
	bool *certain; /* by name: it must be there, whatever else is chosen */
	const bool **relevant; /* by name: candidates that those before it in the walk allow; NULL: not reached */
	bool *told; /* by name */
	bool *said; /* by link of the core: a step said "but x needs" it */
	bool *cited; /* by spec of the problem: a step said "but you ask for" it */
};

/* A step in the making: builds of one name that are alike in what they need. */
struct class
{
	uint32_t *tuple; /* pairs of a link and a spec, in order of links */
	uint32_t n_tuple;
	const struct voice *against; /* what rules its (only) pair out, or NULL */
	bool lacks; /* nothing meets its (only) spec */
	const struct candidate *lo, *hi;
	uint32_t builds;
	uint32_t *specs; /* distinct, by pairs of a link and a spec */
	uint32_t n_specs;
};

struct classes {
	struct class *list;
	uint32_t n;
};

/* An empty set of candidates, in t's scratch arena. */
bool *explain_set(struct teller *t);
void explain_add_providers(struct teller *t, uint32_t spec, bool *set);

/* A candidate's needs, or constraints. */
const struct need *explain_needs(const struct candidate *c, bool constrains, uint32_t *n);

/* Fill voices and relevant. */
void explain_hear(struct teller *t);

/* What will do of a name, by all who were heard and have it installed; NULL where nobody has. */
const bool *explain_allowed(struct teller *t, uint32_t name);

/* A voice that cannot be had together with a spec of a candidate, or NULL. What was asked goes first. */
const struct voice *explain_opposed(struct teller *t, const struct candidate *c, uint32_t link, uint32_t spec);

/* Whether nothing at all meets a spec of a link. */
bool explain_is_lacking(struct teller *t, uint32_t link, uint32_t spec);

/* Whether the core knows something that a name needs. */
bool explain_has_steps(const struct teller *t, uint32_t name);

/* The relevant builds of a name in classes, the highest first. The caller frees list. */
void explain_classes(struct teller *t, uint32_t name, struct classes *ret);

/* Add a spec of a link to a class, once. */
void explain_add_spec(struct teller *t, struct class *c, uint32_t link, uint32_t spec);

#endif
