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
		cmocka_unit_test(a_failure_leaves_the_result_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
