#include "solver/core.h"

#include <string.h>

#define COMPARISONS_MAX 200000000u /* of needs with links: more is a channel that means harm, and goes without a why */

/* A question with some of its parts switched off, and what it was before. */
struct trial {
	struct problem *p;
	struct candidate *before; /* copies of all candidates */
	uint32_t **links_of; /* by candidate: the link of each of its needs, then of its constraints */
	struct link *links;
	uint32_t n_links;
	uint32_t *first_link; /* by name, n_names + 1 of them: its links stand together while they are collected */
	unsigned *depth; /* by name; UINT32_MAX: not reached */
	bool *link_on, *root_on, *pin_on;
	uint32_t *roots, *pins; /* all of the request */
	uint32_t n_roots, n_pins;
	unsigned deepest;
	uint64_t comparisons;
};

/* ---- links ---- */

static const char *target_text(const struct problem *p, const struct need *n)
{
	const struct spec *s = &p->specs[n->spec];

	return s->m->name ? s->m->name : s->text;
}

bool core_is_of_link(const struct problem *p, const struct link *l, const struct candidate *c, const struct need *n,
		     bool constrains)
{
	uint32_t to = p->specs[n->spec].name;

	if (l->from != c->name || l->constrains != constrains || l->to != to)
		return false;
	return to != NONE || strcmp(l->to_text, target_text(p, n)) == 0;
}

/* The link of a need, which is added where it is the first of its kind. */
static uint32_t link_of(struct trial *t, const struct candidate *c, const struct need *n, bool constrains)
{
	uint32_t first = t->first_link[c->name];

	t->comparisons += t->n_links - first;
	if (t->comparisons > COMPARISONS_MAX)
		return NONE;
	for (uint32_t i = first; i < t->n_links; i++)
		if (core_is_of_link(t->p, &t->links[i], c, n, constrains))
			return i;
	mem_grow(t->links, t->n_links);
	t->links[t->n_links] = (struct link){ .from = c->name,
					      .to = t->p->specs[n->spec].name,
					      .to_text = target_text(t->p, n),
					      .constrains = constrains,
					      .depth = t->depth[c->name] };
	return t->n_links++;
}

static void collect_links(struct trial *t, uint32_t name)
{
	const struct name *n = &t->p->names[name];

	t->first_link[name] = t->n_links;
	for (uint32_t i = 0; i < n->n; i++) {
		uint32_t id = n->candidates[i];
		const struct candidate *c = &t->p->candidates[id];

		t->links_of[id] = arena_array(&t->p->arena, c->n_needs + c->n_constrains, sizeof(uint32_t));
		for (uint32_t k = 0; k < c->n_needs; k++)
			t->links_of[id][k] = link_of(t, c, &c->needs[k], false);
		for (uint32_t k = 0; k < c->n_constrains; k++)
			t->links_of[id][c->n_needs + k] = link_of(t, c, &c->constrains[k], true);
	}
}

/* ---- how far a name is from the request ---- */

struct walk {
	uint32_t *queue;
	uint32_t n;
};

static void reach(struct trial *t, struct walk *w, uint32_t name, unsigned depth)
{
	if (name == NONE || t->depth[name] != UINT32_MAX)
		return;
	t->depth[name] = depth;
	w->queue[w->n++] = name;
	if (depth > t->deepest)
		t->deepest = depth;
}

static void reach_spec(struct trial *t, struct walk *w, uint32_t spec, unsigned depth)
{
	const struct spec *s;

	if (t->p->specs[spec].m->name) {
		reach(t, w, t->p->specs[spec].name, depth);
		return;
	}
	s = problem_providers(t->p, spec);
	for (uint32_t i = 0; i < s->n_providers; i++)
		reach(t, w, t->p->candidates[s->providers[i]].name, depth);
}

static void reach_all(struct trial *t)
{
	auto_free uint32_t *queue = mem_array(t->p->n_names, sizeof(*queue));
	struct walk w = { .queue = queue };

	for (uint32_t i = 0; i < t->n_roots; i++)
		reach_spec(t, &w, t->roots[i], 0);
	for (uint32_t i = 0; i < t->p->n_candidates; i++)
		if (t->p->candidates[i].virtual)
			reach(t, &w, t->p->candidates[i].name, 0);
	for (uint32_t at = 0; at < w.n; at++) {
		const struct name *n = &t->p->names[w.queue[at]];

		collect_links(t, w.queue[at]);
		for (uint32_t i = 0; i < n->n; i++) {
			const struct candidate *c = &t->p->candidates[n->candidates[i]];

			for (uint32_t k = 0; k < c->n_needs; k++)
				reach_spec(t, &w, c->needs[k].spec, t->depth[w.queue[at]] + 1);
		}
	}
}

