/*
 * Bytes you pull and bytes you push. They meet in io_copy().
 *
 * A wrapper owns what it wraps. Given NULL it returns NULL, and if it fails
 * itself it frees what it was given, so a chain of constructors needs one check:
 *
 *	auto_source *in = source_verify(source_file(dir, name, err), &want, size, err);
 *
 * finish is the only commit in the program: a sink that is freed before its
 * finish leaves nothing behind.
 */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#define IO_CHUNK ((size_t)128 << 10)	/* what a good read or write is */

struct source;
struct source_ops {
	/* 1..len bytes into buf; 0 at the end, and again after it; -1 with err filled. */
	ssize_t (*read)(struct source *s, void *buf, size_t len, struct err *err);
	void (*free)(struct source *s);
};
struct source {
	const struct source_ops *ops;
};

struct sink;
struct sink_ops {
	int (*write)(struct sink *s, const void *buf, size_t len, struct err *err);
	/* Write what is held back and finish what is wrapped. Once, last. */
	int (*finish)(struct sink *s, struct err *err);
	/* Without finish() before it, what was written never happened. */
	void (*free)(struct sink *s);
};
struct sink {
	const struct sink_ops *ops;
};

ssize_t source_read(struct source *s, void *buf, size_t len, struct err *err);
void source_free(struct source *s);
int sink_write(struct sink *s, const void *buf, size_t len, struct err *err);
int sink_finish(struct sink *s, struct err *err);
void sink_free(struct sink *s);

static inline void source_freep(struct source **s)
{
	source_free(*s);
}

static inline void sink_freep(struct sink **s)
{
	sink_free(*s);
}

#define auto_source CLEANUP(source_freep) struct source
#define auto_sink CLEANUP(sink_freep) struct sink

/* All of in to out, without finishing out. *ret (NULL allowed) counts the bytes. */
int io_copy(struct source *in, struct sink *out, uint64_t *ret, struct err *err);

/* Read to the end and forget. */
int io_drain(struct source *in, struct err *err);

/* Exactly len bytes into buf. Fails with ERR_FORMAT "ends after ..." where there are fewer. */
int io_read_full(struct source *in, void *buf, size_t len, struct err *err);

/* All of in, at most max bytes (ERR_LIMIT), appended to *ret. */
int io_slurp(struct source *in, uint64_t max, struct buf *ret, struct err *err);

/* The bytes at p, which must live as long as the source. */
struct source *source_bytes(const void *p, size_t n);

/* The bytes of b, which the source takes over (and *b is empty afterwards). */
struct source *source_buf(struct buf *b);

/* A file below a directory (AT_FDCWD: below the working directory). ERR_IO. */
struct source *source_file(int dirfd, const char *path, struct err *err);

/* len bytes of fd from offset on, read by position; fd is not owned and must outlive the source.
 * A file that ends early is ERR_FORMAT. */
struct source *source_range(int fd, uint64_t offset, uint64_t len);

/* Fails with ERR_LIMIT once more than max bytes came. what names the thing in the sentence. */
struct source *source_limit(struct source *in, uint64_t max, const char *what);

/* Appends to *b, which must outlive the sink. */
struct sink *sink_buf(struct buf *b);

/* Writes to fd, which is not owned. */
struct sink *sink_fd(int fd);

/*
 * A file that appears whole on finish or not at all: an unnamed temporary in the
 * directory of path, linked in when finished, its bytes on the disk before its
 * name. An existing file is replaced. mode is exact: the umask has no say.
 */
struct sink *sink_file(int dirfd, const char *path, unsigned mode, struct err *err);

/* Swallows everything. */
struct sink *sink_null(void);

#endif
