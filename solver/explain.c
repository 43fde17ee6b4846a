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
#include "solver/explain_impl.h"
#include "solver/missing.h"

#define SPECS_MAX 3 /* specs that are listed; more become a range of versions */
#define RUNS_MAX 4

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
			ret = arena_printf(t->story.a, "%s%s%s%s%s", ret, runs++ ? " or " : "", first->record->version,
					   first == last ? "" : " to ", first == last ? "" : last->record->version);
			first = NULL;
		}
	}
	return runs && runs <= RUNS_MAX ? ret : NULL;
}

/* Distinct specs of one link, as a list that becomes text. */
struct wants {
	uint32_t link, n;
	const char *text, *any;
	bool *set; /* what meets any of them */
};

static void add_want(struct teller *t, struct wants *w, uint32_t spec)
{
	const char *text = t->p->specs[spec].text, *condition = condition_of(text, t->story.a);

	explain_add_providers(t, spec, w->set);
	if (!*condition) /* any version: then the others do not matter */
		w->any = text;
	if (w->n < SPECS_MAX)
		w->text = w->n ? arena_printf(t->story.a, "%s or %s", w->text, condition) : text;
	w->n++;
}

/* "python >=3.6,<3.7 or >=3.8", or "python 3.6.1 to 3.9.2" where there are many specs. */
static const char *finish_wants(struct teller *t, const struct wants *w)
{
	uint32_t to = t->core->links[w->link].to;
	const char *runs = w->n > SPECS_MAX && to != NONE ? runs_text(t, to, w->set) : NULL;

	if (w->any)
		return w->any;
	if (runs)
		return arena_printf(t->story.a, "%s %s", t->p->names[to].text, runs);
	return w->n > SPECS_MAX ? arena_printf(t->story.a, "%s or one of %u others", w->text, w->n - SPECS_MAX)
				: w->text;
}

static const char *wants_text(struct teller *t, const struct class *c, uint32_t link)
{
	struct wants w = { .link = link, .set = explain_set(t) };

	for (uint32_t i = 0; i < c->n_specs; i += 2)
		if (c->specs[i] == link)
			add_want(t, &w, c->specs[i + 1]);
	return finish_wants(t, &w);
}

/* All that the relevant builds of a link's name want of its target. */
static const char *all_wants_text(struct teller *t, uint32_t link)
{
	const struct link *l = &t->core->links[link];
	const struct name *n = &t->p->names[l->from];
	struct wants w = { .link = link, .set = explain_set(t) };
	struct class known = { 0 };

	for (uint32_t i = n->n; i-- > 0;) {
		const struct candidate *c = &t->p->candidates[n->candidates[i]];
		const struct need *needs;
		uint32_t count;

		needs = explain_needs(c, l->constrains, &count);
		for (uint32_t k = 0; t->relevant[l->from][n->candidates[i]] && k < count; k++)
			if (core_is_of_link(t->p, l, c, &needs[k], l->constrains))
				explain_add_spec(t, &known, link, needs[k].spec);
	}
	for (uint32_t i = 0; i < known.n_specs; i += 2)
		add_want(t, &w, known.specs[i + 1]);
	return finish_wants(t, &w);
}

static const char *who(struct teller *t, const struct class *c)
{
	const char *range = story_range(t->story.a, c->hi->record->name, c->lo, c->hi);

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
	return arena_printf(t->story.a, ", but %s %s %s", t->p->names[l->from].text,
			    l->constrains ? "goes only with" : "needs", all_wants_text(t, v->link));
}

/* The name that builds refuse altogether, as "x <0.0a0" does; NULL where something of it would do. */
static const char *refused_name(struct teller *t, const struct class *c, uint32_t link)
{
	const struct link *l = &t->core->links[link];

	if (!l->constrains || l->to == NONE || str_starts(l->to_text, "__"))
		return NULL;
	for (uint32_t i = 0; i < c->n_specs; i += 2)
		if (c->specs[i] == link && problem_providers(t->p, c->specs[i + 1])->n_providers)
			return NULL;
	return l->to_text;
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
			if (refused_name(t, c, c->tuple[i])) {
				ret = arena_printf(a, "%s%sgoes with no %s", ret, *ret ? ", and " : "",
						   refused_name(t, c, c->tuple[i]));
				some = false;
				continue;
			}
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
		if (by_spec)
			t->cited[c->against->spec] = true;
		else
			t->said[c->against->link] = true;
	}
	story_add(&t->story, &w);
}

/* ---- the walk ---- */

/* Whether an earlier step said the same from the other side: "a needs x 1, but b needs x 2". */
static bool is_said(const struct teller *t, const struct class *c)
{
	if (c->lacks || c->n_tuple != 2 || !t->said[c->tuple[0]])
		return false;
	if (c->against)
		return c->against->kind != WHY_ASKED && c->against->kind != WHY_PIN;
	return !explain_has_steps(t, t->core->links[c->tuple[0]].to);
}

/* The steps of a name, and below each what it leads to: recursion is as deep as the core. */
static void tell_name(struct teller *t, uint32_t name, unsigned depth)
{
	struct classes cs;

	if (name == NONE || t->told[name])
		return;
	t->told[name] = true;
	explain_classes(t, name, &cs);
	for (uint32_t i = 0; i < cs.n; i++) {
		if (is_said(t, &cs.list[i]))
			continue;
		tell_class(t, &cs.list[i], depth);
		for (uint32_t k = 0; !cs.list[i].against && !cs.list[i].lacks && k < cs.list[i].n_tuple; k += 2)
			if (!t->core->links[cs.list[i].tuple[k]].constrains)
				tell_name(t, t->core->links[cs.list[i].tuple[k]].to, depth + 1);
	}
	free(cs.list);
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
	bool clash = kind == WHY_ASKED && name != NONE && is_empty(t, explain_allowed(t, name)) &&
		     !explain_has_steps(t, name);

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
		if (explain_has_steps(t, name) != with_steps || (!with_steps && all_cited(t, specs + i, k)))
			continue;
		if (kind == WHY_ASKED || !with_steps)
			tell_request(t, specs + i, k, kind);
		if (kind == WHY_ASKED)
			tell_name(t, name, 1);
	}
}

void explain_core(struct problem *p, const struct core *core, struct solution *ret)
{
	struct teller t = { .story = { .a = &ret->arena }, .p = p, .core = core };

	t.relevant = arena_array(&t.scratch, p->n_names, sizeof(*t.relevant));
	t.certain = arena_array(&t.scratch, p->n_names, sizeof(*t.certain));
	t.told = arena_array(&t.scratch, p->n_names, sizeof(*t.told));
	t.cited = arena_array(&t.scratch, p->n_specs, sizeof(*t.cited));
	t.said = arena_array(&t.scratch, core->n_links, sizeof(*t.said));
	explain_hear(&t);
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
