#include "solver/search_impl.h"

#include <stdlib.h>
#include <string.h>

#define HARD_AFTER 256 /* conflicts, until which decisions go by preference alone */
#define RESTART_UNIT 64 /* conflicts; times the Luby sequence */
#define LITS_MAX ((uint32_t)32 << 20) /* words of clauses: 128 MiB */

/* ---- values ---- */

static void mark_dirty(struct search *s, uint32_t group)
{
	if (s->groups[group].dirty)
		return;
	s->groups[group].dirty = true;
	s->dirty[s->n_dirty++] = group;
}

static void assign_candidate(struct search *s, uint32_t var, bool value)
{
	uint32_t group = s->vars[var].group;
	struct group *g = &s->groups[group];
	uint32_t i = var - g->first;

	if (value) {
		g->chosen = var;
		return;
	}
	g->alive[i / 64] &= ~((uint64_t)1 << i % 64);
	mark_dirty(s, group);
}

void search_assign(struct search *s, uint32_t lit, enum reason reason, uint32_t by)
{
	struct variable *v = &s->vars[lit >> 1];

	v->value = lit & 1 ? -1 : 1;
	v->reason = (uint8_t)reason;
	v->by = by;
	v->level = s->n_levels;
	s->trail[s->n_trail++] = lit;
	if (v->rule == NO && v->group != NO)
		assign_candidate(s, lit >> 1, !(lit & 1));
	else if (v->rule != NO && !(lit & 1) && s->rules[v->rule].kinds & RULE_CHOOSES)
		s->open[s->n_open++] = v->rule;
}

static void unassign(struct search *s, uint32_t lit)
{
	struct variable *v = &s->vars[lit >> 1];
	struct group *g;
	uint32_t i;

	v->value = 0;
	if (v->rule != NO || v->group == NO)
		return;
	g = &s->groups[v->group];
	i = (lit >> 1) - g->first;
	if (lit & 1)
		g->alive[i / 64] |= (uint64_t)1 << i % 64;
	else if (g->chosen == lit >> 1)
		g->chosen = NO;
}

void search_undo(struct search *s, uint32_t levels)
{
	const struct level *l = &s->levels[levels];

	if (levels >= s->n_levels)
		return;
	while (s->n_trail > l->trail)
		unassign(s, s->trail[--s->n_trail]);
	s->n_open = l->open;
	s->n_walk = l->walk;
	s->at = l->at;
	while (s->n_entered > l->entered)
		s->vars[s->entered[--s->n_entered]].entered = false;
	s->head = s->n_trail;
	s->n_levels = levels;
	while (s->n_dirty)
		s->groups[s->dirty[--s->n_dirty]].dirty = false;
}

/* ---- following ---- */

void search_blame(struct search *s, uint32_t lit)
{
	if (s->n_conflict == s->cap_conflict) {
		s->cap_conflict = s->cap_conflict ? 2 * s->cap_conflict : 256;
		s->conflict = mem_resize(s->conflict, s->cap_conflict, sizeof(*s->conflict));
	}
	s->conflict[s->n_conflict++] = lit;
}

/* lit follows from because alone. False: they cannot both be, which is the conflict. */
static bool follow_one(struct search *s, uint32_t lit, uint32_t because)
{
	int value = search_value(s, lit);

	s->work++;
	if (value > 0)
		return true;
	if (value == 0) {
		search_assign(s, lit, REASON_LITERAL, because);
		return true;
	}
	search_blame(s, because);
	search_blame(s, lit ^ 1);
	return false;
}

static bool has(const uint64_t *mask, uint32_t i)
{
	return mask[i / 64] >> i % 64 & 1;
}

/* One of its name: no other, and nothing that rules it out. */
static bool follow_candidate(struct search *s, uint32_t var)
{
	const struct group *g = &s->groups[s->vars[var].group];

	for (uint32_t v = g->first; v < g->first + g->n; v++)
		if (v != var && s->vars[v].value >= 0 && !follow_one(s, SEARCH_NOT(v), SEARCH_POS(var)))
			return false;
	for (uint32_t i = 0; i < g->n_rules; i++) {
		const struct rule *r = &s->rules[g->rules[i]];

		if (r->kinds & RULE_EXCLUDES && !has(r->mask, var - g->first) &&
		    !follow_one(s, SEARCH_NOT(r->var), SEARCH_POS(var)))
			return false;
	}
	s->work += g->n_rules;
	return true;
}

