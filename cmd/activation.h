/*
 * What activating the environment would set, without a shell (CEP 32): the packages'
 * etc/conda/env_vars.d/NAME.json, then their etc/conda/activate.d/NAME.sh, as they stand
 * under the prefix.
 */
#ifndef CMD_ACTIVATION_H
#define CMD_ACTIVATION_H

#include "conda/env.h"
#include "conda/linked.h"
#include "conda/script.h"

#define ACTIVATION_DIR "etc/conda/env_vars.d/"
#define ACTIVATION_SCRIPTS "etc/conda/activate.d/"

/* A file that is read while planning. */
struct activation_file {
	const char *path; /* relative to the prefix */
	const char *text;
	size_t owner; /* which package */
};

bool activation_is_variables(const char *path);
bool activation_is_script(const char *path);

/* Whether a package's list of paths has such a file, or a link script. */
bool activation_is_in(const struct linked_list *l);

/*
 * Those files and link scripts of one package, by draining its tree, which is freed. In a; *ret is grown by mem_grow,
 * the caller frees.
 */
int activation_read(struct arena *a, struct tree *t, const struct prefix *prefix, const struct linked_list *l,
		    size_t owner, struct activation_file **ret, size_t *n, struct err *err);

/*
 * What the variables' files come to: by name, the later file wins; PATH and names that no variable can
 * have are left out. Sorted by name; in a. ERR_FORMAT names the file. Files are sorted by path.
 */
int activation_merge(struct arena *a, struct activation_file *files, size_t n, const struct env_variable **ret,
		     size_t *n_ret, struct err *err);

/* A script that does more than set variables. */
struct activation_more {
	const char *path;
	const char *why; /* "line 3: runs 'R'" */
};

struct activation_result {
	const struct env_variable *changes; /* sorted by name; value NULL: unset */
	size_t n_changes;
	const struct activation_more *more; /* by path */
	size_t n_more;
};

/* Run the scripts among files, which are sorted by path, in an environment ("NAME=value", ends with NULL). In a. */
void activation_run(struct arena *a, const struct activation_file *files, size_t n, const char *const *env,
		    const struct script_host *host, struct activation_result *ret);

#endif
