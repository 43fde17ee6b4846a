#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cmd/license_kind.h"
#include "conda/license.h"

static void a_licence_is_sorted_by_what_it_asks(void **state)
{
	static const struct {
		const char *text, *family;
		enum license_kind want;
	} rows[] = {
		{ "MIT", NULL, LICENSE_KIND_PERMISSIVE },
		{ "BSD-3-clause", NULL, LICENSE_KIND_PERMISSIVE },
		{ "Python-2.0", "PSF", LICENSE_KIND_PERMISSIVE },
		{ "Unlicense", NULL, LICENSE_KIND_PERMISSIVE },
		{ "CC-BY-4.0", NULL, LICENSE_KIND_PERMISSIVE },
		{ "LGPL-2.1-or-later", "GPL", LICENSE_KIND_WEAK },
		{ "MPL-2.0", NULL, LICENSE_KIND_WEAK },
		{ "GPL-2.0+", NULL, LICENSE_KIND_STRONG },
		{ "AGPL-3.0-only", NULL, LICENSE_KIND_STRONG },
		{ "CC-BY-SA-4.0", NULL, LICENSE_KIND_STRONG },
		{ "CC-BY-NC-4.0", NULL, LICENSE_KIND_LIMITED },
		{ "BUSL-1.1", NULL, LICENSE_KIND_LIMITED },
		{ "SSPL-1.0", NULL, LICENSE_KIND_LIMITED },
		/* an exception for what it is linked to */
		{ "GPL-3.0-only WITH GCC-exception-3.1", NULL, LICENSE_KIND_WEAK },
		{ "Apache-2.0 WITH LLVM-exception", NULL, LICENSE_KIND_PERMISSIVE },
		/* both hold; either does */
		{ "LGPL-2.1 and GPL-2.0", NULL, LICENSE_KIND_STRONG },
		{ "MIT OR GPL-2.0-only", NULL, LICENSE_KIND_PERMISSIVE },
		{ "MPL-2.0 OR MIT AND GPL-2.0-only", NULL, LICENSE_KIND_WEAK },
		{ "(MPL-2.0 OR MIT) AND GPL-2.0-only", NULL, LICENSE_KIND_STRONG },
		{ "MIT AND LicenseRef-Mystery", NULL, LICENSE_KIND_OTHER },
		{ "LicenseRef-Proprietary", NULL, LICENSE_KIND_LIMITED },
		{ "LicenseRef-Public-Domain", NULL, LICENSE_KIND_PERMISSIVE },
		/* no expression: the family, then the first word */
		{ "BSD 3-Clause", "BSD", LICENSE_KIND_PERMISSIVE },
		{ "BSD 3-Clause", NULL, LICENSE_KIND_PERMISSIVE },
		{ "LGPL2", "GPL", LICENSE_KIND_STRONG },
		{ "GPL v2 and LGPL 2.1", NULL, LICENSE_KIND_STRONG },
		{ "GPL2", "OTHER", LICENSE_KIND_STRONG },
		{ "see the file", NULL, LICENSE_KIND_OTHER },
		{ "see the file", "PROPRIETARY", LICENSE_KIND_LIMITED },
		{ NULL, "MIT", LICENSE_KIND_PERMISSIVE },
		{ NULL, "OTHER", LICENSE_KIND_UNTOLD },
		{ NULL, NULL, LICENSE_KIND_UNTOLD },
		{ "", "", LICENSE_KIND_UNTOLD },
		{ "None", NULL, LICENSE_KIND_UNTOLD },
	};
	auto_arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *expression = rows[i].text ? license_expression(&a, rows[i].text) : NULL;
		enum license_kind got = license_kind_of(expression, rows[i].text, rows[i].family);

		if (got != rows[i].want)
			fail_msg("'%s' (%s) is %s, expected %s", rows[i].text, rows[i].family, license_kind_name(got),
				 license_kind_name(rows[i].want));
	}
}

/* Whatever stands there: it ends, and is one of the kinds. */
static void nonsense_is_some_kind(void **state)
{
	static const char *const rows[] = { "(",      "((((",	")",	    " AND ",  "MIT AND ",
					    "MIT OR", "WITH x", "MIT WITH", "MIT)MIT" };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_in_range(license_kind_of(rows[i], rows[i], NULL), 0, LICENSE_KINDS - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_licence_is_sorted_by_what_it_asks),
		cmocka_unit_test(nonsense_is_some_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
