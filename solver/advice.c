#include "solver/advice.h"

#include <string.h>

#include "base/str.h"

#define TRIES_MAX 12 /* questions that are put again */
#define TRY_WORK_MAX (WHY_WORK_MAX / 4) /* steps of one of them */

struct adviser {
	const struct problem *p;
	struct arena *a;
	const char **list;
	size_t n;
	unsigned tries;
	uint64_t work; /* steps that all of them together may still take */
};

static void add_advice(struct adviser *v, const char *text)
{
	mem_grow(v->list, v->n);
	v->list[v->n++] = text;
}

/* 1: it has a solution, 0: it has none, or too much was tried. */
static bool solves(struct adviser *v, struct solve q, struct solution *ret)
{
	struct err err = ERR_INIT;
	int rc;

	*ret = (struct solution){ 0 };
	if (v->tries++ >= TRIES_MAX || !v->work)
		return false;
	q.no_why = true;
	q.work_max = v->work < TRY_WORK_MAX ? v->work : TRY_WORK_MAX;
	rc = solver_run(&q, ret, &err);
	v->work -= ret->work < v->work ? ret->work : v->work;
	return rc == 0;
}

/* The list without one text, or with another in its place. */
static const char *const *changed(struct adviser *v, const char *const *list, size_t n, const char *text,
				  const char *instead, size_t *n_ret)
{
	const char **ret = arena_array(v->a, n + 1, sizeof(*ret));

	*n_ret = 0;
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], text) != 0)
			ret[(*n_ret)++] = list[i];
		else if (instead)
			ret[(*n_ret)++] = instead;
	return ret;
}

static const char *version_in(const struct solution *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->records[i]->name, name) == 0)
			return s->records[i]->version;
	return NULL;
}

/* Another version of what is asked, or going without it. */
static void try_spec(struct adviser *v, const struct spec *spec)
{
	struct solve q = *v->p->q;
	auto_solution s = { 0 };
	const char *name = spec->m->name, *version;

	if (name && strcmp(name, spec->text) != 0 && !str_starts(name, "__")) {
		q.specs = changed(v, v->p->q->specs, v->p->q->n_specs, spec->text, name, &q.n_specs);
		if (solves(v, q, &s) && (version = version_in(&s, name))) {
			add_advice(v, arena_printf(v->a, "%s %s would do instead of '%s'", name, version, spec->text));
			return;
		}
		solution_release(&s);
	}
	q.specs = changed(v, v->p->q->specs, v->p->q->n_specs, spec->text, NULL, &q.n_specs);
	if (solves(v, q, &s))
		add_advice(v, arena_printf(v->a, "without '%s' it can be solved", spec->text));
}

static void try_pin(struct adviser *v, const struct spec *spec)
{
	struct solve q = *v->p->q;
	auto_solution s = { 0 };

	q.pins = changed(v, q.pins, q.n_pins, spec->text, NULL, &q.n_pins);
	if (solves(v, q, &s))
		add_advice(v, arena_printf(v->a, "without the pin '%s' it can be solved", spec->text));
}

static bool left_out_any(const struct problem *p, enum excluded by)
{
	for (uint32_t i = 0; i < p->n_names; i++)
		if (p->names[i].n_excluded[by])
			return true;
	return false;
}

static void try_settings(struct adviser *v)
{
	struct solve q = *v->p->q;
	auto_solution flexible = { 0 }, newer = { 0 };

	if (q.priority == PRIORITY_STRICT && left_out_any(v->p, EXCLUDED_CHANNEL)) {
		q.priority = PRIORITY_FLEXIBLE;
		if (solves(v, q, &flexible))
			add_advice(v, "with --channel-priority flexible it can be solved");
		q.priority = PRIORITY_STRICT;
	}
	if (q.exclude_newer && left_out_any(v->p, EXCLUDED_NEWER)) {
		q.exclude_newer = 0;
		if (solves(v, q, &newer))
			add_advice(v, "without --exclude-newer it can be solved");
	}
}

void advice_find(const struct problem *p, const struct core *core, struct solution *ret)
{
	struct adviser v = { .p = p, .a = &ret->arena, .work = WHY_WORK_MAX };

	try_settings(&v);
	for (uint32_t i = 0; i < core->n_pins; i++)
		try_pin(&v, &p->specs[core->pins[i]]);
	for (uint32_t i = 0; i < core->n_roots; i++)
		try_spec(&v, &p->specs[core->roots[i]]);
	ret->work += WHY_WORK_MAX - v.work;
	ret->advice = arena_strlist(&ret->arena, v.list, v.n);
	free(v.list);
}
