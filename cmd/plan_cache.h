/*
 * Clobber plans, remembered by what decides them (packages, prefix, python), so that
 * building an unchanged lock opens no package.
 */
#ifndef CMD_PLAN_CACHE_H
#define CMD_PLAN_CACHE_H

#include "cmd/assemble.h"

/* False where it is not known. The lists live in the assembly's arena. */
bool plan_cache_get(struct assembly *a, struct clobber_plan *ret);

/* Failing to remember is no failure. */
void plan_cache_put(struct assembly *a, const struct clobber_plan *plan);

#endif
