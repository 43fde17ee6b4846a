/*
 * The cases of testdata/solver: small channels, a request, and what comes of it. Each is
 * solved in four ways: records and specs forwards and backwards, with and without reducing
 * candidates. A case is lines of words; "quotes" keep spaces.
 *
 *	channels NAME...		in order of priority; without it there is one, "main"
 *	priority strict|flexible|disabled	flexible where nothing is said
 *	pkg NAME VERSION [KEY VALUE]...	keys: build, number, channel, subdir, time (ms), indexed, ext, depends,
 *					constrains, features, flag; extra NAME SPEC
 *	virtual NAME VERSION [BUILD]
 *	glibc image|base|assumed [VERSION]...	who has __glibc, and what the image can get
 *	ask SPEC...
 *	pin SPEC...
 *	newer MS			--exclude-newer
 *	favor NAME VERSION
 *	pip				python brings pip
 *	expect NAME VERSION [BUILD], ...	all that is chosen; nothing else
 *	why DEPTH SENTENCE		all the steps, in order
 *	advice SENTENCE			all the advice, in order
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/num.h"
#include "conda/matchspec.h"
#include "solver/solver.h"

#define WORDS_MAX 64
#define LINES_MAX 64
#define CASES_MAX 500

struct words {
	const char *w[WORDS_MAX];
	size_t n;
};

struct list {
	const char *items[LINES_MAX];
	size_t n;
};

struct testcase {
	struct arena arena;
	const char *file;
	struct index index;
	struct record virtuals[8];
	struct solve solve;
	struct list channels, specs, pins, expect, why, advice;
	const struct record *favored[8];
	struct list favors;
	bool told; /* why or advice stands there */
};

static void push(struct list *l, const char *text)
{
	assert_true(l->n < LINES_MAX - 1);
	l->items[l->n++] = text;
}

static void split(struct arena *a, const char *line, struct words *ret)
{
	ret->n = 0;
	while (*line) {
		size_t n;

		line += strspn(line, " \t");
		if (!*line || (*line == '#' && !ret->n))
			return;
		assert_true(ret->n < WORDS_MAX);
		if (*line == '"') {
			n = strcspn(++line, "\"");
			ret->w[ret->n++] = arena_strndup(a, line, n);
			line += n + 1;
		} else {
			n = strcspn(line, " \t");
			ret->w[ret->n++] = arena_strndup(a, line, n);
			line += n;
		}
	}
}

static int64_t number(const struct testcase *c, const char *text)
{
	uint64_t v;

	if (!num_parse(text, INT64_MAX, &v))
		fail_msg("%s: '%s' is no number", c->file, text);
	return (int64_t)v;
}

/* ---- packages ---- */

struct lists {
	struct list depends, constrains, features, flags, extra;
	const char *extra_name;
};

static void read_key(struct testcase *c, const char *key, const char *value, struct record *r, struct lists *l)
{
	if (strcmp(key, "build") == 0)
		r->build = value;
	else if (strcmp(key, "number") == 0)
		r->build_number = (uint64_t)number(c, value);
	else if (strcmp(key, "channel") == 0)
		r->channel = value;
	else if (strcmp(key, "subdir") == 0)
		r->subdir = value;
	else if (strcmp(key, "time") == 0)
		r->timestamp = number(c, value);
	else if (strcmp(key, "indexed") == 0)
		r->indexed_timestamp = number(c, value);
	else if (strcmp(key, "ext") == 0)
		r->fn = value;
	else if (strcmp(key, "depends") == 0)
		push(&l->depends, value);
	else if (strcmp(key, "constrains") == 0)
		push(&l->constrains, value);
	else if (strcmp(key, "features") == 0)
		push(&l->features, value);
	else if (strcmp(key, "flag") == 0)
		push(&l->flags, value);
	else
		fail_msg("%s: pkg has no key '%s'", c->file, key);
}

static uint32_t rank_of(const struct testcase *c, const char *channel)
{
	for (size_t i = 0; i < c->channels.n; i++)
		if (strcmp(c->channels.items[i], channel) == 0)
			return (uint32_t)i;
	fail_msg("%s: there is no channel %s", c->file, channel);
	return 0;
}

