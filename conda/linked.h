/*
 * A package's files as they stand under a prefix (CEP 32, CEP 20, CEP 17): what
 * conda and mamba do when they link, as a tree that streams.
 *
 * The tree depends on the package, its record, the prefix, and for noarch:python
 * on the python; on nothing else. So equal inputs are equal layers in any
 * environment.
 */
#ifndef CONDA_LINKED_H
#define CONDA_LINKED_H

#include "base/tree.h"
#include "conda/package.h"

/* Raised whenever the same inputs would give other trees than before. Part of every layer's recipe. */
#define LINKED_VERSION 1

struct prefix {
	const char *path;		/* absolute, no '/' at its end: "/opt/conda/envs/default" */
	const char *python;		/* "3.11", or NULL where the environment has no python */
	const char *site_packages;	/* relative to the prefix: "lib/python3.11/site-packages", or NULL */
};

/* ERR_USAGE where path is no absolute, clean path, has a space, or is too long for shebangs (127 bytes). */
int prefix_check(const char *path, struct err *err);

/* A path that a package puts under the prefix. */
struct linked_path {
	const char *path;	/* relative to the prefix */
	enum path_type type;
	bool has_sha256;
	struct digest sha256;	/* of the file as in the archive (PATH_FILE) */
	bool rewritten;		/* its content depends on the prefix */
};

struct linked_list {
	const struct linked_path *paths;	/* sorted by path; conda-meta/ not included */
	size_t n;
	const char *const *scripts;	/* link scripts, relative to the prefix ("bin/.x-post-link.sh"); ends with NULL */
};

/* What linked_tree() would put under the prefix, from info/ alone; entry points included. In a. */
int linked_paths(struct arena *a, const struct package *p, const struct record *r, const struct prefix *prefix,
		 struct linked_list *ret, struct err *err);

/*
 * The files under prefix->path (paths of the tree begin with it, less its '/'),
 * with every directory below it before its first file, conda-meta/NAME.json last.
 * dropped: paths relative to the prefix that another package provides, sorted, may
 * be NULL. Takes p over, also on failure. r must outlive the tree.
 */
struct tree *linked_tree(struct package *p, const struct record *r, const struct prefix *prefix,
			 const char *const *dropped, struct err *err);

#endif
