#include "check.h"

#include "base/num.h"

static void sums_and_products_that_do_not_fit_are_refused(void **state)
{
	uint64_t v = 5;

	(void)state;
	assert_true(num_add(UINT64_MAX - 1, 1, &v));
	assert_true(v == UINT64_MAX);
	assert_false(num_add(UINT64_MAX, 1, &v));
	assert_true(v == UINT64_MAX);
	assert_true(num_mul((uint64_t)1 << 32, ((uint64_t)1 << 32) - 1, &v));
	v = 5;
	assert_false(num_mul((uint64_t)1 << 32, (uint64_t)1 << 32, &v));
	assert_int_equal(v, 5);
}

static void text_is_digits_within_the_range(void **state)
{
	static const struct {
		const char *text;
		uint64_t max, want;
		bool good;
	} rows[] = {
		{ "0", 0, 0, true },
		{ "007", 7, 7, true },
		{ "8", 7, 0, false },
		{ "", 7, 0, false },
		{ "-1", 7, 0, false },
		{ "+1", 7, 0, false },
		{ " 1", 7, 0, false },
		{ "1 ", 7, 0, false },
		{ "0x1", 7, 0, false },
		{ "1e1", 100, 0, false },
		{ "18446744073709551615", UINT64_MAX, UINT64_MAX, true },
		{ "18446744073709551616", UINT64_MAX, 0, false },
		{ "99999999999999999999999", UINT64_MAX, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t v = 42;

		if (num_parse(rows[i].text, rows[i].max, &v) != rows[i].good || v != (rows[i].good ? rows[i].want : 42))
			fail_msg("'%s'", rows[i].text);
	}
}

static void sizes_are_told_in_decimal_units(void **state)
{
	static const struct {
		uint64_t n;
		const char *want;
	} rows[] = {
		{ 0, "0 B" },	       { 640, "640 B" },	 { 999, "999 B" },	    { 1000, "1.0 kB" },
		{ 1049, "1.0 kB" },    { 1050, "1.1 kB" },	 { 999949, "999.9 kB" },    { 999950, "1.0 MB" },
		{ 1234567, "1.2 MB" }, { 5368709120, "5.4 GB" }, { UINT64_MAX, "18.4 EB" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(num_bytes(rows[i].n).s, rows[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_and_products_that_do_not_fit_are_refused),
		cmocka_unit_test(text_is_digits_within_the_range),
		cmocka_unit_test(sizes_are_told_in_decimal_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
