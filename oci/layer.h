/*
 * tree -> tar -> diffid -> codec -> digest -> blob.
 *
 * The bytes of a layer depend on the tree and the codec alone. A layer that you
 * hold exists: its blob is in the store.
 */
#ifndef OCI_LAYER_H
#define OCI_LAYER_H

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

#endif
