/*
 * A file on its way into a directory of verified files, "part/KEY" until it is whole: it outlives the process, so that
 * the next one can go on where it broke off, and it is locked, so that of many processes one fetches it.
 *
 * What is in it was never verified: whoever finishes it has verified all of it.
 */
#ifndef FETCH_PART_H
#define FETCH_PART_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

struct part {
	int dirfd, fd; /* fd: -1 while it is not open */
	char name[80];
	uint64_t n; /* bytes in it */
	bool noted; /* from and tag are on the disk, too */
	struct buf from; /* the URL that they came from, redacted */
	struct buf tag; /* its ETag or Last-Modified there, or empty */
};

/*
 * Make or find dirfd's "part/key" and lock it. 1: it is ours, with n bytes from an earlier time; 0: another process has
 * it; -1: ERR_IO. To be closed after 1 alone.
 */
int part_open(struct part *p, int dirfd, const char *key, struct err *err);

int part_append(struct part *p, const void *buf, size_t n, struct err *err);

/* Nothing is in it any more; what comes now is url's (redacted), and was called tag (or NULL) there. */
int part_restart(struct part *p, const char *url, const char *tag, struct err *err);

/* All of it to the disk, and then give it the name to, replacing what is there; and close it. */
int part_finish(struct part *p, const char *to, struct err *err);

/* What is worth to go on with stays, the rest is removed. Closing twice does nothing. */
void part_close(struct part *p);

/* Throw it away. */
void part_drop(struct part *p);

/* Seconds since anybody wrote to "part/key"; -1 where there is none. */
int64_t part_age(int dirfd, const char *key);

/* Remove what nobody has touched for a week, as far as nobody holds it. */
void part_sweep(int dirfd);

#endif