static bool follow_rule(struct search *s, const struct rule *r)
{
	const struct group *g;

	if (r->group == NO)
		return true;
	g = &s->groups[r->group];
	for (uint32_t w = 0; r->kinds & RULE_EXCLUDES && w < words_of(g->n); w++)
		for (uint64_t out = g->alive[w] & ~r->mask[w]; out; out &= out - 1) {
			uint32_t v = g->first + 64 * w + (uint32_t)__builtin_ctzll(out);

			if (!follow_one(s, SEARCH_NOT(v), SEARCH_POS(r->var)))
				return false;
		}
	s->work += words_of(g->n);
	mark_dirty(s, r->group);
	return true;
}

static bool follow_true(struct search *s, uint32_t var)
{
	const struct variable *v = &s->vars[var];

	for (uint32_t i = s->implies.at[var]; i < s->implies.at[var + 1]; i++)
		if (!follow_one(s, SEARCH_POS(s->implies.list[i]), SEARCH_POS(var)))
			return false;
	if (v->rule != NO)
		return follow_rule(s, &s->rules[v->rule]);
	return v->group == NO || follow_candidate(s, var);
}

static bool follow_false(struct search *s, uint32_t var)
{
	for (uint32_t i = s->implied_by.at[var]; i < s->implied_by.at[var + 1]; i++)
		if (!follow_one(s, SEARCH_NOT(s->implied_by.list[i]), SEARCH_NOT(var)))
			return false;
	return true;
}

/* ---- clauses ---- */

/* A clause in which the literal `gone` has become false: watch another, or it says something. True: no conflict. */
static bool follow_clause(struct search *s, uint32_t clause, uint32_t gone, bool *moved)
{
	uint32_t *c = s->lits + clause + CLAUSE_HEAD, n = s->lits[clause];

	if (c[0] == gone) {
		c[0] = c[1];
		c[1] = gone;
	}
	*moved = false;
	if (search_value(s, c[0]) > 0)
		return true;
	for (uint32_t i = 2; i < n; i++) {
		s->work++;
		if (search_value(s, c[i]) < 0)
			continue;
		c[1] = c[i];
		c[i] = gone;
		*moved = true;
		return true;
	}
	if (search_value(s, c[0]) == 0) {
		search_assign(s, c[0], REASON_CLAUSE, clause);
		return true;
	}
	for (uint32_t i = 0; i < n; i++)
		search_blame(s, c[i] ^ 1);
	return false;
}

static bool follow_watches(struct search *s, uint32_t gone)
{
	uint32_t *link = &s->first_watch[gone];

	while (*link != NO) {
		uint32_t at = *link;
		struct watch *w = &s->watches[at];
		bool moved;

		s->work++;
		if (!follow_clause(s, w->clause, gone, &moved))
			return false;
		if (moved) {
			uint32_t lit = s->lits[w->clause + CLAUSE_HEAD + 1];

			*link = w->next;
			w->next = s->first_watch[lit];
			s->first_watch[lit] = at;
		} else {
			link = &w->next;
		}
	}
	return true;
}

/* ---- groups ---- */

/* How many candidates a rule has left: 0, 1 or 2 for more; *last is one of them. */
static unsigned count_left(const struct group *g, const struct rule *r, uint32_t *last)
{
	unsigned n = 0;

	for (uint32_t w = 0; w < words_of(g->n); w++) {
		uint64_t left = g->alive[w] & r->mask[w];

		if (!left)
			continue;
		if (n++ || left & (left - 1))
			return 2;
		*last = g->first + 64 * w + (uint32_t)__builtin_ctzll(left);
	}
	return n;
}

static bool follow_left(struct search *s, const struct group *g, uint32_t rule)
{
	const struct rule *r = &s->rules[rule];
	int value = s->vars[r->var].value;
	uint32_t last = NO;
	unsigned left;

	if (!(r->kinds & RULE_CHOOSES) || value < 0)
		return true;
	left = count_left(g, r, &last);
	if (left == 1 && value > 0 && s->vars[last].value == 0)
		search_assign(s, SEARCH_POS(last), REASON_RULE, rule);
	if (left > 0)
		return true;
	if (value == 0) {
		search_assign(s, SEARCH_NOT(r->var), REASON_RULE, rule);
		return true;
	}
	search_blame(s, SEARCH_POS(r->var));
	for (uint32_t i = 0; i < g->n; i++)
		if (has(r->mask, i))
			search_blame(s, SEARCH_NOT(g->first + i));
	return false;
}

static bool follow_group(struct search *s, uint32_t group)
{
	const struct group *g = &s->groups[group];

	s->work += (uint64_t)g->n_rules * words_of(g->n);
	for (uint32_t i = 0; i < g->n_rules; i++)
		if (!follow_left(s, g, g->rules[i]))
			return false;
	return true;
}