static void read_pkg(struct testcase *c, const struct words *w)
{
	struct arena *a = &c->arena;
	struct record r = { .name = w->w[1], .version = w->w[2], .build = "0", .subdir = "linux-64", .fn = "conda" };
	struct lists l = { 0 };

	if (!c->channels.n)
		push(&c->channels, "main");
	r.channel = c->channels.items[0];
	for (size_t i = 3; i + 1 < w->n; i += 2)
		if (strcmp(w->w[i], "extra") == 0) {
			l.extra_name = w->w[i + 1];
			push(&l.extra, w->w[i++ + 2]);
		} else {
			read_key(c, w->w[i], w->w[i + 1], &r, &l);
		}
	r.channel_rank = rank_of(c, r.channel);
	r.channel = arena_printf(a, "https://test/%s", r.channel);
	r.fn = arena_printf(a, "%s-%s-%s.%s", r.name, r.version, r.build, r.fn);
	r.url = arena_printf(a, "%s/%s/%s", r.channel, r.subdir, r.fn);
	r.depends = arena_strlist(a, l.depends.items, l.depends.n);
	r.constrains = arena_strlist(a, l.constrains.items, l.constrains.n);
	r.track_features = arena_strlist(a, l.features.items, l.features.n);
	r.flags = arena_strlist(a, l.flags.items, l.flags.n);
	if (l.extra.n) {
		struct record_extra e = { l.extra_name, arena_strlist(a, l.extra.items, l.extra.n) };

		r.extras = arena_dup(a, &e, sizeof(e));
		r.n_extras = 1;
	}
	record_defaults(&r);
	mem_grow(c->index.records, c->index.n);
	c->index.records[c->index.n++] = r;
}

/* ---- the rest of a case ---- */

static void read_virtual(struct testcase *c, const struct words *w)
{
	struct record r = { .name = w->w[1], .version = w->w[2], .build = w->n > 3 ? w->w[3] : "0" };

	record_defaults(&r);
	assert_true(c->solve.n_virtuals < COUNT(c->virtuals));
	c->virtuals[c->solve.n_virtuals++] = r;
}

static void read_glibc(struct testcase *c, const struct words *w)
{
	static const char *const from[] = {
		[GLIBC_OF_IMAGE] = "image", [GLIBC_OF_BASE] = "base", [GLIBC_ASSUMED] = "assumed"
	};
	size_t i = 0;

	while (i < COUNT(from) && strcmp(from[i], w->w[1]) != 0)
		i++;
	assert_true(i < COUNT(from));
	c->solve.glibc_from = (enum glibc_from)i;
	if (w->n > 2)
		c->solve.glibc_choices = arena_strlist(&c->arena, w->w + 2, w->n - 2);
}

static void push_all(struct list *l, const struct words *w)
{
	for (size_t i = 1; i < w->n; i++)
		push(l, w->w[i]);
}

/* "a 1, b 2 build" as "a 1" and "b 2 build". */
static void read_expected(struct testcase *c, const char *line)
{
	struct str rest = str_of(line + strlen("expect")), part;

	while (str_cut(&rest, ',', &part)) {
		part = str_trim(part);
		if (part.n)
			push(&c->expect, arena_strndup(&c->arena, part.p, part.n));
	}
}

static void read_line(struct testcase *c, const char *line)
{
	struct err err = ERR_INIT;
	struct words w;
	const char *what;

	split(&c->arena, line, &w);
	if (!w.n)
		return;
	what = w.w[0];
	if (strcmp(what, "channels") == 0)
		push_all(&c->channels, &w);
	else if (strcmp(what, "priority") == 0)
		assert_int_equal(channel_priority_parse(w.w[1], &c->solve.priority, &err), 0);
	else if (strcmp(what, "pkg") == 0)
		read_pkg(c, &w);
	else if (strcmp(what, "virtual") == 0)
		read_virtual(c, &w);
	else if (strcmp(what, "glibc") == 0)
		read_glibc(c, &w);
	else if (strcmp(what, "ask") == 0)
		push_all(&c->specs, &w);
	else if (strcmp(what, "pin") == 0)
		push_all(&c->pins, &w);
	else if (strcmp(what, "newer") == 0)
		c->solve.exclude_newer = number(c, w.w[1]);
	else if (strcmp(what, "favor") == 0)
		push(&c->favors, arena_printf(&c->arena, "%s %s", w.w[1], w.w[2]));
	else if (strcmp(what, "pip") == 0)
		c->solve.python_needs_pip = true;
	else if (strcmp(what, "expect") == 0)
		read_expected(c, line);
	else if (strcmp(what, "why") == 0)
		push(&c->why, arena_printf(&c->arena, "%s %s", w.w[1], w.w[2]));
	else if (strcmp(what, "advice") == 0)
		push(&c->advice, w.w[1]);
	else
		fail_msg("%s: '%s' is no word of a case", c->file, what);
	c->told |= strcmp(what, "why") == 0 || strcmp(what, "advice") == 0;
}

