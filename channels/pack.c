#include "channels/pack.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>

#define ROOM ((size_t)8 * PACKED_BLOCK)
#define RUN_MAX ((uint32_t)1 << 28) /* bytes */
#define NAME_BYTES 255
#define NO_RUN UINT32_MAX
#define LOOKED_MAX ((uint64_t)16 << 20) /* bytes of what was written that stay mapped while they are looked at */

struct run {
	uint64_t at;
	uint32_t bytes, count, next;
};

struct name {
	uint32_t first, last; /* runs */
	bool check; /* some of its records may tell of one file, or be removed, or out of order */
};

struct pack {
	int fd;
	struct texts texts;
	struct arena arena;
	/* writing */
	char *room;
	size_t n_room;
	uint64_t at; /* bytes after the head that went before room */
	uint64_t *checks;
	size_t n_checks;
	/* names */
	struct intern names, removed;
	struct name *by_name;
	struct run *runs;
	uint32_t n_runs;
	uint32_t last; /* name of the last record, or INTERN_NONE */
	char last_name[NAME_BYTES]; /* as its file has it */
	size_t n_last_name;
	char last_fn[NAME_BYTES];
	size_t n_last_fn;
	uint64_t n_records, n_broken;
	char example[PACKED_EXAMPLE];
};

struct pack *pack_new(int fd)
{
	struct pack *p = NEW(struct pack);

	*p = (struct pack){ .fd = fd, .last = INTERN_NONE };
	texts_init(&p->texts);
	intern_init(&p->names, &p->arena);
	intern_init(&p->removed, &p->arena);
	p->room = mem_array(ROOM, 1);
	return p;
}

void pack_free(struct pack *p)
{
	if (!p)
		return;
	texts_release(&p->texts);
	intern_release(&p->names);
	intern_release(&p->removed);
	arena_release(&p->arena);
	free(p->room);
	free(p->checks);
	free(p->by_name);
	free(p->runs);
	free(p);
}

struct texts *pack_texts(struct pack *p)
{
	return &p->texts;
}

/* ---- bytes ---- */

static int write_at(struct pack *p, const void *bytes, size_t n, uint64_t at, struct err *err)
{
	const char *from = bytes;

	while (n) {
		ssize_t done = pwrite(p->fd, from, n, (off_t)at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return err_sys(err, "cannot write packed repodata");
		from += done;
		n -= (size_t)done;
		at += (uint64_t)done;
	}
	return 0;
}

/* What is in the room goes out, whole blocks of it unless this is the end. */
static int flush(struct pack *p, struct err *err)
{
	if (write_at(p, p->room, p->n_room, PACKED_HEAD + p->at, err) < 0)
		return -1;
	for (size_t i = 0; i < p->n_room; i += PACKED_BLOCK) {
		size_t n = p->n_room - i < PACKED_BLOCK ? p->n_room - i : PACKED_BLOCK;

		mem_grow(p->checks, p->n_checks);
		p->checks[p->n_checks++] = packed_check(p->room + i, n);
	}
	p->at += p->n_room;
	p->n_room = 0;
	return 0;
}

static int put(struct pack *p, const void *bytes, size_t n, struct err *err)
{
	const char *from = bytes;

	while (n) {
		size_t some = n < ROOM - p->n_room ? n : ROOM - p->n_room;

		memcpy(p->room + p->n_room, from, some);
		p->n_room += some;
		from += some;
		n -= some;
		if (p->n_room == ROOM && flush(p, err) < 0)
			return -1;
	}
	return 0;
}

static uint64_t here(const struct pack *p)
{
	return p->at + p->n_room;
}

static int align(struct pack *p, struct err *err)
{
	static const char zeros[8];

	return put(p, zeros, -here(p) & 7, err);
}

/* ---- what a record says of itself ---- */

void pack_broken(struct pack *p, struct str what, const char *why)
{
	if (!p->n_broken++)
		snprintf(p->example, sizeof(p->example), "%.*s: %s", (int)(what.n < 120 ? what.n : 120), what.p, why);
}

void pack_removed(struct pack *p, struct str fn)
{
	intern_add(&p->removed, fn);
}

static bool ends(struct str s, struct str end)
{
	return s.n >= end.n && memcmp(s.p + s.n - end.n, end.p, end.n) == 0;
}

static struct str extension(enum packed_kind kind)
{
	return kind == KIND_CONDA || kind == KIND_V3_CONDA ? STR(".conda") : STR(".tar.bz2");
}

bool pack_kind(struct str fn, enum packed_kind *ret)
{
	*ret = ends(fn, STR(".conda")) ? KIND_CONDA : KIND_BZ2;
	return ends(fn, extension(*ret));
}

/* Where "name-version-build" has its two hyphens; 0 where it is no such thing. */
static size_t split(struct str stem, size_t *version_len)
{
	const char *build = stem.n ? memrchr(stem.p, '-', stem.n) : NULL;
	const char *version = build ? memrchr(stem.p, '-', (size_t)(build - stem.p)) : NULL;

	if (!version)
		return 0;
	*version_len = (size_t)(build - version - 1);
	return (size_t)(version - stem.p);
}

static bool is_file_name(struct str fn)
{
	/* Control characters, spaces, and what parts paths. */
	static const bool not_in_names[256] = { [0 ... ' '] = true, [127] = true, ['/'] = true, ['\\'] = true };
	bool wrong = false;

	if (!fn.n || fn.n > NAME_BYTES || fn.p[0] == '.')
		return false;
	for (size_t i = 0; i < fn.n; i++)
		wrong |= not_in_names[(unsigned char)fn.p[i]];
	return !wrong;
}

/* These become parts of file names. */
static const char *text_fault(struct str text)
{
	if (!text.n)
		return "is missing";
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] <= ' ' || text.p[i] == 127 || text.p[i] == '/')
			return "has a character that it must not have";
	return NULL;
}

