#include "solver/advice.h"

#include <string.h>

#include "base/str.h"
#include "solver/advice_impl.h"
#include "solver/lacking.h"

#define TRIES_MAX 40 /* questions that are put again */
#define TOLD_MAX 4 /* specs that are told one by one */
#define TRY_WORK_MAX (WHY_WORK_MAX / 4) /* steps of one of them */

void advice_add(struct adviser *v, const char *text)
{
	for (size_t i = 0; i < v->n; i++)
		if (strcmp(v->list[i], text) == 0)
			return;
	mem_grow(v->list, v->n);
	v->list[v->n++] = text;
}

bool advice_solves(struct adviser *v, struct solve q, struct solution *ret)
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

const struct record *advice_record(const struct solution *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->records[i]->name, name) == 0)
			return s->records[i];
	return NULL;
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

/* ---- another version of what is asked, or going without it ---- */

/* The question with another text for one spec (NULL: without it). */
static bool solves_instead(struct adviser *v, const char *text, const char *instead, struct solution *ret)
{
	struct solve q = *v->p->q;

	q.specs = changed(v, q.specs, q.n_specs, text, instead, &q.n_specs);
	return advice_solves(v, q, ret);
}

static bool has_details(const struct matchspec *m)
{
	return m->channel || m->subdir || m->build || m->number || m->fn || m->url || m->md5 || m->sha256 ||
	       m->license || m->license_family || m->track_features || m->features || m->flags || m->extras;
}

/* What a plain name would no longer say, but the version: "the build 'cuda*' and the channel foo". */
static const char *given_up(struct adviser *v, const struct matchspec *m)
{
	const char *words[7] = { 0 };
	size_t n = 0;

	if (m->extras)
		words[n++] = arena_printf(v->a, "the extras (%s)", lacking_list(m->extras, v->a));
	if (m->build)
		words[n++] = arena_printf(v->a, "the build '%s'", m->build_text);
	if (m->number)
		words[n++] = arena_printf(v->a, "the build number %s", m->build_number);
	if (m->channel)
		words[n++] = arena_printf(v->a, "the channel %s", m->channel);
	if (m->subdir)
		words[n++] = arena_printf(v->a, "the subdir %s", m->subdir);
	if (m->fn || m->url || m->md5 || m->sha256 || m->license || m->license_family || m->track_features ||
	    m->features || m->flags)
		words[n++] = "what the brackets say";
	return lacking_list(words, v->a);
}

/* A spec that keeps only the version, or all but the version. Extras and conditions stay. */
static const char *part_of(struct adviser *v, const struct matchspec *m, bool version)
{
	struct matchspec part = *m;

	/* Without a build beside it "3.12" means 3.12.* again. */
	if (version && !m->extras && !m->when && !strpbrk(m->version_text, ",|=<>!~*^$ "))
		return arena_printf(v->a, "%s=%s", m->name, m->version_text);
	if (version)
		part = (struct matchspec){ .name = m->name,
					   .version = m->version,
					   .version_text = m->version_text,
					   .extras = m->extras,
					   .when = m->when,
					   .when_text = m->when_text };
	else
		part.version = NULL, part.version_text = NULL;
	return matchspec_text(v->a, &part);
}

/* Whether a spec that asks for less would do; that is told with what it would bring. */
static bool try_less(struct adviser *v, const struct spec *spec, const char *less, const char *lost)
{
	auto_solution s = { 0 };
	const struct record *r;

	if (!solves_instead(v, spec->text, less, &s))
		return false;
	r = advice_record(&s, spec->m->name);
	if (!r)
		return false;
	advice_add(v, *lost ? arena_printf(v->a, "%s %s would do instead of '%s', which gives up %s", r->name,
					   r->version, spec->text, lost)
			    : arena_printf(v->a, "%s %s would do instead of '%s'", r->name, r->version, spec->text));
	return true;
}

