/* Rows of a test that are files: testdata/FOLDER/NAME.SUFFIX is read as NAME.want says, bad-WHY.SUFFIX refused as bad-WHY.err. */
#ifndef TESTS_FILES_H
#define TESTS_FILES_H

#include "base/err.h"
#include "base/str.h"

/* Read text as file name and append what was read, a line each. -1: refused. */
typedef int files_read(const char *name, const char *text, size_t n, struct buf *ret, struct err *err);

/* Fails the test where a file is not as it should be, or there are fewer than so many good and bad ones. */
void files_check(const char *folder, const char *suffix, files_read *read, size_t good, size_t bad);

/* The first line's "# for X", in *ret; else as it was. Cut off at its end, ret is of at least 32 bytes. */
void files_subdir(const char *text, size_t n, char *ret);

/* What a lock says, a line each. */
struct lock;
void files_dump_lock(const struct lock *l, struct buf *ret);

#endif
