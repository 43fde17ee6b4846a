/*
 * Documents about an image that are kept beside it and not in it: referrers (OCI image-spec 1.1, "subject"), each a manifest
 * with one blob. In a registry they are found by the referrers API, or by the tag "sha256-HEX" where there is none; in a
 * layout they stand in index.json.
 */
#ifndef OCI_ATTACH_H
#define OCI_ATTACH_H

#include "oci/dest.h"

#define MEDIA_EMPTY "application/vnd.oci.empty.v1+json"
#define ANNOTATION_TITLE "org.opencontainers.image.title"

struct attachment {
	const char *type; /* of the artifact, and of its blob */
	const char *p;
	size_t n;
	const char *title; /* the file's name for who saves it */
	const struct annotation *annotations; /* of the manifest, sorted by key */
	size_t n_annotations;
};

/* What an image's manifest is called by those that are attached to it. */
struct descriptor attach_subject(const struct blobs *b);

/* The manifest of one. Pure: the same attachment of the same subject is the same bytes. */
void attach_manifest(const struct attachment *one, const struct descriptor *subject, struct buf *ret);

/* Whether the place can have any: not archives. ERR_USAGE. */
int attach_check(const struct dest *d, struct err *err);

/* Put it there; what is there already stays once. *ret is its manifest's digest. ERR_USAGE: d is an archive. */
int attach_put(const struct dest *d, const struct descriptor *subject, const struct attachment *one, struct digest *ret,
	       struct err *err);

/* Those of a manifest, of one type or (NULL) all, in a; n 0: there are none. As registry_referrers(). */
int attach_list(const struct dest *d, struct arena *a, const struct digest *subject, const char *type,
		struct registry_referrer **ret, size_t *n, struct err *err);

/* The blob of one of them, verified, appended to *ret. ERR_LIMIT: it is larger than max. */
int attach_get(const struct dest *d, const struct registry_referrer *one, uint64_t max, struct buf *ret,
	       struct err *err);

/*
 * Documents about an image that was copied (root: its digest, in both places) follow it, byte for byte; with root an index those of its images,
 * too, and documents about documents. What is there already stays once. *n: how many there are. how->told is added to.
 */
int attach_copy(const struct dest *from, const struct dest *to, const struct digest *root, const struct dest_how *how,
		size_t *n, struct err *err);

#endif
