#include "check.h"

#include "base/doc.h"

/* n(ull) b(ool) i(nt) f(loat) s(tring), with the text; [..] and {key:..}. */
static void dump(const struct doc *d, struct buf *b)
{
	switch (d->type) {
	case DOC_LIST:
	case DOC_MAP:
		buf_addc(b, d->type == DOC_MAP ? '{' : '[');
		for (size_t i = 0; i < d->n; i++) {
			if (i)
				buf_addc(b, ' ');
			if (d->type == DOC_MAP)
				buf_addf(b, "%s:", d->keys[i].text);
			dump(&d->items[i], b);
		}
		buf_addc(b, d->type == DOC_MAP ? '}' : ']');
		break;
	case DOC_NULL:
	case DOC_BOOL:
	case DOC_INT:
	case DOC_FLOAT:
	case DOC_STRING:
		buf_addf(b, "%c%s", "nbifs"[d->type], d -> text);
		break;
	}
}

struct row {
	const char *text, *want;
};

static void check_rows(const struct row *rows, size_t n,
		       const struct doc *parse(struct arena *, const char *, size_t, const char *, struct err *))
{
	for (size_t i = 0; i < n; i++) {
		struct err err = ERR_INIT;
		auto_arena a = { 0 };
		auto_buf b = { 0 };
		const struct doc *d = parse(&a, rows[i].text, strlen(rows[i].text), "f", &err);

		if (d)
			dump(d, &b);
		else
			buf_adds(&b, err.text);
		if (strcmp(buf_cstr(&b), rows[i].want) != 0)
			fail_msg("'%s' is\n  %s, expected\n  %s", rows[i].text, buf_cstr(&b), rows[i].want);
	}
}

static void yaml_values(void **state)
{
	static const struct row rows[] = {
		{ "a: b", "{a:sb}" },
		{ "- 1\n- -2\n- +3\n- 007\n", "[i1 i-2 i+3 i007]" },
		{ "[3.10, 1., .5, -1.5e+3, .inf, -.INF, .nan]", "[f3.10 f1. f.5 f-1.5e+3 f.inf f-.INF f.nan]" },
		{ "[1e5, 1.2.3, '3.10', \"7\", 1-2.3, ., 0x1F, 1_000]",
		  "[s1e5 s1.2.3 s3.10 s7 s1-2.3 s. s0x1F s1_000]" },
		{ "[yes, No, on, OFF, true, False, y, n, yEs]", "[byes bNo bon bOFF btrue bFalse sy sn syEs]" },
		{ "[null, ~, Null, '', nulL]", "[nnull n~ nNull s snulL]" },
		{ "a:\nb: ''\n", "{a:n b:s}" },
		{ "9223372036854775807", "i9223372036854775807" },
		{ "9223372036854775808", "f9223372036854775808" },
		{ "-99999999999999999999999", "f-99999999999999999999999" },
		{ "3.10: x\nnull: y\nyes: z\n", "{3.10:sx null:sy yes:sz}" },
		{ "\xef\xbb\xbf"
		  "a: b\n",
		  "{a:sb}" },
		{ "a: b\r\nc:\r\n- d\r\n", "{a:sb c:[sd]}" },
		{ "---\na: 1\n...\n", "{a:i1}" },
		{ "%YAML 1.2\n---\na: 1\n", "{a:i1}" },
		{ "a: |\n  x\n  y\n", "{a:sx\ny\n}" },
		{ "a: >-\n  x\n  y\n", "{a:sx y}" },
		{ "a: \"\\u00e9\\x41\\t\"", "{a:s\xc3\xa9"
					    "A\t}" },
		{ "- python >=3.9  # why\n- x#y\n", "[spython >=3.9 sx#y]" },
		{ "{a: [b, {c: d}], e: {}}", "{a:[sb {c:sd}] e:{}}" },
		{ "'it''s'", "sit's" },
	};

	(void)state;
	check_rows(rows, COUNT(rows), doc_parse_yaml);
}

