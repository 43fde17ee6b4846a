#include "channels/shard.h"

#include <stddef.h>
#include <stdio.h>

#include "channels/msgpack.h"

struct reader {
	struct msgpack m;
	struct texts *texts;
	struct pack *pack;
	struct str package;
	struct shard_follow *follow;
	struct draft_extra *extras;
	size_t n_extras;
	struct err *err;
};

/* ---- values ---- */

/* 1 with a string, 0 for nil. */
static int get_string(struct reader *d, struct str *ret)
{
	*ret = (struct str){ "", 0 };
	if (msgpack_peek(&d->m) == MSGPACK_NIL)
		return msgpack_skip(&d->m) < 0 ? -1 : 0;
	return msgpack_string(&d->m, ret);
}

static int get_own(struct reader *d, void *field)
{
	return get_string(d, field);
}

static int get_text(struct reader *d, void *field)
{
	struct str v;
	int rc = get_string(d, &v);

	if (rc >= 0)
		*(uint32_t *)field = rc ? texts_add(d->texts, v) + 1 : 0;
	return rc;
}

/* For what nothing depends on: another type than a string counts as not told. */
static int get_words(struct reader *d, void *field)
{
	if (msgpack_peek(&d->m) == MSGPACK_STRING)
		return get_text(d, field);
	*(uint32_t *)field = 0;
	return msgpack_skip(&d->m);
}

static int get_list(struct reader *d, void *field)
{
	struct str v;
	uint32_t n;
	int rc;

	*(uint32_t *)field = 0;
	if (msgpack_peek(&d->m) == MSGPACK_NIL)
		return msgpack_skip(&d->m);
	if (msgpack_array(&d->m, &n) < 0)
		return -1;
	texts_list_begin(d->texts);
	while ((rc = msgpack_next(&d->m, &n, &v)) > 0)
		texts_list_add(d->texts, v);
	if (rc < 0)
		return -1;
	*(uint32_t *)field = texts_list_end(d->texts);
	return 1;
}

static int get_features(struct reader *d, void *field)
{
	struct str v;
	int rc;

	if (msgpack_peek(&d->m) == MSGPACK_ARRAY)
		return get_list(d, field);
	rc = get_string(d, &v);
	*(uint32_t *)field = rc > 0 ? draft_features(d->texts, v) : 0;
	return rc;
}

/* Old tools wrote some numbers as strings. */
static int get_digits(struct reader *d, uint64_t *ret)
{
	struct str v;

	if (msgpack_string(&d->m, &v) < 0)
		return -1;
	*ret = 0;
	if (!v.n || v.n > 18)
		return msgpack_fail(&d->m, "has a string that is no number");
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return msgpack_fail(&d->m, "has a string that is no number");
		*ret = *ret * 10 + (uint64_t)(v.p[i] - '0');
	}
	return 1;
}

/* A whole number that is not negative; nil is 0. */
static int get_count(struct reader *d, uint64_t max, uint64_t *ret)
{
	bool negative = false;
	int rc;

	*ret = 0;
	if (msgpack_peek(&d->m) == MSGPACK_NIL)
		return msgpack_skip(&d->m);
	rc = msgpack_peek(&d->m) == MSGPACK_STRING ? get_digits(d, ret) : msgpack_int(&d->m, ret, &negative);
	if (rc > 0 && (negative || *ret > max))
		return msgpack_fail(&d->m, "has a number out of range");
	return rc;
}

static int get_build_number(struct reader *d, void *field)
{
	return get_count(d, INT64_MAX, field);
}

static int get_size(struct reader *d, void *field)
{
	return get_count(d, DRAFT_SIZE_MAX, field);
}

