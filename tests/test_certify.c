/* What is wrong with an answer is seen before it is given, and named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/mem.h"
#include "solver/certify.h"

#define RECORDS_MAX 8

/* "name version | depends; depends | constrains | extra: depends"; parts may be left out. */
struct row {
	const char *records[RECORDS_MAX], *specs[4], *pins[2];
	const char *refused; /* words of the sentence; NULL: an answer */
	int64_t exclude_newer;
	bool python_needs_pip, pip_exists;
};

static const char *const *list_of(struct arena *a, struct str s)
{
	const char **ret = arena_array(a, s.n + 2, sizeof(*ret));
	struct str part;
	size_t n = 0;

	while (str_cut(&s, ';', &part))
		if ((part = str_trim(part)).n)
			ret[n++] = arena_strndup(a, part.p, part.n);
	return ret;
}

static void read_record(struct arena *a, const char *text, struct record *r)
{
	struct str rest = str_of(text), part[4] = { 0 }, word;
	size_t n = 0;

	while (n < 4 && str_cut(&rest, '|', &part[n]))
		n++;
	*r = (struct record){ .build = "0", .subdir = "noarch", .channel = "https://h/c", .timestamp = 1700000000000 };
	str_cut(&part[0], ' ', &word);
	r->name = arena_strndup(a, word.p, word.n);
	word = str_trim(part[0]);
	r->version = arena_strndup(a, word.p, word.n);
	r->depends = list_of(a, part[1]);
	r->constrains = list_of(a, part[2]);
	if (part[3].n) {
		struct record_extra *x = arena_array(a, 1, sizeof(*x));

		str_cut(&part[3], ':', &word);
		word = str_trim(word);
		*x = (struct record_extra){ arena_strndup(a, word.p, word.n), list_of(a, part[3]) };
		r->extras = x;
		r->n_extras = 1;
	}
	r->fn = r->url = arena_printf(a, "%s-%s-0.conda", r->name, r->version);
	record_defaults(r);
}

static const struct row rows[] = {
	{ .records = { "a 1 | b >=2", "b 2" }, .specs = { "a" } },
	{ .records = { "a 1 | b >=2", "b 1" }, .specs = { "a" }, .refused = "a-1-0.conda" },
	{ .records = { "a 1 | b" }, .specs = { "a" }, .refused = "a-1-0.conda" },
	{ .records = { "a 1" }, .specs = { "a >=2" }, .refused = "the request is not met" },
	{ .records = { "a 1" }, .specs = { "a", "b" }, .refused = "the request is not met" },
	/* two of a name */
	{ .records = { "a 1", "a 2" }, .specs = { "a" }, .refused = "a-" },
	/* nothing asks for it */
	{ .records = { "a 1", "b 1" }, .specs = { "a" }, .refused = "nothing asks for b-1-0.conda" },
	/* constrains hold only of what is there */
	{ .records = { "a 1 | b | b <2", "b 1" }, .specs = { "a" } },
	{ .records = { "a 1 | | b <2" }, .specs = { "a" } },
	{ .records = { "a 1 | b | b <2", "b 2" }, .specs = { "a" }, .refused = "a-1-0.conda" },
	{ .records = { "a 1 | | b <2", "b 2" }, .specs = { "a", "b" }, .refused = "a-1-0.conda" },
	/* pins */
	{ .records = { "a 1" }, .specs = { "a" }, .pins = { "a <2" } },
	{ .records = { "a 1" }, .specs = { "a" }, .pins = { "b <2" } },
	{ .records = { "a 2" }, .specs = { "a" }, .pins = { "a <2" }, .refused = "" },
	/* conditions */
	{ .records = { "a 1 | b[when=\"c\"]" }, .specs = { "a" } },
	{ .records = { "a 1 | b[when=\"c\"]", "c 1" }, .specs = { "a", "c" }, .refused = "a-1-0.conda" },
	{ .records = { "a 1 | b[when=\"c\"]", "c 1", "b 1" }, .specs = { "a", "c" } },
	{ .records = { "a 1 | b[when=\"c and d\"]", "c 1" }, .specs = { "a", "c" } },
	{ .records = { "a 1 | b[when=\"c and d\"]", "c 1", "d 1" }, .specs = { "a", "c", "d" }, .refused = "" },
	{ .records = { "a 1 | b[when=\"c or d\"]", "d 1" }, .specs = { "a", "d" }, .refused = "" },
	{ .records = { "a 1 | b[when=\"(c or d) and (a or e)\"]", "d 1" }, .specs = { "a", "d" }, .refused = "" },
	{ .records = { "a 1 | b[when=\"(c or d) and (e or f)\"]", "d 1" }, .specs = { "a", "d" } },
	{ .records = { "a 1" }, .specs = { "a", "b[when=\"a\"]" }, .refused = "" },
	/* extras */
	{ .records = { "a 1 | | | x: b" }, .specs = { "a" } },
	{ .records = { "a 1 | | | x: b" }, .specs = { "a[extras=[x]]" }, .refused = "a-1-0.conda" },
	{ .records = { "a 1 | | | x: b", "b 1" }, .specs = { "a[extras=[x]]" } },
	{ .records = { "a 1 | | | x: b", "c 1 | a[extras=[x]]" }, .specs = { "c" }, .refused = "a-1-0.conda" },
	/* virtual packages are those of the question: __linux 5 */
	{ .records = { "a 1 | __linux >=4" }, .specs = { "a" } },
	{ .records = { "a 1 | __linux >=6" }, .specs = { "a" }, .refused = "a-1-0.conda" },
	{ .records = { "a 1 | __cuda" }, .specs = { "a" }, .refused = "a-1-0.conda" },
	{ .records = { "__linux 6" }, .specs = { "__linux" }, .refused = "" },
	/* what the request leaves out, and what cannot be read */
	{ .records = { "a 1" },
	  .specs = { "a" },
	  .exclude_newer = 1600000000000,
	  .refused = "a-1-0.conda is left out" },
	{ .records = { "a 1 | b >=" }, .specs = { "a" }, .refused = "a-1-0.conda is left out" },
	/* python brings pip where there is one */
	{ .records = { "python 3" }, .specs = { "python" }, .python_needs_pip = true },
	{ .records = { "python 3" },
	  .specs = { "python" },
	  .python_needs_pip = true,
	  .pip_exists = true,
	  .refused = "" },
	{ .records = { "python 3", "pip 1" }, .specs = { "python" }, .python_needs_pip = true, .pip_exists = true },
};

