/* URLs as text: split, join, redact. Nothing here talks to anybody. */
#ifndef FETCH_URL_H
#define FETCH_URL_H

#include <stdbool.h>

#include "base/arena.h"

/* Whether text begins with "scheme://". */
bool url_has_scheme(const char *text);

/* Whether that scheme is this one ("https"), in any case of letters. */
bool url_is(const char *url, const char *scheme);

/* base + "/" + rest with exactly one slash between, in a. rest that has a scheme stands alone. */
const char *url_join(struct arena *a, const char *base, const char *rest);

/*
 * What a link rel means in a document of directory base (RFC 3986 5.2 less queries): rel may be absolute,
 * "//host/x", "/x", "x", "./x", "../x". Without '/' at its end, in a.
 */
const char *url_resolve(struct arena *a, const char *base, const char *rel);

/*
 * Without "user:password@" and, where it is no file URL, without any "/t/TOKEN", in a: for locks, records,
 * errors, logs. Redacting twice changes nothing more. Text that is no URL comes back as it is.
 */
const char *url_redact(struct arena *a, const char *url);

/*
 * The same for a text that may be a URL with a slip in it, for sentences: nothing before a '@', and nothing behind '?' or '#',
 * where tokens stand. In a.
 */
const char *url_told(struct arena *a, const char *text);

/*
 * A file name as the last piece of a URL, in a: what a URL cannot hold is percent-encoded; '!', '+' and
 * the like stay, as conda writes them ("x-1!2.0-0.conda"), and so does what was encoded before ("x-1%212.0-0.conda").
 */
const char *url_encode(struct arena *a, const char *fn);

/* A URL as people write it, in a: what its path cannot hold (spaces, letters beyond ASCII) is percent-encoded. */
const char *url_escape(struct arena *a, const char *url);

/* Whether url_encode() would leave these n bytes as they are. */
bool url_is_plain(const char *fn, size_t n);

/* "file:///a%20b" of an absolute path, and back (NULL where it is no local file URL). In a. */
const char *url_from_path(struct arena *a, const char *path);
const char *url_to_path(struct arena *a, const char *url);

#endif
