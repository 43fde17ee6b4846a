/* The questions of a lock: one a platform, with what their base has. */
#ifndef CMD_LOCKING_H
#define CMD_LOCKING_H

#include "cmd/registries.h"
#include "cmd/solve_all.h"

/* A lock's file. */
int locking_read(const char *path, struct lock *ret, struct err *err);

/* A base in a registry, by what its tag means now: s->base, and its text in *ret, which else stays as it is. In a. */
int locking_pin_base(const struct options *o, struct settings *s, struct registries *r, struct arena *a,
		     const char **ret, struct err *err);

/* The platforms to lock, by subdir: those that were said, or all of the file's, or this machine's. 0: err. In a. */
size_t locking_platforms(const struct settings *s, const struct env *env, struct arena *a, const struct platform ***ret,
			 struct err *err);

/* One reading of the file for each platform, because selectors depend on it. */
struct locking {
	struct input *inputs;
	struct question *questions;
	struct lock_platform *answers; /* room for n */
	size_t n;
};

/* To be released in any case. Texts in a. */
int locking_ask(const struct options *o, const struct settings *s, struct registries *r,
		const struct input_files *files, const struct platform *const *platforms, size_t n, struct arena *a,
		struct locking *l, struct err *err);
void locking_release(struct locking *l);

#define auto_locking CLEANUP(locking_release) struct locking

#endif
