/*
 * What the layers of an image come to: which file of which layer is seen at a path, after whiteouts
 * (image-spec, layer.md) and as an overlay mount shows it.
 *
 * Files are described, not held. Layers are added lowest first, each member in its order.
 */
#ifndef OCI_OVERLAY_H
#define OCI_OVERLAY_H

#include "base/archive.h"
#include "base/digest.h"
#include "base/map.h"
#include "base/arena.h"

#define OVERLAY_FILES_MAX 4000000
#define OVERLAY_BYTES_MAX ((size_t)512 << 20) /* of all paths and targets */

struct overlay_file {
	const char *path; /* clean: no '/' at its front, no "." and ".." */
	const char *target; /* of a symlink, or of a hard link (clean), else NULL */
	uint64_t size; /* of a file; of a hard link, that of its target */
	struct digest sha256; /* likewise, if hashed */
	uint32_t mode;
	uint32_t layer;
	enum member_type type;
	bool hashed;
	bool implied; /* a directory that no member is, but others are below it */
	bool hidden; /* by an upper layer, or later in its own */
};

struct overlay {
	struct arena arena;
	struct overlay_file *files; /* in the order of layers and members */
	size_t n;
	size_t bytes;
	uint32_t layer; /* that is added to */
	size_t first; /* file of that layer */
	struct map by_path; /* path -> slot of top */
	uint32_t *top; /* the file seen last at that path, hidden or not */
	size_t n_top;
	struct map whiteouts,
		opaque; /* of the layer at hand: paths that are taken away; directories that are emptied */
	bool cuts; /* something of a lower layer has to go */
};

/* Members that follow are of this layer: 0, 1, ... */
void overlay_begin(struct overlay *o, uint32_t layer);

/*
 * A member; sha256 NULL where it was not hashed. ERR_FORMAT, naming the path, for what no runtime could unpack: ".."
 * in it, a hard link to nothing. ERR_LIMIT.
 */
int overlay_add(struct overlay *o, const struct member *m, const struct digest *sha256, struct err *err);

/* The layer is complete: what it hides of lower ones is hidden now. */
void overlay_end(struct overlay *o);

/* What is seen at a path, or NULL. */
const struct overlay_file *overlay_find(const struct overlay *o, const char *path);

/* The path without what a tar may put in front ("/", "./"), in a. NULL: ERR_FORMAT. Whiteouts have good paths. */
const char *overlay_path(struct arena *a, const char *path, struct err *err);

void overlay_release(struct overlay *o);

#define auto_overlay CLEANUP(overlay_release) struct overlay

#endif
