#include "conda/elf.h"

#include <string.h>

#define HEADER 64 /* bytes of an ELF64 header */
#define SEGMENT 56 /* of a program header */
#define ENTRY 16 /* of an entry of the table */
#define NAME_MAX_BYTES 255

#define ET_EXEC 2
#define ET_DYN 3
#define PT_LOAD 1
#define PT_DYNAMIC 2
#define DT_NULL 0
#define DT_NEEDED 1
#define DT_STRTAB 5

/* ---- bytes ---- */

static void part_begin(struct elf_part *p, uint64_t offset, uint64_t size)
{
	p->offset = offset;
	p->size = size;
	p->bytes.n = 0;
}

/* Keep what of these n bytes, the first of which is at the offset, p wants. */
static void part_add(struct elf_part *p, uint64_t offset, const char *bytes, size_t n)
{
	uint64_t next = p->offset + p->bytes.n, skip;

	if (p->bytes.n == p->size || offset > next || offset + n <= next)
		return;
	skip = next - offset;
	n -= (size_t)skip;
	if (n > p->size - p->bytes.n)
		n = (size_t)(p->size - p->bytes.n);
	buf_add(&p->bytes, bytes + skip, n);
}

/* The n bytes of the file at an offset, or NULL. */
static const uint8_t *part_get(const struct elf_part *p, uint64_t offset, uint64_t n)
{
	if (offset < p->offset || offset - p->offset > p->bytes.n || n > p->bytes.n - (offset - p->offset))
		return NULL;
	return (const uint8_t *)buf_cstr(&p->bytes) + (offset - p->offset);
}

static uint64_t get(const struct elf_scan *s, const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v |= (uint64_t)p[s->big_endian ? n - 1 - i : i] << 8 * i;
	return v;
}

/* ---- where the table and its names are ---- */

static const uint8_t *segment(const struct elf_scan *s, unsigned i)
{
	const uint8_t *h = part_get(&s->head, 0, HEADER);
	uint64_t offset = get(s, h + 32, 8), size = get(s, h + 54, 2), n = get(s, h + 56, 2);

	if (i >= n || n > ELF_SEGMENTS_MAX || size < SEGMENT || offset > ELF_HEAD_MAX)
		return NULL;
	return part_get(&s->head, offset + i * size, SEGMENT);
}

/* Whether enough is known to look for the table: the header and all segments. */
static bool has_segments(const struct elf_scan *s)
{
	const uint8_t *h = part_get(&s->head, 0, HEADER);
	uint64_t n = h ? get(s, h + 56, 2) : 1;

	return h && (n == 0 || n > ELF_SEGMENTS_MAX || segment(s, (unsigned)n - 1) ||
		     get(s, h + 32, 8) > ELF_HEAD_MAX || get(s, h + 54, 2) < SEGMENT);
}

static bool is_program(const uint8_t *h)
{
	static const char magic[] = "\177ELF\2"; /* of 64 bits */

	return memcmp(h, magic, sizeof(magic) - 1) == 0 && (h[5] == 1 || h[5] == 2) && h[6] == 1;
}

static void find_table(struct elf_scan *s)
{
	const uint8_t *p;

	s->is_read = true;
	for (unsigned i = 0; (p = segment(s, i)); i++) {
		uint64_t offset = get(s, p + 8, 8), size = get(s, p + 32, 8);

		if (get(s, p, 4) != PT_DYNAMIC)
			continue;
		if (size && size <= ELF_DYNAMIC_MAX && offset <= INT64_MAX)
			part_begin(&s->dynamic, offset, size);
		return;
	}
}

/* The offset of what is loaded at an address. */
static bool offset_of(const struct elf_scan *s, uint64_t address, uint64_t *ret)
{
	const uint8_t *p;

	for (unsigned i = 0; (p = segment(s, i)); i++) {
		uint64_t offset = get(s, p + 8, 8), at = get(s, p + 16, 8), size = get(s, p + 32, 8);

		if (get(s, p, 4) != PT_LOAD || address < at || address - at >= size || offset > INT64_MAX)
			continue;
		*ret = offset + (address - at);
		return *ret <= INT64_MAX;
	}
	return false;
}

/* The i-th entry of the table: its tag and value; false at its end. */
static bool table_entry(const struct elf_scan *s, size_t i, uint64_t *tag, uint64_t *value)
{
	const uint8_t *p = part_get(&s->dynamic, s->dynamic.offset + i * ENTRY, ENTRY);

	if (!p)
		return false;
	*tag = get(s, p, 8);
	*value = get(s, p + 8, 8);
	return *tag != DT_NULL;
}

