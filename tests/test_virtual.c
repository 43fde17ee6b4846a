#include "check.h"

#include "conda/virtual.h"

static const char *joined(struct arena *a, const struct virtual_set *set)
{
	auto_buf b = { 0 };

	for (const char *const *t = virtual_texts(a, set); *t; t++)
		buf_addf(&b, "%s%s", b.n ? " " : "", *t);
	return arena_strdup(a, buf_cstr(&b));
}

static struct virtual_set defaults(struct arena *a, const char *platform)
{
	struct err err = ERR_INIT;
	struct virtual_set set;

	virtual_defaults(a, platform_parse(platform, &err), "2.28", &set);
	return set;
}

static void defaults_are_those_of_the_machine_that_runs_the_image(void **state)
{
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	struct virtual_set set = defaults(&a, "linux-64");

	(void)state;
	assert_string_equal(joined(&a, &set), "__archspec=1=x86_64 __glibc=2.28=0 __linux=5.10=0 __unix=0=0");
	set = defaults(&a, "linux-aarch64");
	assert_string_equal(joined(&a, &set), "__archspec=1=aarch64 __glibc=2.28=0 __linux=5.10=0 __unix=0=0");
	virtual_defaults(&a, platform_parse("linux-64", &err), NULL, &set);
	assert_null(virtual_find(&set, "__glibc"));
	assert_string_equal(virtual_find(&set, "__linux")->version, "5.10");
	assert_string_equal(virtual_find(&set, "__unix")->subdir, "");
	assert_string_equal(virtual_find(&set, "__unix")->channel, "");
	assert_null(virtual_find(&set, "__unix")->depends[0]);
}

struct row {
	const char *name, *text;
	const char *want; /* NULL: refused */
	const char *words;
};

