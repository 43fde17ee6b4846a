#include "channels/pack_impl.h"

#include <stddef.h>
#include <sys/mman.h>

#define LOOKED_MAX ((uint64_t)16 << 20) /* bytes of what was written that stay mapped while they are looked at */

/* ---- which records of a name can be found ---- */

/* A record that was written. */
struct found {
	struct str fn;
	size_t stem;
	enum packed_kind kind;
	uint64_t at;
	uint32_t bytes;
};

struct finish {
	struct pack *p;
	const unsigned char *map; /* the records */
	size_t mapped;
	uint64_t looked;
	struct found *found;
	size_t n_found;
	struct packed_run *runs;
	size_t n_runs;
	uint32_t *order; /* names by bytes, those that have records */
	uint32_t n_order;
};

/* By stem; within it the one to keep first. */
static int found_cmp(const void *x, const void *y)
{
	const struct found *a = x, *b = y;
	int c = pack_compare((struct str){ a->fn.p, a->stem }, (struct str){ b->fn.p, b->stem });

	if (c)
		return c;
	if (a->kind != b->kind)
		return a->kind > b->kind ? -1 : 1;
	return (a->at < b->at) - (a->at > b->at);
}

static int fn_cmp(const void *x, const void *y)
{
	return pack_compare(((const struct found *)x)->fn, ((const struct found *)y)->fn);
}

static void list_records(struct finish *f, const struct run *r)
{
	uint64_t at = r->at;

	for (uint32_t i = 0; i < r->count; i++) {
		const struct packed_record *rec = (const void *)(f->map + at);
		struct found one = {
			{ (const char *)(rec + 1), rec->fn_len }, 0, rec->flags & RECORD_KIND, at, rec->bytes * 8u
		};

		one.stem = one.fn.n - pack_extension(one.kind).n;
		at += one.bytes;
		if (f->p->removed.n && intern_find(&f->p->removed, one.fn) != INTERN_NONE)
			continue;
		mem_grow(f->found, f->n_found);
		f->found[f->n_found++] = one;
	}
	f->looked += r->bytes;
}

static void drop_doubles(struct finish *f)
{
	size_t kept = 0;

	if (f->n_found > 1)
		qsort(f->found, f->n_found, sizeof(*f->found), found_cmp);
	for (size_t i = 0; i < f->n_found; i++) {
		const struct found *last = kept ? &f->found[kept - 1] : NULL;

		if (!last || pack_compare((struct str){ last->fn.p, last->stem },
					  (struct str){ f->found[i].fn.p, f->found[i].stem }) != 0)
			f->found[kept++] = f->found[i];
	}
	f->n_found = kept;
	if (kept > 1)
		qsort(f->found, kept, sizeof(*f->found), fn_cmp);
}

static void put_run(struct finish *f, size_t first, uint64_t at, uint32_t bytes, uint32_t count)
{
	struct packed_run *last = f->n_runs > first ? &f->runs[f->n_runs - 1] : NULL;

	if (last && last->at + last->bytes == at && last->bytes < PACK_RUN_MAX) {
		last->bytes += bytes;
		last->count += count;
		return;
	}
	mem_grow(f->runs, f->n_runs);
	f->runs[f->n_runs++] = (struct packed_run){ at, bytes, count };
}

static void settle_name(struct finish *f, const struct name *n)
{
	const struct run *runs = f->p->runs;
	size_t first = f->n_runs;

	f->n_found = 0;
	for (uint32_t i = n->first; i != PACK_NO_RUN; i = runs[i].next) {
		if (n->check)
			list_records(f, &runs[i]);
		else
			put_run(f, first, runs[i].at, runs[i].bytes, runs[i].count);
	}
	drop_doubles(f);
	for (size_t i = 0; i < f->n_found; i++)
		put_run(f, first, f->found[i].at, f->found[i].bytes, 1);
	if (f->looked > LOOKED_MAX) {
		madvise((void *)f->map, f->mapped, MADV_DONTNEED);
		f->looked = 0;
	}
}

