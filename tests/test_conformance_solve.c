/*
 * Every case of solve_cases.json (facts restated from the test suites of conda, libmamba and
 * rattler) and of testdata/solve_cases.json (our own, where those are silent), solved with and without reducing candidates, and with records and specs in
 * another order: one answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/doc.h"
#include "base/fs.h"
#include "conda/matchspec.h"
#include "conda/virtual.h"
#include "solver/solver.h"

static const struct doc *cases, *own_cases;

static const char *string_of(const struct doc *d, const char *key, const char *dflt)
{
	struct err err = ERR_INIT;
	const char *s;

	assert_int_equal(doc_get_string(d, key, dflt, &s, &err), 0);
	return s;
}

static int64_t int_of(const struct doc *d, const char *key)
{
	struct err err = ERR_INIT;
	int64_t v;

	assert_int_equal(doc_get_int(d, key, 0, &v, &err), 0);
	return v;
}

static const char *const *strings_of(struct arena *a, const struct doc *d, const char *key, size_t *n)
{
	struct err err = ERR_INIT;
	const char *const *list;

	if (doc_get_strings(a, d, key, &list, n, &err) < 0)
		fail_msg("%s", err.text);
	return list;
}

/* "a b" or a list of words. */
static const char *const *words_of(struct arena *a, const struct doc *d, const char *key)
{
	const struct doc *v = doc_find(d, key);
	const char **list;
	struct str rest, word;
	size_t n = 0;

	if (!v || v->type == DOC_LIST)
		return strings_of(a, d, key, NULL);
	list = arena_array(a, strlen(v->text) + 1, sizeof(*list));
	rest = str_of(v->text);
	while (str_cut(&rest, ' ', &word))
		if (word.n)
			list[n++] = arena_strndup(a, word.p, word.n);
	return list;
}

static void read_extras(struct arena *a, const struct doc *d, struct record *r)
{
	const struct doc *v = doc_find(d, "extra_depends");
	struct record_extra *extras;

	if (!v)
		return;
	extras = arena_array(a, v->n, sizeof(*extras));
	for (size_t i = 0; i < v->n; i++)
		extras[i] = (struct record_extra){ v->keys[i].text, strings_of(a, v, v->keys[i].text, NULL) };
	r->extras = extras;
	r->n_extras = v->n;
}

static void read_record(struct arena *a, const struct doc *d, const char *channel, uint32_t rank, struct record *r)
{
	const char *md5 = string_of(d, "md5", NULL);

	*r = (struct record){
		.name = string_of(d, "name", NULL),
		.version = string_of(d, "version", NULL),
		.build = string_of(d, "build", ""),
		.build_number = (uint64_t)int_of(d, "build_number"),
		.subdir = string_of(d, "subdir", "linux-64"),
		.channel = strstr(channel, "://") ? channel : arena_printf(a, "https://conda.anaconda.org/%s", channel),
		.timestamp = int_of(d, "timestamp"),
		.indexed_timestamp = int_of(d, "indexed_timestamp"),
		.channel_rank = rank,
		.depends = strings_of(a, d, "depends", NULL),
		.constrains = strings_of(a, d, "constrains", NULL),
		.flags = strings_of(a, d, "flags", NULL),
		.track_features = words_of(a, d, "track_features"),
	};
	r->fn = arena_printf(a, "%s-%s-%s.%s", r->name, r->version, r->build, string_of(d, "ext", "conda"));
	r->url = arena_printf(a, "%s/%s/%s", r->channel, r->subdir, r->fn);
	r->has_md5 = md5 && digest_hex_parse(md5, r->md5, sizeof(r->md5));
	read_extras(a, d, r);
	record_defaults(r);
}

struct question {
	struct index index;
	struct virtual_set virtuals;
	struct solve solve;
	const char **channel_names;
};

