#include "conda/lock.h"

#include <string.h>

#include "base/str.h"
#include "conda/matchspec.h"

/*
 * Components of packages that need each other (nearly all of one package) come
 * in an order in which dependencies stand first; of those that could come next
 * the one with the smallest name does. Inside a component of several the same is
 * done again, without the edges that give way.
 *
 * Nothing here recurses: a lock may have a chain of as many packages as it likes.
 */
struct graph {
	const struct record *records; /* sorted, so that numbers compare as names do */
	size_t n;
	size_t *first; /* edges of i: to[first[i]] .. to[first[i + 1]] */
	size_t *to; /* what i depends on */
	size_t *comp; /* the component of i */
	size_t n_comps;
};

#define NONE ((size_t)-1)

static int by_record(const void *a, const void *b)
{
	return record_cmp(a, b);
}

static size_t find_name(const struct graph *g, struct str name)
{
	size_t lo = 0, hi = g->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strncmp(g->records[mid].name, name.p, name.n);

		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* Longer names with this front come after the name itself. */
	return lo < g->n && str_eq(name, g->records[lo].name) ? lo : NONE;
}

static void add_edges(struct graph *g)
{
	size_t n = 0;

	g->first = mem_array(g->n + 1, sizeof(*g->first));
	for (size_t i = 0; i < g->n; i++) {
		g->first[i] = n;
		for (const char *const *d = g->records[i].depends; d && *d; d++) {
			size_t to = find_name(g, matchspec_name_of(*d));

			if (to == NONE || to == i)
				continue;
			mem_grow(g->to, n);
			g->to[n++] = to;
		}
	}
	g->first[g->n] = n;
}

/* Tarjan's strongly connected components, with the calls on a stack of our own. */
static void find_components(struct graph *g)
{
	auto_free size_t *index = mem_array(g->n, sizeof(*index)), *low = mem_array(g->n, sizeof(*low));
	auto_free size_t *edge = mem_array(g->n, sizeof(*edge)), *calls = mem_array(g->n, sizeof(*calls));
	auto_free size_t *open = mem_array(g->n, sizeof(*open));
	size_t n_calls = 0, n_open = 0, next = 0;

	g->comp = mem_array(g->n, sizeof(*g->comp));
	for (size_t i = 0; i < g->n; i++)
		g->comp[i] = NONE;
	for (size_t root = 0; root < g->n; root++) {
		if (index[root])
			continue;
		calls[n_calls++] = root;
		while (n_calls) {
			size_t v = calls[n_calls - 1];

			if (!index[v]) {
				index[v] = low[v] = ++next;
				edge[v] = g->first[v];
				open[n_open++] = v;
			}
			if (edge[v] < g->first[v + 1]) {
				size_t w = g->to[edge[v]];

				if (!index[w])
					calls[n_calls++] = w; /* the edge is looked at once more on return */
				else
					edge[v]++;
				if (index[w] && g->comp[w] == NONE && low[w] < low[v])
					low[v] = low[w];
				continue;
			}
			n_calls--;
			if (low[v] != index[v])
				continue;
			do
				g->comp[open[--n_open]] = g->n_comps;
			while (open[n_open] != v);
			g->n_comps++;
		}
	}
}

/* ---- a heap of numbers, smallest first ---- */

struct heap {
	size_t *v;
	size_t n;
};

static void heap_push(struct heap *h, size_t x)
{
	size_t i = h->n++;

	for (; i && h->v[(i - 1) / 2] > x; i = (i - 1) / 2)
		h->v[i] = h->v[(i - 1) / 2];
	h->v[i] = x;
}

static size_t heap_pop(struct heap *h)
{
	size_t ret = h->v[0], x = h->v[--h->n], i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child + 1 < h->n && h->v[child + 1] < h->v[child])
			child++;
		if (child >= h->n || h->v[child] >= x)
			break;
		h->v[i] = h->v[child];
		i = child;
	}
	h->v[i] = x;
	return ret;
}

/* ---- order ---- */

struct sorter {
	struct graph *g;
	size_t *unmet; /* of i: dependencies not yet placed, of the kind that is counted now */
	size_t *back_first, *back; /* who depends on i: back[back_first[i]] .. */
	bool *placed;
	size_t *out;
	size_t n_out;
};

static void add_back_edges(struct sorter *s)
{
	struct graph *g = s->g;
	size_t edges = g->first[g->n];
	auto_free size_t *at = mem_array(g->n + 1, sizeof(*at));

	s->back_first = mem_array(g->n + 2, sizeof(*s->back_first));
	s->back = mem_array(edges, sizeof(*s->back));
	for (size_t e = 0; e < edges; e++)
		s->back_first[g->to[e] + 1]++;
	for (size_t i = 0; i < g->n; i++)
		s->back_first[i + 1] += s->back_first[i];
	memcpy(at, s->back_first, g->n * sizeof(*at));
	for (size_t i = 0; i < g->n; i++)
		for (size_t e = g->first[i]; e < g->first[i + 1]; e++)
			s->back[at[g->to[e]]++] = i;
}