static void try_spec(struct adviser *v, const struct spec *spec)
{
	const struct matchspec *m = spec->m;
	auto_solution s = { 0 };
	bool helped = false;

	if (m->name && !str_starts(m->name, "__")) {
		const char *lost = given_up(v, m);

		if (m->version && has_details(m)) {
			helped |= try_less(v, spec, part_of(v, m, false), "");
			helped |= try_less(v, spec, part_of(v, m, true), lost);
		}
		if (!helped && (m->version || has_details(m)))
			helped = try_less(v, spec, m->name, lost);
	}
	if (!helped && v->core->n_roots && solves_instead(v, spec->text, NULL, &s))
		advice_add(v, arena_printf(v->a, "without '%s' it can be solved", spec->text));
}

/* Specs of the request that nothing meets, and whose name there is. */
static uint32_t missing_specs(const struct problem *p, uint32_t *ret)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->n_roots; i++) {
		const struct spec *s = &p->specs[p->roots[i]];

		if (s->listed && !s->n_providers && !s->m->when && s->name != NONE)
			ret[n++] = p->roots[i];
	}
	return n;
}

/* All builds left open, for a file that was exported elsewhere. */
static bool try_versions_alone(struct adviser *v, const uint32_t *specs, uint32_t n)
{
	struct solve q = *v->p->q;
	auto_solution s = { 0 };

	for (uint32_t i = 0; i < n; i++)
		if (!v->p->specs[specs[i]].m->build || !v->p->specs[specs[i]].m->version)
			return false;
	for (uint32_t i = 0; i < v->p->n_roots; i++) {
		const struct spec *spec = &v->p->specs[v->p->roots[i]];

		if (spec->m->name && spec->m->build && spec->m->version)
			q.specs = changed(v, q.specs, q.n_specs, spec->text, part_of(v, spec->m, true), &q.n_specs);
	}
	if (!advice_solves(v, q, &s))
		return false;
	advice_add(v, "without the builds (numpy=2.1.0 instead of numpy=2.1.0=py312_0) it can be solved");
	return true;
}

/* Several that nothing meets: all of them by their plain names. */
static void try_names(struct adviser *v, const uint32_t *specs, uint32_t n)
{
	struct solve q = *v->p->q;
	auto_solution s = { 0 };
	const char **instead = arena_array(v->a, n + 1, sizeof(*instead)),
		   **was = arena_array(v->a, n + 1, sizeof(*was));

	for (uint32_t i = 0; i < n; i++) {
		const struct spec *spec = &v->p->specs[specs[i]];

		q.specs = changed(v, q.specs, q.n_specs, spec->text, spec->m->name, &q.n_specs);
		was[i] = arena_printf(v->a, "'%s'", spec->text);
	}
	if (!advice_solves(v, q, &s))
		return;
	if (n > TOLD_MAX) {
		advice_add(v, arena_printf(v->a, "with the names of these %u alone it can be solved", n));
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		const struct record *r = advice_record(&s, v->p->specs[specs[i]].m->name);

		if (!r)
			return;
		instead[i] = arena_printf(v->a, "%s %s", r->name, r->version);
	}
	advice_add(v, arena_printf(v->a, "%s would do instead of %s", lacking_list(instead, v->a),
				   lacking_list(was, v->a)));
}

static void try_specs(struct adviser *v)
{
	uint32_t *missing = arena_array(v->a, v->p->n_roots, sizeof(*missing)), n;

	for (uint32_t i = 0; i < v->core->n_roots; i++)
		try_spec(v, &v->p->specs[v->core->roots[i]]);
	if (v->core->n_roots)
		return;
	n = missing_specs(v->p, missing);
	if (n == 1)
		try_spec(v, &v->p->specs[missing[0]]);
	else if (n > 1 && !try_versions_alone(v, missing, n))
		try_names(v, missing, n);
}

/* ---- pins and settings ---- */

static void try_pin(struct adviser *v, const struct spec *spec)
{
	struct solve q = *v->p->q;
	auto_solution s = { 0 };

	q.pins = changed(v, q.pins, q.n_pins, spec->text, NULL, &q.n_pins);
	if (advice_solves(v, q, &s))
		advice_add(v, arena_printf(v->a, "without the pin '%s' it can be solved", spec->text));
}

