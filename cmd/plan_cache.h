/*
 * What packages' lists of paths come to, remembered by what decides it (packages, prefix,
 * python), so that building an unchanged lock opens no package.
 */
#ifndef CMD_PLAN_CACHE_H
#define CMD_PLAN_CACHE_H

#include "cmd/assembly.h"

/* False where it is not known. The lists live in the assembly's arena. */
bool plan_cache_get(struct assembly *a, struct paths_plan *ret);

/* Failing to remember is no failure. */
void plan_cache_put(struct assembly *a, const struct paths_plan *plan);

/* Tell the assembly's layer cache, if that does not know it. */
void plan_cache_tell(struct assembly *a);

#endif
