/*
 * Where images go to and come from:
 *
 *	docker://[HOST/]REPO[:TAG][@DIGEST]	a registry
 *	oci:DIR[:TAG]			an OCI image layout, added to
 *	oci-archive:FILE[:[NAME:]TAG]	the same as one tar
 *	docker-archive:FILE[:NAME]	what "docker load" reads (NAME is "app:1"); carries the OCI layout too
 *
 * The tag of a new image is "latest" unless said; without a NAME, a docker archive has no name.
 */
#ifndef OCI_DEST_H
#define OCI_DEST_H

#include "oci/image.h"
#include "oci/registry.h"

enum dest_type { DEST_OCI, DEST_OCI_ARCHIVE, DEST_DOCKER_ARCHIVE, DEST_REGISTRY };

struct dest {
	enum dest_type type;
	const char *path; /* NULL: of a registry */
	const char *tag; /* "app:1" in docker-archive is name and tag; NULL: not said */
	struct ref ref; /* of a registry; tag is the one above */
	struct registry_hub *hub; /* of a registry: what to ask it with, to be filled in by whoever reads or writes */
};

/* Whether the text begins as a place does: "oci:", "docker://". */
bool dest_is_place(const char *text);

/* ERR_USAGE. Texts in a. hub is NULL. */
int dest_parse(struct arena *a, const char *text, struct dest *ret, struct err *err);

/* "oci:DIR:TAG" again, in a. */
const char *dest_text(struct arena *a, const struct dest *d);

/*
 * Write an image whose blobs are in from (those of foreign layers in base, which
 * may be NULL where there are none). Layers are copied and verified on the way; what an
 * oci: destination holds already is not written again. The tag is moved last, so that
 * readers see the old image or the new one; other images of an oci: destination stay, also where
 * several processes write at once. A failure leaves no trace of a directory or archive that was not there before.
 * *ret is the manifest's digest.
 *
 * ERR_USAGE: a place that cannot be written to, or zstd layers for docker-archive:. ERR_INTEGRITY: a blob is not what
 * it should be; if it is one of from, *broken (NULL allowed) is its digest, otherwise *broken is untouched. ERR_NET likewise, of a
 * layer that a registry (at) does not have any more.
 */
struct blobs;
int dest_write(const struct dest *d, const struct image *im, struct store *from, struct blobs *base, struct digest *ret,
	       struct digest *broken, struct err *err);

/* An image that was made, and where its blobs are. */
struct dest_image {
	const struct image *image;
	struct store *from;
	struct blobs *base; /* or NULL */
};

/* What became of the blobs that went to a registry. */
struct dest_told {
	size_t there, mounted, uploaded;
	uint64_t bytes; /* of those uploaded */
	/* Told on the way, or NULL: how many blobs it is about; one more is there (by any thread). */
	void (*begun)(struct dest_told *t, size_t n);
	void (*step)(struct dest_told *t);
};

struct dest_how {
	bool docker_types; /* Docker's media types instead of OCI's */
	struct dest_told *told; /* added to; or NULL */
};

/* The same for one or several images. Several, one a platform, stand behind an index, whose digest *ret is then. */
int dest_write_all(const struct dest *d, const struct dest_image *images, size_t n, const struct dest_how *how,
		   struct digest *ret, struct digest *broken, struct err *err);

/* The digest that dest_write_all() would give; no blob is looked at. ERR_USAGE: layers without a type there. */
int dest_digest_all(const struct dest_image *images, size_t n, const struct dest_how *how, struct digest *ret,
		    struct err *err);

/*
 * What is at one place to another, byte for byte (but for how->docker_types): an index with all its images, or, with os and
 * arch, the one image of that platform. *ret is the digest of what then has the name.
 */
int dest_copy(const struct dest *from, const char *os, const char *arch, const struct dest *to,
	      const struct dest_how *how, struct digest *ret, struct err *err);

/*
 * An image that is read: its manifest, config, and blobs. Opaque; holds the file or directory open. Without a tag it
 * is the only image there, or "latest". os and arch choose from an index, and are checked; NULL: any. Blobs may be
 * read by several threads at once. ERR_IO, ERR_NET, ERR_FORMAT, ERR_LIMIT, ERR_INTEGRITY; ERR_USAGE, telling what is there, where
 * no image fits.
 */
struct blobs *dest_open(const struct dest *d, const char *os, const char *arch, struct err *err);

/* What the name stands for itself: blobs_manifest() may be an index; there is no blobs_image(). */
struct blobs *dest_open_trunk(const struct dest *d, struct err *err);

/* The digest of what the name stands for now: of an index where there is one. A registry's answer, or a file's. */
int dest_digest(const struct dest *d, struct digest *ret, struct err *err);
const struct image *blobs_image(const struct blobs *b);
struct digest blobs_manifest_digest(const struct blobs *b);
const char *blobs_manifest(const struct blobs *b, size_t *n); /* its bytes */

/* A blob of that image, verified while read. */
struct source *blobs_get(struct blobs *b, const struct digest *d, uint64_t size, struct err *err);
void blobs_free(struct blobs *b);

static inline void blobs_freep(struct blobs **b)
{
	blobs_free(*b);
}

#define auto_blobs CLEANUP(blobs_freep) struct blobs

#endif
