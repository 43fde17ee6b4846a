/* MatchSpec against shared/conformance. Every row is tested; where we are not as conda, a table here says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <strings.h>
#include <cmocka.h>

#include "conformance.h"
#include "conda/matchspec.h"

enum { OLD = 1, V3 = 2 }; /* the parser modes, as bits */

/* Where we decided otherwise: docs/matchspec.md has the reasons. canonical NULL: we refuse the spec. */
static const struct deviation {
	const char *spec;
	unsigned modes;
	const char *canonical;
} deviations[] = {
	/* A member of a multichannel stays what it is; conda makes it the whole. */
	{ "pkgs/main::pandas==1.3.0=py39h123_0", OLD | V3, "pkgs/main::pandas==1.3.0=py39h123_0" },
	{ "pkgs/main::python", OLD | V3, "pkgs/main::python" },
	{ "pkgs/main/linux-32::python", OLD | V3, "pkgs/main/linux-32::python" },
	{ "pkgs/main::*", OLD | V3, "pkgs/main::*" },
	{ "pkgs/main/noarch::tzdata", OLD | V3, "pkgs/main/noarch::tzdata" },
	/* "blas=*" is any version, "*.*" is one with a dot. */
	{ "blas *.* mkl", OLD | V3, "blas[version='*.*',build=mkl]" },
	/* conda's text forgets a URL where there is a channel. */
	{ "https://a.b.c/conda-forge:namespace:foo[url=https://a.b/c/d/p-1-b_0.conda]", OLD | V3,
	  "https://a.b.c/conda-forge::foo[url=https://a.b/c/d/p-1-b_0.conda]" },
	/* conda's answer depends on the directory it runs in. */
	{ "./relative/channel::package", OLD | V3, "./relative/channel::package" },
	/* Conditions are understood in both modes, so an empty one is wrong in both. */
	{ "pkg[when=\"   \"]", OLD, NULL },
	{ "foo[when=\"   \"]", OLD, NULL },
	/* CEP 44 says what the name of an extra may be. */
	{ "package[extras=[a b]]", V3, NULL },
	{ "package[extras=[yes, no, 0, 1, True, False, null, None]]", V3, NULL },
	{ "foo[extras=[bar!,baz]]", V3, NULL },
	/* rattler, where "when" comes from, takes escaped quotes. */
	{ "foo[when=\"python[version=\\\">=3.6\\\"]\"]", V3, "foo[when='python[version=\\\">=3.6\\\"]']" },
	/* No channel has brackets in its name. */
	{ "conda-forge[noarch]::tzdata[subdir=linux64]", OLD | V3, NULL },
};