/* Nothing depends on it being told: what is no time that can be counts as not told. */
static int get_time(struct reader *d, void *field)
{
	int64_t *ret = field;
	uint64_t v;
	double f;
	bool negative;

	*ret = 0;
	if (msgpack_peek(&d->m) == MSGPACK_FLOAT) {
		if (msgpack_float(&d->m, &f) < 0)
			return -1;
		if (f >= 0 && f < 1e15)
			*ret = draft_time((uint64_t)f, (unsigned)((f - (double)(uint64_t)f) * 1000));
		return 1;
	}
	if (msgpack_peek(&d->m) != MSGPACK_INT)
		return msgpack_skip(&d->m);
	if (msgpack_int(&d->m, &v, &negative) < 0)
		return -1;
	if (!negative)
		*ret = draft_time(v, 0);
	return 1;
}

static int get_noarch(struct reader *d, void *field)
{
	enum noarch *ret = field;
	enum msgpack_type type = msgpack_peek(&d->m);
	struct str v;

	*ret = type == MSGPACK_TRUE ? NOARCH_GENERIC : NOARCH_NO;
	if (type == MSGPACK_TRUE || type == MSGPACK_FALSE || type == MSGPACK_NIL)
		return msgpack_skip(&d->m);
	if (msgpack_string(&d->m, &v) < 0)
		return -1;
	if (str_eq(v, "python"))
		*ret = NOARCH_PYTHON;
	else if (str_eq(v, "generic"))
		*ret = NOARCH_GENERIC;
	else
		return msgpack_fail(&d->m, "has a noarch that is neither generic nor python");
	return 1;
}

/* n bytes, or twice as many hex digits. Absent, nil or empty: not told. */
static int get_digest(struct reader *d, uint8_t *bytes, size_t n, bool *has)
{
	char hex[129];
	struct str v;

	*has = false;
	if (msgpack_peek(&d->m) == MSGPACK_NIL)
		return msgpack_skip(&d->m);
	if (msgpack_bytes(&d->m, &v) < 0)
		return -1;
	if (v.n == n) {
		memcpy(bytes, v.p, n);
		*has = true;
	} else if (v.n == 2 * n) {
		memcpy(hex, v.p, v.n);
		hex[v.n] = '\0';
		*has = digest_hex_parse(hex, bytes, n);
	}
	return *has || !v.n ? 1 : msgpack_fail(&d->m, "has a digest of another length");
}

static int get_md5(struct reader *d, void *record)
{
	struct draft *r = record;

	return get_digest(d, r->md5, sizeof(r->md5), &r->has_md5);
}

static int get_sha256(struct reader *d, void *record)
{
	struct draft *r = record;

	return get_digest(d, r->sha256.sha256, sizeof(r->sha256.sha256), &r->has_sha256);
}

static int get_extras(struct reader *d, void *record)
{
	struct draft *r = record;
	struct str name;
	uint32_t n;
	int rc;

	d->n_extras = 0;
	r->n_extras = 0;
	if (msgpack_peek(&d->m) == MSGPACK_NIL)
		return msgpack_skip(&d->m);
	if (msgpack_map(&d->m, &n) < 0)
		return -1;
	while ((rc = msgpack_next(&d->m, &n, &name)) > 0) {
		struct draft_extra e = { .name = texts_add(d->texts, name) };
		size_t at = 0;

		if (get_list(d, &e.depends) < 0)
			return -1;
		while (at < d->n_extras && d->extras[at].name != e.name)
			at++;
		if (at == DRAFT_EXTRAS_MAX)
			return msgpack_fail(&d->m, "has more groups than are accepted");
		if (at == d->n_extras) {
			mem_grow(d->extras, d->n_extras);
			d->n_extras++;
		}
		d->extras[at] = e;
	}
	if (rc < 0)
		return -1;
	r->extras = d->extras;
	r->n_extras = d->n_extras;
	return 1;
}

/* ---- records ---- */