static bool left_out_any(const struct problem *p, enum excluded by)
{
	for (uint32_t i = 0; i < p->n_names; i++)
		if (p->names[i].n_excluded[by])
			return true;
	return false;
}

/* The channel as a spec may name it: what stands behind the host, or a folder's name. */
static const char *short_channel(const char *url)
{
	const char *host = strstr(url, "://"), *slash = host ? strchr(host + 3, '/') : NULL;

	if (!slash || str_starts(url, "file:"))
		slash = strrchr(url, '/');
	return slash && slash[1] ? slash + 1 : url;
}

/* Another channel than the one that strict priority takes a name from, asked for by name. */
static bool try_channel(struct adviser *v, const struct name *n, const char *channel)
{
	struct solve q = *v->p->q;
	auto_solution s = { 0 };
	const char *spec = arena_printf(v->a, "%s::%s", short_channel(channel), n->text);
	const char **specs = arena_array(v->a, q.n_specs + 1, sizeof(*specs));

	for (size_t i = 0; i < q.n_specs; i++)
		specs[i] = q.specs[i];
	specs[q.n_specs++] = spec;
	q.specs = specs;
	if (!advice_solves(v, q, &s))
		return false;
	advice_add(v, arena_printf(v->a, "with '%s' asked for it can be solved", spec));
	return true;
}

/* Whether the reasons speak of a name. */
static bool is_spoken_of(const struct adviser *v, uint32_t name)
{
	const struct problem *p = v->p;

	for (uint32_t i = 0; i < v->core->n_links; i++)
		if (v->core->links[i].to == name || v->core->links[i].from == name)
			return true;
	for (uint32_t i = 0; i < p->n_roots; i++)
		if (p->specs[p->roots[i]].name == name && p->specs[p->roots[i]].listed &&
		    !p->specs[p->roots[i]].n_providers)
			return true;
	return false;
}

static void try_channels_of(struct adviser *v, uint32_t name)
{
	const struct name *n = &v->p->names[name];
	struct record_range range = index_find(v->p->q->index, n->text);
	const char *tried = "";

	if (!n->n_excluded[EXCLUDED_CHANNEL] || n->lost_rank == NONE || !is_spoken_of(v, name))
		return;
	for (size_t i = 0; i < range.n; i++) {
		const char *channel = range.first[i].channel;

		if (range.first[i].channel_rank == n->lost_rank || strcmp(channel, tried) == 0)
			continue;
		tried = channel;
		if (try_channel(v, n, channel))
			return;
	}
}

static void try_settings(struct adviser *v)
{
	struct solve q = *v->p->q;
	auto_solution flexible = { 0 }, newer = { 0 };

	if (q.priority == PRIORITY_STRICT && left_out_any(v->p, EXCLUDED_CHANNEL)) {
		for (uint32_t i = 0; i < v->p->n_names; i++)
			try_channels_of(v, i);
		q.priority = PRIORITY_FLEXIBLE;
		if (advice_solves(v, q, &flexible))
			advice_add(v, "with --channel-priority flexible it can be solved");
		q.priority = PRIORITY_STRICT;
	}
	if (q.exclude_newer && left_out_any(v->p, EXCLUDED_NEWER)) {
		q.exclude_newer = 0;
		if (advice_solves(v, q, &newer))
			advice_add(v, "without --exclude-newer it can be solved");
	}
}

/* What keeps all that was asked goes first. */
void advice_find(const struct problem *p, const struct core *core, struct solution *ret)
{
	struct adviser v = { .p = p, .core = core, .a = &ret->arena, .work = WHY_WORK_MAX };

	advice_of_machine(&v);
	try_settings(&v);
	for (uint32_t i = 0; i < core->n_pins; i++)
		try_pin(&v, &p->specs[core->pins[i]]);
	try_specs(&v);
	ret->work += WHY_WORK_MAX - v.work;
	ret->advice = arena_strlist(&ret->arena, v.list, v.n);
	free(v.list);
}