/* What PyYAML reads from the same text; but a name that is given twice it refuses, and YAML 1.2 takes the later. */
static void anchors_and_merge_keys_mean_what_they_stand_for(void **state)
{
	static const struct row rows[] = {
		{ "a: &x 1\nb: *x\n", "{a:i1 b:i1}" },
		{ "a: &x '1'\nb: *x\n", "{a:s1 b:s1}" },
		{ "- &x [a, &y {b: c}]\n- *x\n- *y\n", "[[sa {b:sc}] [sa {b:sc}] {b:sc}]" },
		{ "a: &x 1\nb: &x 2\nc: *x\n", "{a:i1 b:i2 c:i2}" },
		{ "a: &x k\n*x : 1\n", "{a:sk k:i1}" },
		{ "a: &x\nb: *x\n", "{a:n b:n}" },
		{ "a: &x {b: 1, c: 2}\nd:\n  c: 3\n  <<: *x\n", "{a:{b:i1 c:i2} d:{c:i3 b:i1}}" },
		{ "a: &x {b: 1, c: 2}\ne: &y {b: 4, f: 5}\nd:\n  <<: [*x, *y]\n",
		  "{a:{b:i1 c:i2} e:{b:i4 f:i5} d:{b:i1 c:i2 f:i5}}" },
		{ "a: &x {b: 1}\nc: &y {<<: *x, d: 2}\ne: {<<: *y}\n", "{a:{b:i1} c:{d:i2 b:i1} e:{d:i2 b:i1}}" },
		{ "<<: {a: 1}\nb: 2\n", "{b:i2 a:i1}" },
		{ "'<<': {a: 1}\n", "{<<:{a:i1}}" },
		{ "<<: []\na: 1\n", "{a:i1}" },
	};

	(void)state;
	check_rows(rows, COUNT(rows), doc_parse_yaml);
}

/* Nine lists of ten of the one before: a few hundred bytes that stand for a thousand million values. */
static void what_aliases_stand_for_is_bounded(void **state)
{
	auto_arena a = { 0 };
	auto_buf b = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	buf_adds(&b, "a0: &a0 lol\n");
	for (int i = 1; i <= 9; i++) {
		buf_addf(&b, "a%d: &a%d [", i, i);
		for (int k = 0; k < 10; k++)
			buf_addf(&b, "%s*a%d", k ? ", " : "", i - 1);
		buf_adds(&b, "]\n");
	}
	assert_null(doc_parse_yaml(&a, buf_cstr(&b), b.n, "f", &err));
	assert_err(err, ERR_LIMIT, "f:6:");
	assert_err(err, ERR_LIMIT, "aliases (*name) stand for more than 100000 values");
}

static void aliases_nest_no_deeper_than_what_is_written_out(void **state)
{
	auto_arena a = { 0 };
	auto_buf b = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	buf_adds(&b, "- &a0 []\n");
	for (int i = 1; i <= 70; i++)
		buf_addf(&b, "- &a%d [*a%d]\n", i, i - 1);
	assert_null(doc_parse_yaml(&a, buf_cstr(&b), b.n, "f", &err));
	assert_err(err, ERR_FORMAT, "is nested too deeply");
}

static void a_comment_belongs_to_the_line_of_the_alias(void **state)
{
	static const char text[] = "- &x numpy  # one\n- *x  # two\n- *x\n";
	auto_arena a = { 0 };
	struct err err = ERR_INIT;
	const struct doc *d = doc_parse_yaml(&a, text, strlen(text), "f", &err);

	(void)state;
	assert_non_null(d);
	assert_string_equal(d->items[0].comment, " one");
	assert_string_equal(d->items[1].comment, " two");
	assert_null(d->items[2].comment);
}

static void yaml_that_is_refused(void **state)
{
	static const struct row rows[] = {
		{ "", "f:1:1: is empty" },
		{ "# only a comment\n", "f:2:1: is empty" },
		{ "a: 1\nb: 2\na: 3\n", "f:3:1: key 'a' stands here a second time (first in line 1)" },
		{ "x:\n  'a': 1\n  a: 3\n", "f:3:3: key 'a' stands here a second time (first in line 2)" },
		{ "c: 1\nb: 1\nb: 1\nc: 1\nb: 1\n", "f:3:1: key 'b' stands here a second time (first in line 2)" },
		{ "a: *x\n", "f:1:4: *x stands for nothing: no value above it has &x" },
		{ "a: *x\nb: &x 1\n", "f:1:4: *x stands for nothing: no value above it has &x" },
		{ "a: &x [1, *x]\n", "f:1:11: *x stands for nothing: no value above it has &x" },
		{ "a: &x {b: *x}\n", "f:1:11: *x stands for nothing: no value above it has &x" },
		{ "a: &x [1]\n*x : 2\n", "f:2:1: a key is not a plain word or string" },
		{ "a: &x b\nc: 1\n? *x\n: 1\nb: 2\n", "f:5:1: key 'b' stands here a second time (first in line 3)" },
		{ "a: !!str 1\n", "f:1:4: tags (!name) are not read" },
		{ "a: ! 1\n", "f:1:4: tags (!name) are not read" },
		{ "<<: 1\n", "f:1:5: '<<' is a number, expected a map or a list of maps" },
		{ "a: &x [1]\n<<: *x\n", "f:1:8: an item of '<<' is a number, expected a map" },
		{ "<<: {a: 1}\n<<: {b: 1}\n", "f:2:1: '<<' stands here a second time; it takes a list of maps" },
		{ "? [a]\n: 1\n", "f:1:3: a key is not a plain word or string" },
		{ "a: 1\n---\nb: 1\n", "f:2:1: a second document begins here; only one is read" },
		{ "a:\n\t- b\n", "f:2:1: a tab stands where YAML takes only spaces" },
		{ "a: \"x\\0y\"\n", "f:1:4: has a NUL byte" },
		{ "a: x\xff\n", "f:1:5: is not UTF-8 text: invalid leading UTF-8 octet" },
		{ "\xc3\xa4: 1\nb: \xc3\xa4\xc3\n", "f:2:6: is not UTF-8 text: invalid trailing UTF-8 octet" },
		{ "a: \x01\n", "f:1:4: is not UTF-8 text: control characters are not allowed" },
		{ "a: [b\n", "f:2:1: is not YAML: while parsing a flow sequence, did not find expected ',' or ']'" },
	};

	(void)state;
	check_rows(rows, COUNT(rows), doc_parse_yaml);
}

