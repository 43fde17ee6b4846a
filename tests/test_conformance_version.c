/* Versions and version specs against shared/conformance. Every row is tested; where sources disagree, our policy is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "conformance.h"
#include "conda/version.h"

static const struct version *version_of(struct arena *a, const char *text)
{
	struct err err = ERR_INIT;
	const struct version *v = version_parse(a, text, &err);

	if (!v)
		print_error("%s\n", err.text);
	return v;
}

static char relation(int c)
{
	return c < 0 ? '<' : c > 0 ? '>' : '=';
}

/* op is "<", "==" or ">"; both directions, and the text form of the same question. */
static bool relation_holds(struct arena *a, const char *x, const char *op, const char *y)
{
	const struct version *vx = version_of(a, x), *vy = version_of(a, y);

	if (!vx || !vy || !op || !*op)
		return false;
	return relation(version_cmp(vx, vy)) == *op && version_cmp(vy, vx) == -version_cmp(vx, vy) &&
	       version_text_cmp(x, y) == version_cmp(vx, vy);
}

static void pairs_compare_as_written(void **state)
{
	auto_arena a = { 0 };
	struct conformance_rows r = conformance_read(&a, "version_compare.tsv", false);
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < r.n; i++) {
		const struct conformance_row *row = &r.rows[i];

		if (row->n >= 3 && relation_holds(&a, row->field[0], row->field[1], row->field[2]))
			continue;
		print_error("version_compare.tsv:%u: '%s' %s '%s' does not hold\n", row->line, row->field[0],
			    row->field[1], row->field[2]);
		wrong++;
	}
	printf("version_compare.tsv: %zu rows\n", r.n);
	assert_int_equal(wrong, 0);
}

struct order {
	const char *text[2000];
	bool same[2000]; /* as the one before */
	size_t n;
};

/* Every pair of one list, not only neighbours. Returns the number of pairs; adds to *wrong. */
static size_t check_order(struct arena *a, const struct order *o, size_t *wrong)
{
	size_t pairs = 0;

	for (size_t i = 0; i < o->n; i++) {
		bool same = true;

		for (size_t j = i + 1; j < o->n; j++) {
			same = same && o->same[j];
			pairs++;
			if (relation_holds(a, o->text[i], same ? "=" : "<", o->text[j]))
				continue;
			print_error("version_order.txt: '%s' %s '%s' does not hold\n", o->text[i], same ? "==" : "<",
				    o->text[j]);
			++*wrong;
		}
	}
	return pairs;
}

static void lists_ascend(void **state)
{
	auto_arena a = { 0 };
	struct conformance_rows r = conformance_read(&a, "version_order.txt", true);
	auto_free struct order *o = NEW(struct order);
	size_t wrong = 0, pairs = 0, rows = 0;

	(void)state;
	for (size_t i = 0; i < r.n; i++) {
		const char *text = r.rows[i].field[0];

		if (text[0] == '#') {
			pairs += check_order(&a, o, &wrong);
			o->n = 0;
			continue;
		}
		assert_true(o->n < COUNT(o->text));
		o->same[o->n] = str_starts(text, "== ");
		o->text[o->n++] = str_starts(text, "== ") ? text + 3 : text;
		rows++;
	}
	pairs += check_order(&a, o, &wrong);
	printf("version_order.txt: %zu rows, %zu pairs\n", rows, pairs);
	assert_true(pairs > 0);
	assert_int_equal(wrong, 0);
}

/* JSON without spaces, as version_segments() writes it. */
static void dump(struct buf *b, const struct doc *d)
{
	if (d->type == DOC_LIST) {
		buf_addc(b, '[');
		for (size_t i = 0; i < d->n; i++) {
			if (i)
				buf_addc(b, ',');
			dump(b, &d->items[i]);
		}
		buf_addc(b, ']');
	} else {
		buf_addf(b, d->type == DOC_STRING ? "\"%s\"" : "%s", d->text);
	}
}

