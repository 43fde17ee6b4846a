#include "solver/problem.h"

#include <string.h>

#include "base/log.h"
#include "base/str.h"

#define PROVIDERS_MAX ((uint64_t)32 << 20) /* pairs of a spec and a candidate that meets it: 128 MiB */

/* ---- names ---- */

static uint32_t name_id(struct problem *p, const char *text)
{
	bool is_new;
	uint32_t id = map_put(&p->name_map, text, p->n_names, &is_new);

	if (is_new) {
		mem_grow(p->names, p->n_names);
		p->names[p->n_names++] = (struct name){ .text = text };
	}
	return id;
}

/* ---- specs ---- */

static uint32_t add_spec(struct problem *p, const char *text, const struct matchspec *m)
{
	struct spec *s;

	if (p->n_specs == p->cap_specs) {
		p->cap_specs = p->cap_specs ? 2 * p->cap_specs : 256;
		p->specs = mem_resize(p->specs, p->cap_specs, sizeof(*p->specs));
	}
	s = &p->specs[p->n_specs];
	*s = (struct spec){ .text = text, .m = m, .name = NONE };
	if (m->name)
		map_get(&p->name_map, m->name, &s->name);
	return p->n_specs++;
}

uint32_t problem_spec(struct problem *p, const char *text, struct err *err)
{
	const struct matchspec *m;
	uint32_t id;
	bool is_new;

	if (map_get(&p->spec_map, text, &id))
		return id;
	m = matchspec_parse(&p->arena, text, MATCHSPEC_V3, err);
	if (!m)
		return NONE;
	id = add_spec(p, text, m);
	map_put(&p->spec_map, text, id, &is_new);
	return id;
}

/*
 * A spec of a record: by the v3 rules, or else as conda reads its brackets today, which passes over what it does not
 * understand. Old repodata was written against that. NONE: by neither.
 */
static uint32_t read_spec(struct problem *p, const char *text)
{
	struct err err = ERR_INIT, old = ERR_INIT;
	const struct matchspec *m;
	uint32_t id = problem_spec(p, text, &err);
	bool is_new;

	if (id != NONE)
		return id;
	m = matchspec_parse(&p->arena, text, 0, &old);
	if (!m) {
		log_debug("%s", err.text);
		return NONE;
	}
	id = add_spec(p, text, m);
	map_put(&p->spec_map, text, id, &is_new);
	return id;
}

static uint32_t spec_of_record(struct problem *p, const char *text)
{
	uint32_t id;

	if (memo_get(&p->known_specs, text, &id))
		return id;
	id = read_spec(p, text);
	if (id != NONE)
		memo_put(&p->known_specs, text, id);
	return id;
}

uint32_t problem_spec_of(struct problem *p, const struct matchspec *m)
{
	uint32_t id;
	bool is_new;

	if (map_get(&p->spec_map, m->text, &id))
		return id;
	id = add_spec(p, m->text, m);
	map_put(&p->spec_map, m->text, id, &is_new);
	return id;
}

/* Whether so many more candidates may be held against a spec. */
static bool may_list(struct problem *p, uint32_t n)
{
	p->listed += n;
	problem_spend(p, n);
	p->too_large |= p->listed > problem_work_max(p->q) || p->n_providers > PROVIDERS_MAX;
	return !p->too_large;
}

static void keep_list(struct problem *p, struct spec *s, const uint32_t *list, uint32_t n)
{
	s->providers = arena_dup(&p->arena, list, n * sizeof(*list));
	s->n_providers = n;
	p->n_providers += n;
}