/* All that follows from what is known. False: a conflict. */
static bool follow(struct search *s)
{
	s->n_conflict = 0;
	while (s->head < s->n_trail || s->n_dirty) {
		uint32_t lit, group;

		if (s->head < s->n_trail) {
			lit = s->trail[s->head++];
			if (!(lit & 1 ? follow_false(s, lit >> 1) : follow_true(s, lit >> 1)) ||
			    !follow_watches(s, lit ^ 1))
				return false;
			continue;
		}
		group = s->dirty[--s->n_dirty];
		s->groups[group].dirty = false;
		if (!follow_group(s, group))
			return false;
	}
	return true;
}

/* ---- deciding ---- */

static bool group_satisfies(const struct search *s, const struct rule *r)
{
	const struct group *g = &s->groups[r->group];

	return g->chosen != NO && has(r->mask, g->chosen - g->first);
}

static bool is_satisfied(const struct search *s, const struct rule *r)
{
	if (r->group != NO)
		return group_satisfies(s, r);
	for (uint32_t i = 0; i < r->n_any; i++)
		if (s->vars[s->rules[r->any[i]].var].value > 0 || group_satisfies(s, &s->rules[r->any[i]]))
			return true;
	return false;
}

/* The best that can still make a rule true. There is one: nothing more follows from what is known. */
static uint32_t best_of(const struct search *s, const struct rule *r)
{
	const struct group *g;

	for (uint32_t i = 0; i < r->n_any; i++)
		if (s->vars[s->rules[r->any[i]].var].value == 0)
			return s->rules[r->any[i]].var;
	if (r->group == NO)
		return NO;
	g = &s->groups[r->group];
	for (uint32_t w = 0; w < words_of(g->n); w++)
		if (g->alive[w] & r->mask[w])
			return g->first + 64 * w + (uint32_t)__builtin_ctzll(g->alive[w] & r->mask[w]);
	return NO;
}

static void walk_to(struct search *s, uint32_t rule)
{
	mem_grow(s->walk, s->n_walk);
	s->walk[s->n_walk++] = rule;
}

/* What the chosen candidate needs comes at the end of the walk. */
static void enter(struct search *s, const struct group *g)
{
	uint32_t var = g->chosen;

	if (var == NO || s->vars[var].entered)
		return;
	s->vars[var].entered = true;
	s->entered[s->n_entered++] = var;
	for (uint32_t i = s->implies.at[var]; i < s->implies.at[var + 1]; i++) {
		uint32_t rule = s->vars[s->implies.list[i]].rule;

		if (rule != NO && s->rules[rule].kinds & RULE_CHOOSES)
			walk_to(s, rule);
	}
}

static void step_over(struct search *s, const struct rule *r)
{
	if (r->group != NO)
		enter(s, &s->groups[r->group]);
	for (uint32_t i = 0; i < r->n_any; i++)
		if (s->vars[s->rules[r->any[i]].var].value > 0)
			walk_to(s, r->any[i]);
		else if (group_satisfies(s, &s->rules[r->any[i]]))
			enter(s, &s->groups[s->rules[r->any[i]].group]);
}

/* What no unconditional need leads to: the first rule by number that is true and not satisfied. */
static uint32_t stray_rule(const struct search *s)
{
	uint32_t ret = NO;

	for (uint32_t i = 0; i < s->n_open; i++)
		if (s->open[i] < ret && !is_satisfied(s, &s->rules[s->open[i]]))
			ret = s->open[i];
	return ret;
}

/*
 * The next rule of the walk that is not satisfied. The walk leads through what was chosen and not
 * through what is known, so its order does not depend on how much was found out.
 */
static uint32_t next_by_walk(struct search *s)
{
	for (;;) {
		for (; s->at < s->n_walk; s->at++) {
			const struct rule *r = &s->rules[s->walk[s->at]];

			s->work++;
			if (!is_satisfied(s, r))
				return s->walk[s->at];
			step_over(s, r);
		}
		if (stray_rule(s) == NO)
			return NO;
		walk_to(s, stray_rule(s));
	}
}

static uint32_t most_contested(struct search *s)
{
	uint64_t most = 0;
	uint32_t ret = NO;

	for (uint32_t i = 0; i < s->n_open; i++) {
		const struct rule *r = &s->rules[s->open[i]];
		uint64_t activity = r->group == NO ? 0 : s->groups[r->group].activity;

		s->work++;
		if ((ret != NO && activity <= most) || is_satisfied(s, r))
			continue;
		ret = s->open[i];
		most = activity;
	}
	return ret;
}