static void read_channels(struct question *q, const struct doc *c, bool backwards)
{
	const struct doc *channels = doc_find(c, "channels");
	struct arena *a = &q->index.arena;
	size_t total = 0;

	for (size_t i = 0; i < channels->n; i++)
		total += doc_find(&channels->items[i], "records")->n;
	q->index.records = arena_array(a, total, sizeof(*q->index.records));
	q->channel_names = arena_array(a, channels->n + 1, sizeof(*q->channel_names));
	for (size_t i = 0; i < channels->n; i++) {
		const struct doc *records = doc_find(&channels->items[i], "records");
		const char *name = string_of(&channels->items[i], "name", "test");

		q->channel_names[i] = name;
		for (size_t k = 0; k < records->n; k++)
			read_record(a, &records->items[backwards ? records->n - 1 - k : k], name, (uint32_t)i,
				    &q->index.records[q->index.n++]);
	}
	index_sort(&q->index);
}

static void read_virtuals(struct question *q, const struct doc *c)
{
	const struct doc *v = doc_find(c, "virtual");
	struct record *list = arena_array(&q->index.arena, v ? v->n : 0, sizeof(*list));

	for (size_t i = 0; v && i < v->n; i++) {
		list[i] = (struct record){ .name = string_of(&v->items[i], "name", NULL),
					   .version = string_of(&v->items[i], "version", "0"),
					   .build = string_of(&v->items[i], "build", "0") };
		record_defaults(&list[i]);
	}
	q->virtuals = (struct virtual_set){ list, v ? v->n : 0 };
}

static void read_question(struct question *q, const struct doc *c, bool backwards)
{
	struct err err = ERR_INIT;
	const char *priority = string_of(c, "channel_priority", "strict");
	const char **specs;
	const char *const *given;
	size_t n;

	*q = (struct question){ 0 };
	read_channels(q, c, backwards);
	read_virtuals(q, c);
	given = strings_of(&q->index.arena, c, "specs", &n);
	specs = arena_array(&q->index.arena, n + 1, sizeof(*specs));
	for (size_t i = 0; i < n; i++)
		specs[i] = given[backwards ? n - 1 - i : i];
	q->solve = (struct solve){ .index = &q->index,
				   .specs = specs,
				   .n_specs = n,
				   .virtuals = q->virtuals.records,
				   .n_virtuals = q->virtuals.n,
				   .channel_names = q->channel_names,
				   .exclude_newer = int_of(c, "exclude_newer") };
	q->solve.pins = strings_of(&q->index.arena, c, "pins", &q->solve.n_pins);
	assert_int_equal(channel_priority_parse(priority, &q->solve.priority, &err), 0);
}

/* "[channel::|subdir/]name=version[=build]" */
static bool is_package(const struct record *r, const char *text)
{
	const char *rest = strstr(text, "::"), *slash;
	char want[300];
	size_t n;

	if (rest) {
		n = (size_t)(rest - text);
		if (strlen(r->channel) < n || strncmp(r->channel + strlen(r->channel) - n, text, n) != 0)
			return false;
		text = rest + 2;
	}
	slash = strchr(text, '/');
	if (slash) {
		if (strlen(r->subdir) != (size_t)(slash - text) ||
		    strncmp(r->subdir, text, (size_t)(slash - text)) != 0)
			return false;
		text = slash + 1;
	}
	snprintf(want, sizeof(want), "%s=", r->name);
	if (strncmp(text, want, strlen(want)) != 0)
		return false;
	snprintf(want, sizeof(want), "%s=%s=%s", r->name, r->version, r->build);
	if (strcmp(want, text) == 0)
		return true;
	/* "exactly" tells versions as versions: 1.0 stands for 1.0.0 */
	text += strlen(r->name) + 1;
	rest = strchr(text, '=');
	if (rest && strcmp(rest + 1, r->build) != 0)
		return false;
	snprintf(want, sizeof(want), "%.*s", rest ? (int)(rest - text) : (int)strlen(text), text);
	return version_text_cmp(want, r->version) == 0;
}

static const struct record *chosen(const struct solution *s, const char *text)
{
	for (size_t i = 0; i < s->n; i++)
		if (is_package(s->records[i], text))
			return s->records[i];
	return NULL;
}

static void print_solution(const struct solution *s)
{
	for (size_t i = 0; i < s->n; i++)
		fprintf(stderr, "  %s/%s=%s=%s\n", s->records[i]->subdir, s->records[i]->name, s->records[i]->version,
			s->records[i]->build);
	for (size_t i = 0; i < s->n_why; i++)
		fprintf(stderr, "  %s\n", s->why[i].text);
}

