#include "check.h"

#include "base/str.h"

static void fronts_and_ends(void **state)
{
	(void)state;
	assert_true(str_starts("abc", "ab"));
	assert_true(str_starts("abc", ""));
	assert_false(str_starts("ab", "abc"));
	assert_true(str_ends("abc", "bc"));
	assert_true(str_ends("abc", ""));
	assert_false(str_ends("bc", "abc"));
	assert_true(str_eq(STR("abc"), "abc"));
	assert_false(str_eq(STR("abc"), "ab"));
	assert_true(str_eq((struct str){ NULL, 0 }, ""));
}

static void trimming_takes_ascii_space_only(void **state)
{
	(void)state;
	assert_true(str_eq(str_trim(STR(" \t\r\n\v\fa b \n")), "a b"));
	assert_true(str_eq(str_trim(STR(" \n ")), ""));
	assert_true(str_eq(str_trim((struct str){ NULL, 0 }), ""));
	assert_true(str_eq(str_trim(STR("\xc2\xa0x")), "\xc2\xa0x"));
}

static void cutting_gives_every_part_once(void **state)
{
	static const struct {
		const char *text;
		const char *parts[4];
	} rows[] = {
		{ "a,b,c", { "a", "b", "c" } }, { "", { "" } },	      { ",", { "", "" } },
		{ "a,", { "a", "" } },		{ "abc", { "abc" } }, { ",,x", { "", "", "x" } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str s = str_of(rows[i].text), part;
		size_t n = 0;

		while (str_cut(&s, ',', &part)) {
			assert_non_null(rows[i].parts[n]);
			assert_true(str_eq(part, rows[i].parts[n]));
			n++;
		}
		assert_null(rows[i].parts[n]);
		assert_false(str_cut(&s, ',', &part));
	}
}

static void buffers_grow_and_end_with_nul(void **state)
{
	auto_buf b = { 0 };
	char *p;

	(void)state;
	assert_string_equal(buf_cstr(&b), "");
	buf_add(&b, NULL, 0);
	assert_string_equal(b.p, "");
	buf_addc(&b, 'a');
	buf_adds(&b, "bc");
	buf_addf(&b, "%d%s", 12, "");
	assert_string_equal(b.p, "abc12");
	assert_int_equal(b.n, 5);
	buf_add(&b, "\0x", 2);
	assert_int_equal(b.n, 7);
	assert_memory_equal(b.p, "abc12\0x\0", 8);
	for (int i = 0; i < 10000; i++)
		buf_addf(&b, "%d", i % 10);
	assert_int_equal(b.n, 10007);
	p = buf_detach(&b);
	assert_null(b.p);
	free(p);
	p = buf_detach(&b);
	assert_string_equal(p, "");
	free(p);
}

static void tidy_text_has_no_controls(void **state)
{
	char s[] = "\x01\x1f\x7f\t\n\xc2\x80\xc2\x9f\xc2\xa0\xc2";

	(void)state;
	str_tidy(s);
	assert_string_equal(s, "???\t\n????\xc2\xa0\xc2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fronts_and_ends),
		cmocka_unit_test(trimming_takes_ascii_space_only),
		cmocka_unit_test(cutting_gives_every_part_once),
		cmocka_unit_test(buffers_grow_and_end_with_nul),
		cmocka_unit_test(tidy_text_has_no_controls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
