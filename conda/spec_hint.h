/*
 * What somebody who wrote a spec that cannot be read (or means less than it looks) had in mind:
 * other tools' ways of writing, told by their marks.
 */
#ifndef CONDA_SPEC_HINT_H
#define CONDA_SPEC_HINT_H

#include "base/arena.h"

/* Of a text that is no MatchSpec: one clause, in a, or NULL where nothing is known of it. */
const char *spec_hint(struct arena *a, const char *text);

/* Of a MatchSpec that says less than it seems to, as "six (<1)": one clause, in a, or NULL. */
const char *spec_hint_unheeded(struct arena *a, const char *text);

#endif
