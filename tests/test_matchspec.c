/* conda's own rows are tested in test_conformance_matchspec.c; here is what they do not ask. */
#include "conda/matchspec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

static const struct matchspec *parse(struct arena *a, const char *text, unsigned flags)
{
	struct err err = ERR_INIT;
	const struct matchspec *m = matchspec_parse(a, text, flags, &err);

	if (!m)
		fail_msg("%s", err.text);
	return m;
}

/* mamba and rattler read them so; conda's own parser drops "(...)" before it looks (docs/matchspec.md). */
static void a_build_may_be_an_expression_with_parentheses(void **state)
{
	static const struct {
		const char *spec, *version, *build;
	} rows[] = {
		{ "a 1.* ^(b|c)$", "1.*", "^(b|c)$" },
		{ "a=1.*=^(b|c)$", "1.*", "^(b|c)$" },
		{ "a 1.* ^b|c$", "1.*", "^b|c$" },
		{ "a >=1,<2 ^py3(1|2)_0$", ">=1,<2", "^py3(1|2)_0$" },
		{ "a ^1\\.(2|3)$", "^1\\.(2|3)$", NULL },
		{ "a 1.* (optional)", "1.*", NULL },
		{ "a 1.* ^((b|c)d)+$", "1.*", "^((b|c)d)+$" },
		{ "a >=1 ^x$", ">=1", "^x$" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (unsigned v3 = 0; v3 < 2; v3++) {
			auto_arena a = { 0 };
			const struct matchspec *m = parse(&a, rows[i].spec, v3 ? MATCHSPEC_V3 : 0);

			assert_string_equal(m->version_text, rows[i].version);
			if (rows[i].build)
				assert_string_equal(m->build_text, rows[i].build);
			else
				assert_null(m->build_text);
		}
}

static void channels_match_by_name_url_and_glob(void **state)
{
	static const struct {
		const char *spec, *url;
		bool match;
	} rows[] = {
		{ "conda-forge", "https://conda.anaconda.org/conda-forge", true },
		{ "conda-forge", "https://conda.anaconda.org/conda-forge/", true },
		{ "conda-forge", "https://mirror.example/conda-forge", true },
		{ "conda-forge", "https://mirror.example/conda/conda-forge", true },
		{ "conda-forge", "https://mirror.example/other/conda-forge", false },
		{ "conda-forge", "https://conda.anaconda.org/conda-forge/label/dev", false },
		{ "conda-forge/label/dev", "https://conda.anaconda.org/conda-forge/label/dev", true },
		{ "conda-forge", "https://conda.anaconda.org/bioconda", false },
		{ "conda-forge", "file:///x/y/conda-forge", true },
		{ "y", "file:///x/y/conda-forge", false },
		{ "defaults", "https://repo.anaconda.com/pkgs/main", true },
		{ "defaults", "https://repo.anaconda.com/pkgs/r", true },
		{ "defaults", "https://repo.anaconda.com/pkgs/free", false },
		{ "defaults", "https://conda.anaconda.org/conda-forge", false },
		{ "pkgs/main", "https://repo.anaconda.com/pkgs/main", true },
		{ "pkgs/main", "https://repo.anaconda.com/pkgs/r", false },
		{ "https://conda.anaconda.org/conda-forge", "https://conda.anaconda.org/conda-forge", true },
		{ "http://CONDA.anaconda.org/conda-forge/", "https://conda.anaconda.org/conda-forge", true },
		{ "https://u:p@h.example/t/tk-1/c", "https://h.example/c", true },
		{ "https://h.example/c", "https://h.example/d", false },
		{ "https://h.example/conda-forge", "https://conda.anaconda.org/conda-forge", false },
		{ "file:///x/y", "file:///x/y", true },
		{ "file:///x/y", "https://x/y", false },
		{ "*", "https://h.example/c", true },
		{ "*", "", true },
		{ "conda-*", "https://conda.anaconda.org/conda-forge", true },
		{ "conda-*", "https://conda.anaconda.org/bioconda", false },
		{ "def*", "https://repo.anaconda.com/pkgs/r", true },
		{ "https://h.example/*", "https://h.example/c", true },
		{ "^(a|c)$", "https://h.example/c", true },
		{ "^(a|b)$", "https://h.example/c", false },
		{ "conda-forge", "", false },
		{ "", "https://h.example/c", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (matchspec_channel_match(rows[i].spec, rows[i].url) != rows[i].match)
			fail_msg("'%s' and %s", rows[i].spec, rows[i].url);
	}
}

static void names_are_found_without_parsing(void **state)
{
	static const struct {
		const char *text, *name;
	} rows[] = {
		{ "numpy", "numpy" },
		{ "numpy >=1.8", "numpy" },
		{ " numpy>=1.8", "numpy" },
		{ "numpy=1.8=x", "numpy" },
		{ "conda-forge/linux-64::numpy !=1", "numpy" },
		{ "https://h:80/c::numpy", "numpy" },
		{ "numpy[version='>1', channel=\"a::b\"]", "numpy" },
		{ "numpy(optional)", "numpy" },
		{ "numpy # ::x", "numpy" },
		{ "NumPy", "NumPy" },
		{ "*", "" },
		{ "py*", "" },
		{ "feature@", "" },
		{ "https://h/c/linux-64/a-1-0.conda", "" },
		{ "", "" },
		{ ">=1", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str name = matchspec_name_of(rows[i].text);

		if (!str_eq(name, rows[i].name))
			fail_msg("'%s': '%.*s'", rows[i].text, (int)name.n, name.p);
	}
}

static void flags_must_all_be_there(void **state)
{
	static const char *const flags[] = { "cuda", "blas:mkl", NULL };
	static const struct {
		const char *spec;
		bool match;
	} rows[] = {
		{ "p[flags=[cuda]]", true },	       { "p[flags=[\"blas:*\", cuda]]", true },
		{ "p[flags=[cuda, release]]", false }, { "p[flags=[cud]]", false },
		{ "p[flags=\"blas:*\"]", true },       { "p[extras=[x], when=nothing]", true },
	};
	const struct record with = { .name = "p", .version = "1", .build = "0", .flags = flags };
	struct record without = { .name = "p", .version = "1", .build = "0" };
	auto_arena a = { 0 };

	(void)state;
	record_defaults(&without);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct matchspec *m = parse(&a, rows[i].spec, MATCHSPEC_V3);

		if (matchspec_match(m, &with, NULL) != rows[i].match)
			fail_msg("%s", rows[i].spec);
		assert_int_equal(matchspec_match(m, &without, NULL), !m->flags);
	}
}

static void digests_match_whole_or_not_at_all(void **state)
{
	struct record r = { .name = "p", .version = "1", .build = "0", .has_md5 = true, .md5 = { 0xab, 0xcd } };
	auto_arena a = { 0 };

	(void)state;
	record_defaults(&r);
	assert_true(matchspec_match(parse(&a, "*[md5=ABCD0000000000000000000000000000]", 0), &r, NULL));
	assert_false(matchspec_match(parse(&a, "*[md5=abcd0000000000000000000000000001]", 0), &r, NULL));
	assert_false(matchspec_match(parse(&a, "*[md5=abcd]", 0), &r, NULL));
	assert_false(matchspec_match(
		parse(&a, "*[sha256=0000000000000000000000000000000000000000000000000000000000000000]", 0), &r, NULL));
}

static void only_versions_are_tested_where_only_versions_are(void **state)
{
	static const char *const yes[] = { "p", "p >=1", "p=1.*=*", "p[when=\"a\", extras=[x]]" };
	static const char *const no[] = {
		"*", "p*", "c::p", "p 1 0", "p[build_number=1]", "p[md5=00]", "p[flags=[x]]"
	};
	auto_arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(yes); i++)
		assert_true(matchspec_is_version_only(parse(&a, yes[i], MATCHSPEC_V3)));
	for (size_t i = 0; i < COUNT(no); i++)
		assert_false(matchspec_is_version_only(parse(&a, no[i], MATCHSPEC_V3)));
}

static void no_credential_survives(void **state)
{
	auto_arena a = { 0 };
	const struct matchspec *m = parse(&a, "https://u:secret@h/t/tk-1/c/linux-64/x-1-0.conda", 0);

	(void)state;
	assert_string_equal(m->url, "https://h/c/linux-64/x-1-0.conda");
	assert_string_equal(m->channel, "https://h/c");
	assert_string_equal(m->subdir, "linux-64");
	m = parse(&a, "https://u:secret@h/t/tk-1/c::x", 0);
	assert_string_equal(matchspec_text(&a, m), "https://h/c::x");
}

static void errors_quote_the_spec_and_say_why(void **state)
{
	static const struct {
		const char *spec, *text;
	} rows[] = {
		{ "", "spec '': no package name before: ''" },
		{ ">=1", "spec '>=1': no package name before: '>=1'" },
		{ "pkg--a", "spec 'pkg--a': not a package name: 'pkg--a'" },
		{ "a[b=1]", "spec 'a[b=1]': unknown key in brackets: 'b'" },
		{ "a[foo]",
		  "spec 'a[foo]': expected 'key=value' in brackets (extras are written extras=[...]): 'foo'" },
		{ "a[build=1, build=2]", "spec 'a[build=1, build=2]': the same key twice in brackets: 'build'" },
		{ "a[extras=[x,,y]]", "spec 'a[extras=[x,,y]]': an empty item in a list: ',y]'" },
		{ "a[when=\"b or\"]", "spec 'a[when=\"b or\"]': when: expected a spec: ''" },
		{ "a[when=\"b[when=c]\"]",
		  "spec 'a[when=\"b[when=c]\"]': when: spec 'b[when=c]': 'when' within 'when'" },
		{ "a[build_number=x]",
		  "spec 'a[build_number=x]': build_number 'x': expected a number, or an operator and a number" },
		{ "a 1 b c", "spec 'a 1 b c': build 'b c' has a space in it" },
		{ "a\nb", "spec 'a\nb': a control character" },
	};
	auto_arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;

		assert_null(matchspec_parse(&a, rows[i].spec, MATCHSPEC_V3, &err));
		assert_int_equal(err.code, ERR_FORMAT);
		assert_string_equal(err.text, rows[i].text);
	}
}

static void refused(const char *text)
{
	auto_arena a = { 0 };
	struct err err = ERR_INIT;

	assert_null(matchspec_parse(&a, text, MATCHSPEC_V3, &err));
	assert_int_equal(err.code, ERR_FORMAT);
}

/* What rattler (its own tests at match_spec/parse.rs, condition.rs, flags.rs) reads as one and the same. */
static void specs_of_2026_are_read_as_rattler_reads_them(void **state)
{
	static const struct {
		const char *spec, *same;
	} rows[] = {
		{ "foo[extras=bar]", "foo[extras=[bar]]" },
		{ "foo[extras=\"bar,baz\"]", "foo[extras=[bar,baz]]" },
		{ "foo[extras=[\"bar\", 'baz']]", "foo[extras=[bar,baz]]" },
		{ "foo[extras=[baz,  bar ]]", "foo[extras=[bar,baz]]" },
		{ "foo[extras=[a_.+-9]]", "foo[extras=['a_.+-9']]" },
		{ "foo >=1[extras=[x]]", "foo[version='>=1', extras=[x]]" },
		{ "foo[flags=cuda]", "foo[flags=[cuda]]" },
		{ "foo[flags='cuda,blas:*']", "foo[flags=[cuda, blas:*]]" },
		{ "foo[flags=[\"blas:*\", 'cuda']]", "foo[flags=[cuda,blas:*]]" },
		{ "foo[flags=[*:mkl, *, cuda_*]]", "foo[flags=['*', '*:mkl', 'cuda_*']]" },
		{ "foo[when=a]", "foo[when=\"a\"]" },
		{ "foo[when='python >=3.6']", "foo[when=\"python >=3.6\"]" },
		{ "foo[version=\">=1.0\", when=\"a\", build=\"py*\"]", "foo[version='>=1.0',build='py*',when='a']" },
		{ "foo[ version = \"1.*\" , build = x ]", "foo[version='1.*',build=x]" },
		{ "foo[]", "foo" },
		{ "numpy >=2.0[when=\"python >=3.10\"]", "numpy[version='>=2.0',when='python >=3.10']" },
	};
	static const char *const conditions[] = {
		"foo[when=\"python >=3.6 and linux\"]",
		"foo[when=\"(a or b) and (c or d)\"]",
		"foo[when=\"(a)and(b)or(c)\"]",
		"foo[when=\"((a))\"]",
		"foo[when=\"pandoc >=2.0\"]",
		"foo[when=\"python >=3.6,<4.0\"]",
		"foo[when=\"python >=3.6 or python <3.0\"]",
		"foo[when=\"python 3.9.*\"]",
		"foo[when=\"python >=3.8[build=\\\"py39*\\\"]\"]",
		"foo[when=\"(python >=3.8[build=\\\"py39*\\\"] and __linux) or __win\"]",
		"foo[when=\"python[md5=\\\"8b1a9953c4611296a827abf8c47804d7\\\"]\"]",
		"foo[when=\"python >=3.8[build_number=\\\">=6\\\"]\"]",
		"foo[when=\"python[channel=\\\"conda-forge\\\", subdir=\\\"linux-64\\\"]\"]",
		"foo[when=\"python[track_features=\\\"feat1 feat2\\\"]\"]",
		"foo[when=\"foobar [version='3.12.*', url='https://foobar.com/bla.tar.bz2']\"]",
		"foo[when=\"a[license='x and y'] or b\"]",
	};
	auto_arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *x = matchspec_text(&a, parse(&a, rows[i].spec, MATCHSPEC_V3));
		const char *y = matchspec_text(&a, parse(&a, rows[i].same, MATCHSPEC_V3));

		if (strcmp(x, y) != 0)
			fail_msg("'%s' is read as %s, '%s' as %s", rows[i].spec, x, rows[i].same, y);
	}
	for (size_t i = 0; i < COUNT(conditions); i++) {
		const struct matchspec *m = parse(&a, conditions[i], MATCHSPEC_V3);
		const char *text = matchspec_text(&a, m);

		assert_non_null(m->when);
		assert_string_equal(matchspec_text(&a, parse(&a, text, MATCHSPEC_V3)), text);
	}
}

