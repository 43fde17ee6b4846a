/*
 * Version literals and their order (CEP 33), version specs (CEP 29; where it and
 * the implementations disagree, the implementations: docs/versions.md).
 *
 * version_cmp() is what conda's VersionOrder does. Texts that are no versions
 * sort below all that are, by bytes, so that the order is total on any input.
 */
#ifndef CONDA_VERSION_H
#define CONDA_VERSION_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

#define VERSION_MAX 256		/* bytes of a literal; CEP 26 allows 64 */
#define VERSION_SPEC_MAX 4096	/* bytes of a spec */

struct version;		/* a parsed literal */
struct version_spec;	/* a parsed spec such as ">=1.2,<2|3.*" */

/* In a. NULL: ERR_FORMAT. */
const struct version *version_parse(struct arena *a, const char *text, struct err *err);

/* -1, 0, 1. 0 for 1.0 and 1.0.0. */
int version_cmp(const struct version *a, const struct version *b);

/* The fuzzy match of "=1.7" and "1.7.*". */
bool version_starts_with(const struct version *v, const struct version *prefix);

/* For sorts over foreign text; parses each time. -1, 0, 1; total. */
int version_text_cmp(const char *a, const char *b);

/* In normal form (lower case, '-' as '_'), in a. */
const char *version_text(struct arena *a, const struct version *v);

/*
 * What the order looks at, as JSON in a: [[0],[1],[0,"rc",1]], the epoch first;
 * "post" and "dev" by these names. local: the list behind '+' instead; "[]" where
 * there is none.
 */
const char *version_segments(struct arena *a, const struct version *v, bool local);

/*
 * "3.11" of "3.11.4", "3.13" of "1!3.13rc1": the numbers that the first two
 * segments begin with, as text, in a. NULL where there are fewer.
 */
const char *version_major_minor(struct arena *a, const char *text);

/*
 * Spaces around operators, commas, bars and parentheses are accepted; "" is "*".
 * In a. NULL: ERR_FORMAT, and the sentence names the clause.
 */
const struct version_spec *version_spec_parse(struct arena *a, const char *text, struct err *err);

/* text is the version's literal: globs and regular expressions look at it; v may be NULL where text is no version. */
bool version_spec_match(const struct version_spec *s, const struct version *v, const char *text);

/*
 * The same for n versions at once, ascending: ret[i]. False (ret is then of no use) where the spec looks at the text
 * of versions.
 */
bool version_spec_match_sorted(const struct version_spec *s, const struct version *const *sorted, size_t n, bool *ret);

/* Whether the spec takes every version ("*", ""). */
bool version_spec_is_any(const struct version_spec *s);

/* Canonical text: no spaces, no needless parentheses, "1.6.*" for "1.6*". Lives with s. */
const char *version_spec_text(const struct version_spec *s);

#endif
