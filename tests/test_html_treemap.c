#include "check.h"

#include "cmd/html_treemap.h"

#define MANY 500

static uint64_t area(struct html_box b)
{
	return (uint64_t)b.w * b.h;
}

static bool overlap(struct html_box a, struct html_box b)
{
	return area(a) && area(b) && a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

static bool is_within(struct html_box a, struct html_box b)
{
	return a.x >= b.x && a.y >= b.y && a.x + a.w <= b.x + b.w && a.y + a.h <= b.y + b.h;
}

/* Inside, disjoint, and together as large as the whole: a tiling. */
static void assert_tiles(const struct html_box *boxes, size_t n, struct html_box in)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		assert_true(is_within(boxes[i], in));
		sum += area(boxes[i]);
		for (size_t k = 0; k < i; k++)
			if (overlap(boxes[i], boxes[k]))
				fail_msg("%zu and %zu of %zu overlap", k, i, n);
	}
	assert_int_equal(sum, area(in));
}

/* Each edge of a box is off by at most half a unit, and one that it shares with rounded ones by as much again. */
static void assert_proportional(const uint64_t *weights, const struct html_box *boxes, size_t n, struct html_box in)
{
	double total = 0;

	for (size_t i = 0; i < n; i++)
		total += (double)weights[i];
	for (size_t i = 0; i < n; i++) {
		double want = (double)weights[i] / total * (double)area(in), got = (double)area(boxes[i]);
		double slack = 2.0 * (boxes[i].w + boxes[i].h) + 4 + want * 0.01;

		if (got > want + slack || got < want - slack)
			fail_msg("%zu of %zu: area %.0f, expected %.0f", i, n, got, want);
	}
}

static void areas_are_as_weights_and_tile_the_whole(void **state)
{
	static const struct html_box screens[] = { { 0, 0, 12000, 5600 },
						   { 7, 9, 3400, 5000 },
						   { 0, 0, 16384, 16384 } };
	uint32_t seed = 1;

	(void)state;
	for (size_t n = 1; n <= MANY; n = n * 2 + 1) {
		uint64_t weights[MANY + 1];
		struct html_box boxes[MANY + 1];

		weights[0] = (uint64_t)1 << 20;
		for (size_t i = 1; i < n; i++)
			weights[i] = weights[i - 1] - weights[i - 1] * (check_random(&seed) % 100) / 3000;
		for (size_t s = 0; s < COUNT(screens); s++) {
			html_treemap(weights, n, screens[s], boxes);
			assert_tiles(boxes, n, screens[s]);
			assert_proportional(weights, boxes, n, screens[s]);
		}
	}
}

/* Figure 4 of the paper: 6 by 4, weights 6 6 4 3 2 2 1. */
static void rows_are_those_of_the_paper(void **state)
{
	static const uint64_t weights[] = { 6, 6, 4, 3, 2, 2, 1 };
	/* In sixtieths: two below each other on the left; 4 and 3 in a row; 2; 2 and 1. */
	static const struct html_box want[] = { { 0, 0, 180, 120 }, { 0, 120, 180, 120 } };
	static const struct html_box in = { 0, 0, 360, 240 };
	struct html_box got[COUNT(weights)];

	(void)state;
	html_treemap(weights, COUNT(weights), in, got);
	for (size_t i = 0; i < COUNT(want); i++)
		assert_memory_equal(&got[i], &want[i], sizeof(want[i]));
	/* 4 and 3 side by side above what is left. */
	assert_int_equal(got[2].y, 0);
	assert_int_equal(got[3].y, 0);
	assert_int_equal(got[2].x, 180);
	assert_int_equal(got[2].h, got[3].h);
	assert_true(got[4].y >= got[2].h);
	for (size_t i = 0; i < COUNT(weights); i++) {
		double ratio = (double)got[i].w / got[i].h;

		/* 25/9 is the worst of the paper's own layout. */
		assert_true(ratio < 2.8 && ratio > 1 / 2.8);
	}
}

static void awkward_weights_leave_no_gap(void **state)
{
	static const struct {
		uint64_t weights[5];
		size_t n;
		struct html_box in;
	} rows[] = {
		{ { UINT64_MAX / 4, UINT64_MAX / 4, UINT64_MAX / 4, 1, 1 }, 5, { 0, 0, 12000, 5600 } },
		{ { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX }, 5, { 0, 0, 16384, 16384 } },
		{ { 1 }, 1, { 3, 4, 5, 6 } },
		{ { 1, 1, 1, 1, 1 }, 5, { 0, 0, 1, 1 } },
		{ { 5, 4, 3, 2, 1 }, 5, { 0, 0, 16384, 1 } },
		{ { 9, 0, 0, 0, 0 }, 5, { 0, 0, 30, 20 } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct html_box got[5];

		html_treemap(rows[i].weights, rows[i].n, rows[i].in, got);
		assert_tiles(got, rows[i].n, rows[i].in);
	}
	html_treemap(NULL, 0, (struct html_box){ 0, 0, 10, 10 }, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(areas_are_as_weights_and_tile_the_whole),
		cmocka_unit_test(rows_are_those_of_the_paper),
		cmocka_unit_test(awkward_weights_leave_no_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
