/* The order and the specs themselves are tested in test_conformance_version.c; here is what the files do not ask. */
#include "conda/version.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const struct version *parse(struct arena *a, const char *text)
{
	struct err err = ERR_INIT;
	const struct version *v = version_parse(a, text, &err);

	if (!v)
		fail_msg("%s", err.text);
	return v;
}

/* What many versions at once are told is what each is told alone; specs that look at texts say so. */
static void a_spec_takes_the_same_of_sorted_versions_as_one_by_one(void **state)
{
	static const char *const texts[] = { "0.9",   "1.0dev1", "1.0a1", "1.0rc1", "1.0",  "1.0.post1",
					     "1.0.1", "1.1",	 "1.10",  "1.10.2", "1.11", "2",
					     "2.0.5", "2.1a",	 "2.1",	  "1!0.1" };
	static const char *const specs[] = {
		"*",	"1.0",	"==1.0.0", "!=1.0",   "<1.0",	   "<=1.0",	 ">1.0",	  ">=1.0",
		"=1.1", "1.1*", "!=1.1.*", "~=1.0.1", ">=1,<2",	   "<1|>=2",	 "2.1|0.9",	  ">=1.0,!=1.1",
		"<0.1", ">9",	"1.*",	   "<1.10.2", ">=3|<=0.9", ">1.0a,<1.0", "(<1|>2),!=2.1", ">=1!0"
	};
	static const char *const of_texts[] = { "1.*.2", "^1.*$", ">=1,^2.*$", "1.0|1.*.2" };
	const struct version *sorted[COUNT(texts)];
	auto_arena a = { 0 };
	struct err err = ERR_INIT;
	bool ret[COUNT(texts)];

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		sorted[i] = parse(&a, texts[i]);
		assert_true(!i || version_cmp(sorted[i - 1], sorted[i]) < 0);
	}
	for (size_t k = 0; k < COUNT(specs); k++) {
		const struct version_spec *s = version_spec_parse(&a, specs[k], &err);

		assert_non_null(s);
		for (size_t n = 0; n <= COUNT(texts); n++) {
			assert_true(version_spec_match_sorted(s, sorted, n, ret));
			for (size_t i = 0; i < n; i++)
				if (ret[i] != version_spec_match(s, sorted[i], texts[i]))
					fail_msg("%s and %s of %zu", specs[k], texts[i], n);
		}
	}
	for (size_t k = 0; k < COUNT(of_texts); k++)
		assert_false(version_spec_match_sorted(version_spec_parse(&a, of_texts[k], &err), sorted, COUNT(texts),
						       ret));
}

static void order_is_that_of_the_docstring(void **state)
{
	static const char *const ascending[] = { "0.4", "0.4.1.rc",  "0.4.1",	 "0.5a1",      "0.5b3",	  "0.5C1",
						 "0.5", "0.9.6",     "1.1dev1",	 "1.1_",       "1.1a1",	  "1.1.dev1",
						 "1.1", "1.1.post1", "1.1post1", "1996.07.12", "1!0.4.1", "2!0.4.1" };

	(void)state;
	for (size_t i = 0; i + 1 < COUNT(ascending); i++) {
		assert_int_equal(version_text_cmp(ascending[i], ascending[i + 1]), -1);
		assert_int_equal(version_text_cmp(ascending[i + 1], ascending[i]), 1);
	}
}

static void numbers_of_any_length_compare(void **state)
{
	(void)state;
	assert_int_equal(version_text_cmp("1.99999999999999999999999", "1.100000000000000000000000"), -1);
	assert_int_equal(version_text_cmp("1.18446744073709551616", "1.0"), 1);
	assert_int_equal(version_text_cmp("1.0000000000000000000000000000007", "1.7"), 0);
	assert_int_equal(version_text_cmp("99999999999999999999!1", "99999999999999999998!2"), 1);
}

static void what_is_no_version_sorts_below_by_bytes(void **state)
{
	(void)state;
	assert_int_equal(version_text_cmp("not a version", "0dev"), -1);
	assert_int_equal(version_text_cmp("0dev", "not a version"), 1);
	assert_int_equal(version_text_cmp("b c", "a c"), 1);
	assert_int_equal(version_text_cmp("a c", "a c"), 0);
	assert_int_equal(version_text_cmp("", "a c"), -1);
}