static const struct deviation *deviation_of(const char *spec, unsigned mode)
{
	for (size_t i = 0; i < COUNT(deviations); i++) {
		if (deviations[i].modes & mode && strcmp(deviations[i].spec, spec) == 0)
			return &deviations[i];
	}
	return NULL;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* A list, or words in one string; sorted, as text. */
static const char *words(struct arena *a, const struct doc *d)
{
	const char *list[100];
	size_t n = 0;
	auto_buf b = { 0 };

	if (d->type == DOC_LIST) {
		for (size_t i = 0; i < d->n; i++)
			list[n++] = d->items[i].text;
	} else {
		char *rest = arena_strdup(a, d->text), *word;

		while ((word = strsep(&rest, ", ")) && n < COUNT(list)) {
			if (*word)
				list[n++] = word;
		}
	}
	qsort(list, n, sizeof(list[0]), str_ptr_cmp);
	for (size_t i = 0; i < n; i++)
		buf_addf(&b, "%s ", list[i]);
	return arena_strdup(a, buf_cstr(&b));
}

static const char *own_words(struct arena *a, const char *const *list)
{
	auto_buf b = { 0 };

	if (!list)
		return NULL;
	for (; *list; list++)
		buf_addf(&b, "%s ", *list);
	return arena_strdup(a, buf_cstr(&b));
}

static const char *pattern_or_null(const struct pattern *p)
{
	return p ? pattern_text(p) : NULL;
}

/* Our value of a component, as text; *folded: conda's may be in upper case. */
static const char *component(struct arena *a, const struct matchspec *m, const char *key, bool *folded)
{
	const struct {
		const char *key, *value;
		bool folded;
	} rows[] = {
		{ "name",
		  m->name	    ? m->name
		  : m->name_pattern ? pattern_text(m->name_pattern)
				    : "*",
		  true },
		{ "channel", m->channel, false },
		{ "subdir", m->subdir, false },
		{ "version", m->version_text, false },
		{ "build", m->build_text, false },
		{ "build_number", m->build_number, false },
		{ "track_features", own_words(a, m->track_features), false },
		{ "features", own_words(a, m->features), false },
		{ "url", m->url, false },
		{ "md5", m->md5, true },
		{ "sha256", m->sha256, true },
		{ "license", pattern_or_null(m->license), true },
		{ "license_family", pattern_or_null(m->license_family), true },
		{ "fn", m->fn, false },
		{ "when", m->when_text, false },
		{ "extras", own_words(a, m->extras), false },
		{ "flags", own_words(a, m->flags), false },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		if (strcmp(rows[i].key, key) == 0) {
			*folded = rows[i].folded;
			return rows[i].value;
		}
	}
	return NULL;
}

static const char *const component_names[] = {
	"name", "channel", "subdir",  "version",	"build", "build_number", "track_features", "features", "url",
	"md5",	"sha256",  "license", "license_family", "fn",	 "when",	 "extras",	   "flags",
};

static bool component_is(struct arena *a, const struct matchspec *m, const char *key, const struct doc *want)
{
	bool folded = false, list = want && (want->type == DOC_LIST || strstr(key, "features") ||
					     strcmp(key, "extras") == 0 || strcmp(key, "flags") == 0);
	const char *got = component(a, m, key, &folded), *text = want ? list ? words(a, want) : want->text : NULL;

	/* Any version is no condition. */
	if (strcmp(key, "version") == 0 && text && strcmp(text, "*") == 0)
		text = NULL;
	if (folded && got && text && strcasecmp(got, text) == 0)
		return true;
	if (same_text(got, text))
		return true;
	print_error("'%s': %s is '%s', wanted '%s'\n", m->text, key, got ? got : "-", text ? text : "-");
	return false;
}

/* Components and canonical text are conda's, and nothing else is set. */
static bool parsed_as(struct arena *a, const struct matchspec *m, const struct doc *want, const struct doc *canonical)
{
	bool ok = true;

	for (size_t i = 0; i < COUNT(component_names); i++)
		ok = component_is(a, m, component_names[i], doc_find(want, component_names[i])) && ok;
	for (size_t i = 0; i < want->n; i++) {
		bool folded;

		if (component(a, m, want->keys[i].text, &folded) || strcmp(want->keys[i].text, "version") == 0)
			continue;
		print_error("'%s': we do not have '%s'\n", m->text, want->keys[i].text);
		ok = false;
	}
	if (canonical && canonical->type == DOC_STRING && strcmp(matchspec_text(a, m), canonical->text) != 0) {
		print_error("'%s': canonical text is '%s', wanted '%s'\n", m->text, matchspec_text(a, m),
			    canonical->text);
		ok = false;
	}
	return ok;
}

/* The canonical text is a fixed point. */
static bool is_stable(struct arena *a, const struct matchspec *m)
{
	struct err err = ERR_INIT;
	const char *text = matchspec_text(a, m);
	const struct matchspec *again = matchspec_parse(a, text, MATCHSPEC_V3, &err);

	if (again && strcmp(matchspec_text(a, again), text) == 0)
		return true;
	print_error("'%s': canonical text '%s' is not stable: %s\n", m->text, text,
		    again ? matchspec_text(a, again) : err.text);
	return false;
}

static bool deviates(struct arena *a, const char *spec, const struct matchspec *m, const struct deviation *d)
{
	const char *got = m ? matchspec_text(a, m) : NULL;

	if (same_text(got, d->canonical))
		return true;
	print_error("'%s': we say '%s', declared is '%s'\n", spec, got ? got : "refused",
		    d->canonical ? d->canonical : "refused");
	return false;
}

static bool parse_case(struct arena *a, const struct doc *row, unsigned mode, size_t *deviating)
{
	bool v3 = mode == V3 && doc_find(row, "conda_v3");
	const struct doc *want = doc_find(row, v3 ? "conda_v3" : "conda");
	const struct doc *canonical = doc_find(row, v3 ? "canonical_v3" : "canonical");
	const char *spec = doc_find(row, "spec")->text;
	const struct deviation *d = deviation_of(spec, mode);
	struct err err = ERR_INIT;
	const struct matchspec *m = matchspec_parse(a, spec, mode == V3 ? MATCHSPEC_V3 : 0, &err);

	assert_non_null(want);
	assert_true(m || err.code == ERR_FORMAT);
	if (m && !is_stable(a, m))
		return false;
	*deviating += d != NULL;
	if (d)
		return deviates(a, spec, m, d) &&
		       !same_text(d->canonical, canonical->type == DOC_STRING ? canonical->text : NULL);
	if (!m != !!doc_find(want, "error")) {
		print_error("'%s' (%s): we %s\n", spec, mode == V3 ? "v3" : "today", m ? "accept" : err.text);
		return false;
	}
	return !m || parsed_as(a, m, want, canonical);
}

static void specs_parse_as_conda_parses_them(void **state)
{
	auto_arena a = { 0 };
	const struct doc *cases = doc_find(conformance_json(&a, "matchspec_parse.json"), "cases");
	size_t wrong = 0, deviating = 0;

	(void)state;
	assert_true(cases->n > 0);
	for (size_t i = 0; i < cases->n; i++) {
		wrong += !parse_case(&a, &cases->items[i], OLD, &deviating);
		wrong += !parse_case(&a, &cases->items[i], V3, &deviating);
	}
	printf("matchspec_parse.json: %zu cases in two modes, %zu not as conda\n", cases->n, deviating);
	assert_int_equal(wrong, 0);
}

static const char *const grid_versions[] = { "1", "1.8", "1.8.0", "1.8.3", "1.8a1", "1.80", "1.9", "2" };
static const char *const grid_builds[] = { "0", "py_0", "py27_1" };

#define GRID (COUNT(grid_versions) * COUNT(grid_builds))

/* Which of the grid's records a spec takes, as a bit string. */
static void matches_of(struct arena *a, const char *spec, char ret[GRID + 1])
{
	struct err err = ERR_INIT;
	const struct matchspec *m = matchspec_parse(a, spec, 0, &err);

	if (!m)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < GRID; i++) {
		struct record r = { .name = "pkg",
				    .version = grid_versions[i % COUNT(grid_versions)],
				    .build = grid_builds[i / COUNT(grid_versions)] };

		record_defaults(&r);
		ret[i] = matchspec_match(m, &r, NULL) ? '1' : '0';
	}
	ret[GRID] = '\0';
}

