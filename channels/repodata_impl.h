/* One subdir of one channel. Private to channels/. */
#ifndef CHANNELS_REPODATA_IMPL_H
#define CHANNELS_REPODATA_IMPL_H

#include "channels/packed_cache.h"
#include "channels/reach.h"
#include "channels/repodata.h"

struct repodata {
	struct arena arena;
	const char *canonical; /* the channel, as records say */
	const char *subdir, *name; /* name: for errors */
	const char *dir; /* URL of where the files are (CEP 15) */
	uint32_t rank;
	struct packed *packed;
	struct packed **damaged; /* what packed was before; kept, as its strings may be in use */
	size_t n_damaged;
	/* Where it came from, to make it anew; body.url NULL: nowhere. */
	struct body body;
	int cachefd;
	/* Where names come one by one: all that there are, sorted. */
	const struct str *all_names;
	size_t n_all_names;
};

/*
 * Takes packed over. NULL (ERR_FORMAT): its base_url cannot be followed. base_url is relative to the document's
 * directory; NULL: the files are there.
 */
struct repodata *repodata_new(struct packed *packed, const struct channel *channel, const char *subdir, uint32_t rank,
			      const char *name, const char *base_url, struct err *err);

/* The names that it has, sorted by bytes. */
size_t repodata_names(const struct repodata *r);
struct str repodata_name(struct repodata *r, size_t i);

/* What a request names: a name, or with a '*' in it every name that fits. */
void repodata_reach(struct reach *r, struct repodata *const *all, size_t n, const char *name);

/* Its packed file was found to be damaged: make another. */
int repodata_again(struct repodata *r, struct err *err);

#endif