/* What went by before the table was known is there as far as the head goes, however the bytes came. */
static uint64_t strings_size(const struct elf_scan *s, uint64_t offset)
{
	uint64_t end = s->dynamic.offset + s->dynamic.size;

	if (end <= ELF_HEAD_MAX || offset >= end)
		return ELF_STRINGS_MAX;
	return offset < ELF_HEAD_MAX ? ELF_HEAD_MAX - offset : 0;
}

static void find_strings(struct elf_scan *s)
{
	uint64_t tag, value, offset;

	s->is_found = true;
	for (size_t i = 0; table_entry(s, i, &tag, &value); i++)
		if (tag == DT_STRTAB && offset_of(s, value, &offset))
			part_begin(&s->strings, offset, strings_size(s, offset));
}

/* ---- files ---- */

void elf_scan_begin(struct elf_scan *s)
{
	struct buf head = s->head.bytes, dynamic = s->dynamic.bytes, strings = s->strings.bytes;

	*s = (struct elf_scan){ .head.bytes = head, .dynamic.bytes = dynamic, .strings.bytes = strings };
	part_begin(&s->head, 0, ELF_HEAD_MAX);
	part_begin(&s->dynamic, 0, 0);
	part_begin(&s->strings, 0, 0);
	s->is_elf = true;
}

static void judge(struct elf_scan *s)
{
	const uint8_t *h = part_get(&s->head, 0, HEADER);
	uint64_t type;

	if (!h)
		return;
	s->big_endian = h[5] == 2;
	type = get(s, h + 16, 2);
	s->is_elf = is_program(h) && (type == ET_EXEC || type == ET_DYN);
}

/* What the head has of a part that was not asked for in time. */
static void catch_up(struct elf_scan *s, struct elf_part *p)
{
	part_add(p, 0, buf_cstr(&s->head.bytes), s->head.bytes.n);
}

void elf_scan_add(struct elf_scan *s, const void *p, size_t n)
{
	uint64_t at = s->at;

	s->at += n;
	if (!s->is_elf)
		return;
	part_add(&s->head, at, p, n);
	if (at < HEADER && s->at >= HEADER)
		judge(s);
	if (!s->is_elf)
		return;
	if (!s->is_read && has_segments(s)) {
		find_table(s);
		catch_up(s, &s->dynamic);
	}
	part_add(&s->dynamic, at, p, n);
	if (!s->is_found && s->dynamic.size && s->dynamic.bytes.n == s->dynamic.size) {
		find_strings(s);
		catch_up(s, &s->strings);
	}
	part_add(&s->strings, at, p, n);
}

static bool is_good_name(const char *name, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (name[i] <= ' ' || name[i] > '~' || name[i] == '/')
			return false;
	return n > 0 && n <= NAME_MAX_BYTES;
}

/* A name of the table, in a; NULL: it cannot be one. */
static const char *name_at(const struct elf_scan *s, struct arena *a, uint64_t offset)
{
	const struct elf_part *p = &s->strings;
	const char *name, *end;

	if (offset >= p->bytes.n)
		return NULL;
	name = p->bytes.p + offset;
	end = memchr(name, '\0', p->bytes.n - (size_t)offset);
	return end && is_good_name(name, (size_t)(end - name)) ? arena_strndup(a, name, (size_t)(end - name)) : NULL;
}

const char *const *elf_scan_needed(struct elf_scan *s, struct arena *a, unsigned *machine)
{
	const char **list;
	uint64_t tag, value;
	size_t n = 0;

	if (!s->is_elf || s->at < HEADER || !s->is_found || !s->strings.bytes.n)
		return NULL;
	*machine = (unsigned)get(s, part_get(&s->head, 0, HEADER) + 18, 2);
	list = arena_array(a, ELF_NEEDED_MAX + 1, sizeof(*list));
	for (size_t i = 0; n < ELF_NEEDED_MAX && table_entry(s, i, &tag, &value); i++) {
		const char *name = tag == DT_NEEDED ? name_at(s, a, value) : NULL;

		if (name)
			list[n++] = name;
	}
	return list;
}

void elf_scan_release(struct elf_scan *s)
{
	buf_release(&s->head.bytes);
	buf_release(&s->dynamic.bytes);
	buf_release(&s->strings.bytes);
}