/* ---- asking ---- */

static uint32_t keep_on(const uint32_t *all, const bool *on, uint32_t n, uint32_t *ret)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++)
		if (on[i])
			ret[kept++] = all[i];
	return kept;
}

static void apply_candidate(struct trial *t, uint32_t id)
{
	const struct candidate *b = &t->before[id];
	struct candidate *c = &t->p->candidates[id];

	problem_spend(t->p, 1 + b->n_needs + b->n_constrains);
	c->dead = false;
	c->n_needs = c->n_constrains = 0;
	if (!t->links_of[id])
		return;
	for (uint32_t k = 0; k < b->n_needs; k++)
		if (t->link_on[t->links_of[id][k]])
			c->needs[c->n_needs++] = b->needs[k];
	for (uint32_t k = 0; k < b->n_constrains; k++)
		if (t->link_on[t->links_of[id][b->n_needs + k]])
			c->constrains[c->n_constrains++] = b->constrains[k];
}

/* Whether what is switched on is known to have no solution. */
static bool fails(struct trial *t)
{
	/* What each question costs however little of it is left: its tables. */
	if (!problem_spend(t->p, 8 * ((uint64_t)t->p->n_candidates + t->p->n_names + t->p->n_specs)))
		return false;
	t->p->n_roots = keep_on(t->roots, t->root_on, t->n_roots, t->p->roots);
	t->p->n_pins = keep_on(t->pins, t->pin_on, t->n_pins, t->p->pins);
	for (uint32_t i = 0; i < t->p->n_candidates; i++)
		apply_candidate(t, i);
	return (!reduce_candidates(t->p) || encode_solve(t->p, NULL) == SEARCH_NONE) && !t->p->too_large;
}

/* ---- taking away ---- */

/*
 * Switch off what is not needed of n switches: all at once where that can be, else the first half before the
 * second. So what comes first goes first, and few that matter among many are found with few questions.
 */
static void minimize(struct trial *t, bool *const *switches, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		*switches[i] = false;
	if (n == 0 || fails(t))
		return;
	for (uint32_t i = 0; i < n; i++)
		*switches[i] = true;
	if (n == 1)
		return;
	minimize(t, switches, n / 2);
	minimize(t, switches + n / 2, n - n / 2);
}

static bool is_bare(const struct problem *p, uint32_t spec)
{
	const struct matchspec *m = p->specs[spec].m;

	return m->name && strcmp(m->name, p->specs[spec].text) == 0;
}

/* Specs that say no more than a name are tried first: what is left are those that can be relaxed. */
static void minimize_request(struct trial *t)
{
	auto_free bool **switches = mem_array(t->n_roots + t->n_pins, sizeof(*switches));
	uint32_t n = 0;

	for (unsigned pass = 0; pass < 2; pass++)
		for (uint32_t i = t->n_roots; i-- > 0;)
			if (is_bare(t->p, t->roots[i]) == (pass == 0))
				switches[n++] = &t->root_on[i];
	for (uint32_t i = 0; i < t->n_pins; i++)
		switches[n++] = &t->pin_on[i];
	minimize(t, switches, n);
}

struct turn {
	unsigned depth, kind;
	uint32_t link;
};

static int turn_cmp(const void *x, const void *y)
{
	const struct turn *a = x, *b = y;

	if (a->depth != b->depth)
		return a->depth > b->depth ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return a->link > b->link ? -1 : a->link < b->link;
}

/* The deepest are tried first, then those that do not meet what is asked: a clash with that is the easiest to see. */
static void minimize_links(struct trial *t)
{
	auto_free bool **switches = mem_array(t->n_links, sizeof(*switches));
	auto_free struct turn *turns = mem_array(t->n_links, sizeof(*turns));
	auto_free bool *asked = mem_array((size_t)t->p->n_names + 1, sizeof(*asked));
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->n_roots; i++)
		if (t->root_on[i] && t->p->specs[t->roots[i]].name != NONE)
			asked[t->p->specs[t->roots[i]].name] = true;
	for (uint32_t i = 0; i < t->n_links; i++) {
		const struct link *l = &t->links[i];
		bool of_request = l->to != NONE && asked[l->to];

		if (t->link_on[i])
			turns[n++] = (struct turn){ l->depth, (of_request ? 2 : 0) + (l->constrains ? 0 : 1), i };
	}
	qsort(turns, n, sizeof(*turns), turn_cmp);
	for (uint32_t i = 0; i < n; i++)
		switches[i] = &t->link_on[turns[i].link];
	minimize(t, switches, n);
}

