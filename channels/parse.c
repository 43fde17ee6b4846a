#include "channels/parse.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* 9999-12-31: what is not above it is in seconds, as conda and libsolv read it. */
#define SECONDS_MAX ((uint64_t)253402300799)
#define MILLISECONDS_MAX (SECONDS_MAX * 1000 + 999)
#define SIZE_TOLD_MAX ((uint64_t)1 << 50)
#define EXTRAS_MAX 1000

void parse_init(struct parse *p, struct arena *arena)
{
	*p = (struct parse){ .arena = arena };
	intern_init(&p->strings, arena);
	intern_init(&p->lists, arena);
}

void parse_release(struct parse *p)
{
	intern_release(&p->strings);
	intern_release(&p->lists);
	buf_release(&p->room);
	free(p->list);
}

/* ---- values ---- */

/* 1 with a string, 0 for null. */
static int get_string(struct parse *p, struct scan *s, struct str *ret)
{
	struct scan_text t;

	if (scan_peek(s) == SCAN_NULL)
		return scan_skip(s) < 0 ? -1 : 0;
	if (scan_string(s, &t) < 0)
		return -1;
	return scan_decode(&t, &p->room, ret) ? 1 : scan_fail(s, "a string that is no text");
}

static int get_text(struct parse *p, struct scan *s, void *field)
{
	struct str v;
	int rc = get_string(p, s, &v);

	if (rc >= 0)
		*(const char **)field = rc ? intern_text(&p->strings, v) : NULL;
	return rc;
}

/* For what nothing depends on: another type than a string counts as not told. */
static int get_words(struct parse *p, struct scan *s, void *field)
{
	if (scan_peek(s) == SCAN_STRING)
		return get_text(p, s, field);
	*(const char **)field = NULL;
	return scan_skip(s);
}

static void add_to_list(struct parse *p, size_t *n, const char *text)
{
	mem_grow(p->list, *n);
	p->list[(*n)++] = text;
}

static const char *const *end_list(struct parse *p, size_t n)
{
	mem_grow(p->list, n);
	p->list[n] = NULL;
	return intern_list(&p->lists, p->list, n);
}

/* A list of strings, or null. */
static int get_list(struct parse *p, struct scan *s, void *field)
{
	size_t n = 0;
	struct str v;
	int rc;

	*(const char *const **)field = NULL;
	if (scan_peek(s) == SCAN_NULL)
		return scan_skip(s);
	if (scan_enter(s, SCAN_ARRAY) < 0)
		return -1;
	while ((rc = scan_item(s)) > 0) {
		rc = get_string(p, s, &v);
		if (rc <= 0)
			return rc < 0 ? -1 : scan_fail(s, "null in a list of strings");
		add_to_list(p, &n, intern_text(&p->strings, v));
	}
	if (rc == 0 && n)
		*(const char *const **)field = end_list(p, n);
	return rc;
}

static bool is_separator(char c)
{
	return c == ',' || c == ' ' || (c >= '\t' && c <= '\r');
}

/* A string of words between spaces or commas, or a list. */
static int get_features(struct parse *p, struct scan *s, void *field)
{
	size_t n = 0;
	struct str v;
	int rc;

	if (scan_peek(s) == SCAN_ARRAY)
		return get_list(p, s, field);
	*(const char *const **)field = NULL;
	rc = get_string(p, s, &v);
	if (rc <= 0)
		return rc;
	for (size_t i = 0, from; i < v.n;) {
		while (i < v.n && is_separator(v.p[i]))
			i++;
		for (from = i; i < v.n && !is_separator(v.p[i]);)
			i++;
		if (i > from)
			add_to_list(p, &n, intern_text(&p->strings, (struct str){ v.p + from, i - from }));
	}
	if (n)
		*(const char *const **)field = end_list(p, n);
	return 1;
}

