#include "channels/repodata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/str.h"
#include "channels/scan.h"

static const struct channel channel = { "ch", "https://u:sesame@host/t/tk/ch", "https://host/ch", NULL };

static struct repodata *scan_text(const char *text, const char *subdir, uint32_t rank, struct err *err)
{
	struct buf b = { 0 };

	buf_adds(&b, text);
	return repodata_scan(&b, &channel, subdir, rank, "https://u:sesame@host/repodata.json", err);
}

static void free_one(struct repodata **r)
{
	repodata_free(*r);
}

#define auto_repodata CLEANUP(free_one) struct repodata

static struct repodata *scanned(const char *text)
{
	struct err err = ERR_INIT;
	struct repodata *r = scan_text(text, "linux-64", 0, &err);

	if (!r)
		fail_msg("%s", err.text);
	return r;
}

/* All records that the names reach, as "name-version-build subdir" lines. */
static void collect(struct repodata *const *all, size_t n, const char *names, struct index *ret,
		    struct repodata_stats *stats)
{
	auto_arena a = { 0 };
	struct str rest = str_of(names), one;
	const char *list[64];
	struct err err = ERR_INIT;
	size_t count = 0;

	while (str_cut(&rest, ' ', &one))
		list[count++] = arena_strndup(&a, one.p, one.n);
	assert_int_equal(repodata_collect(all, n, list, count, ret, stats, &err), 0);
}

static void expect_files(const struct index *ix, const char *want)
{
	auto_buf got = { 0 };

	for (size_t i = 0; i < ix->n; i++)
		buf_addf(&got, "%s%s", i ? " " : "", ix->records[i].fn);
	assert_string_equal(buf_cstr(&got), want);
}

#define RECORD(name, rest) "{\"name\":\"" name "\",\"version\":\"1\",\"build\":\"0\",\"build_number\":0" rest "}"

static void documents_that_are_none_are_refused_with_their_place(void **state)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{ "{", "line 1, byte 1: the text ends too early" },
		{ "[]", "line 1, byte 0: expected an object" },
		{ "null", "expected an object" },
		{ "{}x", "line 1, byte 2: more text" },
		{ "{\"a\" 1}", "line 1, byte 5: expected ':'" },
		{ "{\"a\":1 \"b\":2}", "expected ',' or '}'" },
		{ "{\"a\":1,}", "expected a key in quotes" },
		{ "{,\"a\":1}", "expected a key in quotes" },
		{ "{\"a\":[1,2}", "expected ',' or ']'" },
		{ "{\"a\":[[1,2}]}", "the brackets do not match" },
		{ "{\"a\":tru}", "expected a value" },
		{ "{\"a\":}", "expected a value" },
		{ "{\"packages\":{\n\n\"x-1-0.conda\":{\"a\":\"b}", "line 3, byte 37: the text ends too early" },
		{ "{\"packages\":[]}", "expected an object" },
		{ "{\"packages\":{\"x-1-0.conda\":{]}}", "the brackets do not match" },
		{ "{\"packages\":{\"x\n-1-0.conda\":{}}}", "a control character" },
		{ "{\"removed\":{}}", "expected a list" },
		{ "{\"removed\":[1]}", "expected a string" },
		{ "{\"removed\":[\"a\",]}", "expected a value" },
		{ "{\"info\":{\"base_url\":1}}", "expected a string" },
		{ "{\"repodata_version\":\"1\"}", "expected a number" },
		{ "{\"v3\":[]}", "expected an object" },
		{ "{\"repodata_version\":3}", "has repodata_version 3, and this program knows 1 and 2" },
		{ "{\"info\":{\"repodata_version\":99}}", "has repodata_version 99" },
		{ "{\"info\":{\"base_url\":\"file:///etc\"}}", "is neither http nor https" },
		{ "{\"info\":{\"base_url\":\"ftp://u:sesame@x/y\"}}", "'ftp://x/y'" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_repodata *r = scan_text(rows[i].text, "noarch", 0, &err);

		if (r || err.code != ERR_FORMAT || !strstr(err.text, rows[i].words) ||
		    !strstr(err.text, "https://host/repodata.json") || strstr(err.text, "sesame"))
			fail_msg("%s: %s", rows[i].text, r ? "was accepted" : err.text);
	}
}

