/* The files a command is given: environments, or a lock (docs/inputs.md). */
#ifndef CMD_INPUT_H
#define CMD_INPUT_H

#include "cmd/bundle.h"
#include "cmd/opt.h"
#include "conda/env.h"
#include "conda/lock.h"

struct input_file {
	const char *path; /* as given; "-": standard input */
	const char *text; /* with a NUL behind it */
	size_t n;
};

/* Read once, so that standard input may be looked at for every platform. */
struct input_files {
	struct arena arena;
	const struct input_file *files;
	size_t n;
	const char *environment; /* of a pixi.lock, or NULL */
	bool looks_up; /* the caller finds the checksums that a list lacks (cmd/lock_checksums.h); else that is an error */
	const char *names; /* "a.yml b.yml", for commands in sentences */
	struct bundle bundle; /* that the file is; its path is NULL where it is none */
};

struct input {
	bool is_lock;
	bool is_conda_lock; /* a conda-lock.yml, which need not be made into one */
	struct env env; /* of all files together */
	struct lock lock;
};

/* ERR_IO, ERR_LIMIT. To be released in any case. */
int input_open(const struct options *o, struct input_files *ret, struct err *err);
void input_close(struct input_files *f);

/*
 * What the files say for a subdir, which decides selectors. ERR_FORMAT; ERR_USAGE where they
 * cannot be taken together. To be released in any case.
 */
int input_read(const struct input_files *f, const char *subdir, struct input *ret, struct err *err);
void input_release(struct input *in);

/* One file without options: input_open() and input_read(). files is to be closed after ret. */
int input_read_one(const char *path, const char *subdir, struct input_files *files, struct input *ret, struct err *err);

#define auto_input_files CLEANUP(input_close) struct input_files
#define auto_input CLEANUP(input_release) struct input

/* The directory that a file's relative paths are against, in a: "." or what stands before the last '/'. */
const char *input_dir(struct arena *a, const char *path);

/* The lock beside an environment file, in a: "conda-lock.yml" in its directory. */
const char *input_lock_path(struct arena *a, const char *path);

/* The files as a lock at lock_path ("-": the working directory) calls them: relative to it. NULL-terminated, in a. */
const char *const *input_sources(struct arena *a, const struct input_files *f, const char *lock_path);

#endif
