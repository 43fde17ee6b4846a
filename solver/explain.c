/*
 * A core as a walk from the request: what was asked, and below it what the builds
 * that would do need in turn, until something rules it out.
 *
 * Builds of a name that are ruled out by the same thing are one step, whatever
 * the versions that they need: "numpy 1.21.4 to 1.26.4 (76 builds) needs python
 * 3.8 to 3.12, but you ask for python 3.13".
 */
#include "solver/explain.h"

#include <string.h>

#include "base/str.h"

#define STEPS_MAX 30
#define CLASSES_MAX 4 /* kinds of builds of one name that are told apart where nothing rules them out by itself */
#define SPECS_MAX 3 /* specs that are listed; more become a range of versions */
#define RUNS_MAX 4

/* ---- steps ---- */

void story_add(struct story *s, const struct why *w)
{
	mem_grow(s->list, s->n);
	s->list[s->n] = *w;
	if (w->specs) {
		size_t n = 0;

		while (w->specs[n])
			n++;
		s->list[s->n].specs = arena_strlist(s->a, w->specs, n);
	}
	s->list[s->n].name = arena_strdup(s->a, w->name);
	s->list[s->n].against = arena_strdup(s->a, w->against);
	s->list[s->n].lowest = arena_strdup(s->a, w->lowest);
	s->list[s->n++].highest = arena_strdup(s->a, w->highest);
}

void story_finish(struct story *s, struct solution *ret)
{
	if (s->n > STEPS_MAX) {
		size_t more = s->n - STEPS_MAX + 1;

		s->n = STEPS_MAX - 1;
		s->list[s->n++] =
			(struct why){ .kind = WHY_MORE, .text = arena_printf(s->a, "and %zu more steps", more) };
	}
	ret->why = arena_dup(s->a, s->list, s->n * sizeof(*s->list));
	ret->n_why = s->n;
	free(s->list);
	s->list = NULL;
}

/* ---- what a core says of a name ---- */

/* One voice that says which candidates of a name will do. */
struct voice {
	enum why_kind kind;
	uint32_t name; /* of what it speaks */
	uint32_t spec; /* WHY_ASKED, WHY_PIN */
	uint32_t link; /* the others */
	const bool *allows; /* by candidate; NULL: not heard yet */
};

struct teller {
	struct story story;
	struct problem *p;
	const struct core *core;
	struct arena scratch;
	struct voice *voices;
	uint32_t n_voices;
	const bool **relevant; /* by name: candidates that those before it in the walk allow; NULL: not reached */
	bool *told; /* by name */
	bool *cited; /* by spec of the problem: a step said "but you ask for" it */
	uint32_t n_specs;
};

/* A step in the making: builds of one name that are alike in what they need. */
struct class
{
	uint32_t *tuple; /* pairs of a link and a spec, in order of links */
	uint32_t n_tuple;
	const struct voice *against; /* what rules its (only) pair out, or NULL */
	bool lacks; /* nothing meets its (only) spec */
	const struct candidate *lo, *hi;
	uint32_t builds;
	uint32_t *specs; /* distinct, by pairs of a link and a spec */
	uint32_t n_specs;
};

static bool *new_set(struct teller *t)
{
	return arena_array(&t->scratch, t->p->n_candidates, sizeof(bool));
}

static void add_providers(struct teller *t, uint32_t spec, bool *set)
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

static const struct need *needs_of(const struct candidate *c, bool constrains, uint32_t *n)
{
	*n = constrains ? c->n_constrains : c->n_needs;
	return constrains ? c->constrains : c->needs;
}

