/*
 * Compiled Python that stays valid in an image (PEP 552, importlib).
 *
 * A .pyc as packages ship it says the time and size of its source, and python compiles
 * anew, at every start in an image that it cannot write, when they do not fit. Files of a
 * tree have one fixed time, so the header is settled while the file streams by:
 *
 *	3.7 and newer	an unchecked hash-based header: python does not look at the source
 *	older		the time that every file of a tree has
 *
 * Only where the header says the size that the source has in the package, so that what was
 * stale stays stale. The rest of the file is passed as it is; no python is run.
 */
#ifndef CONDA_PYC_H
#define CONDA_PYC_H

#include "base/arena.h"
#include "base/io.h"

/* The source of "a/__pycache__/b.cpython-37.pyc" or "a/b.pyc": "a/b.py", in a. NULL: path is no .pyc. */
const char *pyc_source_path(struct arena *a, const char *path);

/* Owns in. source_size: of the source, as in the archive. */
struct source *pyc_settle(struct source *in, uint64_t source_size);

#endif
