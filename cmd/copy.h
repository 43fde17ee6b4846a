/*
 * The application's files: the folders of --copy as one tree, the last layer of an image.
 *
 * First all is looked at and hashed (copy_plan()), so that an unchanged folder is known again without making a layer;
 * then it is streamed (copy_tree()), and what changed in between is an error. Modes are 0755 and 0644, by the owner's
 * x bit; there is no time, and the owner is root, unless the application is to write there. Links are kept where they stay inside their folder.
 */
#ifndef CMD_COPY_H
#define CMD_COPY_H

#include "base/digest.h"
#include "base/tree.h"
#include "cmd/app.h"
#include "cmd/ground.h"

#define COPY_ENTRIES_MAX 1000000

struct copy_entry {
	struct entry e; /* without content */
	const char *source; /* of a file: where it is on this machine */
	struct digest digest; /* of a file */
};

struct copy {
	struct arena arena;
	struct copy_entry *entries; /* by path, parents before what is in them */
	size_t n;
	uint64_t bytes;
};

struct copy_request {
	const struct app *app;
	const char *context; /* the project's folder, whose .dockerignore counts for all that is in it */
	const struct ground *ground; /* what the layer is put on */
	const char *prefix; /* of the environment, whose directories are its own affair */
	const char *const *skip; /* files and folders of this machine that are never copied; NULL-terminated */
};

/*
 * All that app says to copy, the working directory, and the volumes, as far as they are not there already.
 * ERR_IO, ERR_LIMIT; ERR_FORMAT naming the file that cannot be in an image; ERR_USAGE where there is nothing to copy.
 * To be released in any case.
 */
int copy_plan(const struct copy_request *q, struct copy *ret, struct err *err);
void copy_release(struct copy *c);

/* What decides the layer's bytes, appended. */
void copy_recipe(const struct copy *c, struct buf *ret);

/* The files, opened one after the other. c must outlive it. ERR_IO naming a file that is not what it was. */
struct tree *copy_tree(const struct copy *c);

#endif