static const struct field {
	const char *key;
	int (*get)(struct reader *d, void *field);
	size_t offset; /* of what get() is given */
	bool whole; /* get() is given the draft */
} fields[] = {
	{ "build", get_own, offsetof(struct draft, build), false },
	{ "build_number", get_build_number, offsetof(struct draft, build_number), false },
	{ "constrains", get_list, offsetof(struct draft, constrains), false },
	{ "depends", get_list, offsetof(struct draft, depends), false },
	{ "extra_depends", get_extras, 0, true },
	{ "flags", get_list, offsetof(struct draft, flags), false },
	{ "indexed_timestamp", get_time, offsetof(struct draft, indexed_timestamp), false },
	{ "legacy_bz2_md5", get_words, offsetof(struct draft, legacy_bz2_md5), false },
	{ "license", get_words, offsetof(struct draft, license), false },
	{ "license_family", get_words, offsetof(struct draft, license_family), false },
	{ "md5", get_md5, 0, true },
	{ "name", get_own, offsetof(struct draft, name), false },
	{ "noarch", get_noarch, offsetof(struct draft, noarch), false },
	{ "python_site_packages_path", get_text, offsetof(struct draft, site_packages), false },
	{ "sha256", get_sha256, 0, true },
	{ "size", get_size, offsetof(struct draft, size), false },
	{ "timestamp", get_time, offsetof(struct draft, timestamp), false },
	{ "track_features", get_features, offsetof(struct draft, track_features), false },
	{ "version", get_own, offsetof(struct draft, version), false },
};

static const struct field *find_field(struct str key)
{
	for (size_t i = 0; i < COUNT(fields); i++)
		if (str_eq(key, fields[i].key))
			return &fields[i];
	return NULL;
}

static int get_record(struct reader *d, struct draft *ret)
{
	struct str key;
	uint32_t n;
	int rc;

	*ret = (struct draft){ .name = { "", 0 }, .version = { "", 0 }, .build = { "", 0 } };
	if (msgpack_map(&d->m, &n) < 0)
		return -1;
	while ((rc = msgpack_next(&d->m, &n, &key)) > 0) {
		const struct field *f = find_field(key);

		if (f ? f->get(d, f->whole ? (char *)ret : (char *)ret + f->offset) < 0 : msgpack_skip(&d->m) < 0)
			return -1;
	}
	return rc < 0 ? -1 : 1;
}

/* ---- what they depend on ---- */

void shard_follow_release(struct shard_follow *f)
{
	free(f->lists);
	*f = (struct shard_follow){ 0 };
}

static void follow_list(struct reader *d, uint32_t at)
{
	struct shard_follow *f = d->follow;
	const uint32_t *list = d->texts->words + at;

	if (!at)
		return;
	if (at / 8 >= f->size) {
		size_t size = d->texts->n_words / 4 + 1;

		f->lists = mem_resize(f->lists, size, 1);
		memset(f->lists + f->size, 0, size - f->size);
		f->size = size;
	}
	if (f->lists[at / 8] & 1u << at % 8)
		return;
	f->lists[at / 8] |= (uint8_t)(1u << at % 8);
	for (uint32_t k = 1; k <= *list; k++)
		reach_spec(f->reach, d->texts->strings.entries[list[k]].p);
}

static void follow(struct reader *d, const struct draft *draft)
{
	follow_list(d, draft->depends);
	for (size_t i = 0; i < draft->n_extras; i++)
		follow_list(d, draft->extras[i].depends);
}

/* ---- the shard ---- */

static bool is_of_package(const struct reader *d, const struct draft *draft)
{
	return draft->name.n == d->package.n && strncasecmp(draft->name.p, d->package.p, d->package.n) == 0;
}

/* One that cannot be read is passed over by what the bytes say its length is. */
static int read_record(struct reader *d, struct str key, enum packed_kind kind)
{
	const unsigned char *from = d->m.at;
	struct draft draft;
	int rc;

	if (get_record(d, &draft) < 0) {
		pack_broken(d->pack, key, d->m.fault);
		d->m.at = from;
		d->m.fault = NULL;
		return msgpack_skip(&d->m);
	}
	if (!is_of_package(d, &draft)) {
		pack_broken(d->pack, key, "is in the shard of another name");
		return 1;
	}
	rc = pack_add(d->pack, key, kind, &draft, d->err);
	if (rc > 0)
		follow(d, &draft);
	return rc < 0 ? -1 : 1;
}

