/* Who says what of a name: the request, pins, and the builds that are relevant. */
#include <string.h>

#include "solver/explain_impl.h"

bool *explain_set(struct teller *t)
{
	return arena_array(&t->scratch, t->p->n_candidates, sizeof(bool));
}

void explain_add_providers(struct teller *t, uint32_t spec, bool *set)
{
	const struct spec *s = problem_providers(t->p, spec);

	for (uint32_t i = 0; i < s->n_providers; i++)
		set[s->providers[i]] = true;
}

static bool meets_any(struct teller *t, uint32_t spec, const bool *set)
{
	const struct spec *s = problem_providers(t->p, spec);

	for (uint32_t i = 0; i < s->n_providers; i++)
		if (set[s->providers[i]])
			return true;
	return false;
}

static void intersect(struct teller *t, bool *set, const bool *with)
{
	for (uint32_t i = 0; i < t->p->n_candidates; i++)
		set[i] &= with[i];
}

const struct need *explain_needs(const struct candidate *c, bool constrains, uint32_t *n)
{
	*n = constrains ? c->n_constrains : c->n_needs;
	return constrains ? c->constrains : c->needs;
}

/* Whether a candidate speaks by a link; the specs of it are added to a set, where there is one. */
static bool says(struct teller *t, const struct link *l, const struct candidate *c, bool *set)
{
	const struct need *needs;
	uint32_t count;
	bool ret = false;

	needs = explain_needs(c, l->constrains, &count);
	for (uint32_t k = 0; k < count; k++) {
		if (!core_is_of_link(t->p, l, c, &needs[k], l->constrains))
			continue;
		ret |= !needs[k].when;
		if (set)
			explain_add_providers(t, needs[k].spec, set);
	}
	return ret;
}

/* All that the relevant builds of a link's name want of its target. */
static const bool *wanted_by(struct teller *t, const struct link *l, bool *whole)
{
	const bool *from = t->relevant[l->from];
	const struct name *n = &t->p->names[l->from];
	bool *ret = explain_set(t);

	*whole = true;
	for (uint32_t i = 0; i < n->n; i++)
		if (from[n->candidates[i]] && !says(t, l, &t->p->candidates[n->candidates[i]], ret))
			*whole = false;
	return ret;
}

static void add_voice(struct teller *t, struct voice v)
{
	mem_grow(t->voices, t->n_voices);
	t->voices[t->n_voices++] = v;
}

static void hear_request(struct teller *t, const uint32_t *specs, uint32_t n, enum why_kind kind)
{
	for (uint32_t i = 0; i < n; i++) {
		bool *set = explain_set(t);

		explain_add_providers(t, specs[i], set);
		add_voice(t, (struct voice){ .kind = kind,
					     .name = t->p->specs[specs[i]].name,
					     .spec = specs[i],
					     .allows = set,
					     .whole = true });
		if (kind == WHY_ASKED && t->p->specs[specs[i]].name != NONE && !t->p->specs[specs[i]].m->when)
			t->certain[t->p->specs[specs[i]].name] = true;
	}
}

/* Whether a voice holds whatever else is chosen. */
static bool is_certain(const struct teller *t, const struct voice *v)
{
	if (v->kind == WHY_ASKED || v->kind == WHY_PIN)
		return true;
	return v->whole && t->certain[t->core->links[v->link].from];
}

static void intersect_with(struct teller *t, bool **set, const bool *with)
{
	if (*set) {
		intersect(t, *set, with);
		return;
	}
	*set = explain_set(t);
	memcpy(*set, with, t->p->n_candidates * sizeof(**set));
}

/*
 * What will do of a name, by all who were heard and have it installed; NULL where nobody has. Of those who may not be
 * there themselves it is enough that one says so.
 */
const bool *explain_allowed(struct teller *t, uint32_t name)
{
	bool *ret = NULL, *any = explain_set(t), some = false;

	for (uint32_t i = 0; i < t->n_voices; i++) {
		const struct voice *v = &t->voices[i];

		if (v->name != name || v->kind == WHY_PIN || v->kind == WHY_CONSTRAINS)
			continue;
		if (is_certain(t, v))
			intersect_with(t, &ret, v->allows);
		for (uint32_t k = 0; !is_certain(t, v) && k < t->p->n_candidates; k++)
			any[k] |= v->allows[k];
		some |= !is_certain(t, v);
	}
	if (!ret && some)
		ret = any;
	for (uint32_t i = 0; ret && i < t->n_voices; i++)
		if (t->voices[i].name == name && t->voices[i].kind == WHY_PIN)
			intersect(t, ret, t->voices[i].allows);
	return ret;
}

static const bool *all_of(struct teller *t, uint32_t name)
{
	bool *ret = explain_set(t);

	for (uint32_t i = 0; i < t->p->names[name].n; i++)
		ret[t->p->names[name].candidates[i]] = true;
	return ret;
}

static bool is_virtual(const struct problem *p, uint32_t name)
{
	return p->names[name].n && p->candidates[p->names[name].candidates[0]].virtual;
}

