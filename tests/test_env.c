#include "check.h"

#include <stdlib.h>

#include "conda/env.h"

static int open_data(void)
{
	const char *root = getenv("CONDAIMG_SOURCE_ROOT");
	auto_free char *path = mem_printf("%s/testdata/env", root ? root : ".");
	struct err err = ERR_INIT;
	int fd = fs_opendir_existing(AT_FDCWD, path, &err);

	assert_ok(fd, err);
	return fd;
}

static void add_list(struct buf *b, const char *front, const char *const *list)
{
	for (; *list; list++)
		buf_addf(b, "%s %s\n", front, *list);
}

/* Everything that was read, a line each. */
static void dump(const struct env *e, struct buf *b)
{
	if (e->name)
		buf_addf(b, "name %s\n", e->name);
	add_list(b, "channel", e->channels);
	if (e->nodefaults)
		buf_adds(b, "nodefaults\n");
	for (size_t i = 0; i < e->n_specs; i++)
		buf_addf(b, "spec %s (%u:%u)\n", e->specs[i].text, e->specs[i].line, e->specs[i].column);
	for (size_t i = 0; i < e->n_variables; i++)
		buf_addf(b, "variable %s=%s\n", e->variables[i].name, e->variables[i].value);
	add_list(b, "platform", e->platforms);
	add_list(b, "warning", e->warnings);
}

/* NAME.yml is read as NAME.want says, for the subdir in its first line; bad-WHY.yml is refused as bad-WHY.err says. */
static void files_in_testdata(void **state)
{
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	auto_fd dir = open_data();
	const char *const *names;
	size_t n, good = 0, bad = 0;

	(void)state;
	assert_ok(fs_list(&a, dir, ".", &names, &n, &err), err);
	for (size_t i = 0; i < n; i++) {
		bool refused = str_starts(names[i], "bad-");
		auto_buf text = { 0 }, want = { 0 }, got = { 0 };
		auto_env e = { 0 };
		const char *subdir = "linux-64";

		if (!str_ends(names[i], ".yml"))
			continue;
		assert_ok(fs_read(dir, names[i], 1 << 20, &text, &err), err);
		assert_ok(fs_read(dir,
				  arena_printf(&a, "%.*s.%s", (int)strlen(names[i]) - 4, names[i],
					       refused ? "err" : "want"),
				  1 << 20, &want, &err),
			  err);
		if (text.p && str_starts(text.p, "# for "))
			subdir = arena_strndup(&a, text.p + 6, strcspn(text.p + 6, "\r\n"));
		if (env_parse(text.p, text.n, names[i], subdir, &e, &err) < 0) {
			assert_int_equal(err.code, ERR_FORMAT);
			buf_addf(&got, "%s\n", err.text);
		} else {
			dump(&e, &got);
		}
		err_clear(&err);
		if (strcmp(buf_cstr(&got), buf_cstr(&want)) != 0)
			fail_msg("%s: got\n%s--- expected\n%s", names[i], buf_cstr(&got), buf_cstr(&want));
		*(refused ? &bad : &good) += 1;
	}
	assert_true(good >= 8);
	assert_true(bad >= 30);
}

static int parse(const char *text, const char *subdir, struct env *e, struct err *err)
{
	return env_parse(text, strlen(text), "f", subdir, e, err);
}

static void selectors_choose_by_platform(void **state)
{
	static const char text[] = "dependencies:\n"
				   "- a  # [linux]\n"
				   "- b  # [osx]\n"
				   "- c  # [linux64]\n"
				   "- d  # [aarch64]\n"
				   "- e  # [not win]\n"
				   "- sel(linux): f\n"
				   "- sel(osx): g\n";
	static const struct {
		const char *subdir, *want;
	} rows[] = { { "linux-64", "acef" }, { "linux-aarch64", "adef" }, { "osx-arm64", "beg" }, { "win-64", "" } };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_env e = { 0 };
		auto_buf got = { 0 };

		assert_ok(parse(text, rows[i].subdir, &e, &err), err);
		for (size_t k = 0; k < e.n_specs; k++)
			buf_adds(&got, e.specs[k].text);
		assert_string_equal(buf_cstr(&got), rows[i].want);
	}
}

