/*
 * Paths that more than one package of an environment provides.
 *
 * One rule: the package later in the lock's order wins (dependencies come first,
 * so whoever depends on another may override it). The loser's file is not put
 * into its layer at all. Equal content is no conflict but the file still stands
 * in one layer only.
 */
#ifndef CONDA_CLOBBER_H
#define CONDA_CLOBBER_H

#include "conda/linked.h"

struct clobber {
	const char *path; /* relative to the prefix */
	size_t winner, loser; /* indexes into the packages */
	bool same; /* equal content */
};

struct clobber_plan {
	const char *const **dropped; /* n lists, one a package: its paths that are left out, sorted; NULL-terminated */
	const struct clobber *clobbers; /* sorted by path, then loser */
	size_t n_clobbers;
};

/*
 * lists in the lock's order. A file or symlink of one package that is a directory
 * of another is ERR_FORMAT, naming both (names are the packages' "name-version-build").
 * In a.
 */
int clobber_plan(struct arena *a, const struct linked_list *lists, const char *const *names, size_t n,
		 struct clobber_plan *ret, struct err *err);

#endif
