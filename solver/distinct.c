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

#define NEEDS_MAX 256 /* of a candidate, and as many constraints: names that have one with more are not looked at */
#define NAMES_MAX 4096 /* that differ from some other; more are not looked at */

struct pair {
	uint32_t x, y; /* names */
};

struct counter {
	struct problem *p;
	uint64_t floor; /* steps that are left to others */
	struct pair *pairs; /* that can have no version in common */
	uint32_t n_pairs;
	uint32_t *names; /* that are in some pair */
	uint32_t n;
	uint64_t *differs; /* n rows of n bits: the pairs */
	uint32_t words; /* in a row */
};

static bool has_time(const struct counter *c)
{
	return c->p->work > c->floor;
}

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

/* ---- which pairs are looked at ---- */

struct asked {
	const struct need *needs[2];
	uint32_t n[2];
};

/* What the first living candidate of a name needs and refuses; nothing where it is more than is looked at. */
static struct asked asked_by(const struct problem *p, const struct name *x)
{
	struct asked ret = { .n = { 0 } };

	for (uint32_t k = 0; k < x->n; k++) {
		const struct candidate *c = &p->candidates[x->candidates[k]];

		if (c->dead)
			continue;
		if (c->n_needs <= NEEDS_MAX && c->n_constrains <= NEEDS_MAX)
			ret = (struct asked){ { c->needs, c->constrains }, { c->n_needs, c->n_constrains } };
		break;
	}
	return ret;
}

static bool asks_for(struct problem *p, uint32_t x, uint32_t y)
{
	struct asked a = asked_by(p, &p->names[x]);

	problem_spend(p, 1 + a.n[0] + a.n[1]);
	for (unsigned kind = 0; kind < 2; kind++)
		for (uint32_t i = 0; i < a.n[kind]; i++)
			if (p->specs[a.needs[kind][i].spec].name == y)
				return true;
	return false;
}

/* A pair that cannot differ is mostly seen at once: what needs another hardly ever refuses its own version. */
static void compare(struct counter *c, const bool *small, uint32_t x)
{
	struct problem *p = c->p;
	struct asked a = asked_by(p, &p->names[x]);

	for (unsigned kind = 0; kind < 2; kind++)
		for (uint32_t i = 0; i < a.n[kind] && has_time(c); i++) {
			uint32_t y = p->specs[a.needs[kind][i].spec].name;

			/* Where both ask, the first of them is the one who looks. */
			if (y == NONE || y == x || !small[y] || (y < x && asks_for(p, y, x)) ||
			    !differ(p, &p->names[x], &p->names[y]))
				continue;
			mem_grow(c->pairs, c->n_pairs);
			c->pairs[c->n_pairs++] = (struct pair){ x, y };
		}
}

/* The names that are in some pair, and who of them differs from whom. */
static void tabulate(struct counter *c)
{
	auto_free uint32_t *place = mem_array(c->p->n_names, sizeof(*place));

	memset(place, 0xff, c->p->n_names * sizeof(*place));
	c->names = mem_array(2 * (size_t)c->n_pairs, sizeof(*c->names));
	for (uint32_t i = 0; i < c->n_pairs; i++) {
		const uint32_t both[] = { c->pairs[i].x, c->pairs[i].y };

		for (unsigned k = 0; k < 2; k++)
			if (place[both[k]] == NONE && c->n < NAMES_MAX) {
				place[both[k]] = c->n;
				c->names[c->n++] = both[k];
			}
	}
	c->words = (c->n + 63) / 64;
	c->differs = mem_array((size_t)c->n * c->words, sizeof(*c->differs));
	for (uint32_t i = 0; i < c->n_pairs; i++) {
		uint32_t x = place[c->pairs[i].x], y = place[c->pairs[i].y];

		if (x == NONE || y == NONE)
			continue;
		c->differs[(size_t)x * c->words + y / 64] |= (uint64_t)1 << y % 64;
		c->differs[(size_t)y * c->words + x / 64] |= (uint64_t)1 << x % 64;
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

static void counter_release(struct counter *c)
{
	free(c->pairs);
	free(c->names);
	free(c->differs);
}

bool distinct_fails(struct problem *p, const bool *settled)
{
	CLEANUP(counter_release) struct counter c = { .p = p, .floor = p->work - p->work / 4 };
	auto_free bool *small = mem_array(p->n_names, sizeof(*small));

	for (uint32_t i = 0; i < p->n_names; i++)
		small[i] = settled[i] && is_small(p, &p->names[i]);
	for (uint32_t i = 0; i < p->n_names && has_time(&c); i++)
		if (small[i])
			compare(&c, small, i);
	tabulate(&c);
	for (uint32_t i = 0; i < c.n && has_time(&c); i++)
		if (too_many(&c, i))
			return true;
	return false;
}
