/*
 * Config and manifest of an image (OCI image-spec 1.1), made and read.
 *
 * image_encode() is a pure function: the same image gives the same bytes. Its JSON is
 * compact, the keys of every object are sorted by bytes, and what is empty is left out.
 */
#ifndef OCI_IMAGE_H
#define OCI_IMAGE_H

#include "base/arena.h"
#include "base/str.h"
#include "oci/store.h"

struct blobs;
struct registry;

struct image_layer {
	const char *media_type; /* MEDIA_LAYER...; Docker's are told as the OCI ones they equal */
	struct layer layer; /* tar_size is 0 where it was decoded */
	const struct annotation *annotations; /* sorted by key */
	size_t n_annotations;
	const char *created_by; /* history; may be NULL */
	bool foreign; /* of a base image, or another one: its blob lives elsewhere */
	struct blobs *in; /* of what is foreign: that image, where it is not the base; or NULL */
	struct registry *at; /* of what was made: its blob is there, and not in the store; or NULL */
};

/* A step of a base image's past, as it was told. */
struct image_history {
	const char *created, *created_by, *author, *comment; /* or NULL */
	bool empty_layer;
};

struct image {
	const char *os, *arch, *variant; /* variant: or NULL */
	/* Seconds since 1970: for config, history, and the annotation ...image.created unless that is given. */
	int64_t created;
	const char *user, *working_dir;
	const char *const *env, *const *entrypoint, *const *cmd; /* NULL-terminated; NULL: none */
	const struct annotation *labels; /* sorted by key */
	size_t n_labels;
	const struct annotation *annotations; /* of the manifest, sorted by key */
	size_t n_annotations;
	const struct image_layer *layers; /* lowest first */
	size_t n_layers;
	const char *const *exposed_ports, *const *volumes; /* of a base, sorted; or NULL */
	const char *stop_signal; /* of a base; or NULL */
	/*
	 * Of a base, oldest first: it speaks of the lowest layers, one for each entry that is no empty_layer. The
	 * layers above get an entry each from created and created_by.
	 */
	const struct image_history *history;
	size_t n_history;
};

#define IMAGE_MANIFEST_MAX (4 << 20) /* bytes; what registries must take */
#define IMAGE_CONFIG_MAX (8 << 20)
#define IMAGE_LAYERS_MAX 1000

/* RFC 3339 in UTC, "2026-11-21T08:53:35Z". Years before 1 and after 9999 are told as these. */
struct image_time {
	char s[24];
};
struct image_time image_time_text(int64_t seconds);

/* JSON of the config and of the manifest that points to it. Both buffers are appended to. */
void image_encode(const struct image *im, struct buf *config, struct buf *manifest);

/*
 * What a manifest and its config say. Texts in a. Docker's media types are read as well. Layers are foreign, and
 * where the history does not fit the layers it is left out. Digests are not compared: whoever read the
 * bytes did. ERR_FORMAT, ERR_LIMIT.
 */
int image_decode(struct arena *a, const char *manifest, size_t n_manifest, const char *config, size_t n_config,
		 struct image *ret, struct err *err);

/* The digest and size of the config that a manifest names. ERR_FORMAT, ERR_LIMIT. */
int image_config_of(const char *manifest, size_t n, struct digest *digest, uint64_t *size, struct err *err);

#endif
