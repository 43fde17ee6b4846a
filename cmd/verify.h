/*
 * Whether an image is what it says: its layers by their digests, its files by the records of its packages, and, where
 * the packages are at hand, layer by layer against what building them gives.
 */
#ifndef CMD_VERIFY_H
#define CMD_VERIFY_H

#include "cmd/assembly.h"
#include "cmd/contents.h"

/* "PACKAGE: PATH: FOUND, EXPECTED" */
struct difference {
	const char *package; /* "zlib-1.2.13-h5eee18b_1"; of what is no package's, "layer 3 (a-1-0,b-2-0)" or "image" */
	const char *path; /* in the image, "/opt/..."; or "" */
	const char *found; /* "is sha256:...", "is missing" */
	const char *expected; /* "expected sha256:..."; or "" */
};

struct verify {
	struct arena arena;
	struct contents contents;
	struct difference *list; /* sorted by package, path */
	size_t n;
	bool *checked; /* one a file of contents.files: compared with something but its layer's digest */
	size_t rebuilt; /* layers */
	size_t n_replaced; /* files of packages in whose place the application's layer has another */
	const char *replaced; /* the first of them, for a sentence */
};

/* Read all of the image and compare it with its own records. ERR_LIMIT, or what keeps it from being read at all. */
int verify_records(struct verify *v, struct blobs *b, struct err *err);

/* The packages of a lock against those of the image, whose prefix is known. */
void verify_lock(struct verify *v, const struct lock_platform *lp);

/*
 * Make every layer that a knows all packages of once more, and compare. a was planned and fetched; with_environment:
 * its lock is the one that the image was built from, and not made up from the image.
 */
int verify_rebuild(struct verify *v, const struct assembly *a, bool with_environment, struct err *err);

/* Files that are seen in the image; how many of them were compared. Directories are not counted. */
size_t verify_files(const struct verify *v, size_t *checked);

/* Sort the differences; one that was found twice is told once. */
void verify_finish(struct verify *v);

/* For verify*.c: texts are copied. */
void verify_add(struct verify *v, const char *package, const char *path, const char *found, const char *expected);

/* "layer 3 (a-1-0,b-2-0)", in the arena. */
const char *verify_layer_name(struct verify *v, uint32_t layer);

void verify_release(struct verify *v);

#define auto_verify CLEANUP(verify_release) struct verify

#endif
