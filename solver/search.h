/*
 * The search: which of many yes-or-no questions get a yes, so that every rule holds.
 * Conflict-driven clause learning, cut to the shape of packages. Private to solver/.
 *
 *   - A group is the candidates of one name, best first: at most one of them.
 *   - A rule is a spec as a variable: when it is true, what it does not meet is out (RULE_EXCLUDES), and
 *     one of those that meet it is in (RULE_CHOOSES). Many candidates need the same spec, so they
 *     imply the same variable, and its candidates are bits beside those that are left of the group.
 *   - The rest are implications and clauses.
 *
 * Neither of the two costs a clause for each pair of candidates, however many a name has.
 *
 * The answer: walk from the facts breadth first; each rule on the way that nothing chosen yet satisfies takes its best
 * candidate with which a solution still exists; the walk goes on to what that one needs. So the answer follows from
 * the question alone: how the search found out what cannot be has no say, nor has what was taken away before
 * because it can be in no solution. What nothing asks for stays out.
 *
 * Where that takes more than HARD_AFTER conflicts, the search turns to what is contested until it has any solution,
 * and then tries the walk again with what it has learned; if that is as hard again, the solution stands. Nothing depends
 * on a clock or an address, and work is counted in steps: a question has the same answer everywhere, also
 * where that is "gave up".
 */
#ifndef SOLVER_SEARCH_H
#define SOLVER_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct search;

enum rule_kind { RULE_CHOOSES = 1, RULE_EXCLUDES = 2 };

/* A variable, or with SEARCH_NOT its contrary. */
#define SEARCH_POS(var) ((var) << 1)
#define SEARCH_NOT(var) ((var) << 1 | 1)

struct search *search_new(void);
void search_free(struct search *s);

/* A variable that nothing is known of. */
uint32_t search_var(struct search *s);

/* The first of n variables, which are a group of their own, best first. */
uint32_t search_group(struct search *s, uint32_t n);

/* A rule over the group that begins with variable first. *mask is for the caller to fill: bit i is the i-th candidate. */
uint32_t search_rule(struct search *s, uint32_t first, unsigned kinds, uint64_t **mask);

/* A variable that, when it is true, makes one of n rules true: the first that still can be. */
uint32_t search_any(struct search *s, const uint32_t *rules, uint32_t n);

/* from -> to, both as they are. */
void search_imply(struct search *s, uint32_t from, uint32_t to);

/* At least one of n literals. What is positive among them must be a rule or a plain variable. */
void search_clause(struct search *s, const uint32_t *lits, uint32_t n);

/* In every solution. Facts are decided upon in the order in which they are told. */
void search_fact(struct search *s, uint32_t var);

enum search_result { SEARCH_NONE, SEARCH_FOUND, SEARCH_GAVE_UP };

/* Once. *work is how many steps may be taken; what was not used is left in it. */
enum search_result search_run(struct search *s, uint64_t *work);

/* After SEARCH_FOUND. */
bool search_is_true(const struct search *s, uint32_t var);

uint32_t search_conflicts(const struct search *s);

#endif