static bool check_list(const struct doc *expect, const char *key, const struct solution *s, bool want)
{
	const struct doc *list = doc_find(expect, key);

	for (size_t i = 0; list && i < list->n; i++) {
		bool there = false;

		if (want)
			there = chosen(s, list->items[i].text);
		for (size_t k = 0; !want && k < s->n; k++)
			there |= strcmp(s->records[k]->name, list->items[i].text) == 0;
		if (there != want) {
			fprintf(stderr, "%s should %sbe chosen\n", list->items[i].text, want ? "" : "not ");
			return false;
		}
	}
	return true;
}

static bool check_extensions(const struct doc *c, const struct solution *s)
{
	const struct doc *ext = doc_find(c, "expect_ext");

	for (size_t i = 0; ext && i < ext->n; i++)
		for (size_t k = 0; k < s->n; k++)
			if (strcmp(s->records[k]->name, ext->keys[i].text) == 0 &&
			    !str_ends(s->records[k]->fn, ext->items[i].text))
				return false;
	return true;
}

static bool check(const struct doc *c, int rc, const struct err *err, const struct solution *s)
{
	const struct doc *expect = doc_find(c, "expect"), *exactly = doc_find(expect, "exactly");

	if (expect->type == DOC_STRING)
		return rc < 0 && err->code == ERR_UNSAT && s->n_why > 0;
	if (rc < 0 || (exactly && exactly->n != s->n))
		return false;
	return check_list(expect, "exactly", s, true) && check_list(expect, "present", s, true) &&
	       check_list(expect, "absent", s, false) && check_extensions(c, s);
}

static bool run_case(const struct doc *c, bool backwards, bool no_reduce)
{
	struct question q;
	struct err err = ERR_INIT;
	auto_solution s = { 0 };
	int rc;
	bool good;

	read_question(&q, c, backwards);
	q.solve.no_reduce = no_reduce;
	rc = solver_run(&q.solve, &s, &err);
	good = check(c, rc, &err, &s);
	if (!good) {
		fprintf(stderr, "case %s (%s, %s) fails: %s\n", string_of(c, "id", "?"),
			backwards ? "backwards" : "forwards", no_reduce ? "not reduced" : "reduced",
			rc < 0 ? err.text : "another answer");
		print_solution(&s);
	}
	index_release(&q.index);
	return good;
}

static void run_cases(const struct doc *list)
{
	size_t bad = 0;

	for (size_t i = 0; i < list->n; i++) {
		bool good = true;

		for (unsigned k = 0; k < 4; k++)
			good &= run_case(&list->items[i], k & 1, k & 2);
		bad += !good;
	}
	printf("%zu cases, each solved in 4 ways; %zu fail\n", list->n, bad);
	assert_int_equal(bad, 0);
}

static void every_case_has_the_expected_answer(void **state)
{
	(void)state;
	if (!cases)
		skip();
	run_cases(cases);
}

static void so_has_every_case_of_our_own(void **state)
{
	(void)state;
	run_cases(own_cases);
}

static const struct doc *read_cases(struct arena *a, const char *path)
{
	auto_buf text = { 0 };
	struct err err = ERR_INIT;
	const struct doc *ret = NULL;

	if (fs_read(AT_FDCWD, path, (uint64_t)1 << 30, &text, &err) == 0)
		ret = doc_find(doc_parse_json(a, text.p, text.n, path, &err), "cases");
	if (!ret) {
		printf("%s\n", err.text);
		exit(1);
	}
	return ret;
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(every_case_has_the_expected_answer),
						   cmocka_unit_test(so_has_every_case_of_our_own) };
	const char *dir = getenv("CONDAIMG_CONFORMANCE"), *root = getenv("CONDAIMG_SOURCE_ROOT");
	auto_free char *path = dir ? mem_printf("%s/solve_cases.json", dir)
				   : mem_printf("%s/../shared/conformance/solve_cases.json", root ? root : ".");
	auto_free char *own = mem_printf("%s/testdata/solve_cases.json", root ? root : ".");
	auto_arena a = { 0 };

	if (fs_exists(AT_FDCWD, path))
		cases = read_cases(&a, path);
	own_cases = read_cases(&a, own);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
