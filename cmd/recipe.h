/*
 * What decides a layer's bytes, written down as text and hashed. Equal recipes are
 * equal layers, so a layer is made once. docs/layers.md shows one.
 */
#ifndef CMD_RECIPE_H
#define CMD_RECIPE_H

#include "base/codec.h"
#include "base/str.h"
#include "conda/linked.h"

/* The head of every recipe: what kind of layer, format versions, codec. */
void recipe_begin(struct buf *b, const char *kind, const struct codec *codec);

/* One linked package. dropped: paths that another package provides instead, or NULL. */
void recipe_add_package(struct buf *b, const struct record *r, const struct prefix *prefix, const char *const *dropped);

/* All that a record says, as conda-meta will. */
void recipe_add_record(struct buf *b, const struct record *r);

struct digest recipe_digest(const struct buf *b);

#endif
