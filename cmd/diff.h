/* What two images, or locks, do not have in common. */
#ifndef CMD_DIFF_H
#define CMD_DIFF_H

#include "cmd/told_packages.h"

struct diff_side {
	const char *name;
	struct dest dest;
	struct blobs *blobs; /* NULL: of a lock */
	struct told_packages packages;
};

/* a NULL: added; b NULL: removed. */
struct diff_package {
	const struct told_package *a, *b;
};

/* "env PATH", "user": NULL where a side has none. */
struct diff_setting {
	const char *key, *a, *b;
};

struct diff {
	struct arena arena;
	struct diff_package *packages; /* those that are not the same, by name */
	size_t n_packages, n_same;
	struct diff_setting *settings; /* by key */
	size_t n_settings;
	/* Licences that a package of that name had another of. */
	struct diff_package *licenses;
	size_t n_licenses;
	/* Layers of b that a does not have, each blob once; both are images. */
	const struct image_layer **pull;
	size_t n_pull, n_shared;
	uint64_t pull_bytes, shared_bytes;
};

/* Both must outlive it. Zeroed by the caller, to be released in any case. */
void diff_make(const struct diff_side *a, const struct diff_side *b, struct diff *ret);
void diff_release(struct diff *d);

/* Licence and channel of a package; NULL where they are not known. Licences as SPDX spells them, where it knows them. */
const char *diff_license(struct arena *a, const struct told_package *p);
const char *diff_channel(const struct told_package *p);

#endif
