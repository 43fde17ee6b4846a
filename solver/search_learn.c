/* What a conflict teaches: the first unique implication point, as MiniSat has it. */
#include <stdlib.h>
#include <string.h>

#include "solver/search_impl.h"

#define ACTIVITY_MAX ((uint64_t)1 << 60)

/*
 * A candidate that is out because of one literal alone is told as that literal: what many
 * candidates have lost their place to is then one literal of the clause, not many.
 */
static uint32_t root_of(const struct search *s, uint32_t lit)
{
	const struct variable *v = &s->vars[lit >> 1];

	return lit & 1 && v->rule == NO && v->group != NO && v->reason == REASON_LITERAL && v->level ? v->by : lit;
}

/* The true literals that lit follows from go to the end of s->conflict. */
static void blame_reason(struct search *s, uint32_t lit)
{
	const struct variable *v = &s->vars[lit >> 1];

	if (v->reason == REASON_LITERAL) {
		search_blame(s, v->by);
	} else if (v->reason == REASON_CLAUSE) {
		for (uint32_t i = 0; i < s->lits[v->by]; i++)
			if (s->lits[v->by + CLAUSE_HEAD + i] != lit)
				search_blame(s, s->lits[v->by + CLAUSE_HEAD + i] ^ 1);
	} else if (v->reason == REASON_RULE) {
		const struct rule *r = &s->rules[v->by];
		const struct group *g = &s->groups[r->group];

		if (r->var != lit >> 1)
			search_blame(s, SEARCH_POS(r->var));
		for (uint32_t i = 0; i < g->n; i++)
			if (r->mask[i / 64] >> i % 64 & 1 && g->first + i != lit >> 1)
				search_blame(s, SEARCH_NOT(g->first + i));
	}
}

static void bump(struct search *s, uint32_t group)
{
	if (group == NO)
		return;
	s->groups[group].activity += s->bump;
	if (s->groups[group].activity < ACTIVITY_MAX)
		return;
	for (uint32_t i = 0; i < s->n_groups; i++)
		s->groups[i].activity >>= 40;
	s->bump = (s->bump >> 40) + 1;
}

/* How many of the conflict's literals are new and of this level; those of earlier levels are learned. */
static uint32_t sort_out(struct search *s, uint32_t level)
{
	uint32_t here = 0;

	for (uint32_t i = 0; i < s->n_conflict; i++) {
		uint32_t lit = root_of(s, s->conflict[i]);
		struct variable *v = &s->vars[lit >> 1];

		if (v->seen || v->level == 0)
			continue;
		v->seen = true;
		bump(s, v->group);
		if (v->level == level)
			here++;
		else
			s->learned[s->n_learned_lits++] = lit ^ 1;
	}
	s->work += s->n_conflict;
	s->n_conflict = 0;
	return here;
}

/* Whether what is learned without a literal says as much: all that it follows from is there anyway. */
static bool is_redundant(struct search *s, uint32_t lit)
{
	bool ret = s->vars[lit >> 1].reason != REASON_NONE;

	s->n_conflict = 0;
	if (ret)
		blame_reason(s, lit ^ 1);
	for (uint32_t i = 0; ret && i < s->n_conflict; i++) {
		uint32_t from = root_of(s, s->conflict[i]);

		ret = s->vars[from >> 1].seen || s->vars[from >> 1].level == 0;
	}
	s->work += s->n_conflict;
	s->n_conflict = 0;
	return ret;
}

static void drop_redundant(struct search *s)
{
	uint32_t kept = 1;
	auto_free uint32_t *all = mem_array(s->n_learned_lits, sizeof(*all));
	uint32_t n = s->n_learned_lits;

	memcpy(all, s->learned, n * sizeof(*all));
	for (uint32_t i = 1; i < n; i++)
		if (!is_redundant(s, all[i]))
			s->learned[kept++] = all[i];
	s->n_learned_lits = kept;
	for (uint32_t i = 0; i < n; i++)
		s->vars[all[i] >> 1].seen = false;
}

static uint32_t level_of(const struct search *s, uint32_t lit)
{
	return s->vars[lit >> 1].level;
}

/* The conflict's own level: it may be lower than the one we are at. */
static uint32_t conflict_level(const struct search *s)
{
	uint32_t ret = 0;

	for (uint32_t i = 0; i < s->n_conflict; i++) {
		uint32_t level = level_of(s, root_of(s, s->conflict[i]));

		ret = level > ret ? level : ret;
	}
	return ret;
}

