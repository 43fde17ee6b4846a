#include "solver/solver.h"

#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "solver/advice.h"
#include "solver/certify.h"
#include "solver/explain.h"
#include "solver/missing.h"

#define EXPLAIN_MAX ((uint64_t)64 << 20) /* a flag for each candidate at each step of what is told: 64 MiB */

static const char *const priority_names[] = {
	[PRIORITY_STRICT] = "strict",
	[PRIORITY_FLEXIBLE] = "flexible",
	[PRIORITY_DISABLED] = "disabled",
};

static const char *const kind_names[] = {
	[WHY_ASKED] = "asked",		 [WHY_PIN] = "pin",	    [WHY_NEEDS] = "needs",
	[WHY_CONSTRAINS] = "constrains", [WHY_MISSING] = "missing", [WHY_MORE] = "more",
};

const char *why_kind_text(enum why_kind kind)
{
	return kind_names[kind];
}

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

static int unsatisfiable(struct problem *p, bool plain, struct solution *ret, struct err *err)
{
	struct core core = { 0 };

	if (!p->q->no_why) {
		p->work = WHY_WORK_MAX;
		rank_candidates(p); /* the order in which things are told */
		if (!plain && core_find(p, &core)) {
			if ((uint64_t)core.n_links * p->n_candidates > EXPLAIN_MAX)
				return err_set(err, ERR_UNSAT,
					       "no set of packages meets the request; why takes %u dependencies of "
					       "one package on another, which are too many to tell",
					       core.n_links);
			explain_core(p, &core, ret);
		}
		ret->work += WHY_WORK_MAX - p->work;
		advice_find(p, &core, ret);
	}
	return err_set(err, ERR_UNSAT, "%s", ret->n_why ? ret->why[0].text : "no set of packages meets the request");
}

static int gave_up(const struct problem *p, struct err *err)
{
	static const char hint[] = "ask for narrower versions (numpy=2.1 instead of numpy), or for less at once";

	if (p->too_large)
		return err_set(err, ERR_LIMIT,
			       "gave up before the search: the request reaches %u records with %u specs, "
			       "more than can be compared; %s",
			       p->n_candidates, p->n_specs, hint);
	return err_set(err, ERR_LIMIT, "gave up after %llu steps without finding a solution, or that there is none; %s",
		       (unsigned long long)problem_work_max(p->q), hint);
}

static int answer(struct problem *p, struct solution *ret, struct err *err)
{
	bool plain = missing_roots(p, ret), *chosen;
	enum search_result result = SEARCH_NONE;

	if (!plain && (p->q->no_reduce || reduce_candidates(p))) {
		rank_candidates(p);
		result = encode_solve(p, &chosen);
	}
	ret->work = problem_work_max(p->q) - p->work;
	if (result == SEARCH_GAVE_UP || p->too_large)
		return gave_up(p, err);
	if (result == SEARCH_NONE)
		return unsatisfiable(p, plain, ret, err);
	keep_chosen(p, chosen, ret);
	return certify(p->q, ret->records, ret->n, err);
}

int solver_run(const struct solve *q, struct solution *ret, struct err *err)
{
	struct problem p;
	int rc;

	*ret = (struct solution){ 0 };
	rc = problem_init(&p, q, err);
	if (rc == 0)
		rc = answer(&p, ret, err);
	log_debug("answered in %llu steps", (unsigned long long)ret->work);
	problem_release(&p);
	return rc;
}

void solution_release(struct solution *s)
{
	arena_release(&s->arena);
	*s = (struct solution){ 0 };
}