/* All that the relevant builds of a link's name want of its target. */
static const bool *wanted_by(struct teller *t, const struct link *l)
{
	const bool *from = t->relevant[l->from];
	const struct name *n = &t->p->names[l->from];
	bool *ret = new_set(t);

	for (uint32_t i = 0; i < n->n; i++) {
		const struct candidate *c = &t->p->candidates[n->candidates[i]];
		const struct need *needs;
		uint32_t count;

		needs = needs_of(c, l->constrains, &count);
		for (uint32_t k = 0; from[n->candidates[i]] && k < count; k++)
			if (core_is_of_link(t->p, l, c, &needs[k], l->constrains))
				add_providers(t, needs[k].spec, ret);
	}
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
		bool *set = new_set(t);

		add_providers(t, specs[i], set);
		add_voice(t,
			  (struct voice){
				  .kind = kind, .name = t->p->specs[specs[i]].name, .spec = specs[i], .allows = set });
	}
}

/* What will do of a name, by all who were heard and have it installed; NULL where nobody has. */
static const bool *allowed(struct teller *t, uint32_t name)
{
	bool *ret = NULL;

	for (unsigned pass = 0; pass < 2; pass++)
		for (uint32_t i = 0; i < t->n_voices; i++) {
			const struct voice *v = &t->voices[i];
			bool brings = v->kind == WHY_ASKED || v->kind == WHY_NEEDS;

			if (v->name != name || !v->allows || brings != (pass == 0) || v->kind == WHY_CONSTRAINS)
				continue;
			if (!ret && brings) {
				ret = new_set(t);
				memcpy(ret, v->allows, t->p->n_candidates * sizeof(*ret));
			} else if (ret) {
				intersect(t, ret, v->allows);
			}
		}
	return ret;
}

static const bool *all_of(struct teller *t, uint32_t name)
{
	bool *ret = new_set(t);

	for (uint32_t i = 0; i < t->p->names[name].n; i++)
		ret[t->p->names[name].candidates[i]] = true;
	return ret;
}

static bool is_virtual(const struct problem *p, uint32_t name)
{
	return p->names[name].n && p->candidates[p->names[name].candidates[0]].virtual;
}

/* Links stand in order of depth, so what leads to a name is heard before it. */
static void hear_all(struct teller *t)
{
	const struct core *core = t->core;

	hear_request(t, core->roots, core->n_roots, WHY_ASKED);
	hear_request(t, core->pins, core->n_pins, WHY_PIN);
	for (uint32_t i = 0; i < core->n_links; i++) {
		const struct link *l = &core->links[i];

		if (!t->relevant[l->from])
			t->relevant[l->from] = is_virtual(t->p, l->from) ? all_of(t, l->from) : allowed(t, l->from);
		if (!t->relevant[l->from])
			t->relevant[l->from] = all_of(t, l->from);
		add_voice(t, (struct voice){ .kind = l->constrains ? WHY_CONSTRAINS : WHY_NEEDS,
					     .name = l->to,
					     .link = i,
					     .allows = wanted_by(t, l) });
	}
}

/* ---- what rules a need out ---- */

/* A voice that cannot be had together with a spec, or NULL. What was asked goes first. */
static const struct voice *opposed_to(struct teller *t, uint32_t link, uint32_t spec)
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
		if (v->kind == WHY_PIN || t->core->links[v->link].from != l->from)
			return v;
	}
	return NULL;
}

static bool is_lacking(struct teller *t, uint32_t link, uint32_t spec)
{
	const struct link *l = &t->core->links[link];

	if (problem_providers(t->p, spec)->n_providers)
		return false;
	return !l->constrains || (l->to != NONE && is_virtual(t->p, l->to));
}

/* ---- classes ---- */

struct classes {
	struct class *list;
	uint32_t n;
};

static bool is_same_class(const struct class *a, const struct class *b, bool by_links)
{
	if (a->against != b->against || a->lacks != b->lacks || a->n_tuple != b->n_tuple)
		return false;
	for (uint32_t i = 0; i < a->n_tuple; i++) {
		bool link = i % 2 == 0;

		/* Where something rules a need out, it is told by that, whatever the spec. */
		if ((link || !(by_links || a->against || a->lacks)) && a->tuple[i] != b->tuple[i])
			return false;
	}
	return true;
}

static void add_spec(struct teller *t, struct class *c, uint32_t link, uint32_t spec)
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
		add_spec(t, to, c->specs[i], c->specs[i + 1]);
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

