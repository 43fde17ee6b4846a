/* What a build works with on this machine: the cache's rooms, HTTP, threads. */
#ifndef CMD_WORKSHOP_H
#define CMD_WORKSHOP_H

#include "cmd/channel_places.h"
#include "cmd/progress.h"
#include "cmd/settings.h"
#include "fetch/http.h"
#include "oci/store.h"

#define WORKSHOP_LOCK "lock" /* in the cache: shared by whoever uses it, alone for who takes things away */

struct workshop {
	int packages; /* directory: packages by sha256 */
	int repodata; /* directory: downloaded repodata */
	int plans; /* directory: remembered clobber plans */
	int *lower_repodata, *lower_plans; /* of further caches, which are only read; -1: it has none */
	size_t n_lower;
	struct store *layers; /* layers, and the recipes that made them */
	const struct sources *sources; /* of the settings */
	int lock; /* held while the cache is in use, so that nothing of it is taken away */
	struct http *http;
	struct channel_places *places; /* of channels that are in registries */
	struct progress *progress;
	unsigned threads;
	bool offline;
	bool no_shards, no_zst; /* forms of repodata that a configuration leaves out */
	int repodata_ttl; /* as struct repodata_request has it */
};

/* Opens the cache, making it where missing. ERR_IO. To be released in any case. */
int workshop_open(const struct settings *s, bool offline, struct workshop *ret, struct err *err);
void workshop_release(struct workshop *w);

/* What plans/name is, here or in a further cache, appended to *ret; false where it is in none. */
bool workshop_recall(const struct workshop *w, const char *name, uint64_t max, struct buf *ret);
bool workshop_remembers(const struct workshop *w, const char *name);

#define auto_workshop CLEANUP(workshop_release) struct workshop

#endif
