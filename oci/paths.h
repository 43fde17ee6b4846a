/*
 * Which paths were written, and as what.
 *
 * A balanced tree and no hash table: names come from strangers, who could choose
 * them to collide. (Its own file because <search.h> has a struct entry, too.)
 */
#ifndef OCI_PATHS_H
#define OCI_PATHS_H

#include <stdint.h>

#include "base/arena.h"

struct path_seen {
	const char *path;
	uint32_t mode;
	int type; /* of the caller's */
};

/* Zeroed, it is empty. */
struct paths {
	struct arena arena;
	void *root;
};

const struct path_seen *paths_find(const struct paths *p, const char *path); /* or NULL */
void paths_add(struct paths *p, const char *path, int type, uint32_t mode); /* copies; path is not in p */
void paths_release(struct paths *p);

#define auto_paths CLEANUP(paths_release) struct paths

#endif