/* Names that have something removed are looked at. */
static void mark_removed(struct pack *p)
{
	for (uint32_t i = 0; i < p->removed.n; i++) {
		struct str fn = { p->removed.entries[i].p, p->removed.entries[i].n };
		char room[PACK_NAME_BYTES];
		enum packed_kind kind;
		uint32_t name;
		size_t unused;

		if (fn.n > PACK_NAME_BYTES || !pack_kind(fn, &kind))
			continue;
		fn.n -= pack_extension(kind).n;
		fn.n = pack_split(fn, &unused);
		name = intern_find(&p->names, pack_lower(fn, room));
		if (name != INTERN_NONE)
			p->by_name[name].check = true;
	}
}

/* ---- the end ---- */

static int name_cmp(const void *x, const void *y, void *arg)
{
	const struct intern_entry *e = arg, *a = &e[*(const uint32_t *)x], *b = &e[*(const uint32_t *)y];

	return pack_compare((struct str){ a->p, a->n }, (struct str){ b->p, b->n });
}

static int map_records(struct finish *f, uint64_t len, struct err *err)
{
	struct pack *p = f->p;
	void *map;

	/* What is still in the room is written without leaving it, so that blocks stay whole. */
	if (!len)
		return 0;
	if (pack_write_at(p, p->room, p->n_room, PACKED_HEAD + p->at, err) < 0)
		return -1;
	f->mapped = PACKED_HEAD + len;
	map = mmap(NULL, f->mapped, PROT_READ, MAP_SHARED, p->fd, 0);
	if (map == MAP_FAILED) {
		f->mapped = 0;
		return err_sys(err, "cannot map packed repodata");
	}
	f->map = (const unsigned char *)map + PACKED_HEAD;
	return 0;
}

static int align(struct pack *p, struct err *err)
{
	static const char zeros[8];

	return pack_put(p, zeros, -pack_here(p) & 7, err);
}

static int begin_part(struct pack *p, struct packed_head *h, enum packed_part part, struct err *err)
{
	if (align(p, err) < 0)
		return -1;
	h->parts[part].at = PACKED_HEAD + pack_here(p);
	return 0;
}

static void end_part(const struct pack *p, struct packed_head *h, enum packed_part part)
{
	h->parts[part].len = PACKED_HEAD + pack_here(p) - h->parts[part].at;
}

static int write_entries(struct pack *p, struct packed_head *h, enum packed_part part, const struct intern *t,
			 const uint32_t *order, uint32_t n, struct err *err)
{
	if (begin_part(p, h, part, err) < 0)
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		const struct intern_entry *e = &t->entries[order ? order[i] : i];

		if (pack_put(p, e->p, e->n + 1, err) < 0)
			return -1;
	}
	end_part(p, h, part);
	return 0;
}

static int write_texts(struct pack *p, struct packed_head *h, struct err *err)
{
	const struct texts *t = &p->texts;
	uint32_t at = 0;

	if (write_entries(p, h, PART_TEXT, &t->strings, NULL, t->strings.n, err) < 0 ||
	    begin_part(p, h, PART_TEXT_AT, err) < 0 || pack_put(p, &at, 4, err) < 0)
		return -1;
	for (uint32_t i = 0; i < t->strings.n; i++) {
		at += t->strings.entries[i].n + 1;
		if (pack_put(p, &at, 4, err) < 0)
			return -1;
	}
	end_part(p, h, PART_TEXT_AT);
	if (begin_part(p, h, PART_WORDS, err) < 0 || pack_put(p, t->words, t->n_words * sizeof(*t->words), err) < 0)
		return -1;
	end_part(p, h, PART_WORDS);
	return 0;
}

