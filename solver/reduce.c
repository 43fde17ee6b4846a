/*
 * Take away candidates that can be in no solution, before the search sees them.
 *
 * A name is settled when every solution has it: it is requested, or every living
 * candidate of a settled name depends on it. What all living candidates of a
 * settled name agree to refuse of another name is dead; so is a candidate with a
 * dependency that nobody living meets, or with a constraint that a settled name
 * cannot meet. To a fixpoint. All of it follows from the question, so no
 * solution is lost: tests solve every case with and without.
 */
#include <string.h>

#include "solver/problem.h"

#define ROUNDS_MAX 100 /* what is not found dead by then is left to the search */

/* What candidates of one settled name said of a name. */
struct heard {
	uint32_t round, n; /* so many of them */
	uint32_t last; /* who spoke of it last */
};

struct reducer {
	struct problem *p;
	bool *settled; /* by name */
	uint32_t *stamp; /* by candidate: the round that allowed it */
	struct heard *heard; /* by name */
	uint32_t *spec_stamp; /* by spec: the round in which it has stamped its candidates */
	uint32_t *first; /* by spec: who meets it before that is dead */
	uint32_t round;
	uint64_t work; /* steps that may still be taken: whatever is found dead until then is dead */
	bool changed;
};

static void spend(struct reducer *r, uint64_t n)
{
	r->work -= n < r->work ? n : r->work;
	problem_spend(r->p, n);
}

static bool any_alive(struct reducer *r, uint32_t spec)
{
	const struct spec *s = &r->p->specs[spec];
	uint32_t from = r->first[spec], i = from;

	if (!s->listed)
		problem_providers(r->p, spec);
	while (i < s->n_providers && r->p->candidates[s->providers[i]].dead)
		i++;
	r->first[spec] = i;
	spend(r, i - from);
	return i < s->n_providers;
}

static uint32_t count_alive(const struct problem *p, const struct name *n)
{
	uint32_t alive = 0;

	for (uint32_t i = 0; i < n->n; i++)
		alive += !p->candidates[n->candidates[i]].dead;
	return alive;
}

static void kill(struct reducer *r, uint32_t c)
{
	if (!r->p->candidates[c].dead) {
		r->p->candidates[c].dead = true;
		r->changed = true;
	}
}

/* Whether a candidate asks something that no living candidate can give. */
static bool is_hopeless(struct reducer *r, const struct candidate *c)
{
	struct problem *p = r->p;

	spend(r, 1 + c->n_needs + c->n_constrains);
	for (uint32_t i = 0; i < c->n_needs; i++)
		if (!c->needs[i].when && !c->needs[i].extra && !any_alive(r, c->needs[i].spec))
			return true;
	for (uint32_t i = 0; i < c->n_constrains; i++) {
		const struct need *n = &c->constrains[i];
		uint32_t name = p->specs[n->spec].name;

		if (!n->when && name != NONE && name != c->name && r->settled[name] && !any_alive(r, n->spec))
			return true;
	}
	return false;
}

static void kill_hopeless(struct reducer *r)
{
	for (uint32_t i = 0; r->work && i < r->p->n_candidates; i++)
		if (!r->p->candidates[i].dead && is_hopeless(r, &r->p->candidates[i]))
			kill(r, i);
}

/* Kill the candidates of a name that a spec does not meet. */
static void keep_only(struct reducer *r, uint32_t spec)
{
	struct problem *p = r->p;
	const struct spec *s = problem_providers(p, spec);
	const struct name *n = &p->names[s->name];

	r->round++;
	for (uint32_t i = 0; i < s->n_providers; i++)
		r->stamp[s->providers[i]] = r->round;
	for (uint32_t i = 0; i < n->n; i++)
		if (r->stamp[n->candidates[i]] != r->round)
			kill(r, n->candidates[i]);
}

/*
 * One candidate of a settled name: of each name that its needs (or constraints) speak of, what the first of them allows is
 * stamped, and that it was spoken of is counted.
 */