static bool fails_within(struct trial *t, unsigned depth)
{
	for (uint32_t i = 0; i < t->n_links; i++)
		t->link_on[i] = t->links[i].depth < depth;
	return fails(t);
}

/*
 * Switch on the links of the first few steps, as few as leave no solution. What has none within some steps has none within
 * more, so the number is found by doubling, then by halving.
 */
static bool find_depth(struct trial *t)
{
	unsigned most = t->deepest + 1, low = 0, high = 0;

	while (!fails_within(t, high)) {
		if (high == most || !t->p->work)
			return false;
		low = high + 1;
		high = high < most / 2 ? 2 * high + 1 : most;
	}
	while (low < high) {
		unsigned mid = low + (high - low) / 2;

		if (fails_within(t, mid))
			high = mid;
		else
			low = mid + 1;
	}
	for (uint32_t i = 0; i < t->n_links; i++)
		t->link_on[i] = t->links[i].depth < high;
	return true;
}

/* ---- all ---- */

static int link_cmp(const void *x, const void *y, void *arg)
{
	const struct link *a = x, *b = y;
	const struct problem *p = arg;
	int c = a->depth < b->depth ? -1 : a->depth > b->depth;

	if (!c)
		c = strcmp(p->names[a->from].text, p->names[b->from].text);
	if (!c)
		c = (int)a->constrains - (int)b->constrains;
	return c ? c : strcmp(a->to_text, b->to_text);
}

static void keep_links(const struct trial *t, struct core *ret)
{
	ret->links = arena_array(&t->p->arena, t->n_links, sizeof(*ret->links));
	for (uint32_t i = 0; i < t->n_links; i++)
		if (t->link_on[i])
			ret->links[ret->n_links++] = t->links[i];
	qsort_r(ret->links, ret->n_links, sizeof(*ret->links), link_cmp, t->p);
}

static void trial_init(struct trial *t, struct problem *p)
{
	struct arena *a = &p->arena;

	*t = (struct trial){ .p = p, .n_roots = p->n_roots, .n_pins = p->n_pins };
	t->before = mem_array(p->n_candidates, sizeof(*t->before));
	t->links_of = mem_array(p->n_candidates, sizeof(*t->links_of));
	t->first_link = mem_array(p->n_names, sizeof(*t->first_link));
	t->depth = mem_array(p->n_names, sizeof(*t->depth));
	memset(t->depth, 0xff, p->n_names * sizeof(*t->depth));
	t->roots = arena_dup(a, p->roots, p->n_roots * sizeof(*p->roots));
	t->pins = arena_dup(a, p->pins, p->n_pins * sizeof(*p->pins));
	t->root_on = arena_array(a, p->n_roots, sizeof(bool));
	t->pin_on = arena_array(a, p->n_pins, sizeof(bool));
	memset(t->root_on, true, p->n_roots);
	memset(t->pin_on, true, p->n_pins);
	reach_all(t);
	t->link_on = arena_array(a, t->n_links, sizeof(bool));
	for (uint32_t i = 0; i < p->n_candidates; i++) {
		struct candidate *c = &p->candidates[i];

		t->before[i] = *c;
		c->needs = arena_array(a, c->n_needs, sizeof(*c->needs));
		c->constrains = arena_array(a, c->n_constrains, sizeof(*c->constrains));
	}
}

static void trial_release(struct trial *t)
{
	struct problem *p = t->p;

	for (uint32_t i = 0; i < p->n_candidates; i++) {
		p->candidates[i] = t->before[i];
		p->candidates[i].dead = false;
	}
	memcpy(p->roots, t->roots, t->n_roots * sizeof(*p->roots));
	memcpy(p->pins, t->pins, t->n_pins * sizeof(*p->pins));
	p->n_roots = t->n_roots;
	p->n_pins = t->n_pins;
	free(t->before);
	free(t->links_of);
	free(t->first_link);
	free(t->depth);
	free(t->links);
}

bool core_find(struct problem *p, struct core *ret)
{
	struct trial t;
	bool found;

	*ret = (struct core){ 0 };
	trial_init(&t, p);
	found = t.comparisons <= COMPARISONS_MAX && find_depth(&t);
	if (found) {
		minimize_request(&t);
		minimize_links(&t);
		ret->roots = arena_array(&p->arena, t.n_roots, sizeof(*ret->roots));
		ret->pins = arena_array(&p->arena, t.n_pins, sizeof(*ret->pins));
		ret->n_roots = keep_on(t.roots, t.root_on, t.n_roots, ret->roots);
		ret->n_pins = keep_on(t.pins, t.pin_on, t.n_pins, ret->pins);
		keep_links(&t, ret);
	}
	trial_release(&t);
	return found;
}
