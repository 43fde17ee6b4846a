/*
 * Prefix replacement, as conda does it (portability.py): in text every
 * occurrence; in binaries inside C strings, padded with NULs at the string's end
 * so that no size changes. The encodings UTF-8, UTF-16 and UTF-32 of the
 * placeholder are all looked for, in that order.
 *
 * For UTF-8 the bytes are those that conda, mamba and rattler write. Of a UTF-16
 * or UTF-32 string the end is its first NUL character; conda takes the first two
 * (four) NUL bytes, which may stand across two characters.
 */
#ifndef CONDA_PLACEHOLDER_H
#define CONDA_PLACEHOLDER_H

#include "base/io.h"

/* The longest C string (from the placeholder to its NUL) that is rewritten in a binary. Longer: ERR_LIMIT. */
#define PLACEHOLDER_STRING_MAX ((size_t)16 << 20)

/* What the kernel reads of a "#!" line. A longer one is made "#!/usr/bin/env NAME ...". */
#define PLACEHOLDER_SHEBANG_MAX 127

/*
 * Owns in. The size may change. Where the first line is a "#!" line longer than
 * PLACEHOLDER_SHEBANG_MAX afterwards, it is shortened. An empty placeholder is nowhere.
 */
struct source *placeholder_text(struct source *in, const char *placeholder, const char *prefix);

/*
 * Owns in. The size stays. Fails with ERR_FORMAT at an occurrence where prefix is
 * longer than placeholder. An occurrence that no NUL follows is left as it is.
 */
struct source *placeholder_binary(struct source *in, const char *placeholder, const char *prefix);

#endif
