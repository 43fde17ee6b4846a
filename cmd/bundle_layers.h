/* The layers of the images that a bundle's lock comes to, made here and put into the bundle. */
#ifndef CMD_BUNDLE_LAYERS_H
#define CMD_BUNDLE_LAYERS_H

#include "cmd/bundle.h"
#include "cmd/workshop.h"

/*
 * lock_text: the lock as the bundle has it, whose packages are in w's cache. layout: an OCI layout with the base, tagged
 * "base"; or NULL. *n: layers that were added, each once. w must outlive it. Errors are those of a build.
 */
int bundle_layers_add(struct bundle_plan *to, const struct buf *lock_text, const struct settings *s, struct workshop *w,
		      const char *layout, size_t *n, struct err *err);

#endif
