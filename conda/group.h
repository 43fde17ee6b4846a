/*
 * Which packages share a layer: a pure rule (docs/layers.md).
 *
 * The largest packages get a layer each; the small ones share. Which packages
 * share is decided by name, not by place in the list, so that one more package
 * moves as few others as can be.
 */
#ifndef CONDA_GROUP_H
#define CONDA_GROUP_H

#include "conda/record.h"

struct group {
	const size_t *members; /* indexes into the packages, ascending */
	size_t n;
};

/* At most budget (>= 1) groups of n packages; every package in exactly one. In a. *ret has *n_ret groups. */
void group_packages(struct arena *a, const struct record *packages, size_t n, size_t budget, const struct group **ret,
		    size_t *n_ret);

#endif
