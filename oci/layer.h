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

/* Drain tree into a new blob of s. Duplicate paths (but directories) are ERR_FORMAT. */
int layer_write(struct tree *tree, struct store *s, const struct codec *codec, struct layer *ret, struct err *err);

#endif
