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

		n->versions = arena_array(&p->arena, n->n, sizeof(*n->versions));
		for (uint32_t i = 0; i < n->n; i++)
			sorted[i] = (struct by_version){ &p->candidates[n->candidates[i]], n->candidates[i] };
		if (n->n)
			qsort(sorted, n->n, sizeof(*sorted), by_version_cmp);
		for (uint32_t i = 0; i < n->n; i++) {
			if (i && version_cmp(sorted[i - 1].c->version, sorted[i].c->version) != 0)
				vrank++;
			n->candidates[i] = sorted[i].id;
			n->versions[vrank] = sorted[i].c->version;
			n->n_versions = vrank + 1;
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

static int by_head_cmp(const void *x, const void *y)
{
	return head_cmp(x, y);
}

/* Of a group that the first four rules leave equal. */
static int in_group_cmp(const void *x, const void *y)
{
	const struct ranked *a = x, *b = y;
	int c = 0;

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

/* The name that a need counts for, if it does; what nobody has is out of everybody's reach. */
static uint32_t counts_for(const struct problem *p, const struct need *n)
{
	return n->when || n->extra ? NONE : p->specs[n->spec].name;
}

/* Of each name, what a group has of it: for one group after the other. */
struct shared {
	uint32_t members; /* that depend on it, those before last */
	const struct candidate *last; /* who was seen to */
	uint32_t place; /* among those that all depend on */
};

static int by_text_cmp(const void *x, const void *y)
{
	return strcmp(((const struct name *)*(void *const *)x)->text, ((const struct name *)*(void *const *)y)->text);
}

static void count_members(struct problem *p, struct shared *shared, const struct ranked *group, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++) {
		const struct candidate *c = group[k].c;

		for (uint32_t i = 0; i < c->n_needs; i++) {
			uint32_t name = counts_for(p, &c->needs[i]);

			if (name == NONE || shared[name].last == c)
				continue;
			shared[name].last = c;
			shared[name].members++;
		}
	}
}

/* The names that every member of a group depends on get their places, by their texts. */
static uint32_t place_shared(struct problem *p, struct shared *shared, const struct ranked *group, uint32_t n)
{
	const struct candidate *first = group->c;
	auto_free const struct name **names = mem_array(first->n_needs, sizeof(*names));
	uint32_t count = 0;

	for (uint32_t i = 0; i < first->n_needs; i++) {
		uint32_t name = counts_for(p, &first->needs[i]);

		if (name == NONE || shared[name].members != n)
			continue;
		shared[name].members = 0;
		names[count++] = &p->names[name];
	}
	qsort(names, count, sizeof(*names), by_text_cmp);
	for (uint32_t i = 0; i < count; i++)
		shared[names[i] - p->names].place = i + 1;
	return count;
}

static void forget_shared(struct problem *p, struct shared *shared, const struct ranked *group, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++)
		for (uint32_t i = 0; i < group[k].c->n_needs; i++) {
			uint32_t name = counts_for(p, &group[k].c->needs[i]);

			if (name != NONE)
				shared[name] = (struct shared){ 0 };
		}
}

/* A name that is depended on twice counts with the lower of its two reaches. */
static const int64_t *measure(struct problem *p, struct arena *a, const struct shared *shared, uint32_t n_names,
			      const struct candidate *c)
{
	int64_t *reach = arena_array(a, n_names, sizeof(*reach));

	for (uint32_t i = 0; i < n_names; i++)
		reach[i] = INT64_MAX;
	for (uint32_t i = 0; i < c->n_needs; i++) {
		uint32_t name = counts_for(p, &c->needs[i]), at = name == NONE ? 0 : shared[name].place;
		int64_t r = at ? reach_of(p, c->needs[i].spec) : 0;

		if (at && r < reach[at - 1])
			reach[at - 1] = r;
	}
	return reach;
}

/* Set reach for every member of a group that the first four rules leave equal. */
static void measure_group(struct problem *p, struct arena *a, struct shared *shared, struct ranked *group, uint32_t n)
{
	uint64_t n_needs = 0;
	uint32_t n_names;

	for (uint32_t k = 0; k < n; k++)
		n_needs += group[k].c->n_needs;
	/* Who has no steps left for the fifth rule has no right answer to give. */
	if (!problem_spend(p, 1 + n_needs)) {
		p->too_large = true;
		return;
	}
	count_members(p, shared, group, n);
	n_names = place_shared(p, shared, group, n);
	for (uint32_t k = 0; k < n; k++) {
		group[k].reach = measure(p, a, shared, n_names, group[k].c);
		group[k].n_reach = n_names;
	}
	forget_shared(p, shared, group, n);
}

static void rank_name(struct problem *p, const struct map *favored, struct shared *shared, struct name *n)
{
	auto_arena a = { 0 };
	auto_free struct ranked *r = mem_array(n->n, sizeof(*r));

	for (uint32_t i = 0; i < n->n; i++)
		r[i] = (struct ranked){ .c = &p->candidates[n->candidates[i]],
					.id = n->candidates[i],
					.flexible = p->q->priority == PRIORITY_FLEXIBLE,
					.favored =
						map_get(favored, p->candidates[n->candidates[i]].record->url, NULL) };
	qsort(r, n->n, sizeof(*r), by_head_cmp);
	for (uint32_t i = 0; i < n->n;) {
		uint32_t end = i + 1;

		while (end < n->n && head_cmp(&r[i], &r[end]) == 0)
			end++;
		if (end - i > 1) {
			measure_group(p, &a, shared, r + i, end - i);
			qsort(r + i, end - i, sizeof(*r), in_group_cmp);
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
	auto_free struct shared *shared = mem_array(p->n_names, sizeof(*shared));
	auto_map favored = { 0 };
	bool is_new;

	for (size_t i = 0; i < p->q->n_favored; i++)
		map_put(&favored, p->q->favored[i]->url, 1, &is_new);
	for (uint32_t k = 0; k < p->n_names; k++)
		if (p->names[k].n > 1)
			rank_name(p, &favored, shared, &p->names[k]);
	for (uint32_t k = 0; k < p->n_names; k++)
		for (uint32_t i = 0; i < p->names[k].n; i++)
			p->candidates[p->names[k].candidates[i]].place = i;
	for (uint32_t i = 0; i < p->n_specs; i++)
		if (p->specs[i].listed)
			sort_providers(p, &p->specs[i]);
}
