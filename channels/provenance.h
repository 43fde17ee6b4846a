/* Where the records came from that a solve could choose from. */
#ifndef CHANNELS_PROVENANCE_H
#define CHANNELS_PROVENANCE_H

#include "conda/record.h"

/*
 * Of each channel and subdir in ix, by their names: how many records, the sha256 of their file names and digests, and when
 * the newest of them came to the channel, by the channel's own word; as JSON, in a. The same for the same records,
 * whatever the form or the mirror they were read from: docs/channels.md tells why.
 */
const char *provenance_text(struct arena *a, const struct index *ix);

#endif
