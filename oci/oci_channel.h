/*
 * Conda channels in registries, as rattler, mamba and conda-oci-mirror have them. There is no standard. Of
 * oci://HOST/PATH/SUBDIR/FILE
 *
 *	NAME-VERSION-BUILD.conda	the repository PATH/SUBDIR/NAME ("zzz_x" for "_x"), tag VERSION-BUILD, in it the
 *					layer application/vnd.conda.package.v2, or v1 for .tar.bz2
 *	repodata.json[.zst, .bz2]	the repository PATH/SUBDIR/repodata.json, tag latest, the layer
 *					application/vnd.conda.repodata.v1+json[+zst, +bz2]
 *
 * Tags cannot have '+', '!' and '=', which are "__p__", "__e__" and "__eq__" there. Where sha256 and size are known no tag is
 * asked for: they say which blob it is.
 */
#ifndef OCI_OCI_CHANNEL_H
#define OCI_OCI_CHANNEL_H

#include "oci/registry.h"

#define OCI_CHANNEL_SCHEME "oci"

/* Where a file is. */
struct oci_channel_file {
	struct ref ref; /* with its tag */
	const char *media_type;
};

/* Texts in a. 1; 0: no channel has such a file there (shards); -1: ERR_USAGE. */
int oci_channel_parse(struct arena *a, const char *url, struct oci_channel_file *ret, struct err *err);

/* The hub that is asked is opened when it is needed: NULL with err filled where it cannot be. */
struct oci_channel {
	struct http_place base;
	struct registry_hub *(*hub)(struct oci_channel *c, struct err *err);
};
void oci_channel_init(struct oci_channel *c, struct registry_hub *(*hub)(struct oci_channel *c, struct err *err));

#endif
