/* What tests of scripts share: a prefix with files below it, for us and for bash; environments. */
#ifndef TESTS_SCRIPT_WORLD_H
#define TESTS_SCRIPT_WORLD_H

#include "conda/script.h"

extern char world_prefix[64];
extern const struct script_host world_host; /* of scripts that are sourced */

/* A and B, as the environment has them; NULL: not there. */
extern const char *const world_variants[8][2];

int world_setup(void **state);
int world_teardown(void **state);

/* What is at path, as script_host's look. */
enum script_file world_look(void *arg, const char *path);

/* The environment in which a script begins. */
void world_begin(struct script_env *e, struct arena *a, const char *const *variant);

/* "NAME=value" NUL for each exported variable, sorted. */
void world_show(const struct script_env *e, struct buf *ret);

#endif
