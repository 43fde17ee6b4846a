/* The image that layers are put on. */
#ifndef CMD_BASE_IMAGE_H
#define CMD_BASE_IMAGE_H

#include "base/arena.h"
#include "oci/dest.h"

/*
 * The glibc version of an image ("2.36"), read from the libc.so.6 in its layers, in a.
 * ERR_FORMAT where it has none (musl, or no libc at all).
 */
int base_image_glibc(struct arena *a, struct blobs *b, const char **ret, struct err *err);

#endif
