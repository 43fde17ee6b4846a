/* The platforms an image can be built for, by conda's and by OCI's names. */
#ifndef CONDA_PLATFORM_H
#define CONDA_PLATFORM_H

#include <stdbool.h>

#include "base/err.h"

struct platform {
	const char *subdir; /* "linux-64" */
	const char *oci_os; /* "linux" */
	const char *oci_arch; /* "amd64" */
	const char *oci_variant; /* "v8" of arm64 where it matters, else NULL */
	const char *archspec; /* generic build of __archspec: "x86_64" */
	const char *triplet; /* "x86_64-conda-linux-gnu" */
	const char *loader; /* ELF interpreter: "/lib64/ld-linux-x86-64.so.2" */
	const char *libdir; /* where its glibc, laid out as Red Hat does, looks by itself: "lib64" */
	unsigned elf_machine; /* of its programs: e_machine */
};

/* "linux-64", "linux/amd64", "linux-aarch64", "linux/arm64[/v8]", ... ERR_USAGE with the list. Never freed. */
const struct platform *platform_parse(const char *text, struct err *err);

/* The platform this program was compiled for, or linux-64 where it is none of ours. */
const struct platform *platform_host(void);

/* Every subdir that conda knows, also those no image can be built for ("osx-arm64", "noarch"). */
bool platform_is_subdir(const char *text);

/* NULL-terminated names for help and errors: "linux-64 (linux/amd64), ...". */
const char *platform_list(void);

#endif
