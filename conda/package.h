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
enum path_mode { PATH_PLAIN, PATH_TEXT, PATH_BINARY }; /* has it a prefix placeholder, and how to replace it */

struct package_path {
	const char *path; /* as in the archive */
	const char *placeholder; /* of PATH_TEXT and PATH_BINARY */
	uint64_t size; /* size_in_bytes, if has_size */
	struct digest sha256; /* of the file before replacement, if has_sha256 */
	bool has_size, has_sha256, no_link;
	enum path_type type;
	enum path_mode mode;
};

struct entry_point {
	const char *command, *module, *function;
};

struct package_info {
	struct record index; /* index.json: what the package says of itself */
	const struct package_path *paths; /* paths.json, or the old info/files, has_prefix, no_link; sorted by path */
	size_t n_paths;
	bool has_paths_json;
	enum noarch noarch;
	const struct entry_point *entry_points;
	size_t n_entry_points;
};

/* A text of info/licenses/, or of info/LICENSE.txt, where it was once. */
struct package_license {
	const char *name; /* "LICENSE.txt", "vendor/x/COPYING": a path fit for a tree */
	struct str text;
};

struct package;

/*
 * Opens the archive at path below dirfd and reads info/. fn decides the format
 * by its ending and is the name in errors. For a .tar.bz2 whose info/ stands in
 * front (as conda-build writes it) the payload is not read yet; otherwise the
 * archive is read twice.
 */
struct package *package_open(int dirfd, const char *path, const char *fn, struct err *err);

/* Live as long as the package. */
const struct package_info *package_info(const struct package *p);
const char *package_fn(const struct package *p);

/* Sorted by name; complete when package_next() gave 0, as they may stand anywhere in the archive. */
const struct package_license *package_licenses(struct package *p, size_t *n);

/* The path of paths that is called this, or NULL. */
const struct package_path *package_find(const struct package *p, const char *path);

/*
 * The next member of the payload that info/ lists; what it does not list is not
 * installed and not told. Meant to be called until it gives 0, once: a listed file
 * that is not there is ERR_INTEGRITY then. Contract of archive_next(); paths are fit
 * for a tree, devices are refused, types and sizes are as in paths.json, and every
 * file that is read, also in part, is checked against its sha256 (ERR_INTEGRITY, at
 * the end of its content or in the next call). Errors of the content itself do not say
 * whose it is. source_free() on it does nothing, so that a wrapper may own it.
 *
 * Directories may be missing: archives leave them out. The target of a hard link is a
 * clean path in the archive; it is not sure that it is there, or listed.
 */
int package_next(struct package *p, struct member *m, struct source **content, struct err *err);

/*
 * For a hard link that cannot stay one: what is at target, by reading the archive once
 * more from its beginning. *m becomes a MEMBER_FILE or MEMBER_SYMLINK called path, and
 * is checked as such. It and *content live until the next call of this function.
 * ERR_LIMIT after PACKAGE_COPIES_MAX calls, as each costs a whole archive.
 */
#define PACKAGE_COPIES_MAX 64
int package_copy(struct package *p, const char *path, const char *target, struct member *m, struct source **content,
		 struct err *err);

void package_free(struct package *p);

static inline void package_freep(struct package **p)
{
	package_free(*p);
}

#define auto_package CLEANUP(package_freep) struct package

#endif