static int write_names(struct finish *f, struct packed_head *h, struct err *err)
{
	struct pack *p = f->p;
	uint32_t at = 0, n = p->names.n;

	f->order = mem_array(n ? n : 1, sizeof(*f->order));
	for (uint32_t i = 0; i < n; i++)
		f->order[i] = i;
	qsort_r(f->order, n, sizeof(*f->order), name_cmp, p->names.entries);
	if (begin_part(p, h, PART_NAMES, err) < 0)
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t k = f->order[i], first = (uint32_t)f->n_runs;
		struct packed_name name = { at, p->names.entries[k].n, first, 0 };

		settle_name(f, &p->by_name[k]);
		name.n_runs = (uint32_t)f->n_runs - first;
		if (!name.n_runs)
			continue;
		f->order[f->n_order++] = k;
		at += name.len + 1;
		if (pack_put(p, &name, sizeof(name), err) < 0)
			return -1;
	}
	end_part(p, h, PART_NAMES);
	if (write_entries(p, h, PART_NAME_TEXT, &p->names, f->order, f->n_order, err) < 0 ||
	    begin_part(p, h, PART_RUNS, err) < 0 || pack_put(p, f->runs, f->n_runs * sizeof(*f->runs), err) < 0)
		return -1;
	end_part(p, h, PART_RUNS);
	return 0;
}

static int write_checks(struct pack *p, struct packed_head *h, struct err *err)
{
	struct packed_span *s = &h->parts[PART_CHECKS];

	if (align(p, err) < 0 || pack_flush(p, err) < 0)
		return -1;
	*s = (struct packed_span){ PACKED_HEAD + p->at, p->n_checks * 8 };
	h->checks = packed_check(p->checks ? (const void *)p->checks : "", s->len);
	h->size = s->at + s->len;
	return pack_write_at(p, p->checks, s->len, s->at, err);
}

static int write_head(struct pack *p, struct packed_head *h, const struct packed_source *source, const char *base_url,
		      struct err *err)
{
	static const struct packed_source none;
	char page[PACKED_HEAD] = { 0 };

	source = source ? source : &none;
	if (base_url && strlen(base_url) >= sizeof(h->base_url))
		return err_set(err, ERR_LIMIT, "base_url has more than the %zu bytes that are accepted",
			       sizeof(h->base_url) - 1);
	memcpy(h->magic, PACKED_MAGIC, sizeof(h->magic));
	h->order = PACKED_ORDER;
	h->version = PACKED_VERSION;
	h->record_size = sizeof(struct packed_record);
	h->flags = source->young ? PACKED_YOUNG : 0;
	h->n_broken = p->n_broken;
	memcpy(h->source, source->digest.sha256, sizeof(h->source));
	h->source_ino = source->ino;
	h->source_size = source->size;
	h->source_mtime = source->mtime;
	h->source_ctime = source->ctime;
	memcpy(h->example, p->example, sizeof(h->example));
	if (base_url)
		memcpy(h->base_url, base_url, strlen(base_url) + 1);
	h->check = packed_check(h, offsetof(struct packed_head, check));
	memcpy(page, h, sizeof(*h));
	return pack_write_at(p, page, sizeof(page), 0, err);
}

static void finish_release(struct finish *f)
{
	if (f->mapped)
		munmap((void *)(f->map - PACKED_HEAD), f->mapped);
	free(f->found);
	free(f->runs);
	free(f->order);
}

int pack_finish(struct pack *p, const struct packed_source *source, const char *base_url, struct err *err)
{
	CLEANUP(finish_release) struct finish f = { .p = p };
	struct packed_head h = { 0 };

	h.parts[PART_RECORDS] = (struct packed_span){ PACKED_HEAD, pack_here(p) };
	mark_removed(p);
	if (map_records(&f, pack_here(p), err) < 0 || write_texts(p, &h, err) < 0 || write_names(&f, &h, err) < 0)
		return -1;
	/* The head is last: without it the file is none. */
	h.n_records = p->n_records;
	if (write_checks(p, &h, err) < 0)
		return -1;
	return write_head(p, &h, source, base_url, err);
}
