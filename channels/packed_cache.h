/*
 * Packed repodata beside what it was made from: "repodata/HEX.packed" in the cache. HEX is that of the document's URL
 * (channels/cache.h), also where the document is a file of this machine.
 *
 * Many processes may use one directory: a packed file appears whole or not at all, and is used only while the document
 * is the one that it was made from. One that is damaged is made anew.
 */
#ifndef CHANNELS_PACKED_CACHE_H
#define CHANNELS_PACKED_CACHE_H

#include "channels/packed.h"
#include "base/io.h"

/* A document that is there: a file, or (dirfd -1) bytes, which are not owned. */
struct body {
	int dirfd; /* of path; AT_FDCWD is allowed */
	const char *path;
	const struct buf *bytes;
	const char *url; /* what it is called in the cache */
	const char *name; /* for sentences; its end tells how it is compressed: .zst, .bz2, or not */
	uint64_t max; /* bytes that are accepted */
	bool ours; /* a file of the cache: only ever replaced as a whole, so its inode and times tell all */
};

/*
 * What is in it. cachefd -1: nothing is kept. afresh: what is kept is not looked at. ERR_FORMAT, ERR_LIMIT of the
 * document, ERR_IO; a cache that cannot be written is no error.
 */
struct packed *packed_cache_get(int cachefd, const struct body *b, bool afresh, struct err *err);

#endif
