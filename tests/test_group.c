#include "conda/group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* n packages: name, size. Sizes fall with the number, but pseudo-randomly in the list. */
static struct record *make(struct arena *a, size_t n, size_t skip)
{
	struct record *ret = arena_array(a, n, sizeof(*ret));

	for (size_t i = 0, at = 0; at < n; i++) {
		size_t number = i * 7919 % 10007;

		if (i == skip)
			continue;
		ret[at] = (struct record){ .name = arena_printf(a, "package%zu", number), .size = 1000 + number };
		record_defaults(&ret[at++]);
	}
	return ret;
}

/* Every package once, members ascending, groups by first member, none empty. */
static void check(const struct group *g, size_t n_groups, size_t n, size_t budget)
{
	auto_free bool *seen = mem_array(n, sizeof(*seen));
	size_t total = 0, last = 0;

	assert_true(n_groups <= budget);
	for (size_t i = 0; i < n_groups; i++) {
		assert_true(g[i].n > 0);
		assert_true(i == 0 || g[i].members[0] > last);
		last = g[i].members[0];
		for (size_t k = 0; k < g[i].n; k++) {
			assert_true(k == 0 || g[i].members[k] > g[i].members[k - 1]);
			assert_true(g[i].members[k] < n && !seen[g[i].members[k]]);
			seen[g[i].members[k]] = true;
			total++;
		}
	}
	assert_int_equal(total, n);
}

static void every_package_is_in_one_group(void **state)
{
	static const size_t counts[] = { 0, 1, 2, 45, 99, 100, 101, 500 }, budgets[] = { 1, 2, 3, 60, 100 };

	(void)state;
	for (size_t i = 0; i < COUNT(counts); i++)
		for (size_t k = 0; k < COUNT(budgets); k++) {
			auto_arena a = { 0 };
			const struct group *g;
			size_t n_groups;

			group_packages(&a, make(&a, counts[i], SIZE_MAX), counts[i], budgets[k], &g, &n_groups);
			check(g, n_groups, counts[i], budgets[k]);
			if (counts[i] <= budgets[k])
				assert_int_equal(n_groups, counts[i]);
		}
}

static void the_largest_are_alone(void **state)
{
	auto_arena a = { 0 };
	struct record *r = make(&a, 200, SIZE_MAX);
	const struct group *g;
	size_t n_groups, alone = 0;
	uint64_t smallest_alone = UINT64_MAX, largest_shared = 0;

	(void)state;
	group_packages(&a, r, 200, 20, &g, &n_groups);
	for (size_t i = 0; i < n_groups; i++)
		for (size_t k = 0; k < g[i].n; k++) {
			uint64_t size = r[g[i].members[k]].size;

			if (g[i].n == 1 && size < smallest_alone)
				smallest_alone = size;
			if (g[i].n > 1 && size > largest_shared)
				largest_shared = size;
			alone += g[i].n == 1;
		}
	assert_int_equal(alone, 15);
	assert_int_equal(n_groups, 20);
	assert_true(smallest_alone > largest_shared);
}

static void order_of_the_list_is_no_matter(void **state)
{
	auto_arena a = { 0 };
	struct record *r = make(&a, 100, SIZE_MAX), *back = arena_array(&a, 100, sizeof(*back));
	const struct group *g, *h;
	size_t n, m;

	(void)state;
	for (size_t i = 0; i < 100; i++)
		back[i] = r[99 - i];
	group_packages(&a, r, 100, 12, &g, &n);
	group_packages(&a, back, 100, 12, &h, &m);
	assert_int_equal(n, m);
	/* The group of each package has the same members. */
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < m; k++) {
			bool same = h[k].members[h[k].n - 1] == 99 - g[i].members[0];

			if (!same)
				continue;
			assert_int_equal(g[i].n, h[k].n);
			for (size_t j = 0; j < g[i].n; j++)
				assert_int_equal(g[i].members[j], 99 - h[k].members[h[k].n - 1 - j]);
		}
}

/* A group as text: the names of its members. */
static const char *text_of(struct arena *a, const struct group *g, const struct record *r)
{
	auto_buf b = { 0 };

	for (size_t i = 0; i < g->n; i++)
		buf_addf(&b, "%s ", r[g->members[i]].name);
	return arena_strdup(a, b.p);
}

static size_t not_in(struct arena *a, const struct group *g, size_t n, const struct record *r, const struct group *h,
		     size_t m, const struct record *s)
{
	size_t ret = 0;

	for (size_t i = 0; i < n; i++) {
		bool found = false;

		for (size_t k = 0; k < m && !found; k++)
			found = strcmp(text_of(a, &g[i], r), text_of(a, &h[k], s)) == 0;
		ret += !found;
	}
	return ret;
}

/* One package more changes at most: its own layer, and the shared layer of the one that it pushes out. */
static void one_more_package_moves_few(void **state)
{
	size_t most = 0;

	(void)state;
	for (size_t skip = 0; skip < 150; skip += 3) {
		auto_arena a = { 0 };
		struct record *with = make(&a, 150, SIZE_MAX), *without = make(&a, 149, skip);
		const struct group *g, *h;
		size_t n, m, changed;

		group_packages(&a, with, 150, 40, &g, &n);
		group_packages(&a, without, 149, 40, &h, &m);
		changed = not_in(&a, g, n, with, h, m, without);
		assert_true(changed <= 2);
		if (changed > most)
			most = changed;
	}
	assert_int_equal(most, 2);
}

/* What is in a package does not matter for where a small one goes: only the name does. */
static void a_new_version_stays_where_it_was(void **state)
{
	auto_arena a = { 0 };
	struct record *r = make(&a, 150, SIZE_MAX);
	const struct group *g, *h;
	size_t n, m;

	(void)state;
	group_packages(&a, r, 150, 40, &g, &n);
	for (size_t i = 0; i < 150; i++) {
		r[i].version = "2";
		r[i].build_number = 3;
	}
	group_packages(&a, r, 150, 40, &h, &m);
	assert_int_equal(not_in(&a, g, n, r, h, m, r), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_package_is_in_one_group),    cmocka_unit_test(the_largest_are_alone),
		cmocka_unit_test(order_of_the_list_is_no_matter),   cmocka_unit_test(one_more_package_moves_few),
		cmocka_unit_test(a_new_version_stays_where_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
