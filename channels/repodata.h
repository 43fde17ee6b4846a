/*
 * Channels -> the records of the names that a request reaches, whatever form their repodata has: shards (CEP 16),
 * repodata.json, compressed or not. What is read is kept packed (channels/packed.h), and the next run reads only what it
 * reaches. docs/channels.md tells what is read how.
 */
#ifndef CHANNELS_REPODATA_H
#define CHANNELS_REPODATA_H

#include "channels/channel.h"
#include "conda/record.h"
#include "fetch/http.h"

struct repodata; /* one subdir of one channel */

/* Counts of records, of those that were left out because they are broken, and the first of them, for -v. */
struct repodata_stats {
	size_t records, broken;
	char example[200];
};

/*
 * Takes the text over (b is empty afterwards). channel and subdir are what the records
 * will say; rank is the channel's place. name is for errors. Empty text is an empty channel. NULL: ERR_FORMAT
 * with line and byte, ERR_LIMIT.
 */
struct repodata *repodata_scan(struct buf *b, const struct channel *channel, const char *subdir, uint32_t rank,
			       const char *name, struct err *err);
void repodata_free(struct repodata *r);

/* Several that were scanned: a channel's platform subdir before its noarch, channels in priority order. */
struct repodata_set {
	struct repodata **all;
	size_t n;
};

struct repodata_request {
	const struct channel *channels; /* in priority order */
	size_t n_channels;
	const char *subdir; /* the platform's; noarch is read as well */
	const char *const *names; /* where to begin: names of the specs ('*' in one: every name that fits) */
	size_t n_names;
	int cachefd; /* directory for downloaded repodata; -1: none */
	const int *lower; /* directories of others, which are only read: what cachefd does not know is taken over */
	size_t n_lower;
	int ttl; /* 0: the server says how long it need not be asked again; seconds; -1: it is asked each time */
	bool offline; /* file URLs are read all the same */
	bool no_shards, no_zst; /* forms that are not to be asked for */
};

/*
 * Read every channel's subdir and noarch, side by side. Of sharded ones only the shards of what names reach are read:
 * ask nothing else of them afterwards. A missing noarch is ERR_NET "is no conda channel"; a missing platform subdir
 * is empty.
 */
int repodata_fetch(struct http *h, const struct repodata_request *q, struct repodata_set *ret, struct err *err);

/* The same for n requests that share a cache, all side by side; what several need is fetched once. */
int repodata_fetch_all(struct http *h, const struct repodata_request *q, size_t n, struct repodata_set *ret,
		       struct err *err);
void repodata_set_release(struct repodata_set *s);

/*
 * From repodata that was scanned, collect the records of names (a name with '*' means every one that it fits), and of
 * all names that they depend on, transitively; also by extra_depends and by what a when="..." asks for. What
 * constrains names is not reached, nor are virtual packages ("__x").
 *
 * Of one file name without its extension, in one subdir of one channel, there is at most one record: .conda before
 * .tar.bz2, and what is in "removed" or broken is none. Strings and lists of records are kept once: equal text is an
 * equal pointer, but in fn and url.
 */
int repodata_collect(struct repodata *const *all, size_t n, const char *const *names, size_t n_names, struct index *ret,
		     struct repodata_stats *stats, struct err *err);

/* repodata_fetch() and repodata_collect(). stats may be NULL. */
int repodata_load(struct http *h, const struct repodata_request *q, struct index *ret, struct repodata_stats *stats,
		  struct err *err);

/* Up to max names of channels that look like name, best first, for "did you mean". In a; NULL-terminated. */
const char *const *repodata_similar(struct arena *a, struct repodata *const *all, size_t n, const char *name,
				    size_t max);

/* Whether any of them has a package of this name. */
bool repodata_has(struct repodata *const *all, size_t n, const char *name);

#define auto_repodata_set CLEANUP(repodata_set_release) struct repodata_set

#endif
