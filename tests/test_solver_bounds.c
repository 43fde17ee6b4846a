/* What would take too long is given up, as are reasons and advice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "solver/problem.h"

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
		cmocka_unit_test(what_takes_too_many_steps_is_given_up_with_a_sentence),
		cmocka_unit_test(a_few_pigeons_are_found_out),
		cmocka_unit_test(reasons_and_advice_have_their_own_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