/* The candidates of one name that meet a spec; versions are tested once, however many builds they have. */
static void list_of_name(struct problem *p, struct spec *s, const struct name *n)
{
	const struct version_spec *v = s->m->version;
	bool only_version = matchspec_is_version_only(s->m), sorted;
	auto_free uint32_t *list = mem_array(n->n, sizeof(*list));
	auto_free bool *meets = mem_array(n->n_versions, sizeof(*meets));
	uint32_t count = 0;

	sorted = v && version_spec_match_sorted(v, n->versions, n->n_versions, meets);
	for (uint32_t i = 0; i < n->n; i++) {
		const struct candidate *c = &p->candidates[n->candidates[i]];

		if (sorted ? !meets[c->vrank] : v && !version_spec_match(v, c->version, c->record->version))
			continue;
		if (only_version || matchspec_match_rest(s->m, c->record))
			list[count++] = n->candidates[i];
	}
	keep_list(p, s, list, count);
}

/* For a spec whose name is a pattern: every candidate is looked at. */
static void list_of_all(struct problem *p, struct spec *s)
{
	auto_free uint32_t *list = mem_array(p->n_candidates, sizeof(*list));
	uint32_t count = 0;

	for (uint32_t n = 0; n < p->n_names; n++)
		for (uint32_t i = 0; i < p->names[n].n; i++) {
			uint32_t c = p->names[n].candidates[i];

			if (matchspec_match(s->m, p->candidates[c].record, p->candidates[c].version))
				list[count++] = c;
		}
	keep_list(p, s, list, count);
}

const struct spec *problem_providers(struct problem *p, uint32_t spec)
{
	struct spec *s = &p->specs[spec];

	if (s->listed)
		return s;
	s->listed = true;
	if (s->name != NONE && may_list(p, p->names[s->name].n))
		list_of_name(p, s, &p->names[s->name]);
	else if (!s->m->name && may_list(p, p->n_candidates))
		list_of_all(p, s);
	return s;
}

bool problem_meets(struct problem *p, uint32_t spec, uint32_t c)
{
	const struct spec *s = problem_providers(p, spec);

	for (uint32_t i = 0; i < s->n_providers; i++)
		if (s->providers[i] == c)
			return true;
	return false;
}

/* ---- candidates ---- */

/* The parsed form of a list of dependency strings. False where one cannot be read. */
static bool read_needs(struct problem *p, const char *const *list, const char *extra, struct need *ret, uint32_t *n)
{
	for (; *list; list++) {
		uint32_t spec = spec_of_record(p, *list);

		if (spec == NONE)
			return false;
		ret[(*n)++] = (struct need){ .spec = spec, .when = p->specs[spec].m->when, .extra = extra };
	}
	return true;
}

static size_t list_length(const char *const *list)
{
	size_t n = 0;

	while (list[n])
		n++;
	return n;
}

static const char *const pip[] = { "pip", NULL };

static bool read_candidate(struct problem *p, struct candidate *c)
{
	const struct record *r = c->record;
	size_t n = list_length(r->depends);

	for (size_t i = 0; i < r->n_extras; i++)
		n += list_length(r->extras[i].depends);
	c->needs = arena_array(&p->arena, n + 1, sizeof(*c->needs));
	if (!read_needs(p, r->depends, NULL, c->needs, &c->n_needs))
		return false;
	if (p->q->python_needs_pip && strcmp(r->name, "python") == 0 && map_get(&p->name_map, "pip", NULL) &&
	    !read_needs(p, pip, NULL, c->needs, &c->n_needs))
		return false;
	for (size_t i = 0; i < r->n_extras; i++)
		if (!read_needs(p, r->extras[i].depends, r->extras[i].name, c->needs, &c->n_needs))
			return false;
	c->constrains = arena_array(&p->arena, list_length(r->constrains), sizeof(*c->constrains));
	return read_needs(p, r->constrains, NULL, c->constrains, &c->n_constrains);
}

static const struct version *read_version(struct problem *p, const char *text)
{
	struct err err = ERR_INIT;
	const struct version *v = version_parse(&p->arena, text, &err);

	if (!v)
		return NULL;
	memo_put(&p->known_versions, text, p->n_versions);
	mem_grow(p->versions, p->n_versions);
	return p->versions[p->n_versions++] = v;
}

