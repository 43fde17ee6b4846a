/* What search.c (the search) and search_learn.c (what it learns) share. */
#ifndef SOLVER_SEARCH_IMPL_H
#define SOLVER_SEARCH_IMPL_H

#include "base/arena.h"
#include "solver/search.h"

#define NO UINT32_MAX
#define MASK_WORDS_MAX ((uint64_t)16 << 20) /* 128 MiB */

/* Why a variable has its value. */
enum reason { REASON_NONE, REASON_LITERAL, REASON_RULE, REASON_CLAUSE };

struct variable {
	int8_t value; /* 1, -1; 0: not known */
	uint8_t reason; /* enum reason */
	bool seen; /* by the analysis of a conflict */
	bool entered; /* of a candidate: the walk has gone on to what it needs */
	uint32_t level;
	uint32_t by; /* the literal that implies it; the rule; the clause */
	uint32_t group; /* of a candidate or a rule; or NO */
	uint32_t rule; /* or NO */
};

struct group {
	uint32_t first, n;
	uint64_t *alive; /* candidates that are not false */
	uint32_t chosen; /* variable, or NO */
	uint32_t *rules; /* of this group */
	uint32_t n_rules;
	bool dirty; /* lost candidates, or has a new true rule, since it was looked at */
	uint64_t activity; /* in conflicts, the late ones counting more */
};

struct rule {
	uint32_t var, group;
	uint8_t kinds;
	uint64_t *mask; /* as alive */
	uint32_t *any; /* rules, for what search_any() made (then group is NO) */
	uint32_t n_any;
};

/* In search.lits: n, LBD (0: it was given), then n literals of which the first two are watched. */
#define CLAUSE_HEAD 2

struct watch {
	uint32_t clause; /* index into search.lits */
	uint32_t next; /* index into search.watches, or NO */
};

struct pair {
	uint32_t from, to;
};

/* Lists of variables by variable: those of v are list[at[v]] .. list[at[v + 1] - 1]. */
struct lists {
	uint32_t *at, *list;
};

struct search {
	struct arena arena;
	struct variable *vars;
	uint32_t n_vars;
	struct group *groups;
	uint32_t n_groups;
	struct rule *rules;
	uint32_t n_rules;
	uint64_t n_mask_words;
	uint64_t *spare; /* stands for every mask that is too many; of spare_words */
	uint32_t spare_words;
	struct pair *pairs; /* implications, until search_run() */
	uint32_t n_pairs;
	struct lists implies, implied_by;
	uint32_t *facts;
	uint32_t n_facts;

	uint32_t *lits; /* clauses */
	uint32_t n_lits, cap_lits, n_given; /* lits before n_given were given, not learned */
	uint32_t n_learned, learned_max;
	uint32_t *first_watch; /* by literal: watched by clauses in which it is */
	struct watch *watches;
	uint32_t n_watches;

	uint32_t *trail; /* literals that are true, in the order they became so */
	uint32_t n_trail, head; /* those from head on have not been followed */
	uint32_t *open; /* rules that choose, in the order they became true */
	uint32_t n_open;
	uint32_t *walk; /* rules, breadth first from the facts through what was chosen */
	uint32_t n_walk, at; /* those before at are satisfied */
	uint32_t *entered; /* candidates */
	uint32_t n_entered;
	bool hard; /* decide upon what is contested */
	struct level *levels;
	uint32_t n_levels;
	uint32_t *dirty; /* groups */
	uint32_t n_dirty;

	uint32_t *conflict; /* true literals that cannot all be; of a conflict, then of what is learned from it */
	uint32_t n_conflict, cap_conflict;
	uint32_t *learned; /* literals of the clause that is learned */
	uint32_t n_learned_lits;
	uint32_t n_conflicts;
	bool *answer; /* by variable */
	uint64_t bump;
	uint64_t work; /* steps that were taken */
};

struct level {
	uint32_t trail, open, walk, at, entered; /* what they were before it */
};

/* Of a mask over n candidates. */
static inline uint32_t words_of(uint32_t n)
{
	return (n + 63) / 64;
}

static inline int search_value(const struct search *s, uint32_t lit)
{
	int v = s->vars[lit >> 1].value;

	return lit & 1 ? -v : v;
}

/* lit becomes true; it must not be known. */
void search_assign(struct search *s, uint32_t lit, enum reason reason, uint32_t by);

/* Everything was told: lists, room and watches. */
void search_ready(struct search *s);

/* Undo what came after so many levels. */
void search_undo(struct search *s, uint32_t levels);

/* Watch the first two literals of a clause of two or more. */
void search_watch(struct search *s, uint32_t clause);

/*
 * From the conflict: learn a clause, go back to where it says something, and say it. False where
 * there is nothing to go back to: no solution.
 */
bool search_learn(struct search *s);

/* At level 0: forget the less useful half of what was learned. */
void search_forget(struct search *s);

/* Room for one more literal in s->conflict. */
void search_blame(struct search *s, uint32_t lit);

uint32_t search_add_clause(struct search *s, const uint32_t *lits, uint32_t n, uint32_t lbd);

#endif