static void specs_of_2026_that_rattler_refuses(void **state)
{
	static const char *const rows[] = {
		"foo[when=\"\"]",
		"foo[when=\"   \"]",
		"foo[when=\"a\", when=\"b\"]",
		"foo[when=\"bar[when=\\\"baz\\\"]\"]",
		"foo[when=\"bar or baz[when=\\\"qux\\\"]\"]",
		"foo[when=\"a and\"]",
		"foo[when=\"and a\"]",
		"foo[when=\"a or or b\"]",
		"foo[when=\"(a\"]",
		"foo[when=\"a)\"]",
		"foo[when=\"()\"]",
		"foo[extras=[bar,baz]",
		"foo[extras=[]]",
		"foo[extras=[,bar]]",
		"foo[extras=[Bar]]",
		"foo[extras=[b@r]]",
		"foo[flags=[]]",
		"foo[flags=[blas:]]",
		"foo[flags=[':mkl']]",
		"foo[flags=['a:b:c']]",
		"foo[version=1, version=2]",
		"foo[nobody_knows=1]",
		"foo[version",
		"foo; if python >=3.6",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_arena a = { 0 };
		struct err err = ERR_INIT;

		if (matchspec_parse(&a, rows[i], MATCHSPEC_V3, &err))
			fail_msg("'%s' is read", rows[i]);
	}
}

