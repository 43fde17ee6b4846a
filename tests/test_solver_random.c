/*
 * Questions made by chance, the same ones each time. What is said of each:
 *   - small ones: every set of candidates is tried, so it is known whether there is a solution; and, where
 *     nothing is conditional, which: the walk of docs/solver.md over all solutions, step by step;
 *   - all: the answer is valid by a checker that knows no more than the question as it was made; it is the same
 *     with and without reducing, and with records and specs in another order; libsolv agrees whether there is one;
 *   - any set that is not valid is refused by the certifier, and one that is valid and has nothing unasked passes it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "solver/certify.h"
#include "solver/pool.h"

#define NAMES_MAX 14
#define BUILDS_MAX 8
#define DEPS_MAX 4
#define NOBODY (-1)

/* "name op version", if a condition holds (or is absent: name < 0). */
enum op { ANY, AT_LEAST, BELOW, EXACTLY, NOT };

struct simple {
	int name;
	enum op op;
	int version;
};

struct dep {
	struct simple spec;
	struct simple when; /* when.name < 0: always */
	bool asks_extra; /* asks for the extra "x" of what it needs */
};

struct build {
	int version, number, channel;
	struct dep deps[DEPS_MAX], extra[2]; /* the extra is called "x" */
	struct simple constrains[2];
	int n_deps, n_extra, n_constrains;
};

struct made {
	int n_names, n_builds[NAMES_MAX];
	struct build builds[NAMES_MAX][BUILDS_MAX];
	struct dep roots[4];
	int n_roots;
	enum channel_priority priority;
	bool conditional; /* has a condition or an extra */
};

/* One build a name, or NOBODY. */
struct set {
	int of[NAMES_MAX];
};

/* ---- chance ---- */

static uint64_t chance;

static int below(int n)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (int)((chance >> 11) % (uint64_t)n);
}

static struct simple make_simple(const struct made *m, int name)
{
	const struct build *b = &m->builds[name][below(m->n_builds[name])];

	return (struct simple){ name, (enum op)below(5), b->version };
}

static struct dep make_dep(struct made *m, int self, bool conditions)
{
	struct dep d = { .when = { .name = NOBODY } };
	int name = below(m->n_names);

	d.spec = make_simple(m, name == self ? (name + 1) % m->n_names : name);
	if (conditions && below(6) == 0)
		d.when = make_simple(m, below(m->n_names));
	d.asks_extra = conditions && below(6) == 0;
	m->conditional |= d.when.name >= 0 || d.asks_extra;
	return d;
}

static void make_build(struct made *m, int name, struct build *b, bool conditions)
{
	b->n_deps = below(DEPS_MAX);
	b->n_constrains = below(5) == 0 ? 1 + below(2) : 0;
	b->n_extra = conditions && below(3) == 0 ? 1 + below(2) : 0;
	for (int i = 0; i < b->n_deps; i++)
		b->deps[i] = make_dep(m, name, conditions);
	for (int i = 0; i < b->n_extra; i++)
		b->extra[i] = make_dep(m, name, conditions);
	for (int i = 0; i < b->n_constrains; i++)
		b->constrains[i] = make_simple(m, (name + 1 + below(m->n_names - 1)) % m->n_names);
}

static void make(struct made *m, int names, int builds, bool conditions)
{
	*m = (struct made){ .n_names = names, .priority = (enum channel_priority)below(3) };
	for (int n = 0; n < names; n++) {
		int one_channel = below(3);

		m->n_builds[n] = 1 + below(builds);
		/* no two builds of a name are equal by version and number, so that there is one best */
		for (int i = 0; i < m->n_builds[n]; i++)
			m->builds[n][i] = (struct build){ .version = 1 + i / (1 + n % 2),
							  .number = i % (1 + n % 2),
							  .channel = one_channel ? one_channel - 1 : below(2) };
	}
	for (int n = 0; n < names; n++)
		for (int i = 0; i < m->n_builds[n]; i++)
			make_build(m, n, &m->builds[n][i], conditions);
	m->n_roots = 1 + below(4);
	for (int i = 0; i < m->n_roots; i++)
		m->roots[i] = make_dep(m, NOBODY, conditions);
}

