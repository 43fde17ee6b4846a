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

/* A path as conda-meta tells of it. */
struct meta_file {
	const char *path; /* relative to the prefix */
	enum path_type type;
	enum path_mode mode; /* whether a placeholder was replaced in it */
	bool has_sha256;
	struct digest sha256; /* as it stands under the prefix */
	bool has_size; /* size is that of the file as it stands */
	uint64_t size;
};

struct meta {
	struct record record;
	const struct meta_file *files; /* sorted by path; directories are not told */
	size_t n;
};

#define META_BYTES_MAX ((uint64_t)256 << 20)

/*
 * Such a file read back, whoever wrote it: conda, mamba and pixi do, too. name is for errors. Everything in a.
 * ERR_FORMAT, ERR_LIMIT.
 */
int meta_read(struct arena *a, const char *p, size_t n, const char *name, struct meta *ret, struct err *err);

#endif
