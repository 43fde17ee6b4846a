/*
 * repodata.json(.zst) -> the records of the names that a request reaches.
 *
 * The reader is a pull scanner of our own over the whole text: it knows where each
 * record begins and its name, and parses only what is reached.
 */
#ifndef CHANNELS_REPODATA_H
#define CHANNELS_REPODATA_H

#include "channels/channel.h"
#include "conda/record.h"
#include "fetch/http.h"

struct repodata;	/* one subdir of one channel, scanned */

/* Counts of records that were left out, and one of them, for -v. */
struct repodata_stats {
	size_t records, broken;
	char example[200];
};

/*
 * Takes the text over (b is empty afterwards). channel and subdir are what the records
 * will say; rank is the channel's place. name is for errors. ERR_FORMAT, ERR_LIMIT.
 */
struct repodata *repodata_scan(struct buf *b, const struct channel *channel, const char *subdir, uint32_t rank,
			       const char *name, struct err *err);
void repodata_free(struct repodata *r);

struct repodata_request {
	const struct channel *channels;	/* in priority order */
	size_t n_channels;
	const char *subdir;		/* the platform's; noarch is read as well */
	const char *const *names;	/* where to begin: names of the specs and of virtual packages */
	size_t n_names;
	int cachefd;			/* directory for downloaded repodata; -1: none */
	bool offline;
};

/*
 * Load every channel's subdir and noarch (a missing noarch/repodata is ERR_NET "is no channel";
 * a missing platform subdir is empty), then collect the records of names, and of all names
 * that they depend on, transitively. Records in "removed" are left out, as is a .tar.bz2 of
 * which there is a .conda. Records that cannot be parsed are counted, not fatal.
 */
int repodata_load(struct http *h, const struct repodata_request *q, struct index *ret, struct repodata_stats *stats,
		  struct err *err);

/* The same from memory, for tests and the solver's cases: collect from scanned repodata. */
int repodata_collect(struct repodata *const *all, size_t n, const char *const *names, size_t n_names, struct index *ret,
		     struct repodata_stats *stats, struct err *err);

/* Up to max names of channels that look like name, best first, for "did you mean". In a; NULL-terminated. */
const char *const *repodata_similar(struct arena *a, struct repodata *const *all, size_t n, const char *name,
				    size_t max);

#endif
