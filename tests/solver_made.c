#include "solver_made.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- chance ---- */

static uint64_t chance;

void made_seed(uint64_t seed)
{
	chance = seed;
}

int made_below(int n)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (int)((chance >> 11) % (uint64_t)n);
}

static struct simple make_simple(const struct made *m, int name)
{
	const struct build *b = &m->builds[name][made_below(m->n_builds[name])];

	return (struct simple){ name, (enum op)made_below(5), b->version };
}

static struct dep make_dep(struct made *m, int self, bool conditions)
{
	struct dep d = { .when = { .name = NOBODY } };
	int name = made_below(m->n_names);

	d.spec = make_simple(m, name == self ? (name + 1) % m->n_names : name);
	if (conditions && made_below(6) == 0)
		d.when = make_simple(m, made_below(m->n_names));
	d.asks_extra = conditions && made_below(6) == 0;
	m->conditional |= d.when.name >= 0 || d.asks_extra;
	return d;
}

static void make_build(struct made *m, int name, struct build *b, bool conditions)
{
	b->n_deps = made_below(DEPS_MAX);
	b->n_constrains = made_below(5) == 0 ? 1 + made_below(2) : 0;
	b->n_extra = conditions && made_below(3) == 0 ? 1 + made_below(2) : 0;
	for (int i = 0; i < b->n_deps; i++)
		b->deps[i] = make_dep(m, name, conditions);
	for (int i = 0; i < b->n_extra; i++)
		b->extra[i] = make_dep(m, name, conditions);
	for (int i = 0; i < b->n_constrains; i++)
		b->constrains[i] = make_simple(m, (name + 1 + made_below(m->n_names - 1)) % m->n_names);
}

void made_make(struct made *m, int names, int builds, bool conditions)
{
	*m = (struct made){ .n_names = names, .priority = (enum channel_priority)made_below(3) };
	for (int n = 0; n < names; n++) {
		int one_channel = made_below(3);

		m->n_builds[n] = 1 + made_below(builds);
		/* no two builds of a name are equal by version and number, so that there is one best */
		for (int i = 0; i < m->n_builds[n]; i++)
			m->builds[n][i] = (struct build){ .version = 1 + i / (1 + n % 2),
							  .number = i % (1 + n % 2),
							  .channel = one_channel ? one_channel - 1 : made_below(2) };
	}
	for (int n = 0; n < names; n++)
		for (int i = 0; i < m->n_builds[n]; i++)
			make_build(m, n, &m->builds[n][i], conditions);
	m->n_roots = 1 + made_below(4);
	for (int i = 0; i < m->n_roots; i++)
		m->roots[i] = make_dep(m, NOBODY, conditions);
}

/* ---- what is right ---- */

static bool meets(const struct made *m, const struct simple *s, int build)
{
	int v = build == NOBODY ? 0 : m->builds[s->name][build].version;

	if (build == NOBODY)
		return false;
	return s->op == AT_LEAST  ? v >= s->version
	       : s->op == BELOW	  ? v < s->version
	       : s->op == EXACTLY ? v == s->version
	       : s->op == NOT	  ? v != s->version
				  : true;
}

static bool holds(const struct made *m, const struct dep *d, const struct set *s)
{
	return d->when.name < 0 || meets(m, &d->when, s->of[d->when.name]);
}

/* Whether a list of dependencies is met; the extras that it asks for are marked. */
static bool list_is_met(const struct made *m, const struct dep *deps, int n, const struct set *s, bool *extras)
{
	for (int i = 0; i < n; i++) {
		if (!holds(m, &deps[i], s))
			continue;
		if (!meets(m, &deps[i].spec, s->of[deps[i].spec.name]))
			return false;
		extras[deps[i].spec.name] |= deps[i].asks_extra;
	}
	return true;
}

/* A build that strict priority leaves out: another channel has the name, and comes first. */
static bool is_left_out(const struct made *m, int name, int build)
{
	if (m->priority != PRIORITY_STRICT)
		return false;
	for (int i = 0; i < m->n_builds[name]; i++)
		if (m->builds[name][i].channel < m->builds[name][build].channel)
			return true;
	return false;
}

static bool constraints_hold(const struct made *m, const struct set *s, int name)
{
	const struct build *b = &m->builds[name][s->of[name]];

	for (int i = 0; i < b->n_constrains; i++)
		if (s->of[b->constrains[i].name] != NOBODY &&
		    !meets(m, &b->constrains[i], s->of[b->constrains[i].name]))
			return false;
	return true;
}

