#include "base/json.h"

#include <assert.h>
#include <inttypes.h>

static void newline(struct json *j)
{
	if (!j->indent)
		return;
	buf_addc(j->out, '\n');
	for (unsigned i = 0; i < j->depth * j->indent; i++)
		buf_addc(j->out, ' ');
}

/* What stands before a value or a key. */
static void lead(struct json *j)
{
	if (j->keyed) {
		j->keyed = false;
		return;
	}
	if (!j->depth)
		return;
	if (j->some[j->depth - 1])
		buf_addc(j->out, ',');
	j->some[j->depth - 1] = true;
	newline(j);
}

static void begin(struct json *j, char kind)
{
	lead(j);
	assert(j->depth < JSON_DEPTH_MAX);
	j->kind[j->depth] = kind;
	j->some[j->depth] = false;
	j->depth++;
	buf_addc(j->out, kind);
}

void json_object(struct json *j)
{
	begin(j, '{');
}

void json_array(struct json *j)
{
	begin(j, '[');
}

void json_end(struct json *j)
{
	assert(j->depth && !j->keyed);
	j->depth--;
	if (j->some[j->depth])
		newline(j);
	buf_addc(j->out, j->kind[j->depth] == '{' ? '}' : ']');
}

static void quoted(struct buf *b, const char *s)
{
	buf_addc(b, '"');
	while (*s) {
		unsigned char c = (unsigned char)*s;
		size_t n = str_utf8(s);

		if (n == 0) {
			buf_adds(b, "\xef\xbf\xbd");
			n = 1;
		} else if (c == '"' || c == '\\') {
			buf_addc(b, '\\');
			buf_addc(b, (char)c);
		} else if (c == '\n') {
			buf_adds(b, "\\n");
		} else if (c == '\t') {
			buf_adds(b, "\\t");
		} else if (c < 0x20 || c == 0x7f) {
			buf_addf(b, "\\u%04x", c);
		} else {
			buf_add(b, s, n);
		}
		s += n;
	}
	buf_addc(b, '"');
}

void json_key(struct json *j, const char *key)
{
	assert(j->depth && j->kind[j->depth - 1] == '{' && !j->keyed);
	lead(j);
	quoted(j->out, key);
	buf_adds(j->out, j->indent ? ": " : ":");
	j->keyed = true;
}

void json_string(struct json *j, const char *s)
{
	lead(j);
	if (s)
		quoted(j->out, s);
	else
		buf_adds(j->out, "null");
}

void json_int(struct json *j, int64_t v)
{
	lead(j);
	buf_addf(j->out, "%" PRId64, v);
}

void json_uint(struct json *j, uint64_t v)
{
	lead(j);
	buf_addf(j->out, "%" PRIu64, v);
}

void json_number(struct json *j, const char *text)
{
	lead(j);
	buf_adds(j->out, text);
}

void json_bool(struct json *j, bool v)
{
	lead(j);
	buf_adds(j->out, v ? "true" : "false");
}

void json_null(struct json *j)
{
	json_string(j, NULL);
}

void json_put_string(struct json *j, const char *key, const char *s)
{
	json_key(j, key);
	json_string(j, s);
}

void json_put_int(struct json *j, const char *key, int64_t v)
{
	json_key(j, key);
	json_int(j, v);
}

void json_put_bool(struct json *j, const char *key, bool v)
{
	json_key(j, key);
	json_bool(j, v);
}

void json_put_strings(struct json *j, const char *key, const char *const *list)
{
	json_key(j, key);
	json_array(j);
	for (; list && *list; list++)
		json_string(j, *list);
	json_end(j);
}

void json_put_known_string(struct json *j, const char *key, const char *s)
{
	if (s)
		json_put_string(j, key, s);
}

void json_put_known_int(struct json *j, const char *key, int64_t v)
{
	if (v)
		json_put_int(j, key, v);
}

void json_put_known_strings(struct json *j, const char *key, const char *const *list)
{
	if (list && *list)
		json_put_strings(j, key, list);
}