static void options_set_and_take_away(void **state)
{
	static const struct row rows[] = {
		{ NULL, "__cuda=12.4", "__archspec=1=x86_64 __cuda=12.4=0 __glibc=2.28=0 __linux=5.10=0 __unix=0=0",
		  NULL },
		{ NULL, "__glibc=2.17", "__archspec=1=x86_64 __glibc=2.17=0 __linux=5.10=0 __unix=0=0", NULL },
		{ NULL, "__glibc=", "__archspec=1=x86_64 __linux=5.10=0 __unix=0=0", NULL },
		{ NULL, "__osx=", "__archspec=1=x86_64 __glibc=2.28=0 __linux=5.10=0 __unix=0=0", NULL },
		{ NULL, "__archspec=1=x86_64_v3", "__archspec=1=x86_64_v3 __glibc=2.28=0 __linux=5.10=0 __unix=0=0",
		  NULL },
		{ NULL, "__zz=1=b", "__archspec=1=x86_64 __glibc=2.28=0 __linux=5.10=0 __unix=0=0 __zz=1=b", NULL },
		{ NULL, "__archspec=1", NULL, "has no build" },
		{ NULL, "__archspec=x86_64_v3", NULL, "'x86_64_v3' is not a version" },
		{ NULL, "cuda=12", NULL, "does not begin with two underscores" },
		{ NULL, "__Cuda=12", NULL, "does not begin with two underscores" },
		{ NULL, "___x=12", NULL, "underscores" },
		{ NULL, "__cuda", NULL, "has no version" },
		{ NULL, "__cuda==12", NULL, "'' is not a version" },
		{ NULL, "__cuda=12.", NULL, "'12.' is not a version" },
		{ NULL, "__cuda=>=12", NULL, "'>' is not a version" },
		{ NULL, "__cuda=12=", NULL, "'' is not a build" },
		{ NULL, "__cuda=12=a=b", NULL, "'a=b' is not a build" },
		{ NULL, "", NULL, "underscores" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_arena a = { 0 };
		struct virtual_set set = defaults(&a, "linux-64");
		int rc = virtual_apply(&a, &set, rows[i].text, &err);

		if (!rows[i].want) {
			assert_int_equal(rc, -1);
			assert_err(err, ERR_USAGE, rows[i].words);
		} else {
			assert_ok(rc, err);
			assert_string_equal(joined(&a, &set), rows[i].want);
		}
	}
}

static void overrides_are_condas(void **state)
{
#define REST "__linux=5.10=0 __unix=0=0"
	static const struct row rows[] = {
		{ "GLIBC", "2.17", "__archspec=1=x86_64 __glibc=2.17=0 " REST, NULL },
		{ "GLIBC", "", "__archspec=1=x86_64 " REST, NULL },
		{ "CUDA", "12.4", "__archspec=1=x86_64 __cuda=12.4=0 __glibc=2.28=0 " REST, NULL },
		{ "CUDA_ARCH", "8.6", "__archspec=1=x86_64 __cuda_arch=8.6=0 __glibc=2.28=0 " REST, NULL },
		{ "ARCHSPEC", "x86_64_v3", "__archspec=1=x86_64_v3 __glibc=2.28=0 " REST, NULL },
		{ "ARCHSPEC", "", "__glibc=2.28=0 " REST, NULL },
		{ "LINUX", "6.1.0", "__archspec=1=x86_64 __glibc=2.28=0 __linux=6.1.0=0 __unix=0=0", NULL },
		{ "LINUX", "6.1.0-13-amd64", "__archspec=1=x86_64 __glibc=2.28=0 __linux=6.1.0=0 __unix=0=0", NULL },
		{ "LINUX", "4.18.0.1", "__archspec=1=x86_64 __glibc=2.28=0 __linux=4.18.0.1=0 __unix=0=0", NULL },
		{ "UNIX", "7", "__archspec=1=x86_64 __glibc=2.28=0 " REST, NULL },
		{ "UNIX", "", "__archspec=1=x86_64 __glibc=2.28=0 " REST, NULL },
		{ "OSX", "11", "__archspec=1=x86_64 __glibc=2.28=0 " REST, NULL },
		{ "LINUX", "6", NULL, "kernel version" },
		{ "LINUX", "6.x", NULL, "kernel version" },
		{ "LINUX", "6.1.2.3.4", NULL, "kernel version" },
		{ "GLIBC", "new", NULL, "CONDA_OVERRIDE_GLIBC is 'new', which is not a version" },
		{ "CUDA", "12 4", NULL, "not a version" },
		{ "ARCHSPEC", "x-y", NULL, "not a microarchitecture" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_arena a = { 0 };
		struct virtual_set set = defaults(&a, "linux-64");
		int rc = virtual_override(&a, &set, rows[i].name, rows[i].text, &err);

		if (!rows[i].want) {
			assert_int_equal(rc, -1);
			assert_err(err, ERR_USAGE, rows[i].words);
		} else {
			assert_ok(rc, err);
			assert_string_equal(joined(&a, &set), rows[i].want);
		}
	}
}

static void texts_are_read_back(void **state)
{
	static const char *const texts[] = { "__unix=0=0", "__cuda=12=0", "__archspec=1=x86_64_v3", NULL };
	static const char *const bad[][3] = {
		{ "__unix=0", NULL },		{ "unix=0=0", NULL }, { "__unix=0=0=0", NULL }, { "", NULL },
		{ "__a=1=0", "__a=2=0", NULL }, { "__a==0", NULL },   { "__a=1=", NULL },
	};
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	struct virtual_set set = { 0 };

	(void)state;
	assert_ok(virtual_from_texts(&a, texts, &set, &err), err);
	assert_string_equal(joined(&a, &set), "__archspec=1=x86_64_v3 __cuda=12=0 __unix=0=0");
	for (size_t i = 0; i < COUNT(bad); i++) {
		err_clear(&err);
		assert_int_equal(virtual_from_texts(&a, bad[i], &set, &err), -1);
		assert_int_equal(err.code, ERR_FORMAT);
	}
	assert_int_equal(set.n, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_those_of_the_machine_that_runs_the_image),
		cmocka_unit_test(options_set_and_take_away),
		cmocka_unit_test(overrides_are_condas),
		cmocka_unit_test(texts_are_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
