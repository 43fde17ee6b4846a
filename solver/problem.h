/*
 * A question made ready: candidates by name, best first; every distinct spec
 * parsed once, with the candidates that meet it. Private to solver/.
 *
 * Nothing here depends on the order of the records or of the request.
 */
#ifndef SOLVER_PROBLEM_H
#define SOLVER_PROBLEM_H

#include "base/map.h"
#include "base/memo.h"
#include "conda/matchspec.h"
#include "solver/search.h"
#include "solver/solver.h"

#define NONE UINT32_MAX
#define WHY_WORK_MAX ((uint64_t)1000000000) /* steps to find out why there is no solution, and as many for advice */

/* Why a record is no candidate. */
enum excluded { EXCLUDED_NO, EXCLUDED_CHANNEL, EXCLUDED_NEWER, EXCLUDED_BROKEN, EXCLUDED_TWIN };

/* A dependency, or a constraint: a spec, perhaps only under a condition. */
struct need {
	uint32_t spec; /* index into problem.specs */
	const struct matchspec_cond *when; /* or NULL */
	const char *extra; /* holds only where this extra of the record is asked for; or NULL */
};

struct candidate {
	const struct record *record;
	const struct version *version;
	uint32_t name; /* index into problem.names */
	uint32_t vrank; /* place of its version among its name's, 0 the lowest */
	uint32_t place; /* in its name's list: 0 is the best */
	bool virtual;
	struct need *needs;
	uint32_t n_needs;
	struct need *constrains;
	uint32_t n_constrains;
	bool dead; /* cannot be in any solution: set by reduce */
};

struct name {
	const char *text;
	uint32_t *candidates; /* indexes into problem.candidates, best first */
	uint32_t n;
	const struct version **versions; /* each once, by vrank */
	uint32_t n_versions;
	uint32_t n_excluded[5]; /* by enum excluded */
	uint32_t lost_rank; /* EXCLUDED_CHANNEL: rank of the channel that was taken instead */
};

struct spec {
	const char *text;
	const struct matchspec *m;
	uint32_t name; /* index into problem.names; NONE: not one literal name, or nobody has it */
	uint32_t *providers; /* indexes into problem.candidates, by name, then in their name's order */
	uint32_t n_providers;
	bool listed; /* providers is filled */
	bool measured; /* reach is known (solver/rank.c) */
	int64_t reach;
};

struct problem {
	const struct solve *q;
	struct arena arena;
	struct candidate *candidates;
	uint32_t n_candidates;
	struct name *names;
	uint32_t n_names;
	struct map name_map;
	struct spec *specs; /* grows: keep indexes, not pointers */
	uint32_t n_specs, cap_specs;
	struct map spec_map;
	struct memo known_specs; /* by the address of their text, which an index has once: to specs */
	struct memo known_versions; /* likewise, to versions */
	const struct version **versions;
	uint32_t n_versions;
	uint32_t *roots; /* specs of the request, by name, each once */
	uint32_t n_roots;
	uint32_t *pins;
	uint32_t n_pins;
	uint64_t work; /* steps that may still be taken, by whatever takes many */
	uint64_t listed; /* candidates that were held against specs */
	uint64_t n_providers; /* of all specs */
	bool too_large; /* some providers are missing for that: no answer can be trusted */
};

/* Take n steps. False where there are no more. */
static inline bool problem_spend(struct problem *p, uint64_t n)
{
	p->work -= n < p->work ? n : p->work;
	return p->work > 0;
}

/* How many steps a question may take in all. */
uint64_t problem_work_max(const struct solve *q);

/* ERR_FORMAT where a spec of the request cannot be read. p is to be released in any case. */
int problem_init(struct problem *p, const struct solve *q, struct err *err);
void problem_release(struct problem *p);

/* The spec of this text, parsed once. NONE with err filled where it cannot be read. */
uint32_t problem_spec(struct problem *p, const char *text, struct err *err);

/* The spec of a parsed MatchSpec (the inside of a "when"). */
uint32_t problem_spec_of(struct problem *p, const struct matchspec *m);

/* The spec with its providers listed. The pointer is good until the next problem_spec*(). */
const struct spec *problem_providers(struct problem *p, uint32_t spec);

/* Whether candidate c meets the spec. */
bool problem_meets(struct problem *p, uint32_t spec, uint32_t c);

/* Make every name's list, by version alone, and set vrank (solver/rank.c). */
void rank_versions(struct problem *p);

/* Put every name's list (and the providers listed so far) into the order of preference, best first. */
void rank_candidates(struct problem *p);

/* Mark candidates dead that can be in no solution (solver/reduce.c): as many as half of the steps that are
 * left find out. False where that leaves a requested name empty. */
bool reduce_candidates(struct problem *p);

/* Whether names that every solution has are more than they have versions to share (solver/distinct.c). */
bool distinct_fails(struct problem *p, const bool *settled);

/*
 * Search an answer (solver/encode.c). SEARCH_FOUND: *ret (a flag for each candidate, in p's arena) marks the
 * chosen; ret may be NULL. Takes its steps from p->work.
 */
enum search_result encode_solve(struct problem *p, bool **ret);

#endif