static bool parses_as(struct arena *a, const struct doc *want)
{
	const struct version *v = version_of(a, doc_find(want, "version")->text);
	auto_buf segments = { 0 }, local = { 0 };

	dump(&segments, doc_find(want, "segments"));
	dump(&local, doc_find(want, "local"));
	return v && strcmp(version_segments(a, v, false), buf_cstr(&segments)) == 0 &&
	       strcmp(version_segments(a, v, true), buf_cstr(&local)) == 0 &&
	       strcmp(version_text(a, v), doc_find(want, "norm")->text) == 0;
}

static void literals_parse_into_the_same_segments(void **state)
{
	auto_arena a = { 0 };
	const struct doc *d = conformance_json(&a, "version_parse.json"), *valid = doc_find(d, "valid");
	const struct doc *invalid = doc_find(d, "invalid"), *odd = doc_find(d, "accepted_by_conda_though_odd");
	size_t wrong = 0;

	(void)state;
	assert_true(valid->n > 0 && invalid->n > 0);
	for (size_t i = 0; i < valid->n; i++) {
		const char *text = doc_find(&valid->items[i], "version")->text;
		const struct version *v = version_of(&a, text);

		if (parses_as(&a, &valid->items[i]))
			continue;
		print_error("version_parse.json: '%s' is %s\n", text, v ? version_segments(&a, v, false) : "refused");
		wrong++;
	}
	for (size_t i = 0; i < invalid->n; i++) {
		struct err err = ERR_INIT;

		if (!version_parse(&a, invalid->items[i].text, &err) && err.code == ERR_FORMAT)
			continue;
		print_error("version_parse.json: '%s' is accepted\n", invalid->items[i].text);
		wrong++;
	}
	for (size_t i = 0; odd && i < odd->n; i++)
		wrong += !version_of(&a, odd->items[i].text);
	printf("version_parse.json: %zu valid, %zu invalid, %zu odd\n", valid->n, invalid->n, odd ? odd->n : 0);
	assert_int_equal(wrong, 0);
}

/* Field 2 is what conda says. We follow it in all of them. */
static void conda_decides_where_orders_disagree(void **state)
{
	auto_arena a = { 0 };
	struct conformance_rows r = conformance_read(&a, "version_disagreements.tsv", false);
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < r.n; i++) {
		const struct conformance_row *row = &r.rows[i];

		if (row->n >= 3 && relation_holds(&a, row->field[0], row->field[2], row->field[1]))
			continue;
		print_error("version_disagreements.tsv:%u: '%s' %s '%s' does not hold\n", row->line, row->field[0],
			    row->field[2], row->field[1]);
		wrong++;
	}
	printf("version_disagreements.tsv: %zu rows\n", r.n);
	assert_int_equal(wrong, 0);
}

enum verdict { YES, NO, REFUSED };

static const char *const verdict_name[] = { "matches", "does not match", "is refused" };

static enum verdict ask(struct arena *a, const char *spec, const char *version)
{
	struct err err = ERR_INIT;
	const struct version_spec *s = version_spec_parse(a, spec, &err);
	const struct version *v;

	if (!s)
		return REFUSED;
	v = version_of(a, version);
	assert_non_null(v);
	return version_spec_match(s, v, version) ? YES : NO;
}

/* The canonical text must mean the same. */
static enum verdict ask_again(struct arena *a, const char *spec, const char *version)
{
	struct err err = ERR_INIT;
	const struct version_spec *s = version_spec_parse(a, spec, &err);

	return s ? ask(a, version_spec_text(s), version) : REFUSED;
}

static bool expect(struct arena *a, const struct conformance_row *row, const char *file, enum verdict want)
{
	const char *spec = row->field[0], *version = row->field[1];
	enum verdict got = ask(a, spec, version), again = ask_again(a, spec, version);

	if (got == want && again == want)
		return true;
	print_error("%s:%u: '%s' of '%s': it %s (canonical text: %s), wanted: %s\n", file, row->line, spec, version,
		    verdict_name[got], verdict_name[again], verdict_name[want]);
	return false;
}