static void nul_bytes_and_odd_ends_are_refused(void **state)
{
	struct err err = ERR_INIT;
	auto_arena a = { 0 };

	(void)state;
	assert_null(doc_parse_yaml(&a, "a: b\0c\n", 7, "f", &err));
	assert_err(err, ERR_FORMAT, "f:1:5: is not UTF-8 text");
	err_clear(&err);
	assert_null(doc_parse_yaml(&a, NULL, 0, "f", &err));
	err_clear(&err);
	assert_null(doc_parse_json(&a, NULL, 0, "f", &err));
	assert_err(err, ERR_FORMAT, "f:1:");
	err_clear(&err);
	assert_null(doc_parse_json(&a, "{\"a\":\"b\0c\"}", 11, "f", &err));
	assert_err(err, ERR_FORMAT, "f:1:");
	err_clear(&err);
	/* UTF-16, by its mark or without: this reader takes UTF-8 only. */
	assert_null(doc_parse_yaml(&a,
				   "\xff\xfe"
				   "a\0:\0",
				   6, "f", &err));
	assert_err(err, ERR_FORMAT, "f:1:1: is not UTF-8 text");
}

static void nested(struct buf *b, const char *open, const char *close, int depth)
{
	for (int i = 0; i < depth; i++)
		buf_adds(b, open);
	for (int i = 0; i < depth; i++)
		buf_adds(b, close);
}

static void nesting_is_bounded(void **state)
{
	(void)state;
	for (int depth = 60; depth < 200000; depth *= 3) {
		struct err err = ERR_INIT;
		auto_arena a = { 0 };
		auto_buf json = { 0 }, flow = { 0 }, block = { 0 };

		nested(&json, "[", "]", depth);
		nested(&flow, "{a: ", "}", depth);
		nested(&block, "- ", "", depth < 20000 ? depth : 20000);
		if ((doc_parse_json(&a, json.p, json.n, "f", &err) != NULL) != (depth <= 64))
			fail_msg("JSON %d deep: %s", depth, err.text);
		err_clear(&err);
		if ((doc_parse_yaml(&a, flow.p, flow.n, "f", &err) != NULL) != (depth <= 64))
			fail_msg("YAML %d deep: %s", depth, err.text);
		err_clear(&err);
		if ((doc_parse_yaml(&a, block.p, block.n, "f", &err) != NULL) != (depth <= 64))
			fail_msg("YAML block %d deep: %s", depth, err.text);
	}
}

/* Each of these took time or memory in the square of its length in some YAML reader. */
static void long_documents_take_linear_time(void **state)
{
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	auto_buf keys = { 0 }, items = { 0 }, spaces = { 0 };

	(void)state;
	for (int i = 0; i < 60000; i++)
		buf_addf(&keys, "k%d: 1\n", i);
	assert_non_null(doc_parse_yaml(&a, keys.p, keys.n, "f", &err));
	buf_adds(&items, "[");
	for (int i = 0; i < 60000; i++)
		buf_adds(&items, "\xc3\xa4, ");
	buf_adds(&items, "x]");
	assert_non_null(doc_parse_yaml(&a, items.p, items.n, "f", &err));
	for (int i = 0; i < 60000; i++)
		buf_adds(&spaces, "- a          \n");
	assert_non_null(doc_parse_yaml(&a, spaces.p, spaces.n, "f", &err));
}

