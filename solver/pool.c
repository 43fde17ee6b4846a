/*
 * A question inside a libsolv Pool (docs/solver.md): shares nothing with encode.c and search.c but the question.
 *
 * libsolv is used without any opinion of its own:
 *   - a spec is a plain string id ("@spec12") whose providers are set by hand;
 *   - preference is the evr, a decimal rank that is unique within a name;
 *   - no solvable provides its own name, so libsolv makes none of its n(n-1)/2 same-name
 *     rules. One a name comes from bits instead: candidate i of a name requires, for
 *     each binary digit of i, the solvable that stands for this digit; the two values of
 *     a digit conflict. That is n log n rules;
 *   - "constrains" is one solvable for each distinct constraint, which conflicts with all
 *     that do not meet it;
 *   - a condition is a mark, a solvable that what fulfils it requires, whatever "and" and "or" it is made of;
 *     what hangs on it is a rich dependency on this one mark (REL_COND). Given the whole tree, libsolv multiplies
 *     it out, which can take for ever.
 * Ids are given in canonical order (names as the sorted request reaches them, candidates
 * best first), because the order of libsolv's decisions follows them.
 */
#include <stdio.h>
#include <string.h>

#include <solv/pool.h>
#include <solv/repo.h>
#include <solv/solver.h>

#include "solver/pool.h"

#define PAIRWISE_MAX 4 /* names with no more candidates than this conflict pairwise */
#define REFUSAL_MAX 300 /* bytes; then no more are named */

struct builder {
	struct problem *p;
	Pool *pool;
	Repo *repo;
	Id *ids; /* by candidate: its solvable, or 0 */
	Id *spec_tokens; /* by spec: "@spec12", or 0 */
	Id *guards; /* by spec: the solvable of a constraint, or 0 */
	Id *triggers; /* by spec: the solvable that stands for "a provider is there", or 0 */
	uint32_t cap_specs;
	uint32_t *queue; /* names in the order they were reached */
	uint32_t n_queue;
	bool *reached; /* by name */
	uint32_t *candidate_of; /* by solvable: index of the candidate that it is, or NONE */
	Id n_solvables;
	uint32_t n_conditions; /* marks of "and" and "or" */
	struct map extras; /* "name[extra]" -> solvable */
	Id request; /* the solvable that needs what no job can say */
	Id current; /* whose needs are collected, or 0 */
	Queue needs; /* of current */
};

/* ---- solvables ---- */

static Id add_solvable(struct builder *b, const char *name, uint32_t rank, uint32_t candidate)
{
	Id id = repo_add_solvable(b->repo);
	Solvable *s = pool_id2solvable(b->pool, id);
	char evr[16];

	snprintf(evr, sizeof(evr), "%u", rank);
	s->name = pool_str2id(b->pool, name, 1);
	s->evr = pool_str2id(b->pool, evr, 1);
	s->arch = ARCH_NOARCH;
	while (b->n_solvables <= id) {
		mem_grow(b->candidate_of, (size_t)b->n_solvables);
		b->candidate_of[b->n_solvables++] = NONE;
	}
	b->candidate_of[id] = candidate;
	return id;
}

static Id token(struct builder *b, const char *kind, uint32_t n)
{
	char text[40];

	snprintf(text, sizeof(text), "@%s%u", kind, n);
	return pool_str2id(b->pool, text, 1);
}

/* A synthetic solvable, which provides its own name. */
static Id add_mark(struct builder *b, const char *name)
{
	Id id = add_solvable(b, name, 1, NONE);
	Solvable *s = pool_id2solvable(b->pool, id);

	s->provides = repo_addid_dep(b->repo, s->provides, s->name, 0);
	return id;
}

static void require(struct builder *b, Id solvable, Id dep)
{
	Solvable *s = pool_id2solvable(b->pool, solvable);

	if (solvable == b->current) {
		queue_push(&b->needs, dep);
		return;
	}
	s->requires = repo_addid_dep(b->repo, s->requires, dep, 0);
}

/*
 * What libsolv is told of one solvable is kept until it is all there, as marks are made on the way: a list of it that is not its
 * last is copied for each member more, which for thousands of needs are gigabytes.
 */
static void begin_needs(struct builder *b, Id solvable)
{
	b->current = solvable;
	queue_empty(&b->needs);
}