static void equivalent_specs_match_the_same(void **state)
{
	auto_arena a = { 0 };
	const struct doc *groups = doc_find(conformance_json(&a, "matchspec_parse.json"), "equivalence_groups");
	size_t specs = 0;

	(void)state;
	for (size_t i = 0; groups && i < groups->n; i++) {
		const struct doc *same = doc_find(&groups->items[i], "equivalent");
		char first[GRID + 1], other[GRID + 1];

		matches_of(&a, same->items[0].text, first);
		assert_true(strchr(first, '1') && strchr(first, '0'));
		for (size_t j = 0; j < same->n; j++) {
			matches_of(&a, same->items[j].text, other);
			if (strcmp(first, other) != 0)
				fail_msg("'%s' and '%s' differ", same->items[0].text, same->items[j].text);
			specs++;
		}
	}
	printf("equivalence_groups: %zu groups, %zu specs, %zu records each\n", groups ? groups->n : 0, specs, GRID);
}

static bool tree_is(struct arena *a, const struct matchspec_cond *c, const struct doc *want)
{
	const struct doc *spec = doc_find(want, "MatchSpec"), *both;

	if (spec) {
		bool ok = c->type == COND_SPEC;

		for (size_t i = 0; ok && i < spec->n; i++)
			ok = component_is(a, c->spec, spec->keys[i].text, &spec->items[i]);
		return ok;
	}
	both = doc_find(want, c->type == COND_AND ? "And" : "Or");
	return both && both->n == 2 && c->type != COND_SPEC && tree_is(a, c->left, &both->items[0]) &&
	       tree_is(a, c->right, &both->items[1]);
}

static void conditions_become_trees(void **state)
{
	auto_arena a = { 0 };
	const struct doc *rows = doc_find(conformance_json(&a, "matchspec_parse.json"), "when_conditions");
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; rows && i < rows->n; i++) {
		struct err err = ERR_INIT;
		const char *when = doc_find(&rows->items[i], "when")->text;
		const struct matchspec *m =
			matchspec_parse(&a, arena_printf(&a, "x[when=\"%s\"]", when), MATCHSPEC_V3, &err);

		assert_null(strchr(when, '"'));
		if (m && is_stable(&a, m) && tree_is(&a, m->when, doc_find(&rows->items[i], "tree")))
			continue;
		print_error("when '%s': %s\n", when, m ? "another tree" : err.text);
		wrong++;
	}
	printf("when_conditions: %zu rows\n", rows ? rows->n : 0);
	assert_int_equal(wrong, 0);
}