/* What a build needs by the core's links; the first that is ruled out by itself stands for all. */
static struct class class_of(struct teller *t, const struct candidate *c)
{
	struct class ret = { .lo = c, .hi = c, .builds = 1 };

	ret.tuple = arena_array(&t->scratch, 2 * (size_t)(c->n_needs + c->n_constrains), sizeof(*ret.tuple));
	for (uint32_t i = 0; i < t->core->n_links; i++) {
		const struct link *l = &t->core->links[i];
		const struct need *needs;
		uint32_t n;

		needs = needs_of(c, l->constrains, &n);
		for (uint32_t k = 0; k < n; k++) {
			if (!core_is_of_link(t->p, l, c, &needs[k], l->constrains))
				continue;
			ret.lacks = is_lacking(t, i, needs[k].spec);
			ret.against = ret.lacks ? NULL : opposed_to(t, i, needs[k].spec);
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

static void find_classes(struct teller *t, uint32_t name, struct classes *ret)
{
	const struct name *n = &t->p->names[name];

	*ret = (struct classes){ 0 };
	for (uint32_t i = 0; i < n->n; i++) {
		struct class c;

		if (!t->relevant[name] || !t->relevant[name][n->candidates[i]])
			continue;
		c = class_of(t, &t->p->candidates[n->candidates[i]]);
		if (!c.n_tuple)
			continue;
		for (uint32_t k = 0; k < c.n_tuple; k += 2)
			add_spec(t, &c, c.tuple[k], c.tuple[k + 1]);
		put_class(t, ret, &c, false);
	}
	if (ret->n > CLASSES_MAX)
		merge_by_links(t, ret);
	if (ret->n)
		qsort(ret->list, ret->n, sizeof(*ret->list), class_cmp);
}

/* ---- sentences ---- */

/* What stands behind the name in a spec. */
static const char *condition_of(const char *text, struct arena *a)
{
	struct str name = matchspec_name_of(text), rest;

	if (!name.n)
		return text;
	rest = str_trim(str_of(name.p + name.n));
	return arena_strndup(a, rest.p, rest.n);
}

/* Versions that are in a set, as runs without a gap: "3.8.1 to 3.9.2, 3.11.4". NULL: too many runs, or none. */
static const char *runs_text(struct teller *t, uint32_t name, const bool *set)
{
	const struct name *n = &t->p->names[name];
	auto_free const struct candidate **by_version = mem_array(n->n, sizeof(*by_version));
	const struct candidate *first = NULL, *last = NULL;
	const char *ret = "";
	unsigned runs = 0;

	for (uint32_t i = 0; i < n->n; i++)
		if (set[n->candidates[i]])
			by_version[t->p->candidates[n->candidates[i]].vrank] = &t->p->candidates[n->candidates[i]];
	for (uint32_t v = 0; v <= n->n; v++) {
		const struct candidate *c = v < n->n ? by_version[v] : NULL;

		if (c) {
			first = first ? first : c;
			last = c;
		} else if (first) {
			ret = arena_printf(t->story.a, "%s%s%s%s%s", ret, runs++ ? ", " : "", first->record->version,
					   first == last ? "" : " to ", first == last ? "" : last->record->version);
			first = NULL;
		}
	}
	return runs && runs <= RUNS_MAX ? ret : NULL;
}

/* "python >=3.6,<3.7 or >=3.8", or "python 3.6.1 to 3.9.2" where there are many specs. */
static const char *wants_text(struct teller *t, const struct class *c, uint32_t link)
{
	const struct link *l = &t->core->links[link];
	bool *set = new_set(t);
	const char *ret = NULL, *runs;
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->n_specs; i += 2) {
		const char *text = t->p->specs[c->specs[i + 1]].text;

		if (c->specs[i] != link)
			continue;
		add_providers(t, c->specs[i + 1], set);
		if (n < SPECS_MAX)
			ret = n ? arena_printf(t->story.a, "%s or %s", ret, condition_of(text, t->story.a)) : text;
		n++;
	}
	runs = n > SPECS_MAX && l->to != NONE ? runs_text(t, l->to, set) : NULL;
	if (runs)
		return arena_printf(t->story.a, "%s %s", t->p->names[l->to].text, runs);
	return n > SPECS_MAX ? arena_printf(t->story.a, "%s or one of %u others", ret, n - SPECS_MAX) : ret;
}

static const char *who(struct teller *t, const struct class *c)
{
	const char *range = range_text(t->story.a, c->hi->record->name, c->lo, c->hi);

	return c->builds == 1 ? range : arena_printf(t->story.a, "%s (%u builds)", range, c->builds);
}

static const char *against_text(struct teller *t, const struct class *c)
{
	const struct voice *v = c->against;
	const char *spec = v->kind == WHY_ASKED || v->kind == WHY_PIN ? t->p->specs[v->spec].text : NULL;
	const struct link *l = spec ? NULL : &t->core->links[v->link];

	if (v->kind == WHY_ASKED)
		return arena_printf(t->story.a, ", but you ask for %s", spec);
	if (v->kind == WHY_PIN)
		return arena_printf(t->story.a, ", but a pin allows only %s", spec);
	return arena_printf(t->story.a, ", which is not the %s that %s %s", t->p->names[l->to].text,
			    t->p->names[l->from].text, l->constrains ? "goes with" : "needs");
}

/* "needs a and b, and goes only with c" */
static const char *claims_text(struct teller *t, const struct class *c)
{
	struct arena *a = t->story.a;
	const char *ret = "";

	for (unsigned pass = 0; pass < 2; pass++) {
		bool some = false;

		for (uint32_t i = 0; i < c->n_tuple; i += 2) {
			const struct link *l = &t->core->links[c->tuple[i]];

			if (l->constrains != (pass == 1) || (i && c->tuple[i] == c->tuple[i - 2]))
				continue;
			if (!some)
				ret = arena_printf(a, "%s%s%s", ret, *ret ? ", and " : "",
						   pass ? "goes only with " : "needs ");
			ret = arena_printf(a, "%s%s%s", ret, some ? " and " : "", wants_text(t, c, c->tuple[i]));
			some = true;
		}
	}
	return ret;
}

static void tell_class(struct teller *t, const struct class *c, unsigned depth)
{
	struct arena *a = t->story.a;
	const struct link *l = &t->core->links[c->tuple[0]];
	const char **specs = arena_array(a, c->n_specs / 2 + 1, sizeof(*specs));
	struct why w = { .kind = l->constrains ? WHY_CONSTRAINS : WHY_NEEDS,
			 .depth = depth,
			 .name = c->hi->record->name,
			 .lowest = c->lo->record->version,
			 .highest = c->hi->record->version,
			 .builds = c->builds,
			 .specs = specs };

	for (uint32_t i = 0; i < c->n_specs; i += 2)
		specs[i / 2] = t->p->specs[c->specs[i + 1]].text;
	w.text = arena_printf(a, "%s %s", who(t, c), claims_text(t, c));
	if (c->lacks) {
		w.text = arena_printf(a, "%s, but %s", w.text, missing_text(t->p, c->specs[1], a));
	} else if (c->against) {
		bool by_spec = c->against->kind == WHY_ASKED || c->against->kind == WHY_PIN;

		w.text = arena_printf(a, "%s%s", w.text, against_text(t, c));
		w.against = by_spec ? t->p->specs[c->against->spec].text : NULL;
		if (by_spec && c->against->spec < t->n_specs)
			t->cited[c->against->spec] = true;
	}
	story_add(&t->story, &w);
}

/* ---- the walk ---- */

/* The steps of a name, and below each what it leads to: recursion is as deep as the core. */
static void tell_name(struct teller *t, uint32_t name, unsigned depth)
{
	struct classes cs;

	if (name == NONE || t->told[name])
		return;
	t->told[name] = true;
	find_classes(t, name, &cs);
	for (uint32_t i = 0; i < cs.n; i++) {
		tell_class(t, &cs.list[i], depth);
		for (uint32_t k = 0; !cs.list[i].against && !cs.list[i].lacks && k < cs.list[i].n_tuple; k += 2)
			if (!t->core->links[cs.list[i].tuple[k]].constrains)
				tell_name(t, t->core->links[cs.list[i].tuple[k]].to, depth + 1);
	}
	free(cs.list);
}

static bool has_steps(const struct teller *t, uint32_t name)
{
	for (uint32_t i = 0; i < t->core->n_links; i++)
		if (t->core->links[i].from == name)
			return true;
	return false;
}

static bool is_empty(const struct teller *t, const bool *set)
{
	for (uint32_t i = 0; set && i < t->p->n_candidates; i++)
		if (set[i])
			return false;
	return set != NULL;
}

/* All that is asked (or pinned) of one name, in one sentence. */
static void tell_request(struct teller *t, const uint32_t *specs, uint32_t n, enum why_kind kind)
{
	struct arena *a = t->story.a;
	uint32_t name = t->p->specs[specs[0]].name;
	const char **texts = arena_array(a, n + 1, sizeof(*texts));
	const char *text = kind == WHY_PIN ? "a pin allows only " : "you ask for ";
	bool clash = kind == WHY_ASKED && name != NONE && is_empty(t, allowed(t, name)) && !has_steps(t, name);

	for (uint32_t i = 0; i < n; i++) {
		texts[i] = t->p->specs[specs[i]].text;
		text = arena_printf(a, "%s%s%s", text, i ? " and " : "", texts[i]);
	}
	if (clash && n > 1)
		text = arena_printf(a, "%s, and no %s is %s", text, t->p->names[name].text,
				    n == 2 ? "both" : "all that");
	story_add(&t->story, &(struct why){ .kind = kind,
					    .text = text,
					    .name = name == NONE ? NULL : t->p->names[name].text,
					    .specs = texts });
}

static uint32_t same_name(const struct teller *t, const uint32_t *specs, uint32_t n)
{
	uint32_t k = 1;

	while (k < n && t->p->specs[specs[k]].name == t->p->specs[specs[0]].name)
		k++;
	return k;
}

static bool all_cited(const struct teller *t, const uint32_t *specs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (!t->cited[specs[i]])
			return false;
	return true;
}

/* First what leads on, then what no step has spoken of. */
static void tell_specs(struct teller *t, const uint32_t *specs, uint32_t n, enum why_kind kind, bool with_steps)
{
	for (uint32_t i = 0, k; i < n; i += k) {
		uint32_t name = t->p->specs[specs[i]].name;

		k = same_name(t, specs + i, n - i);
		if (has_steps(t, name) != with_steps || (!with_steps && all_cited(t, specs + i, k)))
			continue;
		if (kind == WHY_ASKED || !with_steps)
			tell_request(t, specs + i, k, kind);
		if (kind == WHY_ASKED)
			tell_name(t, name, 1);
	}
}

void explain_core(struct problem *p, const struct core *core, struct solution *ret)
{
	struct teller t = { .story = { .p = p, .a = &ret->arena }, .p = p, .core = core, .n_specs = p->n_specs };

	t.relevant = arena_array(&t.scratch, p->n_names, sizeof(*t.relevant));
	t.told = arena_array(&t.scratch, p->n_names, sizeof(*t.told));
	t.cited = arena_array(&t.scratch, p->n_specs, sizeof(*t.cited));
	hear_all(&t);
	tell_specs(&t, core->roots, core->n_roots, WHY_ASKED, true);
	tell_specs(&t, core->roots, core->n_roots, WHY_ASKED, false);
	tell_specs(&t, core->pins, core->n_pins, WHY_PIN, false);
	tell_specs(&t, core->pins, core->n_pins, WHY_PIN, true);
	for (uint32_t i = 0; i < core->n_links; i++)
		tell_name(&t, core->links[i].from, 0); /* virtual packages, which nobody asks for */
	story_finish(&t.story, ret);
	free(t.voices);
	arena_release(&t.scratch);
}
