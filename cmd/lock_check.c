#include "cmd/lock_check.h"

#include <string.h>

static bool has(const char *const *list, const char *text)
{
	for (; list && *list; list++)
		if (strcmp(*list, text) == 0)
			return true;
	return false;
}

/* The first of a list that another lacks, or NULL. */
static const char *first_not_in(const char *const *list, const char *const *other)
{
	for (; list && *list; list++)
		if (!has(other, *list))
			return *list;
	return NULL;
}

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool same_list(const char *const *a, const char *const *b)
{
	for (; a && *a && b && *b; a++, b++)
		if (strcmp(*a, *b) != 0)
			return false;
	return !(a && *a) && !(b && *b);
}

/* What differs, in words; specs may also differ by platform, so "something" is the last word. */
static const char *difference(struct arena *a, const struct lock *l, const struct lock_platform *p,
			      const struct question *q)
{
	const char *spec;

	if (l->foreign)
		return "it was made by another tool, which does not say what was asked";
	if ((spec = first_not_in(q->canonical_specs, l->requested)))
		return arena_printf(a, "'%s' is asked for now", spec);
	if ((spec = first_not_in(l->requested, q->canonical_specs)))
		return arena_printf(a, "'%s' is no longer asked for", spec);
	if (!same_list(l->channels, q->channel_urls))
		return "the channels are others";
	if (!same_text(l->priority, channel_priority_text(q->priority)))
		return arena_printf(a, "the channel priority was %s", l->priority);
	if (!same_text(l->exclude_newer, q->exclude_newer_text))
		return l->exclude_newer ? arena_printf(a, "it was made with --exclude-newer %s", l->exclude_newer)
					: "it was made without --exclude-newer";
	if (!same_list(l->pins, q->canonical_pins))
		return "the pins are others";
	if (!same_text(p->libc, q->libc))
		return arena_printf(a, "it was made for the C library '%s'", p->libc);
	return "the virtual packages are others, or something else that was asked";
}

int lock_check(const struct lock *l, const char *path, const struct question *questions, size_t n, struct err *err)
{
	auto_arena a = { 0 };

	for (size_t i = 0; i < n; i++) {
		const struct question *q = &questions[i];
		const struct lock_platform *p = lock_find(l, q->platform->subdir);

		if (!p)
			return err_set(err, ERR_FORMAT, "%s has nothing for %s", path, q->platform->subdir);
		if (strcmp(p->content_hash, q->content_hash) != 0)
			return err_set(err, ERR_FORMAT, "%s is not current for %s: %s", path, q->platform->subdir,
				       difference(&a, l, p, q));
	}
	return 0;
}
