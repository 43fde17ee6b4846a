#include "fetch/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

static void expect(const char *got, const char *want, const char *row)
{
	if (strcmp(got ? got : "(null)", want ? want : "(null)") != 0)
		fail_msg("%s: got '%s', expected '%s'", row, got ? got : "(null)", want ? want : "(null)");
}

static void a_url_with_a_slip_tells_no_secret(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "https://u:p@host/x", "https://host/x" },
		{ "https://host/x?token=SECRET", "https://host/x?..." },
		{ "https://host/x#SECRET", "https://host/x?..." },
		{ "u:SECRET@host/x", "...@host/x" },
		{ "https:/u:SECRET@host/x", "...@host/x" },
		{ "conda-forge", "conda-forge" },
	};
	auto_arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		expect(url_told(&a, rows[i].text), rows[i].want, rows[i].text);
}

static void credentials_are_taken_out(void **state)
{
	static const struct {
		const char *url, *want;
	} rows[] = {
		{ "https://conda.anaconda.org/conda-forge", "https://conda.anaconda.org/conda-forge" },
		{ "https://u:p@host/x", "https://host/x" },
		{ "https://u@host:8080/x", "https://host:8080/x" },
		{ "https://u:p@ss@host/x", "https://host/x" },
		{ "https://u:p@host", "https://host" },
		{ "https://host/x@y", "https://host/x@y" },
		{ "https://host?a=b@c", "https://host?a=b@c" },
		/* conda/common/url.py split_anaconda_token */
		{ "https://1.2.3.4/t/tk-123-456/path", "https://1.2.3.4/path" },
		{ "https://1.2.3.4/t//path", "https://1.2.3.4/path" },
		{ "https://some.domain/api/t/tk-123-456/path", "https://some.domain/api/path" },
		{ "https://1.2.3.4/conda/t/tk-123-456/path", "https://1.2.3.4/conda/path" },
		{ "https://1.2.3.4/path", "https://1.2.3.4/path" },
		/* the whole piece goes, whatever it is made of */
		{ "https://host/t/a_b.c%20d/path", "https://host/path" },
		{ "https://host/t/tk", "https://host" },
		{ "https://u:p@host/t/tk/x/y.conda", "https://host/x/y.conda" },
		{ "https://host/t/a/t/b/c", "https://host/c" },
		{ "https://host/tt/a/b", "https://host/tt/a/b" },
		{ "file:///tmp/t/a/b", "file:///tmp/t/a/b" },
		{ "/tmp/t/a/b", "/tmp/t/a/b" },
		{ "", "" },
	};
	auto_arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *once = url_redact(&a, rows[i].url);

		expect(once, rows[i].want, rows[i].url);
		expect(url_redact(&a, once), rows[i].want, "twice");
	}
}

static void pieces_are_joined_by_one_slash(void **state)
{
	auto_arena a = { 0 };

	(void)state;
	expect(url_join(&a, "https://h/a", "b"), "https://h/a/b", "plain");
	expect(url_join(&a, "https://h/a//", "/b/"), "https://h/a/b/", "slashes");
	expect(url_join(&a, "https://h/a", "http://x/y"), "http://x/y", "absolute");
}

static void references_are_resolved_as_rfc_3986_has_it(void **state)
{
	/* RFC 3986 5.4, with the directory of its base as the base; queries are not ours */
	static const struct {
		const char *rel, *want;
	} rows[] = {
		{ "g", "http://a/b/c/g" },	{ "./g", "http://a/b/c/g" },
		{ "g/", "http://a/b/c/g" },	{ "/g", "http://a/g" },
		{ "//g", "http://g" },		{ "", "http://a/b/c" },
		{ ".", "http://a/b/c" },	{ "./", "http://a/b/c" },
		{ "..", "http://a/b" },		{ "../", "http://a/b" },
		{ "../g", "http://a/b/g" },	{ "../..", "http://a" },
		{ "../../g", "http://a/g" },	{ "../../../g", "http://a/g" },
		{ "/./g", "http://a/g" },	{ "/../g", "http://a/g" },
		{ "g.", "http://a/b/c/g." },	{ "..g", "http://a/b/c/..g" },
		{ "./../g", "http://a/b/g" },	{ "g/./h", "http://a/b/c/g/h" },
		{ "g/../h", "http://a/b/c/h" }, { "https://x/y/", "https://x/y" },
	};
	auto_arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		expect(url_resolve(&a, "http://a/b/c/", rows[i].rel), rows[i].want, rows[i].rel);
	expect(url_resolve(&a, "file:///srv/ch/noarch", "../pkgs"), "file:///srv/ch/pkgs", "file");
}

static void epochs_and_local_versions_stay_as_they_are(void **state)
{
	auto_arena a = { 0 };

	(void)state;
	expect(url_encode(&a, "x-1!2.0+3-py_0.conda"), "x-1!2.0+3-py_0.conda", "epoch");
	expect(url_encode(&a, "a b%g#d?e/\xc3\xa4%"), "a%20b%25g%23d%3Fe%2F%C3%A4%25", "encoded");
	expect(url_encode(&a, "x264-1%21164-0.conda"), "x264-1%21164-0.conda", "encoded before");
	expect(url_encode(&a, "..%2f..%5c%00"), "..%252f..%255c%2500", "what would be a path");
	assert_true(url_is_plain("x-1!2.0+3-py_0.conda", 20));
	assert_false(url_is_plain("a b", 3));
	assert_false(url_is_plain("a%2", 3));
}

static void paths_become_file_urls_and_back(void **state)
{
	static const char *const paths[] = { "/", "/a/b", "/a b/%41/\xc3\xa4", "/x+y!z", "/q?r#s" };
	auto_arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++)
		expect(url_to_path(&a, url_from_path(&a, paths[i])), paths[i], paths[i]);
	expect(url_from_path(&a, "/a b"), "file:///a%20b", "encoded");
	expect(url_to_path(&a, "file://localhost/a"), "/a", "localhost");
	expect(url_to_path(&a, "FILE:///a"), "/a", "upper case");
	expect(url_to_path(&a, "file://other/a"), NULL, "another host");
	expect(url_to_path(&a, "file:///a%00b"), NULL, "NUL");
	expect(url_to_path(&a, "file:///a%4"), NULL, "half an escape");
	expect(url_to_path(&a, "http://a/b"), NULL, "no file URL");
}

static void schemes_are_known_by_their_slashes(void **state)
{
	(void)state;
	assert_true(url_has_scheme("s3://b"));
	assert_true(url_has_scheme("git+ssh://b"));
	assert_false(url_has_scheme("conda-forge"));
	assert_false(url_has_scheme("://x"));
	assert_false(url_has_scheme("1a://x"));
	assert_true(url_is("HTTPS://x", "https"));
	assert_false(url_is("https://x", "http"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(credentials_are_taken_out),
		cmocka_unit_test(a_url_with_a_slip_tells_no_secret),
		cmocka_unit_test(pieces_are_joined_by_one_slash),
		cmocka_unit_test(references_are_resolved_as_rfc_3986_has_it),
		cmocka_unit_test(epochs_and_local_versions_stay_as_they_are),
		cmocka_unit_test(paths_become_file_urls_and_back),
		cmocka_unit_test(schemes_are_known_by_their_slashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
