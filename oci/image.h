/*
 * Config and manifest of an image (OCI image-spec 1.1), made and read.
 *
 * image_encode() is a pure function: the same image gives the same bytes.
 */
#ifndef OCI_IMAGE_H
#define OCI_IMAGE_H

#include "base/arena.h"
#include "base/str.h"
#include "oci/store.h"

struct image_layer {
	const char *media_type;		/* MEDIA_LAYER_... */
	struct layer layer;
	const struct annotation *annotations;	/* sorted by key */
	size_t n_annotations;
	const char *created_by;		/* history */
	bool foreign;			/* of a base image: its blob lives elsewhere */
};

struct image {
	const char *os, *arch, *variant;	/* variant: or NULL */
	int64_t created;	/* seconds since 1970, for config, history and annotation */
	const char *user, *working_dir;
	const char *const *env, *const *entrypoint, *const *cmd;	/* NULL-terminated; NULL: none */
	const struct annotation *labels;	/* sorted by key */
	size_t n_labels;
	const struct annotation *annotations;	/* of the manifest, sorted by key */
	size_t n_annotations;
	const struct image_layer *layers;	/* lowest first */
	size_t n_layers;
	const char *const *exposed_ports, *const *volumes;	/* of a base; or NULL */
};

/* JSON of the config and of the manifest that points to it. Both buffers are appended to. */
void image_encode(const struct image *im, struct buf *config, struct buf *manifest);

/* What a manifest and its config say. Texts in a. Docker's media types are read as well. ERR_FORMAT, ERR_LIMIT. */
int image_decode(struct arena *a, const char *manifest, size_t n_manifest, const char *config, size_t n_config,
		 struct image *ret, struct err *err);

/* The digest and size of the config that a manifest names. */
int image_config_of(const char *manifest, size_t n, struct digest *digest, uint64_t *size, struct err *err);

#endif
