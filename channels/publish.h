/*
 * Records as the documents that one subdir of a channel consists of: repodata.json (CEP 36, and 48 for what older readers
 * must not see) and shards (CEP 16). The same records give the same bytes, in whatever order they came. Nothing here
 * opens a file.
 */
#ifndef CHANNELS_PUBLISH_H
#define CHANNELS_PUBLISH_H

#include "base/doc.h"
#include "conda/record.h"

struct publish_entry {
	bool v3; /* below "v3" */
	const char *fn; /* the archive's name */
	const char *name; /* the package's */
	const struct doc *record;
};

struct publish {
	struct arena arena;
	const char *subdir;
	struct publish_entry *entries; /* sorted by fn once publish_sort() ran */
	const struct publish_entry **by_name; /* then, too: by name, then fn */
	size_t n;
	const char **removed;
	size_t n_removed;
};

void publish_begin(struct publish *p, const char *subdir);

/* What a repodata.json tells. name is for errors. ERR_FORMAT, also where packages are elsewhere (base_url). */
int publish_read(struct publish *p, const char *text, size_t n, const char *name, struct err *err);

/*
 * One more. Of a file that is there already with the same digest the new record counts; with another one: ERR_FORMAT. It
 * must have a sha256.
 */
int publish_add(struct publish *p, const struct record *r, struct err *err);

/* Before what follows. */
void publish_sort(struct publish *p);

/* repodata.json, appended to *ret. */
void publish_repodata(const struct publish *p, struct buf *ret);

/* The names of packages, each once, sorted; NULL-terminated, in a. */
const char *const *publish_names(const struct publish *p, struct arena *a);

/* The shard of a name, and the index of all of them, as msgpack before it is compressed; appended to *ret. */
void publish_shard(const struct publish *p, const char *name, struct buf *ret);
void publish_shard_index(const struct publish *p, const char *const *names, const struct digest *shards,
			 struct buf *ret);

void publish_release(struct publish *p);

/* ---- among the files of this module ---- */

/* The keys of a map by their order; the caller frees. */
const struct doc **publish_keys(const struct doc *map);

/* Whether an entry is of the section of archives with this suffix. */
bool publish_is_of(const struct publish_entry *e, const char *suffix, bool v3);

#define auto_publish CLEANUP(publish_release) struct publish

#endif
