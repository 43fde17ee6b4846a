#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cmd/html_text.h"

#define FFFD "\xef\xbf\xbd"

static void foreign_text_is_never_markup(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "", "" },
		{ "numpy 1.26", "numpy 1.26" },
		{ "</style><script>a('b')</script>", "&lt;/style&gt;&lt;script&gt;a(&#39;b&#39;)&lt;/script&gt;" },
		{ "\" onload=\"x", "&quot; onload=&quot;x" },
		{ "&lt;", "&amp;lt;" },
		{ "gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x8d", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x8d" },
		/* not UTF-8: a lone byte, too long a form of '<', a surrogate, cut off */
		{ "\xff<", FFFD "&lt;" },
		{ "\xc0\xbc", FFFD FFFD },
		{ "\xed\xa0\x80", FFFD FFFD FFFD },
		{ "a\xe2\x80", "a" FFFD FFFD },
		/* controls of C0, C1, and DEL; tab and line end stay */
		{ "\x1b[31m\x7f\x01\t\n", FFFD "[31m" FFFD FFFD "\t\n" },
		{ "\xc2\x9b\xc2\xa0", FFFD "\xc2\xa0" },
		/* what turns or hides text: RLO, PDI, RLM, ALM, line separator, BOM; not the hyphen between them */
		{ "\xe2\x80\xae \xe2\x81\xa9 \xe2\x80\x8f \xd8\x9c \xe2\x80\xa8 \xef\xbb\xbf \xe2\x80\x90",
		  FFFD " " FFFD " " FFFD " " FFFD " " FFFD " " FFFD " \xe2\x80\x90" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_buf got = { 0 };

		html_text_escape(&got, rows[i].text);
		assert_string_equal(buf_cstr(&got), rows[i].want);
	}
}

static void a_long_text_keeps_its_ends(void **state)
{
	static const struct {
		const char *text;
		size_t max;
		const char *want;
	} rows[] = {
		{ "abc", 3, "abc" },
		{ "abcd", 3,
		  "a\xe2\x80\xa6"
		  "d" },
		{ "abcdefgh", 5, "ab\xe2\x80\xa6gh" },
		{ "<<<<<<", 3, "&lt;\xe2\x80\xa6&lt;" },
		{ "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", 4, "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc" },
		{ "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", 4, "\xc3\xbc\xe2\x80\xa6\xc3\xbc\xc3\xbc" },
		{ "\xff\xff\xff\xff", 3, FFFD "\xe2\x80\xa6" FFFD },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_buf got = { 0 };

		html_text_cut(&got, rows[i].text, rows[i].max);
		assert_string_equal(buf_cstr(&got), rows[i].want);
	}
}

static void only_web_addresses_become_links(void **state)
{
	static const struct {
		const char *url;
		bool want;
	} rows[] = {
		{ "https://conda.anaconda.org/conda-forge", true },
		{ "HTTP://x.example/a?b=c&d#e", true },
		{ "javascript:alert(1)", false },
		{ "JavaScript://https://x/%0aalert(1)", false },
		{ " javascript:alert(1)", false },
		{ " https://x/", false },
		{ "java\nscript:alert(1)", false },
		{ "https://x/\njavascript:alert(1)", false },
		{ "data:text/html,<script>", false },
		{ "vbscript:x", false },
		{ "file:///etc/passwd", false },
		{ "//x.example/", false },
		{ "https:x", false },
		{ "https://x/\" onclick=\"y", false },
		{ "https://x/'", false },
		{ "https://x/<b>", false },
		{ "https://xn\xc3\xbc.example/", false },
		{ "", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (html_text_is_link(rows[i].url) != rows[i].want)
			fail_msg("'%s'", rows[i].url);
}

/* CSP 3's own example (8.3), and: printf %s TEXT | openssl sha256 -binary | base64 */
static void policies_name_scripts_by_their_hash(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "alert('Hello, world.');", "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='" },
		{ "", "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_buf got = { 0 };

		html_text_csp(&got, rows[i].text, strlen(rows[i].text));
		assert_string_equal(got.p, rows[i].want);
	}
}

static void counts_are_grouped(void **state)
{
	static const struct {
		uint64_t n;
		const char *want;
	} rows[] = { { 0, "0" },	  { 999, "999" },	    { 1000, "1,000" },
		     { 12034, "12,034" }, { 1000000, "1,000,000" }, { UINT64_MAX, "18,446,744,073,709,551,615" } };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_buf got = { 0 };

		html_text_count(&got, rows[i].n);
		assert_string_equal(got.p, rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(foreign_text_is_never_markup),
		cmocka_unit_test(a_long_text_keeps_its_ends),
		cmocka_unit_test(only_web_addresses_become_links),
		cmocka_unit_test(policies_name_scripts_by_their_hash),
		cmocka_unit_test(counts_are_grouped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