static void nesting_is_bounded(void **state)
{
	auto_buf deep = { 0 }, fine = { 0 };
	struct err err = ERR_INIT;
	auto_repodata *r = NULL;

	(void)state;
	buf_adds(&deep, "{\"a\":");
	for (int i = 0; i < 100000; i++)
		buf_addc(&deep, '[');
	r = scan_text(deep.p, "noarch", 0, &err);
	assert_null(r);
	assert_non_null(strstr(err.text, "nested too deeply"));
	buf_adds(&fine, "{\"a\":");
	for (int i = 0; i < SCAN_DEPTH_MAX; i++)
		buf_addc(&fine, i % 2 ? '{' : '[');
	for (int i = SCAN_DEPTH_MAX; i-- > 0;)
		buf_addc(&fine, i % 2 ? '}' : ']');
	buf_addc(&fine, '}');
	repodata_free(scanned(fine.p));
}

/* No cut of a document is a document, and none makes us read beyond it. */
static void a_truncated_document_is_always_an_error(void **state)
{
	/* clang-format off */
	static const char text[] =
		"{\"info\":{\"subdir\":\"noarch\",\"base_url\":\"x\"},"
		"\"packages\":{\"a-1-0.tar.bz2\":" RECORD("a", ",\"depends\":[\"b \\\"\\u00e4\"]") "},"
		"\"v3\":{\"conda\":{\"b-1-0\":" RECORD("b", ",\"size\":12.5e1") "}},"
		"\"removed\":[\"c\"],\"repodata_version\":2,\"x\":[true,false,null]}";
	/* clang-format on */

	(void)state;
	repodata_free(scanned(text));
	for (size_t n = 1; n < sizeof(text) - 1; n++) {
		auto_free char *part = mem_printf("%.*s", (int)n, text);
		struct err err = ERR_INIT;
		auto_repodata *r = scan_text(part, "noarch", 0, &err);

		if (r)
			fail_msg("%s: was accepted", part);
		assert_int_equal(err.code, ERR_FORMAT);
	}
}

static void an_empty_file_is_an_empty_channel(void **state)
{
	static const char *const texts[] = { "", " \n", "{}",
					     "{\"packages\":null,\"removed\":null,\"info\":null,\"v3\":null}" };

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		auto_repodata *r = scanned(texts[i]);
		auto_index ix = { 0 };
		struct repodata_stats stats;

		collect(&r, 1, "a b *", &ix, &stats);
		assert_int_equal(ix.n, 0);
		assert_int_equal(stats.records, 0);
	}
}

