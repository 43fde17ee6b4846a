/* Images that are read from files on this machine. Inside oci/ only. */
#ifndef OCI_LOCAL_H
#define OCI_LOCAL_H

#include "oci/blobs.h"
#include "oci/files.h"

/* An OCI image layout in f, which is taken over, also on failure. tag NULL: the only one, or "latest". */
struct blobs *local_open_layout(struct files *f, const char *tag, const char *os, const char *arch, struct err *err);

/* What a tag of it stands for, an index too: dest_open_trunk(). */
struct blobs *local_open_trunk(struct files *f, const char *tag, struct err *err);

/*
 * What "docker save" wrote. Its layers have no media types and digests: they are looked
 * at and hashed, and a manifest is made up. tag: a name ("app:1"), or NULL: the only image.
 */
struct blobs *local_open_docker(struct files *f, const char *tag, const char *os, const char *arch, struct err *err);

#endif
