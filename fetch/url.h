/* URLs as text: split, join, redact. Nothing here talks to anybody. */
#ifndef FETCH_URL_H
#define FETCH_URL_H

#include <stdbool.h>

#include "base/arena.h"

/* Whether text begins with "scheme://". */
bool url_has_scheme(const char *text);

/* base + "/" + rest with exactly one slash between, in a. rest that has a scheme stands alone. */
const char *url_join(struct arena *a, const char *base, const char *rest);

/* Without "user:password@" and "/t/TOKEN" (which becomes "/t/<TOKEN>" gone), in a: for locks, records, errors, logs. */
const char *url_redact(struct arena *a, const char *url);

/* "file:///a%20b" of an absolute path, and back (NULL where it is no file URL). In a. */
const char *url_from_path(struct arena *a, const char *path);
const char *url_to_path(struct arena *a, const char *url);

#endif
