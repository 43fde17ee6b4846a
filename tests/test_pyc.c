/*
 * Headers as importlib documents them (PEP 552; importlib/_bootstrap_external.py lists the magic
 * numbers: 3.6 3379, 3.7 3394, 3.11 3495; python 2.7 62211).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conda/pyc.h"
#include "streams.h"

static void sources_are_found_by_name(void **state)
{
	static const struct {
		const char *pyc, *source;
	} rows[] = {
		{ "lib/a/__pycache__/b.cpython-37.pyc", "lib/a/b.py" },
		{ "lib/a/__pycache__/b.cpython-37.opt-1.pyc", "lib/a/b.py" },
		{ "__pycache__/b.cpython-311.pyc", "b.py" },
		{ "lib/a/b.pyc", "lib/a/b.py" },
		{ "b.pyc", "b.py" },
		{ "x__pycache__/b.pyc", "x__pycache__/b.py" },
		{ "lib/a/b.py", NULL },
		{ "lib/pyc", NULL },
	};
	auto_arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *got = pyc_source_path(&a, rows[i].pyc);

		if (rows[i].source)
			assert_string_equal(got, rows[i].source);
		else
			assert_null(got);
	}
}

static void only_a_header_that_fits_its_source_changes(void **state)
{
	/* magic, then flags or time, ... ; source of 0x0102 bytes; 0x12cea600 is 1980-01-01 */
	static const struct {
		const char *what;
		char before[21], after[21];
		size_t n;
	} rows[] = {
		{ "3.7, by time", "\x42\x0d\r\n\0\0\0\0\1\2\3\4\2\1\0\0code",
		  "\x42\x0d\r\n\1\0\0\0\0\0\0\0\0\0\0\0code", 20 },
		{ "3.11, by time", "\xa7\x0d\r\n\0\0\0\0\1\2\3\4\2\1\0\0code",
		  "\xa7\x0d\r\n\1\0\0\0\0\0\0\0\0\0\0\0code", 20 },
		{ "3.7, another size", "\x42\x0d\r\n\0\0\0\0\1\2\3\4\3\1\0\0code",
		  "\x42\x0d\r\n\0\0\0\0\1\2\3\4\3\1\0\0code", 20 },
		{ "3.7, checked hash", "\x42\x0d\r\n\3\0\0\0\1\2\3\4\2\1\0\0code",
		  "\x42\x0d\r\n\3\0\0\0\1\2\3\4\2\1\0\0code", 20 },
		{ "3.6, by time", "\x33\x0d\r\n\1\2\3\4\2\1\0\0codecode",
		  "\x33\x0d\r\n\x00\xa6\xce\x12\2\1\0\0codecode", 20 },
		{ "3.6, another size", "\x33\x0d\r\n\1\2\3\4\2\1\1\0codecode", "\x33\x0d\r\n\1\2\3\4\2\1\1\0codecode",
		  20 },
		{ "2.7", "\x03\xf3\r\n\1\2\3\4\2\1\0\0codecode", "\x03\xf3\r\n\1\2\3\4\2\1\0\0codecode", 20 },
		{ "not a pyc", "\x42\x0dxx\0\0\0\0\1\2\3\4\2\1\0\0code", "\x42\x0dxx\0\0\0\0\1\2\3\4\2\1\0\0code", 20 },
		{ "too short", "\x42\x0d\r\n\0\0\0\0\1\2", "\x42\x0d\r\n\0\0\0\0\1\2", 10 },
		{ "empty", "", "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(rows); i++) {
		const char *before = rows[i / 2].before;
		size_t n = rows[i / 2].n;
		auto_source *s = pyc_settle(i & 1 ? streams_dribble(before, n, 1) : source_bytes(before, n), 0x0102);
		struct err err = ERR_INIT;
		auto_buf got = { 0 };

		assert_int_equal(io_slurp(s, 1000, &got, &err), 0);
		if (got.n != n || memcmp(buf_cstr(&got), rows[i / 2].after, n) != 0)
			fail_msg("%s", rows[i / 2].what);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(sources_are_found_by_name),
		cmocka_unit_test(only_a_header_that_fits_its_source_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
