#include "channels/parse.h"

#include <endian.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

void parse_release(struct parse *p)
{
	buf_release(&p->room);
	for (size_t i = 0; i < COUNT(p->own); i++)
		buf_release(&p->own[i]);
	free(p->extras);
}

/* ---- values ---- */

/* 1 with a string, 0 for null. */
static int get_string(struct parse *p, struct scan *s, struct str *ret)
{
	struct scan_text t;

	if (*s->at != '"' && scan_peek(s) == SCAN_NULL)
		return scan_skip(s) < 0 ? -1 : 0;
	if (scan_string(s, &t) < 0)
		return -1;
	return scan_decode(&t, &p->room, ret) ? 1 : scan_fail(s, "a string that is no text");
}

/* One of the three that are not shared: a view of the text, or of room that only it uses. */
static int get_own(struct parse *p, struct scan *s, struct str *field, unsigned which)
{
	struct buf *own = &p->own[which];
	int rc = get_string(p, s, field);

	if (rc == 0)
		*field = (struct str){ "", 0 };
	if (rc <= 0 || field->p != p->room.p)
		return rc;
	own->n = 0;
	buf_add(own, field->p, field->n);
	*field = (struct str){ buf_cstr(own), own->n };
	return 1;
}

static int get_name(struct parse *p, struct scan *s, void *field)
{
	return get_own(p, s, field, 0);
}

static int get_version(struct parse *p, struct scan *s, void *field)
{
	return get_own(p, s, field, 1);
}

static int get_build(struct parse *p, struct scan *s, void *field)
{
	return get_own(p, s, field, 2);
}

static int get_text(struct parse *p, struct scan *s, void *field)
{
	struct str v;
	int rc = get_string(p, s, &v);

	if (rc >= 0)
		*(uint32_t *)field = rc ? texts_add(p->texts, v) + 1 : 0;
	return rc;
}

/* For what nothing depends on: another type than a string counts as not told. */
static int get_words(struct parse *p, struct scan *s, void *field)
{
	if (scan_peek(s) == SCAN_STRING)
		return get_text(p, s, field);
	*(uint32_t *)field = 0;
	return scan_skip(s);
}

/* A list of strings, or null. */
static int get_list(struct parse *p, struct scan *s, void *field)
{
	struct str v;
	int rc;

	*(uint32_t *)field = 0;
	if (scan_peek(s) == SCAN_NULL)
		return scan_skip(s);
	if (scan_enter(s, SCAN_ARRAY) < 0)
		return -1;
	texts_list_begin(p->texts);
	while ((rc = scan_item(s)) > 0) {
		rc = get_string(p, s, &v);
		if (rc <= 0)
			return rc < 0 ? -1 : scan_fail(s, "null in a list of strings");
		texts_list_add(p->texts, v);
	}
	if (rc == 0)
		*(uint32_t *)field = texts_list_end(p->texts);
	return rc;
}

