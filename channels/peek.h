/* How what a server sends begins, whatever it calls it: many answer with a page of their own what they do not have. */
#ifndef CHANNELS_PEEK_H
#define CHANNELS_PEEK_H

#include <stdbool.h>

#include "base/io.h"

struct peek {
	struct sink base; /* passes on to out, which is not owned */
	struct sink *out;
	unsigned char head[64];
	size_t n;
};

void peek_init(struct peek *p, struct sink *out);

/* What came so far is the beginning of a compressed file (an empty one is none), or of a page for people. */
bool peek_is_zstd(const struct peek *p);
bool peek_is_bzip2(const struct peek *p);
bool peek_is_page(const struct peek *p);

#endif