static void prefixes_are_those_of_segments(void **state)
{
	/* conda's docstrings and tests of VersionOrder.startswith() */
	static const struct {
		const char *version, *prefix;
		bool starts;
	} rows[] = {
		{ "1.7", "1.7", true },	       { "1.7.3", "1.7", true },      { "1.7a1", "1.7", true },
		{ "1.70", "1.7", false },      { "1.0.1ab", "1.0.1a", true }, { "4.1.0.1", "4.1", true },
		{ "1", "1.0", true },	       { "1.2+3.4", "1.2+3", true },  { "1.2.0+3", "1.2+3", true },
		{ "1.2.1+3", "1.2+3", false }, { "1!1.7", "1.7", false },
	};
	auto_arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (version_starts_with(parse(&a, rows[i].version), parse(&a, rows[i].prefix)) != rows[i].starts)
			fail_msg("%s and %s", rows[i].version, rows[i].prefix);
	}
}

static void major_and_minor_are_numbers(void **state)
{
	static const struct {
		const char *version, *want;
	} rows[] = {
		{ "3.11.4", "3.11" }, { "3.13rc1", "3.13" }, { "1!2.7_5", "2.7" }, { "3_12", "3.12" },
		{ "3", NULL },	      { "3.x", NULL },	     { "3+1.2", NULL },	   { "not one", NULL },
	};
	auto_arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *got = version_major_minor(&a, rows[i].version);

		if (!rows[i].want)
			assert_null(got);
		else
			assert_string_equal(got, rows[i].want);
	}
}

static void literals_and_specs_have_limits(void **state)
{
	auto_arena a = { 0 };
	struct err err = ERR_INIT;
	char text[VERSION_SPEC_MAX + 2];

	(void)state;
	memset(text, '1', sizeof(text));
	text[VERSION_MAX] = '\0';
	parse(&a, text);
	text[VERSION_MAX] = '1';
	text[VERSION_MAX + 1] = '\0';
	assert_null(version_parse(&a, text, &err));
	assert_int_equal(err.code, ERR_FORMAT);
	err_clear(&err);
	memset(text, '|', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_null(version_spec_parse(&a, text, &err));
	err_clear(&err);
	memset(text, '(', 2000);
	text[2000] = '\0';
	assert_null(version_spec_parse(&a, text, &err));
	assert_string_equal(strrchr(err.text, ':'), ": too deeply nested");
}

static void specs_print_canonically(void **state)
{
	static const struct {
		const char *spec, *text;
	} rows[] = {
		{ "1.6*|1.7*", "1.6.*|1.7.*" },
		{ ">= 1.2 , < 2", ">=1.2,<2" },
		{ "((1.5|((1.6|1.7), 1.8), 1.9 |2.0))|2.1", "1.5|(1.6|1.7),1.8,1.9|2.0|2.1" }, /* conda's treeify */
		{ "(1,2)|3", "1,2|3" },
		{ "", "*" },
		{ "**", "*" },
		{ " ^1|2$ ", "^1|2$" },
	};
	auto_arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		const struct version_spec *s = version_spec_parse(&a, rows[i].spec, &err);

		if (!s)
			fail_msg("%s", err.text);
		assert_string_equal(version_spec_text(s), rows[i].text);
	}
}

static void errors_name_the_clause(void **state)
{
	static const struct {
		const char *spec, *text;
	} rows[] = {
		{ ">=1,<", "version clause '<': expected an operator (== != <= >= < > = ~=) and a version" },
		{ ">=1,~=2", "version clause '~=2': '~=' needs a version with a dot, such as '~=1.0'" },
		{ "1..2|3", "version clause '1..2': version '1..2': empty segment" },
		{ "1.0 2.0", "version clause '1.0 2.0': a space within a version" },
		{ "^1", "version clause '^1': a regular expression begins with '^' and ends with '$'" },
	};
	auto_arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;

		assert_null(version_spec_parse(&a, rows[i].spec, &err));
		assert_string_equal(err.text, rows[i].text);
	}
}

static void text_that_is_no_version_meets_no_comparison(void **state)
{
	static const char *const never[] = { ">=0", "!=1", "1.*", "!=1.*", "~=1.0" }, *const always[] = { "*", "^.*$",
													  "x*y" };
	auto_arena a = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT(never); i++)
		assert_false(version_spec_match(version_spec_parse(&a, never[i], &err), NULL, "x y"));
	for (size_t i = 0; i < COUNT(always); i++)
		assert_true(version_spec_match(version_spec_parse(&a, always[i], &err), NULL, "x y"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_spec_takes_the_same_of_sorted_versions_as_one_by_one),
		cmocka_unit_test(order_is_that_of_the_docstring),
		cmocka_unit_test(numbers_of_any_length_compare),
		cmocka_unit_test(what_is_no_version_sorts_below_by_bytes),
		cmocka_unit_test(prefixes_are_those_of_segments),
		cmocka_unit_test(major_and_minor_are_numbers),
		cmocka_unit_test(literals_and_specs_have_limits),
		cmocka_unit_test(specs_print_canonically),
		cmocka_unit_test(errors_name_the_clause),
		cmocka_unit_test(text_that_is_no_version_meets_no_comparison),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
