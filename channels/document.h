/*
 * repodata.json as it streams by -> a packed file. What it holds in memory is a window of the text, a few MiB wide
 * (wider where one value is), and what records share.
 */
#ifndef CHANNELS_DOCUMENT_H
#define CHANNELS_DOCUMENT_H

#include "channels/pack.h"

#define DOCUMENT_MAX ((uint64_t)4 << 30) /* bytes of JSON */

/*
 * Read all of in. name is for errors; *base_url (in a) is what the document says (CEP 15), or NULL. ERR_FORMAT with line
 * and byte, ERR_LIMIT, and what in says. Empty text is an empty channel.
 */
int document_read(struct source *in, const char *name, struct pack *p, struct arena *a, const char **base_url,
		  struct err *err);

/* Whether a repodata_version is one that is known; else ERR_FORMAT. */
int document_judge_version(uint64_t version, const char *name, struct err *err);

#endif
