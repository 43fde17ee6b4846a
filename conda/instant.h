/* Points in time as people write them, as milliseconds since 1970; no clock, no time zone of a machine. */
#ifndef CONDA_INSTANT_H
#define CONDA_INSTANT_H

#include "base/arena.h"
#include "base/err.h"

#include <stdint.h>

/*
 * The last moment that a text names: "2026-01-31" (the end of that day in UTC, as in uv and rattler),
 * "2026-01-31T12:00:00Z" or with an offset (RFC 3339), or seconds since 1970. From 1970 to 9999. ERR_USAGE.
 */
int instant_parse(const char *text, int64_t *ret, struct err *err);

/* "2026-01-31T23:59:59.999Z", in a. */
const char *instant_text(struct arena *a, int64_t ms);

#endif
