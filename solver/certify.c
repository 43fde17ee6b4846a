#include "solver/certify.h"

#include "base/str.h"
#include "solver/pool.h"

/* What is no spec of anybody, but a rule all the same (struct solve: python_needs_pip). */
#define PYTHON_NEEDS_PIP "pip[when=\"python\"]"

static int refuse(const char *why, struct err *err)
{
	return err_set(err, ERR_BUG,
		       "internal error: libsolv does not accept the answer that was found: %s; nothing was written, "
		       "please report it with the request",
		       why);
}

/* The specs, and what else is asked. */
static const char *const *all_specs(struct arena *a, const struct solve *q, size_t *n)
{
	const char **ret = arena_array(a, q->n_specs + 2, sizeof(*ret));

	for (*n = 0; *n < q->n_specs; ++*n)
		ret[*n] = q->specs[*n];
	if (q->python_needs_pip && index_find(q->index, "pip").n)
		ret[(*n)++] = PYTHON_NEEDS_PIP;
	return ret;
}

/* A record that did not become a candidate of the new question, because it is left out there (as a twin, or too new). */
static const struct record *left_out(const struct problem *p, const struct index *ix)
{
	for (size_t i = 0; i < ix->n; i++) {
		bool found = false;

		for (uint32_t k = 0; !found && k < p->n_candidates; k++)
			found = p->candidates[k].record == &ix->records[i];
		if (!found)
			return &ix->records[i];
	}
	return NULL;
}

static int accept(struct problem *p, const struct index *ix, struct err *err)
{
	const struct record *missing = left_out(p, ix);
	const char *why = NULL;

	if (missing)
		return refuse(arena_printf(&p->arena, "%s is left out by the request", missing->fn), err);
	return pool_accepts(p, &why) ? 0 : refuse(why, err);
}

int certify(const struct solve *q, const struct record *const *records, size_t n, struct err *err)
{
	auto_index ix = { .n = n };
	struct solve small = *q;
	struct problem p;
	int rc;

	ix.records = arena_array(&ix.arena, n, sizeof(*ix.records));
	for (size_t i = 0; i < n; i++)
		ix.records[i] = *records[i];
	index_sort(&ix);
	small.index = &ix;
	small.specs = all_specs(&ix.arena, q, &small.n_specs);
	small.n_favored = 0;
	rc = problem_init(&p, &small, err);
	if (rc == 0)
		rc = accept(&p, &ix, err);
	problem_release(&p);
	return rc;
}
