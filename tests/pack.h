/* Makes small packages for tests: what goes into them is written by hand. */
#ifndef TESTS_PACK_H
#define TESTS_PACK_H

#include "base/str.h"

struct pack {
	struct buf info, payload; /* tar members */
	struct buf paths; /* items of paths.json */
	bool info_last; /* of a .tar.bz2 */
	const char *metadata; /* of a .conda; NULL: as it should be */
};

/* Any member; type is tar's ('0' file, '1' hard link, '2' symlink, '5' directory, '3' device). */
void pack_member(struct pack *p, const char *path, char type, unsigned mode, const char *target, const void *content,
		 size_t n);

/* A file of any path, not listed. */
void pack_text(struct pack *p, const char *path, const char *content);

/* An item of paths.json, without its braces: "\"_path\": \"a\"". */
void pack_path(struct pack *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A file and its item, with size, sha256 and, where extra is not NULL, more ("\"no_link\": true"). */
void pack_file(struct pack *p, const char *path, unsigned mode, const char *content, const char *extra);
void pack_bytes(struct pack *p, const char *path, unsigned mode, const void *content, size_t n, const char *extra);
void pack_symlink(struct pack *p, const char *path, const char *target);

/* A hard link, and an item that says it is this content. */
void pack_hardlink(struct pack *p, const char *path, const char *target, const char *content, const char *extra);

/* info/index.json of x-1-0, extra as above; info/paths.json of what was added so far. */
void pack_index(struct pack *p, const char *extra);
void pack_paths(struct pack *p);

/* Write it as dirfd/fn (.conda or .tar.bz2) and be empty again. */
void pack_write(struct pack *p, int dirfd, const char *fn);

/* The bytes that pack_write() writes. */
void pack_bytes_of(struct pack *p, const char *fn, struct buf *ret);

/* A fresh directory below the temporary one, and its removal. */
int pack_dir(char path[64]);
void pack_remove(char path[64], int fd);

#endif