static void json_values(void **state)
{
	static const struct row rows[] = {
		{ "{\"b\": 1, \"a\": [true, false, null, \"x\", -5, 1.5]}",
		  "{b:i1 a:[btrue bfalse nnull sx i-5 f1.5]}" },
		{ " 7 ", "i7" },
		{ "\"\\u00e9\\ud83d\\udc0d\"", "s\xc3\xa9\xf0\x9f\x90\x8d" },
		{ "9223372036854775807", "i9223372036854775807" },
		{ "{}", "{}" },
	};
	static const char *const bad[] = {
		"",
		"{",
		"{\"a\":1,}",
		"[1,]",
		"{\"a\":1,\"a\":2}",
		"nul",
		"{} x",
		"'a'",
		"{a:1}",
		"01",
		"1.",
		"NaN",
		"\"\xff\"",
		"\"\t\"",
		"\"\\u0000\"",
		"{\"\\u0000\":1}",
		"\"\\ud800\"",
		"// x\n1",
		"1e400",
		"[1 2]",
		"9223372036854775808",
		"\xef\xbb\xbf{}",
		"\"a",
		"-",
	};

	(void)state;
	check_rows(rows, COUNT(rows), doc_parse_json);
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct err err = ERR_INIT;
		auto_arena a = { 0 };

		if (doc_parse_json(&a, bad[i], strlen(bad[i]), "f", &err))
			fail_msg("%s passes", bad[i]);
		assert_err(err, ERR_FORMAT, "f:");
	}
}

static void places_and_comments_are_kept(void **state)
{
	static const char text[] = "# \xc3\xa4\xc3\xb6\xc3\xbc\n"
				   "a: x  # one\n"
				   "b:  # two\n"
				   "- \xc3\xa4 #three\r\n"
				   "- 'q'\t# four \n"
				   "- y#z\n"
				   "- |\n"
				   "  block\n"
				   "# not the block's\n"
				   "- {k: v} # five\n"
				   "- long\n"
				   "  word # six\n"
				   "-";
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	const struct doc *d = doc_parse_yaml(&a, text, strlen(text), "f", &err), *b;

	(void)state;
	assert_non_null(d);
	assert_string_equal(d->items[0].comment, " one");
	assert_null(d->keys[0].comment);
	assert_string_equal(d->keys[1].comment, " two");
	b = &d->items[1];
	assert_string_equal(b->items[0].comment, "three");
	assert_string_equal(b->items[1].comment, " four ");
	assert_null(b->items[2].comment);
	assert_null(b->items[3].comment);
	assert_null(b->items[4].comment);
	assert_string_equal(b->items[5].text, "long word");
	assert_string_equal(b->items[5].comment, " six");
	assert_int_equal(b->items[5].line, 11);
	assert_int_equal(b->items[5].last_line, 12);
	assert_int_equal(b->items[6].type, DOC_NULL);
	assert_int_equal(d->items[0].line, 2);
	assert_int_equal(d->items[0].column, 4);
	assert_string_equal(d->items[0].file, "f");
}

static void typed_access(void **state)
{
	static const char text[] = "s: x\ni: 5\nb: yes\nn:\nl: [a, b]\nm: [a, 1]\ne: []\n";
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	const struct doc *d = doc_parse_yaml(&a, text, strlen(text), "f", &err);
	const char *s = NULL;
	const char *const *list;
	int64_t i = 0;
	bool b = false;
	size_t n;

	(void)state;
	assert_ok(doc_get_string(d, "s", NULL, &s, &err), err);
	assert_string_equal(s, "x");
	assert_ok(doc_get_string(d, "n", "dflt", &s, &err), err);
	assert_string_equal(s, "dflt");
	assert_ok(doc_get_int(d, "i", 0, &i, &err), err);
	assert_int_equal(i, 5);
	assert_ok(doc_get_bool(d, "b", false, &b, &err), err);
	assert_true(b);
	assert_ok(doc_get_strings(&a, d, "l", &list, &n, &err), err);
	assert_int_equal(n, 2);
	assert_string_equal(list[1], "b");
	assert_null(list[2]);
	assert_ok(doc_get_strings(&a, d, "none", &list, NULL, &err), err);
	assert_null(list[0]);
	assert_int_equal(doc_get_string(d, "i", NULL, &s, &err), -1);
	assert_err(err, ERR_FORMAT, "f:2:4: 'i' is a number, expected a string");
	err_clear(&err);
	assert_int_equal(doc_get_int(d, "s", 0, &i, &err), -1);
	assert_err(err, ERR_FORMAT, "f:1:4: 's' is a string, expected a whole number");
	err_clear(&err);
	assert_int_equal(doc_get_bool(d, "l", 0, &b, &err), -1);
	assert_err(err, ERR_FORMAT, "f:5:4: 'l' is a list, expected a boolean");
	err_clear(&err);
	assert_int_equal(doc_get_strings(&a, d, "m", &list, &n, &err), -1);
	assert_err(err, ERR_FORMAT, "f:6:8: an item of 'm' is a number, expected a string");
	assert_null(doc_find(NULL, "x"));
	assert_null(doc_find(&d->items[0], "x"));
}

