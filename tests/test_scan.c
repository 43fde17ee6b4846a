#include "channels/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "channels/block.h"

/* The text and the zeros that a scanner wants, in memory that ends there. */
static char *padded(const char *text, size_t n)
{
	char *p = mem_alloc(n + SCAN_PAD);

	memcpy(p, text, n);
	return p;
}

static void both_ways_to_make_masks_agree(void **state)
{
	static const char bytes[] = "\"\\{}[]aZ0 ,:\x7b\xfb\xdb\xa2\xdc\x80\xff\x1b\x3b";
	uint64_t x = 88172645463325252u;
	char p[BLOCK_SIZE];

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct block plain, fast;

		for (int i = 0; i < BLOCK_SIZE; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			p[i] = round % 2 ? (char)x : bytes[x % sizeof(bytes)];
		}
		plain = block_portable(p);
		fast = block_read(p);
		assert_memory_equal(&plain, &fast, sizeof(plain));
		for (int i = 0; i < BLOCK_SIZE; i++) {
			assert_int_equal(plain.quotes >> i & 1, p[i] == '"');
			assert_int_equal(plain.escapes >> i & 1, p[i] == '\\');
			assert_int_equal(plain.brackets >> i & 1,
					 p[i] == '{' || p[i] == '}' || p[i] == '[' || p[i] == ']');
		}
	}
}

/* Skipping must stop where the value ends wherever in a block that is. */
static void a_skipped_value_ends_where_it_ends(void **state)
{
	static const char *const values[] = {
		"{}",
		"[]",
		"{\"a\":[1,{\"b\":\"]}\"}]}",
		"{\"\\\\\":\"\\\"}\"}",
		"[\"\\\\\\\\\",\"{\"]",
		"\"x\\\"y\"",
		"-1.5e+7",
		"true",
		"null",
		"[[[[]]],{}]",
	};

	(void)state;
	for (size_t v = 0; v < COUNT(values); v++) {
		for (size_t before = 0; before < 150; before++) {
			auto_buf text = { 0 };
			auto_free char *p = NULL;
			struct scan s;

			for (size_t i = 0; i < before; i++)
				buf_addc(&text, ' ');
			buf_adds(&text, values[v]);
			buf_adds(&text, ",\"]}");
			p = padded(text.p, text.n);
			scan_init(&s, p, text.n);
			assert_int_equal(scan_skip(&s), 1);
			assert_ptr_equal(s.at, p + before + strlen(values[v]));
		}
	}
}

static void strings_decode_or_are_refused(void **state)
{
	static const struct {
		const char *raw, *want; /* NULL: refused */
	} rows[] = {
		{ "plain", "plain" },
		{ "\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t" },
		{ "\\u00e4\\u20AC", "\xc3\xa4\xe2\x82\xac" },
		{ "\\ud83d\\ude00!", "\xf0\x9f\x98\x80!" },
		{ "\\ud83d", NULL },
		{ "\\ud83dx", NULL },
		{ "\\ud83d\\u0041", NULL },
		{ "\\ude00", NULL },
		{ "\\u0000", NULL },
		{ "\\u12g4", NULL },
		{ "\\u12", NULL },
		{ "\\x", NULL },
		{ "\xc3\xa4\xf4\x8f\xbf\xbf", "\xc3\xa4\xf4\x8f\xbf\xbf" },
		{ "12345678\xc3", NULL },
		{ "\xc0\x80", NULL },
		{ "\xed\xa0\x80", NULL },
		{ "\xf4\x90\x80\x80", NULL },
		{ "\xe0\x9f\xbf", NULL },
		{ "\x80", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_free char *text = mem_printf("\"%s\"", rows[i].raw);
		auto_free char *p = padded(text, strlen(text));
		auto_buf room = { 0 };
		struct scan_text t;
		struct scan s;
		struct str got;

		scan_init(&s, p, strlen(text));
		assert_int_equal(scan_string(&s, &t), 1);
		if (scan_decode(&t, &room, &got) != (rows[i].want != NULL))
			fail_msg("%s: accepted or refused wrongly", rows[i].raw);
		if (rows[i].want)
			assert_true(str_eq(got, rows[i].want));
	}
}

static void numbers_are_read_without_floating_point(void **state)
{
	static const struct {
		const char *text;
		int rc;
		struct scan_number want;
	} rows[] = {
		{ "0", 1, { 0, 0, false, true } },
		{ "-12", 1, { 12, 0, true, true } },
		{ "1518197313.289", 1, { 1518197313, 289, false, false } },
		{ "1.5e3", 1, { 1500, 0, false, true } },
		{ "12E-1", 1, { 1, 200, false, false } },
		{ "1.0", 1, { 1, 0, false, true } },
		{ "1230e-2", 1, { 12, 300, false, false } },
		{ "1200e-2", 1, { 12, 0, false, true } },
		{ "5e-9", 1, { 0, 0, false, false } },
		{ "1e400", 1, { UINT64_MAX, 0, false, true } },
		{ "1e999999999999", 1, { UINT64_MAX, 0, false, true } },
		{ "0e999999999999", 1, { 0, 0, false, true } },
		{ "18446744073709551616", 1, { UINT64_MAX, 0, false, true } },
		{ "01", -1, { 0 } },
		{ "-", -1, { 0 } },
		{ "1.", -1, { 0 } },
		{ ".5", -1, { 0 } },
		{ "1e", -1, { 0 } },
		{ "+1", -1, { 0 } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_free char *p = padded(rows[i].text, strlen(rows[i].text));
		struct scan_number v;
		struct scan s;

		scan_init(&s, p, strlen(rows[i].text));
		if (scan_number(&s, &v) != rows[i].rc)
			fail_msg("%s: accepted or refused wrongly", rows[i].text);
		if (rows[i].rc > 0 && (v.whole != rows[i].want.whole || v.thousandths != rows[i].want.thousandths ||
				       v.negative != rows[i].want.negative || v.integral != rows[i].want.integral))
			fail_msg("%s: %llu.%03u", rows[i].text, (unsigned long long)v.whole, v.thousandths);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways_to_make_masks_agree),
		cmocka_unit_test(a_skipped_value_ends_where_it_ends),
		cmocka_unit_test(strings_decode_or_are_refused),
		cmocka_unit_test(numbers_are_read_without_floating_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
