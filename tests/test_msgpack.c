#include "channels/msgpack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define BYTES(s) s, sizeof(s) - 1

/* The formats of the msgpack specification, each with its smallest and largest. */
static void whole_numbers(void **state)
{
	static const struct {
		const char *p;
		size_t n;
		uint64_t magnitude;
		bool negative;
	} rows[] = {
		{ BYTES("\x00"), 0, false },
		{ BYTES("\x7f"), 127, false },
		{ BYTES("\xff"), 1, true },
		{ BYTES("\xe0"), 32, true },
		{ BYTES("\xcc\xff"), 255, false },
		{ BYTES("\xcd\x01\x00"), 256, false },
		{ BYTES("\xce\xff\xff\xff\xff"), UINT32_MAX, false },
		{ BYTES("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), UINT64_MAX, false },
		{ BYTES("\xd0\x80"), 128, true },
		{ BYTES("\xd0\x7f"), 127, false },
		{ BYTES("\xd1\x80\x00"), 32768, true },
		{ BYTES("\xd2\xff\xff\xff\xfe"), 2, true },
		{ BYTES("\xd3\x80\x00\x00\x00\x00\x00\x00\x00"), UINT64_C(1) << 63, true },
		{ BYTES("\xd3\x00\x00\x01\x8c\xc2\x51\xf4\x00"), 1704067200000, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct msgpack m;
		uint64_t magnitude;
		bool negative;

		msgpack_init(&m, rows[i].p, rows[i].n);
		assert_int_equal(msgpack_int(&m, &magnitude, &negative), 1);
		assert_int_equal(magnitude, rows[i].magnitude);
		assert_int_equal(negative, rows[i].negative);
		assert_ptr_equal(m.at, m.end);
		/* one byte less is none */
		msgpack_init(&m, rows[i].p, rows[i].n - 1);
		assert_int_equal(msgpack_int(&m, &magnitude, &negative), -1);
		assert_non_null(m.fault);
	}
}

static void strings_and_binaries(void **state)
{
	static const struct {
		const char *p;
		size_t n;
		const char *text; /* NULL: it is no string */
		bool bytes;
	} rows[] = {
		{ BYTES("\xa0"), "", true },
		{ BYTES("\xa3zst"), "zst", true },
		{ BYTES("\xd9\x02ok"), "ok", true },
		{ BYTES("\xda\x00\x02ok"), "ok", true },
		{ BYTES("\xdb\x00\x00\x00\x02ok"), "ok", true },
		{ BYTES("\xa2\xc3\xa9"), "\xc3\xa9", true },
		{ BYTES("\xa1\xe9"), NULL, true },
		{ BYTES("\xa2x\x00"), NULL, true },
		{ BYTES("\xc4\x02\x00\xff"), NULL, true },
		{ BYTES("\xc5\x00\x01x"), NULL, true },
		{ BYTES("\xc6\x00\x00\x00\x01x"), NULL, true },
		{ BYTES("\xa4zst"), NULL, false },
		{ BYTES("\xdb\xff\xff\xff\xffx"), NULL, false },
		{ BYTES("\x01"), NULL, false },
		{ BYTES(""), NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct msgpack m;
		struct str s;

		msgpack_init(&m, rows[i].p, rows[i].n);
		assert_int_equal(msgpack_string(&m, &s), rows[i].text ? 1 : -1);
		if (rows[i].text)
			assert_true(str_eq(s, rows[i].text));
		msgpack_init(&m, rows[i].p, rows[i].n);
		assert_int_equal(msgpack_bytes(&m, &s), rows[i].bytes ? 1 : -1);
	}
}

static void every_kind_is_skipped_as_a_whole(void **state)
{
	static const struct {
		const char *p;
		size_t n;
		enum msgpack_type type;
	} rows[] = {
		{ BYTES("\xc0"), MSGPACK_NIL },
		{ BYTES("\xc2"), MSGPACK_FALSE },
		{ BYTES("\xc3"), MSGPACK_TRUE },
		{ BYTES("\xca\x3f\x80\x00\x00"), MSGPACK_FLOAT },
		{ BYTES("\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00"), MSGPACK_FLOAT },
		{ BYTES("\x92\x01\x92\x02\xa1x"), MSGPACK_ARRAY },
		{ BYTES("\xdc\x00\x01\xc0"), MSGPACK_ARRAY },
		{ BYTES("\xdd\x00\x00\x00\x01\xc0"), MSGPACK_ARRAY },
		{ BYTES("\x82\xa1\x61\x01\xa1\x62\x81\xc0\x90"), MSGPACK_MAP },
		{ BYTES("\xde\x00\x01\x01\x02"), MSGPACK_MAP },
		{ BYTES("\xdf\x00\x00\x00\x00"), MSGPACK_MAP },
		{ BYTES("\xd4\x01x"), MSGPACK_EXTENSION },
		{ BYTES("\xd8\x01"
			"0123456789abcdef"),
		  MSGPACK_EXTENSION },
		{ BYTES("\xc7\x02\x01xx"), MSGPACK_EXTENSION },
		{ BYTES("\xc8\x00\x01\x05x"), MSGPACK_EXTENSION },
		{ BYTES("\xd6\xff\x00\x00\x00\x00"), MSGPACK_EXTENSION },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t n = 0; n <= rows[i].n; n++) {
			struct msgpack m;

			msgpack_init(&m, rows[i].p, n);
			if (n)
				assert_int_equal(msgpack_peek(&m), rows[i].type);
			assert_int_equal(msgpack_skip(&m), n == rows[i].n ? 1 : -1);
			if (n == rows[i].n)
				assert_ptr_equal(m.at, m.end);
		}
	}
}

static void lengths_are_believed_as_far_as_there_are_bytes(void **state)
{
	struct msgpack m;
	uint32_t n;
	double f;

	(void)state;
	msgpack_init(&m, BYTES("\xdf\xff\xff\xff\xff\x01\x02"));
	assert_int_equal(msgpack_map(&m, &n), -1);
	assert_string_equal(m.fault, "ends too early");
	msgpack_init(&m, BYTES("\xdd\x00\x00\x00\x03\x01\x02"));
	assert_int_equal(msgpack_array(&m, &n), -1);
	msgpack_init(&m, BYTES("\x91\xc1"));
	assert_int_equal(msgpack_skip(&m), -1);
	assert_string_equal(m.fault, "has a byte that begins no value");
	msgpack_init(&m, BYTES("\xcb\x42\x78\xcc\x25\x1f\x40\x00\x00"));
	assert_int_equal(msgpack_float(&m, &f), 1);
	assert_true(f == 1704067200000.0);
}

static void keys_and_items_come_one_by_one(void **state)
{
	struct msgpack m;
	struct str s;
	uint32_t n;

	(void)state;
	msgpack_init(&m, BYTES("\x82\xa1"
			       "a\x01\xa1"
			       "b\xc0\x05"));
	assert_int_equal(msgpack_map(&m, &n), 1);
	assert_int_equal(msgpack_next(&m, &n, &s), 1);
	assert_true(str_eq(s, "a"));
	assert_int_equal(msgpack_skip(&m), 1);
	assert_int_equal(msgpack_next(&m, &n, &s), 1);
	assert_true(str_eq(s, "b"));
	assert_int_equal(msgpack_skip(&m), 1);
	/* what stands behind the map is not its business */
	assert_int_equal(msgpack_next(&m, &n, &s), 0);
	assert_int_equal(msgpack_next(&m, &n, &s), 0);
	assert_int_equal(msgpack_peek(&m), MSGPACK_INT);
	msgpack_init(&m, BYTES("\x92\xa1x\x01"));
	assert_int_equal(msgpack_array(&m, &n), 1);
	assert_int_equal(msgpack_next(&m, &n, &s), 1);
	assert_true(str_eq(s, "x"));
	assert_int_equal(msgpack_next(&m, &n, &s), -1);
	assert_string_equal(m.fault, "has something else where a string is expected");
	msgpack_init(&m, BYTES("\x80"));
	assert_int_equal(msgpack_map(&m, &n), 1);
	assert_int_equal(msgpack_next(&m, &n, &s), 0);
}

static void nesting_is_bounded(void **state)
{
	auto_buf b = { 0 };
	struct msgpack m;

	(void)state;
	for (int i = 0; i < MSGPACK_DEPTH_MAX; i++)
		buf_addc(&b, (char)0x91);
	buf_addc(&b, (char)0xc0);
	msgpack_init(&m, b.p, b.n);
	assert_int_equal(msgpack_skip(&m), 1);
	b.n = 0;
	for (int i = 0; i < 100000; i++)
		buf_addc(&b, (char)0x91);
	msgpack_init(&m, b.p, b.n);
	assert_int_equal(msgpack_skip(&m), -1);
	assert_string_equal(m.fault, "is nested too deeply");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_numbers),
		cmocka_unit_test(strings_and_binaries),
		cmocka_unit_test(every_kind_is_skipped_as_a_whole),
		cmocka_unit_test(lengths_are_believed_as_far_as_there_are_bytes),
		cmocka_unit_test(keys_and_items_come_one_by_one),
		cmocka_unit_test(nesting_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