/* An edge inside a component that gives way: python's to pip, which is noarch and cannot be without its python. */
static bool gives_way(const struct graph *g, size_t from, size_t to)
{
	return g->records[from].noarch == NOARCH_NO && g->records[to].noarch != NOARCH_NO;
}

static void place(struct sorter *s, size_t i)
{
	s->placed[i] = true;
	s->out[s->n_out++] = i;
}

/* All members (ascending) of one component. */
static void place_component(struct sorter *s, const size_t *members, size_t n)
{
	const struct graph *g = s->g;
	auto_free size_t *room = mem_array(n, sizeof(*room));
	struct heap ready = { room, 0 };
	size_t comp = g->comp[members[0]], smallest = 0;

	for (size_t k = 0; k < n; k++) {
		size_t i = members[k];

		s->unmet[i] = 0;
		for (size_t e = g->first[i]; e < g->first[i + 1]; e++)
			s->unmet[i] += g->comp[g->to[e]] == comp && !gives_way(g, i, g->to[e]);
		if (!s->unmet[i])
			heap_push(&ready, i);
	}
	for (size_t left = n; left; left--) {
		size_t i;

		while (smallest < n && s->placed[members[smallest]])
			smallest++;
		i = ready.n ? heap_pop(&ready) : members[smallest];
		place(s, i);
		for (size_t e = s->back_first[i]; e < s->back_first[i + 1]; e++) {
			size_t user = s->back[e];

			if (g->comp[user] != comp || s->placed[user] || gives_way(g, user, i))
				continue;
			if (--s->unmet[user] == 0)
				heap_push(&ready, user);
		}
	}
}

struct component {
	size_t first, n; /* of members */
	size_t unmet; /* edges to packages outside that are not yet placed */
};

/* Components by their smallest member; their members side by side, ascending. */
static void gather(const struct graph *g, struct component *comps, size_t *members)
{
	auto_free size_t *at = mem_array(g->n_comps + 1, sizeof(*at));
	size_t sum = 0;

	for (size_t i = 0; i < g->n; i++)
		comps[g->comp[i]].n++;
	for (size_t c = 0; c < g->n_comps; c++) {
		comps[c].first = at[c] = sum;
		sum += comps[c].n;
	}
	for (size_t i = 0; i < g->n; i++)
		members[at[g->comp[i]]++] = i;
	for (size_t i = 0; i < g->n; i++)
		for (size_t e = g->first[i]; e < g->first[i + 1]; e++)
			comps[g->comp[i]].unmet += g->comp[g->to[e]] != g->comp[i];
}

static void place_all(struct sorter *s)
{
	struct graph *g = s->g;
	auto_free struct component *comps = mem_array(g->n_comps, sizeof(*comps));
	auto_free size_t *members = mem_array(g->n, sizeof(*members)), *room = mem_array(g->n_comps, sizeof(*room));
	struct heap ready = { room, 0 }; /* of smallest members: they stand for their components */

	gather(g, comps, members);
	for (size_t c = 0; c < g->n_comps; c++)
		if (!comps[c].unmet)
			heap_push(&ready, members[comps[c].first]);
	while (ready.n) {
		struct component *c = &comps[g->comp[heap_pop(&ready)]];

		place_component(s, members + c->first, c->n);
		for (size_t k = 0; k < c->n; k++) {
			size_t i = members[c->first + k];

			for (size_t e = s->back_first[i]; e < s->back_first[i + 1]; e++) {
				struct component *user = &comps[g->comp[s->back[e]]];

				if (user != c && --user->unmet == 0)
					heap_push(&ready, members[user->first]);
			}
		}
	}
}

void lock_order(struct record *records, size_t n)
{
	struct graph g = { .records = records, .n = n };
	struct sorter s = { .g = &g };
	auto_free struct record *copy = NULL;

	if (n < 2)
		return;
	qsort(records, n, sizeof(*records), by_record);
	add_edges(&g);
	find_components(&g);
	s.unmet = mem_array(n, sizeof(*s.unmet));
	s.placed = mem_array(n, sizeof(*s.placed));
	s.out = mem_array(n, sizeof(*s.out));
	add_back_edges(&s);
	place_all(&s);
	copy = mem_array(n, sizeof(*copy));
	memcpy(copy, records, n * sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		records[i] = copy[s.out[i]];
	free(g.first);
	free(g.to);
	free(g.comp);
	free(s.unmet);
	free(s.back_first);
	free(s.back);
	free(s.placed);
	free(s.out);
}
