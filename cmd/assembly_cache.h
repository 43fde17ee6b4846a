/* What an assembly learns from layer caches, and tells them. Private to assembly.c, libraries.c, paths_plan.c and cmd_build.c. */
#ifndef CMD_ASSEMBLY_CACHE_H
#define CMD_ASSEMBLY_CACHE_H

#include "cmd/making.h"

/* Ask for the n layers at once, whose recipes are set: fills .cached of each, and .layer and .at where the layer is there. */
void assembly_cache_find(struct assembly *a, struct part_layer *const *list, size_t n);

/* What is known of packages from the entries of these layers; a->facts. */
void assembly_cache_read(struct assembly *a, struct part_layer *const *list, size_t n);

/* Link facts of package i, as text; or NULL. */
const char *assembly_cache_links(const struct assembly *a, size_t i);

/* Tell the layer cache what it lacks of this build. Its packages and layers are on this machine, but for those of the cache. */
void assembly_cache_write(struct assembly *a);

#endif
