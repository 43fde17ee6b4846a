#include "solver/missing.h"

#include <string.h>

#include "base/str.h"
#include "solver/story.h"

static const char *channels_text(const struct problem *p, struct arena *a)
{
	const char *ret = "";

	for (const char *const *c = p->q->channel_names; c && *c; c++)
		ret = arena_printf(a, "%s%s%s", ret, *ret ? ", " : "", *c);
	return *ret ? ret : "the channels";
}

static const char *there_is(const struct problem *p, const struct name *n, struct arena *a)
{
	const struct candidate *lo = NULL, *hi = NULL;

	for (uint32_t i = 0; i < n->n; i++) {
		const struct candidate *c = &p->candidates[n->candidates[i]];

		if (!lo || c->vrank < lo->vrank)
			lo = c;
		if (!hi || c->vrank > hi->vrank)
			hi = c;
	}
	return story_range(a, n->text, lo, hi);
}

/* ---- what was left out, though it would do ---- */

struct left_out {
	uint32_t n[EXCLUDED_TWIN + 1];
	const char *channel; /* of the first that is in another channel */
};

/* The same tests as problem.c's, for records that meet the spec and are no candidates. */
static enum excluded excluded_by(const struct problem *p, const struct name *n, const struct record *r)
{
	if (p->q->exclude_newer && record_time(r) > p->q->exclude_newer)
		return EXCLUDED_NEWER;
	if (n->n_excluded[EXCLUDED_CHANNEL] && (n->lost_rank == NONE || r->channel_rank != n->lost_rank))
		return EXCLUDED_CHANNEL;
	return n->n_excluded[EXCLUDED_BROKEN] ? EXCLUDED_BROKEN : EXCLUDED_NO;
}

static struct left_out count_left_out(const struct problem *p, const struct spec *s, const struct name *n)
{
	struct record_range range = index_find(p->q->index, n->text);
	struct left_out ret = { 0 };

	for (size_t i = 0; i < range.n; i++) {
		enum excluded by = excluded_by(p, n, &range.first[i]);

		/* A channel that the spec names itself leaves others out as the spec wants it. */
		if (by == EXCLUDED_NO || !matchspec_match(s->m, &range.first[i], NULL))
			continue;
		ret.n[by]++;
		if (by == EXCLUDED_CHANNEL && !ret.channel)
			ret.channel = range.first[i].channel;
	}
	return ret;
}

static const char *builds(struct arena *a, uint32_t n)
{
	return n == 1 ? "1 build" : arena_printf(a, "%u builds", n);
}

/* The channel as a spec may name it: what stands behind the host, or a folder's name. */
static const char *short_channel(const char *url)
{
	const char *host = strstr(url, "://"), *slash = host ? strchr(host + 3, '/') : NULL;

	if (!slash || str_starts(url, "file:"))
		slash = strrchr(url, '/');
	return slash && slash[1] ? slash + 1 : url;
}

/* "; 3 builds in X are left out ...", or "". */
static const char *left_out_text(const struct problem *p, const struct spec *s, const struct name *n, struct arena *a)
{
	struct left_out l = count_left_out(p, s, n);

	if (l.n[EXCLUDED_CHANNEL] && n->lost_rank != NONE && p->q->channel_names)
		return arena_printf(a,
				    "; %s in %s would do, but strict channel priority takes %s only from %s: ask for "
				    "%s::%s, or use --channel-priority flexible",
				    builds(a, l.n[EXCLUDED_CHANNEL]), l.channel, n->text,
				    p->q->channel_names[n->lost_rank], short_channel(l.channel), n->text);
	if (l.n[EXCLUDED_CHANNEL])
		return arena_printf(a, "; %s in %s would do, but the request takes %s from another channel",
				    builds(a, l.n[EXCLUDED_CHANNEL]), l.channel, n->text);
	if (l.n[EXCLUDED_NEWER])
		return arena_printf(a, "; %s would do, but %s newer than --exclude-newer allows",
				    builds(a, l.n[EXCLUDED_NEWER]), l.n[EXCLUDED_NEWER] == 1 ? "is" : "are");
	if (l.n[EXCLUDED_BROKEN])
		return arena_printf(a, "; %s would do, but for metadata that cannot be read",
				    builds(a, l.n[EXCLUDED_BROKEN]));
	return "";
}

/* ---- the machine ---- */

/* A version that would do: the first number in the spec, or a likely one. */
static const char *sample_version(const struct spec *s, struct arena *a)
{
	const char *v = s->m->version_text ? strpbrk(s->m->version_text, "0123456789") : NULL;

	if (!v)
		return strcmp(s->m->name, "__cuda") == 0 ? "12.4" : "VERSION";
	return arena_strndup(a, v, strspn(v, "0123456789."));
}

static const char *machine_text(const struct problem *p, const struct spec *s, struct arena *a)
{
	const char *name = s->m->name, *v = sample_version(s, a);
	const char *has = s->name == NONE ? NULL : there_is(p, &p->names[s->name], a);

	if (strcmp(name, "__cuda") == 0)
		return arena_printf(a, "the machine that runs the image %s%s; if it has a GPU for that, add --cuda %s",
				    has ? "has only " : "is not said to have CUDA", has ? has : "", v);
	if (strcmp(name, "__glibc") == 0 && has)
		return arena_printf(a,
				    "the image has %s; for a newer C library add --virtual-package __glibc=%s, or put "
				    "it on a newer --base",
				    has, v);
	return arena_printf(a, "the machine that runs the image %s%s; if it has, add --virtual-package %s=%s",
			    has ? "has only " : "is not said to have it", has ? has : "", name, v);
}

const char *missing_text(struct problem *p, uint32_t spec, struct arena *a)
{
	const struct spec *s = problem_providers(p, spec);
	const struct name *n = s->name == NONE ? NULL : &p->names[s->name];

	if (s->m->name && str_starts(s->m->name, "__"))
		return machine_text(p, s, a);
	if (!n)
		return arena_printf(a, "there is no package '%s' in %s", s->m->name ? s->m->name : s->text,
				    channels_text(p, a));
	if (!n->n)
		return arena_printf(a, "no build of it can be used%s", left_out_text(p, s, n, a));
	return arena_printf(a, "there is only %s%s", there_is(p, n, a), left_out_text(p, s, n, a));
}

/* ---- the request ---- */

static const char *request_text(struct problem *p, uint32_t spec, struct arena *a)
{
	const struct spec *s = problem_providers(p, spec);
	const char *missing = missing_text(p, spec, a);

	if (s->name == NONE && !str_starts(s->m->name ? s->m->name : "", "__"))
		return missing;
	return arena_printf(a, "nothing matches '%s': %s", s->text, missing);
}

bool missing_roots(struct problem *p, struct solution *ret)
{
	struct story s = { .a = &ret->arena };

	for (uint32_t i = 0; i < p->n_roots; i++) {
		const struct spec *spec = problem_providers(p, p->roots[i]);
		const char *specs[] = { spec->text, NULL };

		if (spec->n_providers || spec->m->when)
			continue;
		story_add(&s, &(struct why){ .kind = WHY_MISSING,
					     .text = request_text(p, p->roots[i], s.a),
					     .name = spec->m->name,
					     .specs = specs });
	}
	story_finish(&s, ret);
	return ret->n_why > 0;
}
