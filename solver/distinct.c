/*
 * Counting, which a search cannot do: names that must all be there and may have no version in
 * common need as many versions as there are names.
 *
 * Ten names of nine versions each, every two of which refuse each other's version, cost a search
 * by clauses a step for each of 9! ways to fail (pigeons and holes; Haken 1985). Seen as a whole it is one look. Any
 * grouping of candidates would do in place of the version, as it is checked that no two of one kind go together.
 */
#include <string.h>

#include "solver/problem.h"

#define VERSIONS_MAX 64 /* of one name: those with more are not looked at */

struct counter {
	struct problem *p;
	uint32_t *names; /* that are looked at */
	uint32_t n;
	uint64_t *differs; /* n rows of n bits: no version in common */
	uint32_t words; /* in a row */
};

static bool is_alive(const struct problem *p, uint32_t c)
{
	return !p->candidates[c].dead;
}

static const char *version_of(const struct problem *p, uint32_t c)
{
	return p->candidates[c].record->version;
}

/* Whether a says, without condition, that b cannot be beside it. */
static bool refuses(struct problem *p, uint32_t a, uint32_t b)
{
	const struct candidate *c = &p->candidates[a];

	problem_spend(p, 1 + c->n_needs + c->n_constrains);
	for (uint32_t i = 0; i < c->n_needs; i++)
		if (!c->needs[i].when && !c->needs[i].extra &&
		    p->specs[c->needs[i].spec].name == p->candidates[b].name && !problem_meets(p, c->needs[i].spec, b))
			return true;
	for (uint32_t i = 0; i < c->n_constrains; i++)
		if (!c->constrains[i].when && p->specs[c->constrains[i].spec].name == p->candidates[b].name &&
		    !problem_meets(p, c->constrains[i].spec, b))
			return true;
	return false;
}

/* No two candidates of one version go together, and there are two of one version. */
static bool differ(struct problem *p, const struct name *x, const struct name *y)
{
	bool some = false;

	for (uint32_t i = 0; i < x->n; i++) {
		uint32_t a = x->candidates[i];

		for (uint32_t k = 0; is_alive(p, a) && k < y->n; k++) {
			uint32_t b = y->candidates[k];

			if (!is_alive(p, b) || strcmp(version_of(p, a), version_of(p, b)) != 0)
				continue;
			if (!p->work || (!refuses(p, a, b) && !refuses(p, b, a)))
				return false;
			some = true;
		}
	}
	return some;
}

/* A pair that cannot differ is mostly seen at once: what needs another hardly ever refuses its own version. */
static void compare_needs(struct counter *c, const uint32_t *place, uint32_t i)
{
	const struct name *x = &c->p->names[c->names[i]];
	const struct candidate *first = NULL;

	for (uint32_t k = 0; k < x->n && !first; k++)
		if (is_alive(c->p, x->candidates[k]))
			first = &c->p->candidates[x->candidates[k]];
	for (uint32_t k = 0; first && k < first->n_needs; k++) {
		uint32_t name = c->p->specs[first->needs[k].spec].name, j = name == NONE ? NONE : place[name];

		if (j == NONE || j == i || c->differs[(size_t)i * c->words + j / 64] >> j % 64 & 1 ||
		    !differ(c->p, x, &c->p->names[name]))
			continue;
		c->differs[(size_t)i * c->words + j / 64] |= (uint64_t)1 << j % 64;
		c->differs[(size_t)j * c->words + i / 64] |= (uint64_t)1 << i % 64;
	}
}

/* ---- counting ---- */

struct versions {
	const char *list[VERSIONS_MAX];
	uint32_t n;
};

/* How many versions a name has that are not there yet; they are put there if they may be. */
static uint32_t add_versions(const struct problem *p, const struct name *n, struct versions *v, uint32_t max)
{
	uint32_t was = v->n, added;

	for (uint32_t i = 0; i < n->n; i++) {
		uint32_t k = 0;

		if (!is_alive(p, n->candidates[i]))
			continue;
		while (k < v->n && strcmp(v->list[k], version_of(p, n->candidates[i])) != 0)
			k++;
		if (k == VERSIONS_MAX)
			return VERSIONS_MAX;
		if (k == v->n)
			v->list[v->n++] = version_of(p, n->candidates[i]);
	}
	added = v->n - was;
	if (added > max)
		v->n = was;
	return added;
}

/* Beginning with one name, take every further one that differs from all and brings at most one version. */
static bool too_many(const struct counter *c, uint32_t start)
{
	auto_free uint64_t *common = mem_array(c->words, sizeof(*common));
	struct versions v = { .n = 0 };
	uint32_t taken = 1;

	memcpy(common, c->differs + (size_t)start * c->words, c->words * sizeof(*common));
	add_versions(c->p, &c->p->names[c->names[start]], &v, VERSIONS_MAX);
	for (uint32_t j = 0; j < c->n; j++) {
		if (!(common[j / 64] >> j % 64 & 1) || !problem_spend(c->p, c->words + VERSIONS_MAX) ||
		    add_versions(c->p, &c->p->names[c->names[j]], &v, 1) > 1)
			continue;
		for (uint32_t w = 0; w < c->words; w++)
			common[w] &= c->differs[(size_t)j * c->words + w];
		if (++taken > v.n)
			return true;
	}
	return false;
}

static bool is_small(const struct problem *p, const struct name *n)
{
	uint32_t alive = 0;

	for (uint32_t i = 0; i < n->n && alive <= VERSIONS_MAX; i++)
		alive += is_alive(p, n->candidates[i]);
	return alive > 0 && alive <= VERSIONS_MAX;
}

bool distinct_fails(struct problem *p, const bool *settled)
{
	auto_free uint32_t *names = mem_array(p->n_names, sizeof(*names)), *place = NULL;
	auto_free uint64_t *differs = NULL;
	struct counter c = { .p = p, .names = names };

	place = mem_array(p->n_names, sizeof(*place));
	for (uint32_t i = 0; i < p->n_names; i++) {
		place[i] = NONE;
		if (!settled[i] || !is_small(p, &p->names[i]))
			continue;
		place[i] = c.n;
		names[c.n++] = i;
	}
	c.words = (c.n + 63) / 64;
	c.differs = differs = mem_array((size_t)c.n * c.words, sizeof(*differs));
	for (uint32_t i = 0; i < c.n; i++)
		compare_needs(&c, place, i);
	for (uint32_t i = 0; i < c.n && problem_spend(p, c.n); i++)
		if (too_many(&c, i))
			return true;
	return false;
}