/* A whole number that is not negative; null is 0. Old tools wrote some as strings. */
static int get_count(struct parse *p, struct scan *s, uint64_t max, uint64_t *ret)
{
	struct scan_number v = { 0 };
	struct str text;

	*ret = 0;
	if (scan_peek(s) == SCAN_STRING) {
		if (get_string(p, s, &text) < 0)
			return -1;
		if (!text.n || text.n > 18)
			return scan_fail(s, "a string that is no number");
		for (size_t i = 0; i < text.n; i++) {
			if (text.p[i] < '0' || text.p[i] > '9')
				return scan_fail(s, "a string that is no number");
			v.whole = v.whole * 10 + (uint64_t)(text.p[i] - '0');
		}
		v.integral = true;
	} else if (scan_peek(s) == SCAN_NULL) {
		return scan_skip(s);
	} else if (scan_number(s, &v) < 0) {
		return -1;
	}
	if (!v.integral || (v.negative && v.whole) || v.whole > max)
		return scan_fail(s, "a number out of range");
	*ret = v.whole;
	return 1;
}

static int get_build_number(struct parse *p, struct scan *s, void *field)
{
	return get_count(p, s, INT64_MAX, field);
}

static int get_size(struct parse *p, struct scan *s, void *field)
{
	return get_count(p, s, SIZE_TOLD_MAX, field);
}

/* Nothing depends on it being told: what is no time that can be counts as not told. */
static int get_time(struct parse *p, struct scan *s, void *field)
{
	struct scan_number v;
	int64_t *ret = field;

	(void)p;
	*ret = 0;
	if (scan_peek(s) != SCAN_NUMBER)
		return scan_skip(s);
	if (scan_number(s, &v) < 0)
		return -1;
	if (v.negative || v.whole > MILLISECONDS_MAX)
		return 1;
	*ret = v.whole > SECONDS_MAX ? (int64_t)v.whole : (int64_t)(v.whole * 1000 + v.thousandths);
	return 1;
}

static int get_noarch(struct parse *p, struct scan *s, void *field)
{
	enum noarch *ret = field;
	enum scan_type type = scan_peek(s);
	struct str v;

	*ret = type == SCAN_TRUE ? NOARCH_GENERIC : NOARCH_NO;
	if (type == SCAN_TRUE || type == SCAN_FALSE || type == SCAN_NULL)
		return scan_skip(s);
	if (get_string(p, s, &v) < 0)
		return -1;
	if (str_eq(v, "python"))
		*ret = NOARCH_PYTHON;
	else if (str_eq(v, "generic"))
		*ret = NOARCH_GENERIC;
	else
		return scan_fail(s, "is neither generic nor python");
	return 1;
}

/* Hex digits of n bytes. Absent, null or empty: not told. */
static int get_hex(struct parse *p, struct scan *s, uint8_t *bytes, size_t n, bool *has)
{
	char hex[129];
	struct str v;
	int rc = get_string(p, s, &v);

	*has = false;
	if (rc <= 0 || v.n == 0)
		return rc;
	if (v.n != 2 * n)
		return scan_fail(s, "not as many hex digits as expected");
	memcpy(hex, v.p, v.n);
	hex[v.n] = '\0';
	*has = digest_hex_parse(hex, bytes, n);
	return *has ? 1 : scan_fail(s, "is not hex");
}

static int get_md5(struct parse *p, struct scan *s, void *record)
{
	struct record *r = record;

	return get_hex(p, s, r->md5, sizeof(r->md5), &r->has_md5);
}

static int get_sha256(struct parse *p, struct scan *s, void *record)
{
	struct record *r = record;

	return get_hex(p, s, r->sha256.sha256, sizeof(r->sha256.sha256), &r->has_sha256);
}

/* {"group": ["spec", ...], ...} (CEP 44). Of a group that is told twice the last counts. */
static int get_extras(struct parse *p, struct scan *s, void *record)
{
	auto_free struct record_extra *extras = NULL;
	struct record *r = record;
	struct scan_text key;
	size_t n = 0;
	int rc;

	r->extras = NULL;
	r->n_extras = 0;
	if (scan_peek(s) == SCAN_NULL)
		return scan_skip(s);
	if (scan_enter(s, SCAN_OBJECT) < 0)
		return -1;
	while ((rc = scan_key(s, &key)) > 0) {
		struct record_extra e = { 0 };
		struct str name;
		size_t at = 0;

		if (!scan_decode(&key, &p->room, &name))
			return scan_fail(s, "a string that is no text");
		e.name = intern_text(&p->strings, name);
		if (get_list(p, s, &e.depends) < 0)
			return -1;
		e.depends = e.depends ? e.depends : end_list(p, 0);
		while (at < n && extras[at].name != e.name)
			at++;
		if (at == EXTRAS_MAX)
			return scan_fail(s, "more groups than are accepted");
		if (at == n) {
			mem_grow(extras, n);
			n++;
		}
		extras[at] = e;
	}
	if (rc == 0 && n) {
		r->extras = arena_dup(p->arena, extras, n * sizeof(*extras));
		r->n_extras = n;
	}
	return rc;
}

