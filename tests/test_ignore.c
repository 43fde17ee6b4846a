/*
 * .dockerignore. The rows are Docker's documented rules, and what the tests of Docker's own matcher (moby/patternmatcher)
 * state as facts.
 */
#include "check.h"

#include "cmd/ignore.h"

static bool left_out(const char *file, const char *path)
{
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	struct ignore ig;

	if (ignore_parse(&a, file, strlen(file), ".dockerignore", &ig, &err) < 0)
		fail_msg("%s: %s", file, err.text);
	return ignore_match(&ig, path);
}

static void one_pattern(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool want;
	} rows[] = {
		{ "**", "file", true },
		{ "**/", "file", true },
		{ "**/", "dir/file", true },
		{ "**/**", "dir/file", true },
		{ "dir/**", "dir/file", true },
		{ "dir/**", "dir/dir2/file", true },
		{ "dir/**", "dir", false },
		{ "**/dir", "dir", true },
		{ "**/dir", "dir/file", true },
		{ "**/dir", "xdir", false },
		{ "**/dir2/*", "dir/dir2/file", true },
		{ "**/dir2/**", "dir/dir2/dir3/file", true },
		{ "**file", "file", true },
		{ "**file", "dir/dir/file", true },
		{ "**file", "dir/myfile", true },
		{ "**/file", "dir/dir/file", true },
		{ "**/file", "dir/myfile", false },
		{ "**/file*", "dir/dir/file.txt", true },
		{ "**/file*txt", "dir/dir/file.txt", true },
		{ "**/file*.txt*", "dir/dir/file.txt", true },
		{ "**/**/*.txt", "dir/dir/file.txt", true },
		{ "**/**/*.txt2", "dir/dir/file.txt", false },
		{ "**/*.txt", "file.txt", true },
		{ "**/**/*.txt", "file.txt", true },
		{ "a**/*.txt", "a/file.txt", true },
		{ "a**/*.txt", "a/dir/dir/file.txt", true },
		{ "a/*.txt", "a/dir/file.txt", false },
		{ "a/*.txt", "a/file.txt", true },
		{ "a/*.txt**", "a/file.txt", true },
		{ "a[b-d]e", "ae", false },
		{ "a[b-d]e", "ace", true },
		{ "a[b-d]e", "aae", false },
		{ "a[^b-d]e", "aze", true },
		{ ".*", ".foo", true },
		{ ".*", "foo", false },
		{ "abc.def", "abcdef", false },
		{ "abc.def", "abc.def", true },
		{ "abc.def", "abcZdef", false },
		{ "abc?def", "abcZdef", true },
		{ "abc?def", "abcdef", false },
		{ "**/foo/bar", "foo/bar", true },
		{ "**/foo/bar", "dir/dir2/foo/bar", true },
		{ "**/.foo", ".foo", true },
		{ "**/.foo", "bar.foo", false },
		{ "a(b)c/def", "a(b)c/def", true },
		{ "a(b)c/def", "a(b)c/xyz", false },
		{ "a.|)$(}+{bc", "a.|)$(}+{bc", true },
		{ "dist/*.whl", "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl", true },
		{ "a\\\\", "a\\", true },
		{ "a\\*b", "a*b", true },
		{ "a\\*b", "ab", false },
		{ "*c", "abc", true },
		{ "a*", "a", true },
		{ "a*", "ab/c", true },
		{ "a*/b", "abc/b", true },
		{ "a*/b", "a/c/b", false },
		{ "a*b*c*d*e*/f", "axbxcxdxexxx/f", true },
		{ "a*b*c*d*e*/f", "axbxcxdxe/xxx/f", false },
		{ "a*b?c*x", "abxbbxdbxebxczzx", true },
		{ "a*b?c*x", "abxbbxdbxebxczzy", false },
		{ "ab[^e-g]", "abc", true },
		{ "ab[^c]", "abc", false },
		{ "a?b", "a\u263ab", true },
		{ "a[^a]b", "a\u263ab", true },
		{ "a???b", "a\u263ab", false },
		{ "[a-\u03b6]*", "\u03b1", true },
		{ "a?b", "a/b", false },
		{ "a*b", "a/b", false },
		{ "[\\]a]", "]", true },
		{ "[\\-]", "-", true },
		{ "[x\\-]", "z", false },
		{ "*x", "xxx", true },
		/* Docker's documentation: anchored, cleaned, '.' is nothing. */
		{ "/foo/bar", "foo/bar", true },
		{ "foo/bar", "foo/bar", true },
		{ "foo", "sub/foo", false },
		{ "./foo//bar/", "foo/bar", true },
		{ "foo/../bar", "bar", true },
		{ "../foo", "foo", false },
		{ ".", "foo", false },
		{ "*/temp*", "somedir/temporary.txt", true },
		{ "*/temp*", "somedir/temp/x", true },
		{ "*/temp*", "a/b/temp", false },
		{ "*/*/temp*", "somedir/subdir/temporary.txt", true },
		{ "temp?", "tempa", true },
		{ "temp?", "temp", false },
		{ "**/*.go", "a/b/c.go", true },
		{ "**/*.go", "c.go", true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (left_out(rows[i].pattern, rows[i].path) != rows[i].want)
			fail_msg("'%s' and '%s', expected %d", rows[i].pattern, rows[i].path, rows[i].want);
}

static void the_last_pattern_that_matches_wins(void **state)
{
	static const struct {
		const char *file, *path;
		bool want;
	} rows[] = {
		{ "*.md\n!README*.md\nREADME-secret.md\n", "README-secret.md", true },
		{ "*.md\n!README*.md\nREADME-secret.md\n", "README.md", false },
		{ "*.md\n!README*.md\nREADME-secret.md\n", "x.md", true },
		{ "*.md\nREADME-secret.md\n!README*.md\n", "README-secret.md", false },
		{ "!fileutils.go\n*.go", "fileutils.go", true },
		{ "*.go\n!fileutils.go", "fileutils.go", false },
		{ "docs\n!docs/README.md", "docs/README.md", false },
		{ "docs/\n!docs/README.md", "docs/README.md", false },
		{ "docs/*\n!docs/README.md", "docs/README.md", false },
		{ "docs\n!docs/README.md", "docs/x", true },
		{ "**\n!util/docker/web", "util/docker/web/foo", false },
		{ "**\n!util/docker/web\nutil/docker/web/foo", "util/docker/web/foo", true },
		{ "**\n!dist/*.whl", "dist/a.whl", false },
		{ "# comment\n\n  spaced  \n", "spaced", true },
		{ "# comment\n", "# comment", false },
		{ " # not a comment", "# not a comment", true },
		{ "\\#x", "#x", true },
		{ "\xef\xbb\xbf"
		  "bom\r\ncr\r\n",
		  "bom", true },
		{ "bom\r\ncr\r\n", "cr", true },
		{ "*\n! kept ", "kept", false },
		{ "", "x", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (left_out(rows[i].file, rows[i].path) != rows[i].want)
			fail_msg("'%s' and '%s', expected %d", rows[i].file, rows[i].path, rows[i].want);
}

static void what_is_no_pattern_is_refused(void **state)
{
	static const char *const rows[] = { "[]a]", "[-]", "[x-]", "[-x]", "\\",   "[a-b-c]",
					    "[",    "[^",  "[^bc", "a[",   "x\n!", "!   " };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_arena a = { 0 };
		struct ignore ig;

		if (ignore_parse(&a, rows[i], strlen(rows[i]), "d/.dockerignore", &ig, &err) == 0)
			fail_msg("'%s' was taken", rows[i]);
		assert_int_equal(err.code, ERR_FORMAT);
		assert_non_null(strstr(err.text, i == 10 ? "d/.dockerignore:2: " : "d/.dockerignore:1: "));
	}
}

/* Backtracking would take longer than the universe has been there. */
static void no_pattern_takes_long(void **state)
{
	char path[1001];
	auto_buf pattern = { 0 };

	(void)state;
	memset(path, 'a', 1000);
	path[1000] = '\0';
	for (int i = 0; i < 300; i++)
		buf_adds(&pattern, i % 3 ? "a*" : "**/");
	buf_adds(&pattern, "b");
	assert_false(left_out(pattern.p, path));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_pattern),
		cmocka_unit_test(the_last_pattern_that_matches_wins),
		cmocka_unit_test(what_is_no_pattern_is_refused),
		cmocka_unit_test(no_pattern_takes_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
