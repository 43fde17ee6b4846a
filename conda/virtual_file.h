/*
 * virtual-packages.yml, as conda-lock has it: what the machine that runs the image has.
 *
 *	subdirs:
 *	  linux-64:
 *	    packages:
 *	      __glibc: "2.28"
 *	      __archspec: "1 x86_64_v3"
 */
#ifndef CONDA_VIRTUAL_FILE_H
#define CONDA_VIRTUAL_FILE_H

#include "conda/virtual.h"

/*
 * Apply what the file says of subdir to *set (in a): a package takes the place of the default of its name, ""
 * takes that away; what the file does not name stays. ERR_FORMAT, with file:line:column in front.
 */
int virtual_file_apply(struct arena *a, const char *p, size_t n, const char *file, const char *subdir,
		       struct virtual_set *set, struct err *err);

#endif
