#include "base/doc.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "base/doc_impl.h"
#include "base/str.h"

#define DEPTH_MAX 64
#define YAML_NODES_MAX ((size_t)4 << 20)
#define ALIASED_MAX ((size_t)100000) /* values that aliases stand for */

static const char *const type_names[] = {
	[DOC_NULL] = "null",	 [DOC_BOOL] = "boolean", [DOC_INT] = "number", [DOC_FLOAT] = "number",
	[DOC_STRING] = "string", [DOC_LIST] = "list",	 [DOC_MAP] = "map",
};

const char *doc_type_name(enum doc_type t)
{
	return type_names[t];
}

int doc_fault(const struct doc *d, struct err *err, const char *fmt, ...)
{
	char text[1000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (d->line)
		return err_set(err, ERR_FORMAT, "%s:%u:%u: %s", d->file, d->line, d->column, text);
	return err_set(err, ERR_FORMAT, "%s: %s", d->file, text);
}

const struct doc *doc_find(const struct doc *d, const char *key)
{
	if (!d || d->type != DOC_MAP)
		return NULL;
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(d->keys[i].text, key) == 0)
			return &d->items[i];
	return NULL;
}

static int wrong_type(const struct doc *v, const char *key, const char *want, struct err *err)
{
	return doc_fault(v, err, "'%s' is a %s, expected a %s", key, doc_type_name(v->type), want);
}

static const struct doc *find_set(const struct doc *map, const char *key)
{
	const struct doc *v = doc_find(map, key);

	return v && v->type != DOC_NULL ? v : NULL;
}

const struct doc *doc_need(const struct doc *map, const char *key, enum doc_type type, struct err *err)
{
	const struct doc *v = doc_find(map, key);

	if (!v)
		doc_fault(map, err, "has no '%s'", key);
	else if (v->type != type)
		doc_fault(v, err, "'%s' is a %s, expected a %s", key, doc_type_name(v->type), doc_type_name(type));
	return v && v->type == type ? v : NULL;
}

int doc_get_string(const struct doc *map, const char *key, const char *dflt, const char **ret, struct err *err)
{
	const struct doc *v = find_set(map, key);

	if (v && v->type != DOC_STRING)
		return wrong_type(v, key, "string", err);
	*ret = v ? v->text : dflt;
	return 0;
}

int doc_get_int(const struct doc *map, const char *key, int64_t dflt, int64_t *ret, struct err *err)
{
	const struct doc *v = find_set(map, key);

	if (v && v->type != DOC_INT)
		return wrong_type(v, key, "whole number", err);
	*ret = v ? v->num : dflt;
	return 0;
}

int doc_get_bool(const struct doc *map, const char *key, bool dflt, bool *ret, struct err *err)
{
	const struct doc *v = find_set(map, key);

	if (v && v->type != DOC_BOOL)
		return wrong_type(v, key, "boolean", err);
	*ret = v ? v->num != 0 : dflt;
	return 0;
}

int doc_get_strings(struct arena *a, const struct doc *map, const char *key, const char *const **ret, size_t *n,
		    struct err *err)
{
	const struct doc *v = find_set(map, key);
	const char **list;

	if (v && v->type != DOC_LIST)
		return wrong_type(v, key, "list of strings", err);
	list = arena_array(a, (v ? v->n : 0) + 1, sizeof(*list));
	for (size_t i = 0; v && i < v->n; i++) {
		if (v->items[i].type != DOC_STRING)
			return doc_fault(&v->items[i], err, "an item of '%s' is a %s, expected a string", key,
					 doc_type_name(v->items[i].type));
		list[i] = v->items[i].text;
	}
	*ret = list;
	if (n)
		*n = v ? v->n : 0;
	return 0;
}

/* ---- JSON ---- */

