/*
 * Where packages may be on this machine already, besides the cache: read-only caches of condaimg below it, and package
 * caches of conda and mamba. What is found is only a candidate: whoever takes it verifies it.
 */
#ifndef CMD_SOURCES_H
#define CMD_SOURCES_H

#include "base/arena.h"
#include "cmd/config.h"
#include "conda/record.h"

struct sources {
	const char *const *caches; /* as --cache-dir; NULL-terminated */
	const char *const *folders; /* with archives under their names; NULL-terminated */
};

/* Those folders that exist: pkgs_dirs, or where conda and mamba have them without a word. Texts in a. */
const char *const *sources_folders(struct arena *a, const struct config *c);

/* A file that may be r's archive, in a; NULL where none is. */
const char *sources_look(const struct sources *s, struct arena *a, const struct record *r);

#endif
