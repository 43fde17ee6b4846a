/*
 * Blobs by digest in a directory, and remembered recipes: which layer a recipe
 * gave. Shared by processes; a blob appears whole or not at all.
 *
 *	DIR/blobs/sha256/HEX
 *	DIR/recipes/HEX		"sha256:DIGEST SIZE sha256:DIFFID TAR_SIZE\n"
 *
 * Only finished files have such names; what a killed process leaves behind is unnamed, or
 * hidden (".tmp-...") on file systems without O_TMPFILE. A struct store may be used by many threads at once.
 */
#ifndef OCI_STORE_H
#define OCI_STORE_H

#include "oci/descriptor.h"

struct layer {
	struct digest digest; /* of the blob */
	struct digest diffid; /* of the tar in it */
	uint64_t size; /* bytes of the blob */
	uint64_t tar_size; /* bytes of the tar in it */
};

/* A layer by the recipe that gave it. */
struct ready_layer {
	struct digest recipe;
	struct layer layer;
};

/* What recipes/HEX says of a layer, appended to *ret; and back: false where it is not written so. */
void store_layer_text(const struct layer *l, struct buf *ret);
bool store_layer_parse(struct str text, struct layer *ret);

struct store;

/* dirfd stays the caller's; dir is made where missing. recipes/ is made when the first is remembered. ERR_IO. */
struct store *store_open(int dirfd, const char *dir, struct err *err);
void store_free(struct store *s);

/* What s does not have may be in this one, which is only read. It must be there: ERR_IO. */
int store_add_lower(struct store *s, int dirfd, const char *dir, struct err *err);

/*
 * A blob to be. *digest and *size are filled by sink_finish(), which is also what
 * makes the blob visible. Putting what is there already is success.
 */
struct sink *store_put(struct store *s, struct digest *digest, uint64_t *size, struct err *err);

/*
 * Verified while it is read: ERR_INTEGRITY at its end, or at the first byte too many.
 * NULL: ERR_IO where there is none.
 */
struct source *store_get(struct store *s, const struct digest *d, uint64_t size, struct err *err);

/* Whether a blob of this digest and size is there (its bytes are not read). */
bool store_has(struct store *s, const struct digest *d, uint64_t size);

/* Forget a blob that turned out to be broken, and do not take it from a lower store. Not while others use s. */
void store_drop(struct store *s, const struct digest *d);

/* Remember, and recall: true where the recipe is known and its blob is there. */
int store_remember(struct store *s, const struct digest *recipe, const struct layer *layer, struct err *err);
bool store_recall(struct store *s, const struct digest *recipe, struct layer *ret);

static inline void store_freep(struct store **s)
{
	store_free(*s);
}

#define auto_store CLEANUP(store_freep) struct store

#endif