static size_t count(const char *const *list, size_t max)
{
	size_t n = 0;

	while (n < max && list[n])
		n++;
	return n;
}

static int certify_row(struct arena *a, const struct row *row, struct err *err)
{
	static const char *const linux_version = "5";
	struct record *records = arena_array(a, RECORDS_MAX, sizeof(*records)), virtual, pip;
	const struct record *list[RECORDS_MAX];
	size_t n = count(row->records, COUNT(row->records));
	struct index all = { 0 };
	struct solve q = { .index = &all,
			   .specs = row->specs,
			   .n_specs = count(row->specs, COUNT(row->specs)),
			   .pins = row->pins,
			   .n_pins = count(row->pins, COUNT(row->pins)),
			   .virtuals = &virtual,
			   .n_virtuals = 1,
			   .priority = PRIORITY_FLEXIBLE,
			   .exclude_newer = row->exclude_newer,
			   .python_needs_pip = row->python_needs_pip };

	for (size_t i = 0; i < n; i++) {
		read_record(a, row->records[i], &records[i]);
		list[i] = &records[i];
	}
	read_record(a, "pip 1", &pip);
	if (row->pip_exists)
		all = (struct index){ .records = &pip, .n = 1 };
	virtual = (struct record){ .name = "__linux",
				   .version = linux_version,
				   .build = "0",
				   .channel = "@",
				   .subdir = "",
				   .fn = "",
				   .url = "" };
	record_defaults(&virtual);
	return certify(&q, list, n, err);
}

static void an_answer_passes_and_anything_else_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_arena a = { 0 };
		struct err err = ERR_INIT;
		int rc = certify_row(&a, &rows[i], &err);

		if ((rc == 0) != !rows[i].refused)
			fail_msg("row %zu (%s, ...): %s", i, rows[i].records[0], rc ? err.text : "passed");
		if (rc == 0)
			continue;
		assert_int_equal(err.code, ERR_BUG);
		assert_true(str_starts(err.text, "internal error: libsolv does not accept the answer"));
		assert_non_null(strstr(err.text, "please report it"));
		if (!strstr(err.text, rows[i].refused))
			fail_msg("row %zu: %s", i, err.text);
	}
}

/* (a or b) and (c or d) and ..., the other way round, and deep: multiplied out this would have 2^n terms. */
static void conditions_are_not_multiplied_out(void **state)
{
	auto_arena a = { 0 };
	auto_buf condition = { 0 }, dep = { 0 };
	struct row row = { .specs = { "a" } };
	struct err err = ERR_INIT;

	(void)state;
	for (int i = 0; i < 40; i++)
		buf_addf(&condition, "%s(x%d %s y%d)", i ? i % 2 ? " and " : " or " : "", i, i % 3 ? "or" : "and", i);
	buf_addf(&dep, "a 1 | b[when=\"%s\"]", buf_cstr(&condition));
	row.records[0] = buf_cstr(&dep);
	assert_int_equal(certify_row(&a, &row, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_passes_and_anything_else_is_named),
		cmocka_unit_test(conditions_are_not_multiplied_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
