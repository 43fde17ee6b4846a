/*
 * Which records to take. Same question, same answer: no clock, no network, no
 * environment; the order of records and of specs in the question has no say.
 *
 * What a spec means, which candidate is better, and the search are ours; libsolv certifies each answer (docs/solver.md).
 */
#ifndef SOLVER_SOLVER_H
#define SOLVER_SOLVER_H

#include "base/arena.h"
#include "base/err.h"
#include "conda/record.h"

#define SOLVER_WORK_MAX ((uint64_t)1000000000) /* steps: some seconds */

enum channel_priority {
	PRIORITY_STRICT, /* only the first channel that has a name provides it */
	PRIORITY_FLEXIBLE, /* the first channel's records are preferred, whatever their version */
	PRIORITY_DISABLED, /* versions decide; channels break ties */
};

/* What a sentence says of __glibc. */
enum glibc_from {
	GLIBC_OF_IMAGE, /* the image gets a C library of this version */
	GLIBC_OF_BASE, /* the base has it */
	GLIBC_ASSUMED, /* the image gets none, and this is what it is taken to find */
};

struct solve {
	const struct index *index; /* holds every record that the specs reach */
	const char *const *specs; /* MatchSpecs; v3 keys allowed */
	size_t n_specs;
	const struct record *virtuals; /* forced in */
	size_t n_virtuals;
	enum glibc_from glibc_from; /* for sentences, as the next */
	const char *const *glibc_choices; /* versions that the image can get; NULL: any */
	const char *const *pins; /* hold only for what is installed */
	size_t n_pins;
	const char *const *channel_names; /* by channel_rank, for sentences; may be NULL */
	enum channel_priority priority;
	int64_t exclude_newer; /* milliseconds since 1970; records newer than that are left out; 0: none */
	bool python_needs_pip; /* as conda and mamba have it: python brings pip, where there is one */
	bool no_reduce; /* search among every candidate: to prove that reducing changes nothing */
	uint64_t work_max; /* steps after which to give up; 0: SOLVER_WORK_MAX */
	bool no_why; /* after ERR_UNSAT the solution says nothing more */
	const struct record *const *favored; /* taken before any other of their name where they can be */
	size_t n_favored;
};

enum why_kind {
	WHY_ASKED, /* the request asks for specs, all of one name */
	WHY_PIN, /* a pin allows only specs */
	WHY_NEEDS, /* builds of name need one of specs */
	WHY_CONSTRAINS, /* builds of name go only with one of specs */
	WHY_MISSING, /* nothing meets specs */
	WHY_MORE, /* what was left out for brevity */
};

/* One step of the reasons, as a sentence and as data. */
struct why {
	enum why_kind kind;
	unsigned depth; /* 0: the request; others are told below what leads to them */
	const char *text; /* the whole sentence */
	const char *name; /* of the packages it speaks of, or NULL */
	const char *lowest, *highest; /* their versions, or NULL */
	uint32_t builds; /* how many of them; 0: it speaks of no builds */
	const char *const *specs; /* NULL-terminated */
	const char *against; /* what rules that out: a spec, or NULL where the steps below tell it */
	const char *const *near; /* WHY_MISSING: names that may have been meant; NULL-terminated, or NULL */
};

struct solution {
	struct arena arena;
	const struct record **records; /* of the index, sorted by name; no virtual ones */
	size_t n;
	uint64_t work; /* steps that were taken, for the reasons as well */
	const struct why *why; /* after ERR_UNSAT: a walk from the request, what leads before what follows */
	size_t n_why;
	const char *const
		*advice; /* after ERR_UNSAT: what would make it solvable, each enough alone; NULL-terminated */
};

/*
 * ERR_UNSAT: no set of records meets the request, and ret->why says why. ERR_LIMIT: whether there is one was not found
 * out within work_max steps, or the question is larger than what is accepted. ERR_FORMAT: a
 * spec cannot be read. ERR_BUG: libsolv does not accept the answer. ret is to be released in any case.
 */
int solver_run(const struct solve *q, struct solution *ret, struct err *err);
void solution_release(struct solution *s);

#define auto_solution CLEANUP(solution_release) struct solution

/* "asked", "pin", "needs", "constrains", "missing", "more". */
const char *why_kind_text(enum why_kind kind);

/* "strict", "flexible", "disabled"; and back. ERR_USAGE. */
const char *channel_priority_text(enum channel_priority p);
int channel_priority_parse(const char *text, enum channel_priority *ret, struct err *err);

#endif
