/*
 * The question as variables, groups and rules (solver/search.h, docs/solver.md).
 *
 *   - The living candidates of a name that is reached are a group, best first.
 *   - A spec that is needed is a rule that chooses and excludes; one that is a constraint only excludes.
 *   - A pattern over names is a choice among the rules of each name that it fits.
 *   - A condition is a variable that what meets it implies; an extra is a variable that who asks for it implies.
 *
 * Variables are made in canonical order (names as the sorted request reaches them, candidates best first), because
 * the order of decisions follows them.
 */
#include <string.h>

#include "base/log.h"
#include "solver/problem.h"
#include "solver/search.h"

#define REQUEST NONE /* in place of a candidate's variable */

/* What a spec has become; NONE: nothing yet. */
struct spec_vars {
	uint32_t needed, guard, trigger;
};

struct encoder {
	struct problem *p;
	struct search *s;
	uint32_t *vars; /* by candidate; NONE: not there */
	uint32_t *first; /* by name: the first variable of its group, or NONE */
	struct spec_vars *specs;
	uint32_t n_specs; /* they grow while conditions are read */
	uint32_t *queue; /* names in the order they were reached */
	uint32_t n_queue;
	bool *reached; /* by name */
	struct map extras; /* "name[extra]" -> variable */
	struct arena arena; /* its texts */
	uint32_t never; /* a variable that is false, or NONE */
};

/* ---- what is reached ---- */

static void reach(struct encoder *e, uint32_t name)
{
	const struct name *n;
	uint32_t alive = 0, var;

	if (name == NONE || e->reached[name])
		return;
	e->reached[name] = true;
	e->queue[e->n_queue++] = name;
	n = &e->p->names[name];
	for (uint32_t i = 0; i < n->n; i++)
		alive += !e->p->candidates[n->candidates[i]].dead;
	if (!alive)
		return;
	e->first[name] = var = search_group(e->s, alive);
	for (uint32_t i = 0; i < n->n; i++)
		if (!e->p->candidates[n->candidates[i]].dead)
			e->vars[n->candidates[i]] = var++;
}

static void reach_spec(struct encoder *e, uint32_t spec)
{
	const struct spec *s = &e->p->specs[spec];

	if (s->m->name) {
		reach(e, s->name);
		return;
	}
	s = problem_providers(e->p, spec);
	for (uint32_t i = 0; i < s->n_providers; i++)
		reach(e, e->p->candidates[s->providers[i]].name);
}

static void reach_all(struct encoder *e)
{
	struct problem *p = e->p;

	for (uint32_t i = 0; i < p->n_roots; i++)
		reach_spec(e, p->roots[i]);
	for (uint32_t i = 0; i < p->n_candidates; i++)
		if (p->candidates[i].virtual)
			reach(e, p->candidates[i].name);
	for (uint32_t at = 0; at < e->n_queue; at++) {
		const struct name *n = &p->names[e->queue[at]];

		for (uint32_t i = 0; i < n->n; i++) {
			const struct candidate *c = &p->candidates[n->candidates[i]];

			for (uint32_t k = 0; !c->dead && k < c->n_needs; k++)
				reach_spec(e, c->needs[k].spec);
		}
	}
}

/* ---- specs ---- */

static struct spec_vars *vars_of(struct encoder *e, uint32_t spec)
{
	if (e->n_specs < e->p->n_specs) {
		e->specs = mem_resize(e->specs, 2 * (size_t)e->p->n_specs, sizeof(*e->specs));
		memset(e->specs + e->n_specs, 0xff, (2 * (size_t)e->p->n_specs - e->n_specs) * sizeof(*e->specs));
		e->n_specs = 2 * e->p->n_specs;
	}
	return &e->specs[spec];
}

static uint32_t never(struct encoder *e)
{
	if (e->never == NONE) {
		e->never = search_var(e->s);
		search_clause(e->s, &(uint32_t){ SEARCH_NOT(e->never) }, 1);
	}
	return e->never;
}

