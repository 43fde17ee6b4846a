/* Reading files by name from a directory, or from a tar as if it were one. */
#ifndef OCI_FILES_H
#define OCI_FILES_H

#include "base/io.h"

struct files;

/* path is a directory, or a tar (not compressed). ERR_IO, ERR_FORMAT. */
struct files *files_open_dir(const char *path, struct err *err);
struct files *files_open_tar(const char *path, struct err *err);
void files_free(struct files *f);

bool files_has(struct files *f, const char *name);

/* ERR_IO where there is none. In a tar links are followed. */
struct source *files_get(struct files *f, const char *name, struct err *err);

/* A whole one of at most max bytes, appended to *ret. */
int files_slurp(struct files *f, const char *name, uint64_t max, struct buf *ret, struct err *err);

static inline void files_freep(struct files **f)
{
	files_free(*f);
}

#define auto_files CLEANUP(files_freep) struct files

#endif