static bool is_whole(const struct draft *d, char *why, size_t n)
{
	const struct {
		const char *what;
		struct str text;
	} parts[] = { { "name", d->name }, { "version", d->version }, { "build", d->build } };

	for (size_t i = 0; i < COUNT(parts); i++) {
		const char *fault = text_fault(parts[i].text);

		if (fault) {
			snprintf(why, n, "%s %s", parts[i].what, fault);
			return false;
		}
	}
	return true;
}

static bool same(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ---- names ---- */

/* Names are compared without regard to case (CEP 29), and written in lower case. */
static struct str lower(struct str name, char *room)
{
	for (size_t k = 0; k < name.n; k++)
		room[k] = name.p[k] >= 'A' && name.p[k] <= 'Z' ? (char)(name.p[k] | 0x20) : name.p[k];
	return (struct str){ room, name.n };
}

static uint32_t name_number(struct pack *p, struct str name)
{
	char room[NAME_BYTES];
	uint32_t before = p->names.n, i;

	if (p->last != INTERN_NONE && same(name, (struct str){ p->last_name, p->n_last_name }))
		return p->last;
	memcpy(p->last_name, name.p, name.n);
	p->n_last_name = name.n;
	i = intern_add(&p->names, lower(name, room));
	if (i == before) {
		mem_grow(p->by_name, before);
		p->by_name[i] = (struct name){ NO_RUN, NO_RUN, false };
	}
	return i;
}

static int compare(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	return c ? c : (a.n > b.n) - (a.n < b.n);
}

/* The record of so many bytes that comes next belongs to name i. */
static void add_run(struct pack *p, uint32_t i, struct str fn, uint32_t bytes)
{
	struct name *n = &p->by_name[i];
	bool follows = p->last == i && compare(fn, (struct str){ p->last_fn, p->n_last_fn }) > 0;

	memcpy(p->last_fn, fn.p, fn.n);
	p->n_last_fn = fn.n;
	p->last = i;
	if (follows && p->runs[n->last].bytes < RUN_MAX) {
		p->runs[n->last].bytes += bytes;
		p->runs[n->last].count++;
		return;
	}
	mem_grow(p->runs, p->n_runs);
	p->runs[p->n_runs] = (struct run){ here(p), bytes, 1, NO_RUN };
	if (n->first == NO_RUN)
		n->first = p->n_runs;
	else
		p->runs[n->last].next = p->n_runs;
	n->check = n->check || n->last != NO_RUN;
	n->last = p->n_runs++;
}

/* ---- records ---- */

/* Whether more is to be said than fits into a plain record; then it is in *ret. */
static bool more_of(struct texts *t, const struct draft *d, bool other, struct packed_more *ret)
{
	if (!other && !d->site_packages && !d->legacy_bz2_md5 && !d->track_features && !d->flags && !d->n_extras &&
	    !d->indexed_timestamp && d->build_number <= UINT32_MAX)
		return false;
	*ret = (struct packed_more){ .build_number = d->build_number,
				     .indexed_timestamp = d->indexed_timestamp,
				     .version = other ? texts_add(t, d->version) + 1 : 0,
				     .build = other ? texts_add(t, d->build) + 1 : 0,
				     .site_packages = d->site_packages,
				     .legacy_bz2_md5 = d->legacy_bz2_md5,
				     .track_features = d->track_features,
				     .flags = d->flags,
				     .n_extras = (uint32_t)d->n_extras };
	return true;
}

static struct packed_record record_of(const struct draft *d, enum packed_kind kind)
{
	struct packed_record r = {
		.size = d->size,
		.timestamp = d->timestamp,
		.depends = d->depends,
		.constrains = d->constrains,
		.license = d->license,
		.license_family = d->license_family,
		.build_number = (uint32_t)d->build_number,
		.flags = (uint8_t)(kind | d->noarch * RECORD_NOARCH | (d->has_sha256 ? RECORD_SHA256 : 0) |
				   (d->has_md5 ? RECORD_MD5 : 0)),
	};

	memcpy(r.sha256, d->sha256.sha256, sizeof(r.sha256));
	memcpy(r.md5, d->md5, sizeof(r.md5));
	return r;
}

static int write_record(struct pack *p, uint32_t name, struct packed_record *r, struct str fn,
			const struct packed_more *more, const struct draft *d, struct err *err)
{
	char plain[sizeof(*r) + NAME_BYTES + 9];
	size_t n = (sizeof(*r) + fn.n + 1 + 7) & ~(size_t)7, bytes = n;

	if (more) {
		r->flags |= RECORD_MORE;
		bytes += sizeof(*more) + d->n_extras * sizeof(*d->extras);
	}
	r->bytes = (uint16_t)(bytes / 8);
	r->fn_len = (uint8_t)fn.n;
	if (!texts_fit(&p->texts))
		return err_set(err, ERR_LIMIT, "there is more text in it than can be numbered");
	memset(plain + n - 8, 0, 8);
	memcpy(plain, r, sizeof(*r));
	memcpy(plain + sizeof(*r), fn.p, fn.n);
	add_run(p, name, fn, (uint32_t)bytes);
	p->n_records++;
	if (put(p, plain, n, err) < 0)
		return -1;
	if (!more)
		return 0;
	if (put(p, more, sizeof(*more), err) < 0)
		return -1;
	return d->n_extras ? put(p, d->extras, d->n_extras * sizeof(*d->extras), err) : 0;
}

/* key with the extension that kind means, where it has none. */
static struct str file_name(struct str key, enum packed_kind kind, char *room, size_t size)
{
	struct str ext = extension(kind);

	if (kind == KIND_BZ2 || kind == KIND_CONDA)
		return key;
	if (key.n + ext.n > size)
		return (struct str){ key.p, 0 };
	memcpy(room, key.p, key.n);
	memcpy(room + key.n, ext.p, ext.n);
	return (struct str){ room, key.n + ext.n };
}

int pack_add(struct pack *p, struct str key, enum packed_kind kind, const struct draft *d, struct err *err)
{
	char room[NAME_BYTES + 1], why[120];
	struct str fn = file_name(key, kind, room, sizeof(room)), stem = { fn.p, 0 };
	struct packed_record r = record_of(d, kind);
	struct packed_more more;
	size_t name_len = 0, version_len = 0;
	struct str version, build;
	bool other;

	if (fn.n > extension(kind).n)
		stem.n = fn.n - extension(kind).n;
	name_len = split(stem, &version_len);
	if (!name_len || !is_file_name(fn)) {
		pack_broken(p, key, "is no name of a package file");
		return 0;
	}
	version = (struct str){ fn.p + name_len + 1, version_len };
	build = (struct str){ version.p + version_len + 1, stem.n - name_len - version_len - 2 };
	other = !same(d->version, version) || !same(d->build, build);
	/* What is the same as in the file's name has been looked at with that. */
	if ((other || !version.n || !build.n || d->name.n != name_len) && !is_whole(d, why, sizeof(why))) {
		pack_broken(p, key, why);
		return 0;
	}
	if (d->name.n != name_len || strncasecmp(d->name.p, fn.p, name_len) != 0) {
		pack_broken(p, key, "its name is another one");
		return 0;
	}
	r.name_len = (uint8_t)name_len;
	r.version_len = (uint8_t)version_len;
	if (write_record(p, name_number(p, (struct str){ fn.p, name_len }), &r, fn,
			 more_of(&p->texts, d, other, &more) ? &more : NULL, d, err) < 0)
		return -1;
	return 1;
}

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
	int c = compare((struct str){ a->fn.p, a->stem }, (struct str){ b->fn.p, b->stem });

	if (c)
		return c;
	if (a->kind != b->kind)
		return a->kind > b->kind ? -1 : 1;
	return (a->at < b->at) - (a->at > b->at);
}

