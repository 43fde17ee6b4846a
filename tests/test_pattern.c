#include "conda/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* Python's re.match() decides; each row was asked of it. */
static const struct {
	const char *pattern, *text;
	bool match;
} rows[] = {
	{ "abc", "abc", true },
	{ "abc", "abcd", false },
	{ "*", "", true },
	{ "*", "x", true },
	{ "py3*", "py311_0", true },
	{ "py3*", "xpy3", false },
	{ "*_cp310", "4_cp310", true },
	{ "a*b*c", "aXbXbXc", true },
	{ "a*b*c", "aXbXb", false },
	{ "a.c", "abc", false },
	{ "^a.c$", "abc", true },
	{ "^a.c$", "abcd", false },
	{ "^abc|x$", "abcd", true }, /* as Python: only the second alternative ends */
	{ "^1\\.7\\.[0-9]+$", "1.7.12", true },
	{ "^1\\.7\\.[0-9]+$", "1.7.", false },
	{ "^[^a-c]+$", "xyz", true },
	{ "^[^a-c]+$", "xbz", false },
	{ "^[]x-]+$", "]-x", true },
	{ "^(?:ab){2,3}$", "abab", true },
	{ "^(?:ab){2,3}$", "abababab", false },
	{ "^a{,2}$", "aa", true },
	{ "^a{2}$", "a", false },
	{ "^a{2,}$", "aaaaaa", true },
	{ "^a{x}$", "a{x}", true },
	{ "^(?P<n>\\d)\\D\\w\\W\\s\\S$", "1a_- .", true },
	{ "^a*?b+?c??$", "aabb", true },
	{ "^(a*)*$", "aaaa", true },
	{ "^(|a)+$", "aa", true },
	{ "^x\\bx$", "xx", false },
	{ "^x\\b.x$", "x-x", true },
	{ "^x\\Bx$", "xx", true },
	{ "^\\Aa\\Z$", "a", true },
	{ "^$", "", true },
	{ "^$", "a", false },
};

static void patterns_match_as_in_python(void **state)
{
	auto_arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		const struct pattern *p = pattern_parse(&a, rows[i].pattern, 0, &err);

		if (!p)
			fail_msg("%s", err.text);
		if (pattern_match(p, rows[i].text) != rows[i].match)
			fail_msg("'%s' on '%s'", rows[i].pattern, rows[i].text);
	}
}

static void folded_patterns_do_not_see_case(void **state)
{
	static const char *const patterns[] = { "MIT", "m*T", "^[A-Z]+$", "^m\\wt$", "^[^x]IT$" };
	auto_arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(patterns); i++) {
		struct err err = ERR_INIT;

		assert_true(pattern_match(pattern_parse(&a, patterns[i], PATTERN_FOLD, &err), "mIt"));
		assert_false(pattern_match(pattern_parse(&a, patterns[i], PATTERN_FOLD, &err), "xit?"));
	}
}

static void wrong_expressions_are_refused(void **state)
{
	static const char *const bad[] = {
		"^($",
		"^)$",
		"^[a$",
		"^*$",
		"^a**$",
		"^a{2}{3}$",
		"^a*+$",
		"^(?=a)$",
		"^(?i)a$",
		"^\\1$",
		"^\\y$",
		"^(a\\$",
		"^[b-a]$",
		"^a{3,2}$",
		"^a{9999}$",
		"^(?P<>a)$",
		"^((a{99}){99}){99}$",
		"^((((){999}){999}){999}){999}$",
	};
	auto_arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct err err = ERR_INIT;

		if (pattern_parse(&a, bad[i], 0, &err) || err.code != ERR_FORMAT)
			fail_msg("'%s' is accepted", bad[i]);
	}
}

static void nesting_is_bounded(void **state)
{
	auto_arena a = { 0 };
	struct err err = ERR_INIT;
	char deep[1000] = "^";

	(void)state;
	memset(deep + 1, '(', 400);
	memset(deep + 401, ')', 400);
	deep[801] = '$';
	assert_null(pattern_parse(&a, deep, 0, &err));
	assert_int_equal(err.code, ERR_FORMAT);
}

/* Backtracking matchers need 2^n steps for these. */
static void hostile_patterns_take_no_time(void **state)
{
	static const char *const patterns[] = { "^(a|a)*(a|a)*(a|a)*b$", "^((a*)*)*b$", "*a*a*a*a*a*a*a*a*a*a*b",
						"^(a{0,30}){0,10}b$" };
	auto_arena a = { 0 };
	char text[3000];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (size_t i = 0; i < COUNT(patterns); i++) {
		struct err err = ERR_INIT;

		assert_false(pattern_match(pattern_parse(&a, patterns[i], 0, &err), text));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_match_as_in_python),	 cmocka_unit_test(folded_patterns_do_not_see_case),
		cmocka_unit_test(wrong_expressions_are_refused), cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(hostile_patterns_take_no_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