/* ---- what is right ---- */

static bool meets(const struct made *m, const struct simple *s, int build)
{
	int v = build == NOBODY ? 0 : m->builds[s->name][build].version;

	if (build == NOBODY)
		return false;
	return s->op == AT_LEAST  ? v >= s->version
	       : s->op == BELOW	  ? v < s->version
	       : s->op == EXACTLY ? v == s->version
	       : s->op == NOT	  ? v != s->version
				  : true;
}

static bool holds(const struct made *m, const struct dep *d, const struct set *s)
{
	return d->when.name < 0 || meets(m, &d->when, s->of[d->when.name]);
}

/* Whether a list of dependencies is met; the extras that it asks for are marked. */
static bool list_is_met(const struct made *m, const struct dep *deps, int n, const struct set *s, bool *extras)
{
	for (int i = 0; i < n; i++) {
		if (!holds(m, &deps[i], s))
			continue;
		if (!meets(m, &deps[i].spec, s->of[deps[i].spec.name]))
			return false;
		extras[deps[i].spec.name] |= deps[i].asks_extra;
	}
	return true;
}

/* A build that strict priority leaves out: another channel has the name, and comes first. */
static bool is_left_out(const struct made *m, int name, int build)
{
	if (m->priority != PRIORITY_STRICT)
		return false;
	for (int i = 0; i < m->n_builds[name]; i++)
		if (m->builds[name][i].channel < m->builds[name][build].channel)
			return true;
	return false;
}

static bool constraints_hold(const struct made *m, const struct set *s, int name)
{
	const struct build *b = &m->builds[name][s->of[name]];

	for (int i = 0; i < b->n_constrains; i++)
		if (s->of[b->constrains[i].name] != NOBODY &&
		    !meets(m, &b->constrains[i], s->of[b->constrains[i].name]))
			return false;
	return true;
}

static bool is_valid(const struct made *m, const struct set *s)
{
	bool extras[NAMES_MAX] = { false };

	if (!list_is_met(m, m->roots, m->n_roots, s, extras))
		return false;
	for (int n = 0; n < m->n_names; n++) {
		const struct build *b;

		if (s->of[n] == NOBODY)
			continue;
		b = &m->builds[n][s->of[n]];
		if (is_left_out(m, n, s->of[n]) || !constraints_hold(m, s, n) ||
		    !list_is_met(m, b->deps, b->n_deps, s, extras))
			return false;
	}
	/* An extra may ask for others: as many turns as there are names. */
	for (int turn = 0; turn < m->n_names; turn++)
		for (int n = 0; n < m->n_names; n++)
			if (extras[n] && s->of[n] != NOBODY &&
			    !list_is_met(m, m->builds[n][s->of[n]].extra, m->builds[n][s->of[n]].n_extra, s, extras))
				return false;
	return true;
}

/* ---- all there is ---- */

struct sets {
	struct set *list;
	size_t n;
};

static struct sets all_valid(const struct made *m)
{
	struct sets ret = { 0 };
	struct set s;

	for (int n = 0; n < m->n_names; n++)
		s.of[n] = NOBODY;
	for (;;) {
		int n = 0;

		if (is_valid(m, &s)) {
			mem_grow(ret.list, ret.n);
			ret.list[ret.n++] = s;
		}
		while (n < m->n_names && ++s.of[n] == m->n_builds[n])
			s.of[n++] = NOBODY;
		if (n == m->n_names)
			return ret;
	}
}

static bool can_be(const struct sets *sets, const struct made *m, const struct set *part)
{
	for (size_t i = 0; i < sets->n; i++) {
		bool fits = true;

		for (int n = 0; fits && n < m->n_names; n++)
			fits = part->of[n] == NOBODY || part->of[n] == sets->list[i].of[n];
		if (fits)
			return true;
	}
	return false;
}

static bool is_better(const struct made *m, int name, int x, int y)
{
	const struct build *a = &m->builds[name][x], *b = &m->builds[name][y];

	if (m->priority == PRIORITY_FLEXIBLE && a->channel != b->channel)
		return a->channel < b->channel;
	return a->version != b->version ? a->version > b->version : a->number > b->number;
}

