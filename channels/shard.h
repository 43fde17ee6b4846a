/* Sharded repodata (CEP 16): the index, which names one shard for each package name, and the shards. */
#ifndef CHANNELS_SHARD_H
#define CHANNELS_SHARD_H

#include "channels/pack.h"
#include "channels/reach.h"

#define SHARD_INDEX_MAX ((uint64_t)128 << 20) /* bytes, decompressed */
#define SHARD_MAX ((uint64_t)16 << 20)

struct shard_index {
	const char *base_url; /* of packages, as it was written; NULL: beside the index */
	const char *shards_base_url; /* of shards, likewise */
	const char *created_at; /* as it was written, or NULL */
	const struct str *names; /* sorted by bytes, lower case, each once */
	const struct digest *shards; /* of each name: sha256 of the shard as it is sent */
	size_t n;
};

/* p is decompressed msgpack; what comes out is in a. name is for sentences. ERR_FORMAT. */
int shard_index_read(struct arena *a, const void *p, size_t n, const char *name, struct shard_index *ret,
		     struct err *err);

/* Its place, or SIZE_MAX. */
size_t shard_index_find(const struct shard_index *ix, struct str name);

/* What names records ask for that were read before. */
struct shard_follow {
	struct reach *reach;
	uint8_t *lists; /* by where they begin, a bit each: it was followed */
	size_t size; /* bytes of lists */
};
void shard_follow_release(struct shard_follow *f);

/*
 * Put the records of one shard into pack, and reach what they depend on. package is the name the index has it under:
 * records of another are counted as broken. name is for sentences. ERR_FORMAT, and what pack_add() says.
 */
int shard_read(const void *p, size_t n, struct str package, const char *name, struct pack *pack,
	       struct shard_follow *follow, struct err *err);

#endif