static int fn_cmp(const void *x, const void *y)
{
	return compare(((const struct found *)x)->fn, ((const struct found *)y)->fn);
}

static void list_records(struct finish *f, const struct run *r)
{
	uint64_t at = r->at;

	for (uint32_t i = 0; i < r->count; i++) {
		const struct packed_record *rec = (const void *)(f->map + at);
		struct found one = {
			{ (const char *)(rec + 1), rec->fn_len }, 0, rec->flags & RECORD_KIND, at, rec->bytes * 8u
		};

		one.stem = one.fn.n - extension(one.kind).n;
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

		if (!last || compare((struct str){ last->fn.p, last->stem },
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

	if (last && last->at + last->bytes == at && last->bytes < RUN_MAX) {
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
	for (uint32_t i = n->first; i != NO_RUN; i = runs[i].next) {
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
		char room[NAME_BYTES];
		enum packed_kind kind;
		uint32_t name;
		size_t unused;

		if (fn.n > NAME_BYTES || !pack_kind(fn, &kind))
			continue;
		fn.n -= extension(kind).n;
		fn.n = split(fn, &unused);
		name = intern_find(&p->names, lower(fn, room));
		if (name != INTERN_NONE)
			p->by_name[name].check = true;
	}
}

/* ---- the end ---- */

static int name_cmp(const void *x, const void *y, void *arg)
{
	const struct intern_entry *e = arg, *a = &e[*(const uint32_t *)x], *b = &e[*(const uint32_t *)y];

	return compare((struct str){ a->p, a->n }, (struct str){ b->p, b->n });
}

static int map_records(struct finish *f, uint64_t len, struct err *err)
{
	struct pack *p = f->p;
	void *map;

	/* What is still in the room is written without leaving it, so that blocks stay whole. */
	if (!len)
		return 0;
	if (write_at(p, p->room, p->n_room, PACKED_HEAD + p->at, err) < 0)
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

static int begin_part(struct pack *p, struct packed_head *h, enum packed_part part, struct err *err)
{
	if (align(p, err) < 0)
		return -1;
	h->parts[part].at = PACKED_HEAD + here(p);
	return 0;
}

static void end_part(const struct pack *p, struct packed_head *h, enum packed_part part)
{
	h->parts[part].len = PACKED_HEAD + here(p) - h->parts[part].at;
}

static int write_entries(struct pack *p, struct packed_head *h, enum packed_part part, const struct intern *t,
			 const uint32_t *order, uint32_t n, struct err *err)
{
	if (begin_part(p, h, part, err) < 0)
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		const struct intern_entry *e = &t->entries[order ? order[i] : i];

		if (put(p, e->p, e->n + 1, err) < 0)
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
	    begin_part(p, h, PART_TEXT_AT, err) < 0 || put(p, &at, 4, err) < 0)
		return -1;
	for (uint32_t i = 0; i < t->strings.n; i++) {
		at += t->strings.entries[i].n + 1;
		if (put(p, &at, 4, err) < 0)
			return -1;
	}
	end_part(p, h, PART_TEXT_AT);
	if (begin_part(p, h, PART_WORDS, err) < 0 || put(p, t->words, t->n_words * sizeof(*t->words), err) < 0)
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
		if (put(p, &name, sizeof(name), err) < 0)
			return -1;
	}
	end_part(p, h, PART_NAMES);
	if (write_entries(p, h, PART_NAME_TEXT, &p->names, f->order, f->n_order, err) < 0 ||
	    begin_part(p, h, PART_RUNS, err) < 0 || put(p, f->runs, f->n_runs * sizeof(*f->runs), err) < 0)
		return -1;
	end_part(p, h, PART_RUNS);
	return 0;
}

static int write_checks(struct pack *p, struct packed_head *h, struct err *err)
{
	struct packed_span *s = &h->parts[PART_CHECKS];

	if (align(p, err) < 0 || flush(p, err) < 0)
		return -1;
	*s = (struct packed_span){ PACKED_HEAD + p->at, p->n_checks * 8 };
	h->checks = packed_check(p->checks ? (const void *)p->checks : "", s->len);
	h->size = s->at + s->len;
	return write_at(p, p->checks, s->len, s->at, err);
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
	return write_at(p, page, sizeof(page), 0, err);
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

	h.parts[PART_RECORDS] = (struct packed_span){ PACKED_HEAD, here(p) };
	mark_removed(p);
	if (map_records(&f, here(p), err) < 0 || write_texts(p, &h, err) < 0 || write_names(&f, &h, err) < 0)
		return -1;
	/* The head is last: without it the file is none. */
	h.n_records = p->n_records;
	if (write_checks(p, &h, err) < 0)
		return -1;
	return write_head(p, &h, source, base_url, err);
}
