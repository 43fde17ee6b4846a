/*
 * A .conda or .tar.bz2 (CEP 35, CEP 34): what its info/ says, and its payload as
 * it streams by. Nothing is unpacked to disk.
 *
 * The archive's bytes were verified before it is opened; what they say is still
 * not trusted: every path is judged, every count and size has a limit.
 */
#ifndef CONDA_PACKAGE_H
#define CONDA_PACKAGE_H

#include "base/archive.h"
#include "conda/record.h"

enum path_type { PATH_FILE, PATH_SYMLINK, PATH_DIR };
enum path_mode { PATH_PLAIN, PATH_TEXT, PATH_BINARY };	/* has it a prefix placeholder, and how to replace it */

struct package_path {
	const char *path;	/* as in the archive */
	const char *placeholder;	/* of PATH_TEXT and PATH_BINARY */
	uint64_t size;		/* size_in_bytes, if has_size */
	struct digest sha256;	/* of the file before replacement, if has_sha256 */
	bool has_size, has_sha256, no_link;
	enum path_type type;
	enum path_mode mode;
};

struct entry_point {
	const char *command, *module, *function;
};

struct package_info {
	struct record index;		/* index.json: what the package says of itself */
	const struct package_path *paths;	/* paths.json, or the old info/files, has_prefix, no_link; sorted by path */
	size_t n_paths;
	bool has_paths_json;
	enum noarch noarch;
	const struct entry_point *entry_points;
	size_t n_entry_points;
};

struct package;

/*
 * Opens the archive at path below dirfd and reads info/. fn decides the format
 * by its ending and is the name in errors. For a .tar.bz2 whose info/ stands in
 * front (as conda-build writes it) the payload is not read yet.
 */
struct package *package_open(int dirfd, const char *path, const char *fn, struct err *err);

/* Lives as long as the package. */
const struct package_info *package_info(const struct package *p);

/*
 * The next member of the payload: everything outside info/. Meant to be called
 * until it gives 0, once. Contract of archive_next(); paths are fit for a tree,
 * devices are refused, every file's size and sha256 are checked against paths.json
 * (ERR_INTEGRITY at the end of its content).
 */
int package_next(struct package *p, struct member *m, struct source **content, struct err *err);

void package_free(struct package *p);

static inline void package_freep(struct package **p)
{
	package_free(*p);
}

#define auto_package CLEANUP(package_freep) struct package

#endif