static void end_needs(struct builder *b)
{
	Id solvable = b->current;

	b->current = 0;
	for (int i = 0; i < b->needs.count; i++)
		require(b, solvable, b->needs.elements[i]);
}

static void conflict(struct builder *b, Id solvable, Id dep)
{
	Solvable *s = pool_id2solvable(b->pool, solvable);

	s->conflicts = repo_addid_dep(b->repo, s->conflicts, dep, 0);
}

static Id name_of(struct builder *b, Id solvable)
{
	return pool_id2solvable(b->pool, solvable)->name;
}

/* ---- specs; their number grows while conditions are read ---- */

static void room_for_specs(struct builder *b)
{
	uint32_t n = b->cap_specs;

	if (n >= b->p->n_specs)
		return;
	b->cap_specs = 2 * b->p->n_specs;
	b->spec_tokens = mem_resize(b->spec_tokens, b->cap_specs, sizeof(Id));
	b->guards = mem_resize(b->guards, b->cap_specs, sizeof(Id));
	b->triggers = mem_resize(b->triggers, b->cap_specs, sizeof(Id));
	memset(b->spec_tokens + n, 0, (b->cap_specs - n) * sizeof(Id));
	memset(b->guards + n, 0, (b->cap_specs - n) * sizeof(Id));
	memset(b->triggers + n, 0, (b->cap_specs - n) * sizeof(Id));
}

static Id spec_token(struct builder *b, uint32_t spec)
{
	room_for_specs(b);
	if (!b->spec_tokens[spec])
		b->spec_tokens[spec] = token(b, "spec", spec);
	return b->spec_tokens[spec];
}

/* The solvable that is in a solution only together with what meets a constraint (or without that name). */
static Id guard(struct builder *b, uint32_t spec)
{
	char text[40];

	room_for_specs(b);
	if (b->guards[spec])
		return b->guards[spec];
	snprintf(text, sizeof(text), "@guard%u", spec);
	b->guards[spec] = add_mark(b, text);
	conflict(b, b->guards[spec], token(b, "not", spec));
	return b->guards[spec];
}

/* The mark that is in a solution wherever something that meets the spec is. */
static Id trigger(struct builder *b, uint32_t spec)
{
	const struct spec *s = problem_providers(b->p, spec);
	char text[40];

	room_for_specs(b);
	if (!b->triggers[spec]) {
		snprintf(text, sizeof(text), "@trigger%u", spec);
		b->triggers[spec] = add_mark(b, text);
		for (uint32_t i = 0; i < s->n_providers; i++)
			if (b->ids[s->providers[i]])
				require(b, b->ids[s->providers[i]], name_of(b, b->triggers[spec]));
	}
	return b->triggers[spec];
}

/* dep, but only where there is a mark of that name. */
static Id only_with(struct builder *b, Id dep, Id mark_name)
{
	return pool_rel2id(b->pool, dep, mark_name, REL_COND, 1);
}

/* The mark that is in a solution wherever the condition holds. */
static Id condition(struct builder *b, const struct matchspec_cond *c)
{
	Id left, right, both;
	char text[40];

	if (c->type == COND_SPEC)
		return trigger(b, problem_spec_of(b->p, c->spec));
	left = condition(b, c->left);
	right = condition(b, c->right);
	snprintf(text, sizeof(text), "@condition%u", b->n_conditions++);
	both = add_mark(b, text);
	if (c->type == COND_OR) {
		require(b, left, name_of(b, both));
		require(b, right, name_of(b, both));
	} else {
		require(b, left, only_with(b, name_of(b, both), name_of(b, right)));
	}
	return both;
}

/* ---- extras ---- */

static Id extra_mark(struct builder *b, const char *name, const char *extra)
{
	const char *text = arena_printf(&b->p->arena, "%s[%s]", name, extra);
	uint32_t known;
	bool is_new;
	Id id;

	if (map_get(&b->extras, text, &known))
		return (Id)known;
	id = add_mark(b, text);
	map_put(&b->extras, text, (uint32_t)id, &is_new);
	return id;
}

/* ---- needs ---- */

