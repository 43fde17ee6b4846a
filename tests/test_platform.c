#include "check.h"

#include "conda/platform.h"

static void every_name_of_a_platform_is_known(void **state)
{
	static const struct {
		const char *text, *subdir, *arch, *variant;
	} rows[] = {
		{ "linux-64", "linux-64", "amd64", NULL },
		{ "linux/amd64", "linux-64", "amd64", NULL },
		{ "linux/x86_64", "linux-64", "amd64", NULL },
		{ "linux-aarch64", "linux-aarch64", "arm64", "v8" },
		{ "linux/arm64", "linux-aarch64", "arm64", "v8" },
		{ "linux/arm64/v8", "linux-aarch64", "arm64", "v8" },
		{ "linux/aarch64", "linux-aarch64", "arm64", "v8" },
		{ "linux/ppc64le", "linux-ppc64le", "ppc64le", NULL },
		{ "linux-s390x", "linux-s390x", "s390x", NULL },
		{ "linux/riscv64", "linux-riscv64", "riscv64", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		const struct platform *p = platform_parse(rows[i].text, &err);

		assert_ok(p ? 0 : -1, err);
		assert_string_equal(p->subdir, rows[i].subdir);
		assert_string_equal(p->oci_os, "linux");
		assert_string_equal(p->oci_arch, rows[i].arch);
		assert_string_equal(p->oci_variant ? p->oci_variant : "", rows[i].variant ? rows[i].variant : "");
		assert_true(platform_is_subdir(p->subdir));
		assert_non_null(strstr(platform_list(), p->subdir));
		assert_int_equal(p->loader[0], '/');
		assert_non_null(strstr(p->triplet, "-conda-linux-gnu"));
	}
}

static void others_are_refused_with_the_list(void **state)
{
	static const char *const bad[] = { "",
					   "linux",
					   "amd64",
					   "osx-arm64",
					   "noarch",
					   "windows/amd64",
					   "linux/arm64/v7",
					   "linux/amd64/v2",
					   "linux/arm64/v8/",
					   "linux/arm64/",
					   "LINUX-64" };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct err err = ERR_INIT;

		if (platform_parse(bad[i], &err))
			fail_msg("%s passes", bad[i]);
		assert_err(err, ERR_USAGE, "linux-64 (linux/amd64), linux-aarch64 (linux/arm64)");
	}
}

static void loaders_stand_where_binaries_look_for_them(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_string_equal(platform_parse("linux-64", &err)->loader, "/lib64/ld-linux-x86-64.so.2");
	assert_string_equal(platform_parse("linux-aarch64", &err)->loader, "/lib/ld-linux-aarch64.so.1");
	assert_string_equal(platform_parse("linux-ppc64le", &err)->loader, "/lib64/ld64.so.2");
	assert_string_equal(platform_parse("linux-s390x", &err)->loader, "/lib/ld64.so.1");
	assert_string_equal(platform_parse("linux-riscv64", &err)->loader, "/lib/ld-linux-riscv64-lp64d.so.1");
}

static void conda_knows_more_subdirs_than_images_have(void **state)
{
	static const char *const subdirs[] = {
		"noarch", "osx-arm64", "win-64", "linux-32", "emscripten-wasm32", "zos-z"
	};
	static const char *const others[] = { "", "linux", "linux-64 ", "linux-65", "main", "Noarch" };

	(void)state;
	for (size_t i = 0; i < COUNT(subdirs); i++)
		assert_true(platform_is_subdir(subdirs[i]));
	for (size_t i = 0; i < COUNT(others); i++)
		assert_false(platform_is_subdir(others[i]));
	assert_true(platform_is_subdir(platform_host()->subdir));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_name_of_a_platform_is_known),
		cmocka_unit_test(others_are_refused_with_the_list),
		cmocka_unit_test(loaders_stand_where_binaries_look_for_them),
		cmocka_unit_test(conda_knows_more_subdirs_than_images_have),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
