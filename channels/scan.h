/*
 * JSON as it is pulled: no document, no copies, strings are slices of the text.
 *
 * What is asked for is read strictly. What is skipped is only held to balance
 * (quotes, brackets of the same kind, nesting), many bytes at a time. Nesting is
 * bounded. The text must be followed by SCAN_PAD zero bytes.
 *
 *	scan_enter(&s, SCAN_OBJECT);
 *	while ((rc = scan_key(&s, &key)) > 0)
 *		... one of scan_string(), scan_number(), scan_enter(), scan_skip() ...
 *
 * Functions return -1 once something was wrong; s->fault then says what, s->at where.
 */
#ifndef CHANNELS_SCAN_H
#define CHANNELS_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define SCAN_PAD 64
#define SCAN_DEPTH_MAX 64

enum scan_type { SCAN_NULL, SCAN_TRUE, SCAN_FALSE, SCAN_NUMBER, SCAN_STRING, SCAN_OBJECT, SCAN_ARRAY, SCAN_WRONG };

struct scan {
	const char *begin, *at, *end;
	const char *fault; /* NULL while all is well */
	bool early; /* the fault is that the text ends: more of it may help */
	bool fresh; /* nothing was read since the bracket was entered */
	uint64_t bytes_gone, lines_gone; /* of the document before begin, for the sentence */
};

/* A string as it stands between its quotes. */
struct scan_text {
	struct str raw;
	bool escaped; /* has backslashes */
	bool ascii; /* is known to have nothing but */
};

/* A number, as far as it matters: -?whole[.thousandths] */
struct scan_number {
	uint64_t whole; /* UINT64_MAX: that, or more */
	unsigned thousandths; /* the first three digits after the point */
	bool negative;
	bool integral; /* nothing but zeros after the point */
};

void scan_init(struct scan *s, const char *p, size_t n);

/* What the next value is, which stays where it is. SCAN_WRONG (with no fault yet) where it is none. */
enum scan_type scan_peek(struct scan *s);

/* Go into an object or array; 1 with the next key or item before us, 0 after leaving it at its end. */
int scan_enter(struct scan *s, enum scan_type type);
int scan_key(struct scan *s, struct scan_text *key);

/* As scan_key(), with an idea of what the key might be, of at most SCAN_PAD - 2 plain bytes: where it is that, it is fast. */
int scan_key_like(struct scan *s, struct str guess, struct scan_text *key);
int scan_item(struct scan *s);

int scan_string(struct scan *s, struct scan_text *ret);
int scan_number(struct scan *s, struct scan_number *ret);
int scan_skip(struct scan *s);

/* Nothing but white space is left. */
int scan_end(struct scan *s);

/* Say what is wrong with what was just read. */
int scan_fail(struct scan *s, const char *fault);

/* "line 3, byte 120: expected ..." as ERR_FORMAT. s has a fault. Returns -1. */
int scan_err(const struct scan *s, struct err *err);

/*
 * What a string means: itself, or decoded into *room (which is overwritten). False where it is no UTF-8, has half a
 * surrogate pair, an escape that there is not, or a NUL.
 */
bool scan_decode_slowly(const struct scan_text *t, struct buf *room, struct str *ret);

static inline bool scan_decode(const struct scan_text *t, struct buf *room, struct str *ret)
{
	*ret = t->raw;
	return t->ascii || scan_decode_slowly(t, room, ret);
}

#endif
