/*
 * What is ready to be written somewhere: images, their documents made, their blobs at hand; and, where there are several, or
 * where there was one, the index over them. Inside oci/ only.
 */
#ifndef OCI_PARCEL_H
#define OCI_PARCEL_H

#include "oci/blobs.h"

#define LAYOUT_FILE "oci-layout"
#define LAYOUT_TEXT "{\"imageLayoutVersion\":\"1.0.0\"}"
#define LAYOUT_FILE_MAX 4096
#define PARCEL_IMAGES_MAX 100

struct parcel_layer {
	struct descriptor d;
	bool foreign; /* its blob is in base, not in from */
	struct blobs *in; /* of what is foreign: there, and not in base; or NULL */
	struct registry *at; /* or there */
};

/* One image, or whatever else a manifest speaks of. */
struct parcel {
	struct buf config, manifest;
	struct digest config_digest, manifest_digest;
	const char *media_type; /* of the manifest */
	const char *os, *arch, *variant; /* or NULL */
	struct parcel_layer *layers;
	size_t n_layers;
	struct store *from; /* or NULL */
	struct blobs *base; /* or NULL */
	struct digest *broken; /* or NULL */
	struct arena arena;
};

struct parcel_set {
	struct parcel *list;
	size_t n;
	struct buf index; /* empty: it is the one image itself */
	struct digest index_digest;
	const char *index_type;
	struct arena arena;
};

/* An image that was made. */
void parcel_init(struct parcel *p, const struct image *im, struct store *from, struct blobs *base,
		 struct digest *broken);

/* A manifest as it is, whose blobs are all in base. type: its media type, where it does not say itself. ERR_FORMAT. */
int parcel_init_copy(struct parcel *p, const char *manifest, size_t n, const char *type, struct blobs *base,
		     struct err *err);
void parcel_release(struct parcel *p);

/* Say the same in Docker's media types. Config and layers stay. ERR_USAGE: layers that Docker has no type for. */
int parcel_to_docker(struct parcel *p, struct err *err);

/* Whether layer i is not the same blob as one below it. */
bool parcel_is_first(const struct parcel *p, size_t i);

/* The blob of layer i, verified while read; by any thread. */
struct source *parcel_layer(const struct parcel *p, size_t i, struct err *err);

/* Puts "layer 3 of 12" in front of a failure, and tells the broken blob. Returns -1. */
int parcel_fault(const struct parcel *p, size_t i, struct err *err);

/* ---- several ---- */

/* The index over the images of a set, in their order. */
void parcel_set_index(struct parcel_set *s, bool docker_types);
void parcel_set_release(struct parcel_set *s);

/* What a name stands for: the index, or the manifest. */
struct descriptor parcel_set_root(const struct parcel_set *s);

/* The index.json that has just this, and what else there was (n 0: none). */
int parcel_set_layout(const struct parcel_set *s, const struct annotation *annotations, size_t n_annotations,
		      const char *old, size_t n, const char *name, struct buf *ret, struct err *err);

/* "blobs/sha256/HEX" */
struct parcel_path {
	char s[80];
};
struct parcel_path parcel_path(const struct digest *d);

/* Where it is written to, in layout.c, pack.c and registry_image.c. */
int layout_check(const char *text, size_t n, struct err *err); /* what oci-layout says; ERR_FORMAT */
int layout_write(const struct dest *d, const struct parcel_set *s, struct err *err);

/* A document about an image that is there (oci/attach.h): its blobs, among them its manifest, and its line in index.json. */
int layout_attach(const struct dest *d, const struct registry_referrer *one, const struct str *blobs, size_t n,
		  struct err *err);
/* Likewise one whose manifest and blobs are a set's only parcel. */
int layout_carry(const struct dest *d, const struct registry_referrer *one, const struct parcel_set *s,
		 struct err *err);
int pack_write(const struct dest *d, const struct parcel_set *s, struct err *err);
int registry_image_write(const struct dest *d, const struct parcel_set *s, struct dest_told *told, struct err *err);

/* Where it is read from, in registry_image.c. See dest_open(), dest_open_trunk(). */
struct blobs *registry_image_open(const struct dest *d, const char *os, const char *arch, struct err *err);
struct blobs *registry_image_trunk(const struct dest *d, struct err *err);

/* The repository that b was opened from, where it is one. */
const struct ref *registry_image_ref(const struct blobs *b);

#endif