/* s->learned is the clause, what it says first. */
static void analyze(struct search *s)
{
	uint32_t here = 0, at = s->n_trail, lit = 0;

	s->n_learned_lits = 1;
	for (;;) {
		here += sort_out(s, s->n_levels);
		do
			lit = s->trail[--at];
		while (!s->vars[lit >> 1].seen || level_of(s, lit) != s->n_levels);
		if (--here == 0)
			break;
		s->vars[lit >> 1].seen = false;
		blame_reason(s, lit);
	}
	s->learned[0] = lit ^ 1;
}

/* The latest of the others second: where it became false is where we go back to. */
static uint32_t put_latest_second(struct search *s)
{
	uint32_t latest = 1, lit;

	if (s->n_learned_lits < 2)
		return 0;
	for (uint32_t i = 2; i < s->n_learned_lits; i++)
		if (level_of(s, s->learned[i]) > level_of(s, s->learned[latest]))
			latest = i;
	lit = s->learned[latest];
	s->learned[latest] = s->learned[1];
	s->learned[1] = lit;
	return level_of(s, lit);
}

static int level_cmp(const void *x, const void *y)
{
	uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;

	return a < b ? -1 : a > b;
}

/* Literal block distance: of how many levels a clause speaks. Low is good (Audemard, Simon 2009). */
static uint32_t count_levels(const struct search *s)
{
	auto_free uint32_t *levels = mem_array(s->n_learned_lits, sizeof(*levels));
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->n_learned_lits; i++)
		levels[i] = level_of(s, s->learned[i]);
	qsort(levels, s->n_learned_lits, sizeof(*levels), level_cmp);
	for (uint32_t i = 0; i < s->n_learned_lits; i++)
		n += !i || levels[i] != levels[i - 1];
	return n;
}

bool search_learn(struct search *s)
{
	uint32_t level = conflict_level(s), back, lbd, clause;

	if (level == 0)
		return false;
	search_undo(s, level);
	analyze(s);
	drop_redundant(s);
	lbd = count_levels(s);
	back = put_latest_second(s);
	s->bump += s->bump / 16 + 1;
	search_undo(s, back);
	if (s->n_learned_lits == 1) {
		search_assign(s, s->learned[0], REASON_NONE, 0);
		return true;
	}
	clause = search_add_clause(s, s->learned, s->n_learned_lits, lbd);
	search_watch(s, clause);
	s->n_learned++;
	search_assign(s, s->learned[0], REASON_CLAUSE, clause);
	return true;
}

/* ---- forgetting ---- */

struct kept {
	uint32_t clause, lbd;
};

static int kept_cmp(const void *x, const void *y)
{
	const struct kept *a = x, *b = y;

	if (a->lbd != b->lbd)
		return a->lbd < b->lbd ? -1 : 1;
	return a->clause > b->clause ? -1 : a->clause < b->clause; /* the later one first */
}

static int clause_cmp(const void *x, const void *y)
{
	const struct kept *a = x, *b = y;

	return a->clause < b->clause ? -1 : a->clause > b->clause;
}

void search_forget(struct search *s)
{
	auto_free struct kept *all = mem_array(s->n_learned, sizeof(*all));
	uint32_t n = 0, to = s->n_given;

	for (uint32_t at = s->n_given; at < s->n_lits; at += s->lits[at] + CLAUSE_HEAD)
		all[n++] = (struct kept){ at, s->lits[at + 1] };
	qsort(all, n, sizeof(*all), kept_cmp);
	n -= n / 2;
	qsort(all, n, sizeof(*all), clause_cmp);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t size = s->lits[all[i].clause] + CLAUSE_HEAD;

		memmove(s->lits + to, s->lits + all[i].clause, size * sizeof(*s->lits));
		to += size;
	}
	s->n_lits = to;
	s->n_learned = n;
	s->n_watches = 0;
	memset(s->first_watch, 0xff, 2 * (size_t)s->n_vars * sizeof(*s->first_watch));
	for (uint32_t at = 0; at < s->n_lits; at += s->lits[at] + CLAUSE_HEAD)
		if (s->lits[at] > 1)
			search_watch(s, at);
}
