/*
 * One build of one package, as a channel tells of it (CEP 36, CEP 34; the v3
 * fields: CEP 43-45, 47).
 *
 * Strings and lists belong to the index or lock the record is in. Lists end with
 * NULL and are never NULL themselves once record_defaults() has run.
 */
#ifndef CONDA_RECORD_H
#define CONDA_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/digest.h"

enum noarch { NOARCH_NO, NOARCH_GENERIC, NOARCH_PYTHON };

/* A named group of further dependencies (CEP 44). */
struct record_extra {
	const char *name;
	const char *const *depends;
};

struct record {
	const char *name, *version, *build;
	const char *subdir;	/* "linux-64", "noarch" */
	const char *channel;	/* canonical base URL, no credentials, no subdir: "https://conda.anaconda.org/conda-forge" */
	const char *fn;		/* file name: "zlib-1.2.13-h5eee18b_1.conda" */
	const char *url;	/* where the file is; no credentials. Of a virtual package: "" */
	const char *const *depends, *const *constrains;
	const char *const *track_features;
	const char *const *flags;
	const struct record_extra *extras;
	size_t n_extras;
	const char *license, *license_family;	/* NULL: not told */
	const char *site_packages;	/* python_site_packages_path (CEP 17), or NULL */
	const char *legacy_bz2_md5;	/* hex, or NULL; not for verification */
	uint64_t build_number;
	uint64_t size;			/* bytes of the package file; 0: not told */
	int64_t timestamp;		/* milliseconds since 1970; 0: not told */
	int64_t indexed_timestamp;	/* likewise (CEP 47) */
	struct digest sha256;		/* of the package file, if has_sha256 */
	uint8_t md5[16];		/* likewise, if has_md5 */
	bool has_sha256, has_md5;
	enum noarch noarch;
	bool bare;			/* only says where the file is (a foreign lock): depends, license, ... are in its index.json */
	uint32_t channel_rank;		/* place of its channel in the request: 0 is asked first */
};

/* Give every NULL list an empty one and every NULL required string "". */
void record_defaults(struct record *r);

/*
 * Fill what a bare record does not know from index, its package's own index.json; texts and lists are copied into a.
 * What the lock did say stays: its dependencies are the channel's, which may have been corrected since.
 */
void record_fill(struct arena *a, struct record *r, const struct record *index);

/* A timestamp as packages and locks write it, in seconds or milliseconds, as milliseconds. */
int64_t record_milliseconds(int64_t t);

/* When a channel got it: indexed_timestamp, else when it was built. Milliseconds since 1970; 0: not told. */
int64_t record_time(const struct record *r);

/* "name-version-build", in a. */
const char *record_dist(struct arena *a, const struct record *r);

/* Whether a file name ends in ".conda" or ".tar.bz2"; *stem_len is what stands before that. */
bool record_is_package_file(const char *fn, size_t *stem_len);

/* Cut "name-version-build" off a package's file name into three strings in a. False where it is none. */
bool record_split_fn(struct arena *a, const char *fn, const char **name, const char **version, const char **build);

/* Total order: name (bytes), then version, build number, build, subdir, channel_rank, fn. For canonical output. */
int record_cmp(const struct record *a, const struct record *b);

/*
 * Records of the names that matter to one request, sorted by name; within a name
 * in channel order, then as the channel lists them.
 */
struct index {
	struct arena arena;
	struct record *records;	/* in arena */
	size_t n;
};

struct record_range {
	const struct record *first;
	size_t n;
};

/* All records of a name; n is 0 where there is none. */
struct record_range index_find(const struct index *ix, const char *name);

/* Sort records by name, keeping the order within a name. Call it once all are there. */
void index_sort(struct index *ix);
void index_release(struct index *ix);

#define auto_index CLEANUP(index_release) struct index

#endif