/* False where nothing is left to decide. */
static bool decide(struct search *s)
{
	struct level before = { s->n_trail, s->n_open, s->n_walk, s->at, s->n_entered };
	uint32_t rule = s->hard ? most_contested(s) : next_by_walk(s);
	uint32_t var = rule == NO ? NO : best_of(s, &s->rules[rule]);

	if (var == NO)
		return false;
	s->levels[s->n_levels++] = before;
	search_assign(s, SEARCH_POS(var), REASON_NONE, 0);
	return true;
}

/* ---- all ---- */

/* 1 1 2 1 1 2 4 1 1 2 1 1 2 4 8 ... (Luby, Sinclair, Zuckerman 1993) */
static uint32_t luby(uint32_t i)
{
	uint32_t k = 1;

	for (i++; ((uint32_t)1 << k) - 1 < i;)
		k++;
	while (((uint32_t)1 << k) - 1 != i) {
		i -= ((uint32_t)1 << (k - 1)) - 1;
		for (k = 1; ((uint32_t)1 << k) - 1 < i;)
			k++;
	}
	return (uint32_t)1 << (k - 1);
}

static bool state_facts(struct search *s)
{
	for (uint32_t i = 0; i < s->n_facts; i++) {
		int value = s->vars[s->facts[i]].value;

		if (value < 0)
			return false;
		if (value == 0)
			search_assign(s, SEARCH_POS(s->facts[i]), REASON_NONE, 0);
		if (s->vars[s->facts[i]].rule != NO && s->rules[s->vars[s->facts[i]].rule].kinds & RULE_CHOOSES)
			walk_to(s, s->vars[s->facts[i]].rule);
	}
	for (uint32_t at = 0; at < s->n_given; at += s->lits[at] + CLAUSE_HEAD) {
		uint32_t lit = s->lits[at + CLAUSE_HEAD];

		if (s->lits[at] > 1)
			continue;
		if (s->lits[at] == 0 || search_value(s, lit) < 0)
			return false;
		if (search_value(s, lit) == 0)
			search_assign(s, lit, REASON_NONE, 0);
	}
	for (uint32_t i = 0; i < s->n_groups; i++)
		mark_dirty(s, i);
	return true;
}

/* Begin again with what was learned; not before preference has had its turn. */
static void restart(struct search *s, uint32_t *restarts, uint32_t *until)
{
	if (s->n_conflicts < HARD_AFTER || (s->n_conflicts < *until && s->n_lits < LITS_MAX))
		return;
	search_undo(s, 0);
	s->hard = true;
	if (s->n_learned > s->learned_max || s->n_lits >= LITS_MAX) {
		search_forget(s);
		s->learned_max += s->learned_max / 16;
	}
	*until = s->n_conflicts + RESTART_UNIT * luby((*restarts)++);
}

static void keep_answer(struct search *s)
{
	s->answer = s->answer ? s->answer : mem_array(s->n_vars, sizeof(*s->answer));
	for (uint32_t i = 0; i < s->n_vars; i++)
		s->answer[i] = s->vars[i].value > 0;
}

/*
 * A solution that was found by what is contested shows little preference. With all that was learned
 * on the way, preference gets another turn, for as long as it is not hard again.
 */
static void polish(struct search *s, uint64_t work)
{
	uint32_t until = s->n_conflicts + HARD_AFTER;

	search_undo(s, 0);
	s->hard = false;
	while (s->n_conflicts < until && s->work <= work) {
		if (!follow(s)) {
			s->n_conflicts++;
			if (!search_learn(s))
				return;
		} else if (!decide(s)) {
			keep_answer(s);
			return;
		}
	}
}

static enum search_result run(struct search *s, uint64_t work)
{
	uint32_t restarts = 0, until = 0;

	if (!state_facts(s))
		return SEARCH_NONE;
	for (;;) {
		if (s->work > work)
			return SEARCH_GAVE_UP;
		if (!follow(s)) {
			s->n_conflicts++;
			if (!search_learn(s))
				return SEARCH_NONE;
			restart(s, &restarts, &until);
		} else if (!decide(s)) {
			break;
		}
	}
	keep_answer(s);
	if (s->hard)
		polish(s, work);
	return SEARCH_FOUND;
}

enum search_result search_run(struct search *s, uint64_t *work)
{
	enum search_result ret;

	s->work = s->n_vars + s->n_pairs + s->n_lits;
	if (s->work > *work || s->n_mask_words > MASK_WORDS_MAX)
		return SEARCH_GAVE_UP;
	search_ready(s);
	ret = run(s, *work);
	*work -= s->work < *work ? s->work : *work;
	return ret;
}

bool search_is_true(const struct search *s, uint32_t var)
{
	return s->answer && s->answer[var];
}

uint32_t search_conflicts(const struct search *s)
{
	return s->n_conflicts;
}