/* The rule of those providers from i on that are of one name; *i goes to the next name. */
static uint32_t rule_of_name(struct encoder *e, const struct spec *s, uint32_t *i, unsigned kinds)
{
	uint32_t name = e->p->candidates[s->providers[*i]].name, first = e->first[name], var;
	uint64_t *mask;

	if (first == NONE) {
		while (*i < s->n_providers && e->p->candidates[s->providers[*i]].name == name)
			++*i;
		return never(e);
	}
	var = search_rule(e->s, first, kinds, &mask);
	for (; *i < s->n_providers && e->p->candidates[s->providers[*i]].name == name; ++*i) {
		uint32_t at = e->vars[s->providers[*i]] - first;

		if (e->vars[s->providers[*i]] != NONE)
			mask[at / 64] |= (uint64_t)1 << at % 64;
	}
	return var;
}

/* Of a spec that is a pattern over names. */
static uint32_t rule_of_pattern(struct encoder *e, const struct spec *s)
{
	auto_free uint32_t *rules = mem_array(s->n_providers, sizeof(*rules));
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->n_providers;) {
		uint32_t rule = rule_of_name(e, s, &i, RULE_CHOOSES);

		if (rule != e->never)
			rules[n++] = rule;
	}
	return n ? search_any(e->s, rules, n) : never(e);
}

static uint32_t needed(struct encoder *e, uint32_t spec)
{
	const struct spec *s = problem_providers(e->p, spec);
	struct spec_vars *v = vars_of(e, spec);
	uint32_t i = 0;

	if (v->needed == NONE)
		v->needed = !s->n_providers ? never(e)
			    : s->m->name    ? rule_of_name(e, s, &i, RULE_CHOOSES | RULE_EXCLUDES)
					    : rule_of_pattern(e, s);
	return v->needed;
}

/* Nothing of that name but what meets the spec; NONE where nothing of that name can be there. */
static uint32_t guard(struct encoder *e, uint32_t spec)
{
	const struct spec *s = problem_providers(e->p, spec);
	struct spec_vars *v = vars_of(e, spec);
	uint64_t *mask;
	uint32_t i = 0;

	if (s->name == NONE || e->first[s->name] == NONE)
		return NONE;
	if (v->guard == NONE)
		v->guard = s->n_providers ? rule_of_name(e, s, &i, RULE_EXCLUDES)
					  : search_rule(e->s, e->first[s->name], RULE_EXCLUDES, &mask);
	return v->guard;
}

/* ---- conditions ---- */

static uint32_t trigger(struct encoder *e, uint32_t spec)
{
	const struct spec *s = problem_providers(e->p, spec);
	struct spec_vars *v = vars_of(e, spec);

	if (v->trigger != NONE)
		return v->trigger;
	v->trigger = search_var(e->s);
	for (uint32_t i = 0; i < s->n_providers; i++)
		if (e->vars[s->providers[i]] != NONE)
			search_imply(e->s, e->vars[s->providers[i]], v->trigger);
	return v->trigger;
}

/* The variable that is true where a condition holds. */
static uint32_t condition(struct encoder *e, const struct matchspec_cond *c)
{
	uint32_t left, right, both;

	if (c->type == COND_SPEC)
		return trigger(e, problem_spec_of(e->p, c->spec));
	left = condition(e, c->left);
	right = condition(e, c->right);
	both = search_var(e->s);
	if (c->type == COND_OR) {
		search_imply(e->s, left, both);
		search_imply(e->s, right, both);
	} else {
		search_clause(e->s, (uint32_t[]){ SEARCH_NOT(left), SEARCH_NOT(right), SEARCH_POS(both) }, 3);
	}
	return both;
}

static uint32_t extra_of(struct encoder *e, const char *name, const char *extra)
{
	const char *text = arena_printf(&e->arena, "%s[%s]", name, extra);
	uint32_t known, var;
	bool is_new;

	if (map_get(&e->extras, text, &known))
		return known;
	var = search_var(e->s);
	map_put(&e->extras, text, var, &is_new);
	return var;
}

/* ---- needs ---- */

/* from (or the request) and the condition (NONE: there is none) together imply to. */
static void imply(struct encoder *e, uint32_t from, uint32_t cond, uint32_t cond2, uint32_t to)
{
	uint32_t lits[4], n = 0;

	if (cond == NONE && cond2 == NONE) {
		if (from == REQUEST)
			search_fact(e->s, to);
		else
			search_imply(e->s, from, to);
		return;
	}
	lits[n++] = SEARCH_POS(to);
	if (from != REQUEST)
		lits[n++] = SEARCH_NOT(from);
	if (cond != NONE)
		lits[n++] = SEARCH_NOT(cond);
	if (cond2 != NONE)
		lits[n++] = SEARCH_NOT(cond2);
	search_clause(e->s, lits, n);
}