/* The best build that meets s and with which there is a solution. */
static void choose(const struct made *m, const struct sets *sets, const struct simple *s, struct set *part)
{
	int best = NOBODY;

	for (int i = 0; i < m->n_builds[s->name]; i++) {
		struct set with = *part;

		with.of[s->name] = i;
		if (meets(m, s, i) && can_be(sets, m, &with) && (best == NOBODY || is_better(m, s->name, i, best)))
			best = i;
	}
	part->of[s->name] = best;
}

static void simple_text(const struct simple *s, char *ret, size_t n)
{
	static const char *const ops[] = { "", " >=", " <", " ==", " !=" };

	if (s->op == ANY)
		snprintf(ret, n, "n%c", 'a' + s->name);
	else
		snprintf(ret, n, "n%c%s%d", 'a' + s->name, ops[s->op], s->version);
}

static int root_cmp(const void *x, const void *y)
{
	char a[40], b[40];

	simple_text(&((const struct dep *)x)->spec, a, sizeof(a));
	simple_text(&((const struct dep *)y)->spec, b, sizeof(b));
	return strcmp(a, b);
}

/* The walk: breadth first from the sorted request, each name that is not there yet at its best. */
static struct set walk(const struct made *m, const struct sets *sets)
{
	struct simple queue[NAMES_MAX * DEPS_MAX + 8];
	struct dep roots[4];
	struct set ret;
	int n = 0;

	for (int i = 0; i < m->n_names; i++)
		ret.of[i] = NOBODY;
	memcpy(roots, m->roots, sizeof(roots));
	qsort(roots, (size_t)m->n_roots, sizeof(*roots), root_cmp);
	for (int i = 0; i < m->n_roots; i++)
		queue[n++] = roots[i].spec;
	for (int at = 0; at < n; at++) {
		const struct build *b;

		if (ret.of[queue[at].name] != NOBODY)
			continue;
		choose(m, sets, &queue[at], &ret);
		assert_int_not_equal(ret.of[queue[at].name], NOBODY);
		b = &m->builds[queue[at].name][ret.of[queue[at].name]];
		for (int i = 0; i < b->n_deps; i++)
			queue[n++] = b->deps[i].spec;
	}
	return ret;
}

/* ---- as a question ---- */

static const char *dep_text(struct arena *a, const struct dep *d)
{
	char spec[40], when[40];

	simple_text(&d->spec, spec, sizeof(spec));
	if (d->when.name < 0)
		return arena_printf(a, "%s%s", spec, d->asks_extra ? "[extras=[x]]" : "");
	simple_text(&d->when, when, sizeof(when));
	return arena_printf(a, "%s[%swhen=\"%s\"]", spec, d->asks_extra ? "extras=[x], " : "", when);
}

static const char *const *dep_texts(struct arena *a, const struct dep *deps, int n)
{
	const char **ret = arena_array(a, (size_t)n + 1, sizeof(*ret));

	for (int i = 0; i < n; i++)
		ret[i] = dep_text(a, &deps[i]);
	return ret;
}

static void make_record(struct arena *a, const struct made *m, int name, int build, struct record *r)
{
	const struct build *b = &m->builds[name][build];
	const char **constrains = arena_array(a, 3, sizeof(*constrains));
	struct record_extra *x = arena_array(a, 1, sizeof(*x));

	for (int i = 0; i < b->n_constrains; i++) {
		char text[40];

		simple_text(&b->constrains[i], text, sizeof(text));
		constrains[i] = arena_strdup(a, text);
	}
	*r = (struct record){ .name = arena_printf(a, "n%c", 'a' + name),
			      .version = arena_printf(a, "%d", b->version),
			      .build = arena_printf(a, "b%d", build),
			      .build_number = (uint64_t)b->number,
			      .subdir = "linux-64",
			      .channel = b->channel ? "https://h/second" : "https://h/first",
			      .channel_rank = (uint32_t)b->channel,
			      .depends = dep_texts(a, b->deps, b->n_deps),
			      .constrains = constrains };
	*x = (struct record_extra){ "x", dep_texts(a, b->extra, b->n_extra) };
	r->extras = x;
	r->n_extras = b->n_extra ? 1 : 0;
	r->fn = arena_printf(a, "%s-%s-%s.conda", r->name, r->version, r->build);
	r->url = arena_printf(a, "%s/%s/%s", r->channel, r->subdir, r->fn);
	record_defaults(r);
}

