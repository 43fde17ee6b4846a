/*
 * Files as they stream by. conda/ makes trees, oci/ drinks them; neither knows
 * the other.
 *
 * An entry has no times: what must not vary has no field. Its owner is root, but where an application is to write.
 */
#ifndef BASE_TREE_H
#define BASE_TREE_H

#include "base/io.h"

/*
 * When every file of every tree was last changed: 1980-01-01 00:00:00 UTC. Not 0, because
 * programs take 1970 for "no time", and not before 1980, because Python's zipfile cannot
 * pack such a file. oci/ dates files with it, conda/ writes it into what compares times.
 */
#define TREE_MTIME UINT32_C(315532800)

enum entry_type { ENTRY_FILE, ENTRY_DIR, ENTRY_SYMLINK, ENTRY_HARDLINK };

struct entry {
	const char *path;	/* relative to the image root, no "." or "..", no '/' at either end */
	const char *target;	/* of a symlink (as it will read) or hard link (a path as above), else NULL */
	uint64_t size;		/* bytes of an ENTRY_FILE, else 0 */
	uint32_t mode;		/* permission bits only, 0..07777; of a symlink 0777 */
	enum entry_type type;
	uint32_t uid;		/* of the owner; the group is 0 */
};

struct tree;
struct tree_ops {
	/*
	 * 1 with the next entry, 0 after the last, -1 with err filled. *content is
	 * NULL, or for an ENTRY_FILE with size > 0 a source of exactly that many
	 * bytes, which belongs to the tree. Both live until the next call.
	 */
	int (*next)(struct tree *t, struct entry *e, struct source **content, struct err *err);
	void (*free)(struct tree *t);
};
struct tree {
	const struct tree_ops *ops;
};

int tree_next(struct tree *t, struct entry *e, struct source **content, struct err *err);
void tree_free(struct tree *t);

static inline void tree_freep(struct tree **t)
{
	tree_free(*t);
}

#define auto_tree CLEANUP(tree_freep) struct tree

/* NULL where path is fit for a tree, else what is wrong with it ("is absolute", ...). */
const char *tree_path_fault(const char *path);

/* A tree that is made up entry by entry in memory, for what condaimg itself writes. */
struct tree *tree_memory(void);
void tree_memory_dir(struct tree *t, const char *path, uint32_t mode);
void tree_memory_file(struct tree *t, const char *path, uint32_t mode, const void *p, size_t n);	/* copies */
void tree_memory_symlink(struct tree *t, const char *path, const char *target);

/*
 * One tree after the other: each is opened when its turn comes and freed after
 * it. open() returns the i-th of n, or NULL with err filled. arg is not owned.
 */
typedef struct tree *tree_open_fn(void *arg, size_t i, struct err *err);
struct tree *tree_chain(tree_open_fn *open, void *arg, size_t n);

#endif
