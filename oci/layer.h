/*
 * tree -> tar -> diffid -> codec -> digest -> blob.
 *
 * The bytes of a layer depend on the tree and the codec alone. A layer that you
 * hold exists: its blob is in the store.
 */
#ifndef OCI_LAYER_H
#define OCI_LAYER_H

#include "base/archive.h"
#include "base/codec.h"
#include "base/tree.h"
#include "oci/store.h"

/* Raised whenever the same tree would give another tar than before. Part of every layer's recipe. */
#define LAYER_VERSION 1

/* MEDIA_LAYER... of what codec makes. */
const char *layer_media_type(const struct codec *codec);

/*
 * Drain tree, which stays the caller's, into a new blob of s. ERR_FORMAT naming the path for trees that make no
 * layer (tar_drain() in oci/tar.h says which), ERR_INTEGRITY for content that is not of its size. *ret is
 * untouched, and nothing is in the store, unless 0 is returned.
 */
int layer_write(struct tree *tree, struct store *s, const struct codec *codec, struct layer *ret, struct err *err);

/* The same into a repository, while it is made, without a stop on disk. */
struct registry;
int layer_send(struct tree *tree, struct registry *to, const struct codec *codec, struct layer *ret, struct err *err);

/*
 * The members of a layer that is read, and whether it is the layer that manifest and config tell of.
 * Members come as archive_next() gives them, from hostile hands too.
 */
struct blobs;
struct image_layer;
struct layer_reader;

/* b and l must outlive it. NULL: err. */
struct layer_reader *layer_open(struct blobs *b, const struct image_layer *l, struct err *err);

/*
 * Contract of archive_next(). 0 says besides that blob and tar, read to their ends, have the digests expected; else
 * ERR_INTEGRITY. Where the blob is another one, that is told, and not what the decoder made of it.
 */
int layer_next(struct layer_reader *r, struct member *m, struct source **content, struct err *err);

/*
 * After a failure of reading a member's content: where the blob is another one than promised, err tells that instead.
 * Returns -1. layer_next() does it itself.
 */
int layer_judge(struct layer_reader *r, struct err *err);

/* Whether all members were told, and a failure is one of the layer as a whole. */
bool layer_at_end(const struct layer_reader *r);
void layer_close(struct layer_reader *r);

static inline void layer_closep(struct layer_reader **r)
{
	layer_close(*r);
}

#define auto_layer_reader CLEANUP(layer_closep) struct layer_reader

#endif