static bool is_record(const struct record *r, const char *text)
{
	auto_free char *with = mem_printf("%s %s %s", r->name, r->version, r->build);
	auto_free char *without = mem_printf("%s %s", r->name, r->version);

	return strcmp(text, with) == 0 || strcmp(text, without) == 0;
}

static void turn(const char **list, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		const char *t = list[i];

		list[i] = list[n - 1 - i];
		list[n - 1 - i] = t;
	}
}

static void turn_records(struct index *ix)
{
	for (size_t i = 0; i < ix->n / 2; i++) {
		struct record t = ix->records[i];

		ix->records[i] = ix->records[ix->n - 1 - i];
		ix->records[ix->n - 1 - i] = t;
	}
}

static void read_case(struct testcase *c, const char *file, const char *text, bool backwards)
{
	struct str rest = str_of(text), line;

	*c = (struct testcase){ .file = file };
	c->solve.priority = PRIORITY_FLEXIBLE;
	while (str_cut(&rest, '\n', &line))
		read_line(c, arena_strndup(&c->arena, line.p, line.n));
	if (backwards) {
		turn_records(&c->index);
		turn(c->specs.items, c->specs.n);
		turn(c->pins.items, c->pins.n);
	}
	index_sort(&c->index);
	for (size_t i = 0; i < c->favors.n; i++)
		for (size_t k = 0; k < c->index.n; k++)
			if (is_record(&c->index.records[k], c->favors.items[i]))
				c->favored[c->solve.n_favored++] = &c->index.records[k];
	c->solve.index = &c->index;
	c->solve.specs = c->specs.items;
	c->solve.n_specs = c->specs.n;
	c->solve.pins = c->pins.items;
	c->solve.n_pins = c->pins.n;
	c->solve.virtuals = c->virtuals;
	c->solve.channel_names = c->channels.items;
	c->solve.favored = c->favored;
}

static void release_case(struct testcase *c)
{
	free(c->index.records);
	arena_release(&c->index.arena);
	arena_release(&c->arena);
}

/* ---- judging ---- */

static bool check_chosen(const struct testcase *c, const struct solution *s)
{
	for (size_t i = 0; i < c->expect.n; i++) {
		bool there = false;

		for (size_t k = 0; k < s->n && !there; k++)
			there = is_record(s->records[k], c->expect.items[i]);
		if (!there)
			return false;
	}
	return s->n == c->expect.n;
}

static bool check_told(const struct testcase *c, const struct solution *s)
{
	size_t n = 0;

	if (s->n_why != c->why.n)
		return false;
	for (size_t i = 0; i < s->n_why; i++) {
		auto_free char *text = mem_printf("%u %s", s->why[i].depth, s->why[i].text);

		if (strcmp(text, c->why.items[i]) != 0)
			return false;
	}
	for (; s->advice && s->advice[n]; n++)
		if (n >= c->advice.n || strcmp(s->advice[n], c->advice.items[n]) != 0)
			return false;
	return n == c->advice.n;
}

static void print_answer(const struct solution *s)
{
	for (size_t i = 0; i < s->n; i++)
		fprintf(stderr, "  %s/%s %s %s\n", s->records[i]->subdir, s->records[i]->name, s->records[i]->version,
			s->records[i]->build);
	for (size_t i = 0; i < s->n_why; i++)
		fprintf(stderr, "why %u \"%s\"\n", s->why[i].depth, s->why[i].text);
	for (const char *const *a = s->advice; a && *a; a++)
		fprintf(stderr, "advice \"%s\"\n", *a);
}

