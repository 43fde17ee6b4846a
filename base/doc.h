/*
 * A JSON or YAML document as nodes in an arena. Errors say name:line:column.
 *
 * For small documents (manifests, paths.json, locks, environments): everything
 * is in memory. Repodata has its own reader in channels/.
 * The only user of libyaml and jansson.
 *
 * YAML is read strictly: one document, no tags, no key twice, strings as keys.
 * Anchors, aliases and merge keys ("<<") mean what they mean; a value cannot contain
 * itself, and what aliases stand for is bounded as if it were written out (they share it). Plain scalars mean what PyYAML takes them for (3.10 is
 * a number, no is a boolean); .text has them as they were written. Nesting is
 * bounded in both, and so is the number of a YAML document's nodes.
 */
#ifndef BASE_DOC_H
#define BASE_DOC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum doc_type { DOC_NULL, DOC_BOOL, DOC_INT, DOC_FLOAT, DOC_STRING, DOC_LIST, DOC_MAP };

struct doc {
	enum doc_type type;
	const char *text; /* of a scalar, as written (YAML) or normalised (JSON); "true", "false", "null" */
	int64_t num; /* of a DOC_INT; DOC_BOOL: 0 or 1 */
	unsigned line, column; /* from 1; 0 where not known (JSON) */
	const char *file; /* the name given to doc_parse_*() */
	size_t n; /* items of a list, pairs of a map */
	const struct doc *items; /* the n items of a list, or the n values of a map */
	const struct doc *keys; /* the n keys of a map (DOC_STRING), in the document's order */
	const char *comment; /* YAML: text after '#' on the line where a scalar (or a key and its ':') ends, or NULL */
	unsigned last_line; /* YAML: the line where a scalar ends */
};

/* name is for errors and must outlive the document. ERR_FORMAT. NULL on failure. */
const struct doc *doc_parse_json(struct arena *a, const char *p, size_t n, const char *name, struct err *err);
const struct doc *doc_parse_yaml(struct arena *a, const char *p, size_t n, const char *name, struct err *err);

/* The value of a key, or NULL: also where d is NULL or no map. */
const struct doc *doc_find(const struct doc *d, const char *key);

/* "string", "list", "number", ... */
const char *doc_type_name(enum doc_type t);

/* Set ERR_FORMAT with "file:line:column: " in front. Returns -1. */
int doc_fault(const struct doc *d, struct err *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The value of a key that must be there and of a type; NULL: ERR_FORMAT. */
const struct doc *doc_need(const struct doc *map, const char *key, enum doc_type type, struct err *err);

/*
 * Typed access to the key of a map. Absent (or null) gives the given default and
 * 0; another type is ERR_FORMAT and -1. Texts live in the document's arena.
 */
int doc_get_string(const struct doc *map, const char *key, const char *dflt, const char **ret, struct err *err);
int doc_get_int(const struct doc *map, const char *key, int64_t dflt, int64_t *ret, struct err *err);
int doc_get_bool(const struct doc *map, const char *key, bool dflt, bool *ret, struct err *err);

/* A list of strings as a NULL-terminated array (in a); absent: an empty one. *n may be NULL. */
int doc_get_strings(struct arena *a, const struct doc *map, const char *key, const char *const **ret, size_t *n,
		    struct err *err);

/*
 * Append a string as a YAML scalar, in one line and ASCII: plain where every
 * reader takes it for a string, else in quotes. The same string always gives the
 * same bytes. What is not UTF-8 comes out as U+FFFD.
 */
void doc_write_yaml(struct buf *ret, const char *s);

#endif
