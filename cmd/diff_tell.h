/* Packages and licences of a diff, as text and as JSON: for condaimg diff, patch and rebase. */
#ifndef CMD_DIFF_TELL_H
#define CMD_DIFF_TELL_H

#include <stdio.h>

#include "base/json.h"
#include "cmd/diff.h"

/* A text as a terminal may see it, in a: the image may be anybody's. */
const char *diff_tell_tidy(struct arena *a, const char *text);

/* "packages: 1 changed, ..." and a line for each; licences where any changed. */
void diff_tell_print(struct arena *a, const struct diff *d, FILE *to);

/* Keys of an object: same, changed, added, removed, licenses. */
void diff_tell_json(struct arena *a, const struct diff *d, struct json *j);

#endif
