/* The file a command is given: an environment.yml or a lock. */
#ifndef CMD_INPUT_H
#define CMD_INPUT_H

#include "conda/env.h"
#include "conda/lock.h"

struct input {
	const char *path; /* as given */
	bool is_lock;
	struct env env;
	struct lock lock;
};

/*
 * Reads path ("-": standard input). It is a lock when it has the keys of one. subdir
 * decides selectors of an environment file. ERR_FORMAT, ERR_IO. To be released in any case.
 */
int input_read(const char *path, const char *subdir, struct input *ret, struct err *err);
void input_release(struct input *in);

#define auto_input CLEANUP(input_release) struct input

/* The directory that a file's relative paths are against, in a: "." or what stands before the last '/'. */
const char *input_dir(struct arena *a, const char *path);

/* The lock beside an environment file, in a: "conda-lock.yml" in its directory. */
const char *input_lock_path(struct arena *a, const char *path);

#endif
