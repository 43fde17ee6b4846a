/* Variables, groups, rules and clauses, until search_run(). */
#include <stdlib.h>
#include <string.h>

#include "solver/search_impl.h"

#define LEARNED_MAX 4096 /* clauses that are kept, at first */

/* ---- making ---- */

struct search *search_new(void)
{
	struct search *s = NEW(struct search);

	s->bump = 1;
	s->learned_max = LEARNED_MAX;
	return s;
}

static void lists_release(struct lists *l)
{
	free(l->at);
	free(l->list);
}

void search_free(struct search *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->n_groups; i++)
		free(s->groups[i].rules);
	free(s->vars);
	free(s->groups);
	free(s->rules);
	free(s->pairs);
	lists_release(&s->implies);
	lists_release(&s->implied_by);
	free(s->facts);
	free(s->lits);
	free(s->first_watch);
	free(s->watches);
	free(s->trail);
	free(s->open);
	free(s->walk);
	free(s->entered);
	free(s->answer);
	free(s->levels);
	free(s->dirty);
	free(s->conflict);
	free(s->learned);
	arena_release(&s->arena);
	free(s);
}

uint32_t search_var(struct search *s)
{
	mem_grow(s->vars, s->n_vars);
	s->vars[s->n_vars] = (struct variable){ .group = NO, .rule = NO };
	return s->n_vars++;
}

uint32_t search_group(struct search *s, uint32_t n)
{
	struct group g = { .first = s->n_vars, .n = n, .chosen = NO };

	g.alive = arena_array(&s->arena, words_of(n), sizeof(*g.alive));
	for (uint32_t i = 0; i < n; i++) {
		uint32_t v = search_var(s); /* moves vars */

		g.alive[i / 64] |= (uint64_t)1 << i % 64;
		s->vars[v].group = s->n_groups;
	}
	mem_grow(s->groups, s->n_groups);
	s->groups[s->n_groups++] = g;
	return g.first;
}

static uint32_t add_rule(struct search *s, struct rule r)
{
	r.var = search_var(s);
	s->vars[r.var].group = r.group;
	s->vars[r.var].rule = s->n_rules;
	mem_grow(s->rules, s->n_rules);
	s->rules[s->n_rules++] = r;
	return r.var;
}

/* More than there may be share one; search_run() then gives up at once. */
static uint64_t *new_mask(struct search *s, uint32_t words)
{
	s->n_mask_words += words;
	if (s->n_mask_words <= MASK_WORDS_MAX)
		return arena_array(&s->arena, words, sizeof(uint64_t));
	if (words > s->spare_words) {
		s->spare_words = 2 * words;
		s->spare = arena_array(&s->arena, s->spare_words, sizeof(uint64_t));
	}
	return s->spare;
}

uint32_t search_rule(struct search *s, uint32_t first, unsigned kinds, uint64_t **mask)
{
	struct rule r = { .group = s->vars[first].group, .kinds = (uint8_t)kinds };
	struct group *g = &s->groups[r.group];

	*mask = r.mask = new_mask(s, words_of(g->n));
	mem_grow(g->rules, g->n_rules);
	g->rules[g->n_rules++] = s->n_rules;
	return add_rule(s, r);
}

uint32_t search_any(struct search *s, const uint32_t *rules, uint32_t n)
{
	struct rule r = { .group = NO, .kinds = RULE_CHOOSES, .n_any = n };
	auto_free uint32_t *lits = mem_array((size_t)n + 1, sizeof(*lits));
	uint32_t var;

	r.any = arena_array(&s->arena, n, sizeof(*r.any));
	for (uint32_t i = 0; i < n; i++) {
		r.any[i] = s->vars[rules[i]].rule;
		lits[i] = SEARCH_POS(rules[i]);
	}
	var = add_rule(s, r);
	lits[n] = SEARCH_NOT(var);
	search_clause(s, lits, n + 1);
	return var;
}

void search_imply(struct search *s, uint32_t from, uint32_t to)
{
	mem_grow(s->pairs, s->n_pairs);
	s->pairs[s->n_pairs++] = (struct pair){ from, to };
}

uint32_t search_add_clause(struct search *s, const uint32_t *lits, uint32_t n, uint32_t lbd)
{
	uint32_t at = s->n_lits;

	if (s->n_lits + n + CLAUSE_HEAD > s->cap_lits) {
		s->cap_lits = 2 * (s->n_lits + n + CLAUSE_HEAD);
		s->lits = mem_resize(s->lits, s->cap_lits, sizeof(*s->lits));
	}
	s->lits[at] = n;
	s->lits[at + 1] = lbd;
	memcpy(s->lits + at + CLAUSE_HEAD, lits, n * sizeof(*lits));
	s->n_lits += n + CLAUSE_HEAD;
	return at;
}

void search_clause(struct search *s, const uint32_t *lits, uint32_t n)
{
	search_add_clause(s, lits, n, 0);
}

void search_fact(struct search *s, uint32_t var)
{
	mem_grow(s->facts, s->n_facts);
	s->facts[s->n_facts++] = var;
}

/* ---- making ready ---- */

static void sort_pairs(struct search *s, struct lists *l, bool backwards)
{
	l->at = mem_array((size_t)s->n_vars + 2, sizeof(*l->at));
	l->list = mem_array(s->n_pairs, sizeof(*l->list));
	for (uint32_t i = 0; i < s->n_pairs; i++)
		l->at[(backwards ? s->pairs[i].to : s->pairs[i].from) + 2]++;
	for (uint32_t v = 2; v < s->n_vars + 2; v++)
		l->at[v] += l->at[v - 1];
	for (uint32_t i = 0; i < s->n_pairs; i++) {
		const struct pair *p = &s->pairs[i];

		l->list[l->at[(backwards ? p->to : p->from) + 1]++] = backwards ? p->from : p->to;
	}
}

void search_watch(struct search *s, uint32_t clause)
{
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t lit = s->lits[clause + CLAUSE_HEAD + i];

		mem_grow(s->watches, s->n_watches);
		s->watches[s->n_watches] = (struct watch){ clause, s->first_watch[lit] };
		s->first_watch[lit] = s->n_watches++;
	}
}

void search_ready(struct search *s)
{
	sort_pairs(s, &s->implies, false);
	sort_pairs(s, &s->implied_by, true);
	free(TAKE(s->pairs));
	s->trail = mem_array(s->n_vars, sizeof(*s->trail));
	s->open = mem_array(s->n_rules, sizeof(*s->open));
	s->dirty = mem_array(s->n_groups, sizeof(*s->dirty));
	s->entered = mem_array(s->n_vars, sizeof(*s->entered));
	s->levels = mem_array((size_t)s->n_vars + 1, sizeof(*s->levels));
	s->learned = mem_array((size_t)s->n_vars + 1, sizeof(*s->learned));
	s->first_watch = mem_array(2 * (size_t)s->n_vars, sizeof(*s->first_watch));
	memset(s->first_watch, 0xff, 2 * (size_t)s->n_vars * sizeof(*s->first_watch));
	s->n_given = s->n_lits;
	for (uint32_t at = 0; at < s->n_given; at += s->lits[at] + CLAUSE_HEAD)
		if (s->lits[at] > 1)
			search_watch(s, at);
}
