/*
 * Link scripts whose effect is known: a table of scripts that were read, each with
 * the files that it would write. condaimg writes those itself and runs nothing.
 */
#ifndef CMD_LINK_EFFECTS_H
#define CMD_LINK_EFFECTS_H

#include "base/arena.h"
#include "base/digest.h"
#include "base/tree.h"

/* Part of the plan's name and so raised whenever the table changes. */
#define LINK_EFFECTS_VERSION 1

struct link_effect;

/* What the script of that content does in a package of that name; NULL: it was never read. */
const struct link_effect *link_effects_find(const char *package, const struct digest *script);

/* A name of it, unique in the table; and back: NULL where there is none. */
const char *link_effects_id(const struct link_effect *e);
const struct link_effect *link_effects_by_id(const char *id);

/* A program that it runs, relative to the prefix; or NULL. Where it is missing: whether the script does nothing then. */
const char *link_effects_needs(const struct link_effect *e);
bool link_effects_may_lack(const struct link_effect *e);

/* The i-th file, relative to the prefix, that it writes or adds to; NULL after the last. */
const char *link_effects_file(const struct link_effect *e, size_t i);

/* Whether a path, relative to the prefix, is one that some script of the table writes. */
bool link_effects_may_write(const char *path);

/* The files that they come to, all together, into t: below prefix, with their directories. ids ends with NULL. */
void link_effects_write(struct tree *t, const char *prefix, const char *const *ids);

#endif
