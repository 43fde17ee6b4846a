/*
 * What is in a cache: its rooms, their files, and how long nobody has used them. Everything in it can be made or
 * fetched again; a file that disappears while somebody reads it is read to its end all the same.
 */
#ifndef CMD_CACHE_ROOMS_H
#define CMD_CACHE_ROOMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

enum cache_room { ROOM_PACKAGES, ROOM_REPODATA, ROOM_LAYERS, ROOM_PLANS, ROOMS };

struct cache_file {
	enum cache_room room;
	const char *path; /* in the cache */
	uint64_t size; /* bytes on the disk that it takes */
	int64_t used; /* seconds since 1970: written or last used */
	bool debris; /* of no use to anybody: what a killed process left, what belongs to what is gone */
};

struct cache_list {
	struct arena arena;
	struct cache_file *files; /* by path */
	size_t n;
};

/* now: seconds since 1970. ERR_IO. To be released in any case. */
int cache_rooms_list(int cachefd, int64_t now, struct cache_list *ret, struct err *err);
void cache_rooms_release(struct cache_list *l);

#define auto_cache_list CLEANUP(cache_rooms_release) struct cache_list

const char *cache_rooms_name(enum cache_room r);

/* What is kept. */
struct cache_limits {
	int64_t unused_since; /* what was used at this second or later; INT64_MIN: whatever its age */
	uint64_t size; /* so many bytes, the last used ones; UINT64_MAX: all */
	int64_t busy_since; /* what was used at this second or later stays in any case; INT64_MAX: no such thing */
};

/*
 * Which files have to go, in the order in which they should: debris, what is too old, then the longest unused
 * until the rest fits. gone has room for l->n indexes. Returns how many.
 */
size_t cache_rooms_choose(const struct cache_list *l, const struct cache_limits *limits, size_t *gone);

/* The digest that a file is called by must be that of its bytes: whether it has such a name. */
bool cache_rooms_is_named(const struct cache_file *f, struct arena *a, const char **hex);

#endif
