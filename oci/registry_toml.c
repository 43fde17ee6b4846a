/* So much of TOML 1.0 as registries.conf needs; dates, floats, dotted keys and inline tables are refused. */
#include <inttypes.h>

#include "base/doc.h"
#include "base/num.h"
#include "oci/registry_conf.h"

#define DEPTH_MAX 16
#define NODES_MAX 10000

/* A map or list that grows; frozen into struct doc at the end. */
struct node {
	struct doc doc; /* of a scalar; type of all */
	struct node **items;
	const char **keys; /* of a map */
	size_t n;
};

struct reader {
	struct arena *a;
	const char *at, *end, *name;
	unsigned line;
	struct node *root, *table;
	unsigned nodes;
	struct err *err;
};

static int fault(struct reader *r, const char *what)
{
	return err_set(r->err, ERR_FORMAT, "%s:%u: %s", r->name, r->line, what);
}

static struct node *node_new(struct reader *r, enum doc_type type)
{
	struct node *n = arena_alloc(r->a, sizeof(*n));

	n->doc = (struct doc){ .type = type, .text = "", .line = r->line, .column = 1, .file = r->name };
	r->nodes++;
	return n;
}

/* Doubling in an arena: what was outgrown stays there, which is at most as much again. */
static void add(struct reader *r, struct node *to, const char *key, struct node *item)
{
	if ((to->n & (to->n - 1)) == 0) {
		struct node **items = arena_array(r->a, to->n ? 2 * to->n : 1, sizeof(struct node *));
		const char **keys = arena_array(r->a, to->n ? 2 * to->n : 1, sizeof(char *));

		for (size_t i = 0; i < to->n; i++) {
			items[i] = to->items[i];
			keys[i] = to->keys[i];
		}
		to->items = items;
		to->keys = keys;
	}
	to->items[to->n] = item;
	to->keys[to->n++] = key;
}

static struct node *find(const struct node *map, const char *key)
{
	for (size_t i = 0; i < map->n; i++)
		if (strcmp(map->keys[i], key) == 0)
			return map->items[i];
	return NULL;
}

/* ---- characters ---- */

static char peek(const struct reader *r)
{
	return r->at < r->end ? *r->at : '\0';
}

static bool looking_at(const struct reader *r, const char *text)
{
	size_t n = strlen(text);

	return (size_t)(r->end - r->at) >= n && memcmp(r->at, text, n) == 0;
}

static void skip_blank(struct reader *r)
{
	while (peek(r) == ' ' || peek(r) == '\t' || peek(r) == '\r')
		r->at++;
}

static void skip_comment(struct reader *r)
{
	skip_blank(r);
	if (peek(r) == '#')
		while (r->at < r->end && *r->at != '\n')
			r->at++;
}

static void skip_lines(struct reader *r)
{
	for (skip_comment(r); peek(r) == '\n'; skip_comment(r)) {
		r->line++;
		r->at++;
	}
}

static int end_line(struct reader *r)
{
	skip_comment(r);
	return r->at == r->end || *r->at == '\n' ? 0 : fault(r, "there is more behind the value");
}

