/*
 * What planning and checking an environment have to know of a package, as text beside its layer in a layer cache, so that
 * nobody fetches the package for it. docs/layer-cache.md shows one.
 */
#ifndef CMD_LAYER_FACTS_H
#define CMD_LAYER_FACTS_H

#include "cmd/activation.h"

struct package_facts {
	bool has_list;
	struct linked_list list; /* without .from and .script of its paths */
	struct activation_file
		*files; /* variables, activation and link scripts: those of all, dropped or not; owner is not set */
	size_t n_files;
	const char *links; /* link_facts_write(), or NULL */
};

/* Appends those of one package. */
void layer_facts_write(const struct package_facts *f, struct buf *ret);

/* Of exactly n packages; texts in a. False: it is no such text. */
bool layer_facts_read(struct arena *a, struct str text, struct package_facts *ret, size_t n);

#endif
