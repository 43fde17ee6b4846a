/* Docker's names of images: "app", "app:1", "ghcr.io/me/app:1". */
#ifndef OCI_REPOTAG_H
#define OCI_REPOTAG_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

struct repotag {
	const char *given; /* as in RepoTags: "app:1"; the tag is "latest" where none was said */
	const char *full; /* "docker.io/library/app:1" */
	const char *tag; /* "1" */
};

/* Texts in a. ERR_USAGE. */
int repotag_parse(struct arena *a, const char *text, struct repotag *ret, struct err *err);

/* [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127} */
bool repotag_is_tag(const char *s);

#endif