static bool is_bare(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* ---- strings ---- */

static int take_escape(struct reader *r, struct buf *b)
{
	static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
	const char *at = peek(r) ? strchr(from, peek(r)) : NULL;

	if (!at)
		return fault(r, "an escape that is not known here");
	buf_addc(b, to[at - from]);
	r->at++;
	return 0;
}

static int take_string(struct reader *r, const char **ret)
{
	char quote = *r->at++;
	auto_buf b = { 0 };

	if (r->end - r->at >= 2 && r->at[0] == quote && r->at[1] == quote)
		return fault(r, "strings of several lines are not read here");
	while (r->at < r->end && *r->at != quote && *r->at != '\n') {
		if (*r->at == '\0')
			return fault(r, "a NUL in a string");
		if (quote == '"' && *r->at == '\\') {
			r->at++;
			if (take_escape(r, &b) < 0)
				return -1;
		} else {
			buf_addc(&b, *r->at++);
		}
	}
	if (peek(r) != quote)
		return fault(r, "a string does not end");
	r->at++;
	*ret = arena_strdup(r->a, buf_cstr(&b));
	return 0;
}

static int take_key(struct reader *r, const char **ret)
{
	const char *from = r->at;

	if (peek(r) == '"' || peek(r) == '\'')
		return take_string(r, ret);
	while (is_bare(peek(r)))
		r->at++;
	if (r->at == from)
		return fault(r, "expected a key");
	*ret = arena_strndup(r->a, from, (size_t)(r->at - from));
	return 0;
}

/* ---- values ---- */

static struct node *take_value(struct reader *r, unsigned depth);

static struct node *take_list(struct reader *r, unsigned depth)
{
	struct node *list = node_new(r, DOC_LIST);

	r->at++;
	for (skip_lines(r); peek(r) != ']'; skip_lines(r)) {
		struct node *item = take_value(r, depth + 1);

		if (!item)
			return NULL;
		add(r, list, "", item);
		skip_lines(r);
		if (peek(r) == ',')
			r->at++;
		else if (peek(r) != ']')
			return fault(r, "expected ',' or ']' in a list"), NULL;
	}
	r->at++;
	return list;
}

static struct node *take_word(struct reader *r)
{
	struct node *n = node_new(r, DOC_BOOL);
	const char *from = r->at;
	uint64_t v;

	while (is_bare(peek(r)))
		r->at++;
	n->doc.text = arena_strndup(r->a, from, (size_t)(r->at - from));
	if (strcmp(n->doc.text, "true") == 0 || strcmp(n->doc.text, "false") == 0) {
		n->doc.num = *n->doc.text == 't';
	} else if (num_parse(n->doc.text, INT64_MAX, &v)) {
		n->doc.type = DOC_INT;
		n->doc.num = (int64_t)v;
	} else {
		fault(r, "expected a string in quotes, a list, true, false or a number");
		return NULL;
	}
	return n;
}

static struct node *take_value(struct reader *r, unsigned depth)
{
	struct node *n;

	if (depth > DEPTH_MAX || r->nodes > NODES_MAX) {
		err_set(r->err, ERR_LIMIT, "%s:%u: is nested too deep, or too long", r->name, r->line);
		return NULL;
	}
	if (peek(r) == '[')
		return take_list(r, depth);
	if (peek(r) != '"' && peek(r) != '\'')
		return take_word(r);
	n = node_new(r, DOC_STRING);
	return take_string(r, &n->doc.text) < 0 ? NULL : n;
}

/* ---- lines ---- */

static int read_pair(struct reader *r)
{
	struct node *value;
	const char *key;

	if (take_key(r, &key) < 0)
		return -1;
	skip_blank(r);
	if (peek(r) != '=')
		return fault(r, "expected '=' behind a key");
	r->at++;
	skip_blank(r);
	if (find(r->table, key))
		return fault(r, "a key stands there twice");
	value = take_value(r, 0);
	if (!value)
		return -1;
	add(r, r->table, key, value);
	return end_line(r);
}

/* Go down a key: into a table, or the last one of a list of tables. */
static int descend(struct reader *r, const char *key, bool append)
{
	struct node *next = find(r->table, key);

	if (!next) {
		next = node_new(r, append ? DOC_LIST : DOC_MAP);
		add(r, r->table, key, next);
	}
	if (append) {
		struct node *item = node_new(r, DOC_MAP);

		if (next->doc.type != DOC_LIST)
			return fault(r, "is a list of tables here and something else above");
		add(r, next, "", item);
		next = item;
	} else if (next->doc.type == DOC_LIST && next->n) {
		next = next->items[next->n - 1];
	}
	if (next->doc.type != DOC_MAP)
		return fault(r, "is a table here and something else above");
	r->table = next;
	return 0;
}

/* "[a.b]", "[[a.b]]" */
static int read_header(struct reader *r)
{
	bool twice = looking_at(r, "[[");
	const char *close = twice ? "]]" : "]", *key;

	r->at += strlen(close);
	r->table = r->root;
	for (;;) {
		skip_blank(r);
		if (take_key(r, &key) < 0)
			return -1;
		skip_blank(r);
		if (peek(r) != '.')
			break;
		r->at++;
		if (descend(r, key, false) < 0)
			return -1;
	}
	if (!looking_at(r, close))
		return fault(r, "the head of a table does not end");
	r->at += strlen(close);
	return descend(r, key, twice) < 0 ? -1 : end_line(r);
}

static void freeze(struct reader *r, const struct node *from, struct doc *to)
{
	struct doc *items = arena_array(r->a, from->n, sizeof(*items)), *keys = NULL;

	*to = from->doc;
	if (from->doc.type != DOC_MAP && from->doc.type != DOC_LIST)
		return;
	if (from->doc.type == DOC_MAP)
		keys = arena_array(r->a, from->n, sizeof(*keys));
	for (size_t i = 0; i < from->n; i++) {
		freeze(r, from->items[i], &items[i]);
		if (keys)
			keys[i] = (struct doc){ .type = DOC_STRING,
						.text = from->keys[i],
						.line = from->items[i]->doc.line,
						.column = 1,
						.file = r->name };
	}
	to->n = from->n;
	to->items = items;
	to->keys = keys;
}

const struct doc *registry_toml_parse(struct arena *a, const char *p, size_t n, const char *name, struct err *err)
{
	struct reader r = { .a = a, .at = p, .end = p + n, .name = name, .line = 1, .err = err };
	struct doc *ret = arena_alloc(a, sizeof(*ret));

	r.root = r.table = node_new(&r, DOC_MAP);
	for (skip_lines(&r); r.at < r.end; skip_lines(&r))
		if ((peek(&r) == '[' ? read_header(&r) : read_pair(&r)) < 0)
			return NULL;
	freeze(&r, r.root, ret);
	return ret;
}
