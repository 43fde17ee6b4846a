/* What a package may be called that no channel has under the name that was asked for. */
#ifndef CMD_NEAR_NAMES_H
#define CMD_NEAR_NAMES_H

#include "channels/repodata.h"

struct near_names {
	const char *
		text; /* how to go on: "; conda calls it pytorch", "; did you mean numpy?", "; it is for Windows alone", or "" */
	const char *const *names; /* "pytorch"; NULL-terminated, often empty */
};

/* After "there is no package 'torch' in ...". In a. */
struct near_names near_names_of(struct arena *a, struct repodata *const *all, size_t n, const char *name);

#endif
