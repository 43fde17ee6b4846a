/*
 * environment.yml (CEP 24): what somebody asks for, for one platform.
 *
 * Errors are ERR_FORMAT and begin with file:line:column. Unknown top-level keys
 * end in env.warnings, not in an error. A "pip:" section with packages in it is
 * refused. Selectors ("# [linux]", "sel(linux): x") are heeded on the items of
 * dependencies and channels and on variables, for the subdir that is asked for.
 */
#ifndef CONDA_ENV_H
#define CONDA_ENV_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

struct env_spec {
	const char *text; /* a MatchSpec as written, checked to parse */
	const char *file; /* that it stands in */
	unsigned line, column; /* in the file; column 0: not told */
};

struct env_variable {
	const char *name, *value;
};

struct env {
	struct arena arena;
	const char *file; /* as it was opened; of several: "a.yml, b.yml" */
	const char *const *files; /* each of them; ends with NULL */
	const char *name; /* or NULL */
	const char *const *channels; /* in order, "nodefaults" taken out; ends with NULL */
	const char *const *channel_files; /* that each of channels stands in: relative paths are against it */
	bool nodefaults;
	const struct env_spec *specs; /* in the file's order */
	size_t n_specs;
	const struct env_variable *variables; /* sorted by name */
	size_t n_variables;
	const char *const *platforms; /* conda subdirs, each once; empty: not said */
	const char *const *warnings; /* each begins with file:line:column; ends with NULL */
};

/* Reads the text of an environment file for a conda subdir. file is the name for errors (copied). */
int env_parse(const char *p, size_t n, const char *file, const char *subdir, struct env *ret, struct err *err);

/*
 * One environment of two, in into: name of the later; channels of the first, then what the other has beside
 * them; all specs hold; of variables the later wins. more is empty afterwards. ERR_USAGE where both name
 * platforms and not the same, which also leaves both to be released.
 */
int env_merge(struct env *into, struct env *more, struct err *err);

void env_release(struct env *e);

#define auto_env CLEANUP(env_release) struct env

#endif
