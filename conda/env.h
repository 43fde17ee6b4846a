/*
 * environment.yml (CEP 24): what somebody asks for.
 *
 * Errors are ERR_FORMAT and begin with file:line:column. Unknown top-level keys
 * end in env.warnings, not in an error. A "pip:" section is refused.
 */
#ifndef CONDA_ENV_H
#define CONDA_ENV_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

struct env_spec {
	const char *text;	/* a MatchSpec as written, checked to parse */
	unsigned line;		/* in the file */
};

struct env_variable {
	const char *name, *value;
};

struct env {
	struct arena arena;
	const char *file;	/* as it was opened */
	const char *name;	/* or NULL */
	const char *const *channels;	/* in order, "nodefaults" taken out; ends with NULL */
	bool nodefaults;
	const struct env_spec *specs;	/* in the file's order */
	size_t n_specs;
	const struct env_variable *variables;	/* sorted by name */
	size_t n_variables;
	const char *const *platforms;	/* conda subdirs; empty: not said */
	const char *const *warnings;
};

/* Reads the text of an environment file. file is the name for errors (copied). */
int env_parse(const char *p, size_t n, const char *file, struct env *ret, struct err *err);
void env_release(struct env *e);

#define auto_env CLEANUP(env_release) struct env

#endif
