/*
 * Many allocations, one lifetime. A document (an index, a lock, an environment)
 * owns one arena; its strings die together.
 *
 * A zeroed struct arena is an empty arena. Nothing in it moves until
 * arena_release().
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/mem.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks;
	char *at; /* the next free byte of the newest chunk */
	size_t left; /* bytes after at */
	size_t total; /* bytes of all chunks */
};

void *arena_alloc(struct arena *a, size_t size); /* zeroed, aligned for anything */
void *arena_array(struct arena *a, size_t n, size_t size); /* likewise; the product is checked */
char *arena_strdup(struct arena *a, const char *s); /* NULL gives NULL */
char *arena_strndup(struct arena *a, const char *s, size_t n); /* n bytes and a NUL */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3), nonnull(2)));
void *arena_dup(struct arena *a, const void *p, size_t size);

/* A NULL-terminated list: copies of the n strings. */
const char *const *arena_strlist(struct arena *a, const char *const *s, size_t n);

/* Everything in from lives on in a; from is empty afterwards. */
void arena_join(struct arena *a, struct arena *from);

/* Free all. The arena is empty and usable again. */
void arena_release(struct arena *a);

#define auto_arena CLEANUP(arena_release) struct arena

#endif