static void listen(struct reducer *r, uint32_t id, const struct need *needs, uint32_t n_needs)
{
	struct problem *p = r->p;

	spend(r, 1 + n_needs);
	for (uint32_t i = 0; i < n_needs; i++) {
		uint32_t spec = needs[i].spec, about = p->specs[spec].name;
		const struct spec *s;

		if (about == NONE || about == p->candidates[id].name || needs[i].when || needs[i].extra)
			continue;
		if (r->heard[about].round != r->round)
			r->heard[about] = (struct heard){ .round = r->round, .last = NONE };
		if (r->heard[about].last == id)
			continue;
		r->heard[about].last = id;
		r->heard[about].n++;
		if (r->spec_stamp[spec] == r->round)
			continue;
		r->spec_stamp[spec] = r->round;
		s = problem_providers(p, spec);
		spend(r, s->n_providers);
		for (uint32_t k = 0; k < s->n_providers; k++)
			r->stamp[s->providers[k]] = r->round;
	}
}

/* All living candidates of a settled name were heard on this one: nothing of it but what one of them allows. */
static void agree(struct reducer *r, uint32_t about, bool depends)
{
	const struct name *n = &r->p->names[about];

	spend(r, n->n);
	for (uint32_t i = 0; i < n->n; i++)
		if (r->stamp[n->candidates[i]] != r->round)
			kill(r, n->candidates[i]);
	if (depends && !r->settled[about]) {
		r->settled[about] = true;
		r->changed = true;
	}
}

/* What all living candidates of settled name n need (or refuse). */
static void spread_kind(struct reducer *r, const struct name *n, bool depends)
{
	struct problem *p = r->p;
	const struct candidate *first = NULL;
	uint32_t alive = 0;

	r->round++;
	for (uint32_t i = 0; i < n->n; i++) {
		const struct candidate *c = &p->candidates[n->candidates[i]];

		if (c->dead)
			continue;
		first = first ? first : c;
		alive++;
		listen(r, n->candidates[i], depends ? c->needs : c->constrains, depends ? c->n_needs : c->n_constrains);
		if (!r->work)
			return;
	}
	for (uint32_t i = 0; first && i < (depends ? first->n_needs : first->n_constrains); i++) {
		uint32_t about = p->specs[(depends ? first->needs : first->constrains)[i].spec].name;

		if (about == NONE || r->heard[about].round != r->round || r->heard[about].n != alive)
			continue;
		r->heard[about].n = 0; /* once */
		agree(r, about, depends);
	}
}

static void spread(struct reducer *r, const struct name *n)
{
	spread_kind(r, n, true);
	if (r->work)
		spread_kind(r, n, false);
}

static void settle_request(struct reducer *r)
{
	struct problem *p = r->p;

	for (uint32_t i = 0; i < p->n_roots; i++) {
		uint32_t name = p->specs[p->roots[i]].name;

		if (name == NONE || p->specs[p->roots[i]].m->when)
			continue;
		r->settled[name] = true;
		keep_only(r, p->roots[i]);
	}
	for (uint32_t i = 0; i < p->n_pins; i++)
		if (p->specs[p->pins[i]].name != NONE && !p->specs[p->pins[i]].m->when)
			keep_only(r, p->pins[i]);
	for (uint32_t i = 0; i < p->n_candidates; i++)
		if (p->candidates[i].virtual)
			r->settled[p->candidates[i].name] = true;
}

bool reduce_candidates(struct problem *p)
{
	auto_free bool *settled = mem_array(p->n_names, sizeof(*settled));
	auto_free uint32_t *stamp = mem_array(p->n_candidates, sizeof(*stamp));
	auto_free uint32_t *spec_stamp = mem_array(p->n_specs, sizeof(*spec_stamp));
	auto_free uint32_t *first = mem_array(p->n_specs, sizeof(*first));
	auto_free struct heard *heard = mem_array(p->n_names, sizeof(*heard));
	unsigned rounds = 0;
	struct reducer r = { .p = p,
			     .settled = settled,
			     .stamp = stamp,
			     .heard = heard,
			     .spec_stamp = spec_stamp,
			     .first = first,
			     .work = p->work / 2 };

	settle_request(&r);
	do {
		r.changed = false;
		kill_hopeless(&r);
		for (uint32_t i = 0; i < p->n_names; i++)
			if (settled[i] && r.work)
				spread(&r, &p->names[i]);
	} while (r.changed && r.work && ++rounds < ROUNDS_MAX);
	for (uint32_t i = 0; i < p->n_names; i++)
		if (settled[i] && !count_alive(p, &p->names[i]))
			return false;
	return !distinct_fails(p, settled);
}
