/*
 * msgpack as it is pulled: no document, no copies; strings and binaries are slices of the bytes.
 *
 * Functions return 1, or -1 once something was wrong, of which m->fault then tells. A length is believed only as far as there are
 * bytes for it; nesting is bounded.
 */
#ifndef CHANNELS_MSGPACK_H
#define CHANNELS_MSGPACK_H

#include <stdint.h>

#include "base/str.h"

#define MSGPACK_DEPTH_MAX 64

enum msgpack_type {
	MSGPACK_NIL,
	MSGPACK_FALSE,
	MSGPACK_TRUE,
	MSGPACK_INT, /* whole numbers of either sign */
	MSGPACK_FLOAT,
	MSGPACK_STRING,
	MSGPACK_BINARY,
	MSGPACK_ARRAY,
	MSGPACK_MAP,
	MSGPACK_EXTENSION,
	MSGPACK_WRONG /* no value begins here */
};

struct msgpack {
	const unsigned char *at, *end;
	const char *fault; /* NULL while all is well */
};

void msgpack_init(struct msgpack *m, const void *p, size_t n);
int msgpack_fail(struct msgpack *m, const char *fault);

/* What the next value is, which stays where it is. */
enum msgpack_type msgpack_peek(const struct msgpack *m);

/* Go into a map or an array: n pairs or items follow. */
int msgpack_map(struct msgpack *m, uint32_t *n);
int msgpack_array(struct msgpack *m, uint32_t *n);

/*
 * 1 with the next string of the *left that a container has left: a key, behind which its value is to be read, or an
 * item of a list. 0: there is none left; -1 as above.
 */
int msgpack_next(struct msgpack *m, uint32_t *left, struct str *ret);

/* UTF-8 without NUL. */
int msgpack_string(struct msgpack *m, struct str *ret);

/* A string or a binary, whatever its bytes are. */
int msgpack_bytes(struct msgpack *m, struct str *ret);

/* A whole number. */
int msgpack_int(struct msgpack *m, uint64_t *magnitude, bool *negative);
int msgpack_float(struct msgpack *m, double *ret);

int msgpack_skip(struct msgpack *m);

#endif