static void length_and_depth_are_bounded(void **state)
{
	auto_buf b = { 0 };

	(void)state;
	for (size_t i = 0; i <= MATCHSPEC_MAX; i++)
		buf_addc(&b, 'a');
	refused(b.p);
	b.n = 0;
	buf_adds(&b, "a[when=\"");
	for (size_t i = 0; i < 1000; i++)
		buf_addc(&b, '(');
	buf_adds(&b, "b\"]");
	refused(b.p);
	b.n = 0;
	buf_adds(&b, "a[when=\"b");
	for (size_t i = 0; i < 500; i++)
		buf_adds(&b, " or b");
	buf_adds(&b, "\"]");
	refused(b.p);
}

static void conditions_bind_and_before_or(void **state)
{
	auto_arena a = { 0 };
	const struct matchspec_cond *c =
		parse(&a, "x[when=\"a or b[build=\\\"p*\\\"] and (c 1 or d)\"]", MATCHSPEC_V3)->when;

	(void)state;
	assert_int_equal(c->type, COND_OR);
	assert_string_equal(c->left->spec->name, "a");
	assert_int_equal(c->right->type, COND_AND);
	assert_string_equal(c->right->left->spec->build_text, "p*");
	assert_int_equal(c->right->right->type, COND_OR);
	assert_string_equal(c->right->right->left->spec->version_text, "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_build_may_be_an_expression_with_parentheses),
		cmocka_unit_test(channels_match_by_name_url_and_glob),
		cmocka_unit_test(names_are_found_without_parsing),
		cmocka_unit_test(flags_must_all_be_there),
		cmocka_unit_test(digests_match_whole_or_not_at_all),
		cmocka_unit_test(only_versions_are_tested_where_only_versions_are),
		cmocka_unit_test(no_credential_survives),
		cmocka_unit_test(errors_quote_the_spec_and_say_why),
		cmocka_unit_test(specs_of_2026_are_read_as_rattler_reads_them),
		cmocka_unit_test(specs_of_2026_that_rattler_refuses),
		cmocka_unit_test(length_and_depth_are_bounded),
		cmocka_unit_test(conditions_bind_and_before_or),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
