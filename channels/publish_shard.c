#include "channels/publish.h"

#include <stdlib.h>
#include <string.h>

/* ---- msgpack ---- */

/* n in the fewest bytes after a head of its own: small values are in small itself. */
static void pack_head(struct buf *b, uint64_t n, unsigned char small, unsigned small_max, unsigned char head8,
		      unsigned char head16, unsigned char head32)
{
	if (n <= small_max) {
		buf_addc(b, (char)(small | n));
	} else if (n <= UINT8_MAX && head8) {
		buf_addc(b, (char)head8);
		buf_addc(b, (char)n);
	} else if (n <= UINT16_MAX) {
		buf_addc(b, (char)head16);
		buf_addc(b, (char)(n >> 8));
		buf_addc(b, (char)n);
	} else {
		buf_addc(b, (char)head32);
		for (int shift = 24; shift >= 0; shift -= 8)
			buf_addc(b, (char)(n >> shift));
	}
}

static void pack_map(struct buf *b, size_t n)
{
	pack_head(b, n, 0x80, 15, 0, 0xde, 0xdf);
}

static void pack_array(struct buf *b, size_t n)
{
	pack_head(b, n, 0x90, 15, 0, 0xdc, 0xdd);
}

static void pack_text(struct buf *b, const char *s)
{
	pack_head(b, strlen(s), 0xa0, 31, 0xd9, 0xda, 0xdb);
	buf_adds(b, s);
}

static void pack_bin(struct buf *b, const void *p, size_t n)
{
	buf_addc(b, (char)0xc4);
	buf_addc(b, (char)n);
	buf_add(b, p, n);
}

static void pack_bytes(struct buf *b, unsigned char head, uint64_t v, int bytes)
{
	buf_addc(b, (char)head);
	while (bytes--)
		buf_addc(b, (char)(v >> (8 * bytes)));
}

static void pack_int(struct buf *b, int64_t v)
{
	if (v < 0)
		pack_bytes(b, 0xd3, (uint64_t)v, 8);
	else if (v <= 0x7f)
		buf_addc(b, (char)v);
	else if (v <= UINT8_MAX)
		pack_bytes(b, 0xcc, (uint64_t)v, 1);
	else if (v <= UINT16_MAX)
		pack_bytes(b, 0xcd, (uint64_t)v, 2);
	else if (v <= UINT32_MAX)
		pack_bytes(b, 0xce, (uint64_t)v, 4);
	else
		pack_bytes(b, 0xcf, (uint64_t)v, 8);
}

static void pack_float(struct buf *b, const char *text)
{
	double v = strtod(text, NULL);
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	pack_bytes(b, 0xcb, bits, 8);
}

static void pack_doc(struct buf *b, const struct doc *d);

/* Digests of a record are bytes (CEP 16). */
static void pack_value(struct buf *b, const char *key, const struct doc *d)
{
	uint8_t bytes[32];
	size_t n = strcmp(key, "sha256") == 0 ? 32 : strcmp(key, "md5") == 0 ? 16 : 0;

	if (n && d->type == DOC_STRING && strlen(d->text) == 2 * n && digest_hex_parse(d->text, bytes, n))
		pack_bin(b, bytes, n);
	else
		pack_doc(b, d);
}

static void pack_doc(struct buf *b, const struct doc *d)
{
	switch (d->type) {
	case DOC_NULL:
		buf_addc(b, (char)0xc0);
		return;
	case DOC_BOOL:
		buf_addc(b, (char)(d->num ? 0xc3 : 0xc2));
		return;
	case DOC_INT:
		pack_int(b, d->num);
		return;
	case DOC_FLOAT:
		pack_float(b, d->text);
		return;
	case DOC_STRING:
		pack_text(b, d->text);
		return;
	case DOC_LIST:
		pack_array(b, d->n);
		for (size_t i = 0; i < d->n; i++)
			pack_doc(b, &d->items[i]);
		return;
	case DOC_MAP: {
		auto_free const struct doc **keys = publish_keys(d);

		pack_map(b, d->n);
		for (size_t i = 0; i < d->n; i++) {
			pack_text(b, keys[i]->text);
			pack_value(b, keys[i]->text, &d->items[keys[i] - d->keys]);
		}
	}
	}
}

/* ---- shards ---- */

/* What there is of one name. */
struct shard {
	const struct publish_entry *const *entries;
	size_t n;
};

static struct shard find_shard(const struct publish *p, const char *name)
{
	size_t low = 0, high = p->n, n = 0;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(p->by_name[mid]->name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	while (low + n < p->n && strcmp(p->by_name[low + n]->name, name) == 0)
		n++;
	return (struct shard){ p->by_name + low, n };
}

static size_t count_of(const struct shard *s, const char *suffix, bool v3)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += publish_is_of(s->entries[i], suffix, v3);
	return n;
}

static void pack_section(struct buf *b, const struct shard *s, const char *key, const char *suffix, bool v3)
{
	pack_text(b, key);
	pack_map(b, count_of(s, suffix, v3));
	for (size_t i = 0; i < s->n; i++) {
		const struct publish_entry *e = s->entries[i];
		auto_free char *stem = mem_printf("%.*s", (int)(strlen(e->fn) - strlen(suffix)), e->fn);

		if (!publish_is_of(e, suffix, v3))
			continue;
		pack_text(b, v3 ? stem : e->fn);
		pack_doc(b, e->record);
	}
}

/* Names of packages have no '-' behind that a version could follow: "a-b-1-0.conda" is of "a-b". */
static bool is_removed_of(const char *fn, const char *name)
{
	auto_arena a = { 0 };
	const char *is, *version, *build;

	return record_split_fn(&a, fn, &is, &version, &build) && strcmp(is, name) == 0;
}

void publish_shard(const struct publish *p, const char *name, struct buf *ret)
{
	struct shard s = find_shard(p, name);
	bool v3 = count_of(&s, ".conda", true) || count_of(&s, ".tar.bz2", true);
	size_t removed = 0;

	pack_map(ret, v3 ? 4 : 3);
	pack_section(ret, &s, "packages", ".tar.bz2", false);
	pack_section(ret, &s, "packages.conda", ".conda", false);
	for (size_t i = 0; i < p->n_removed; i++)
		removed += is_removed_of(p->removed[i], name);
	pack_text(ret, "removed");
	pack_array(ret, removed);
	for (size_t i = 0; i < p->n_removed; i++)
		if (is_removed_of(p->removed[i], name))
			pack_text(ret, p->removed[i]);
	if (!v3)
		return;
	pack_text(ret, "v3");
	pack_map(ret, 2);
	pack_section(ret, &s, "conda", ".conda", true);
	pack_section(ret, &s, "tar.bz2", ".tar.bz2", true);
}

void publish_shard_index(const struct publish *p, const char *const *names, const struct digest *shards,
			 struct buf *ret)
{
	size_t n = 0;

	while (names[n])
		n++;
	pack_map(ret, 3);
	pack_text(ret, "info");
	pack_map(ret, 3);
	pack_text(ret, "base_url");
	pack_text(ret, "./");
	pack_text(ret, "shards_base_url");
	pack_text(ret, "./shards/");
	pack_text(ret, "subdir");
	pack_text(ret, p->subdir);
	pack_text(ret, "shards");
	pack_map(ret, n);
	for (size_t i = 0; i < n; i++) {
		pack_text(ret, names[i]);
		pack_bin(ret, shards[i].sha256, sizeof(shards[i].sha256));
	}
	pack_text(ret, "version");
	pack_int(ret, 1);
}
