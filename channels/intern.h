/* Strings (and other runs of bytes), each kept once and numbered in the order they came. */
#ifndef CHANNELS_INTERN_H
#define CHANNELS_INTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

struct intern_entry {
	const char *p;
	uint32_t n;
};

struct intern_slot {
	uint32_t hash,
		number; /* number + 1, or 0: none; the hash is here too, so that others' entries are not looked at */
};

struct intern {
	struct arena *arena; /* where copies go; NULL: entries point at what was given, which must stay */
	uint64_t seed; /* so that no document can be made to collide */
	struct intern_entry *entries;
	uint32_t n;
	struct intern_slot *slots;
	uint32_t mask;
};

#define INTERN_NONE UINT32_MAX

void intern_init(struct intern *t, struct arena *arena);
void intern_release(struct intern *t);

/* Its number, or INTERN_NONE. */
uint32_t intern_find(const struct intern *t, struct str s);

/* Its number, which is a new one where it was not there. Copies are NUL-terminated. */
uint32_t intern_add(struct intern *t, struct str s);

/* The one copy of a string; t has an arena. */
const char *intern_text(struct intern *t, struct str s);

/* The one copy of a NULL-terminated list of n pointers, compared as pointers; t has an arena and holds only lists. */
const char *const *intern_list(struct intern *t, const char *const *list, size_t n);

#define auto_intern CLEANUP(intern_release) struct intern

#endif
