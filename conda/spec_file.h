/*
 * Text files with a MatchSpec a line (CEP 23): what conda create --file reads and
 * conda list --export writes. "# platform: X" is heeded, other comments are not.
 */
#ifndef CONDA_SPEC_FILE_H
#define CONDA_SPEC_FILE_H

#include "conda/env.h"

/* An environment of specs alone. ERR_FORMAT with file:line in front; packages of pip are refused. */
int spec_file_parse(const char *p, size_t n, const char *file, struct env *ret, struct err *err);

#endif