static void shuffle(struct record *r, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = (size_t)below((int)i);
		struct record t = r[k];

		r[k] = r[i - 1];
		r[i - 1] = t;
	}
}

/* The index lives in ix; specs in its arena. */
static struct solve question(const struct made *m, struct index *ix, bool shuffled)
{
	size_t total = 0;
	const char **specs;
	struct solve q = { .index = ix, .priority = m->priority, .no_why = true };

	for (int n = 0; n < m->n_names; n++)
		total += (size_t)m->n_builds[n];
	ix->records = arena_array(&ix->arena, total, sizeof(*ix->records));
	for (int n = 0; n < m->n_names; n++)
		for (int i = 0; i < m->n_builds[n]; i++)
			make_record(&ix->arena, m, n, i, &ix->records[ix->n++]);
	specs = arena_array(&ix->arena, (size_t)m->n_roots + 1, sizeof(*specs));
	for (int i = 0; i < m->n_roots; i++)
		specs[shuffled ? m->n_roots - 1 - i : i] = dep_text(&ix->arena, &m->roots[i]);
	if (shuffled)
		shuffle(ix->records, ix->n);
	index_sort(ix);
	q.specs = specs;
	q.n_specs = (size_t)m->n_roots;
	return q;
}

/* False: no solution. */
static bool solve(const struct made *m, bool shuffled, bool no_reduce, struct set *ret)
{
	auto_index ix = { 0 };
	auto_solution s = { 0 };
	struct err err = ERR_INIT;
	struct solve q = question(m, &ix, shuffled);
	int rc;

	q.no_reduce = no_reduce;
	rc = solver_run(&q, &s, &err);
	if (rc < 0)
		assert_int_equal(err.code, ERR_UNSAT);
	for (int n = 0; n < m->n_names; n++)
		ret->of[n] = NOBODY;
	for (size_t i = 0; rc == 0 && i < s.n; i++) {
		int name = s.records[i]->name[1] - 'a';

		assert_int_equal(ret->of[name], NOBODY);
		ret->of[name] = atoi(s.records[i]->build + 1);
	}
	return rc == 0;
}

static bool libsolv_finds(const struct made *m)
{
	auto_index ix = { 0 };
	struct solve q = question(m, &ix, false);
	struct err err = ERR_INIT;
	struct problem p;
	bool *chosen, ret;

	assert_int_equal(problem_init(&p, &q, &err), 0);
	rank_candidates(&p);
	ret = pool_solve(&p, &chosen);
	problem_release(&p);
	return ret;
}

/* Whether everything in a set is asked for by something that is: the request, or a build of the set. */
static bool all_asked_for(const struct made *m, const struct set *s)
{
	bool asked[NAMES_MAX] = { false };

	for (int i = 0; i < m->n_roots; i++)
		asked[m->roots[i].spec.name] = true;
	for (int turn = 0; turn < m->n_names; turn++)
		for (int n = 0; n < m->n_names; n++) {
			const struct build *b;

			if (s->of[n] == NOBODY || !asked[n])
				continue;
			b = &m->builds[n][s->of[n]];
			for (int i = 0; i < b->n_deps; i++)
				asked[b->deps[i].spec.name] = true;
			for (int i = 0; i < b->n_extra; i++)
				asked[b->extra[i].spec.name] = true;
		}
	for (int n = 0; n < m->n_names; n++)
		if (s->of[n] != NOBODY && !asked[n])
			return false;
	return true;
}

