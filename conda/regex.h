/* The regular expressions of conda/pattern.h, which is the way to use them. */
#ifndef CONDA_REGEX_H
#define CONDA_REGEX_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

struct regex;

/* In a. NULL: ERR_FORMAT. fold: A and a are the same. */
const struct regex *regex_parse(struct arena *a, const char *text, bool fold, struct err *err);

/* From the start of text, not necessarily to its end: Python's re.match(). */
bool regex_match(const struct regex *r, const char *text);

#endif