static int from_json(struct arena *a, const json_t *j, const char *name, unsigned depth, struct doc *d, struct err *err)
{
	*d = (struct doc){ .file = name };
	if (depth > DEPTH_MAX)
		return err_set(err, ERR_LIMIT, "%s: is nested deeper than %d levels", name, DEPTH_MAX);
	switch (json_typeof(j)) {
	case JSON_NULL:
		d->type = DOC_NULL;
		d->text = "null";
		return 0;
	case JSON_TRUE:
	case JSON_FALSE:
		d->type = DOC_BOOL;
		d->num = json_is_true(j);
		d->text = d->num ? "true" : "false";
		return 0;
	case JSON_INTEGER:
		d->type = DOC_INT;
		d->num = json_integer_value(j);
		d->text = arena_printf(a, "%lld", (long long)d->num);
		return 0;
	case JSON_REAL:
		d->type = DOC_FLOAT;
		d->text = arena_printf(a, "%.17g", json_real_value(j));
		return 0;
	case JSON_STRING:
		d->type = DOC_STRING;
		d->text = arena_strndup(a, json_string_value(j), json_string_length(j));
		return 0;
	case JSON_ARRAY: {
		struct doc *items = arena_array(a, json_array_size(j), sizeof(*items));

		d->type = DOC_LIST;
		d->n = json_array_size(j);
		d->items = items;
		for (size_t i = 0; i < d->n; i++)
			if (from_json(a, json_array_get(j, i), name, depth + 1, &items[i], err) < 0)
				return -1;
		return 0;
	}
	case JSON_OBJECT: {
		size_t n = json_object_size(j), i = 0;
		struct doc *keys = arena_array(a, n, sizeof(*keys)), *items = arena_array(a, n, sizeof(*items));
		const char *key;
		json_t *v;

		d->type = DOC_MAP;
		d->n = n;
		d->keys = keys;
		d->items = items;
		json_object_foreach((json_t *)j, key, v)
		{
			keys[i] = (struct doc){ .type = DOC_STRING, .text = arena_strdup(a, key), .file = name };
			if (from_json(a, v, name, depth + 1, &items[i++], err) < 0)
				return -1;
		}
		return 0;
	}
	}
	return 0;
}

const struct doc *doc_parse_json(struct arena *a, const char *p, size_t n, const char *name, struct err *err)
{
	json_error_t je;
	json_t *j = json_loadb(n ? p : "", n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &je);
	struct doc *d;
	int rc;

	if (!j) {
		err_set(err, ERR_FORMAT, "%s:%d:%d: is not JSON: %s", name, je.line, je.column, je.text);
		return NULL;
	}
	d = arena_alloc(a, sizeof(*d));
	rc = from_json(a, j, name, 0, d, err);
	json_decref(j);
	return rc < 0 ? NULL : d;
}

/* ---- YAML ---- */

struct yaml_reader {
	yaml_parser_t parser;
	struct arena *a;
	const char *name;
	const char *text; /* the document, for comments */
	size_t n;
	size_t at, chars; /* text[at] is the character number chars: marks count characters */
	size_t nodes;
	size_t aliased; /* of these, how many by aliases */
	unsigned deepest; /* level, since it was last set */
	struct doc_anchors anchors;
	struct err *err;
};

static int yaml_fault(struct yaml_reader *y, yaml_mark_t at, const char *words)
{
	return err_set(y->err, ERR_FORMAT, "%s:%zu:%zu: %s", y->name, at.line + 1, at.column + 1, words);
}

/* For bytes that are no text libyaml tells the byte only. */
static int reader_fault(struct yaml_reader *y)
{
	size_t line = 1, column = 1, end = y->parser.problem_offset < y->n ? y->parser.problem_offset : y->n;

	for (size_t i = 0; i < end; i++) {
		bool first = ((unsigned char)y->text[i] & 0xc0) != 0x80;

		line += y->text[i] == '\n';
		column = y->text[i] == '\n' ? 1 : column + first;
	}
	return err_set(y->err, ERR_FORMAT, "%s:%zu:%zu: is not UTF-8 text: %s", y->name, line, column,
		       y->parser.problem);
}

static size_t byte_of(struct yaml_reader *y, size_t chars);

static int yaml_event(struct yaml_reader *y, yaml_event_t *ev)
{
	const yaml_parser_t *p = &y->parser;
	size_t at;

	if (yaml_parser_parse(&y->parser, ev))
		return 0;
	if (p->error == YAML_MEMORY_ERROR)
		abort();
	if (p->error == YAML_READER_ERROR)
		return reader_fault(y);
	at = byte_of(y, p->problem_mark.index);
	if (at < y->n && y->text[at] == '\t')
		return yaml_fault(y, p->problem_mark, "a tab stands where YAML takes only spaces");
	return err_set(y->err, ERR_FORMAT, "%s:%zu:%zu: is not YAML: %s%s%s", y->name, p->problem_mark.line + 1,
		       p->problem_mark.column + 1, p->context ? p->context : "", p->context ? ", " : "",
		       p->problem ? p->problem : "unreadable");
}

