#include "solver/missing.h"

#include <string.h>

#include "base/str.h"
#include "solver/lacking.h"
#include "solver/story.h"

static const char *channels_text(const struct problem *p, struct arena *a)
{
	const char *ret = "";

	for (const char *const *c = p->q->channel_names; c && *c; c++)
		ret = arena_printf(a, "%s%s%s", ret, *ret ? ", " : "", *c);
	return *ret ? ret : "the channels";
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

/* "; 3 builds in X are left out ...", or "". */
static const char *left_out_text(const struct problem *p, const struct spec *s, const struct name *n, struct arena *a)
{
	struct left_out l = count_left_out(p, s, n);

	if (l.n[EXCLUDED_CHANNEL] && n->lost_rank != NONE && p->q->channel_names)
		return arena_printf(a, "; %s in %s would do, but strict channel priority takes %s only from %s",
				    builds(a, l.n[EXCLUDED_CHANNEL]), l.channel, n->text,
				    p->q->channel_names[n->lost_rank]);
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

/* ---- a channel that the spec names ---- */

static bool is_searched(const struct problem *p, const char *channel)
{
	for (const char *const *c = p->q->channel_names; c && *c; c++)
		if (strcmp(*c, channel) == 0 || matchspec_channel_match(channel, *c))
			return true;
	for (size_t i = 0; i < p->q->index->n; i++)
		if (matchspec_channel_match(channel, p->q->index->records[i].channel))
			return true;
	return false;
}

/* The channels that have a name, in order. */
static const char *channels_of(const struct problem *p, const struct name *n, struct arena *a)
{
	struct record_range range = index_find(p->q->index, n->text);
	const char *words[4] = { 0 };
	size_t count = 0;

	for (uint32_t rank = 0; p->q->channel_names && p->q->channel_names[rank] && count < COUNT(words) - 1; rank++)
		for (size_t i = 0; i < range.n; i++)
			if (range.first[i].channel_rank == rank) {
				words[count++] = p->q->channel_names[rank];
				break;
			}
	return count ? lacking_list(words, a) : NULL;
}

static const char *channel_text(const struct problem *p, const struct matchspec *m, const struct name *n,
				struct arena *a)
{
	const char *has = n ? channels_of(p, n, a) : NULL;

	if (!is_searched(p, m->channel))
		return arena_printf(a, "%s is none of the channels that are searched (%s)", m->channel,
				    channels_text(p, a));
	return arena_printf(a, "%s was searched and has no %s%s%s", m->channel, m->name, has ? "; it is in " : "",
			    has ? has : "");
}

/* ---- the machine ---- */

static const struct record *virtual_of(const struct problem *p, const char *name)
{
	for (size_t i = 0; i < p->q->n_virtuals; i++)
		if (strcmp(p->q->virtuals[i].name, name) == 0)
			return &p->q->virtuals[i];
	return NULL;
}

static const char *glibc_text(const struct problem *p, const struct record *r, struct arena *a)
{
	static const char *const who[] = {
		[GLIBC_OF_IMAGE] = "the image has",
		[GLIBC_OF_BASE] = "the base has",
		[GLIBC_ASSUMED] = "no C library is put into the image (--libc none), which is taken to find",
	};

	return arena_printf(a, "%s __glibc %s", who[p->q->glibc_from], r->version);
}

static const char *machine_text(const struct problem *p, const char *name, struct arena *a)
{
	const struct record *r = virtual_of(p, name);

	if (strcmp(name, "__win") == 0 || strcmp(name, "__osx") == 0)
		return arena_printf(a, "that is for %s alone, and the image is for Linux",
				    strcmp(name, "__win") == 0 ? "Windows" : "macOS");
	if (r && strcmp(name, "__glibc") == 0)
		return glibc_text(p, r, a);
	if (r && strcmp(name, "__archspec") == 0)
		return arena_printf(a, "the machine that runs the image is taken to be %s", r->build);
	if (r)
		return arena_printf(a, "the machine that runs the image has only %s %s", name, r->version);
	if (strcmp(name, "__cuda") == 0)
		return "the machine that runs the image is not said to have CUDA (--cuda VERSION says it)";
	return arena_printf(a,
			    "the machine that runs the image is not said to have it (--virtual-package "
			    "%s=VERSION says it)",
			    name);
}

const char *missing_text(struct problem *p, uint32_t spec, struct arena *a)
{
	const struct spec *s = problem_providers(p, spec);
	const struct name *n = s->name == NONE ? NULL : &p->names[s->name];
	const char *left_out;

	if (s->m->name && str_starts(s->m->name, "__"))
		return machine_text(p, s->m->name, a);
	if (s->m->channel && s->m->name && (!n || !n->n || !is_searched(p, s->m->channel)))
		return channel_text(p, s->m, n, a);
	if (!n)
		return arena_printf(a, "there is no package '%s' in %s", s->m->name ? s->m->name : s->text,
				    channels_text(p, a));
	left_out = left_out_text(p, s, n, a);
	if (!n->n)
		return arena_printf(a, "no build of it can be used%s", left_out);
	return arena_printf(a, "%s%s", lacking_text(p, s->m, n, a), left_out);
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
