/*
 * An image index (OCI image-spec 1.1), Docker's manifest list, and the index.json
 * of a layout, which is one: choosing from it, and putting an image into it.
 */
#ifndef OCI_INDEX_H
#define OCI_INDEX_H

#include "base/str.h"
#include "oci/descriptor.h"

#define INDEX_BYTES_MAX (4 << 20)

/* What is wanted of an image. NULL: any. */
struct index_want {
	const char *tag; /* the annotation ...ref.name; only layouts have it */
	const char *os, *arch;
};

/*
 * The one entry that is wanted, in a: a manifest, or an index to look into next (index_is_one()). Of several
 * that fit, "latest" where no tag is wanted, else the first. Entries without a platform fit any: their config must
 * tell. name is of the document, for sentences. ERR_FORMAT, ERR_LIMIT; ERR_USAGE, telling what there is, where
 * nothing fits.
 */
int index_choose(struct arena *a, const char *json, size_t n, const char *name, const struct index_want *want,
		 struct descriptor *ret, struct err *err);

/* Whether d is an index itself. */
bool index_is_one(const struct descriptor *d);

/*
 * json (n 0: none yet) with image, which has the tag in its annotations, in the place of
 * every entry of that tag, appended to *ret. Whatever else is there stays, also what we know nothing of. os NULL: no
 * platform is said, because image is an index itself.
 */
int index_put(const char *json, size_t n, const char *name, const struct descriptor *image, const char *os,
	      const char *arch, const char *variant, struct buf *ret, struct err *err);

/* The same with a referrer, which has no tag: in the place of itself, else behind all others. */
int index_put_referrer(const char *json, size_t n, const char *name, const struct descriptor *d,
		       const char *artifact_type, struct buf *ret, struct err *err);

#endif
