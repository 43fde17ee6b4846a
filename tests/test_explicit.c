#include "check.h"

#include <stdio.h>

#include "conda/explicit.h"
#include "files.h"

static const char *variable(const char *name)
{
	return strcmp(name, "CHANNELS") == 0 ? "/srv/channels" : strcmp(name, "HOST_1") == 0 ? "example.org" : NULL;
}

static const struct explicit_place place = { .cwd = "/srv/here", .home = "/home/somebody", .variable = variable };

static int parse(const char *text, const char *subdir, struct lock *l, struct err *err)
{
	return explicit_parse(text, strlen(text), "f", subdir, &place, l, err);
}

static int read_file(const char *name, const char *text, size_t n, struct buf *ret, struct err *err)
{
	char subdir[32] = "linux-64";
	auto_lock l = { 0 };

	files_subdir(text, n, subdir);
	if (explicit_parse(text, n, name, subdir, &place, &l, err) < 0)
		return -1;
	files_dump_lock(&l, ret);
	return 0;
}

static void files_in_testdata(void **state)
{
	(void)state;
	files_check("explicit", ".txt", read_file, 4, 15);
}

static void a_list_is_told_by_its_mark(void **state)
{
	static const struct {
		const char *text;
		bool want;
	} rows[] = {
		{ "@EXPLICIT", true },
		{ "# x\n\n  @EXPLICIT\t\r\nhttp://x", true },
		{ "\xef\xbb\xbf@EXPLICIT", true },
		{ "# @EXPLICIT", false },
		{ "@explicit", false },
		{ "@EXPLICIT x", false },
		{ "", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(explicit_is(rows[i].text, strlen(rows[i].text)), rows[i].want);
}

#define HEX32 "0123456789abcdef0123456789abcdef"

/* CEP 23: relative paths are against the working directory; "~" and variables are replaced. */
static void paths_and_variables_are_expanded(void **state)
{
	static const struct {
		const char *line, *url;
	} rows[] = {
		{ "linux-64/x-1-0.conda", "file:///srv/here/linux-64/x-1-0.conda" },
		{ "./x-1-0.conda", "file:///srv/here/x-1-0.conda" },
		{ "../a/./linux-64//x-1-0.conda", "file:///srv/a/linux-64/x-1-0.conda" },
		{ "/../../x-1-0.conda", "file:///x-1-0.conda" },
		{ "~/x-1-0.conda", "file:///home/somebody/x-1-0.conda" },
		{ "$CHANNELS/noarch/x-1-0.conda", "file:///srv/channels/noarch/x-1-0.conda" },
		{ "${CHANNELS}s/x-1-0.conda", "file:///srv/channelss/x-1-0.conda" },
		{ "http://$HOST_1/noarch/x-1-0.conda", "http://example.org/noarch/x-1-0.conda" },
		{ "/a b/\xc3\xa9%/x-1-0.conda", "file:///a%20b/%C3%A9%25/x-1-0.conda" },
		{ "/$UNSET/${/$1/$/x-1-0.conda", "file:///%24UNSET/%24%7B/%241/%24/x-1-0.conda" },
		{ "https://me:secret@h/t/tk-1/c/noarch/x-1-0.conda", "https://h/c/noarch/x-1-0.conda" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_lock l = { 0 };
		auto_free char *text = mem_printf("@EXPLICIT\n%s#" HEX32 "\n", rows[i].line);

		assert_ok(parse(text, "linux-64", &l, &err), err);
		assert_string_equal(l.platforms[0].packages[0].url, rows[i].url);
		assert_string_equal(l.platforms[0].packages[0].name, "x");
	}
}

static void the_platform_is_said_or_seen_or_given(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "# platform: osx-arm64\nhttp://h/noarch/x-1-0.conda#" HEX32, "osx-arm64" },
		{ "http://h/noarch/y-1-0.conda#" HEX32 "\nhttp://h/linux-aarch64/x-1-0.conda#" HEX32, "linux-aarch64" },
		{ "http://h/noarch/x-1-0.conda#" HEX32, "linux-ppc64le" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_lock l = { 0 };

		assert_ok(parse(rows[i].text, "linux-ppc64le", &l, &err), err);
		assert_int_equal(l.n_platforms, 1);
		assert_string_equal(l.platforms[0].subdir, rows[i].want);
	}
}

/* As conda list --explicit --sha256 writes it (conda 26), and with --md5. */
static void a_list_is_written_as_conda_writes_it(void **state)
{
	struct record r = { .url = "https://h/c/noarch/x-1-0.conda", .has_sha256 = true, .has_md5 = true };
	struct record only = { .url = "https://h/c/noarch/y-1-0.conda", .has_md5 = true };
	struct record records[] = { r, only };
	struct lock_platform p = { .subdir = "linux-64", .packages = records, .n_packages = 2 };
	auto_buf sha = { 0 }, md5 = { 0 };
	static const char head[] = "# This file may be used to create an environment using:\n"
				   "# $ conda create --name <env> --file <this file>\n"
				   "# platform: linux-64\n"
				   "# created-by: condaimg\n"
				   "@EXPLICIT\n";
	static const char zeros[] = "00000000000000000000000000000000";
	auto_free char *want_sha = mem_printf("%s%s#%s%s\n%s#%s\n", head, r.url, zeros, zeros, only.url, zeros);
	auto_free char *want_md5 = mem_printf("%s%s#%s\n%s#%s\n", head, r.url, zeros, only.url, zeros);

	(void)state;
	explicit_write(&p, false, &sha);
	explicit_write(&p, true, &md5);
	assert_string_equal(sha.p, want_sha);
	assert_string_equal(md5.p, want_md5);
}

static void a_failure_leaves_the_result_alone(void **state)
{
	struct err err = ERR_INIT;
	struct lock l = { .name = "mine" };

	(void)state;
	assert_int_equal(parse("@EXPLICIT\nx\n", "linux-64", &l, &err), -1);
	assert_string_equal(l.name, "mine");
}

static void what_has_no_checksum_is_taken_only_where_it_is_looked_up(void **state)
{
	static const char text[] = "@EXPLICIT\nhttps://h/c/noarch/a-1-0.conda\nhttps://h/c/noarch/b-1-0.conda\n";
	struct explicit_place looks_up = place;
	struct err err = ERR_INIT;
	auto_lock l = { 0 };

	(void)state;
	looks_up.unverified = true;
	assert_int_equal(explicit_parse(text, strlen(text), "f", "linux-64", &place, &l, &err), -1);
	assert_int_equal(err.code, ERR_FORMAT);
	err_clear(&err);
	assert_ok(explicit_parse(text, strlen(text), "f", "linux-64", &looks_up, &l, &err), err);
	assert_string_equal(l.unverified, "f:2: https://h/c/noarch/a-1-0.conda");
	assert_false(l.platforms[0].packages[0].has_sha256 || l.platforms[0].packages[0].has_md5);
	assert_int_equal(l.platforms[0].n_packages, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_in_testdata),
		cmocka_unit_test(a_list_is_told_by_its_mark),
		cmocka_unit_test(paths_and_variables_are_expanded),
		cmocka_unit_test(the_platform_is_said_or_seen_or_given),
		cmocka_unit_test(a_list_is_written_as_conda_writes_it),
		cmocka_unit_test(what_has_no_checksum_is_taken_only_where_it_is_looked_up),
		cmocka_unit_test(a_failure_leaves_the_result_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
