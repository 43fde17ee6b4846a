/* Names by which a layer takes away what is below it (image-spec, layer.md). */
#ifndef OCI_WHITEOUT_H
#define OCI_WHITEOUT_H

#include <stdbool.h>
#include <string.h>

#include "base/str.h"

#define WHITEOUT ".wh."
#define WHITEOUT_META ".wh..wh." /* the opaque one, and what aufs keeps to itself */
#define WHITEOUT_OPAQUE ".wh..wh..opq"

/* Whether a file of this name is none, but takes something away. */
static inline bool whiteout_name(const char *name)
{
	return str_starts(name, WHITEOUT);
}

/* All that lower layers have in the directory it is in. */
static inline bool whiteout_is_opaque(const char *name)
{
	return strcmp(name, WHITEOUT_OPAQUE) == 0;
}

/* The one file it takes away; NULL where it is no name (".wh.", ".wh..", ".wh...") or one of WHITEOUT_META. */
static inline const char *whiteout_target(const char *name)
{
	const char *target = name + strlen(WHITEOUT);

	return !*target || strcmp(target, ".") == 0 || strcmp(target, "..") == 0 || str_starts(name, WHITEOUT_META)
		       ? NULL
		       : target;
}

#endif