/* dep is required by a solvable where both marks are there; 0: no such condition. */
static void require_if(struct builder *b, Id solvable, Id dep, Id mark, Id mark2)
{
	char text[40];

	if (mark && mark2) {
		Id both;

		snprintf(text, sizeof(text), "@condition%u", b->n_conditions++);
		both = add_mark(b, text);
		require(b, mark, only_with(b, name_of(b, both), name_of(b, mark2)));
		mark = both;
	}
	mark = mark ? mark : mark2;
	require(b, solvable, mark ? only_with(b, dep, name_of(b, mark)) : dep);
}

static void add_need(struct builder *b, Id solvable, const struct need *n, const char *record_name)
{
	const struct matchspec *m = b->p->specs[n->spec].m;
	Id cond = n->when ? condition(b, n->when) : 0;
	Id extra = n->extra ? extra_mark(b, record_name, n->extra) : 0;

	require_if(b, solvable, spec_token(b, n->spec), cond, extra);
	for (const char *const *e = m->extras; e && *e && m->name; e++)
		require_if(b, solvable, name_of(b, extra_mark(b, m->name, *e)), cond, extra);
}

static void add_constraint(struct builder *b, Id solvable, const struct need *n)
{
	if (b->p->specs[n->spec].name == NONE)
		return; /* nobody has that name: nothing to keep away */
	require_if(b, solvable, name_of(b, guard(b, n->spec)), n->when ? condition(b, n->when) : 0, 0);
}

static void add_needs(struct builder *b, uint32_t i)
{
	const struct candidate *c = &b->p->candidates[i];

	begin_needs(b, b->ids[i]);
	for (uint32_t k = 0; k < c->n_needs; k++)
		add_need(b, b->ids[i], &c->needs[k], c->record->name);
	for (uint32_t k = 0; k < c->n_constrains; k++)
		if (b->p->specs[c->constrains[k].spec].name != c->name)
			add_constraint(b, b->ids[i], &c->constrains[k]);
	end_needs(b);
}

/* ---- one candidate a name ---- */

static void exclude_pairwise(struct builder *b, const Id *ids, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		Id self = token(b, "only", (uint32_t)ids[i]);
		Solvable *s = pool_id2solvable(b->pool, ids[i]);

		s->provides = repo_addid_dep(b->repo, s->provides, self, 0);
		for (uint32_t k = 0; k < i; k++)
			conflict(b, ids[k], self);
	}
}

static void exclude_by_bits(struct builder *b, uint32_t name, const Id *ids, uint32_t n)
{
	for (uint32_t bit = 0; (n - 1) >> bit; bit++) {
		Id value[2];

		for (unsigned v = 0; v < 2; v++) {
			char text[60];

			snprintf(text, sizeof(text), "@bit%u of %u is %u", bit, name, v);
			value[v] = add_mark(b, text);
		}
		conflict(b, value[0], name_of(b, value[1]));
		for (uint32_t i = 0; i < n; i++)
			require(b, ids[i], name_of(b, value[i >> bit & 1]));
	}
}

static void exclude_others(struct builder *b, uint32_t name)
{
	const struct name *n = &b->p->names[name];
	auto_free Id *ids = mem_array(n->n, sizeof(*ids));
	uint32_t count = 0;

	for (uint32_t i = 0; i < n->n; i++)
		if (b->ids[n->candidates[i]])
			ids[count++] = b->ids[n->candidates[i]];
	if (count <= PAIRWISE_MAX)
		exclude_pairwise(b, ids, count);
	else
		exclude_by_bits(b, name, ids, count);
}

/* ---- what is reached ---- */

static void reach(struct builder *b, uint32_t name)
{
	const struct name *n;

	if (name == NONE || b->reached[name])
		return;
	b->reached[name] = true;
	b->queue[b->n_queue++] = name;
	n = &b->p->names[name];
	for (uint32_t i = 0; i < n->n; i++) {
		uint32_t c = n->candidates[i];

		if (!b->p->candidates[c].dead)
			b->ids[c] = add_solvable(b, n->text, n->n - i, c);
	}
}

static void reach_spec(struct builder *b, uint32_t spec)
{
	const struct spec *s = &b->p->specs[spec];

	if (s->m->name) {
		reach(b, s->name);
		return;
	}
	s = problem_providers(b->p, spec);
	for (uint32_t i = 0; i < s->n_providers; i++)
		reach(b, b->p->candidates[b->p->specs[spec].providers[i]].name);
}

