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
#include "solver_made.h"

/* ---- as a question ---- */

static const char *dep_text(struct arena *a, const struct dep *d)
{
	char spec[40], when[40];

	made_text(&d->spec, spec, sizeof(spec));
	if (d->when.name < 0)
		return arena_printf(a, "%s%s", spec, d->asks_extra ? "[extras=[x]]" : "");
	made_text(&d->when, when, sizeof(when));
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

		made_text(&b->constrains[i], text, sizeof(text));
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
		size_t k = (size_t)made_below((int)i);
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

	if (found && !made_is_valid(m, ret)) {
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
	made_seed(88172645463325252u);
	for (int i = 0; i < 1500; i++) {
		struct made m;
		struct sets sets;
		struct set got, want;
		bool found;

		made_make(&m, 3 + made_below(3), 1 + made_below(4), i % 2);
		sets = made_all_valid(&m);
		found = solve_in_every_way(&m, i, &got);
		unsolvable += !found;
		conditional += m.conditional;
		assert_int_equal(found, sets.n > 0);
		assert_int_equal(libsolv_finds(&m), found);
		if (found && !m.conditional) {
			want = made_walk(&m, &sets);
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
		ret.of[n] = n < m->n_names && made_below(3) ? made_below(m->n_builds[n]) : NOBODY;
	return ret;
}

static void the_certifier_knows_a_valid_set_from_any_other(void **state)
{
	int valid = 0, other = 0;

	(void)state;
	made_seed(2463534242u);
	for (int i = 0; i < 600; i++) {
		struct made m;
		struct sets sets;

		made_make(&m, 3 + made_below(3), 1 + made_below(4), i % 2);
		m.priority = PRIORITY_FLEXIBLE; /* what strict priority leaves out is not its business */
		sets = made_all_valid(&m);
		for (int k = 0; k < 8; k++) {
			struct set s = k % 2 && sets.n ? sets.list[made_below((int)sets.n)] : any_set(&m);
			bool want = made_is_valid(&m, &s) && all_asked_for(&m, &s);

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
	made_seed(1181783497276652981u);
	for (int i = 0; i < 600; i++) {
		struct made m;
		struct set got;
		bool found;

		made_make(&m, 8 + made_below(NAMES_MAX - 7), 4 + made_below(BUILDS_MAX - 3), i % 3 == 0);
		found = solve_in_every_way(&m, i, &got);
		unsolvable += !found;
		assert_int_equal(libsolv_finds(&m), found);
	}
	assert_in_range(unsolvable, 60, 540);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_question_has_the_answer_that_trying_all_sets_gives),
		cmocka_unit_test(the_certifier_knows_a_valid_set_from_any_other),
		cmocka_unit_test(a_larger_question_has_one_valid_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
