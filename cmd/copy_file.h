/* A file of this machine that must stay what it is from the time that it is looked at until it is in a layer. */
#ifndef CMD_COPY_FILE_H
#define CMD_COPY_FILE_H

#include "base/io.h"
#include "cmd/copy.h"

/* Its content's hash and size. ERR_IO, also where it changed while it was read. */
int copy_file_hash(const char *path, struct digest *digest, uint64_t *size, struct err *err);

/* Its content; reading fails (ERR_IO) where it is not what was hashed. e must outlive it. */
struct source *copy_file_open(const struct copy_entry *e, struct err *err);

#endif