static const struct version *version_of(struct problem *p, const char *text)
{
	uint32_t i;

	return memo_get(&p->known_versions, text, &i) ? p->versions[i] : read_version(p, text);
}

static bool add_candidate(struct problem *p, const struct record *r, bool virtual)
{
	struct candidate c = { .record = r, .virtual = virtual, .name = name_id(p, r->name) };

	c.version = version_of(p, r->version);
	if (!c.version)
		return false;
	mem_grow(p->candidates, p->n_candidates);
	p->candidates[p->n_candidates++] = c;
	return true;
}

/* The parsed specs of a candidate can only be read once every name is known. */
static void read_candidates(struct problem *p)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < p->n_candidates; i++) {
		struct candidate c = p->candidates[i];

		if (!read_candidate(p, &c)) {
			p->names[c.name].n_excluded[EXCLUDED_BROKEN]++;
			log_debug("left out %s: a dependency cannot be read", c.record->fn);
			continue;
		}
		p->candidates[kept++] = c;
	}
	p->n_candidates = kept;
}

/* ---- which records become candidates ---- */

static size_t stem_length(const struct record *r)
{
	size_t n;

	return record_is_package_file(r->fn, &n) ? n : strlen(r->fn);
}

/* Whether an earlier record is the same build, in a listing of its own or as .conda. */
static bool is_twin(const struct record *r, const struct record *o)
{
	if (strcmp(r->subdir, o->subdir) != 0 || strcmp(r->version, o->version) != 0 ||
	    strcmp(r->build, o->build) != 0 || strcmp(r->channel, o->channel) != 0)
		return false;
	return stem_length(r) == stem_length(o) && strncmp(r->fn, o->fn, stem_length(r)) == 0;
}

struct sorted {
	const struct record *r;
	uint8_t *excluded;
};

/* Twins side by side, the preferred one first: .conda before .tar.bz2. */
static int twin_cmp(const void *x, const void *y)
{
	const struct sorted *a = x, *b = y;
	int c = record_cmp(a->r, b->r);

	return c ? c : strcmp(a->r->url, b->r->url);
}

static void exclude_twins(struct record_range range, uint8_t *excluded)
{
	auto_free struct sorted *s = mem_array(range.n, sizeof(*s));
	size_t n = 0;
	const struct record *kept = NULL;

	for (size_t i = 0; i < range.n; i++)
		if (!excluded[i])
			s[n++] = (struct sorted){ &range.first[i], &excluded[i] };
	qsort(s, n, sizeof(*s), twin_cmp);
	for (size_t i = 0; i < n; i++) {
		if (kept && is_twin(s[i].r, kept))
			*s[i].excluded = EXCLUDED_TWIN;
		else
			kept = s[i].r;
	}
}

/* A channel that the request itself names for this package goes before any priority. */
static void exclude_by_spec_channel(struct problem *p, const char *name, struct record_range range, uint8_t *excluded)
{
	for (uint32_t k = 0; k < p->n_roots; k++) {
		const struct matchspec *m = p->specs[p->roots[k]].m;

		if (!m->channel || !m->name || strcmp(m->name, name) != 0)
			continue;
		for (size_t i = 0; i < range.n; i++)
			if (!excluded[i] && !matchspec_channel_match(m->channel, range.first[i].channel))
				excluded[i] = EXCLUDED_CHANNEL;
	}
}

static void exclude_by_priority(struct record_range range, uint8_t *excluded, uint32_t *taken)
{
	uint32_t best = NONE;

	for (size_t i = 0; i < range.n; i++)
		if (!excluded[i] && range.first[i].channel_rank < best)
			best = range.first[i].channel_rank;
	for (size_t i = 0; i < range.n; i++)
		if (!excluded[i] && range.first[i].channel_rank != best)
			excluded[i] = EXCLUDED_CHANNEL;
	*taken = best;
}

