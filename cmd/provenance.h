/* How an image was made: an in-toto statement with SLSA's predicate, version 1 (docs/work-on-images.md). */
#ifndef CMD_PROVENANCE_H
#define CMD_PROVENANCE_H

#include "cmd/attachments.h"

#define PROVENANCE_PREDICATE "https://slsa.dev/provenance/v1"
#define PROVENANCE_BUILD_TYPE "urn:condaimg:build:1"
#define PROVENANCE_BUILDER "urn:condaimg:builder"

/* Compact JSON, appended to *ret; lock: the text that is attached. No time and no machine is in it. */
void provenance_write(const struct attach_facts *f, const struct buf *lock, struct arena *a, struct buf *ret);

#endif