/* Where a character is. Marks only grow, so that all calls together walk the text once. */
static size_t byte_of(struct yaml_reader *y, size_t chars)
{
	while (y->chars < chars && y->at < y->n) {
		y->at++;
		while (y->at < y->n && ((unsigned char)y->text[y->at] & 0xc0) == 0x80)
			y->at++;
		y->chars++;
	}
	return y->at;
}

/* The text after " #" between the scalar's end (and a key's ':') and the end of its line. */
static const char *trailing_comment(struct yaml_reader *y, size_t at, bool key)
{
	size_t end, start = at;

	while (at < y->n && (y->text[at] == ' ' || y->text[at] == '\t' || (key && y->text[at] == ':')))
		at++;
	if (at == y->n || at == start || y->text[at] != '#')
		return NULL;
	for (end = at; end < y->n && y->text[end] != '\n' && y->text[end] != '\r'; end++)
		;
	return arena_strndup(y->a, y->text + at + 1, end - at - 1);
}

static int yaml_node(struct yaml_reader *y, yaml_event_t *ev, unsigned depth, struct doc *d);

/* *name in place of a value. */
static int yaml_alias(struct yaml_reader *y, const yaml_event_t *ev, unsigned depth, struct doc *d)
{
	const char *name = (const char *)ev->data.alias.anchor;
	const struct doc_anchor *a = doc_anchor_get(&y->anchors, name);

	if (!a)
		return err_set(y->err, ERR_FORMAT, "%s:%zu:%zu: *%s stands for nothing: no value above it has &%s",
			       y->name, ev->start_mark.line + 1, ev->start_mark.column + 1, name, name);
	if (depth + a->height > DEPTH_MAX)
		return yaml_fault(y, ev->start_mark, "is nested too deeply");
	y->nodes += a->nodes;
	y->aliased += a->nodes;
	if (y->aliased > ALIASED_MAX)
		return err_set(y->err, ERR_LIMIT, "%s:%zu:%zu: aliases (*name) stand for more than %zu values", y->name,
			       ev->start_mark.line + 1, ev->start_mark.column + 1, ALIASED_MAX);
	if (depth + a->height > y->deepest)
		y->deepest = depth + a->height;
	*d = a->value;
	/* Where it is used is where it is looked for. */
	d->line = (unsigned)ev->start_mark.line + 1;
	d->column = (unsigned)ev->start_mark.column + 1;
	d->last_line = (unsigned)ev->end_mark.line + 1;
	d->comment = trailing_comment(y, byte_of(y, ev->end_mark.index), false);
	return 0;
}

static int yaml_list(struct yaml_reader *y, unsigned depth, struct doc *d)
{
	auto_free struct doc *items = NULL;
	size_t n = 0;

	for (;;) {
		yaml_event_t ev;
		int rc;

		if (yaml_event(y, &ev) < 0)
			return -1;
		if (ev.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&ev);
			break;
		}
		mem_grow(items, n);
		rc = yaml_node(y, &ev, depth + 1, &items[n++]);
		yaml_event_delete(&ev);
		if (rc < 0)
			return -1;
	}
	d->type = DOC_LIST;
	d->n = n;
	d->items = arena_dup(y->a, items, n * sizeof(*items));
	return 0;
}

static int yaml_key(struct yaml_reader *y, yaml_event_t *ev, struct doc *ret)
{
	if (ev->type != YAML_SCALAR_EVENT && ev->type != YAML_ALIAS_EVENT)
		return yaml_fault(y, ev->start_mark, "a key is not a plain word or string");
	if (yaml_node(y, ev, 0, ret) < 0)
		return -1;
	if (ret->type == DOC_LIST || ret->type == DOC_MAP)
		return yaml_fault(y, ev->start_mark, "a key is not a plain word or string");
	ret->type = DOC_STRING;
	if (ev->type == YAML_SCALAR_EVENT)
		ret->comment = trailing_comment(y, byte_of(y, ev->end_mark.index), true);
	return 0;
}

