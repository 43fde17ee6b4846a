/*
 * Prefix replacement, as conda does it (portability.py): in text every
 * occurrence; in binaries inside C strings, padded with NULs at the string's end
 * so that no size changes.
 */
#ifndef CONDA_PLACEHOLDER_H
#define CONDA_PLACEHOLDER_H

#include "base/io.h"

/* Owns in. Text: the size changes. The encodings UTF-8, UTF-16, UTF-32 of the placeholder are all looked for. */
struct source *placeholder_text(struct source *in, const char *placeholder, const char *prefix);

/* Owns in. ERR_FORMAT (when read) where prefix is longer than placeholder. The size stays. */
struct source *placeholder_binary(struct source *in, const char *placeholder, const char *prefix);

#endif
