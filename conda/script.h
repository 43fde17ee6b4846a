/*
 * What a shell script comes to, worked out without a shell and without running
 * anything: for the small scripts that packages bring to be sourced when their
 * environment is activated (etc/conda/activate.d), and for link scripts.
 *
 * The part of bash that only computes variables: assignments, export, unset, if,
 * case, while, for, test, [ and [[, ${X:-y} and its kin, ${X#y} and its kin, echo and
 * printf (which are told nobody). All else (other commands, what they print, pipes,
 * functions, files that are written, what only the machine knows) "does more": the
 * script is then not evaluated at all. It means what bash means; where shells
 * differ in a way that scripts may not mean, it does more.
 */
#ifndef CONDA_SCRIPT_H
#define CONDA_SCRIPT_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define SCRIPT_MAX ((size_t)1 << 20) /* bytes of a script */
#define SCRIPT_DEPTH_MAX 64 /* ifs in ifs, ${} in ${} */
#define SCRIPT_STEPS_MAX 20000 /* commands that one script runs */
#define SCRIPT_BYTES_MAX ((size_t)4 << 20) /* that one script makes of its words, all together */

struct script_var {
	const char *name;
	const char *value; /* NULL: not set */
	bool exported;
};

/* Variables as a shell has them: what one script sets, the next one finds. */
struct script_env {
	struct arena *arena; /* not owned */
	struct script_var *vars; /* in the order in which they were first named */
	size_t n;
};

enum script_file { SCRIPT_NONE, SCRIPT_FILE, SCRIPT_DIR, SCRIPT_LINK, SCRIPT_UNKNOWN };

/* What the script may know of the place where it would run. */
struct script_host {
	void *arg;
	enum script_file (*look)(void *arg,
				 const char *path); /* of an absolute path; "//" and "." are in it as written */
	const char *messages; /* a file that may be written to, as nobody reads it; or NULL */
	bool is_process; /* of its own, and not sourced: it may exit, and inherits variables that are not known */
};

void script_env_init(struct script_env *e, struct arena *a);
void script_env_set(struct script_env *e, const char *name, const char *value); /* exported; copies */
const char *script_env_get(const struct script_env *e, const char *name); /* NULL: not set */
void script_env_release(struct script_env *e);

#define auto_script_env CLEANUP(script_env_release) struct script_env

/* Run it on e. On failure (ERR_FORMAT: what more it does, and in which line) e is as before. */
int script_run(struct script_env *e, struct str text, const struct script_host *host, struct err *err);

#endif
