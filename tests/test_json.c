#include "check.h"

#include "base/doc.h"
#include "base/json.h"

static void fill(struct json *j)
{
	static const char *const list[] = { "x", "y", NULL };

	json_object(j);
	json_put_string(j, "s", "a\"b\\c\n\t\x01/\x7f");
	json_put_string(j, "null", NULL);
	json_put_int(j, "min", INT64_MIN);
	json_key(j, "max");
	json_uint(j, UINT64_MAX);
	json_put_bool(j, "t", true);
	json_put_strings(j, "list", list);
	json_put_strings(j, "none", NULL);
	json_key(j, "deep");
	json_array(j);
	json_object(j);
	json_end(j);
	json_array(j);
	json_int(j, -1);
	json_bool(j, false);
	json_null(j);
	json_end(j);
	json_end(j);
	json_end(j);
}

static void compact(void **state)
{
	auto_buf b = { 0 };
	struct json j = { .out = &b };

	(void)state;
	fill(&j);
	assert_string_equal(b.p,
			    "{\"s\":\"a\\\"b\\\\c\\n\\t\\u0001/\\u007f\",\"null\":null,\"min\":-9223372036854775808,"
			    "\"max\":18446744073709551615,\"t\":true,\"list\":[\"x\",\"y\"],\"none\":[],"
			    "\"deep\":[{},[-1,false,null]]}");
}

static void indented(void **state)
{
	auto_buf b = { 0 };
	struct json j = { .out = &b, .indent = 2 };

	(void)state;
	json_object(&j);
	json_put_int(&j, "a", 1);
	json_key(&j, "b");
	json_array(&j);
	json_end(&j);
	json_key(&j, "c");
	json_array(&j);
	json_int(&j, 2);
	json_int(&j, 3);
	json_end(&j);
	json_end(&j);
	assert_string_equal(b.p, "{\n  \"a\": 1,\n  \"b\": [],\n  \"c\": [\n    2,\n    3\n  ]\n}");
}

static void what_is_not_utf8_is_replaced(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
		{ "\xf0\x9f\x90\x8d", "\xf0\x9f\x90\x8d" },
		{ "a\xff"
		  "b",
		  "a\xef\xbf\xbd"
		  "b" },
		{ "\xc3", "\xef\xbf\xbd" }, /* cut off */
		{ "\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd" }, /* overlong NUL */
		{ "\xe0\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* a surrogate */
		{ "\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xf0\x9f\x90", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_buf b = { 0 };
		struct json j = { .out = &b };

		json_string(&j, rows[i].in);
		assert_memory_equal(b.p + 1, rows[i].out, strlen(rows[i].out));
		assert_int_equal(b.n, strlen(rows[i].out) + 2);
	}
}

static void what_is_written_is_read(void **state)
{
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	uint32_t seed = 5;

	(void)state;
	for (int i = 0; i < 300; i++) {
		auto_buf b = { 0 };
		struct json j = { .out = &b, .indent = (unsigned)i % 3 };
		char text[20] = "";
		const struct doc *d;

		for (size_t k = 0; k < 19; k++)
			text[k] = (char)(1 + check_random(&seed) % 127);
		json_object(&j);
		json_put_string(&j, text, text);
		json_put_int(&j, "n", (int64_t)check_random(&seed) - 1000);
		json_end(&j);
		d = doc_parse_json(&a, b.p, b.n, "x", &err);
		assert_non_null(d);
		assert_string_equal(d->keys[0].text, text);
		assert_string_equal(d->items[0].text, text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compact),
		cmocka_unit_test(indented),
		cmocka_unit_test(what_is_not_utf8_is_replaced),
		cmocka_unit_test(what_is_written_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