static void merge(const char *first, const char *second, struct env *e, struct err *err)
{
	auto_env more = { 0 };

	assert_ok(env_parse(first, strlen(first), "a.yml", "linux-64", e, err), *err);
	assert_ok(env_parse(second, strlen(second), "b.yml", "linux-64", &more, err), *err);
	if (env_merge(e, &more, err) == 0)
		assert_int_equal(more.n_specs, 0);
}

/* conda's Environment.merge(): the last name, channels appended, every spec, the last value of a variable. */
static void two_files_are_one_environment(void **state)
{
	struct err err = ERR_INIT;
	auto_env e = { 0 };
	auto_buf got = { 0 };

	(void)state;
	merge("name: first\nchannels: [x, ./local, y]\ndependencies: [python, 'numpy <3']\n"
	      "variables: {B: old, A: kept}\nversion: 1\n",
	      "name: second\nchannels: [nodefaults, y, ./local, z]\ndependencies: ['numpy >1']\n"
	      "variables: {C: new, B: new}\nplatforms: [linux-64]\n",
	      &e, &err);
	assert_string_equal(e.file, "a.yml, b.yml");
	dump(&e, &got);
	assert_string_equal(got.p, "name second\n"
				   "channel x\nchannel ./local\nchannel y\nchannel ./local\nchannel z\n"
				   "nodefaults\n"
				   "spec python (3:16)\nspec numpy <3 (3:24)\nspec numpy >1 (3:16)\n"
				   "variable A=kept\nvariable B=new\nvariable C=new\n"
				   "platform linux-64\n"
				   "warning a.yml:5:1: 'version' is not a key of an environment file (CEP 24); it is "
				   "ignored\n");
	assert_string_equal(e.files[0], "a.yml");
	assert_string_equal(e.files[1], "b.yml");
	assert_null(e.files[2]);
	assert_string_equal(e.channel_files[1], "a.yml");
	assert_string_equal(e.channel_files[3], "b.yml");
	assert_string_equal(e.specs[1].file, "a.yml");
	assert_string_equal(e.specs[2].file, "b.yml");
}

static void a_file_that_says_nothing_takes_nothing_away(void **state)
{
	struct err err = ERR_INIT;
	auto_env e = { 0 };

	(void)state;
	merge("name: first\nchannels: [x]\ndependencies: [a]\nplatforms: [linux-64, osx-64]\n", "dependencies: [b]\n",
	      &e, &err);
	assert_string_equal(e.name, "first");
	assert_string_equal(e.channels[0], "x");
	assert_null(e.channels[1]);
	assert_string_equal(e.platforms[1], "osx-64");
	assert_int_equal(e.n_specs, 2);
}

static void files_for_other_platforms_are_not_one(void **state)
{
	struct err err = ERR_INIT;
	auto_env e = { 0 }, same = { 0 };

	(void)state;
	merge("dependencies: [a]\nplatforms: [linux-64, osx-64]\n", "dependencies: [b]\nplatforms: [osx-64]\n", &e,
	      &err);
	assert_err(err, ERR_USAGE, "b.yml is for osx-64, but a.yml for linux-64, osx-64");
	err_clear(&err);
	merge("dependencies: [a]\nplatforms: [linux-64, osx-64]\n",
	      "dependencies: [b]\nplatforms: [osx-64, linux-64]\n", &same, &err);
	assert_ok(err.code ? -1 : 0, err);
}

static void a_failure_leaves_the_result_alone(void **state)
{
	struct err err = ERR_INIT;
	struct env e = { .file = "mine" };
	auto_buf big = { 0 };

	(void)state;
	assert_int_equal(parse("dependencies: 5\n", "linux-64", &e, &err), -1);
	assert_string_equal(e.file, "mine");
	err_clear(&err);
	while (big.n <= 1 << 20)
		buf_adds(&big, "# much ado about nothing\n");
	assert_int_equal(env_parse(big.p, big.n, "f", "linux-64", &e, &err), -1);
	assert_err(err, ERR_LIMIT, "f: is larger than 1.0 MB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_in_testdata),
		cmocka_unit_test(selectors_choose_by_platform),
		cmocka_unit_test(two_files_are_one_environment),
		cmocka_unit_test(a_file_that_says_nothing_takes_nothing_away),
		cmocka_unit_test(files_for_other_platforms_are_not_one),
		cmocka_unit_test(a_failure_leaves_the_result_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
