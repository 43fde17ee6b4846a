/*
 * What activating the environment would set, without a shell (CEP 32): the packages'
 * etc/conda/env_vars.d/NAME.json, as they stand under the prefix.
 */
#ifndef CMD_ACTIVATION_H
#define CMD_ACTIVATION_H

#include "conda/env.h"
#include "conda/linked.h"

#define ACTIVATION_DIR "etc/conda/env_vars.d/"

struct activation_file {
	const char *name; /* of the file, without directory */
	const char *text;
};

/* Whether a package's list of paths has such a file. */
bool activation_is_in(const struct linked_list *l);

/* The files of one package, by draining its tree, which is freed. In a; *ret is grown by mem_grow, the caller frees. */
int activation_read(struct arena *a, struct tree *t, const struct prefix *prefix, struct activation_file **ret,
		    size_t *n, struct err *err);

/*
 * What they come to: files by name, the later file wins; PATH and names that no variable can
 * have are left out. Sorted by name; in a. ERR_FORMAT names the file.
 */
int activation_merge(struct arena *a, struct activation_file *files, size_t n, const struct env_variable **ret,
		     size_t *n_ret, struct err *err);

#endif
