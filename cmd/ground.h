/*
 * What a layer is put on: the directories, links and files below it. A layer tells the directories its files are in, and
 * runtimes take that as said: the mode is changed, and a link (/lib on a merged /usr) becomes a directory. So
 * whoever writes a path somewhere asks here what it really is.
 */
#ifndef CMD_GROUND_H
#define CMD_GROUND_H

#include "base/arena.h"
#include "base/map.h"
#include "base/tree.h"
#include "cmd/workshop.h"
#include "oci/dest.h"

struct ground_entry {
	const char *path; /* relative to the root */
	const char *target; /* of a link, else NULL */
	uint32_t mode; /* of a directory */
	bool is_dir;
	bool gone; /* deleted by a later layer */
	uint32_t layer; /* of a base: the one that told it last */
};

struct ground {
	struct arena arena;
	struct map at; /* path -> index */
	struct ground_entry *list;
	size_t n;
	const struct ground *under; /* what this one does not know is asked there; or NULL; not owned */
	const char *glibc; /* of a base: "2.36", or NULL where it has none */
};

/*
 * Of a base image: the lowest n_layers of b. Reading them takes a while, so they are remembered among w's plans, and taken from
 * those of further caches, too. Known is all that is in it. ERR_IO, ERR_FORMAT. To be released in any case.
 */
int ground_of_base(struct blobs *b, size_t n_layers, const struct workshop *w, struct ground *ret, struct err *err);

/* The same where it is remembered: nothing is read else, and *ret is empty. */
bool ground_remembered(struct blobs *b, size_t n_layers, const struct workshop *w, struct ground *ret);

/* What is in a tree, which is freed. */
int ground_add(struct ground *g, struct tree *t, struct err *err);
void ground_release(struct ground *g);

#define auto_ground CLEANUP(ground_release) struct ground

/* What stands at a path, or NULL: nothing that is known of. Links are not followed. */
const struct ground_entry *ground_find(const struct ground *g, const char *path);

/*
 * The path that a path ("lib/x", relative to the root) really is, in a: links on the way are followed, and that at its
 * end if asked for. "": the root. NULL where links go round in circles.
 */
const char *ground_resolve(const struct ground *g, struct arena *a, const char *path, bool last);

#endif
