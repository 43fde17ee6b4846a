#include "check.h"

#include <stdatomic.h>
#include <sched.h>
#include <stdio.h>

#include "base/work.h"

#define JOBS 500

struct shared {
	atomic_uint begun, done[JOBS];
	size_t fails_from; /* this job and all after it fail */
	enum err_code code;
	atomic_size_t highest;
};

static int job(void *arg, size_t i, struct err *err)
{
	struct shared *s = arg;

	s->begun++;
	s->done[i]++;
	if (i > s->highest)
		s->highest = i;
	sched_yield();
	if (i >= s->fails_from)
		return err_set(err, s->code, "job %zu", i);
	return 0;
}

static void every_job_is_done_once(void **state)
{
	static const unsigned threads[] = { 0, 1, 2, 7, 1000 };

	(void)state;
	for (size_t t = 0; t < COUNT(threads); t++) {
		struct err err = ERR_INIT;
		struct shared s = { .fails_from = JOBS };

		assert_ok(work_run(JOBS, threads[t], job, &s, &err), err);
		for (size_t i = 0; i < JOBS; i++)
			assert_int_equal(s.done[i], 1);
		assert_ok(work_run(0, threads[t], job, &s, &err), err);
	}
}

static void the_lowest_failure_is_told_and_no_new_job_begins(void **state)
{
	static const unsigned threads[] = { 0, 1, 2, 7 };

	(void)state;
	for (size_t t = 0; t < COUNT(threads); t++)
		for (size_t from = 0; from < JOBS; from += 83) {
			struct err err = ERR_INIT;
			struct shared s = { .fails_from = from, .code = ERR_NET };
			char want[20];

			assert_int_equal(work_run(JOBS, threads[t], job, &s, &err), -1);
			snprintf(want, sizeof(want), "job %zu", from);
			assert_string_equal(err.text, want); /* jobs begin in order, so the first to fail has begun */
			assert_true(s.begun <= from + (threads[t] ? threads[t] : 1));
		}
}

static int one_fails_the_others_stop(void *arg, size_t i, struct err *err)
{
	atomic_bool *failed = arg;

	if (i == 2) {
		*failed = true;
		return err_set(err, ERR_NET, "the cause");
	}
	while (!*failed)
		sched_yield();
	return err_set(err, ERR_CANCELLED, "job %zu stopped", i);
}

static void a_job_that_only_stopped_does_not_hide_the_cause(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		struct err err = ERR_INIT;
		atomic_bool failed = false;

		assert_int_equal(work_run(3, 3, one_fails_the_others_stop, &failed, &err), -1);
		assert_err(err, ERR_NET, "the cause");
	}
}

struct turns {
	atomic_uint begun, done[JOBS];
	atomic_bool go;
	size_t order[JOBS];
};

static void turn(void *arg, size_t i)
{
	struct turns *s = arg;

	while (!s->go)
		sched_yield();
	s->order[s->begun++] = i;
	s->done[i]++;
}

static void every_job_of_a_line_is_done_once(void **state)
{
	static const unsigned threads[] = { 0, 1, 2, 7 };

	(void)state;
	for (size_t t = 0; t < COUNT(threads); t++) {
		struct turns s = { .go = true };
		struct work_line *w = work_line_new(threads[t], turn, &s);

		for (size_t i = 0; i < JOBS; i++)
			work_line_add(w, i, i % 7);
		work_line_end(w, false);
		for (size_t i = 0; i < JOBS; i++)
			assert_int_equal(s.done[i], 1);
	}
}

static void the_heaviest_job_of_a_line_is_begun_first(void **state)
{
	static const uint64_t weights[] = { 3, 9, 1, UINT64_MAX, 5 };
	static const size_t expected[] = { 3, 1, 4, 0, 2 };
	struct turns s = { 0 };
	struct work_line *w = work_line_new(1, turn, &s);

	(void)state;
	work_line_add(w, JOBS - 1, UINT64_MAX); /* keeps the only thread until all others are there */
	for (size_t i = 0; i < COUNT(weights); i++)
		work_line_add(w, i, weights[i]);
	s.go = true;
	work_line_end(w, false);
	for (size_t i = 0, k = 0; i < s.begun; i++)
		if (s.order[i] != JOBS - 1)
			assert_int_equal(s.order[i], expected[k++]);
}

static void a_line_that_is_given_up_begins_nothing_new(void **state)
{
	struct turns s = { .go = true };
	struct work_line *w = work_line_new(0, turn, &s);

	(void)state;
	for (size_t i = 0; i < JOBS; i++)
		work_line_add(w, i, 1);
	work_line_end(w, true);
	assert_int_equal(s.begun, 0);
}

static void there_is_at_least_one_cpu(void **state)
{
	(void)state;
	assert_true(work_cpus() >= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_job_is_done_once),
		cmocka_unit_test(the_lowest_failure_is_told_and_no_new_job_begins),
		cmocka_unit_test(a_job_that_only_stopped_does_not_hide_the_cause),
		cmocka_unit_test(every_job_of_a_line_is_done_once),
		cmocka_unit_test(the_heaviest_job_of_a_line_is_begun_first),
		cmocka_unit_test(a_line_that_is_given_up_begins_nothing_new),
		cmocka_unit_test(there_is_at_least_one_cpu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
