/*
 * From strings to small numbers. Strings are not copied and must outlive the
 * map. Its order is never visible: there is no way to walk it.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

struct map_slot {
	const char *key;
	uint32_t hash, value;
};

struct map {
	struct map_slot *slots; /* a power of two of them, or NULL */
	size_t n, cap;
};

/* The value of key; when it is new, value is put there first and *is_new set. */
uint32_t map_put(struct map *m, const char *key, uint32_t value, bool *is_new);

/* False, and *ret untouched, where key is not there. ret may be NULL. */
bool map_get(const struct map *m, const char *key, uint32_t *ret);

void map_release(struct map *m);

#define auto_map CLEANUP(map_release) struct map

#endif
