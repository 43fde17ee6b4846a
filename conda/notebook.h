/*
 * A Jupyter notebook (.ipynb, nbformat 4) as a list of specs, without running it: python, of the minor version that
 * wrote it, and what a list called "requirements" says, in a code cell or in the notebook's metadata. Its items
 * are MatchSpecs ("numpy >=1.24", "numpy==1.24.2") or pairs of a name and a version.
 */
#ifndef CONDA_NOTEBOOK_H
#define CONDA_NOTEBOOK_H

#include "conda/env.h"

/*
 * An environment of specs alone. ERR_FORMAT with the file, and the cell (from 1), in front: no notebook, none of python, a
 * "requirements" that is computed. What no list says (imports, %pip lines) ends in warnings where it can be seen.
 */
int notebook_parse(const char *p, size_t n, const char *file, struct env *ret, struct err *err);

#endif
