/* What is in an image: its files as a container sees them, and the packages that its conda-meta tells of. */
#ifndef CMD_CONTENTS_H
#define CMD_CONTENTS_H

#include "cmd/holding.h"
#include "conda/meta.h"
#include "oci/dest.h"
#include "oci/overlay.h"

struct contents_package {
	struct meta meta;
	const char *dist; /* "zlib-1.2.13-h5eee18b_1" */
	const char *prefix; /* of its environment, as paths of files begin: "opt/conda/envs/default" */
	uint32_t layer; /* where its record is */
};

/* Something that could not be read: a whole layer, or one record. */
struct contents_fault {
	uint32_t layer;
	bool is_layer;
	const char *path; /* the record; of a layer, the file at which it broke, or "" */
	const char *text;
};

enum contents_depth {
	CONTENTS_RECORDS, /* the packages; what cannot be read is an error */
	CONTENTS_PATHS, /* besides, path and size of every file; what cannot be read is an error */
	CONTENTS_FILES, /* besides, every file is hashed; what cannot be read is a fault */
};

struct contents {
	struct arena arena;
	const struct image *image;
	const char *prefix; /* that the image's label tells, without the first '/', or NULL */
	uint32_t own; /* the first layer of that environment's build; those below are a base's, whoever made it */
	struct overlay files;
	struct holding *holdings; /* one a layer */
	struct contents_package *packages; /* dependencies first (lock_order()) */
	size_t n_packages;
	const struct record *libc; /* the package of the C library, or NULL */
	const char *history; /* text of PREFIX/conda-meta/history, or NULL */
	struct contents_fault *faults;
	size_t n_faults;
};

/* b must outlive it. To be released in any case. ERR_FORMAT, ERR_INTEGRITY, ERR_LIMIT, with "layer N of M". */
int contents_read(struct contents *c, struct blobs *b, enum contents_depth depth, struct err *err);

/* A package of that name-version-build, or NULL. */
const struct contents_package *contents_find(const struct contents *c, const char *dist);

/* Whether that layer could not be read to its end. */
bool contents_is_broken(const struct contents *c, uint32_t layer);

/* The broken layer that says it holds the package; NULL: none does. */
const struct contents_fault *contents_broken_holder(const struct contents *c, const char *dist);

/* Whether one of the layers is of that part of the build. */
bool contents_has_part(const struct contents *c, const char *part);

void contents_release(struct contents *c);

#define auto_contents CLEANUP(contents_release) struct contents

#endif
