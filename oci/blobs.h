/*
 * What every image that is read has in common, wherever its bytes are: see
 * dest_open() for those on this machine.
 */
#ifndef OCI_BLOBS_H
#define OCI_BLOBS_H

#include "oci/dest.h"

struct blobs_ops {
	/* The bytes of a blob as they are, by any thread; blobs_get() verifies. */
	struct source *(*get)(struct blobs *b, const struct digest *d, uint64_t size, struct err *err);
	/* A manifest that an index names, which has a place of its own in a registry; NULL: it is a blob like others. */
	int (*manifest)(struct blobs *b, const struct descriptor *d, struct buf *ret, struct err *err);
	void (*free)(struct blobs *b);
};

struct blobs {
	const struct blobs_ops *ops;
	struct arena arena; /* of the texts of image */
	struct buf manifest; /* of a trunk: or an index */
	const char *type; /* its media type where that was told beside it, or NULL */
	struct digest digest; /* of manifest */
	struct image image;
};

/*
 * Fill in the image: manifest is there, its config is fetched through ops->get. os and arch
 * are what it has to be for (NULL: any; else ERR_USAGE).
 */
int blobs_load(struct blobs *b, const char *os, const char *arch, struct err *err);

/* A manifest or index that an index names, verified, appended to *ret. ERR_LIMIT. */
int blobs_manifest_of(struct blobs *b, const struct descriptor *d, struct buf *ret, struct err *err);

/* Fetch a small blob, verified. ERR_LIMIT. */
int blobs_slurp(struct blobs *b, const struct digest *d, uint64_t size, uint64_t max, struct buf *ret, struct err *err);

/* For ops->free: what struct blobs itself holds. */
void blobs_release(struct blobs *b);

#endif
