/*
 * Conditions on strings, as conda writes them: exact text, a glob ("py3*"), or
 * a regular expression ("^py3[0-9]+$").
 *
 * Globs know '*' alone and cover the whole text. Regular expressions are the part
 * of Python's re that specs use, matched from the start of the text as re.match()
 * does: . [] | () (?:) (?P<n>) ^ $ \A \Z \b \B \d \D \w \W \s \S * + ? {m,n}, lazy
 * ones too. Look-around, back references and flags are refused. Matching takes
 * time proportional to pattern times text, whatever the pattern.
 */
#ifndef CONDA_PATTERN_H
#define CONDA_PATTERN_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

#define PATTERN_MAX 1024	/* bytes of a pattern */

enum pattern_flags {
	PATTERN_FOLD = 1 << 0,	/* A and a are the same */
};

struct pattern;

/* In a. NULL: ERR_FORMAT; only regular expressions and length can be wrong. */
const struct pattern *pattern_parse(struct arena *a, const char *text, unsigned flags, struct err *err);

bool pattern_match(const struct pattern *p, const char *text);

/* As it was written; lower case where it was folded and is no regular expression. */
const char *pattern_text(const struct pattern *p);

bool pattern_is_exact(const struct pattern *p);

/* Whether text begins with '^' and ends with '$'. */
bool pattern_is_regex(const char *text);

/* A glob alone, by bytes, without compiling anything. */
bool pattern_glob(const char *glob, const char *text);

#endif
