/* What tests of oci/dest share: a store, an image, and a temporary directory with places for it. */
#ifndef TESTS_DEST_WORLD_H
#define TESTS_DEST_WORLD_H

#include "oci/dest.h"
#include "oci/layer.h"
#include "oci_table.h"

struct world {
	struct tmp tmp;
	struct arena arena;
	struct store *store;
	struct image_layer layers[3];
	struct image im;
};

/* An image of three layers, the first and the last of which are the same blob. */
void world_make(struct world *w, const struct codec *codec);
void world_end(struct world *w);

#define auto_world CLEANUP(world_end) struct world

/* A layer with one file, in s. */
struct image_layer world_layer(struct store *s, const char *text, const struct codec *codec);

/* "KIND:NAME...", which is below the temporary directory. */
struct dest world_place(struct world *w, const char *where);

/* Write the image there. */
int world_put(struct world *w, const char *where, struct err *err);
void world_must_put(struct world *w, const char *where);

/* Open what is there. */
struct blobs *world_get(struct world *w, const char *where, struct err *err);

/* A file below the temporary directory: its path, and with this content. */
char *world_path(struct world *w, const char *name);
void world_write(struct world *w, const char *name, const char *text, size_t n);

/* "a b c": what a directory holds; "-": there is none. */
const char *world_names(struct world *w, const char *name);

#endif