static void add_name(struct problem *p, struct record_range range)
{
	auto_free uint8_t *excluded = mem_alloc(range.n);
	uint32_t id = name_id(p, range.first->name), taken = NONE;

	for (size_t i = 0; p->q->exclude_newer && i < range.n; i++)
		if (record_time(&range.first[i]) > p->q->exclude_newer)
			excluded[i] = EXCLUDED_NEWER;
	exclude_by_spec_channel(p, range.first->name, range, excluded);
	if (p->q->priority == PRIORITY_STRICT)
		exclude_by_priority(range, excluded, &taken);
	exclude_twins(range, excluded);
	p->names[id].lost_rank = taken;
	for (size_t i = 0; i < range.n; i++)
		if (!excluded[i] && !add_candidate(p, &range.first[i], false))
			excluded[i] = EXCLUDED_BROKEN;
	for (size_t i = 0; i < range.n; i++)
		p->names[id].n_excluded[excluded[i]] += excluded[i] != EXCLUDED_NO;
}

static void add_records(struct problem *p)
{
	const struct index *ix = p->q->index;

	for (size_t i = 0; i < ix->n;) {
		size_t n = 1;

		while (i + n < ix->n && strcmp(ix->records[i + n].name, ix->records[i].name) == 0)
			n++;
		add_name(p, (struct record_range){ &ix->records[i], n });
		i += n;
	}
	for (size_t i = 0; i < p->q->n_virtuals; i++)
		add_candidate(p, &p->q->virtuals[i], true);
}

/* ---- the request ---- */

/* Specs sorted by name and text, so that the order of the request has no say; each once. */
static int read_request(struct problem *p, const char *const *texts, size_t n, uint32_t **ret, uint32_t *n_ret,
			struct err *err)
{
	auto_free const char **sorted = mem_array(n, sizeof(*sorted));

	for (size_t i = 0; i < n; i++)
		sorted[i] = texts[i];
	qsort(sorted, n, sizeof(*sorted), str_ptr_cmp);
	*ret = arena_array(&p->arena, n, sizeof(**ret));
	for (size_t i = 0; i < n; i++) {
		uint32_t s = problem_spec(p, sorted[i], err);

		if (s == NONE)
			return -1;
		if (!*n_ret || (*ret)[*n_ret - 1] != s)
			(*ret)[(*n_ret)++] = s;
	}
	return 0;
}

/* Specs that were parsed before the names were known find theirs. */
static void resolve_spec_names(struct problem *p)
{
	for (uint32_t i = 0; i < p->n_specs; i++)
		if (p->specs[i].m->name)
			map_get(&p->name_map, p->specs[i].m->name, &p->specs[i].name);
}

uint64_t problem_work_max(const struct solve *q)
{
	return q->work_max ? q->work_max : SOLVER_WORK_MAX;
}

int problem_init(struct problem *p, const struct solve *q, struct err *err)
{
	*p = (struct problem){ .q = q, .work = problem_work_max(q) };
	if (read_request(p, q->specs, q->n_specs, &p->roots, &p->n_roots, err) < 0)
		return -1;
	if (read_request(p, q->pins, q->n_pins, &p->pins, &p->n_pins, err) < 0)
		return err_at(err, "pin");
	add_records(p);
	resolve_spec_names(p);
	read_candidates(p);
	rank_versions(p);
	return 0;
}

void problem_release(struct problem *p)
{
	for (uint32_t i = 0; i < p->n_names; i++)
		free(p->names[i].candidates);
	free(p->names);
	free(p->candidates);
	free(p->specs);
	map_release(&p->name_map);
	map_release(&p->spec_map);
	memo_release(&p->known_specs);
	memo_release(&p->known_versions);
	free(p->versions);
	arena_release(&p->arena);
	*p = (struct problem){ 0 };
}
