/*
 * conda-meta/NAME-VERSION-BUILD.json (CEP 32): what conda, scanners and people read
 * to learn what is installed.
 *
 * It says nothing of the machine or the environment it was made for: no cache
 * folders, no requested_specs. So it can stand in the package's own layer.
 */
#ifndef CONDA_META_H
#define CONDA_META_H

#include "conda/linked.h"

struct meta_path {
	const struct linked_path *linked;
	bool has_sha256;
	struct digest sha256; /* as it stands under the prefix */
	bool has_size;
	uint64_t size; /* in the archive; of a script, as it stands */
};

/* Appended to *ret. r is what the channel says; where it is bare, index.json fills it. paths sorted. */
void meta_write(const struct record *r, const struct package_info *info, const struct meta_path *paths, size_t n,
		struct buf *ret);

#endif
