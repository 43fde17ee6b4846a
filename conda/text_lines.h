/* Text files of lines (CEP 23), cut into trimmed lines that are not blank; a byte order mark is skipped. */
#ifndef CONDA_TEXT_LINES_H
#define CONDA_TEXT_LINES_H

#include "base/err.h"
#include "base/str.h"

struct text_lines {
	const char *file;
	unsigned line; /* of the line that was given last, from 1 */
	struct str rest; /* private */
};

struct text_lines text_lines_begin(const char *file, const char *p, size_t n);
bool text_lines_next(struct text_lines *t, struct str *line);

/* NULL, or what is wrong with a line: bytes that are no text, or too many of them. */
const char *text_lines_check(struct str line);

/* Set ERR_FORMAT with "file:line: " in front. Returns -1. */
int text_lines_fault(const struct text_lines *t, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
