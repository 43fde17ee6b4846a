/* One layer of an assembly: what goes into it, its recipe, how it is made. */
#ifndef CMD_MAKING_H
#define CMD_MAKING_H

#include "cmd/assembly.h"

/* The package of that name in a lock, or NULL. */
const struct record *making_find(const struct lock_platform *lp, const char *name);

/* A package that was fetched. NULL: err. */
struct package *making_open_package(const struct assembly *a, const struct record *r, struct err *err);

/* What packages' own lists of paths come to, by package. */
struct listing {
	struct linked_list *lists;
	struct arena *arenas; /* one a package: threads do not share */
	bool *done;
};

/* List package i, which p is, if it is not yet. Threads may list different packages at the same time. */
int making_list(const struct assembly *a, struct listing *l, size_t i, const struct package *p, struct err *err);

/*
 * The files of package i, without those it has to leave to others. Opening one is dear where it is a tar.bz2, so it
 * is listed in passing, where l is not NULL.
 */
struct tree *making_open_linked(const struct assembly *a, size_t i, struct listing *l, struct err *err);

/* The text that the recipe is; drops: with the paths that packages leave to others. */
void making_recipe_text(const struct assembly *a, const struct part_layer *l, bool drops, struct buf *ret);

/* Set l->recipe and l->weight by what is known of the paths. */
void making_recipe(struct assembly *a, struct part_layer *l);

/* Room for what making_open() needs as long as its tree lives. Zeroed but for the listing. */
struct opener {
	const struct assembly *a;
	const struct group *group;
	struct listing *listing; /* or NULL */
};

/* All files of a layer. NULL: err. */
struct tree *making_open(const struct assembly *a, const struct part_layer *l, struct opener *o, struct err *err);

/* Write t, which may be NULL with err filled, into the cache, and remember it by the recipe. May run on any thread. */
int making_write(const struct assembly *a, struct part_layer *l, struct tree *t, struct err *err);

#endif
