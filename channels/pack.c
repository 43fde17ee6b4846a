#include "channels/pack_impl.h"

#include <errno.h>
#include <stdio.h>

#define ROOM ((size_t)8 * PACKED_BLOCK)

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

int pack_write_at(struct pack *p, const void *bytes, size_t n, uint64_t at, struct err *err)
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

int pack_flush(struct pack *p, struct err *err)
{
	if (pack_write_at(p, p->room, p->n_room, PACKED_HEAD + p->at, err) < 0)
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

int pack_put(struct pack *p, const void *bytes, size_t n, struct err *err)
{
	const char *from = bytes;

	while (n) {
		size_t some = n < ROOM - p->n_room ? n : ROOM - p->n_room;

		memcpy(p->room + p->n_room, from, some);
		p->n_room += some;
		from += some;
		n -= some;
		if (p->n_room == ROOM && pack_flush(p, err) < 0)
			return -1;
	}
	return 0;
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

struct str pack_extension(enum packed_kind kind)
{
	return kind == KIND_CONDA || kind == KIND_V3_CONDA ? STR(".conda") : STR(".tar.bz2");
}

bool pack_kind(struct str fn, enum packed_kind *ret)
{
	*ret = ends(fn, STR(".conda")) ? KIND_CONDA : KIND_BZ2;
	return ends(fn, pack_extension(*ret));
}

size_t pack_split(struct str stem, size_t *version_len)
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

	if (!fn.n || fn.n > PACK_NAME_BYTES || fn.p[0] == '.')
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

struct str pack_lower(struct str name, char *room)
{
	for (size_t k = 0; k < name.n; k++)
		room[k] = name.p[k] >= 'A' && name.p[k] <= 'Z' ? (char)(name.p[k] | 0x20) : name.p[k];
	return (struct str){ room, name.n };
}

static uint32_t name_number(struct pack *p, struct str name)
{
	char room[PACK_NAME_BYTES];
	uint32_t before = p->names.n, i;

	if (p->last != INTERN_NONE && same(name, (struct str){ p->last_name, p->n_last_name }))
		return p->last;
	memcpy(p->last_name, name.p, name.n);
	p->n_last_name = name.n;
	i = intern_add(&p->names, pack_lower(name, room));
	if (i == before) {
		mem_grow(p->by_name, before);
		p->by_name[i] = (struct name){ PACK_NO_RUN, PACK_NO_RUN, false };
	}
	return i;
}

int pack_compare(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	return c ? c : (a.n > b.n) - (a.n < b.n);
}

/* The record of so many bytes that comes next belongs to name i. */
static void add_run(struct pack *p, uint32_t i, struct str fn, uint32_t bytes)
{
	struct name *n = &p->by_name[i];
	bool follows = p->last == i && pack_compare(fn, (struct str){ p->last_fn, p->n_last_fn }) > 0;

	memcpy(p->last_fn, fn.p, fn.n);
	p->n_last_fn = fn.n;
	p->last = i;
	if (follows && p->runs[n->last].bytes < PACK_RUN_MAX) {
		p->runs[n->last].bytes += bytes;
		p->runs[n->last].count++;
		return;
	}
	mem_grow(p->runs, p->n_runs);
	p->runs[p->n_runs] = (struct run){ pack_here(p), bytes, 1, PACK_NO_RUN };
	if (n->first == PACK_NO_RUN)
		n->first = p->n_runs;
	else
		p->runs[n->last].next = p->n_runs;
	n->check = n->check || n->last != PACK_NO_RUN;
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
	char plain[sizeof(*r) + PACK_NAME_BYTES + 9];
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
	if (pack_put(p, plain, n, err) < 0)
		return -1;
	if (!more)
		return 0;
	if (pack_put(p, more, sizeof(*more), err) < 0)
		return -1;
	return d->n_extras ? pack_put(p, d->extras, d->n_extras * sizeof(*d->extras), err) : 0;
}

/* key with the extension that kind means, where it has none. */
static struct str file_name(struct str key, enum packed_kind kind, char *room, size_t size)
{
	struct str ext = pack_extension(kind);

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
	char room[PACK_NAME_BYTES + 1], why[120];
	struct str fn = file_name(key, kind, room, sizeof(room)), stem = { fn.p, 0 };
	struct packed_record r = record_of(d, kind);
	struct packed_more more;
	size_t name_len = 0, version_len = 0;
	struct str version, build;
	bool other;

	if (fn.n > pack_extension(kind).n)
		stem.n = fn.n - pack_extension(kind).n;
	name_len = pack_split(stem, &version_len);
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