/* ---- fields ---- */

static const struct field {
	struct str key;
	int (*get)(struct parse *p, struct scan *s, void *field);
	size_t offset; /* of what get() is given; 0 (as of name, which is first): see whole */
	bool whole; /* get() is given the record */
} fields[] = {
	{ STR("build"), get_text, offsetof(struct record, build), false },
	{ STR("build_number"), get_build_number, offsetof(struct record, build_number), false },
	{ STR("constrains"), get_list, offsetof(struct record, constrains), false },
	{ STR("depends"), get_list, offsetof(struct record, depends), false },
	{ STR("extra_depends"), get_extras, 0, true },
	{ STR("flags"), get_list, offsetof(struct record, flags), false },
	{ STR("indexed_timestamp"), get_time, offsetof(struct record, indexed_timestamp), false },
	{ STR("legacy_bz2_md5"), get_words, offsetof(struct record, legacy_bz2_md5), false },
	{ STR("license"), get_words, offsetof(struct record, license), false },
	{ STR("license_family"), get_words, offsetof(struct record, license_family), false },
	{ STR("md5"), get_md5, 0, true },
	{ STR("name"), get_text, offsetof(struct record, name), false },
	{ STR("noarch"), get_noarch, offsetof(struct record, noarch), false },
	{ STR("python_site_packages_path"), get_text, offsetof(struct record, site_packages), false },
	{ STR("sha256"), get_sha256, 0, true },
	{ STR("size"), get_size, offsetof(struct record, size), false },
	{ STR("timestamp"), get_time, offsetof(struct record, timestamp), false },
	{ STR("track_features"), get_features, offsetof(struct record, track_features), false },
	{ STR("version"), get_text, offsetof(struct record, version), false },
};

static const struct field *find_field(struct str key)
{
	for (size_t i = 0; i < COUNT(fields); i++)
		if (fields[i].key.n == key.n && memcmp(fields[i].key.p, key.p, key.n) == 0)
			return &fields[i];
	return NULL;
}

static int get_fields(struct parse *p, struct scan *s, struct record *ret)
{
	struct scan_text t;
	int rc;

	if (scan_enter(s, SCAN_OBJECT) < 0)
		return -1;
	while ((rc = scan_key(s, &t)) > 0) {
		const struct field *f;
		struct str key;

		if (!scan_decode(&t, &p->room, &key))
			return scan_fail(s, "a key that is no text");
		f = find_field(key);
		p->key = f ? f->key.p : NULL;
		if (f ? f->get(p, s, f->whole ? (char *)ret : (char *)ret + f->offset) < 0 : scan_skip(s) < 0)
			return -1;
		p->key = NULL;
	}
	return rc;
}

/* These become parts of file names. */
static const char *text_fault(const char *text)
{
	if (!text || !*text)
		return "is missing";
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || *text == 127 || *text == '/')
			return "has a character that it must not have";
	return NULL;
}

static bool is_whole(const struct record *r, char *why, size_t n)
{
	const struct {
		const char *what, *text;
	} parts[] = { { "name", r->name }, { "version", r->version }, { "build", r->build } };

	for (size_t i = 0; i < COUNT(parts); i++) {
		const char *fault = text_fault(parts[i].text);

		if (fault) {
			snprintf(why, n, "%s %s", parts[i].what, fault);
			return false;
		}
	}
	return true;
}

bool parse_record(struct parse *p, struct scan *s, struct record *ret, char *why, size_t n)
{
	p->key = NULL;
	if (get_fields(p, s, ret) < 0) {
		snprintf(why, n, "%s%s%s", p->key ? p->key : "", p->key ? ": " : "", s->fault);
		return false;
	}
	return is_whole(ret, why, n);
}
