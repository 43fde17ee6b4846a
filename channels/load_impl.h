/* Loading repodata: what repodata_load.c and load_shards.c share. Private to channels/. */
#ifndef CHANNELS_LOAD_IMPL_H
#define CHANNELS_LOAD_IMPL_H

#include "channels/cache.h"
#include "channels/follow.h"
#include "channels/peek.h"
#include "channels/repodata_impl.h"
#include "channels/shard.h"

/* The forms that repodata has, best first. */
enum form { FORM_SHARDS, FORM_ZST, FORM_BZ2, FORM_PLAIN, FORMS };

/* One subdir of one channel on its way, for one request. */
struct part {
	const struct repodata_request *q;
	const struct channel *channel;
	uint32_t rank;
	const char *subdir;
	struct part *same; /* the part of another request that is read for both, or NULL */
	enum form form; /* that was found, or is tried now */
	const char *url; /* of that */
	const char *told; /* the same, for sentences */
	bool found;
	bool skipped; /* some form was not asked for, as it was missing lately */
	bool unknown; /* whether there is some form of it, as nobody may be asked */
	bool in_cache; /* its body is there; else it is in bytes, or is a file of this machine */
	struct buf bytes;
	struct sink *out;
	struct peek peek; /* in front of out */
	struct cache_state cached;
	bool has_cached;
	struct body body;
	/* of shards */
	struct shard_index *shards;
	const char *base_url; /* of packages */
	struct pack *pack;
	int fd; /* that it goes into; -1 */
	struct shard_follow shard_follow;
	/* of other forms */
	struct follow follow;
	struct repodata *read;
};

struct loader {
	struct http_batch base;
	struct http *http;
	const struct repodata_request *q;
	size_t n_requests;
	int cachefd;
	bool offline;
	struct arena arena;
	struct part *parts;
	size_t n;
	struct part **asked; /* those whose URL is tried now */
};

/* Read the indexes of parts whose form is shards. */
int load_shards_index(struct loader *l, struct part *p, struct err *err);

/* Fetch and read the shards that the requests reach, round by round; parts of other forms have been read. */
int load_shards(struct loader *l, struct err *err);

#endif
