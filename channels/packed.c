#include "channels/packed.h"

#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "channels/packed_format.h"

_Static_assert(sizeof(struct packed_head) <= PACKED_HEAD, "the head has room");
_Static_assert(sizeof(struct packed_record) % 8 == 0 && sizeof(struct packed_more) % 8 == 0, "records lie at eights");

struct packed {
	const unsigned char *map;
	size_t size;
	struct packed_head head;
	struct packed_source source;
	uint8_t *good; /* a bit a block: its checksum was found right */
	size_t blocks;
	bool damaged;
};

/* ---- checksums ---- */

static uint64_t fold(uint64_t a, uint64_t b)
{
	__uint128_t x = (__uint128_t)a * b;

	return (uint64_t)x ^ (uint64_t)(x >> 64);
}

static uint64_t load(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

uint64_t packed_check(const void *bytes, size_t n)
{
	static const uint64_t k[] = { 0xa0761d6478bd642fu, 0xe7037ed1a0b428dbu, 0x8ebc6af09c88c6e3u,
				      0x589965cc75374cc3u };
	const unsigned char *p = bytes;
	uint64_t a = k[0], b = k[1], total = n;
	unsigned char tail[32] = { 0 };

	for (; n >= 32; p += 32, n -= 32) {
		a = fold(load(p) ^ k[0] ^ a, load(p + 8) ^ k[1]) + a;
		b = fold(load(p + 16) ^ k[2] ^ b, load(p + 24) ^ k[3]) + b;
	}
	memcpy(tail, p, n);
	a = fold(load(tail) ^ k[0] ^ a, load(tail + 8) ^ k[1]) + a;
	b = fold(load(tail + 16) ^ k[2] ^ b, load(tail + 24) ^ k[3]) + b;
	return fold(a ^ total, b ^ k[1]);
}

static void *damage(struct packed *p)
{
	p->damaged = true;
	return NULL;
}

static bool check_block(struct packed *p, size_t i)
{
	size_t at = PACKED_HEAD + i * PACKED_BLOCK;
	size_t end = p->head.parts[PART_CHECKS].at, n = end - at < PACKED_BLOCK ? end - at : PACKED_BLOCK;
	uint64_t want;

	memcpy(&want, p->map + end + i * sizeof(want), sizeof(want));
	if (packed_check(p->map + at, n) != want)
		return false;
	p->good[i / 8] |= (uint8_t)(1u << i % 8);
	return true;
}

/* len bytes of a part, which are then known to be what was written; NULL: they are not there, or not that. */
static const void *part_bytes(struct packed *p, enum packed_part part, uint64_t at, uint64_t len)
{
	const struct packed_span *s = &p->head.parts[part];
	size_t first, last;

	if (p->damaged || at > s->len || len > s->len - at)
		return damage(p);
	if (!len)
		return p->map + s->at + at;
	first = (s->at + at - PACKED_HEAD) / PACKED_BLOCK;
	last = (s->at + at + len - 1 - PACKED_HEAD) / PACKED_BLOCK;
	for (size_t i = first; i <= last; i++)
		if (!(p->good[i / 8] & 1u << i % 8) && !check_block(p, i))
			return damage(p);
	return p->map + s->at + at;
}

/* ---- opening ---- */

/* Parts follow one another to the end of the file, each where its numbers may lie. */
static bool parts_fit(const struct packed_head *h)
{
	static const unsigned sizes[PARTS] = {
		[PART_RECORDS] = 8,
		[PART_TEXT] = 1,
		[PART_TEXT_AT] = 4,
		[PART_WORDS] = 4,
		[PART_NAMES] = sizeof(struct packed_name),
		[PART_NAME_TEXT] = 1,
		[PART_RUNS] = sizeof(struct packed_run),
		[PART_CHECKS] = 8,
	};
	uint64_t at = PACKED_HEAD, blocks;

	for (size_t i = 0; i < PARTS; i++) {
		const struct packed_span *s = &h->parts[i];

		if (s->at < at || s->at - at >= 8 || s->at % 8 || s->at > h->size || s->len > h->size - s->at ||
		    s->len % sizes[i])
			return false;
		at = s->at + s->len;
	}
	blocks = (h->parts[PART_CHECKS].at - PACKED_HEAD + PACKED_BLOCK - 1) / PACKED_BLOCK;
	return at == h->size && h->parts[PART_CHECKS].len == blocks * 8 && h->parts[PART_TEXT_AT].len >= 4 &&
	       h->parts[PART_WORDS].len >= 4;
}

static bool head_fits(const struct packed_head *h, size_t size)
{
	return memcmp(h->magic, PACKED_MAGIC, sizeof(h->magic)) == 0 && h->order == PACKED_ORDER &&
	       h->version == PACKED_VERSION && h->record_size == sizeof(struct packed_record) && h->size == size &&
	       h->check == packed_check(h, offsetof(struct packed_head, check)) && parts_fit(h) &&
	       h->n_records <= h->parts[PART_RECORDS].len / sizeof(struct packed_record) &&
	       memchr(h->example, '\0', sizeof(h->example)) && memchr(h->base_url, '\0', sizeof(h->base_url));
}

static bool read_head(struct packed *p)
{
	const struct packed_head *h = &p->head;
	const struct packed_span *checks;

	memcpy(&p->head, p->map, sizeof(p->head));
	if (!head_fits(h, p->size))
		return false;
	checks = &h->parts[PART_CHECKS];
	if (packed_check(p->map + checks->at, checks->len) != h->checks)
		return false;
	p->blocks = checks->len / 8;
	p->good = mem_array(p->blocks / 8 + 1, 1);
	p->source = (struct packed_source){ h->source_ino,   h->source_size,	      h->source_mtime,
					    h->source_ctime, h->flags & PACKED_YOUNG, { { 0 } } };
	memcpy(p->source.digest.sha256, h->source, sizeof(h->source));
	return true;
}

struct packed *packed_open(int fd)
{
	auto_fd file = fd;
	struct packed *p;
	struct stat st;
	void *map;

	if (fstat(file, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < (off_t)PACKED_HEAD)
		return NULL;
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, file, 0);
	if (map == MAP_FAILED)
		return NULL;
	p = NEW(struct packed);
	p->map = map;
	p->size = (size_t)st.st_size;
	if (read_head(p))
		return p;
	packed_free(p);
	return NULL;
}

void packed_free(struct packed *p)
{
	if (!p)
		return;
	munmap((void *)p->map, p->size);
	free(p->good);
	free(p);
}

bool packed_damaged(const struct packed *p)
{
	return p->damaged;
}

struct packed_source packed_source_of(const struct stat *st)
{
	return (struct packed_source){ .ino = st->st_ino,
				       .size = (uint64_t)st->st_size,
				       .mtime = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
				       .ctime = (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec };
}

const struct packed_source *packed_source(const struct packed *p)
{
	return &p->source;
}

const char *packed_base_url(const struct packed *p)
{
	return *p->head.base_url ? p->head.base_url : NULL;
}

uint64_t packed_records(const struct packed *p)
{
	return p->head.n_records;
}

uint64_t packed_broken(const struct packed *p, const char **example)
{
	*example = p->head.example;
	return p->head.n_broken;
}

/* ---- names ---- */

size_t packed_names(const struct packed *p)
{
	return p->head.parts[PART_NAMES].len / sizeof(struct packed_name);
}

static const struct packed_name *name_at(struct packed *p, size_t i)
{
	return part_bytes(p, PART_NAMES, i * sizeof(struct packed_name), sizeof(struct packed_name));
}

struct str packed_name(struct packed *p, size_t i)
{
	const struct packed_name *n = name_at(p, i);
	const char *text = n ? part_bytes(p, PART_NAME_TEXT, n->at, n->len) : NULL;

	return text ? (struct str){ text, n->len } : (struct str){ "", 0 };
}

static int compare(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	return c ? c : (a.n > b.n) - (a.n < b.n);
}

size_t packed_find(struct packed *p, struct str name)
{
	size_t low = 0, high = packed_names(p);

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = compare(packed_name(p, mid), name);

		if (p->damaged)
			return PACKED_NONE;
		if (c == 0)
			return mid;
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return PACKED_NONE;
}

/* ---- strings and lists ---- */

uint32_t packed_n_strings(const struct packed *p)
{
	return (uint32_t)(p->head.parts[PART_TEXT_AT].len / 4 - 1);
}

uint32_t packed_n_words(const struct packed *p)
{
	return (uint32_t)(p->head.parts[PART_WORDS].len / 4);
}

const char *packed_string(struct packed *p, uint32_t i, size_t *len)
{
	const uint32_t *at = part_bytes(p, PART_TEXT_AT, (uint64_t)i * 4, 8);
	const char *text;

	if (!at || at[1] <= at[0])
		return damage(p);
	*len = at[1] - at[0] - 1;
	text = part_bytes(p, PART_TEXT, at[0], *len + 1);
	return text && !text[*len] ? text : damage(p);
}

const uint32_t *packed_list(struct packed *p, uint32_t at, uint32_t *n)
{
	const uint32_t *words = part_bytes(p, PART_WORDS, (uint64_t)at * 4, 4);

	*n = 0;
	if (!words || !part_bytes(p, PART_WORDS, (uint64_t)at * 4, 4 + (uint64_t)*words * 4))
		return NULL;
	*n = *words;
	return words + 1;
}

/* ---- records ---- */

struct packed_cursor packed_records_of(struct packed *p, size_t i)
{
	const struct packed_name *n = name_at(p, i);

	return n ? (struct packed_cursor){ .run = n->first_run, .runs_left = n->n_runs } : (struct packed_cursor){ 0 };
}

size_t packed_count_of(struct packed *p, size_t i)
{
	const struct packed_name *n = name_at(p, i);
	size_t total = 0;

	for (uint32_t k = 0; n && k < n->n_runs; k++) {
		const struct packed_run *r =
			part_bytes(p, PART_RUNS, ((uint64_t)n->first_run + k) * sizeof(*r), sizeof(*r));

		if (!r)
			return 0;
		/* Each has its own bytes, so a lie about their number costs nothing. */
		total += r->count < r->bytes / sizeof(struct packed_record) ? r->count
									    : r->bytes / sizeof(struct packed_record);
	}
	return total;
}

static bool next_run(struct packed *p, struct packed_cursor *c)
{
	const struct packed_run *r;

	if (!c->runs_left)
		return false;
	r = part_bytes(p, PART_RUNS, (uint64_t)c->run * sizeof(*r), sizeof(*r));
	c->at = r && r->at % 8 == 0 ? part_bytes(p, PART_RECORDS, r->at, r->bytes) : damage(p);
	if (!c->at)
		return false;
	c->end = c->at + r->bytes;
	c->left = r->count;
	c->run++;
	c->runs_left--;
	return true;
}

/* Whether the record at the cursor lies within its run, and holds together. */
static bool look(const unsigned char *at, size_t left, struct packed_item *ret)
{
	const struct packed_record *r = (const void *)at;
	size_t size, more;

	if (left < sizeof(*r))
		return false;
	size = (size_t)r->bytes * 8;
	more = (sizeof(*r) + r->fn_len + 1u + 7u) & ~(size_t)7;
	*ret = (struct packed_item){ .r = r, .fn = (const char *)(r + 1) };
	if (size > left || more > size || ret->fn[r->fn_len] || r->name_len + r->version_len + 2u > r->fn_len)
		return false;
	if (!(r->flags & RECORD_MORE))
		return true;
	if (size - more < sizeof(*ret->more))
		return false;
	ret->more = (const void *)(at + more);
	ret->extras = (const uint32_t *)(ret->more + 1);
	return (size - more - sizeof(*ret->more)) / 8 >= ret->more->n_extras;
}

bool packed_next(struct packed *p, struct packed_cursor *c, struct packed_item *ret)
{
	while (!c->left)
		if (!next_run(p, c))
			return false;
	if (!look(c->at, (size_t)(c->end - c->at), ret)) {
		damage(p);
		return false;
	}
	c->at += (size_t)ret->r->bytes * 8;
	c->left--;
	return true;
}
