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
	unsigned line, column; /* in the file */
};

struct env_variable {
	const char *name, *value;
};

struct env {
	struct arena arena;
	const char *file; /* as it was opened */
	const char *name; /* or NULL */
	const char *const *channels; /* in order, "nodefaults" taken out; ends with NULL */
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
void env_release(struct env *e);

#define auto_env CLEANUP(env_release) struct env

#endif
