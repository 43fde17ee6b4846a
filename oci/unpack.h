/*
 * An image's layers, one on the other, as files in a directory.
 *
 * Nothing a layer says leads out of that directory: every component of every path is opened by itself, and never
 * through a symlink. Modes and times are the layer's, without setuid and setgid bits; the owner is whoever calls.
 * Devices, pipes and extended attributes are left out.
 */
#ifndef OCI_UNPACK_H
#define OCI_UNPACK_H

#include "oci/dest.h"

#define UNPACK_ENTRIES_MAX 4000000

struct unpacked {
	uint64_t files, dirs, symlinks, bytes; /* that were written, also what an upper layer took away again */
	uint64_t left_out; /* devices, pipes, sockets */
	uint64_t set_ids; /* files that lost a setuid or setgid bit */
};

/*
 * All layers of b into the empty directory root, which is left with the mode of the image's own root where it
 * has one. Whoever calls empties root after a failure. ERR_FORMAT, ERR_INTEGRITY, ERR_LIMIT, ERR_IO, with "layer N of M".
 */
int unpack_image(struct blobs *b, int root, struct unpacked *ret, struct err *err);

/* Everything in root goes; directories that nobody may write to, too. */
int unpack_clear(int root, struct err *err);

#endif
