#include "solver/solver.h"

#include <string.h>

#include "base/str.h"
#include "solver/problem.h"

static const char *const priority_names[] = {
	[PRIORITY_STRICT] = "strict",
	[PRIORITY_FLEXIBLE] = "flexible",
	[PRIORITY_DISABLED] = "disabled",
};

const char *channel_priority_text(enum channel_priority p)
{
	return priority_names[p];
}

int channel_priority_parse(const char *text, enum channel_priority *ret, struct err *err)
{
	for (size_t i = 0; i < COUNT(priority_names); i++)
		if (strcmp(text, priority_names[i]) == 0) {
			*ret = (enum channel_priority)i;
			return 0;
		}
	return err_set(err, ERR_USAGE, "channel priority '%s' is not known; use strict, flexible or disabled", text);
}

static int by_name(const void *x, const void *y)
{
	return record_cmp(*(const struct record *const *)x, *(const struct record *const *)y);
}

static void keep_chosen(const struct problem *p, const bool *chosen, struct solution *ret)
{
	ret->records = arena_array(&ret->arena, p->n_candidates, sizeof(*ret->records));
	for (uint32_t i = 0; i < p->n_candidates; i++)
		if (chosen[i] && !p->candidates[i].virtual)
			ret->records[ret->n++] = p->candidates[i].record;
	if (ret->n)
		qsort(ret->records, ret->n, sizeof(*ret->records), by_name);
}

static int unsatisfiable(struct solution *ret, const char *const *why, struct err *err)
{
	ret->why = why;
	return err_set(err, ERR_UNSAT, "%s", why && why[0] ? why[0] : "no set of packages meets the request");
}

/* Reducing hides the steps of a contradiction, so they are looked for with every candidate back. */
static int explain(struct problem *p, struct solution *ret, struct err *err)
{
	struct reason *reasons = NULL;
	uint32_t n = 0;
	bool *chosen = NULL;

	for (uint32_t i = 0; i < p->n_candidates; i++)
		p->candidates[i].dead = false;
	rank_candidates(p);
	if (pool_solve(p, &chosen, &reasons, &n)) {
		/* Cannot be: reduce_candidates() loses no solution. If it did, the answer is still right. */
		keep_chosen(p, chosen, ret);
		return 0;
	}
	return unsatisfiable(ret, explain_reasons(p, &ret->arena, reasons, n), err);
}

static int answer(struct problem *p, struct solution *ret, struct err *err)
{
	const char *const *plain = explain_plain(p, &ret->arena);
	struct reason *reasons = NULL;
	uint32_t n = 0;
	bool *chosen = NULL;

	if (plain)
		return unsatisfiable(ret, plain, err);
	if (!p->q->no_reduce && !reduce_candidates(p))
		return explain(p, ret, err);
	rank_candidates(p);
	if (!pool_solve(p, &chosen, &reasons, &n))
		return explain(p, ret, err);
	keep_chosen(p, chosen, ret);
	return 0;
}

int solver_run(const struct solve *q, struct solution *ret, struct err *err)
{
	struct problem p;
	int rc;

	*ret = (struct solution){ 0 };
	rc = problem_init(&p, q, err);
	if (rc == 0)
		rc = answer(&p, ret, err);
	problem_release(&p);
	return rc;
}

void solution_release(struct solution *s)
{
	arena_release(&s->arena);
	*s = (struct solution){ 0 };
}