static void add_need(struct encoder *e, uint32_t from, const struct need *n, const char *record_name)
{
	const struct matchspec *m = e->p->specs[n->spec].m;
	uint32_t cond = n->when ? condition(e, n->when) : NONE;
	uint32_t extra = n->extra ? extra_of(e, record_name, n->extra) : NONE;

	imply(e, from, cond, extra, needed(e, n->spec));
	for (const char *const *x = m->extras; x && *x && m->name; x++)
		imply(e, from, cond, extra, extra_of(e, m->name, *x));
}

static void add_constraint(struct encoder *e, uint32_t from, const struct need *n)
{
	uint32_t cond = n->when ? condition(e, n->when) : NONE, to = guard(e, n->spec);

	if (to != NONE)
		imply(e, from, cond, NONE, to);
}

static void add_candidate(struct encoder *e, uint32_t i)
{
	const struct candidate *c = &e->p->candidates[i];

	problem_spend(e->p, 1 + c->n_needs + c->n_constrains);
	for (uint32_t k = 0; k < c->n_needs; k++)
		add_need(e, e->vars[i], &c->needs[k], c->record->name);
	for (uint32_t k = 0; k < c->n_constrains; k++)
		if (e->p->specs[c->constrains[k].spec].name != c->name)
			add_constraint(e, e->vars[i], &c->constrains[k]);
}

static void add_request(struct encoder *e)
{
	struct problem *p = e->p;

	for (uint32_t i = 0; i < p->n_candidates; i++)
		if (p->candidates[i].virtual && e->vars[i] != NONE)
			search_fact(e->s, e->vars[i]);
	for (uint32_t i = 0; i < p->n_pins; i++)
		add_constraint(e, REQUEST, &(struct need){ .spec = p->pins[i] });
	for (uint32_t i = 0; i < p->n_roots; i++)
		add_need(e, REQUEST, &(struct need){ .spec = p->roots[i], .when = p->specs[p->roots[i]].m->when }, "");
}

static void encode(struct encoder *e)
{
	struct problem *p = e->p;

	reach_all(e);
	for (uint32_t at = 0; at < e->n_queue; at++) {
		const struct name *n = &p->names[e->queue[at]];

		for (uint32_t i = 0; i < n->n; i++)
			if (e->vars[n->candidates[i]] != NONE)
				add_candidate(e, n->candidates[i]);
	}
	add_request(e);
}

/* ---- all ---- */

static uint32_t *nones(uint32_t n)
{
	uint32_t *ret = mem_array(n, sizeof(*ret));

	memset(ret, 0xff, n * sizeof(*ret));
	return ret;
}

static void encoder_release(struct encoder *e)
{
	search_free(e->s);
	free(e->vars);
	free(e->first);
	free(e->specs);
	free(e->queue);
	free(e->reached);
	map_release(&e->extras);
	arena_release(&e->arena);
}

static bool *chosen(const struct encoder *e)
{
	bool *ret = arena_array(&e->p->arena, e->p->n_candidates, sizeof(*ret));

	for (uint32_t i = 0; i < e->p->n_candidates; i++)
		ret[i] = e->vars[i] != NONE && search_is_true(e->s, e->vars[i]);
	return ret;
}

enum search_result encode_solve(struct problem *p, bool **ret)
{
	CLEANUP(encoder_release)
	struct encoder e = {
		.p = p,
		.s = search_new(),
		.vars = nones(p->n_candidates),
		.first = nones(p->n_names),
		.queue = mem_array(p->n_names, sizeof(uint32_t)),
		.reached = mem_array(p->n_names, sizeof(bool)),
		.never = NONE,
	};
	enum search_result result;

	encode(&e);
	result = search_run(e.s, &p->work);
	log_debug("solved with %u conflicts", search_conflicts(e.s));
	if (result == SEARCH_FOUND && ret)
		*ret = chosen(&e);
	return result;
}
