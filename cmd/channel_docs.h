/* The documents of a subdir of a channel, as files: repodata in each form that readers ask for, and shards. */
#ifndef CMD_CHANNEL_DOCS_H
#define CMD_CHANNEL_DOCS_H

#include "channels/publish.h"

struct channel_doc {
	const char *path; /* "noarch/repodata.json" */
	struct buf bytes;
};

/* In the order in which they have to appear: no document before what it speaks of. */
struct channel_docs {
	struct arena arena;
	struct channel_doc *docs;
	size_t n;
};

/* Append those of p, which is sorted. */
int channel_docs_add(struct channel_docs *d, const struct publish *p, struct err *err);
void channel_docs_release(struct channel_docs *d);

#define auto_channel_docs CLEANUP(channel_docs_release) struct channel_docs

#endif
