/*
 * What is preferred among the candidates of one name (docs/solver.md; rattler's
 * order, with an explicit end):
 *
 *   0. what is favored (a lock that is updated keeps what it has)
 *   1. without track_features before with any
 *   2. under flexible priority: the earlier channel
 *   3. the higher version
 *   4. the higher build number
 *   5. among builds equal so far: the one whose dependencies reach higher, over the names that
 *      all of them depend on, in alphabetical order
 *   6. the newer timestamp
 *   7. platform before noarch, the higher build string (by bytes), the earlier channel, the file name
 */
#include <string.h>

#include "base/str.h"
#include "solver/problem.h"

#define NOTHING (-1) /* the reach of a spec that nobody meets */

/* ---- versions ---- */

struct by_version {
	const struct candidate *c;
	uint32_t id;
};

static int by_version_cmp(const void *x, const void *y)
{
	const struct by_version *a = x, *b = y;
	int c = version_cmp(a->c->version, b->c->version);

	if (!c)
		c = record_cmp(a->c->record, b->c->record);
	if (!c)
		c = strcmp(a->c->record->url, b->c->record->url);
	return c;
}

void rank_versions(struct problem *p)
{
	auto_free struct by_version *sorted = mem_array(p->n_candidates, sizeof(*sorted));

	for (uint32_t i = 0; i < p->n_candidates; i++)
		p->names[p->candidates[i].name].n++;
	for (uint32_t n = 0; n < p->n_names; n++) {
		p->names[n].candidates = mem_array(p->names[n].n, sizeof(uint32_t));
		p->names[n].n = 0;
	}
	for (uint32_t i = 0; i < p->n_candidates; i++) {
		struct name *n = &p->names[p->candidates[i].name];

		n->candidates[n->n++] = i;
	}
	for (uint32_t k = 0; k < p->n_names; k++) {
		struct name *n = &p->names[k];
		uint32_t vrank = 0;

		for (uint32_t i = 0; i < n->n; i++)
			sorted[i] = (struct by_version){ &p->candidates[n->candidates[i]], n->candidates[i] };
		if (n->n)
			qsort(sorted, n->n, sizeof(*sorted), by_version_cmp);
		for (uint32_t i = 0; i < n->n; i++) {
			if (i && version_cmp(sorted[i - 1].c->version, sorted[i].c->version) != 0)
				vrank++;
			n->candidates[i] = sorted[i].id;
			p->candidates[sorted[i].id].vrank = vrank;
			p->candidates[sorted[i].id].place = i;
		}
	}
}

/* ---- the first four, and the last ---- */

struct ranked {
	const struct candidate *c;
	uint32_t id;
	bool flexible, favored;
	const int64_t *reach; /* of the names that its group shares; n_reach of them */
	uint32_t n_reach;
};

