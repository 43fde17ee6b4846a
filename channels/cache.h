/*
 * Downloaded repodata on disk: "repodata/HEX.body" is what the server sent, "repodata/HEX.json" says what it is. HEX is the
 * sha256 of the URL without its credentials.
 *
 * Many processes may use one directory. A body whose size or time is not what its state
 * says (another process has just replaced it, or died in between) counts as not there.
 */
#ifndef CHANNELS_CACHE_H
#define CHANNELS_CACHE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/io.h"

#define CACHE_DIR "repodata"

/* "repodata/HEX.end" of a URL. */
struct cache_path {
	char s[100];
};
struct cache_path cache_path(const char *url, const char *end);

struct cache_state {
	const char *etag, *last_modified, *cache_control; /* or NULL */
	bool missing; /* the server said that there is none: no body */
	int64_t checked; /* when it was asked last: seconds since 1970 */
};

/* What is remembered of url. False where that is nothing of use. */
bool cache_find(struct arena *a, int dirfd, const char *url, struct cache_state *ret);

/* The body that cache_find() told of. ERR_IO. */
struct source *cache_body(int dirfd, const char *url, struct err *err);

/* Room for a new body, which appears with cache_put(). Not finished, it was never there. */
struct sink *cache_sink(int dirfd, const char *url, struct err *err);

/*
 * Whether the server need not be asked again yet: by its own Cache-Control (ttl: 0), for ttl seconds, or never (-1); of
 * what was missing, for a week. The only use of a clock: it decides who is asked, not what is made of the answer.
 */
bool cache_is_fresh(const struct cache_state *state, int ttl);

/* Where dirfd knows nothing of url, and lower does: take that over. That it cannot be is no failure. */
void cache_take(int dirfd, int lower, const char *url);

/* The server said that what is there is still good: from now on. */
int cache_touch(int dirfd, const char *url, const struct cache_state *state, int ttl, struct err *err);

/* Finish out (NULL: there is no body) and say what it is; both happen as one to other processes that do the same. */
int cache_put(int dirfd, const char *url, struct sink *out, const struct cache_state *state, struct err *err);

/* A shard as it is sent, whose sha256 is its name: appended to *ret where it is there and whole. */
bool cache_find_shard(int dirfd, const struct digest *shard, uint64_t max, struct buf *ret);

/* The same, without a trace there. */
bool cache_look_at_shard(int dirfd, const struct digest *shard, uint64_t max, struct buf *ret);

/* Keep one; that it cannot be is no failure. Those that nobody used for 60 days are removed now and then. */
void cache_put_shard(int dirfd, const struct digest *shard, const struct buf *b);
void cache_prune_shards(int dirfd);

#endif
