#ifndef CMD_PATCHING_APP_H
#define CMD_PATCHING_APP_H

#include "cmd/remake.h"

/*
 * Whether the application's layer stays as it is in a, which is planned on another base (assembly_plan_ground()). Else it has nothing but
 * what options make, and is planned as for any build. Reads that layer, and what was's base has. ERR_FORMAT: its files
 * would lie differently, and are not at hand.
 */
int patching_app_stays(struct remake *was, struct assembly *a, bool *stays, struct err *err);

#endif
