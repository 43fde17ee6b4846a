/*
 * Records, as they come, -> a packed file (channels/packed.h). Records go straight into the file; what stays in memory
 * until the end is what they share: strings, lists, names.
 *
 * Of one file name without its extension only the best record can be found afterwards: .conda before .tar.bz2, v3 before
 * what is older, the last where the document tells of a file twice; none that was removed. Records of a
 * name are in the order of their file names, whatever the order in which they came.
 */
#ifndef CHANNELS_PACK_H
#define CHANNELS_PACK_H

#include "channels/draft.h"
#include "channels/packed.h"
#include "channels/packed_format.h"

struct pack;

/* fd is an empty file that can be read and written; it is not owned. */
struct pack *pack_new(int fd);
void pack_free(struct pack *p);

/* Where the strings and lists of drafts go. */
struct texts *pack_texts(struct pack *p);

/*
 * The record of key: a file name, or with kind KIND_V3_* one without its extension. 1; 0: something is wrong with
 * it, which is counted; -1: it cannot be written (ERR_IO), or there is more than fits (ERR_LIMIT).
 */
int pack_add(struct pack *p, struct str key, enum packed_kind kind, const struct draft *d, struct err *err);
void pack_broken(struct pack *p, struct str what, const char *why);
void pack_removed(struct pack *p, struct str fn);

/* What kind a key of "packages" or "packages.conda" is of; false where it is no package file. */
bool pack_kind(struct str fn, enum packed_kind *ret);

/* Write the rest. source may be NULL. The file is then one for packed_open(). */
int pack_finish(struct pack *p, const struct packed_source *source, const char *base_url, struct err *err);

static inline void pack_freep(struct pack **p)
{
	pack_free(*p);
}

#define auto_pack CLEANUP(pack_freep) struct pack

#endif
