/*
 * Virtual packages (CEP 30) of the machine that will run the image. Nothing here
 * looks at the machine that builds it.
 */
#ifndef CONDA_VIRTUAL_H
#define CONDA_VIRTUAL_H

#include "conda/platform.h"
#include "conda/record.h"

struct virtual_set {
	struct record *records; /* name, version, build; sorted by name; subdir and channel are "" */
	size_t n;
};

/*
 * __unix, __linux, __archspec and, with glibc not NULL, __glibc, at the defaults
 * for a platform (__linux 5.10; __archspec 1 with the generic build).
 */
void virtual_defaults(struct arena *a, const struct platform *p, const char *glibc, struct virtual_set *ret);

/*
 * Apply "NAME=VERSION[=BUILD]" ("__glibc=2.28"; "__cuda=12.4"; "NAME=" takes it
 * away). ERR_USAGE.
 */
int virtual_apply(struct arena *a, struct virtual_set *set, const char *text, struct err *err);

/*
 * Apply one CONDA_OVERRIDE_NAME variable (name without that front: "GLIBC",
 * "LINUX", "CUDA", "ARCHSPEC"); value "" takes the package away. Unknown names
 * and UNIX have no effect. ERR_USAGE where the value is no version.
 */
int virtual_override(struct arena *a, struct virtual_set *set, const char *name, const char *value, struct err *err);

const struct record *virtual_find(const struct virtual_set *set, const char *name);

/* "__glibc=2.36=0", sorted, NULL-terminated, in a: the lock's form; and back (ERR_FORMAT). */
const char *const *virtual_texts(struct arena *a, const struct virtual_set *set);
int virtual_from_texts(struct arena *a, const char *const *texts, struct virtual_set *ret, struct err *err);

#endif