/* Whether a key is the plain word "<<": in quotes it is a key like any other. */
static bool is_merge_key(const yaml_event_t *ev)
{
	return ev->type == YAML_SCALAR_EVENT && ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       strcmp((const char *)ev->data.scalar.value, "<<") == 0;
}

static int key_cmp(const void *x, const void *y)
{
	const struct doc *a = *(const struct doc *const *)x, *b = *(const struct doc *const *)y;
	int c = strcmp(a->text, b->text);

	return c ? c : a < b ? -1 : a > b;
}

/* Sorted, so that a map of a million keys is no trap. Told is the first key that stands a second time. */
static int yaml_unique(struct yaml_reader *y, const struct doc *keys, size_t n)
{
	auto_free const struct doc **sorted = mem_array(n, sizeof(*sorted));
	const struct doc *twice = NULL, *first = NULL;

	for (size_t i = 0; i < n; i++)
		sorted[i] = &keys[i];
	qsort(sorted, n, sizeof(*sorted), key_cmp);
	for (size_t i = 1; i < n; i++) {
		if (strcmp(sorted[i - 1]->text, sorted[i]->text) != 0 || (twice && twice < sorted[i]))
			continue;
		twice = sorted[i];
		first = sorted[i - 1];
	}
	if (!twice)
		return 0;
	return doc_fault(twice, y->err, "key '%s' stands here a second time (first in line %u)", twice->text,
			 first->line);
}

static int yaml_map(struct yaml_reader *y, unsigned depth, struct doc *d)
{
	auto_free struct doc *keys = NULL, *items = NULL;
	struct doc merge_key, merged;
	bool merges = false;
	size_t n = 0;

	for (;;) {
		yaml_event_t ev;
		bool is_merge;
		int rc;

		if (yaml_event(y, &ev) < 0)
			return -1;
		if (ev.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&ev);
			break;
		}
		mem_grow(keys, n);
		mem_grow(items, n);
		is_merge = is_merge_key(&ev);
		rc = yaml_key(y, &ev, is_merge ? &merge_key : &keys[n]);
		yaml_event_delete(&ev);
		if (rc == 0 && is_merge && merges)
			rc = doc_fault(&merge_key, y->err, "'<<' stands here a second time; it takes a list of maps");
		if (rc < 0 || yaml_event(y, &ev) < 0)
			return -1;
		rc = yaml_node(y, &ev, depth + 1, is_merge ? &merged : &items[n++]);
		yaml_event_delete(&ev);
		if (rc < 0)
			return -1;
		merges |= is_merge;
	}
	d->type = DOC_MAP;
	d->n = n;
	d->keys = arena_dup(y->a, keys, n * sizeof(*keys));
	d->items = arena_dup(y->a, items, n * sizeof(*items));
	if (yaml_unique(y, d->keys, n) < 0)
		return -1;
	return merges ? doc_merge(y->a, &merged, d, y->err) : 0;
}

static const char *anchor_of(const yaml_event_t *ev)
{
	switch ((int)ev->type) {
	case YAML_SCALAR_EVENT:
		return (const char *)ev->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return (const char *)ev->data.sequence_start.anchor;
	case YAML_MAPPING_START_EVENT:
		return (const char *)ev->data.mapping_start.anchor;
	}
	return NULL;
}

static const char *tag_of(const yaml_event_t *ev)
{
	switch ((int)ev->type) {
	case YAML_SCALAR_EVENT:
		return (const char *)ev->data.scalar.tag;
	case YAML_SEQUENCE_START_EVENT:
		return (const char *)ev->data.sequence_start.tag;
	case YAML_MAPPING_START_EVENT:
		return (const char *)ev->data.mapping_start.tag;
	}
	return NULL;
}

