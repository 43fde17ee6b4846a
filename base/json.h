/*
 * Writes JSON: commas, quotes and escapes are taken care of, the order of keys
 * is the caller's. Compact ("{"a":1}") or, with indent > 0, one value a line.
 *
 *	struct json j = { .out = &buf };
 *	json_object(&j);
 *	json_key(&j, "size");
 *	json_int(&j, 12);
 *	json_end(&j);
 *
 * Bytes of a string that are not UTF-8 come out as U+FFFD.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define JSON_DEPTH_MAX 32

struct json {
	struct buf *out;
	unsigned indent;	/* spaces a level; 0: compact */
	/* private */
	unsigned depth;
	char kind[JSON_DEPTH_MAX];	/* '{' or '[' */
	bool some[JSON_DEPTH_MAX];	/* a value was written at this level */
	bool keyed;			/* a key waits for its value */
};

void json_object(struct json *j);
void json_array(struct json *j);
void json_end(struct json *j);	/* of the innermost object or array */
void json_key(struct json *j, const char *key);
void json_string(struct json *j, const char *s);	/* NULL: null */
void json_int(struct json *j, int64_t v);
void json_uint(struct json *j, uint64_t v);
void json_bool(struct json *j, bool v);
void json_number(struct json *j, const char *text);	/* one that was read from JSON, as its text */
void json_null(struct json *j);

/* Key and value at once. */
void json_put_string(struct json *j, const char *key, const char *s);
void json_put_int(struct json *j, const char *key, int64_t v);
void json_put_bool(struct json *j, const char *key, bool v);
void json_put_strings(struct json *j, const char *key, const char *const *list);	/* NULL-terminated; NULL: [] */

/* The same, where there is anything to say: nothing for NULL, 0 and no strings. */
void json_put_known_string(struct json *j, const char *key, const char *s);
void json_put_known_int(struct json *j, const char *key, int64_t v);
void json_put_known_strings(struct json *j, const char *key, const char *const *list);

#endif