static bool is_certified(const struct made *m, const struct set *s)
{
	auto_index ix = { 0 };
	struct solve q = question(m, &ix, false);
	const struct record *records[NAMES_MAX];
	struct err err = ERR_INIT;
	size_t n = 0;

	for (size_t i = 0; i < ix.n; i++)
		if (s->of[ix.records[i].name[1] - 'a'] == atoi(ix.records[i].build + 1))
			records[n++] = &ix.records[i];
	if (certify(&q, records, n, &err) == 0)
		return true;
	assert_int_equal(err.code, ERR_BUG);
	return false;
}

static bool same(const struct made *m, const struct set *a, const struct set *b)
{
	return memcmp(a->of, b->of, (size_t)m->n_names * sizeof(*a->of)) == 0;
}

static void print(const struct made *m, const char *what, const struct set *s)
{
	fprintf(stderr, "%s:", what);
	for (int n = 0; n < m->n_names; n++)
		if (s->of[n] != NOBODY)
			fprintf(stderr, " n%c=%d(b%d)", 'a' + n, m->builds[n][s->of[n]].version, s->of[n]);
	fprintf(stderr, "\n");
}

/* ---- tests ---- */

/* Solved in four ways, one answer; *ret is it. */
static bool solve_in_every_way(const struct made *m, int number, struct set *ret)
{
	bool found = solve(m, false, false, ret);

	if (found && !is_valid(m, ret)) {
		print(m, "not valid", ret);
		fail_msg("question %d", number);
	}
	for (int way = 1; way < 4; way++) {
		struct set other;

		if (solve(m, way & 1, way & 2, &other) != found || (found && !same(m, ret, &other))) {
			print(m, "once", ret);
			print(m, "again", &other);
			fail_msg("question %d, %s, %s", number, way & 1 ? "shuffled" : "as it is",
				 way & 2 ? "not reduced" : "reduced");
		}
	}
	return found;
}

static void a_small_question_has_the_answer_that_trying_all_sets_gives(void **state)
{
	int unsolvable = 0, conditional = 0;

	(void)state;
	chance = 88172645463325252u;
	for (int i = 0; i < 1500; i++) {
		struct made m;
		struct sets sets;
		struct set got, want;
		bool found;

		make(&m, 3 + below(3), 1 + below(4), i % 2);
		sets = all_valid(&m);
		found = solve_in_every_way(&m, i, &got);
		unsolvable += !found;
		conditional += m.conditional;
		assert_int_equal(found, sets.n > 0);
		assert_int_equal(libsolv_finds(&m), found);
		if (found && !m.conditional) {
			want = walk(&m, &sets);
			if (!same(&m, &got, &want)) {
				print(&m, "got", &got);
				print(&m, "expected", &want);
				fail_msg("question %d", i);
			}
		}
		free(sets.list);
	}
	assert_in_range(unsolvable, 200, 1300);
	assert_in_range(conditional, 300, 1500);
}

static struct set any_set(const struct made *m)
{
	struct set ret;

	for (int n = 0; n < NAMES_MAX; n++)
		ret.of[n] = n < m->n_names && below(3) ? below(m->n_builds[n]) : NOBODY;
	return ret;
}

static void the_certifier_knows_a_valid_set_from_any_other(void **state)
{
	int valid = 0, other = 0;

	(void)state;
	chance = 2463534242u;
	for (int i = 0; i < 600; i++) {
		struct made m;
		struct sets sets;

		make(&m, 3 + below(3), 1 + below(4), i % 2);
		m.priority = PRIORITY_FLEXIBLE; /* what strict priority leaves out is not its business */
		sets = all_valid(&m);
		for (int k = 0; k < 8; k++) {
			struct set s = k % 2 && sets.n ? sets.list[below((int)sets.n)] : any_set(&m);
			bool want = is_valid(&m, &s) && all_asked_for(&m, &s);

			if (is_certified(&m, &s) != want) {
				print(&m, want ? "refused" : "let pass", &s);
				fail_msg("question %d", i);
			}
			valid += want;
			other += !want;
		}
		free(sets.list);
	}
	assert_in_range(valid, 300, 4800);
	assert_in_range(other, 300, 4800);
}

