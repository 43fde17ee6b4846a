#include "conda/text_lines.h"

#include <stdarg.h>
#include <stdio.h>

#define LINE_BYTES_MAX 8000
#define BOM "\xef\xbb\xbf"

struct text_lines text_lines_begin(const char *file, const char *p, size_t n)
{
	struct text_lines t = { .file = file, .rest = { p ? p : "", n } };

	if (n >= 3 && memcmp(p, BOM, 3) == 0)
		t.rest.p += 3, t.rest.n -= 3;
	return t;
}

bool text_lines_next(struct text_lines *t, struct str *line)
{
	while (str_cut(&t->rest, '\n', line)) {
		t->line++;
		*line = str_trim(*line);
		if (line->n)
			return true;
	}
	return false;
}

const char *text_lines_check(struct str line)
{
	if (line.n > LINE_BYTES_MAX)
		return "is longer than 8000 bytes";
	for (size_t i = 0; i < line.n; i++)
		if (((unsigned char)line.p[i] < 0x20 && line.p[i] != '\t') || line.p[i] == 0x7f)
			return "has a control character";
	return NULL;
}

int text_lines_fault(const struct text_lines *t, struct err *err, const char *fmt, ...)
{
	char text[1500];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(err, ERR_FORMAT, "%s:%u: %s", t->file, t->line, text);
}