static void every_field_of_a_record_is_read(void **state)
{
	static const char text[] =
		"{\"packages.conda\":{\"Foo-1!2.0+3-py_0.conda\":{\"name\":\"foo\",\"version\":\"1!2.0+3\",\"build\":\"py_0\","
		"\"build_number\":7,\"depends\":[\"bar >=1\",\"baz\"],\"constrains\":[\"qux <2\"],"
		"\"track_features\":\"a, b c\",\"features\":\"ignored\",\"license\":\"MIT\",\"license_family\":\"FAM\","
		"\"python_site_packages_path\":\"lib/x\",\"legacy_bz2_md5\":\"aa\",\"size\":123,"
		"\"timestamp\":1650670790230,\"indexed_timestamp\":1773851561010,"
		"\"sha256\":\"3702bef2f0a4d38bd8288bbe54aace623602a1343c2cfbefd3fa188e015bebf0\","
		"\"md5\":\"6168D71ADDC746E8F2B8D57DFD2EDCEA\",\"noarch\":\"python\",\"subdir\":\"elsewhere\","
		"\"flags\":[\"cuda\"],\"extra_depends\":{\"test\":[\"pytest\"],\"none\":[]},\"arch\":null,\"x\":{\"y\":[1]}}}}";
	auto_repodata *r = scanned(text);
	auto_index ix = { 0 };
	struct repodata_stats stats;
	const struct record *rec;
	char hex[65];

	(void)state;
	collect(&r, 1, "foo", &ix, &stats);
	assert_int_equal(stats.broken, 0);
	assert_int_equal(ix.n, 1);
	rec = &ix.records[0];
	assert_string_equal(rec->name, "foo");
	assert_string_equal(rec->version, "1!2.0+3");
	assert_string_equal(rec->build, "py_0");
	assert_int_equal(rec->build_number, 7);
	assert_string_equal(rec->subdir, "linux-64");
	assert_string_equal(rec->channel, "https://host/ch");
	assert_string_equal(rec->fn, "Foo-1!2.0+3-py_0.conda");
	assert_string_equal(rec->url, "https://host/ch/linux-64/Foo-1!2.0+3-py_0.conda");
	assert_string_equal(rec->depends[0], "bar >=1");
	assert_string_equal(rec->depends[1], "baz");
	assert_null(rec->depends[2]);
	assert_string_equal(rec->constrains[0], "qux <2");
	assert_string_equal(rec->track_features[0], "a");
	assert_string_equal(rec->track_features[2], "c");
	assert_null(rec->track_features[3]);
	assert_string_equal(rec->license, "MIT");
	assert_string_equal(rec->license_family, "FAM");
	assert_string_equal(rec->site_packages, "lib/x");
	assert_string_equal(rec->legacy_bz2_md5, "aa");
	assert_int_equal(rec->size, 123);
	assert_int_equal(rec->timestamp, 1650670790230);
	assert_int_equal(rec->indexed_timestamp, 1773851561010);
	assert_true(rec->has_sha256 && rec->has_md5);
	assert_string_equal(digest_hex(&rec->sha256).hex,
			    "3702bef2f0a4d38bd8288bbe54aace623602a1343c2cfbefd3fa188e015bebf0");
	digest_hex_of(rec->md5, 16, hex);
	assert_string_equal(hex, "6168d71addc746e8f2b8d57dfd2edcea");
	assert_int_equal(rec->noarch, NOARCH_PYTHON);
	assert_string_equal(rec->flags[0], "cuda");
	assert_int_equal(rec->n_extras, 2);
	assert_string_equal(rec->extras[0].name, "test");
	assert_string_equal(rec->extras[0].depends[0], "pytest");
	assert_null(rec->extras[1].depends[0]);
	assert_int_equal(rec->channel_rank, 0);
}

/* One record "x" with the member given, and what it becomes. */
static bool one(const char *member, struct index *ix, struct repodata_stats *stats)
{
	auto_free char *text = mem_printf(
		"{\"packages\":{\"x-1-0.tar.bz2\":{\"name\":\"x\",\"version\":\"1\",\"build\":\"0\",%s}}}", member);
	auto_repodata *r = scanned(text);

	collect(&r, 1, "x", ix, stats);
	return ix->n == 1;
}