static int cmp(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

static bool has_features(const struct candidate *c)
{
	return c->record->track_features[0] != NULL;
}

static int head_cmp(const struct ranked *a, const struct ranked *b)
{
	int c = cmp(b->favored, a->favored);

	if (!c)
		c = cmp(has_features(a->c), has_features(b->c));

	if (!c && a->flexible)
		c = cmp(a->c->record->channel_rank, b->c->record->channel_rank);
	if (!c)
		c = cmp(b->c->vrank, a->c->vrank);
	if (!c)
		c = cmp((int64_t)b->c->record->build_number, (int64_t)a->c->record->build_number);
	return c;
}

static int tail_cmp(const struct record *a, const struct record *b)
{
	int c = cmp(b->timestamp, a->timestamp);

	if (!c)
		c = cmp(strcmp(a->subdir, "noarch") == 0, strcmp(b->subdir, "noarch") == 0);
	if (!c)
		c = strcmp(b->build, a->build);
	if (!c)
		c = cmp(a->channel_rank, b->channel_rank);
	if (!c)
		c = strcmp(a->fn, b->fn);
	return c ? c : strcmp(a->url, b->url);
}

static int ranked_cmp(const void *x, const void *y)
{
	const struct ranked *a = x, *b = y;
	int c = head_cmp(a, b);

	for (uint32_t i = 0; !c && i < a->n_reach && i < b->n_reach; i++)
		c = cmp(b->reach[i], a->reach[i]);
	return c ? c : tail_cmp(a->c->record, b->c->record);
}

/* ---- the fifth: how far dependencies reach ---- */

/* The highest version that a spec can select; those with features rank below all without. */
static int64_t reach_of(struct problem *p, uint32_t spec)
{
	const struct spec *s = problem_providers(p, spec);
	int64_t best = NOTHING;

	if (s->measured)
		return s->reach;
	problem_spend(p, s->n_providers);
	for (uint32_t i = 0; i < s->n_providers; i++) {
		const struct candidate *c = &p->candidates[s->providers[i]];
		int64_t v = has_features(c) ? c->vrank : (int64_t)c->vrank + UINT32_MAX;

		if (v > best)
			best = v;
	}
	p->specs[spec].reach = best;
	p->specs[spec].measured = true;
	return best;
}

static bool counts(const struct problem *p, const struct need *n)
{
	return !n->when && !n->extra && p->specs[n->spec].m->name;
}

static const char *need_name(const struct problem *p, const struct need *n)
{
	return p->specs[n->spec].m->name;
}

static bool depends_on(const struct problem *p, const struct candidate *c, const char *name)
{
	for (uint32_t i = 0; i < c->n_needs; i++)
		if (counts(p, &c->needs[i]) && strcmp(need_name(p, &c->needs[i]), name) == 0)
			return true;
	return false;
}

/* Names that every member of a group depends on, sorted, each once. */
static uint32_t shared_names(struct problem *p, const struct ranked *group, uint32_t n, const char **ret)
{
	const struct candidate *first = group->c;
	uint32_t count = 0, kept = 0;

	for (uint32_t i = 0; i < first->n_needs; i++) {
		const char *name = counts(p, &first->needs[i]) ? need_name(p, &first->needs[i]) : NULL;
		bool shared = name != NULL;

		for (uint32_t k = 1; shared && k < n; k++)
			shared = depends_on(p, group[k].c, name);
		if (shared)
			ret[count++] = name;
	}
	qsort(ret, count, sizeof(*ret), str_ptr_cmp);
	for (uint32_t i = 0; i < count; i++)
		if (!kept || strcmp(ret[kept - 1], ret[i]) != 0)
			ret[kept++] = ret[i];
	return kept;
}

/* A name that is depended on twice counts with the lower of its two reaches. */
static int64_t reach_of_name(struct problem *p, const struct candidate *c, const char *name)
{
	int64_t reach = INT64_MAX;

	for (uint32_t i = 0; i < c->n_needs; i++) {
		int64_t r;

		if (!counts(p, &c->needs[i]) || strcmp(need_name(p, &c->needs[i]), name) != 0)
			continue;
		r = reach_of(p, c->needs[i].spec);
		if (r < reach)
			reach = r;
	}
	return reach;
}

/* Set reach for every member of a group that the first four rules leave equal. */
static void measure_group(struct problem *p, struct arena *a, struct ranked *group, uint32_t n)
{
	const char **names = arena_array(a, group->c->n_needs + 1, sizeof(*names));
	uint64_t n_needs = 0;
	uint32_t n_names;

	for (uint32_t k = 0; k < n; k++)
		n_needs += group[k].c->n_needs;
	/* Who has no steps left for the fifth rule has no right answer to give. */
	if (!problem_spend(p, 1 + group->c->n_needs * n_needs)) {
		p->too_large = true;
		return;
	}
	n_names = shared_names(p, group, n, names);
	for (uint32_t k = 0; k < n; k++) {
		int64_t *reach = arena_array(a, n_names, sizeof(*reach));

		for (uint32_t i = 0; i < n_names; i++)
			reach[i] = reach_of_name(p, group[k].c, names[i]);
		group[k].reach = reach;
		group[k].n_reach = n_names;
	}
}

static void rank_name(struct problem *p, const struct map *favored, struct name *n)
{
	auto_arena a = { 0 };
	auto_free struct ranked *r = mem_array(n->n, sizeof(*r));

	for (uint32_t i = 0; i < n->n; i++)
		r[i] = (struct ranked){ .c = &p->candidates[n->candidates[i]],
					.id = n->candidates[i],
					.flexible = p->q->priority == PRIORITY_FLEXIBLE,
					.favored =
						map_get(favored, p->candidates[n->candidates[i]].record->url, NULL) };
	qsort(r, n->n, sizeof(*r), ranked_cmp);
	for (uint32_t i = 0; i < n->n;) {
		uint32_t end = i + 1;

		while (end < n->n && head_cmp(&r[i], &r[end]) == 0)
			end++;
		if (end - i > 1) {
			measure_group(p, &a, r + i, end - i);
			qsort(r + i, end - i, sizeof(*r), ranked_cmp);
		}
		i = end;
	}
	for (uint32_t i = 0; i < n->n; i++)
		n->candidates[i] = r[i].id;
}

/* ---- all ---- */

struct placed {
	uint32_t id, name, place;
};

static int placed_cmp(const void *x, const void *y)
{
	const struct placed *a = x, *b = y;
	int c = cmp(a->name, b->name);

	return c ? c : cmp(a->place, b->place);
}

static void sort_providers(const struct problem *p, struct spec *s)
{
	auto_free struct placed *v = mem_array(s->n_providers, sizeof(*v));

	for (uint32_t i = 0; i < s->n_providers; i++) {
		const struct candidate *c = &p->candidates[s->providers[i]];

		v[i] = (struct placed){ s->providers[i], c->name, c->place };
	}
	if (s->n_providers)
		qsort(v, s->n_providers, sizeof(*v), placed_cmp);
	for (uint32_t i = 0; i < s->n_providers; i++)
		s->providers[i] = v[i].id;
}

void rank_candidates(struct problem *p)
{
	auto_map favored = { 0 };
	bool is_new;

	for (size_t i = 0; i < p->q->n_favored; i++)
		map_put(&favored, p->q->favored[i]->url, 1, &is_new);
	for (uint32_t k = 0; k < p->n_names; k++)
		if (p->names[k].n > 1)
			rank_name(p, &favored, &p->names[k]);
	for (uint32_t k = 0; k < p->n_names; k++)
		for (uint32_t i = 0; i < p->names[k].n; i++)
			p->candidates[p->names[k].candidates[i]].place = i;
	for (uint32_t i = 0; i < p->n_specs; i++)
		if (p->specs[i].listed)
			sort_providers(p, &p->specs[i]);
}