static void specs_match_as_written(void **state)
{
	auto_arena a = { 0 };
	struct conformance_rows r = conformance_read(&a, "version_spec.tsv", false);
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < r.n; i++) {
		bool yes = strcmp(r.rows[i].field[2], "true") == 0;

		assert_true(yes || strcmp(r.rows[i].field[2], "false") == 0);
		wrong += !expect(&a, &r.rows[i], "version_spec.tsv", yes ? YES : NO);
	}
	printf("version_spec.tsv: %zu rows\n", r.n);
	assert_int_equal(wrong, 0);
}

/* docs/versions.md gives the reasons. Everywhere else conda decides. */
static const struct policy {
	const char *spec;
	bool accepted; /* and then the other implementation's value holds */
} policies[] = {
	{ "", true }, { "=*", true }, { "=1.*.3", true }, { "!=1.*.3", true }, { "~=*", false },
};

static const struct policy *policy_of(struct str spec)
{
	spec = str_trim(spec);
	for (size_t i = 0; i < COUNT(policies); i++) {
		if (str_eq(spec, policies[i].spec))
			return &policies[i];
	}
	return NULL;
}

/* "conda=err", "libmamba test_version_spec.cpp=1" */
static enum verdict verdict_of(const char *field)
{
	const char *value = strrchr(field, '=');

	assert_non_null(value);
	return value[1] == 'e' ? REFUSED : value[1] == '1' ? YES : NO;
}

static void policy_decides_where_specs_disagree(void **state)
{
	auto_arena a = { 0 };
	struct conformance_rows r = conformance_read(&a, "version_spec_disagreements.tsv", false);
	size_t wrong = 0, not_conda = 0;

	(void)state;
	for (size_t i = 0; i < r.n; i++) {
		const struct policy *p = policy_of(str_of(r.rows[i].field[0]));

		assert_true(r.rows[i].n >= 4);
		not_conda += p != NULL;
		wrong += !expect(&a, &r.rows[i], "version_spec_disagreements.tsv",
				 verdict_of(r.rows[i].field[p ? 3 : 2]));
	}
	printf("version_spec_disagreements.tsv: %zu rows, %zu not as conda\n", r.n, not_conda);
	assert_int_equal(wrong, 0);
}

static void policy_decides_what_is_refused(void **state)
{
	auto_arena a = { 0 };
	struct conformance_rows r = conformance_read(&a, "version_spec_errors.tsv", false);
	size_t wrong = 0, not_conda = 0;

	(void)state;
	for (size_t i = 0; i < r.n; i++) {
		const struct conformance_row *row = &r.rows[i];
		const struct policy *p = policy_of(str_of(row->field[0]));
		bool conda = strcmp(row->field[1], "ok") == 0, want = p ? p->accepted : conda;
		struct err err = ERR_INIT;
		bool got = version_spec_parse(&a, row->field[0], &err);

		assert_true(conda || strcmp(row->field[1], "error") == 0);
		not_conda += want != conda;
		if (got == want && (got || err.code == ERR_FORMAT))
			continue;
		print_error("version_spec_errors.tsv:%u: '%s' is %s\n", row->line, row->field[0],
			    got ? "accepted" : err.text);
		wrong++;
	}
	printf("version_spec_errors.tsv: %zu rows, %zu not as conda\n", r.n, not_conda);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	auto_arena a = { 0 };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs_compare_as_written),
		cmocka_unit_test(lists_ascend),
		cmocka_unit_test(literals_parse_into_the_same_segments),
		cmocka_unit_test(conda_decides_where_orders_disagree),
		cmocka_unit_test(specs_match_as_written),
		cmocka_unit_test(policy_decides_where_specs_disagree),
		cmocka_unit_test(policy_decides_what_is_refused),
	};

	if (!conformance_dir(&a))
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
