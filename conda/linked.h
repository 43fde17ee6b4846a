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
#include "conda/link_facts.h"
#include "conda/package.h"

/* Raised whenever the same inputs would give other trees than before. Part of every layer's recipe. */
#define LINKED_VERSION 3

/* Directories below the prefix that one package may need. */
#define LINKED_DIRS_MAX 200000

/* Below conda-meta, which is the installer's: the licence texts of each package, by its name. */
#define LINKED_LICENSES "conda-meta/licenses"

/* The largest text file with a placeholder: its size must be known before its first byte. Larger: ERR_LIMIT. */
#define LINKED_TEXT_MAX ((uint64_t)64 << 20)

struct prefix {
	const char *path; /* absolute, no '/' at its end: "/opt/conda/envs/default" */
	const char *python; /* "3.11", or NULL where the environment has no python */
	const char *site_packages; /* relative to the prefix: "lib/python3.11/site-packages", or NULL */
};

/*
 * ERR_USAGE where path is no absolute, clean path, has bytes that scripts or PATH would
 * trip over (anything but letters, digits and "/._+-@,=%~"), or is too long for the
 * "#!" line of PREFIX/bin/python3.10 to fit into 127 bytes.
 */
int prefix_check(const char *path, struct err *err);

/* A path that a package puts under the prefix. */
struct linked_path {
	const char *path; /* relative to the prefix */
	enum path_type type;
	bool has_sha256;
	struct digest sha256; /* of the file as in the archive (PATH_FILE); of a script, as it will be */
	bool rewritten; /* its content depends on the prefix */
	const struct package_path *from; /* what it is in the archive, or NULL */
	const struct entry_point *script; /* what it calls, where condaimg writes it, or NULL */
};

struct linked_list {
	const struct linked_path *paths; /* sorted by path; conda-meta/ not included */
	size_t n;
	const char *const *scripts; /* pre-link and post-link scripts ("bin/.x-post-link.sh"); ends with NULL */
};

/*
 * What linked_tree() would put under the prefix, from info/ alone; entry points included
 * (one replaces a file of the same name). In a, and valid as long as p. ERR_INTEGRITY
 * where the package says it is another than r says; ERR_FORMAT where two files would be
 * one, a path would go through a file or a link of the same package, or a noarch python
 * package has no python to go to.
 */
int linked_paths(struct arena *a, const struct package *p, const struct record *r, const struct prefix *prefix,
		 struct linked_list *ret, struct err *err);

/*
 * Whether a tree of this record may depend on the python: of noarch packages that is not sure where their channel
 * does not say of which kind they are.
 */
bool linked_asks_python(const struct record *r);

/* Of which kind it is: what the record says or, where that says nothing, the package. */
enum noarch linked_noarch(const struct package *p, const struct record *r);

/* How many bytes of path, up to and with a '/', are a directory that other goes through, too. */
size_t linked_common_dir(const char *other, const char *path);

/* The path of the list that is the len bytes at path, or NULL. */
const struct linked_path *linked_find(const struct linked_list *l, const char *path, size_t len);

/*
 * The files under prefix->path (paths of the tree begin with it, less its '/'): first
 * every directory that has something in it, sorted; then files and links in the
 * archive's order, entry points, the licence texts of its info/ as
 * conda-meta/licenses/NAME/..., and conda-meta/NAME-VERSION-BUILD.json. Directories
 * are 0755, files as in the archive without setuid, setgid and sticky bits, hard links as
 * their file.
 * dropped: paths relative to the prefix that another package provides, sorted, may be
 * NULL; conda-meta's file names them all the same. Takes p over, also on failure. r and
 * dropped must outlive the tree.
 */
struct tree *linked_tree(struct package *p, const struct record *r, const struct prefix *prefix,
			 const char *const *dropped, struct err *err);

/*
 * Gather facts of a linked_tree() that nothing was read of yet: they are complete (link_facts_finish()) when
 * tree_next() gave 0. to must outlive it.
 */
void linked_watch(struct tree *linked, struct link_facts *to);

#endif
