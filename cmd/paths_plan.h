/* What the packages' lists of paths, and the scripts among them, come to: struct paths_plan. */
#ifndef CMD_PATHS_PLAN_H
#define CMD_PATHS_PLAN_H

#include "cmd/making.h"

/* Runs the activation scripts that condaimg cannot evaluate, then the command. Relative to the prefix. */
#define PATHS_PLAN_ENTRY_POINT "etc/conda/condaimg-activate"

/* Fill a->paths. Lists what was not listed yet. ERR_FORMAT where packages cannot stand together. */
int paths_plan_make(struct assembly *a, struct listing *l, struct err *err);

/* Say what is to be said of a->paths: warnings, or what the settings make an error (ERR_FORMAT). */
int paths_plan_tell(const struct assembly *a, struct err *err);

/* Activation scripts are left, and the environment has a bash to run them. */
bool paths_plan_has_entry_point(const struct assembly *a);

/* What link scripts would have written, and the entry point, into the environment's tree. */
void paths_plan_write(const struct assembly *a, struct tree *t);

#endif
