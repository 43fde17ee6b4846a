/* Awkward streams for tests and fuzz targets: cut into pieces, or broken. */
#ifndef TESTS_STREAMS_H
#define TESTS_STREAMS_H

#include <stddef.h>
#include <stdint.h>

#include "base/io.h"

/* The bytes at p, handed out at most max at a time (0: a different number each time). */
struct source *streams_dribble(const void *p, size_t n, size_t max);

/* The same, but after `good` bytes it fails as below. */
struct source *streams_dribble_until(const void *p, size_t n, size_t max, size_t good);

/* n bytes of 'x', then a failure ("broken on purpose", ERR_NET). */
struct source *streams_broken_after(size_t n);

#endif
