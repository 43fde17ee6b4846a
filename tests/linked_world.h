/* What tests of linked trees share: a temporary directory, a prefix, a package that is read there. */
#ifndef TESTS_LINKED_WORLD_H
#define TESTS_LINKED_WORLD_H

#include "conda/linked.h"
#include "pack.h"

#define WORLD_FN "x-1-0.tar.bz2"
#define WORLD_OLD "\"prefix_placeholder\": \"/oldplace\", \"file_mode\": "

extern int world_dirfd;
extern const char *world_format; /* the file name, and so the format, of what is written: WORLD_FN unless changed */
extern const struct prefix world_prefix; /* has a Python */
extern const struct record world_record;

int world_setup(void **state);
int world_teardown(void **state);

/* info/index.json, with extra; and the list of paths. */
void world_finish(struct pack *k, const char *extra);

/* Write the package, and open it as it is linked. */
struct tree *world_open(struct pack *k, const struct prefix *px, const struct record *r, const char *const *dropped,
			struct err *err);

/* One line an entry, directories only if asked; conda-meta's content goes to meta, if there is one. */
int world_list(struct tree *t, bool dirs, struct buf *out, struct buf *meta, struct err *err);

#endif
