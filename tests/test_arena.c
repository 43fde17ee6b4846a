#include "check.h"

#include <stdalign.h>
#include <stdlib.h>

#include "base/arena.h"

static void memory_is_zeroed_aligned_and_stays(void **state)
{
	auto_arena a = { 0 };
	uint32_t seed = 1;
	unsigned char *p[2000];
	size_t size[2000];

	(void)state;
	for (size_t i = 0; i < COUNT(p); i++) {
		size[i] = check_random(&seed) % (i % 50 == 0 ? 200000 : 300);
		p[i] = arena_alloc(&a, size[i]);
		assert_int_equal((uintptr_t)p[i] % alignof(max_align_t), 0);
		for (size_t k = 0; k < size[i]; k++)
			assert_int_equal(p[i][k], 0);
		memset(p[i], (int)(i & 0xff), size[i]);
		arena_strndup(&a, "odd", i % 4);
	}
	for (size_t i = 0; i < COUNT(p); i++)
		for (size_t k = 0; k < size[i]; k++)
			assert_int_equal(p[i][k], i & 0xff);
}

static void strings_are_copied(void **state)
{
	auto_arena a = { 0 };
	const char *list[] = { "one", "two" };
	const char *const *copy;

	(void)state;
	assert_null(arena_strdup(&a, NULL));
	assert_string_equal(arena_strdup(&a, ""), "");
	assert_string_equal(arena_strndup(&a, "abc", 2), "ab");
	assert_string_equal(arena_strndup(&a, NULL, 0), "");
	assert_string_equal(arena_printf(&a, "%s-%d", "x", 7), "x-7");
	assert_int_equal(strlen(arena_printf(&a, "%70000d", 1)), 70000);
	copy = arena_strlist(&a, list, 2);
	assert_string_equal(copy[0], "one");
	assert_string_equal(copy[1], "two");
	assert_null(copy[2]);
	assert_null(arena_strlist(&a, NULL, 0)[0]);
	assert_memory_equal(arena_dup(&a, "xyz", 3), "xyz", 3);
	assert_non_null(arena_dup(&a, NULL, 0));
	assert_non_null(arena_array(&a, 0, 8));
}

static void released_it_is_empty_and_usable(void **state)
{
	struct arena a = { 0 };

	(void)state;
	arena_release(&a);
	arena_alloc(&a, 1000000); /* a chunk of its own, and the first */
	arena_alloc(&a, 10);
	arena_alloc(&a, 1000000);
	arena_release(&a);
	assert_null(a.chunks);
	assert_string_equal(arena_strdup(&a, "again"), "again");
	arena_release(&a);
}

static void growing_arrays_hold_what_was_put_in(void **state)
{
	auto_free size_t *v = NULL;
	auto_free char *text = mem_printf("%d %s", 1, "x"), *none = mem_strdup(NULL);
	char *moved;

	(void)state;
	for (size_t n = 0; n < 1000;) {
		mem_grow(v, n);
		v[n] = n;
		n++;
	}
	for (size_t n = 0; n < 1000; n++)
		assert_int_equal(v[n], n);
	assert_string_equal(text, "1 x");
	assert_null(none);
	moved = TAKE(text);
	assert_null(text);
	free(moved);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_aligned_and_stays),
		cmocka_unit_test(strings_are_copied),
		cmocka_unit_test(released_it_is_empty_and_usable),
		cmocka_unit_test(growing_arrays_hold_what_was_put_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
