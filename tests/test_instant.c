#include "tests/check.h"

#include "conda/instant.h"

/* Expected values: date -u -d TEXT +%s%3N. */
static const struct {
	const char *text;
	int64_t want;
	const char *canonical;
} good[] = {
	{ "2026-01-31", 1769903999999, "2026-01-31T23:59:59.999Z" },
	{ "2024-02-29", 1709251199999, "2024-02-29T23:59:59.999Z" },
	{ "1970-01-01", 86399999, "1970-01-01T23:59:59.999Z" },
	{ "2000-12-31", 978307199999, "2000-12-31T23:59:59.999Z" },
	{ "9999-12-31", 253402300799999, "9999-12-31T23:59:59.999Z" },
	{ "2006-12-02T02:07:43Z", 1165025263000, "2006-12-02T02:07:43.000Z" },
	{ "2006-12-02t02:07:43z", 1165025263000, "2006-12-02T02:07:43.000Z" },
	{ "2006-12-02T02:07:43.25+02:00", 1165018063250, "2006-12-02T00:07:43.250Z" },
	{ "2006-12-02T02:07:43.123456-05:30", 1165045063123, "2006-12-02T07:37:43.123Z" },
	{ "2016-12-31T23:59:60Z", 1483228799999, "2016-12-31T23:59:59.999Z" },
	{ "1640995200", 1640995200000, "2022-01-01T00:00:00.000Z" },
};

static void the_end_of_what_is_named_counts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct err err = ERR_INIT;
		auto_arena a = { 0 };
		int64_t got;

		assert_ok(instant_parse(good[i].text, &got, &err), err);
		assert_int_equal(got, good[i].want);
		assert_string_equal(instant_text(&a, got), good[i].canonical);
	}
}

static void what_is_no_point_in_time_is_refused(void **state)
{
	static const char *const bad[] = { "",
					   "7d",
					   "P7D",
					   "yesterday",
					   "2026-1-31",
					   "2026-02-29",
					   "2026-13-01",
					   "2026-00-01",
					   "2026-01-00",
					   "1969-12-31",
					   "2026-01-31T",
					   "2026-01-31T12:00:00",
					   "2026-01-31T24:00:00Z",
					   "2026-01-31T12:00:00.Z",
					   "2026-01-31T12:00:00+2",
					   "2026-01-31x",
					   "0",
					   "-5",
					   "253402300800",
					   "99999999999999999999",
					   "1970-01-01T00:00:00+01:00" };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct err err = ERR_INIT;
		int64_t got = 7;

		assert_int_equal(instant_parse(bad[i], &got, &err), -1);
		assert_err(err, ERR_USAGE, "expected a date (2026-01-31)");
		assert_int_equal(got, 7);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_end_of_what_is_named_counts),
		cmocka_unit_test(what_is_no_point_in_time_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
