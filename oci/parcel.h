/* An image ready to be written somewhere: its documents made, its layers at hand. Inside oci/ only. */
#ifndef OCI_PARCEL_H
#define OCI_PARCEL_H

#include "oci/blobs.h"

#define LAYOUT_FILE "oci-layout"
#define LAYOUT_TEXT "{\"imageLayoutVersion\":\"1.0.0\"}"
#define LAYOUT_FILE_MAX 4096

struct parcel {
	const struct image *im;
	struct store *from;
	struct blobs *base; /* or NULL */
	struct digest *broken; /* or NULL */
	struct buf config, manifest;
	struct digest config_digest, manifest_digest;
};

void parcel_init(struct parcel *p, const struct image *im, struct store *from, struct blobs *base,
		 struct digest *broken);
void parcel_release(struct parcel *p);

/* Whether layer i is not the same blob as one below it. */
bool parcel_is_first(const struct parcel *p, size_t i);

/* The blob of layer i, verified while read. */
struct source *parcel_layer(const struct parcel *p, size_t i, struct err *err);

/* Puts "layer 3 of 12" in front of a failure, and tells the broken blob. Returns -1. */
int parcel_fault(const struct parcel *p, size_t i, struct err *err);

/* The index.json that has just this image, and what else there was (n 0: none). tag: or NULL. */
int parcel_index(const struct parcel *p, const struct annotation *annotations, size_t n_annotations, const char *old,
		 size_t n, const char *name, struct buf *ret, struct err *err);

/* "blobs/sha256/HEX" */
struct parcel_path {
	char s[80];
};
struct parcel_path parcel_path(const struct digest *d);

/* Where it is written to, in layout.c and pack.c. */
int layout_check(const char *text, size_t n, struct err *err); /* what oci-layout says; ERR_FORMAT */
int layout_write(const struct dest *d, const struct parcel *p, struct err *err);
int pack_write(const struct dest *d, const struct parcel *p, struct err *err);

#endif