static void written_scalars_are_what_they_were(void **state)
{
	static const struct {
		const char *s, *want;
	} rows[] = {
		{ "abc", "abc" },
		{ "", "''" },
		{ "3.10", "'3.10'" },
		{ "2025.10.5", "'2025.10.5'" },
		{ "2024a", "2024a" },
		{ "0x1F", "'0x1F'" },
		{ "1e5", "'1e5'" },
		{ "12345678901234567890123456789012", "'12345678901234567890123456789012'" },
		{ "1234567890e12345678901234567890", "'1234567890e12345678901234567890'" },
		{ "2001-01-01", "'2001-01-01'" },
		{ "1:30", "'1:30'" },
		{ "yes", "'yes'" },
		{ "NULL", "'NULL'" },
		{ "n", "'n'" },
		{ "~", "'~'" },
		{ ">=3.9,<4", "'>=3.9,<4'" },
		{ "*", "'*'" },
		{ "it's", "'it''s'" },
		{ "https://h/c/noarch/a-1-0.conda", "https://h/c/noarch/a-1-0.conda" },
		{ "a: b", "'a: b'" },
		{ "a:", "'a:'" },
		{ "a #b", "'a #b'" },
		{ " a", "' a'" },
		{ "__unix", "__unix" },
		{ "-a", "'-a'" },
		{ "../env.yml", "../env.yml" },
		{ "line\nbreak", "\"line\\nbreak\"" },
		{ "gr\xc3\xbc\"\\", "\"gr\\xFC\\\"\\\\\"" },
		{ "\xf0\x9f\x90\x8d", "\"\\U0001F40D\"" },
		{ "\xe2\x80\xa8\x7f", "\"\\u2028\\x7F\"" },
		{ "\xff", "\"\\uFFFD\"" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_arena a = { 0 };
		auto_buf b = { 0 };
		const struct doc *d;

		doc_write_yaml(&b, rows[i].s);
		assert_string_equal(b.p, rows[i].want);
		d = doc_parse_yaml(&a, b.p, b.n, "f", &err);
		assert_non_null(d);
		assert_int_equal(d->type, DOC_STRING);
		assert_string_equal(d->text, i + 1 < COUNT(rows) ? rows[i].s : "\xef\xbf\xbd");
	}
}

static void any_string_survives_writing_and_reading(void **state)
{
	static const char alphabet[] = "ab01.:-#'\"\\ \t\n,[]{}&*!|>%@`?~=_xXeEoynul/";
	uint32_t seed = 11;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct err err = ERR_INIT;
		auto_arena a = { 0 };
		auto_buf b = { 0 };
		char s[12] = "";
		const struct doc *d;

		for (size_t n = check_random(&seed) % 11, k = 0; k < n; k++)
			s[k] = alphabet[check_random(&seed) % (sizeof(alphabet) - 1)];
		buf_adds(&b, "k: ");
		doc_write_yaml(&b, s);
		buf_adds(&b, "\nl:\n- ");
		doc_write_yaml(&b, s);
		buf_adds(&b, "\n");
		d = doc_parse_yaml(&a, b.p, b.n, "f", &err);
		assert_non_null(d);
		assert_int_equal(d->items[0].type, DOC_STRING);
		assert_string_equal(d->items[0].text, s);
		assert_string_equal(d->items[1].items[0].text, s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(yaml_values),
		cmocka_unit_test(anchors_and_merge_keys_mean_what_they_stand_for),
		cmocka_unit_test(what_aliases_stand_for_is_bounded),
		cmocka_unit_test(aliases_nest_no_deeper_than_what_is_written_out),
		cmocka_unit_test(a_comment_belongs_to_the_line_of_the_alias),
		cmocka_unit_test(yaml_that_is_refused),
		cmocka_unit_test(nul_bytes_and_odd_ends_are_refused),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(long_documents_take_linear_time),
		cmocka_unit_test(json_values),
		cmocka_unit_test(places_and_comments_are_kept),
		cmocka_unit_test(typed_access),
		cmocka_unit_test(written_scalars_are_what_they_were),
		cmocka_unit_test(any_string_survives_writing_and_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
