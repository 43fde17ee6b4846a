/* tar archives by hand, after POSIX.1-2017 pax, "ustar Interchange Format": what no writer of ours would write, too. */
#ifndef TESTS_USTAR_H
#define TESTS_USTAR_H

#include <stdint.h>

#include "base/str.h"

#define USTAR_SIZE_MAX 077777777777

struct ustar {
	const char *path; /* cut to 100 bytes, as the target */
	char type; /* '0' file, '1' hard link, '2' symlink, '3' device, '5' directory, 'x' pax, 'L' GNU's long name */
	unsigned mode, owner, time; /* owner: uid and gid */
	const char *target; /* NULL: none */
	uint64_t size; /* what the header says; need not be true */
};

/* A header, then n bytes of content and what fills the block. */
void ustar_member(struct buf *b, const struct ustar *m, const void *content, size_t n);

/* The two empty blocks. */
void ustar_end(struct buf *b);

#endif
