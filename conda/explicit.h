/*
 * Lists of package URLs with a line "@EXPLICIT" (CEP 23), as conda list --explicit,
 * conda-lock and condaimg lock --format explicit write them.
 */
#ifndef CONDA_EXPLICIT_H
#define CONDA_EXPLICIT_H

#include "base/str.h"
#include "conda/lock.h"

/* What paths and "$NAME" in a list are against. */
struct explicit_place {
	const char *cwd; /* absolute: relative paths are below it, as CEP 23 has it */
	const char *home; /* for "~", or NULL */
	const char *(*variable)(const char *name); /* NULL where it is not set; NULL itself: nothing is expanded */
	bool unverified; /* lines without a checksum are taken, and lock.unverified says so */
};

/* Whether a line of the text is "@EXPLICIT". */
bool explicit_is(const char *p, size_t n);

/*
 * A lock of one platform: the one that a comment "# platform: X" names, or that of the
 * URLs, or subdir. Its records are bare and in the list's order. ERR_FORMAT, with
 * file:line in front: every package has a checksum (but for place->unverified), and stands once.
 */
int explicit_parse(const char *p, size_t n, const char *file, const char *subdir, const struct explicit_place *place,
		   struct lock *ret, struct err *err);

/*
 * The list of a platform's packages, in their order, appended to *ret; libc packages are not
 * part of an environment and left out. With md5, that checksum is preferred, for readers that know no other.
 */
void explicit_write(const struct lock_platform *p, bool md5, struct buf *ret);

#endif