static bool is_empty(const struct teller *t, const bool *set)
{
	for (uint32_t i = 0; i < t->p->n_candidates; i++)
		if (set[i])
			return false;
	return true;
}

/* A set without what certain constraints of others keep away; as it is where that is all of it. */
static const bool *within_constraints(struct teller *t, uint32_t name, const bool *set)
{
	bool *ret = NULL;

	intersect_with(t, &ret, set);
	for (uint32_t i = 0; i < t->n_voices; i++)
		if (t->voices[i].name == name && t->voices[i].kind == WHY_CONSTRAINS && is_certain(t, &t->voices[i]))
			intersect(t, ret, t->voices[i].allows);
	return is_empty(t, ret) ? set : ret;
}

static const bool *relevant_of(struct teller *t, uint32_t name)
{
	const bool *ret = is_virtual(t->p, name) ? NULL : explain_allowed(t, name);

	return within_constraints(t, name, ret && !is_empty(t, ret) ? ret : all_of(t, name));
}

static bool is_asked(const struct teller *t, uint32_t name)
{
	for (uint32_t i = 0; i < t->core->n_roots; i++)
		if (t->p->specs[t->core->roots[i]].name == name)
			return true;
	return false;
}

/* Whether all that leads to a link's name was heard. What is asked for leads to itself. */
static bool is_ready(const struct teller *t, const struct link *l, const bool *heard, bool constraints)
{
	for (uint32_t i = 0; i < t->core->n_links; i++) {
		const struct link *o = &t->core->links[i];

		if (heard[i] || o->to != l->from || o->from == l->from)
			continue;
		if (o->constrains ? constraints : !is_asked(t, l->from))
			return false;
	}
	return true;
}

/* The next link to hear: one that is ready, or in a circle the one nearest to the request. */
static uint32_t next_link(const struct teller *t, const bool *heard)
{
	uint32_t ready = NONE, first = NONE;

	for (uint32_t i = 0; i < t->core->n_links; i++) {
		const struct link *l = &t->core->links[i];

		if (heard[i])
			continue;
		if (is_ready(t, l, heard, true))
			return i;
		if (ready == NONE && is_ready(t, l, heard, false))
			ready = i;
		if (first == NONE)
			first = i;
	}
	return ready == NONE ? first : ready;
}

static void hear_link(struct teller *t, uint32_t i)
{
	const struct link *l = &t->core->links[i];
	struct voice v = { .kind = l->constrains ? WHY_CONSTRAINS : WHY_NEEDS, .name = l->to, .link = i };

	if (!t->relevant[l->from])
		t->relevant[l->from] = relevant_of(t, l->from);
	v.allows = wanted_by(t, l, &v.whole);
	add_voice(t, v);
	if (!l->constrains && l->to != NONE && is_certain(t, &v))
		t->certain[l->to] = true;
}

void explain_hear(struct teller *t)
{
	const struct core *core = t->core;
	bool *heard = arena_array(&t->scratch, core->n_links, sizeof(*heard));

	for (uint32_t i = 0; i < t->p->n_names; i++)
		t->certain[i] = is_virtual(t->p, i);
	hear_request(t, core->roots, core->n_roots, WHY_ASKED);
	hear_request(t, core->pins, core->n_pins, WHY_PIN);
	for (uint32_t n = 0; n < core->n_links; n++) {
		uint32_t i = next_link(t, heard);

		heard[i] = true;
		hear_link(t, i);
	}
}

/* ---- what rules a need out ---- */

/* Whether who speaks is there beside a candidate. */
static bool is_beside(const struct teller *t, const struct voice *v, const struct candidate *c)
{
	uint32_t from = t->core->links[v->link].from;

	for (uint32_t i = 0; i < c->n_needs; i++)
		if (t->p->specs[c->needs[i].spec].name == from && !c->needs[i].when)
			return v->whole;
	return is_certain(t, v);
}

/* A voice that cannot be had together with a spec of a candidate, or NULL. What was asked goes first. */
const struct voice *explain_opposed(struct teller *t, const struct candidate *c, uint32_t link, uint32_t spec)
{
	const struct link *l = &t->core->links[link];

	for (uint32_t i = 0; i < t->n_voices; i++) {
		const struct voice *v = &t->voices[i];

		if (l->to == NONE || v->name != l->to || meets_any(t, spec, v->allows))
			continue;
		if (v->kind == WHY_ASKED)
			return v;
		/* Two who only limit a name do not bring it. */
		if (l->constrains && v->kind != WHY_NEEDS)
			continue;
		if (v->kind == WHY_PIN || (t->core->links[v->link].from != l->from && is_beside(t, v, c)))
			return v;
	}
	return NULL;
}

bool explain_is_lacking(struct teller *t, uint32_t link, uint32_t spec)
{
	const struct link *l = &t->core->links[link];

	if (problem_providers(t->p, spec)->n_providers)
		return false;
	return !l->constrains || (l->to != NONE && is_virtual(t->p, l->to));
}