static int yaml_scalar(struct yaml_reader *y, const yaml_event_t *ev, struct doc *d)
{
	if (strlen((const char *)ev->data.scalar.value) != ev->data.scalar.length)
		return yaml_fault(y, ev->start_mark, "has a NUL byte");
	d->type = DOC_STRING;
	d->text = arena_strdup(y->a, (const char *)ev->data.scalar.value);
	d->last_line = (unsigned)ev->end_mark.line + 1;
	/* A block scalar ends at the start of a later line; what stands there is another's comment. */
	if (ev->data.scalar.style != YAML_LITERAL_SCALAR_STYLE && ev->data.scalar.style != YAML_FOLDED_SCALAR_STYLE)
		d->comment = trailing_comment(y, byte_of(y, ev->end_mark.index), false);
	if (ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		doc_resolve_plain(d);
	return 0;
}

static int yaml_value(struct yaml_reader *y, yaml_event_t *ev, unsigned depth, struct doc *d)
{
	if (ev->type == YAML_SEQUENCE_START_EVENT)
		return yaml_list(y, depth, d);
	if (ev->type == YAML_MAPPING_START_EVENT)
		return yaml_map(y, depth, d);
	return yaml_scalar(y, ev, d);
}

/* Read a value and keep it under its name. It can be used only below it: nothing contains itself. */
static int yaml_anchored(struct yaml_reader *y, yaml_event_t *ev, const char *name, unsigned depth, struct doc *d)
{
	size_t before = y->nodes;
	unsigned deepest = y->deepest;

	name = arena_strdup(y->a, name);
	y->deepest = depth;
	if (yaml_value(y, ev, depth, d) < 0)
		return -1;
	doc_anchor_put(&y->anchors, name, &(struct doc_anchor){ *d, y->nodes - before + 1, y->deepest - depth });
	if (deepest > y->deepest)
		y->deepest = deepest;
	return 0;
}

static int yaml_node(struct yaml_reader *y, yaml_event_t *ev, unsigned depth, struct doc *d)
{
	const char *anchor = anchor_of(ev);

	*d = (struct doc){ .file = y->name,
			   .line = (unsigned)ev->start_mark.line + 1,
			   .column = (unsigned)ev->start_mark.column + 1 };
	if (depth > DEPTH_MAX)
		return yaml_fault(y, ev->start_mark, "is nested too deeply");
	if (++y->nodes > YAML_NODES_MAX)
		return err_set(y->err, ERR_LIMIT, "%s: has more than %zu values", y->name, YAML_NODES_MAX);
	if (depth > y->deepest)
		y->deepest = depth;
	if (ev->type == YAML_ALIAS_EVENT)
		return yaml_alias(y, ev, depth, d);
	if (tag_of(ev))
		return yaml_fault(y, ev->start_mark, "tags (!name) are not read");
	return anchor ? yaml_anchored(y, ev, anchor, depth, d) : yaml_value(y, ev, depth, d);
}

/* The next event must be of this type; it is freed. */
static int yaml_expect(struct yaml_reader *y, yaml_event_type_t type, const char *words)
{
	yaml_event_t ev;
	int rc;

	if (yaml_event(y, &ev) < 0)
		return -1;
	rc = ev.type == type ? 0 : yaml_fault(y, ev.start_mark, words);
	yaml_event_delete(&ev);
	return rc;
}

static int yaml_document(struct yaml_reader *y, struct doc *d)
{
	yaml_event_t ev;
	int rc;

	if (yaml_expect(y, YAML_STREAM_START_EVENT, "is not YAML") < 0 ||
	    yaml_expect(y, YAML_DOCUMENT_START_EVENT, "is empty") < 0 || yaml_event(y, &ev) < 0)
		return -1;
	rc = yaml_node(y, &ev, 0, d);
	yaml_event_delete(&ev);
	if (rc < 0)
		return -1;
	if (yaml_expect(y, YAML_DOCUMENT_END_EVENT, "is not YAML") < 0)
		return -1;
	return yaml_expect(y, YAML_STREAM_END_EVENT, "a second document begins here; only one is read");
}

const struct doc *doc_parse_yaml(struct arena *a, const char *p, size_t n, const char *name, struct err *err)
{
	struct yaml_reader y = { .a = a, .name = name, .text = p, .n = n, .err = err };
	struct doc *d = arena_alloc(a, sizeof(*d));
	int rc;

	if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
		p += 3;
		n -= 3;
		y.text = p;
		y.n = n;
	}
	if (!yaml_parser_initialize(&y.parser))
		abort();
	yaml_parser_set_encoding(&y.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&y.parser, (const unsigned char *)(n ? p : ""), n);
	rc = yaml_document(&y, d);
	yaml_parser_delete(&y.parser);
	doc_anchors_release(&y.anchors);
	return rc < 0 ? NULL : d;
}
