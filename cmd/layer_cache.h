/*
 * What builds remember, in a registry: which layer a recipe gave, and what packages' lists of paths came to, as ordinary
 * artifacts (docs/layer-cache.md). An entry has the hash of what it answers as its tag, and the text of it as its config, so
 * that one which answers something else shows without reading more. Nothing learnt here is ever written into the cache on this
 * machine: it holds for one run.
 *
 * Functions may be called by many threads. A layer cache that does not answer is told once, and then not there. NULL for a cache
 * is one that has nothing.
 */
#ifndef CMD_LAYER_CACHE_H
#define CMD_LAYER_CACHE_H

#include "cmd/registries.h"
#include "oci/store.h"

enum layer_cache_kind { LAYER_CACHE_LAYER, LAYER_CACHE_PLAN, LAYER_CACHE_LIBRARIES };

struct layer_cache;

/*
 * Those that --layer-cache names, or else CONDAIMG_LAYER_CACHE; *ret stays NULL where there is none. r and o must outlive it.
 * ERR_USAGE, and failures of setting up registries.
 */
int layer_cache_open(struct registries *r, const struct options *o, struct layer_cache **ret, struct err *err);
void layer_cache_free(struct layer_cache *c);

/* An entry that was found, and is what it should be. */
struct cached_layer {
	struct registry *at; /* the repository that has its blobs; NULL: there is no entry */
	bool has_layer; /* else it only has facts */
	struct layer layer;
	struct descriptor facts; /* size 0: it has none */
};

/* media_type: that of the layer asked for. False: not there, or a warning says what is wrong with it. */
bool layer_cache_find(struct layer_cache *c, const struct digest *recipe, uint64_t recipe_size, const char *media_type,
		      struct cached_layer *ret);

/* The facts of an entry, verified and decompressed, appended to *ret. */
bool layer_cache_facts(struct layer_cache *c, const struct cached_layer *l, struct buf *ret);

/* The text that answers another one; it is to be looked at as anything from outside. */
bool layer_cache_text(struct layer_cache *c, enum layer_cache_kind kind, const struct buf *question, struct buf *ret);

/* ---- writing, to the first cache: what is there already stays, and failures are told and nothing more ---- */

/* Whether there is somebody to write to, who lacks this entry or has a bad one. */
bool layer_cache_lacks(struct layer_cache *c, enum layer_cache_kind kind, const struct digest *question);

/* Blobs may be mounted from this repository, if it is of the same host. Before anything is written. */
void layer_cache_mount_from(struct layer_cache *c, const struct ref *ref);

/* layer: or NULL, where there are only facts. from: has its blob. facts may be empty. */
void layer_cache_put(struct layer_cache *c, const struct buf *recipe, const char *media_type, const struct layer *layer,
		     struct store *from, const struct buf *facts);
void layer_cache_put_text(struct layer_cache *c, enum layer_cache_kind kind, const struct buf *question,
			  const struct buf *text);

#endif