static void reach_all(struct builder *b)
{
	struct problem *p = b->p;

	for (uint32_t i = 0; i < p->n_roots; i++)
		reach_spec(b, p->roots[i]);
	for (uint32_t i = 0; i < p->n_candidates; i++)
		if (p->candidates[i].virtual)
			reach(b, p->candidates[i].name);
	for (uint32_t at = 0; at < b->n_queue; at++) {
		const struct name *n = &p->names[b->queue[at]];

		for (uint32_t i = 0; i < n->n; i++) {
			const struct candidate *c = &p->candidates[n->candidates[i]];

			for (uint32_t k = 0; !c->dead && k < c->n_needs; k++)
				reach_spec(b, c->needs[k].spec);
		}
	}
}

/* ---- the request ---- */

static void add_request(struct builder *b, Queue *jobs)
{
	struct problem *p = b->p;

	b->request = add_mark(b, "@request");
	queue_push2(jobs, SOLVER_INSTALL | SOLVER_SOLVABLE, b->request);
	for (uint32_t i = 0; i < p->n_candidates; i++)
		if (p->candidates[i].virtual && b->ids[i])
			queue_push2(jobs, SOLVER_INSTALL | SOLVER_SOLVABLE, b->ids[i]);
	for (uint32_t i = 0; i < p->n_pins; i++)
		if (p->specs[p->pins[i]].name != NONE)
			queue_push2(jobs, SOLVER_INSTALL | SOLVER_SOLVABLE, guard(b, p->pins[i]));
	for (uint32_t i = 0; i < p->n_roots; i++) {
		const struct matchspec *m = p->specs[p->roots[i]].m;

		if (m->when || m->extras)
			add_need(b, b->request, &(struct need){ .spec = p->roots[i], .when = m->when }, "");
		if (!m->when)
			queue_push2(jobs, SOLVER_INSTALL | SOLVER_SOLVABLE_PROVIDES, spec_token(b, p->roots[i]));
	}
}

/* ---- providers ---- */

static int id_cmp(const void *x, const void *y)
{
	Id a = *(const Id *)x, b = *(const Id *)y;

	return a < b ? -1 : a > b;
}

static void set_providers(struct builder *b, Id dep, Queue *q)
{
	/* libsolv wants them ascending */
	if (q->count)
		qsort(q->elements, (size_t)q->count, sizeof(Id), id_cmp);
	pool_set_whatprovides(b->pool, dep, pool_queuetowhatprovides(b->pool, q));
	queue_empty(q);
}

static void set_spec_providers(struct builder *b, uint32_t spec, Queue *q)
{
	const struct spec *s = problem_providers(b->p, spec);

	for (uint32_t i = 0; i < s->n_providers; i++)
		if (b->ids[s->providers[i]])
			queue_push(q, b->ids[s->providers[i]]);
	set_providers(b, b->spec_tokens[spec], q);
}

/* Everything of the constraint's name that does not meet it. */
static void set_guarded(struct builder *b, uint32_t spec, bool *meets, Queue *q)
{
	const struct spec *s = problem_providers(b->p, spec);
	const struct name *n = &b->p->names[s->name];

	for (uint32_t i = 0; i < s->n_providers; i++)
		meets[s->providers[i]] = true;
	for (uint32_t i = 0; i < n->n; i++)
		if (!meets[n->candidates[i]] && b->ids[n->candidates[i]])
			queue_push(q, b->ids[n->candidates[i]]);
	for (uint32_t i = 0; i < s->n_providers; i++)
		meets[s->providers[i]] = false;
	set_providers(b, token(b, "not", spec), q);
}

static void set_all_providers(struct builder *b)
{
	auto_free bool *meets = mem_array(b->p->n_candidates, sizeof(*meets));
	Queue q;

	queue_init(&q);
	for (uint32_t i = 0; i < b->p->n_specs; i++) {
		if (b->spec_tokens[i])
			set_spec_providers(b, i, &q);
		if (b->guards[i])
			set_guarded(b, i, meets, &q);
	}
	queue_free(&q);
}

static void build(struct builder *b, Queue *jobs)
{
	struct problem *p = b->p;

	room_for_specs(b);
	reach_all(b);
	for (uint32_t at = 0; at < b->n_queue; at++) {
		const struct name *n = &p->names[b->queue[at]];

		for (uint32_t i = 0; i < n->n; i++)
			if (b->ids[n->candidates[i]])
				add_needs(b, n->candidates[i]);
		exclude_others(b, b->queue[at]);
	}
	add_request(b, jobs);
	room_for_specs(b);
	pool_createwhatprovides(b->pool);
	set_all_providers(b);
}

