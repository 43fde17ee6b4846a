/*
 * What stands around an environment file: the folder it is in, which may be given in its place, and condaimg.yml
 * beside it, which has options of build under their long names (docs/condaimg-yml.md).
 */
#ifndef CMD_PROJECT_H
#define CMD_PROJECT_H

#include "base/arena.h"
#include "cmd/opt.h"

struct project {
	struct arena arena;
	struct options options; /* the command line's, and below them those of condaimg.yml; args[0] is a file or "-" */
	const char *name; /* of the folder that was given, fit for an image; NULL: a file was */
	const char *dir; /* where the environment file is: "." or as given */
};

/* ERR_USAGE, ERR_FORMAT (file:line:column), ERR_IO, ERR_LIMIT. To be released in any case, before o. */
int project_open(const struct options *o, struct project *ret, struct err *err);
void project_release(struct project *p);

#define auto_project CLEANUP(project_release) struct project

/*
 * The text of a condaimg.yml as options. name is the file's, for errors (copied); relative paths in it are taken to
 * be below dir. Lists are on the heap (opt_release()), texts in a. ERR_FORMAT, ERR_USAGE.
 */
int project_parse(struct arena *a, const char *p, size_t n, const char *name, const char *dir, struct options *ret,
		  struct err *err);

/*
 * over, and below it what under says. Lists become one; over's channels go first, all else after. Texts stay
 * where they are; project_forget() frees what was made.
 */
void project_merge(const struct options *over, const struct options *under, struct options *ret);
void project_forget(struct options *merged);

#endif