/* A string of words between spaces or commas, or a list. */
static int get_features(struct parse *p, struct scan *s, void *field)
{
	struct str v = { "", 0 };
	int rc;

	if (scan_peek(s) == SCAN_ARRAY)
		return get_list(p, s, field);
	*(uint32_t *)field = 0;
	rc = get_string(p, s, &v);
	if (rc > 0)
		*(uint32_t *)field = draft_features(p->texts, v);
	return rc;
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
	return get_count(p, s, DRAFT_SIZE_MAX, field);
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
	if (!v.negative)
		*ret = draft_time(v.whole, v.thousandths);
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

/*
 * Eight hex digits as four bytes, the first lowest. *wrong gets a bit where one is no digit: of each byte c (below 128),
 * c + 0x50 sets the highest bit from '0' on, c + 0x46 above '9', and so on.
 */
static uint32_t hex8(const char *p, uint64_t *wrong)
{
	const uint64_t ones = 0x0101010101010101u, high = 0x80 * ones;
	uint64_t v, letter, digit;

	memcpy(&v, p, sizeof(v));
	v = le64toh(v);
	*wrong |= v & high;
	v &= ~high;
	digit = (v + 0x50 * ones) & ~(v + 0x46 * ones) & high;
	v |= 0x20 * ones;
	letter = (v + 0x1f * ones) & ~(v + 0x19 * ones) & high;
	*wrong |= (digit | letter) ^ high;
	v = (v & 0x0f * ones) + (letter >> 7) * 9;
	v = (v << 4 | v >> 8) & 0x00ff00ff00ff00ffu;
	v = (v | v >> 8) & 0x0000ffff0000ffffu;
	return (uint32_t)(v | v >> 16);
}

/* Hex digits of n bytes, a multiple of four. Absent, null or empty: not told. */
static int get_hex(struct parse *p, struct scan *s, uint8_t *bytes, size_t n, bool *has)
{
	uint64_t wrong = 0;
	struct str v;
	int rc = get_string(p, s, &v);

	*has = false;
	if (rc <= 0 || v.n == 0)
		return rc;
	if (v.n != 2 * n)
		return scan_fail(s, "not as many hex digits as expected");
	for (size_t i = 0; i < n; i += 4) {
		uint32_t four = htole32(hex8(v.p + 2 * i, &wrong));

		memcpy(bytes + i, &four, sizeof(four));
	}
	*has = !wrong;
	return wrong ? scan_fail(s, "is not hex") : 1;
}

static int get_md5(struct parse *p, struct scan *s, void *record)
{
	struct draft *r = record;

	return get_hex(p, s, r->md5, sizeof(r->md5), &r->has_md5);
}

static int get_sha256(struct parse *p, struct scan *s, void *record)
{
	struct draft *r = record;

	return get_hex(p, s, r->sha256.sha256, sizeof(r->sha256.sha256), &r->has_sha256);
}

/* {"group": ["spec", ...], ...} (CEP 44). Of a group that is told twice the last counts. */
static int get_extras(struct parse *p, struct scan *s, void *record)
{
	struct draft *r = record;
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
		struct draft_extra e;
		struct str name;
		size_t at = 0;

		if (!scan_decode(&key, &p->room, &name))
			return scan_fail(s, "a string that is no text");
		e.name = texts_add(p->texts, name);
		if (get_list(p, s, &e.depends) < 0)
			return -1;
		while (at < n && p->extras[at].name != e.name)
			at++;
		if (at == DRAFT_EXTRAS_MAX)
			return scan_fail(s, "more groups than are accepted");
		if (at == n) {
			mem_grow(p->extras, n);
			n++;
		}
		p->extras[at] = e;
	}
	if (rc == 0) {
		r->extras = p->extras;
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
	{ STR("build"), get_build, offsetof(struct draft, build), false },
	{ STR("build_number"), get_build_number, offsetof(struct draft, build_number), false },
	{ STR("constrains"), get_list, offsetof(struct draft, constrains), false },
	{ STR("depends"), get_list, offsetof(struct draft, depends), false },
	{ STR("extra_depends"), get_extras, 0, true },
	{ STR("flags"), get_list, offsetof(struct draft, flags), false },
	{ STR("indexed_timestamp"), get_time, offsetof(struct draft, indexed_timestamp), false },
	{ STR("legacy_bz2_md5"), get_words, offsetof(struct draft, legacy_bz2_md5), false },
	{ STR("license"), get_words, offsetof(struct draft, license), false },
	{ STR("license_family"), get_words, offsetof(struct draft, license_family), false },
	{ STR("md5"), get_md5, 0, true },
	{ STR("name"), get_name, offsetof(struct draft, name), false },
	{ STR("noarch"), get_noarch, offsetof(struct draft, noarch), false },
	{ STR("python_site_packages_path"), get_text, offsetof(struct draft, site_packages), false },
	{ STR("sha256"), get_sha256, 0, true },
	{ STR("size"), get_size, offsetof(struct draft, size), false },
	{ STR("timestamp"), get_time, offsetof(struct draft, timestamp), false },
	{ STR("track_features"), get_features, offsetof(struct draft, track_features), false },
	{ STR("version"), get_version, offsetof(struct draft, version), false },
};

/* The first bytes of a key, at most eight, as a number. padded: there are more bytes behind it, whatever they are. */
static uint64_t key_head(const char *p, size_t n, bool padded)
{
	uint64_t v = 0;

	if (n >= 8) {
		memcpy(&v, p, 8);
	} else if (padded) {
		memcpy(&v, p, 8);
		v = le64toh(v) & ((UINT64_C(1) << 8 * n) - 1);
		v = htole64(v);
	} else {
		memcpy(&v, p, n);
	}
	return v;
}

/* Most records have their keys in order, so the search begins after the one that was found last. */
static const struct field *find_field(struct parse *p, struct str key, bool padded)
{
	uint64_t head = key_head(key.p, key.n, padded);

	for (size_t i = 0; i < COUNT(fields); i++) {
		size_t at = p->next;
		const struct field *f = &fields[at];

		p->next = at + 1 < COUNT(fields) ? at + 1 : 0;
		if (p->heads[at] == head && f->key.n == key.n &&
		    (key.n <= 8 || memcmp(f->key.p + 8, key.p + 8, key.n - 8) == 0))
			return f;
	}
	return NULL;
}

void parse_init(struct parse *p, struct texts *texts)
{
	_Static_assert(COUNT(fields) == PARSE_FIELDS, "a head for each field");

	*p = (struct parse){ .texts = texts };
	for (size_t i = 0; i < COUNT(fields); i++)
		p->heads[i] = key_head(fields[i].key.p, fields[i].key.n, false);
}

static int get_fields(struct parse *p, struct scan *s, struct draft *ret)
{
	struct scan_text t;
	int rc;

	if (scan_enter(s, SCAN_OBJECT) < 0)
		return -1;
	while ((rc = scan_key_like(s, fields[p->next].key, &t)) > 0) {
		const struct field *f;
		struct str key;

		if (!scan_decode(&t, &p->room, &key))
			return scan_fail(s, "a key that is no text");
		f = find_field(p, key, !t.escaped);
		p->key = f ? f->key.p : NULL;
		if (f ? f->get(p, s, f->whole ? (char *)ret : (char *)ret + f->offset) < 0 : scan_skip(s) < 0)
			return -1;
		p->key = NULL;
	}
	return rc;
}

bool parse_record(struct parse *p, struct scan *s, struct draft *ret, char *why, size_t n)
{
	*ret = (struct draft){ .name = { "", 0 }, .version = { "", 0 }, .build = { "", 0 } };
	p->key = NULL;
	p->next = 0;
	if (get_fields(p, s, ret) < 0) {
		snprintf(why, n, "%s%s%s", p->key ? p->key : "", p->key ? ": " : "", s->fault);
		return false;
	}
	return true;
}
