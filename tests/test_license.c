#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <strings.h>
#include <cmocka.h>

#include "base/str.h"
#include "conda/license.h"

/* SPDX 2.3, annex D: identifiers match whatever their case, operators here too, because channels write "or". */
static void expressions_are_spelled_as_spdx_does(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: no expression */
	} rows[] = {
		{ "MIT", "MIT" },
		{ " MIT ", "MIT" },
		{ "mit", "MIT" },
		{ "BSD-3-clause", "BSD-3-Clause" },
		{ "zlib", "Zlib" },
		{ "MIT OR Apache-2.0", "MIT OR Apache-2.0" },
		{ "Apache-2.0 or BSD-2-Clause", "Apache-2.0 OR BSD-2-Clause" },
		{ "MIT  and\tPSF-2.0", "MIT AND PSF-2.0" },
		{ "GPL-3.0-only WITH GCC-exception-3.1", "GPL-3.0-only WITH GCC-exception-3.1" },
		{ "apache-2.0 with llvm-exception", "Apache-2.0 WITH LLVM-exception" },
		{ "(MIT OR (ISC AND Zlib)) AND curl", "(MIT OR (ISC AND Zlib)) AND curl" },
		{ "GPL-2.0+", "GPL-2.0+" },
		{ "GPL-2.0-or-later", "GPL-2.0-or-later" },
		{ "LicenseRef-Public-Domain", "LicenseRef-Public-Domain" },
		{ "MIT AND LicenseRef-x.1", "MIT AND LicenseRef-x.1" },
		/* As found in channels: */
		{ "BSD 3-Clause", NULL },
		{ "BSD", NULL },
		{ "Apache 2.0", NULL },
		{ "LGPL-2.1 and GPL-2.0", "LGPL-2.1 AND GPL-2.0" },
		{ "Public-Domain (http://www.sqlite.org/copyright.html)", NULL },
		{ "Tcl/Tk", NULL },
		{ "BSD-3-clause AND CC-BY-3.0 AND MIT AND CC-BY AND Public Domain", NULL },
		/* Broken: */
		{ "", NULL },
		{ " ", NULL },
		{ "MIT OR", NULL },
		{ "OR MIT", NULL },
		{ "MIT MIT", NULL },
		{ "(MIT", NULL },
		{ "MIT)", NULL },
		{ "()", NULL },
		{ "MIT++", NULL },
		{ "MIT WITH MIT", NULL },
		{ "MIT WITH", NULL },
		{ "LicenseRef-", NULL },
		{ "MIT\nOR ISC", NULL },
		{ "MIT OR ISC;rm", NULL },
		{ NULL, NULL },
	};
	auto_arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *got = license_expression(&a, rows[i].text);

		if (!rows[i].want && got)
			fail_msg("'%s' is '%s', expected none", rows[i].text, got);
		if (rows[i].want) {
			assert_non_null(got);
			assert_string_equal(got, rows[i].want);
		}
	}
}

static void deep_and_long_expressions_are_none(void **state)
{
	auto_arena a = { 0 };
	auto_buf b = { 0 };

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		buf_addc(&b, '(');
	assert_null(license_expression(&a, b.p));
	b.n = 0;
	for (unsigned i = 0; i < 100000; i++)
		buf_adds(&b, "MIT OR ");
	buf_adds(&b, "MIT");
	assert_null(license_expression(&a, b.p));
}

static void lists_are_sorted_and_have_no_one_twice(void **state)
{
	(void)state;
	for (size_t i = 1; i < license_ids_n; i++)
		assert_true(strcasecmp(license_ids[i - 1], license_ids[i]) < 0);
	for (size_t i = 1; i < license_exceptions_n; i++)
		assert_true(strcasecmp(license_exceptions[i - 1], license_exceptions[i]) < 0);
	for (size_t i = 0; i < license_ids_n; i++)
		assert_true(license_is_listed(license_ids[i]));
	assert_false(license_is_listed("MIT OR ISC"));
	assert_false(license_is_listed("GPL-2.0+"));
	assert_false(license_is_listed("LicenseRef-x"));
}

static void other_texts_become_names(void **state)
{
	static const char *const rows[][2] = {
		{ "BSD 3-Clause", "LicenseRef-BSD-3-Clause" },
		{ "Tcl/Tk", "LicenseRef-Tcl-Tk" },
		{ "Public-Domain (http://www.sqlite.org/copyright.html)",
		  "LicenseRef-Public-Domain-http-www.sqlite.org-copyright.html" },
		{ "\xc3\xa4", "LicenseRef-unnamed" },
	};
	auto_arena a = { 0 };
	const char *const *refs;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(license_ref(&a, rows[i][0]), rows[i][1]);
	refs = license_refs(&a, "MIT AND (LicenseRef-a OR LicenseRef-b.1)");
	assert_string_equal(refs[0], "LicenseRef-a");
	assert_string_equal(refs[1], "LicenseRef-b.1");
	assert_null(refs[2]);
	assert_null(license_refs(&a, "MIT")[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expressions_are_spelled_as_spdx_does),
		cmocka_unit_test(deep_and_long_expressions_are_none),
		cmocka_unit_test(lists_are_sorted_and_have_no_one_twice),
		cmocka_unit_test(other_texts_become_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