static const char *text_of(const struct doc *map, const char *key)
{
	const struct doc *d = doc_find(map, key);

	return d ? d->text : NULL;
}

static uint8_t nibble(char c)
{
	return (uint8_t)(c >= 'a' ? c - 'a' + 10 : c - '0');
}

static bool bytes_of(const char *hex, uint8_t *ret, size_t n)
{
	if (!hex)
		return false;
	assert_int_equal(strlen(hex), 2 * n);
	for (size_t i = 0; i < n; i++)
		ret[i] = (uint8_t)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
	return true;
}

static struct record record_of(struct arena *a, const struct doc *d)
{
	struct record r = {
		.name = text_of(d, "name"),
		.version = text_of(d, "version"),
		.build = text_of(d, "build"),
		.subdir = text_of(d, "subdir"),
		.channel = text_of(d, "channel"),
		.fn = text_of(d, "fn"),
		.url = text_of(d, "url"),
		.license = text_of(d, "license"),
		.license_family = text_of(d, "license_family"),
		.build_number = (uint64_t)doc_find(d, "build_number")->num,
	};
	const char *feature = text_of(d, "track_features");

	r.has_md5 = bytes_of(text_of(d, "md5"), r.md5, sizeof(r.md5));
	r.has_sha256 = bytes_of(text_of(d, "sha256"), r.sha256.sha256, sizeof(r.sha256.sha256));
	if (feature)
		r.track_features = arena_strlist(a, &feature, 1);
	record_defaults(&r);
	return r;
}

/* m may be NULL: we refuse the spec, which then takes nothing. */
static size_t check_matches(const char *spec, const struct matchspec *m, const struct doc *indexes, bool want,
			    const struct record *records)
{
	size_t wrong = 0;

	for (size_t i = 0; i < indexes->n; i++) {
		const struct record *r = &records[indexes->items[i].num];

		if ((m && matchspec_match(m, r, NULL)) == want)
			continue;
		print_error("'%s' %s record %ld (%s-%s-%s)\n", spec, want ? "does not take" : "takes",
			    (long)indexes->items[i].num, r->name, r->version, r->build);
		wrong++;
	}
	return wrong;
}

/* Once as conda reads it today, once by its canonical text. */
static size_t match_case(struct arena *a, const struct doc *row, const struct record *records)
{
	struct err err = ERR_INIT;
	const char *spec = doc_find(row, "spec")->text;
	const struct deviation *d = deviation_of(spec, OLD);
	const struct matchspec *m = matchspec_parse(a, spec, 0, &err), *again;
	const struct doc *yes = doc_find(row, "match"), *no = doc_find(row, "no_match");
	size_t wrong;

	if (!m) {
		if (!d || d->canonical)
			fail_msg("%s", err.text);
		return check_matches(spec, NULL, yes, true, records);
	}
	wrong = check_matches(spec, m, yes, true, records) + check_matches(spec, m, no, false, records);
	again = matchspec_parse(a, matchspec_text(a, m), MATCHSPEC_V3, &err);
	if (!again)
		fail_msg("%s", err.text);
	return wrong + check_matches(again->text, again, yes, true, records) +
	       check_matches(again->text, again, no, false, records);
}

static void specs_match_as_in_conda(void **state)
{
	auto_arena a = { 0 };
	const struct doc *d = conformance_json(&a, "matchspec_match.json");
	const struct doc *list = doc_find(d, "records"), *cases = doc_find(d, "cases");
	struct record *records = arena_array(&a, list->n, sizeof(*records));
	size_t wrong = 0, pairs = 0;

	(void)state;
	assert_true(cases->n > 0);
	for (size_t i = 0; i < list->n; i++)
		records[i] = record_of(&a, &list->items[i]);
	for (size_t i = 0; i < cases->n; i++) {
		pairs += doc_find(&cases->items[i], "match")->n + doc_find(&cases->items[i], "no_match")->n;
		wrong += match_case(&a, &cases->items[i], records);
	}
	printf("matchspec_match.json: %zu cases, %zu pairs\n", cases->n, pairs);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	auto_arena a = { 0 };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(specs_parse_as_conda_parses_them),
		cmocka_unit_test(equivalent_specs_match_the_same),
		cmocka_unit_test(conditions_become_trees),
		cmocka_unit_test(specs_match_as_in_conda),
	};

	if (!conformance_dir(&a))
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