static void a_larger_question_has_one_valid_answer(void **state)
{
	int unsolvable = 0;

	(void)state;
	chance = 1181783497276652981u;
	for (int i = 0; i < 600; i++) {
		struct made m;
		struct set got;
		bool found;

		make(&m, 8 + below(NAMES_MAX - 7), 4 + below(BUILDS_MAX - 3), i % 3 == 0);
		found = solve_in_every_way(&m, i, &got);
		unsolvable += !found;
		assert_int_equal(libsolv_finds(&m), found);
	}
	assert_in_range(unsolvable, 60, 540);
}

/* Pigeons: one name more than versions, every two refuse each other's; versions are named so that it does not show. */
static struct solve pigeons(struct index *ix, int n)
{
	struct arena *a = &ix->arena;
	const char **specs = arena_array(a, (size_t)n + 1, sizeof(*specs));
	struct solve q = { .index = ix, .specs = specs, .n_specs = (size_t)n, .priority = PRIORITY_FLEXIBLE };

	ix->records = arena_array(a, (size_t)(n * (n - 1)), sizeof(*ix->records));
	for (int i = 0; i < n; i++) {
		specs[i] = arena_printf(a, "p%02d", i);
		for (int hole = 0; hole < n - 1; hole++) {
			const char **deps = arena_array(a, (size_t)n, sizeof(*deps));
			struct record *r = &ix->records[ix->n++];
			int k = 0;

			for (int j = 0; j < n; j++)
				if (j != i)
					deps[k++] = arena_printf(a, "p%02d !=%d", j, 1 + (hole + j) % (n - 1));
			*r = (struct record){ .name = specs[i],
					      .build = "0",
					      .subdir = "noarch",
					      .channel = "https://h/c",
					      .depends = deps,
					      .version = arena_printf(a, "%d", 1 + (hole + i) % (n - 1)) };
			r->fn = r->url = arena_printf(a, "%s-%s-0.conda", r->name, r->version);
			record_defaults(r);
		}
	}
	return q;
}

static void what_takes_too_many_steps_is_given_up_with_a_sentence(void **state)
{
	auto_index ix = { 0 };
	struct solve q = pigeons(&ix, 14);

	(void)state;
	q.work_max = 3000000;
	for (int i = 0; i < 2; i++) {
		auto_solution s = { 0 };
		struct err err = ERR_INIT;

		q.no_reduce = i;
		assert_int_equal(solver_run(&q, &s, &err), -1);
		assert_int_equal(err.code, ERR_LIMIT);
		assert_true(str_starts(err.text, "gave up after 3000000 steps"));
	}
}

static void a_few_pigeons_are_found_out(void **state)
{
	auto_index ix = { 0 };
	struct solve q = pigeons(&ix, 6);
	auto_solution s = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(solver_run(&q, &s, &err), -1);
	assert_int_equal(err.code, ERR_UNSAT);
	assert_true(s.n_why > 0);
}

/* Nine specs to try in place of each other, each try as hard as the question: all of them share one budget. */
static void reasons_and_advice_have_their_own_bounds(void **state)
{
	auto_index ix = { 0 };
	struct solve q = pigeons(&ix, 8);
	auto_solution plain = { 0 }, s = { 0 };
	struct err err = ERR_INIT, again = ERR_INIT;

	(void)state;
	q.no_why = true;
	assert_int_equal(solver_run(&q, &plain, &err), -1);
	assert_int_equal(err.code, ERR_UNSAT);
	assert_true(plain.work > 100000);
	q.no_why = false;
	q.work_max = plain.work + 1;
	assert_int_equal(solver_run(&q, &s, &again), -1);
	assert_int_equal(again.code, ERR_UNSAT);
	assert_true(s.work > 2 * plain.work);
	assert_true(s.work <= q.work_max + 2 * WHY_WORK_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_question_has_the_answer_that_trying_all_sets_gives),
		cmocka_unit_test(the_certifier_knows_a_valid_set_from_any_other),
		cmocka_unit_test(a_larger_question_has_one_valid_answer),
		cmocka_unit_test(what_takes_too_many_steps_is_given_up_with_a_sentence),
		cmocka_unit_test(a_few_pigeons_are_found_out),
		cmocka_unit_test(reasons_and_advice_have_their_own_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
