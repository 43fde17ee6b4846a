/* Licences as packages tell them, and as SPDX has them. */
#ifndef CONDA_LICENSE_H
#define CONDA_LICENSE_H

#include <stdbool.h>

#include "base/arena.h"

/*
 * The SPDX expression that text is (SPDX 2.3, annex D), in a: identifiers in their own spelling, operators in upper
 * case, one space between words. "LicenseRef-..." stays. NULL where it is none ("BSD 3-Clause", "Public Domain").
 */
const char *license_expression(struct arena *a, const char *text);

/* Whether an expression is one identifier of SPDX's list and nothing else ("MIT", not "MIT OR X11", "GPL-2.0+"). */
bool license_is_listed(const char *expression);

/* "LicenseRef-Public-Domain" of any text, in a: what cannot be in such a name becomes '-'. */
const char *license_ref(struct arena *a, const char *text);

/* The "LicenseRef-..." of an expression, in order of appearance; ends with NULL; in a. */
const char *const *license_refs(struct arena *a, const char *expression);

/* SPDX's lists, sorted without regard to case; in license_ids.c. */
extern const char *const license_ids[], *const license_exceptions[];
extern const size_t license_ids_n, license_exceptions_n;

#endif
