/* Contradictions as sentences that speak of specs and packages, grouped, in a fixed order. */
#include <string.h>

#include "base/str.h"
#include "solver/problem.h"

#define LINES_MAX 40

struct lines {
	struct arena *a;
	const char **list;
	size_t n;
};

static void add_line(struct lines *l, const char *text)
{
	mem_grow(l->list, l->n);
	l->list[l->n++] = text;
}

static const char *const *finish_lines(struct lines *l)
{
	const char *const *ret = l->n ? arena_strlist(l->a, l->list, l->n) : NULL;

	free(l->list);
	return ret;
}

/* ---- what nobody has ---- */

static const char *channels_text(const struct problem *p, struct arena *a)
{
	const char *ret = "";

	for (const char *const *c = p->q->channel_names; c && *c; c++)
		ret = arena_printf(a, "%s%s%s", ret, *ret ? ", " : "", *c);
	return *ret ? ret : "the channels";
}

/* "1.0 to 2.4 (12 builds)" of the versions that are there. */
static const char *range_text(const struct problem *p, const struct name *n, struct arena *a)
{
	const struct candidate *lo = NULL, *hi = NULL;

	for (uint32_t i = 0; i < n->n; i++) {
		const struct candidate *c = &p->candidates[n->candidates[i]];

		if (!lo || c->vrank < lo->vrank)
			lo = c;
		if (!hi || c->vrank > hi->vrank)
			hi = c;
	}
	if (lo->vrank == hi->vrank)
		return arena_printf(a, "only %s %s", n->text, hi->record->version);
	return arena_printf(a, "%s %s to %s", n->text, lo->record->version, hi->record->version);
}

static const char *excluded_text(const struct problem *p, const struct name *n, struct arena *a)
{
	if (n->n_excluded[EXCLUDED_CHANNEL] && n->lost_rank != NONE && p->q->channel_names)
		return arena_printf(
			a,
			"; %u more in other channels are left out by strict channel priority (%s comes first): "
			"name the channel as CHANNEL::%s or use --channel-priority flexible",
			n->n_excluded[EXCLUDED_CHANNEL], p->q->channel_names[n->lost_rank], n->text);
	if (n->n_excluded[EXCLUDED_CHANNEL])
		return arena_printf(a, "; %u are in channels that are left out", n->n_excluded[EXCLUDED_CHANNEL]);
	if (n->n_excluded[EXCLUDED_NEWER])
		return arena_printf(a, "; %u are newer than --exclude-newer allows", n->n_excluded[EXCLUDED_NEWER]);
	if (n->n_excluded[EXCLUDED_BROKEN])
		return arena_printf(a, "; %u have metadata that cannot be read", n->n_excluded[EXCLUDED_BROKEN]);
	return "";
}

static const char *missing_virtual(const char *name, struct arena *a)
{
	return arena_printf(
		a, "the machine that will run the image has no %s; if it has, say so with --virtual-package %s=VERSION",
		name, name);
}

/* The sentence for a spec that nobody meets, or NULL. */
static const char *unmet(struct problem *p, uint32_t spec, struct arena *a)
{
	const struct spec *s = problem_providers(p, spec);
	const struct name *n;

	if (s->n_providers)
		return NULL;
	if (s->m->name && str_starts(s->m->name, "__") && s->name == NONE)
		return missing_virtual(s->m->name, a);
	if (s->name == NONE)
		return arena_printf(a, "there is no package '%s' in %s", s->m->name ? s->m->name : s->text,
				    channels_text(p, a));
	n = &p->names[s->name];
	if (!n->n)
		return arena_printf(a, "no build of '%s' can be used%s", s->m->name, excluded_text(p, n, a));
	return arena_printf(a, "nothing matches '%s': there is %s%s", s->text, range_text(p, n, a),
			    excluded_text(p, n, a));
}

