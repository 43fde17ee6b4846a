#include <stdlib.h>

#include "channels/document.h"
#include "channels/msgpack.h"
#include "channels/shard.h"

#define NAME_BYTES 255

struct entry {
	struct str name;
	struct digest digest;
	uint32_t place; /* in the document */
};

struct reader {
	struct msgpack m;
	struct arena *arena;
	const char *name;
	struct shard_index *ret;
	struct entry *entries;
	size_t n;
	uint64_t version;
};

static int read_version(struct reader *d)
{
	uint64_t v;
	bool negative;

	if (msgpack_peek(&d->m) == MSGPACK_NIL)
		return msgpack_skip(&d->m);
	if (msgpack_int(&d->m, &v, &negative) < 0)
		return -1;
	if (negative)
		return msgpack_fail(&d->m, "has a version that is none");
	d->version = v > d->version ? v : d->version;
	return 1;
}

static int read_text(struct reader *d, const char **ret)
{
	struct str s;

	if (msgpack_peek(&d->m) == MSGPACK_NIL)
		return msgpack_skip(&d->m);
	if (msgpack_string(&d->m, &s) < 0)
		return -1;
	*ret = s.n ? arena_strndup(d->arena, s.p, s.n) : NULL;
	return 1;
}

static int read_info(struct reader *d)
{
	struct shard_index *ix = d->ret;
	struct str key;
	uint32_t n;
	int rc;

	if (msgpack_map(&d->m, &n) < 0)
		return -1;
	while ((rc = msgpack_next(&d->m, &n, &key)) > 0) {
		if (str_eq(key, "base_url"))
			rc = read_text(d, &ix->base_url);
		else if (str_eq(key, "shards_base_url"))
			rc = read_text(d, &ix->shards_base_url);
		else if (str_eq(key, "created_at") && msgpack_peek(&d->m) == MSGPACK_STRING)
			rc = read_text(d, &ix->created_at);
		else
			rc = msgpack_skip(&d->m);
		if (rc < 0)
			return -1;
	}
	return rc < 0 ? -1 : 1;
}

/* 32 bytes, or 64 hex digits. */
static bool digest_of(struct str s, struct digest *ret)
{
	char hex[65];

	if (s.n == sizeof(ret->sha256)) {
		memcpy(ret->sha256, s.p, s.n);
		return true;
	}
	if (s.n != 64)
		return false;
	memcpy(hex, s.p, s.n);
	hex[64] = '\0';
	return digest_parse(hex, ret);
}

static const char *lower(struct arena *a, struct str s)
{
	char *p = arena_strndup(a, s.p, s.n);

	for (size_t i = 0; i < s.n; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] |= 0x20;
	return p;
}

static int read_shards(struct reader *d)
{
	struct str key, value;
	uint32_t n;
	int rc;

	if (msgpack_map(&d->m, &n) < 0)
		return -1;
	while ((rc = msgpack_next(&d->m, &n, &key)) > 0) {
		struct entry e = { .place = (uint32_t)d->n };

		if (msgpack_bytes(&d->m, &value) < 0)
			return -1;
		if (!digest_of(value, &e.digest))
			return msgpack_fail(&d->m, "has a shard whose hash is no sha256");
		if (!key.n || key.n > NAME_BYTES)
			continue;
		e.name = (struct str){ lower(d->arena, key), key.n };
		mem_grow(d->entries, d->n);
		d->entries[d->n++] = e;
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
		if (str_eq(key, "version") || str_eq(key, "repodata_version"))
			rc = read_version(d);
		else if (str_eq(key, "info"))
			rc = read_info(d);
		else if (str_eq(key, "shards"))
			rc = read_shards(d);
		else
			rc = msgpack_skip(&d->m);
		if (rc < 0)
			return -1;
	}
	if (rc < 0)
		return -1;
	return d->m.at == d->m.end ? 0 : msgpack_fail(&d->m, "has more bytes after its end");
}

static int compare(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	return c ? c : (a.n > b.n) - (a.n < b.n);
}

/* Of a name that is told twice the last comes first. */
static int entry_cmp(const void *x, const void *y)
{
	const struct entry *a = x, *b = y;
	int c = compare(a->name, b->name);

	return c ? c : (a->place < b->place) - (a->place > b->place);
}

static void settle(struct reader *d)
{
	struct str *names = arena_array(d->arena, d->n, sizeof(*names));
	struct digest *shards = arena_array(d->arena, d->n, sizeof(*shards));
	size_t kept = 0;

	if (d->n)
		qsort(d->entries, d->n, sizeof(*d->entries), entry_cmp);
	for (size_t i = 0; i < d->n; i++) {
		if (kept && compare(names[kept - 1], d->entries[i].name) == 0)
			continue;
		names[kept] = d->entries[i].name;
		shards[kept++] = d->entries[i].digest;
	}
	d->ret->names = names;
	d->ret->shards = shards;
	d->ret->n = kept;
}

int shard_index_read(struct arena *a, const void *p, size_t n, const char *name, struct shard_index *ret,
		     struct err *err)
{
	struct reader d = { .arena = a, .name = name, .ret = ret };
	int rc;

	*ret = (struct shard_index){ 0 };
	msgpack_init(&d.m, p, n);
	rc = read_all(&d);
	if (rc < 0)
		err_set(err, ERR_FORMAT, "%s: byte %zu: %s", name, (size_t)(d.m.at - (const unsigned char *)p),
			d.m.fault);
	else
		rc = document_judge_version(d.version, name, err);
	if (rc == 0)
		settle(&d);
	free(d.entries);
	return rc;
}

size_t shard_index_find(const struct shard_index *ix, struct str name)
{
	size_t low = 0, high = ix->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = compare(ix->names[mid], name);

		if (c == 0)
			return mid;
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return SIZE_MAX;
}
