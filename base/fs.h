/* Directories by descriptor, small whole files. Paths are relative to dirfd (or AT_FDCWD). */
#ifndef BASE_FS_H
#define BASE_FS_H

#include <fcntl.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/io.h"

/* Open a directory, making it and its parents (mode 0777 less the umask) where missing. -1: ERR_IO. */
int fs_opendir(int dirfd, const char *path, struct err *err);

/* Open a directory that exists. -1: ERR_IO. */
int fs_opendir_existing(int dirfd, const char *path, struct err *err);

/* Make a directory and its parents. */
int fs_mkdirs(int dirfd, const char *path, struct err *err);

bool fs_exists(int dirfd, const char *path);

/* A whole file of at most max bytes, appended to *ret. ERR_IO, ERR_LIMIT. */
int fs_read(int dirfd, const char *path, uint64_t max, struct buf *ret, struct err *err);

/* A whole file, which appears at once or not at all. */
int fs_write(int dirfd, const char *path, const void *p, size_t n, unsigned mode, struct err *err);

/* Names in a directory without "." and "..", sorted by bytes, in a; *ret ends with NULL. */
int fs_list(struct arena *a, int dirfd, const char *path, const char *const **ret, size_t *n, struct err *err);

/* Remove a file or a whole directory; missing is success. */
int fs_remove(int dirfd, const char *path, struct err *err);

/*
 * An advisory lock on a file, made when missing, held until the descriptor is
 * closed or the process ends. Waits. -1: ERR_IO.
 */
int fs_lock(int dirfd, const char *path, struct err *err);

/* Likewise together with others that share it. */
int fs_lock_shared(int dirfd, const char *path, struct err *err);

/* fs_lock() without waiting: -1 and no error where others have it. */
int fs_try_lock(int dirfd, const char *path, struct err *err);

/* Note that a file is of use now (its access time), once an hour; also where the file system does not by itself. */
void fs_touch(int dirfd, const char *path);

#endif
