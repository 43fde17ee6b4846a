/* Builds of one name that are alike in what they need. */
#include <string.h>

#include "solver/explain_impl.h"

#define CLASSES_MAX 4 /* kinds of builds of one name that are told apart where nothing rules them out by itself */

static bool is_same_class(const struct class *a, const struct class *b, bool by_links)
{
	if (a->against != b->against || a->lacks != b->lacks || a->n_tuple != b->n_tuple)
		return false;
	for (uint32_t i = 0; i < a->n_tuple; i++) {
		bool link = i % 2 == 0;

		/* What is told by what rules it out, or needs one thing alone, is told whatever the spec. */
		if ((link || !(by_links || a->against || a->lacks || a->n_tuple == 2)) && a->tuple[i] != b->tuple[i])
			return false;
	}
	return true;
}

void explain_add_spec(struct teller *t, struct class *c, uint32_t link, uint32_t spec)
{
	for (uint32_t i = 0; i < c->n_specs; i += 2)
		if (c->specs[i] == link && c->specs[i + 1] == spec)
			return;
	if ((c->n_specs & (c->n_specs - 1)) == 0) {
		uint32_t *wider = arena_array(&t->scratch, c->n_specs ? 2 * c->n_specs : 2, sizeof(*wider));

		if (c->n_specs)
			memcpy(wider, c->specs, c->n_specs * sizeof(*wider));
		c->specs = wider;
	}
	c->specs[c->n_specs++] = link;
	c->specs[c->n_specs++] = spec;
}

static void join_class(struct teller *t, struct class *to, const struct class *c)
{
	if (!to->lo || c->lo->vrank < to->lo->vrank)
		to->lo = c->lo;
	if (!to->hi || c->hi->vrank > to->hi->vrank)
		to->hi = c->hi;
	to->builds += c->builds;
	for (uint32_t i = 0; i < c->n_specs; i += 2)
		explain_add_spec(t, to, c->specs[i], c->specs[i + 1]);
}

static void put_class(struct teller *t, struct classes *cs, const struct class *c, bool by_links)
{
	for (uint32_t i = 0; i < cs->n; i++)
		if (is_same_class(&cs->list[i], c, by_links)) {
			join_class(t, &cs->list[i], c);
			return;
		}
	mem_grow(cs->list, cs->n);
	cs->list[cs->n++] = *c;
}

bool explain_has_steps(const struct teller *t, uint32_t name)
{
	for (uint32_t i = 0; i < t->core->n_links; i++)
		if (t->core->links[i].from == name)
			return true;
	return false;
}

/* Whether a spec keeps nothing away that is asked for (or that there is), and leads nowhere. */
static bool is_harmless(struct teller *t, uint32_t link, uint32_t spec)
{
	uint32_t to = t->core->links[link].to;
	const struct spec *s = problem_providers(t->p, spec);
	const bool *asked = NULL;

	if (to == NONE || explain_has_steps(t, to))
		return false;
	for (uint32_t i = 0; i < t->n_voices && !asked; i++)
		if (t->voices[i].kind == WHY_ASKED && t->voices[i].name == to)
			asked = t->voices[i].allows;
	if (asked) {
		uint32_t met = 0, all = 0;

		for (uint32_t i = 0; i < s->n_providers; i++)
			met += asked[s->providers[i]];
		for (uint32_t i = 0; i < t->p->names[to].n; i++)
			all += asked[t->p->names[to].candidates[i]];
		return met == all;
	}
	return s->n_providers == t->p->names[to].n;
}

static void drop_harmless(struct teller *t, struct class *c)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < c->n_tuple; i += 2) {
		if (is_harmless(t, c->tuple[i], c->tuple[i + 1]))
			continue;
		c->tuple[kept++] = c->tuple[i];
		c->tuple[kept++] = c->tuple[i + 1];
	}
	if (kept)
		c->n_tuple = kept;
}

/* What a build needs by the core's links; the first that is ruled out by itself stands for all. */
static struct class class_of(struct teller *t, const struct candidate *c)
{
	struct class ret = { .lo = c, .hi = c, .builds = 1 };

	ret.tuple = arena_array(&t->scratch, 2 * (size_t)(c->n_needs + c->n_constrains), sizeof(*ret.tuple));
	for (uint32_t i = 0; i < t->core->n_links; i++) {
		const struct link *l = &t->core->links[i];
		const struct need *needs;
		uint32_t n;

		needs = explain_needs(c, l->constrains, &n);
		for (uint32_t k = 0; k < n; k++) {
			if (!core_is_of_link(t->p, l, c, &needs[k], l->constrains))
				continue;
			ret.lacks = explain_is_lacking(t, i, needs[k].spec);
			ret.against = ret.lacks ? NULL : explain_opposed(t, c, i, needs[k].spec);
			if (ret.lacks || ret.against)
				ret.n_tuple = 0;
			ret.tuple[ret.n_tuple++] = i;
			ret.tuple[ret.n_tuple++] = needs[k].spec;
			if (ret.lacks || ret.against)
				return ret;
		}
	}
	return ret;
}

static int class_cmp(const void *x, const void *y)
{
	const struct class *a = x, *b = y;

	if (a->hi->vrank != b->hi->vrank)
		return a->hi->vrank > b->hi->vrank ? -1 : 1;
	if (a->lo->vrank != b->lo->vrank)
		return a->lo->vrank > b->lo->vrank ? -1 : 1;
	for (uint32_t i = 0; i < a->n_tuple && i < b->n_tuple; i++)
		if (a->tuple[i] != b->tuple[i])
			return a->tuple[i] < b->tuple[i] ? -1 : 1;
	return a->n_tuple < b->n_tuple ? -1 : a->n_tuple > b->n_tuple;
}

static void merge_by_links(struct teller *t, struct classes *cs)
{
	struct classes merged = { 0 };

	for (uint32_t i = 0; i < cs->n; i++)
		put_class(t, &merged, &cs->list[i], true);
	free(cs->list);
	*cs = merged;
}

void explain_classes(struct teller *t, uint32_t name, struct classes *ret)
{
	const struct name *n = &t->p->names[name];

	*ret = (struct classes){ 0 };
	/* The lowest first, so that their specs are told first. */
	for (uint32_t i = n->n; i-- > 0;) {
		struct class c;

		if (!t->relevant[name] || !t->relevant[name][n->candidates[i]])
			continue;
		c = class_of(t, &t->p->candidates[n->candidates[i]]);
		if (!c.n_tuple)
			continue;
		if (!c.lacks && !c.against)
			drop_harmless(t, &c);
		for (uint32_t k = 0; k < c.n_tuple; k += 2)
			explain_add_spec(t, &c, c.tuple[k], c.tuple[k + 1]);
		put_class(t, ret, &c, false);
	}
	if (ret->n > CLASSES_MAX)
		merge_by_links(t, ret);
	if (ret->n)
		qsort(ret->list, ret->n, sizeof(*ret->list), class_cmp);
}