/* fixed is what they all are; NULL: their names say. */
static int read_section(struct reader *d, const enum packed_kind *fixed)
{
	struct str key;
	uint32_t n;
	int rc;

	if (msgpack_peek(&d->m) == MSGPACK_NIL)
		return msgpack_skip(&d->m);
	if (msgpack_map(&d->m, &n) < 0)
		return -1;
	while ((rc = msgpack_next(&d->m, &n, &key)) > 0) {
		enum packed_kind kind = fixed ? *fixed : KIND_BZ2;

		if (!fixed && !pack_kind(key, &kind)) {
			pack_broken(d->pack, key, "is no name of a package file");
			if (msgpack_skip(&d->m) < 0)
				return -1;
		} else if (read_record(d, key, kind) < 0) {
			return -1;
		}
	}
	return rc < 0 ? -1 : 1;
}

static int read_removed(struct reader *d)
{
	struct str fn;
	uint32_t n;
	int rc;

	if (msgpack_peek(&d->m) == MSGPACK_NIL)
		return msgpack_skip(&d->m);
	if (msgpack_array(&d->m, &n) < 0)
		return -1;
	while ((rc = msgpack_next(&d->m, &n, &fn)) > 0)
		pack_removed(d->pack, fn);
	return rc < 0 ? -1 : 1;
}

static int read_v3(struct reader *d)
{
	static const enum packed_kind conda = KIND_V3_CONDA, bz2 = KIND_V3_BZ2;
	struct str key;
	uint32_t n;
	int rc;

	if (msgpack_peek(&d->m) == MSGPACK_NIL)
		return msgpack_skip(&d->m);
	if (msgpack_map(&d->m, &n) < 0)
		return -1;
	while ((rc = msgpack_next(&d->m, &n, &key)) > 0) {
		if (str_eq(key, "conda"))
			rc = read_section(d, &conda);
		else if (str_eq(key, "tar.bz2"))
			rc = read_section(d, &bz2);
		else
			rc = msgpack_skip(&d->m);
		if (rc < 0)
			return -1;
	}
	return rc < 0 ? -1 : 1;
}

static int read_all(struct reader *d)
{
	struct str key;
	uint32_t n;
	int rc;

	if (msgpack_map(&d->m, &n) < 0)
		return -1;
	while ((rc = msgpack_next(&d->m, &n, &key)) > 0) {
		if (str_eq(key, "packages") || str_eq(key, "packages.conda"))
			rc = read_section(d, NULL);
		else if (str_eq(key, "removed"))
			rc = read_removed(d);
		else if (str_eq(key, "v3"))
			rc = read_v3(d);
		else
			rc = msgpack_skip(&d->m);
		if (rc < 0)
			return -1;
	}
	if (rc < 0)
		return -1;
	return d->m.at == d->m.end ? 0 : msgpack_fail(&d->m, "has more bytes after its end");
}

int shard_read(const void *p, size_t n, struct str package, const char *name, struct pack *pack,
	       struct shard_follow *follow, struct err *err)
{
	struct reader d = { .texts = pack_texts(pack), .pack = pack, .package = package, .follow = follow, .err = err };
	int rc;

	msgpack_init(&d.m, p, n);
	rc = read_all(&d);
	free(d.extras);
	if (rc < 0 && d.m.fault)
		return err_set(err, ERR_FORMAT, "%s: byte %zu: %s", name, (size_t)(d.m.at - (const unsigned char *)p),
			       d.m.fault);
	return rc < 0 ? err_at(err, "%s", name) : 0;
}
