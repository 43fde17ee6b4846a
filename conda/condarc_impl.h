/* What the files of conda/condarc share. */
#ifndef CONDA_CONDARC_IMPL_H
#define CONDA_CONDARC_IMPL_H

#include "conda/condarc.h"

struct condarc_row {
	const char *name;
	enum condarc_shape shape;
	const char *alias; /* another name of it, or NULL */
	char split; /* of a LIST in a variable */
	bool expands; /* $NAME is replaced */
};

const struct condarc_row *condarc_row(enum condarc_key k);

#endif
