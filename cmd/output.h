/* Files that a command writes for whoever called: never one of those that it reads. */
#ifndef CMD_OUTPUT_H
#define CMD_OUTPUT_H

#include "cmd/opt.h"
#include "oci/dest.h"

/* A device or a pipe, which is written to and not replaced by a file. */
bool output_is_special(const char *path);

/*
 * Whether path may be written: ERR_USAGE where it is a file that the options name for the command to read, by whatever
 * name. option is for errors. writes_lock: the lock beside the first file is what is written, and not read.
 */
int output_check(const struct options *o, const char *option, const char *path, bool writes_lock, struct err *err);

/* Likewise for the file of an archive, which also replaces no file that is none. */
int output_check_archive(const struct options *o, const struct dest *d, struct err *err);

/* Through a symbolic link, not over it; all of it at once, but to a device or pipe. ERR_IO. */
int output_write(const char *path, const struct buf *text, struct err *err);

#endif
