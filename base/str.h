/*
 * struct str: a view of bytes that somebody else owns, not NUL-terminated.
 * struct buf: bytes that grow; always followed by a NUL that is not counted.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/mem.h"

struct str {
	const char *p;
	size_t n;
};

#define STR(literal) ((struct str){ (literal), sizeof(literal) - 1 })

static inline struct str str_of(const char *s)
{
	return (struct str){ s, strlen(s) };
}

bool str_eq(struct str a, const char *b);
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
struct str str_trim(struct str s);	/* without ASCII white space at both ends */

/* Cut the part before the first sep off s into *part; false when s was used up. */
bool str_cut(struct str *s, char sep, struct str *part);

/*
 * Foreign text on its way to a terminal: control characters (not '\n', '\t'),
 * those of C1 in UTF-8 too, become '?'. In place.
 */
void str_tidy(char *s);

/* Bytes of the well-formed UTF-8 character at text (1 at its NUL), or 0. */
size_t str_utf8(const char *text);

/* strcmp for qsort over an array of char pointers. */
int str_ptr_cmp(const void *a, const void *b);

struct buf {
	char *p;	/* NULL while empty and never written */
	size_t n, cap;
};

void buf_add(struct buf *b, const void *p, size_t n);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3), nonnull(2)));
char *buf_room(struct buf *b, size_t n);	/* room for n more bytes after p + n; the caller adds to b->n */
const char *buf_cstr(const struct buf *b);	/* "" while empty */
char *buf_detach(struct buf *b);		/* the caller frees; never NULL */
void buf_release(struct buf *b);

#define auto_buf CLEANUP(buf_release) struct buf

#endif
