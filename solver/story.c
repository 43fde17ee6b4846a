#include "solver/story.h"

#define STEPS_MAX 30

void story_add(struct story *s, const struct why *w)
{
	mem_grow(s->list, s->n);
	s->list[s->n] = *w;
	if (w->specs) {
		size_t n = 0;

		while (w->specs[n])
			n++;
		s->list[s->n].specs = arena_strlist(s->a, w->specs, n);
	}
	s->list[s->n].name = arena_strdup(s->a, w->name);
	s->list[s->n].against = arena_strdup(s->a, w->against);
	s->list[s->n].lowest = arena_strdup(s->a, w->lowest);
	s->list[s->n++].highest = arena_strdup(s->a, w->highest);
}

void story_finish(struct story *s, struct solution *ret)
{
	if (s->n > STEPS_MAX) {
		size_t more = s->n - STEPS_MAX + 1;

		s->n = STEPS_MAX - 1;
		s->list[s->n++] =
			(struct why){ .kind = WHY_MORE, .text = arena_printf(s->a, "and %zu more steps", more) };
	}
	ret->why = arena_dup(s->a, s->list, s->n * sizeof(*s->list));
	ret->n_why = s->n;
	free(s->list);
	s->list = NULL;
}

const char *story_range(struct arena *a, const char *name, const struct candidate *lowest,
			const struct candidate *highest)
{
	if (lowest->vrank == highest->vrank)
		return arena_printf(a, "%s %s", name, highest->record->version);
	return arena_printf(a, "%s %s to %s", name, lowest->record->version, highest->record->version);
}
