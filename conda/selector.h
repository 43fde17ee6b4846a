/*
 * Preprocessing selectors of environment.yml (CEP 24): "linux and not aarch64",
 * as they stand in "# [linux]" and "sel(linux)".
 */
#ifndef CONDA_SELECTOR_H
#define CONDA_SELECTOR_H

#include "base/str.h"

enum selector { SELECTOR_FALSE, SELECTOR_TRUE, SELECTOR_UNKNOWN };

/* What expr says of a conda subdir. UNKNOWN where it is no expression, or has words that CEP 24 does not list. */
enum selector selector_eval(struct str expr, const char *subdir);

#endif