static void old_records_are_read_as_conda_reads_them(void **state)
{
	static const struct {
		const char *member;
		uint64_t build_number;
		int64_t timestamp;
		enum noarch noarch;
		const char *features; /* the first of track_features, or NULL */
	} rows[] = {
		{ "\"build_number\":\"3\"", 3, 0, NOARCH_NO, NULL },
		{ "\"build_number\":2.0", 2, 0, NOARCH_NO, NULL },
		{ "\"build_number\":1e2", 100, 0, NOARCH_NO, NULL },
		{ "\"build_number\":null", 0, 0, NOARCH_NO, NULL },
		{ "\"timestamp\":1518197313", 0, 1518197313000, NOARCH_NO, NULL },
		{ "\"timestamp\":1518197313.289", 0, 1518197313289, NOARCH_NO, NULL },
		{ "\"timestamp\":253402300799", 0, 253402300799000, NOARCH_NO, NULL },
		{ "\"timestamp\":253402300800", 0, 253402300800, NOARCH_NO, NULL },
		{ "\"timestamp\":-5", 0, 0, NOARCH_NO, NULL },
		{ "\"timestamp\":1e30", 0, 0, NOARCH_NO, NULL },
		{ "\"timestamp\":\"soon\"", 0, 0, NOARCH_NO, NULL },
		{ "\"noarch\":true", 0, 0, NOARCH_GENERIC, NULL },
		{ "\"noarch\":false", 0, 0, NOARCH_NO, NULL },
		{ "\"noarch\":null", 0, 0, NOARCH_NO, NULL },
		{ "\"noarch\":\"generic\"", 0, 0, NOARCH_GENERIC, NULL },
		{ "\"noarch\":\"python\"", 0, 0, NOARCH_PYTHON, NULL },
		{ "\"track_features\":\"mkl\"", 0, 0, NOARCH_NO, "mkl" },
		{ "\"track_features\":\" ,nomkl,\"", 0, 0, NOARCH_NO, "nomkl" },
		{ "\"track_features\":[\"a\",\"b\"]", 0, 0, NOARCH_NO, "a" },
		{ "\"track_features\":\"\"", 0, 0, NOARCH_NO, NULL },
		{ "\"track_features\":null", 0, 0, NOARCH_NO, NULL },
		{ "\"depends\":null,\"constrains\":null", 0, 0, NOARCH_NO, NULL },
		{ "\"license\":[\"GPL\"],\"license_family\":{}", 0, 0, NOARCH_NO, NULL },
		{ "\"md5\":null,\"sha256\":\"\",\"size\":null", 0, 0, NOARCH_NO, NULL },
		{ "\"build_number\":1,\"build_number\":4", 4, 0, NOARCH_NO, NULL },
		{ "\"b\\u0075ild_number\":6", 6, 0, NOARCH_NO, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_index ix = { 0 };
		struct repodata_stats stats;
		const struct record *r;

		if (!one(rows[i].member, &ix, &stats))
			fail_msg("%s: %s", rows[i].member, stats.example);
		r = &ix.records[0];
		if (r->build_number != rows[i].build_number || r->timestamp != rows[i].timestamp ||
		    r->noarch != rows[i].noarch ||
		    strcmp(r->track_features[0] ? r->track_features[0] : "",
			   rows[i].features ? rows[i].features : "") != 0)
			fail_msg("%s: read otherwise", rows[i].member);
		assert_null(r->depends[0]);
		assert_null(r->license);
		assert_false(r->has_md5 || r->has_sha256);
	}
}

static void broken_records_are_dropped_and_counted(void **state)
{
	static const struct {
		const char *member, *words;
	} rows[] = {
		{ "\"depends\":\"y\"", "x-1-0.tar.bz2: depends: expected a list" },
		{ "\"depends\":[1]", "expected a string" },
		{ "\"depends\":[null]", "null in a list" },
		{ "\"depends\":[\"\\ud800\"]", "no text" },
		{ "\"depends\":[\"\xff\"]", "no text" },
		{ "\"build_number\":-1", "build_number: a number out of range" },
		{ "\"build_number\":1.5", "out of range" },
		{ "\"build_number\":\"x\"", "no number" },
		{ "\"build_number\":[]", "expected a number" },
		{ "\"size\":-1", "size: a number out of range" },
		{ "\"size\":1e30", "out of range" },
		{ "\"sha256\":\"12\"", "hex digits" },
		{ "\"md5\":\"6168d71addc746e8f2b8d57dfd2edceg\"", "md5: is not hex" },
		{ "\"noarch\":\"java\"", "noarch: is neither" },
		{ "\"name\":null", "name is missing" },
		{ "\"name\":\"y\"", "its name is another one" },
		{ "\"version\":\"\"", "version is missing" },
		{ "\"version\":\"../1\"", "version has a character" },
		{ "\"build\":\"a b\"", "build has a character" },
		{ "\"version\":1", "version: expected a string" },
		{ "\"a\" 1", "expected ':'" },
		{ "\"a\":1,", "expected a key" },
		{ "\"extra_depends\":[]", "expected an object" },
		{ "\"extra_depends\":{\"a\":\"b\"}", "expected a list" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_index ix = { 0 };
		struct repodata_stats stats;

		if (one(rows[i].member, &ix, &stats) || stats.broken != 1 || !strstr(stats.example, rows[i].words))
			fail_msg("%s: %zu broken, %s", rows[i].member, stats.broken, stats.example);
	}
}

static void keys_that_name_no_package_file_are_dropped_and_counted(void **state)
{
	auto_repodata *r = scanned("{\"packages\":{\"x-1-0.whl\":" RECORD("x", "") ",\"x.conda\":" RECORD(
		"x", "") ","
			 "\"x-1-0.conda\":3,\"../x-1-0.conda\":" RECORD(
				 "x", "") ",\"x-1-0/..conda\":{},"
					  "\"..-1-0.conda\":" RECORD("..", "") ",\"\\ud800-1-0.conda\":{},"
									       "\"x-1-\\u0030.tar.bz2\":" RECORD(
										       "x", "") "}}");
	auto_index ix = { 0 };
	struct repodata_stats stats;

	(void)state;
	collect(&r, 1, "x ../x .. *", &ix, &stats);
	expect_files(&ix, "x-1-0.tar.bz2");
	assert_int_equal(stats.broken, 7);
	assert_string_equal(stats.example, "x-1-0.whl: is no name of a package file");
}

static void keys_come_in_any_order_and_dress(void **state)
{
	auto_repodata *r = scanned(
		" {\n\t\"removed\" : [ \"gone-1-0.conda\" ] , \"signatures\":{\"a\":{\"b\":[\"}\"]}}, \"v3\":{\"whl\":{\"w-1-0\":{}},"
		"\"conda\":{\"new-1-0\":" RECORD("new", "") "},\"tar.bz2\":{\"old-1-0\":" RECORD(
			"old",
			"") "}},\r\n"
			    "\"packages.conda\":{\"b-1-0.conda\":" RECORD("b", "") ",\"gone-1-0.conda\":" RECORD(
				    "gone",
				    "") "},"
					"\"p\\u0061ckages\" : { \"a-1-0.tar.bz2\" : " RECORD(
						"a",
						"") " } ,"
						    "\"packages\":{\"c-1-0.tar.bz2\":" RECORD(
							    "c",
							    "") "},"
								"\"info\":{\"subdir\":\"linux-64\",\"base_url\":\"../files/\"},\"repodata_version\":2}");
	auto_index ix = { 0 };
	struct repodata_stats stats;

	(void)state;
	collect(&r, 1, "a b c gone new old w", &ix, &stats);
	expect_files(&ix, "a-1-0.tar.bz2 b-1-0.conda c-1-0.tar.bz2 new-1-0.conda old-1-0.tar.bz2");
	assert_int_equal(stats.broken, 0);
	assert_int_equal(stats.records, 6);
	assert_string_equal(ix.records[0].url, "https://host/ch/files/a-1-0.tar.bz2");
	assert_string_equal(ix.records[3].url, "https://host/ch/files/new-1-0.conda");
}

static void base_urls_are_resolved_against_the_subdir_and_redacted(void **state)
{
	static const struct {
		const char *base, *want;
	} rows[] = {
		{ "https://cdn.example/x/linux-64/", "https://cdn.example/x/linux-64/a-1-0.conda" },
		{ "https://u:sesame@cdn.example/t/sesame/x", "https://cdn.example/x/a-1-0.conda" },
		{ "", "https://host/ch/linux-64/a-1-0.conda" },
		{ "./", "https://host/ch/linux-64/a-1-0.conda" },
		{ "pool", "https://host/ch/linux-64/pool/a-1-0.conda" },
		{ "/pool", "https://host/pool/a-1-0.conda" },
		{ "//cdn/pool", "https://cdn/pool/a-1-0.conda" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_free char *text = mem_printf("{\"packages\":{\"a-1-0.conda\":%s},\"info\":{\"base_url\":\"%s\"}}",
						  RECORD("a", ""), rows[i].base);
		auto_repodata *r = scanned(text);
		auto_index ix = { 0 };
		struct repodata_stats stats;

		collect(&r, 1, "a", &ix, &stats);
		assert_int_equal(ix.n, 1);
		assert_string_equal(ix.records[0].url, rows[i].want);
	}
}

static void of_one_stem_there_is_one_record(void **state)
{
	auto_repodata *r = scanned("{\"packages\":{\"a-1-0.tar.bz2\":" RECORD("a", "") ",\"b-1-0.tar.bz2\":" RECORD(
		"b",
		"") ","
		    "\"c-1-0.tar.bz2\":" RECORD("c", "") ",\"d-1-0.tar.bz2\":" RECORD(
			    "d",
			    ",\"size\":1") ","
					   "\"d-1-0.tar.bz2\":" RECORD(
						   "d",
						   ",\"size\":2") "},"
								  "\"packages.conda\":{\"a-1-0.conda\":" RECORD("a", "") ",\"b-1-0.conda\":" RECORD(
									  "b",
									  ",\"depends\":7") ","
											    "\"c-1-0.conda\":" RECORD("c", "") ",\"e-1-0.conda\":" RECORD(
												    "e",
												    ",\"size\":1") "},"
														   "\"v3\":{\"conda\":{\"e-1-0\":" RECORD(
															   "e",
															   ",\"size\":2") "}},"
																	  "\"removed\":[\"c-1-0.conda\"]}");
	auto_index ix = { 0 };
	struct repodata_stats stats;

	(void)state;
	collect(&r, 1, "a b c d e", &ix, &stats);
	/* of b the .conda is broken, of c it was removed */
	expect_files(&ix, "a-1-0.conda b-1-0.tar.bz2 c-1-0.tar.bz2 d-1-0.tar.bz2 e-1-0.conda");
	assert_int_equal(ix.records[3].size, 2);
	assert_int_equal(ix.records[4].size, 2);
	assert_int_equal(stats.broken, 1);
}

static void names_are_reached_by_what_may_be_needed(void **state)
{
	static const struct {
		const char *depends, *reached; /* member(s) of record a; the names, sorted */
	} rows[] = {
		{ "\"depends\":[\"b\"]", "a b" },
		{ "\"depends\":[\"B >=1,<2\"]", "a b" },
		{ "\"depends\":[\"  b 1.* py*\"]", "a b" },
		{ "\"depends\":[\"b>=1\",\"c=1\",\"d~=1\",\"e!=1\"]", "a b c d e" },
		{ "\"depends\":[\"b[version='>=1']\"]", "a b" },
		{ "\"depends\":[\"conda-forge::b\",\"https://host/ch/linux-64::c >1\",\"ch/noarch:ns:d\"]", "a b c d" },
		{ "\"depends\":[\"__glibc >=2\",\"__unix\"]", "a" },
		{ "\"depends\":[\"\",\" \",\"=1\",\"[x]\"]", "a" },
		{ "\"constrains\":[\"b\"]", "a" },
		{ "\"extra_depends\":{\"x\":[\"b\"],\"y\":[\"c >=1\"]}", "a b c" },
		{ "\"depends\":[\"b[when=\\\"c >=1 and (d or e[version='>1 x']) and __unix\\\"]\"]", "a b c d e" },
		{ "\"depends\":[\"b[version=2,when=c]\",\"b[when='d', build=e]\",\"b[build=whenever]\"]", "a b c d" },
		{ "\"depends\":[\"chain\"]", "a b c chain" },
	};
	/* clang-format off */
	static const char others[] =
		"\"b-1-0.conda\":" RECORD("b", "") ","
		"\"c-1-0.conda\":" RECORD("c", "") ","
		"\"d-1-0.conda\":" RECORD("d", "") ","
		"\"e-1-0.conda\":" RECORD("e", "") ","
		"\"__glibc-1-0.conda\":" RECORD("__glibc", "") ","
		"\"chain-1-0.conda\":" RECORD("chain", ",\"depends\":[\"b\",\"a\"]") ","
		"\"chain-0-0.tar.bz2\":{\"name\":\"chain\",\"version\":\"0\",\"build\":\"0\",\"depends\":[\"c\"]}";
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_free char *text = mem_printf(
			"{\"packages\":{\"a-1-0.conda\":{\"name\":\"a\",\"version\":\"1\",\"build\":\"0\",%s},%s}}",
			rows[i].depends, others);
		auto_repodata *r = scanned(text);
		auto_index ix = { 0 };
		auto_buf got = { 0 };
		struct repodata_stats stats;

		collect(&r, 1, "A", &ix, &stats);
		for (size_t k = 0; k < ix.n; k++)
			if (!k || strcmp(ix.records[k].name, ix.records[k - 1].name) != 0)
				buf_addf(&got, "%s%s", k ? " " : "", ix.records[k].name);
		if (strcmp(buf_cstr(&got), rows[i].reached) != 0)
			fail_msg("%s: reaches %s", rows[i].depends, buf_cstr(&got));
	}
}

static void a_star_means_every_name_that_fits(void **state)
{
	auto_repodata *r = scanned("{\"packages\":{\"py-1-0.conda\":" RECORD("py", "") ",\"pytest-1-0.conda\":" RECORD(
		"pytest", "") ",\"numpy-1-0.conda\":" RECORD("numpy", "") "}}");
	auto_index all = { 0 }, py = { 0 }, mid = { 0 }, none = { 0 };

	(void)state;
	collect(&r, 1, "*", &all, NULL);
	collect(&r, 1, "py*", &py, NULL);
	collect(&r, 1, "*ump*", &mid, NULL);
	collect(&r, 1, "*x", &none, NULL);
	expect_files(&all, "numpy-1-0.conda py-1-0.conda pytest-1-0.conda");
	expect_files(&py, "py-1-0.conda pytest-1-0.conda");
	expect_files(&mid, "numpy-1-0.conda");
	expect_files(&none, "");
}

static void records_come_by_name_then_channel_then_file_name(void **state)
{
	struct err err = ERR_INIT;
	struct repodata *all[3];
	auto_index ix = { 0 };
	struct record_range r;

	(void)state;
	all[0] = scan_text("{\"packages\":{\"b-2-0.conda\":{\"name\":\"b\",\"version\":\"2\",\"build\":\"0\"},"
			   "\"b-1-0.conda\":" RECORD("b", ",\"depends\":[\"a\"]") "}}",
			   "linux-64", 0, &err);
	all[1] = scan_text("{\"packages\":{\"b-1-0.conda\":" RECORD("b", "") "}}", "noarch", 0, &err);
	all[2] = scan_text("{\"packages\":{\"a-1-0.conda\":" RECORD("a", "") ",\"b-1-0.conda\":" RECORD("b", "") "}}",
			   "linux-64", 1, &err);
	collect(all, 3, "b", &ix, NULL);
	expect_files(&ix, "a-1-0.conda b-1-0.conda b-2-0.conda b-1-0.conda b-1-0.conda");
	r = index_find(&ix, "b");
	assert_int_equal(r.n, 4);
	assert_string_equal(r.first[1].subdir, "linux-64");
	assert_string_equal(r.first[2].subdir, "noarch");
	assert_int_equal(r.first[3].channel_rank, 1);
	/* equal strings are one */
	assert_ptr_equal(r.first[0].name, r.first[3].name);
	assert_ptr_equal(r.first[0].subdir, r.first[3].subdir);
	assert_ptr_equal(r.first[0].version, r.first[2].version);
	for (size_t i = 0; i < 3; i++)
		repodata_free(all[i]);
}

static void names_that_look_alike_are_found(void **state)
{
	auto_repodata *r = scanned(
		"{\"packages\":{\"numpy-1-0.conda\":" RECORD("numpy", "") ",\"numpydoc-1-0.conda\":" RECORD("numpydoc", "") ",\"scipy-1-0.conda\":" RECORD(
			"scipy",
			"") ",\"scikit-learn-1-0.conda\":" RECORD("scikit-learn",
								  "") ",\"python-1-0.conda\":" RECORD("python",
												      "") ",\"xz-1-0.conda\":" RECORD("xz",
																      "") "}}");
	static const struct {
		const char *name, *first;
	} rows[] = {
		{ "nunpy", "numpy" },	{ "numyp", "numpy" }, { "scikit_learn", "scikit-learn" },
		{ "Pyhton", "python" }, { "xy", "xz" },	      { "tensorflow", NULL },
		{ "numpy", NULL },
	};
	auto_arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *const *got = repodata_similar(&a, &r, 1, rows[i].name, 3);

		if (strcmp(got[0] ? got[0] : "-", rows[i].first ? rows[i].first : "-") != 0)
			fail_msg("%s: %s", rows[i].name, got[0] ? got[0] : "-");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_that_are_none_are_refused_with_their_place),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(a_truncated_document_is_always_an_error),
		cmocka_unit_test(an_empty_file_is_an_empty_channel),
		cmocka_unit_test(every_field_of_a_record_is_read),
		cmocka_unit_test(old_records_are_read_as_conda_reads_them),
		cmocka_unit_test(broken_records_are_dropped_and_counted),
		cmocka_unit_test(keys_that_name_no_package_file_are_dropped_and_counted),
		cmocka_unit_test(keys_come_in_any_order_and_dress),
		cmocka_unit_test(base_urls_are_resolved_against_the_subdir_and_redacted),
		cmocka_unit_test(of_one_stem_there_is_one_record),
		cmocka_unit_test(names_are_reached_by_what_may_be_needed),
		cmocka_unit_test(a_star_means_every_name_that_fits),
		cmocka_unit_test(records_come_by_name_then_channel_then_file_name),
		cmocka_unit_test(names_that_look_alike_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
