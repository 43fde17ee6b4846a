/*
 * From addresses to small numbers: what was found out of something that has one address for as long as the memo
 * lives. Not for texts that may lie in two places, but a fast way around a map of them.
 */
#ifndef BASE_MEMO_H
#define BASE_MEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memo {
	struct memo_slot *slots; /* a power of two of them, or NULL */
	size_t n, cap;
};

/* False, and *ret untouched, where p is not there. */
bool memo_get(const struct memo *m, const void *p, uint32_t *ret);

/* p is not NULL, and not there yet. */
void memo_put(struct memo *m, const void *p, uint32_t value);
void memo_release(struct memo *m);

#endif
