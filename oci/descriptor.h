/* A blob by media type, digest and size (OCI image-spec 1.1, descriptor.md). */
#ifndef OCI_DESCRIPTOR_H
#define OCI_DESCRIPTOR_H

#include "base/arena.h"
#include "base/digest.h"
#include "base/doc.h"
#include "base/json.h"

#define MEDIA_INDEX "application/vnd.oci.image.index.v1+json"
#define MEDIA_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_CONFIG "application/vnd.oci.image.config.v1+json"
#define MEDIA_LAYER "application/vnd.oci.image.layer.v1.tar"
#define MEDIA_LAYER_GZIP "application/vnd.oci.image.layer.v1.tar+gzip"
#define MEDIA_LAYER_ZSTD "application/vnd.oci.image.layer.v1.tar+zstd"
#define MEDIA_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIA_DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
#define MEDIA_DOCKER_LAYER "application/vnd.docker.image.rootfs.diff.tar.gzip"
#define MEDIA_DOCKER_INDEX "application/vnd.docker.distribution.manifest.list.v2+json"
#define MEDIA_DOCKER_LAYER_TAR "application/vnd.docker.image.rootfs.diff.tar"
#define MEDIA_DOCKER_LAYER_ZSTD "application/vnd.docker.image.rootfs.diff.tar.zstd"

#define ANNOTATION_REF_NAME "org.opencontainers.image.ref.name"
#define ANNOTATION_CREATED "org.opencontainers.image.created"

struct annotation {
	const char *key, *value;
};

struct descriptor {
	const char *media_type;
	struct digest digest;
	uint64_t size;
	const struct annotation *annotations; /* sorted by key */
	size_t n_annotations;
};

/* "sha256:" and 64 lower-case hex digits, the only algorithm that is read. */
bool descriptor_digest(const char *text, struct digest *ret);

/* One that was read. Texts in a. ERR_FORMAT. */
int descriptor_read(struct arena *a, const struct doc *d, struct descriptor *ret, struct err *err);
void descriptor_write(struct json *j, const struct descriptor *d);

/* The strings of an object that is the value of key, sorted by their keys; in a. Absent: none. ERR_FORMAT. */
int descriptor_read_map(struct arena *a, const struct doc *d, const char *key, const struct annotation **ret, size_t *n,
			struct err *err);

/* key and the object; nothing at all where n is 0. */
void descriptor_write_map(struct json *j, const char *key, const struct annotation *list, size_t n);

/* NULL where there is none. */
const char *descriptor_annotation(const struct annotation *list, size_t n, const char *key);

#endif
