#include "conda/placeholder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "streams.h"

#define P10 "/bbbbbbbbb" /* 10 bytes */
#define P50 P10 P10 P10 P10 P10
#define P100 P50 P50

typedef struct source *wrap_fn(struct source *in, const char *placeholder, const char *prefix);

static int run(wrap_fn *wrap, const char *p, size_t n, size_t step, const char *placeholder, const char *prefix,
	       struct buf *ret, struct err *err)
{
	auto_source *s = wrap(streams_dribble(p, n, step), placeholder, prefix);

	return io_slurp(s, UINT64_MAX, ret, err);
}

/* However it is cut. */
static void expect(wrap_fn *wrap, struct str in, const char *placeholder, const char *prefix, struct str want)
{
	static const size_t steps[] = { 1, 2, 3, 7, 64, 4096, IO_CHUNK };

	for (size_t i = 0; i < COUNT(steps); i++) {
		struct err err = ERR_INIT;
		auto_buf got = { 0 };

		if (run(wrap, in.p, in.n, steps[i], placeholder, prefix, &got, &err) < 0)
			fail_msg("'%s': %s", in.p, err.text);
		if (got.n != want.n || memcmp(buf_cstr(&got), want.p, want.n) != 0)
			fail_msg("'%.*s' by %zu is '%s' (%zu bytes), expected '%s' (%zu)", (int)in.n, in.p, steps[i],
				 buf_cstr(&got), got.n, want.p, want.n);
	}
}

/* ---- text ---- */

static void text_has_every_placeholder_replaced(void **state)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{ "", "" },
		{ "nothing", "nothing" },
		{ "/old", "/new/place" },
		{ "/old/old", "/new/place/new/place" },
		{ "a=/old/bin:/old/sbin\nb=/ol /oldd\n", "a=/new/place/bin:/new/place/sbin\nb=/ol /new/placed\n" },
		{ "/ol/old/ol", "/ol/new/place/ol" },
		{ "#!/old/bin/sh\n#!/old/bin/sh\n", "#!/new/place/bin/sh\n#!/new/place/bin/sh\n" },
		{ "#", "#" },
		{ "#!", "#!" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		expect(placeholder_text, str_of(rows[i].in), "/old", "/new/place", str_of(rows[i].want));
}

static void replacement_is_not_looked_through_again(void **state)
{
	(void)state;
	expect(placeholder_text, STR("xax"), "a", "aa", STR("xaax"));
	expect(placeholder_text, STR("aaa"), "aa", "b", STR("ba"));
}

static void empty_placeholder_is_nowhere(void **state)
{
	(void)state;
	expect(placeholder_text, STR("abc"), "", "/x", STR("abc"));
	expect(placeholder_binary, STR("abc\0"), "", "/x", STR("abc\0"));
}

/* facts 6.2: longer than 127 bytes without the line end. */
static void long_shebang_asks_env(void **state)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		/* "#!" + 100 + 25 = 127 bytes */
		{ "#!" P100 P10 P10 "/perl\nrest", "#!" P100 P10 P10 "/perl\nrest" },
		{ "#!" P100 P10 P10 "/perl5\nrest", "#!/usr/bin/env perl5\nrest" },
		{ "#!" P100 P10 P10 "/perl5", "#!/usr/bin/env perl5" },
		{ "#!" P100 P10 "/perl -w -T 123456789\n", "#!/usr/bin/env perl -w -T 123456789\n" },
		{ "#!   " P100 P10 P10 "/perl\r\nrest", "#!/usr/bin/env perl\r\nrest" },
		{ "#! " P100 "/a\\ b/python\\ 3 -u 1234567890\n", "#!/usr/bin/env python\\ 3 -u 1234567890\n" },
		{ "#!" P100 P50 "\t-x\n" P100 P100 "\n", "#!/usr/bin/env bbbbbbbbb\t-x\n" P100 P100 "\n" },
		{ "#!perl" P100 P100 "\n", "#!perl" P100 P100 "\n" }, /* not absolute */
		{ " #!" P100 P100 "\n", " #!" P100 P100 "\n" },
		{ "x\n#!" P100 P100 "\n", "x\n#!" P100 P100 "\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		expect(placeholder_text, str_of(rows[i].in), "/none", "/x", str_of(rows[i].want));
}

