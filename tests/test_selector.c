#include "check.h"

#include "conda/selector.h"

static void expressions(void **state)
{
	static const struct {
		const char *expr, *subdir;
		enum selector want;
	} rows[] = {
		{ "linux", "linux-64", SELECTOR_TRUE },
		{ "unix", "linux-64", SELECTOR_TRUE },
		{ "osx", "linux-64", SELECTOR_FALSE },
		{ "win", "linux-64", SELECTOR_FALSE },
		{ "linux64", "linux-64", SELECTOR_TRUE },
		{ "linux64", "linux-aarch64", SELECTOR_FALSE },
		{ "linux32", "linux-64", SELECTOR_FALSE },
		{ "aarch64", "linux-aarch64", SELECTOR_TRUE },
		{ "arm64", "linux-aarch64", SELECTOR_FALSE }, /* conda-build: macOS and Windows only */
		{ "arm64", "osx-arm64", SELECTOR_TRUE },
		{ "x86_64", "linux-64", SELECTOR_TRUE },
		{ "x86", "linux-32", SELECTOR_TRUE },
		{ "osx64", "osx-64", SELECTOR_TRUE },
		{ "osx64", "osx-arm64", SELECTOR_FALSE },
		{ "ppc64le", "linux-ppc64le", SELECTOR_TRUE },
		{ "s390x", "linux-64", SELECTOR_FALSE },
		{ "unix", "osx-arm64", SELECTOR_TRUE },
		{ "unix", "win-64", SELECTOR_FALSE },
		{ "win64", "win-64", SELECTOR_TRUE },
		{ "not win", "linux-64", SELECTOR_TRUE },
		{ "not not win", "linux-64", SELECTOR_FALSE },
		{ "linux and not aarch64", "linux-64", SELECTOR_TRUE },
		{ "osx or win or linux", "linux-64", SELECTOR_TRUE },
		{ "linux or osx and win", "linux-64", SELECTOR_TRUE }, /* and binds tighter */
		{ "(linux or osx) and win", "linux-64", SELECTOR_FALSE },
		{ "not (win or osx)", "linux-64", SELECTOR_TRUE },
		{ "not(win)", "linux-64", SELECTOR_TRUE },
		{ "  linux\t", "linux-64", SELECTOR_TRUE },
		{ "linux", "noarch", SELECTOR_FALSE },
		{ "", "linux-64", SELECTOR_UNKNOWN },
		{ "py38", "linux-64", SELECTOR_UNKNOWN },
		{ "linux and py38", "linux-64", SELECTOR_UNKNOWN },
		{ "osx and py38", "linux-64", SELECTOR_UNKNOWN },
		{ "linux and", "linux-64", SELECTOR_UNKNOWN },
		{ "linux osx", "linux-64", SELECTOR_UNKNOWN },
		{ "(linux", "linux-64", SELECTOR_UNKNOWN },
		{ "linux)", "linux-64", SELECTOR_UNKNOWN },
		{ "Linux", "linux-64", SELECTOR_UNKNOWN },
		{ "linux && osx", "linux-64", SELECTOR_UNKNOWN },
		{ "not", "linux-64", SELECTOR_UNKNOWN },
		{ "linux64x", "linux-64", SELECTOR_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (selector_eval(str_of(rows[i].expr), rows[i].subdir) != rows[i].want)
			fail_msg("'%s' for %s", rows[i].expr, rows[i].subdir);
}

static void nesting_is_bounded(void **state)
{
	auto_buf b = { 0 };

	(void)state;
	for (int i = 0; i < 100000; i++)
		buf_adds(&b, i % 2 ? "(" : "not ");
	assert_int_equal(selector_eval((struct str){ b.p, b.n }, "linux-64"), SELECTOR_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expressions),
		cmocka_unit_test(nesting_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