bool made_is_valid(const struct made *m, const struct set *s)
{
	bool extras[NAMES_MAX] = { false };

	if (!list_is_met(m, m->roots, m->n_roots, s, extras))
		return false;
	for (int n = 0; n < m->n_names; n++) {
		const struct build *b;

		if (s->of[n] == NOBODY)
			continue;
		b = &m->builds[n][s->of[n]];
		if (is_left_out(m, n, s->of[n]) || !constraints_hold(m, s, n) ||
		    !list_is_met(m, b->deps, b->n_deps, s, extras))
			return false;
	}
	/* An extra may ask for others: as many turns as there are names. */
	for (int turn = 0; turn < m->n_names; turn++)
		for (int n = 0; n < m->n_names; n++)
			if (extras[n] && s->of[n] != NOBODY &&
			    !list_is_met(m, m->builds[n][s->of[n]].extra, m->builds[n][s->of[n]].n_extra, s, extras))
				return false;
	return true;
}

/* ---- all there is ---- */

struct sets made_all_valid(const struct made *m)
{
	struct sets ret = { 0 };
	struct set s;

	for (int n = 0; n < m->n_names; n++)
		s.of[n] = NOBODY;
	for (;;) {
		int n = 0;

		if (made_is_valid(m, &s)) {
			mem_grow(ret.list, ret.n);
			ret.list[ret.n++] = s;
		}
		while (n < m->n_names && ++s.of[n] == m->n_builds[n])
			s.of[n++] = NOBODY;
		if (n == m->n_names)
			return ret;
	}
}

static bool can_be(const struct sets *sets, const struct made *m, const struct set *part)
{
	for (size_t i = 0; i < sets->n; i++) {
		bool fits = true;

		for (int n = 0; fits && n < m->n_names; n++)
			fits = part->of[n] == NOBODY || part->of[n] == sets->list[i].of[n];
		if (fits)
			return true;
	}
	return false;
}

static bool is_better(const struct made *m, int name, int x, int y)
{
	const struct build *a = &m->builds[name][x], *b = &m->builds[name][y];

	if (m->priority == PRIORITY_FLEXIBLE && a->channel != b->channel)
		return a->channel < b->channel;
	return a->version != b->version ? a->version > b->version : a->number > b->number;
}

/* The best build that meets s and with which there is a solution. */
static void choose(const struct made *m, const struct sets *sets, const struct simple *s, struct set *part)
{
	int best = NOBODY;

	for (int i = 0; i < m->n_builds[s->name]; i++) {
		struct set with = *part;

		with.of[s->name] = i;
		if (meets(m, s, i) && can_be(sets, m, &with) && (best == NOBODY || is_better(m, s->name, i, best)))
			best = i;
	}
	part->of[s->name] = best;
}

void made_text(const struct simple *s, char *ret, size_t n)
{
	static const char *const ops[] = { "", " >=", " <", " ==", " !=" };

	if (s->op == ANY)
		snprintf(ret, n, "n%c", 'a' + s->name);
	else
		snprintf(ret, n, "n%c%s%d", 'a' + s->name, ops[s->op], s->version);
}

static int root_cmp(const void *x, const void *y)
{
	char a[40], b[40];

	made_text(&((const struct dep *)x)->spec, a, sizeof(a));
	made_text(&((const struct dep *)y)->spec, b, sizeof(b));
	return strcmp(a, b);
}

struct set made_walk(const struct made *m, const struct sets *sets)
{
	struct simple queue[NAMES_MAX * DEPS_MAX + 8];
	struct dep roots[4];
	struct set ret;
	int n = 0;

	for (int i = 0; i < m->n_names; i++)
		ret.of[i] = NOBODY;
	memcpy(roots, m->roots, sizeof(roots));
	qsort(roots, (size_t)m->n_roots, sizeof(*roots), root_cmp);
	for (int i = 0; i < m->n_roots; i++)
		queue[n++] = roots[i].spec;
	for (int at = 0; at < n; at++) {
		const struct build *b;

		if (ret.of[queue[at].name] != NOBODY)
			continue;
		choose(m, sets, &queue[at], &ret);
		assert_int_not_equal(ret.of[queue[at].name], NOBODY);
		b = &m->builds[queue[at].name][ret.of[queue[at].name]];
		for (int i = 0; i < b->n_deps; i++)
			queue[n++] = b->deps[i].spec;
	}
	return ret;
}
