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
	const char *path; /* without leading "./" and trailing "/"; "." is the root itself */
	const char *target; /* of a symlink or hard link (as written), else NULL */
	uint64_t size; /* bytes of a MEMBER_FILE, else 0 */
	uint32_t mode; /* permission bits with setuid, setgid, sticky */
	enum member_type type;
	int64_t mtime; /* seconds since 1970; 0 where it is not said */
	uint64_t offset; /* of its headers in a tar's file: archive_open_tar_at() can begin there */
};

struct archive_in;

/* A tar (ustar, GNU, pax; not compressed). Owns in, frees it also on failure. NULL: err. */
struct archive_in *archive_open_tar(struct source *in, struct err *err);

/*
 * The same in a file, from a byte on, where a member begins. Content that is not read is not even looked
 * at. fd is not owned and must outlive it.
 */
struct archive_in *archive_open_tar_at(int fd, uint64_t offset, struct err *err);

/* A zip, by its central directory. fd is not owned and must outlive it. */
struct archive_in *archive_open_zip(int fd, struct err *err);

/*
 * 1 with the next member, 0 after the last, -1 with err filled (ERR_FORMAT, or what
 * the stream below failed with). *content: of a MEMBER_FILE a source of exactly size
 * bytes (fewer, more, or a wrong checksum in a zip: ERR_FORMAT), owned by the archive
 * and not to be freed, else NULL. Both live until the next call. What was not read is skipped.
 */
int archive_next(struct archive_in *a, struct member *m, struct source **content, struct err *err);
void archive_in_free(struct archive_in *a); /* archive_free() is a symbol of libarchive */

static inline void archive_freep(struct archive_in **a)
{
	archive_in_free(*a);
}

#define auto_archive CLEANUP(archive_freep) struct archive_in

#endif