/* ---- what libsolv answers ---- */

static bool *chosen(struct builder *b, Solver *solver)
{
	bool *ret = arena_array(&b->p->arena, b->p->n_candidates, sizeof(*ret));
	Queue q;

	queue_init(&q);
	solver_get_decisionqueue(solver, &q);
	for (int i = 0; i < q.count; i++)
		if (q.elements[i] > 0 && q.elements[i] < b->n_solvables && b->candidate_of[q.elements[i]] != NONE)
			ret[b->candidate_of[q.elements[i]]] = true;
	queue_free(&q);
	return ret;
}

static void builder_release(struct builder *b)
{
	queue_free(&b->needs);
	free(b->ids);
	free(b->spec_tokens);
	free(b->guards);
	free(b->triggers);
	free(b->queue);
	free(b->reached);
	free(b->candidate_of);
	map_release(&b->extras);
	pool_free(b->pool);
}

/* Everything that is in the question, and nothing else. False where nothing asks for one of the candidates: *why. */
static bool force_all(struct builder *b, Queue *jobs, const char **why)
{
	for (uint32_t i = 0; i < b->p->n_candidates; i++) {
		if (!b->ids[i]) {
			*why = arena_printf(&b->p->arena, "nothing asks for %s", b->p->candidates[i].record->fn);
			return false;
		}
		queue_push2(jobs, SOLVER_INSTALL | SOLVER_SOLVABLE, b->ids[i]);
	}
	return true;
}

/* The candidate whose rule it is, or NONE. A job's rule names what was to be installed, and says nothing against it. */
static uint32_t whose(struct builder *b, Solver *solver, Id rule)
{
	Id from = 0, to = 0, dep = 0;
	SolverRuleinfo type = solver_ruleinfo(solver, rule, &from, &to, &dep);

	if ((type & SOLVER_RULE_TYPEMASK) != SOLVER_RULE_PKG || from <= 0 || from >= b->n_solvables)
		return NONE;
	return b->candidate_of[from];
}

/* Whose rules cannot hold together. */
static const char *refusal(struct builder *b, Solver *solver)
{
	auto_free bool *named = mem_array(b->p->n_candidates, sizeof(*named));
	auto_buf text = { 0 };
	Queue rules;

	queue_init(&rules);
	solver_findallproblemrules(solver, 1, &rules);
	for (int i = 0; i < rules.count && text.n < REFUSAL_MAX; i++) {
		uint32_t c = whose(b, solver, rules.elements[i]);

		if (c == NONE || named[c])
			continue;
		named[c] = true;
		buf_addf(&text, "%s%s", text.n ? " and " : "not all is met that is asked by ",
			 b->p->candidates[c].record->fn);
	}
	queue_free(&rules);
	return text.n ? arena_strdup(&b->p->arena, buf_cstr(&text)) : "the request is not met";
}

/* why: NULL to have it choose (then *ret is what it chose). */
static bool run(struct problem *p, bool **ret, const char **why)
{
	CLEANUP(builder_release)
	struct builder b = {
		.p = p,
		.pool = pool_create(),
		.ids = mem_array(p->n_candidates, sizeof(Id)),
		.queue = mem_array(p->n_names, sizeof(uint32_t)),
		.reached = mem_array(p->n_names, sizeof(bool)),
	};
	Solver *solver;
	Queue jobs;
	bool good;

	pool_setdisttype(b.pool, DISTTYPE_RPM);
	b.repo = repo_create(b.pool, "candidates");
	queue_init(&jobs);
	build(&b, &jobs);
	solver = solver_create(b.pool);
	good = !why || force_all(&b, &jobs, why);
	if (good && solver_solve(solver, &jobs) != 0) {
		good = false;
		if (why)
			*why = refusal(&b, solver);
	}
	if (good && ret)
		*ret = chosen(&b, solver);
	solver_free(solver);
	queue_free(&jobs);
	return good;
}

bool pool_solve(struct problem *p, bool **ret)
{
	return run(p, ret, NULL);
}

bool pool_accepts(struct problem *p, const char **why)
{
	return run(p, NULL, why);
}
