/*
 * Reading tar and zip, from hostile hands. The only user of libarchive.
 *
 * Members come in the archive's order and are told as they are: whoever uses
 * them judges paths with tree_path_fault().
 */
#ifndef BASE_ARCHIVE_H
#define BASE_ARCHIVE_H

#include "base/io.h"

enum member_type { MEMBER_FILE, MEMBER_DIR, MEMBER_SYMLINK, MEMBER_HARDLINK, MEMBER_OTHER };

struct member {
	const char *path;	/* without leading "./" and trailing "/"; never NULL */
	const char *target;	/* of a symlink or hard link, else NULL */
	uint64_t size;		/* bytes of content */
	uint32_t mode;		/* permission bits with setuid, setgid, sticky */
	enum member_type type;
};

struct archive_in;

/* A tar (ustar, GNU, pax; not compressed). Owns in, frees it also on failure. NULL: err. */
struct archive_in *archive_open_tar(struct source *in, struct err *err);

/* A zip, by its central directory. fd is not owned and must outlive it. */
struct archive_in *archive_open_zip(int fd, struct err *err);

/*
 * 1 with the next member, 0 after the last, -1 with err filled (ERR_FORMAT).
 * *content: a source of exactly size bytes, owned by the archive, NULL where
 * there is none. Both live until the next call.
 */
int archive_next(struct archive_in *a, struct member *m, struct source **content, struct err *err);
void archive_free(struct archive_in *a);

static inline void archive_freep(struct archive_in **a)
{
	archive_free(*a);
}

#define auto_archive CLEANUP(archive_freep) struct archive_in

#endif
