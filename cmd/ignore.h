/*
 * .dockerignore: which files of a folder are not wanted, by Docker's rules.
 *
 * A pattern is against the whole path from the folder on: '*' and '?' stop at '/', "**" does not, [a-z] and
 * [^a-z] are one character, '\' takes the next as it is. What matches is left out, with all that is below it;
 * '!' takes it in again, the last pattern that matches wins. '#' in the first column is a comment.
 */
#ifndef CMD_IGNORE_H
#define CMD_IGNORE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

struct ignore {
	struct ignore_pattern *patterns;
	size_t n;
	bool has_exceptions; /* a folder that is left out may have files that are not */
};

/* name is the file's, for errors. Everything lives in a. ERR_FORMAT, ERR_LIMIT. */
int ignore_parse(struct arena *a, const char *p, size_t n, const char *name, struct ignore *ret, struct err *err);

/* Whether path ("src/x.py", without "./" or '/' in front) is left out. */
bool ignore_match(const struct ignore *ig, const char *path);

#endif
