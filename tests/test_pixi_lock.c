#include "check.h"

#include <stdio.h>

#include "conda/pixi_lock.h"
#include "files.h"

/* "# environment NAME" in the second line says which. */
static void environment_of(const char *text, size_t n, char *ret)
{
	const char *at = n ? strstr(text, "\n# environment ") : NULL;

	if (at)
		snprintf(ret, 64, "%.*s", (int)strcspn(at + 15, "\n"), at + 15);
}

static int read_file(const char *name, const char *text, size_t n, struct buf *ret, struct err *err)
{
	char environment[64] = "";
	auto_lock l = { 0 };

	environment_of(text, n, environment);
	if (pixi_lock_parse(text, n, name, "/srv/here", *environment ? environment : NULL, &l, err) < 0)
		return -1;
	files_dump_lock(&l, ret);
	return 0;
}

static void files_in_testdata(void **state)
{
	(void)state;
	files_check("pixi", ".lock", read_file, 6, 25);
}

static void a_lock_that_is_read_is_foreign_and_says_all(void **state)
{
	static const char text[] = "version: 6\n"
				   "environments:\n"
				   "  default:\n"
				   "    channels: [{url: 'https://h/c/'}]\n"
				   "    packages: {linux-64: [conda: 'https://h/c/linux-64/x-1-0.conda']}\n"
				   "packages:\n"
				   "- conda: https://h/c/linux-64/x-1-0.conda\n"
				   "  md5: 0123456789abcdef0123456789abcdef\n";
	struct err err = ERR_INIT;
	auto_lock l = { 0 };
	const struct lock_platform *p;

	(void)state;
	assert_ok(pixi_lock_parse(text, strlen(text), "f", "/", NULL, &l, &err), err);
	assert_true(l.foreign);
	assert_null(l.name);
	assert_string_equal(l.priority, "");
	assert_null(l.sources[0]);
	assert_null(l.requested[0]);
	p = lock_find(&l, "linux-64");
	assert_non_null(p);
	assert_string_equal(p->libc, "");
	assert_null(p->virtuals[0]);
	assert_null(p->refused);
	assert_int_equal(p->n_libc_packages, 0);
	assert_false(p->packages[0].bare);
	assert_null(p->packages[0].depends[0]);
	assert_null(p->packages[0].license);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_in_testdata),
		cmocka_unit_test(a_lock_that_is_read_is_foreign_and_says_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