const char *const *explain_plain(struct problem *p, struct arena *a)
{
	struct lines l = { .a = a };

	for (uint32_t i = 0; i < p->n_roots; i++) {
		const char *text = p->specs[p->roots[i]].m->when ? NULL : unmet(p, p->roots[i], a);

		if (text)
			add_line(&l, text);
	}
	return finish_lines(&l);
}

/* ---- contradictions ---- */

struct group {
	enum reason_kind kind;
	const char *name; /* of the candidates, "" for the request */
	const char *spec;
	uint32_t spec_id;
	const struct candidate *lo, *hi;
	uint32_t builds, versions;
	uint32_t last_vrank;
};

static int group_cmp(const void *x, const void *y)
{
	const struct group *a = x, *b = y;
	int c = (int)(a->kind == REASON_REQUEST ? 0
		      : a->kind == REASON_PIN	? 1
						: 2) -
		(int)(b->kind == REASON_REQUEST ? 0
		      : b->kind == REASON_PIN	? 1
						: 2);

	if (!c)
		c = strcmp(a->name, b->name);
	if (!c)
		c = strcmp(a->spec, b->spec);
	if (!c)
		c = (int)a->kind - (int)b->kind;
	return c;
}

static void add_to_group(const struct problem *p, struct group *groups, size_t *n, const struct reason *r)
{
	const struct candidate *c = r->candidate == NONE ? NULL : &p->candidates[r->candidate];
	struct group g = {
		.kind = r->kind, .name = c ? c->record->name : "", .spec = p->specs[r->spec].text, .spec_id = r->spec
	};
	struct group *to = NULL;

	for (size_t i = 0; i < *n && !to; i++)
		if (group_cmp(&groups[i], &g) == 0)
			to = &groups[i];
	if (!to) {
		to = &groups[(*n)++];
		*to = g;
	}
	if (!c)
		return;
	to->builds++;
	if (!to->lo || c->vrank < to->lo->vrank)
		to->lo = c;
	if (!to->hi || c->vrank > to->hi->vrank)
		to->hi = c;
}

static const char *who(const struct group *g, struct arena *a)
{
	if (g->lo->vrank == g->hi->vrank)
		return arena_printf(a, "%s %s", g->name, g->hi->record->version);
	return arena_printf(a, "%s %s to %s (%u builds)", g->name, g->lo->record->version, g->hi->record->version,
			    g->builds);
}

static const char *sentence(struct problem *p, const struct group *g, struct arena *a)
{
	const char *missing;

	switch (g->kind) {
	case REASON_REQUEST:
		return arena_printf(a, "you ask for %s", g->spec);
	case REASON_PIN:
		return arena_printf(a, "a pin allows only %s", g->spec);
	case REASON_NEEDS:
		return arena_printf(a, "%s needs %s", who(g, a), g->spec);
	case REASON_CONSTRAINS:
		return arena_printf(a, "%s goes only with %s", who(g, a), g->spec);
	case REASON_LACKS:
		missing = unmet(p, g->spec_id, a);
		return arena_printf(a, "%s needs %s, but %s", who(g, a), g->spec,
				    missing ? missing : "nothing provides it");
	}
	return "";
}

const char *const *explain_reasons(struct problem *p, struct arena *a, const struct reason *reasons, uint32_t n)
{
	auto_free struct group *groups = mem_array(n, sizeof(*groups));
	struct lines l = { .a = a };
	size_t n_groups = 0;

	for (uint32_t i = 0; i < n; i++)
		add_to_group(p, groups, &n_groups, &reasons[i]);
	if (n_groups)
		qsort(groups, n_groups, sizeof(*groups), group_cmp);
	add_line(&l, "these cannot be had together:");
	for (size_t i = 0; i < n_groups && i < LINES_MAX; i++)
		add_line(&l, sentence(p, &groups[i], a));
	if (n_groups > LINES_MAX)
		add_line(&l, arena_printf(a, "and %zu more", n_groups - LINES_MAX));
	return finish_lines(&l);
}
