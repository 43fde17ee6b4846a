/*
 * The tar that layers and archives are made of: one way to write it, and no way
 * to say a group or a time (docs/layout.md).
 */
#ifndef OCI_TAR_H
#define OCI_TAR_H

#include "base/tree.h"

/*
 * One member. content as tree_next() gives it, not owned; read to its end. ERR_INTEGRITY where it is not
 * of e->size bytes. Neither paths nor parents are judged: tar_drain() does.
 */
int tar_put(struct sink *out, const struct entry *e, struct source *content, struct err *err);

/* What follows the last member. out is not finished. */
int tar_end(struct sink *out, struct err *err);

/*
 * All of tree and the end to out; neither is owned, out is not finished. Directories that
 * the tree does not tell before what is in them are written with mode 0755; one told
 * again with the same mode is written once. ERR_FORMAT, naming the path: what is not fit for a
 * layer, a path told twice, something below what is no directory, a directory told again with another mode,
 * a hard link to what did not come before it.
 */
int tar_drain(struct tree *tree, struct sink *out, struct err *err);

#endif
