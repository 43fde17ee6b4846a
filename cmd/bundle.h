/*
 * A bundle: one file with all that an image is made of, for machines without a network (docs/airgap.md). A tar, not
 * compressed, of which every byte is told by its list: the same content gives the same bundle, and any other byte is noticed.
 *
 *	condaimg-bundle.json	the list: path, size and sha256 of what follows, in its order
 *	conda-lock.yml
 *	channel/...		a channel with the lock's packages
 *	layers/...		layers that are made already, if asked for: as the cache has them (oci/store.h)
 *	oci-layout, index.json, blobs/...	the base image, if there is one: the bundle is an OCI archive, too
 */
#ifndef CMD_BUNDLE_H
#define CMD_BUNDLE_H

#include "base/arena.h"
#include "base/digest.h"
#include "base/io.h"
#include "oci/store.h"

struct bundle_file {
	const char *path;
	uint64_t size;
	struct digest sha256;
	/* While it is made: its bytes, or the store or file that has them. */
	const struct buf *bytes;
	struct store *store;
	int dirfd;
	const char *from;
};

/* ---- making one ---- */

struct bundle_plan {
	struct arena arena;
	struct bundle_file *files;
	size_t n;
	const char *base; /* as --base takes it, or NULL */
};

/* bytes must outlive the plan. */
void bundle_add_bytes(struct bundle_plan *p, const char *path, const struct buf *bytes);
void bundle_add_file(struct bundle_plan *p, const char *path, uint64_t size, const struct digest *sha256, int dirfd,
		     const char *from);

/* A layer and what made it. from must outlive the plan. */
void bundle_add_layer(struct bundle_plan *p, const struct digest *recipe, const struct layer *layer,
		      struct store *from);

/* The lock first, the rest by path. Paths are told once. out is not finished. ERR_INTEGRITY: a file is another. */
int bundle_write(struct bundle_plan *p, struct sink *out, struct err *err);
void bundle_plan_release(struct bundle_plan *p);

#define auto_bundle_plan CLEANUP(bundle_plan_release) struct bundle_plan

/* ---- reading one ---- */

struct bundle {
	struct arena arena;
	const char *path;
	int fd;
	uint64_t at; /* bytes that were looked at */
	const struct bundle_file *files;
	size_t n;
	const char *base; /* as it was called, or NULL */
	const struct ready_layer *layers; /* of bundle_unpack() */
	size_t n_layers;
	const char *lock; /* its text */
	size_t lock_size;
};

/* Whether a file begins as a bundle does. */
bool bundle_is(const char *path);

/* Reads the list and the lock. ERR_INTEGRITY: a byte is not what it should be. To be closed in any case. */
int bundle_open(const char *path, struct bundle *ret, struct err *err);

/*
 * Look at all the rest, and put packages where packagesfd ("sha256/HEX") does not have them, and layers' blobs into store,
 * which does not learn of their recipes: b->layers are the bundle's word. ERR_INTEGRITY, ERR_IO.
 */
int bundle_unpack(struct bundle *b, int packagesfd, struct store *store, struct err *err);
void bundle_close(struct bundle *b);

#define auto_bundle CLEANUP(bundle_close) struct bundle

#endif