static void shebang_counts_after_replacement(void **state)
{
	(void)state;
	expect(placeholder_text, STR("#!" P100 P100 "/bin/python -u\n"), P100 P100, "/x", STR("#!/x/bin/python -u\n"));
	expect(placeholder_text, STR("#!/old/bin/python -u\n"), "/old", P100 P10 P10,
	       STR("#!/usr/bin/env python -u\n"));
}

static void endless_shebang_is_left_alone(void **state)
{
	auto_buf in = { 0 };

	(void)state;
	buf_adds(&in, "#!/");
	while (in.n < 200000)
		buf_addc(&in, 'a');
	struct err err = ERR_INIT;
	auto_buf got = { 0 };

	assert_int_equal(run(placeholder_text, in.p, in.n, IO_CHUNK, "/none", "/x", &got, &err), 0);
	assert_int_equal(got.n, in.n);
	assert_memory_equal(got.p, in.p, in.n);
}

/* ---- binaries ---- */

static void binary_pads_at_the_end_of_the_string(void **state)
{
	static const struct {
		struct str in, want;
	} rows[] = {
		{ STR("\1/place/lib\0\2"), STR("\1/p/lib\0\0\0\0\0\2") },
		/* all occurrences in a string, the padding at its end */
		{ STR("/place/a:/place/b\0x"), STR("/p/a:/p/b\0\0\0\0\0\0\0\0\0x") },
		{ STR("/place/a\0/place/b\0"), STR("/p/a\0\0\0\0\0/p/b\0\0\0\0\0") },
		/* what stands before in the same string stays in front */
		{ STR("RPATH=/place\0"), STR("RPATH=/p\0\0\0\0\0") },
		/* no NUL to the end: left alone */
		{ STR("/place/lib"), STR("/place/lib") },
		{ STR("/place/a\0/place/b"), STR("/p/a\0\0\0\0\0/place/b") },
		{ STR("/plac\0e/place"), STR("/plac\0e/place") },
		{ STR("/place\0"), STR("/p\0\0\0\0\0") },
		/* newlines are no ends */
		{ STR("/place\n/place\0"), STR("/p\n/p\0\0\0\0\0\0\0\0\0") },
		/* no shebang rule */
		{ STR("#!" P100 P100 "\n\0"), STR("#!" P100 P100 "\n\0") },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		expect(placeholder_binary, rows[i].in, "/place", "/p", rows[i].want);
}

static void wide_strings_end_at_a_wide_nul(void **state)
{
	(void)state;
	/* UTF-16 LE */
	expect(placeholder_binary, STR("/\0o\0l\0d\0/\0x\0\0\0y"), "/old", "/n", STR("/\0n\0/\0x\0\0\0\0\0\0\0y"));
	/* UTF-16 BE */
	expect(placeholder_binary, STR("\0/\0o\0l\0d\0/\0x\0\0y"), "/old", "/n", STR("\0/\0n\0/\0x\0\0\0\0\0\0y"));
	/* UTF-16 LE: U+0100 after an 'a' has two NUL bytes in a row that end nothing */
	expect(placeholder_binary, STR("/\0o\0l\0d\0a\0\0\1b\0\0\0"), "/old", "/n",
	       STR("/\0n\0a\0\0\1b\0\0\0\0\0\0\0"));
	/* UTF-32 LE and BE */
	expect(placeholder_binary, STR("/\0\0\0o\0\0\0/\0\0\0\0\0\0\0y"), "/o", "/",
	       STR("/\0\0\0/\0\0\0\0\0\0\0\0\0\0\0y"));
	expect(placeholder_binary, STR("\0\0\0/\0\0\0o\0\0\0/\0\0\0\0y"), "/o", "/",
	       STR("\0\0\0/\0\0\0/\0\0\0\0\0\0\0\0y"));
	/* text; a character of two UTF-16 units */
	expect(placeholder_text, STR("/\0\x3d\xd8\x00\xde/\0"), "/\xf0\x9f\x98\x80", "/n", STR("/\0n\0/\0"));
}

static void longer_prefix_is_refused_where_it_matters(void **state)
{
	struct err err = ERR_INIT;
	auto_buf got = { 0 };

	(void)state;
	assert_int_equal(run(placeholder_binary, "a/o/b\0", 6, 100, "/o", "/longer", &got, &err), -1);
	assert_int_equal(err.code, ERR_FORMAT);
	assert_string_equal(err.text, "has a placeholder of 2 bytes, too short for a prefix of 7");
	expect(placeholder_binary, STR("a/b\0"), "/o", "/longer", STR("a/b\0"));
}

static void endless_string_is_a_limit(void **state)
{
	size_t n = PLACEHOLDER_STRING_MAX + 2 * IO_CHUNK;
	auto_free char *p = mem_resize(NULL, n, 1);
	struct err err = ERR_INIT;
	auto_buf got = { 0 };

	(void)state;
	memset(p, 'a', n);
	memcpy(p, "/old", 4);
	assert_int_equal(run(placeholder_binary, p, n, IO_CHUNK, "/old", "/n", &got, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
}

/* conda's rule, on the whole of a file at once. */
static void naive_binary(const char *p, size_t n, const char *from, const char *to, struct buf *ret)
{
	size_t f = strlen(from), i = 0;

	while (i < n) {
		const char *nul = n - i >= f && memcmp(p + i, from, f) == 0 ? memchr(p + i, '\0', n - i) : NULL;
		size_t end = nul ? (size_t)(nul - p) : 0, size = ret->n + end - i;

		if (!nul) {
			buf_addc(ret, p[i++]);
			continue;
		}
		while (i < end) {
			if (end - i >= f && memcmp(p + i, from, f) == 0) {
				buf_adds(ret, to);
				i += f;
			} else {
				buf_addc(ret, p[i++]);
			}
		}
		while (ret->n < size)
			buf_addc(ret, '\0');
	}
}

static void equals_a_naive_search(void **state)
{
	uint64_t x = 88172645463325252u;

	(void)state;
	for (size_t round = 0; round < 3000; round++) {
		struct err err = ERR_INIT;
		auto_buf want = { 0 }, got = { 0 };
		char p[64];
		size_t n;

		/* Four NULs at once: fewer between letters would be UTF-16 or UTF-32. */
		for (size_t i = 0; i < sizeof(p); i++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			p[i] = "ab\0ab"[x % 5];
			for (size_t k = 0; !p[i] && k < 3 && i + 1 < sizeof(p); k++)
				p[++i] = '\0';
		}
		n = x % sizeof(p);
		naive_binary(p, n, "aba", "c", &want);
		assert_int_equal(run(placeholder_binary, p, n, 1 + x % 9, "aba", "c", &got, &err), 0);
		assert_int_equal(got.n, want.n);
		assert_memory_equal(buf_cstr(&got), buf_cstr(&want), got.n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_has_every_placeholder_replaced),
		cmocka_unit_test(replacement_is_not_looked_through_again),
		cmocka_unit_test(empty_placeholder_is_nowhere),
		cmocka_unit_test(long_shebang_asks_env),
		cmocka_unit_test(shebang_counts_after_replacement),
		cmocka_unit_test(endless_shebang_is_left_alone),
		cmocka_unit_test(binary_pads_at_the_end_of_the_string),
		cmocka_unit_test(wide_strings_end_at_a_wide_nul),
		cmocka_unit_test(longer_prefix_is_refused_where_it_matters),
		cmocka_unit_test(endless_string_is_a_limit),
		cmocka_unit_test(equals_a_naive_search),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