static bool run_case(const char *file, const char *text, bool backwards, bool no_reduce)
{
	struct testcase c;
	auto_solution s = { 0 };
	struct err err = ERR_INIT;
	int rc;
	bool good;

	read_case(&c, file, text, backwards);
	c.solve.no_reduce = no_reduce;
	rc = solver_run(&c.solve, &s, &err);
	if (c.told)
		good = rc < 0 && err.code == ERR_UNSAT && check_told(&c, &s);
	else
		good = rc == 0 && check_chosen(&c, &s);
	if (!good) {
		fprintf(stderr, "%s (%s, %s): %s\n", file, backwards ? "backwards" : "forwards",
			no_reduce ? "not reduced" : "reduced", rc < 0 ? err.text : "another answer");
		print_answer(&s);
	}
	release_case(&c);
	return good;
}

/* ---- all of them ---- */

static size_t list_cases(const char *dir, struct arena *a, const char **ret)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	size_t n = 0;

	assert_non_null(d);
	while ((e = readdir(d)))
		if (str_ends(e->d_name, ".case")) {
			assert_true(n < CASES_MAX);
			ret[n++] = arena_strdup(a, e->d_name);
		}
	closedir(d);
	qsort(ret, n, sizeof(*ret), str_ptr_cmp);
	return n;
}

static void every_case_comes_out_as_it_says(void **state)
{
	const char *root = getenv("CONDAIMG_SOURCE_ROOT"), *only = getenv("CASE");
	auto_free char *dir = mem_printf("%s/testdata/solver", root ? root : ".");
	auto_arena a = { 0 };
	const char *files[CASES_MAX];
	size_t n = list_cases(dir, &a, files), bad = 0;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		auto_free char *path = mem_printf("%s/%s", dir, files[i]);
		auto_buf text = { 0 };
		struct err err = ERR_INIT;
		bool good = true;

		if (only && !strstr(files[i], only))
			continue;
		assert_int_equal(fs_read(AT_FDCWD, path, 1 << 20, &text, &err), 0);
		for (unsigned k = 0; k < 4 && good; k++)
			good = run_case(files[i], buf_cstr(&text), k & 1, k & 2);
		bad += !good;
	}
	printf("%zu cases, each solved in 4 ways; %zu fail\n", n, bad);
	assert_int_equal(bad, 0);
}

/* The same steps as data. */
static void steps_say_what_they_speak_of(void **state)
{
	static const char text[] = "pkg python 3.9\npkg python 3.12\n"
				   "pkg numpy 1.19 depends \"python <3.10\"\npkg numpy 1.20 depends \"python <3.10\"\n"
				   "pkg numpy 2.0\nask numpy<2 python=3.12\n";
	struct testcase c;
	auto_solution s = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	read_case(&c, "here", text, false);
	assert_int_equal(solver_run(&c.solve, &s, &err), -1);
	assert_int_equal(s.n_why, 2);
	assert_int_equal(s.why[0].kind, WHY_ASKED);
	assert_string_equal(s.why[0].name, "numpy");
	assert_string_equal(s.why[0].specs[0], "numpy<2");
	assert_int_equal(s.why[0].builds, 0);
	assert_int_equal(s.why[1].kind, WHY_NEEDS);
	assert_int_equal(s.why[1].depth, 1);
	assert_string_equal(s.why[1].lowest, "1.19");
	assert_string_equal(s.why[1].highest, "1.20");
	assert_int_equal(s.why[1].builds, 2);
	assert_string_equal(s.why[1].specs[0], "python <3.10");
	assert_null(s.why[1].specs[1]);
	assert_string_equal(s.why[1].against, "python=3.12");
	assert_string_equal(why_kind_text(s.why[1].kind), "needs");
	release_case(&c);
}

static void without_a_why_nothing_is_told(void **state)
{
	struct testcase c;
	auto_solution s = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	read_case(&c, "here", "pkg a 1\nask a<1 a>1\n", false);
	c.solve.no_why = true;
	assert_int_equal(solver_run(&c.solve, &s, &err), -1);
	assert_int_equal(err.code, ERR_UNSAT);
	assert_null(s.advice);
	release_case(&c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_case_comes_out_as_it_says),
		cmocka_unit_test(steps_say_what_they_speak_of),
		cmocka_unit_test(without_a_why_nothing_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
