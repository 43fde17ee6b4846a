/*
 * pixi.lock, versions 6 and 7: the locked packages of every environment of a pixi
 * workspace, with their records in full.
 */
#ifndef CONDA_PIXI_LOCK_H
#define CONDA_PIXI_LOCK_H

#include "conda/lock.h"

#define PIXI_LOCK_ENVIRONMENT "default"

/*
 * The lock of one environment (NULL: "default"; "NAME@PLATFORM" where the workspace has
 * several platforms for one subdir), for all its platforms. dir is the absolute directory
 * of the file: relative paths are below it. Keys that are not known are ignored, as pixi
 * does. Platforms with packages from PyPI, or to be built from source, say so in refused.
 * ERR_FORMAT; ERR_USAGE where there is no such environment. Nothing in it is trusted, as
 * in lock_parse().
 */
int pixi_lock_parse(const char *p, size_t n, const char *file, const char *dir, const char *environment,
		    struct lock *ret, struct err *err);

#endif
