#include "channels/repodata.h"

#include <stdio.h>
#include <string.h>

#include "channels/rows.h"
#include "channels/scan.h"
#include "fetch/url.h"

#define TEXT_MAX ((uint64_t)UINT32_MAX - SCAN_PAD)
#define VERSION_MAX 2 /* of repodata (CEP 15); what v3 brings has no number of its own (CEP 48) */
#define SIMILAR_MAX 64 /* bytes of names that are compared */

/* Reading one document. */
struct reader {
	struct repodata *r;
	struct scan s;
	struct buf room;
	uint64_t version;
	struct str last; /* the name of the last row, and its number: neighbours share it */
	uint32_t last_number;
};

void repodata_free(struct repodata *r)
{
	if (!r)
		return;
	buf_release(&r->text);
	intern_release(&r->names);
	intern_release(&r->removed);
	free(r->rows);
	free(r->by_name);
	arena_release(&r->arena);
	free(r);
}

void repodata_set_release(struct repodata_set *s)
{
	for (size_t i = 0; i < s->n; i++)
		repodata_free(s->all[i]);
	free(s->all);
	*s = (struct repodata_set){ 0 };
}

/* ---- records ---- */

struct str rows_name_of(struct str stem)
{
	const char *build = memrchr(stem.p, '-', stem.n);
	const char *version = build ? memrchr(stem.p, '-', (size_t)(build - stem.p)) : NULL;

	return (struct str){ stem.p, version ? (size_t)(version - stem.p) : 0 };
}

static bool cut_end(struct str *s, struct str end)
{
	if (s->n < end.n || memcmp(s->p + s->n - end.n, end.p, end.n) != 0)
		return false;
	s->n -= end.n;
	return true;
}

static bool has_upper(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= 'A' && s.p[i] <= 'Z')
			return true;
	return false;
}

/* Names are compared without regard to case (CEP 29), and written in lower case. */
static struct str lower(struct arena *a, struct str s)
{
	char *p = arena_strndup(a, s.p, s.n);

	for (size_t i = 0; i < s.n; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] |= 0x20;
	return (struct str){ p, s.n };
}

static uint32_t name_number(struct reader *d, struct str name, bool moves)
{
	struct repodata *r = d->r;
	uint32_t i, before = r->names.n;

	if (d->last.n == name.n && memcmp(d->last.p, name.p, name.n) == 0)
		return d->last_number;
	if (has_upper(name))
		name = lower(&r->arena, name);
	else if (moves)
		name.p = arena_strndup(&r->arena, name.p, name.n);
	i = intern_add(&r->names, name);
	if (r->names.n > before) {
		mem_grow(r->by_name, before);
		r->by_name[i] = (struct rows_of_name){ ROW_NONE, ROW_NONE };
	}
	d->last = name;
	d->last_number = i;
	return i;
}

static void add_row(struct reader *d, const char *key, const char *value, enum row_kind kind, uint32_t number)
{
	struct repodata *r = d->r;
	struct rows_of_name *same = &r->by_name[number];

	mem_grow(r->rows, r->n_rows);
	r->rows[r->n_rows] = (struct row){ (uint32_t)(key - r->text.p), (uint32_t)(value - r->text.p), ROW_NONE, kind };
	if (same->first == ROW_NONE)
		same->first = r->n_rows;
	else
		r->rows[same->last].next = r->n_rows;
	same->last = r->n_rows++;
}

static void count_broken(struct reader *d, struct str what, const char *why)
{
	if (!d->r->broken++)
		snprintf(d->r->example, sizeof(d->r->example), "%.*s: %s", (int)(what.n < 120 ? what.n : 120), what.p,
			 why);
}

/* What the key of a member of a section says. False: it names no package file. */
static bool judge_key(struct str stem, const enum row_kind *fixed, enum row_kind *kind, struct str *name)
{
	if (fixed)
		*kind = *fixed;
	else if (cut_end(&stem, STR(".conda")))
		*kind = ROW_CONDA;
	else if (cut_end(&stem, STR(".tar.bz2")))
		*kind = ROW_BZ2;
	else
		return false;
	*name = rows_name_of(stem);
	return name->n > 0 && stem.n <= ROW_NAME_MAX;
}

/* The members of "packages" and the like. fixed is what they all are; NULL: their names say. */
static int read_section(struct reader *d, const enum row_kind *fixed)
{
	struct scan *s = &d->s;
	struct scan_text text;
	int rc;

	if (scan_peek(s) == SCAN_NULL)
		return scan_skip(s);
	if (scan_enter(s, SCAN_OBJECT) < 0)
		return -1;
	while ((rc = scan_key(s, &text)) > 0) {
		bool is_object = scan_peek(s) == SCAN_OBJECT;
		const char *value = s->at;
		enum row_kind kind;
		struct str key, name;

		if (scan_skip(s) < 0)
			return -1;
		if (!text.escaped)
			key = text.raw;
		else if (!scan_decode(&text, &d->room, &key))
			key = (struct str){ "", 0 };
		if (!is_object)
			count_broken(d, key, "is no object");
		else if (!judge_key(key, fixed, &kind, &name))
			count_broken(d, key, "is no name of a package file");
		else
			add_row(d, text.raw.p - 1, value, kind, name_number(d, name, text.escaped));
	}
	return rc;
}

/* ---- the rest of the document ---- */

static int read_version(struct reader *d)
{
	struct scan_number v;

	if (scan_peek(&d->s) == SCAN_NULL)
		return scan_skip(&d->s);
	if (scan_number(&d->s, &v) < 0)
		return -1;
	if (v.negative || !v.integral)
		return scan_fail(&d->s, "repodata_version is no version");
	d->version = v.whole > d->version ? v.whole : d->version;
	return 1;
}

static int read_base_url(struct reader *d)
{
	struct scan_text t;
	struct str url;

	if (scan_peek(&d->s) == SCAN_NULL)
		return scan_skip(&d->s);
	if (scan_string(&d->s, &t) < 0)
		return -1;
	if (!scan_decode(&t, &d->room, &url))
		return scan_fail(&d->s, "base_url is no text");
	d->r->base_url = url.n ? arena_strndup(&d->r->arena, url.p, url.n) : NULL;
	return 1;
}

static int read_info(struct reader *d)
{
	struct scan_text key;
	int rc;

	if (scan_peek(&d->s) == SCAN_NULL)
		return scan_skip(&d->s);
	if (scan_enter(&d->s, SCAN_OBJECT) < 0)
		return -1;
	while ((rc = scan_key(&d->s, &key)) > 0) {
		if (str_eq(key.raw, "base_url"))
			rc = read_base_url(d);
		else if (str_eq(key.raw, "repodata_version"))
			rc = read_version(d);
		else
			rc = scan_skip(&d->s);
		if (rc < 0)
			return -1;
	}
	return rc;
}

static int read_removed(struct reader *d)
{
	struct scan_text t;
	struct str fn;
	int rc;

	if (scan_peek(&d->s) == SCAN_NULL)
		return scan_skip(&d->s);
	if (scan_enter(&d->s, SCAN_ARRAY) < 0)
		return -1;
	while ((rc = scan_item(&d->s)) > 0) {
		if (scan_string(&d->s, &t) < 0)
			return -1;
		if (scan_decode(&t, &d->room, &fn))
			intern_add(&d->r->removed, fn);
	}
	return rc;
}

/* {"conda": {stem: record}, "tar.bz2": {stem: record}}; other kinds of files are for others (CEP 48). */
static int read_v3(struct reader *d)
{
	static const enum row_kind conda = ROW_V3_CONDA, bz2 = ROW_V3_BZ2;
	struct scan_text key;
	int rc;

	if (scan_peek(&d->s) == SCAN_NULL)
		return scan_skip(&d->s);
	if (scan_enter(&d->s, SCAN_OBJECT) < 0)
		return -1;
	while ((rc = scan_key(&d->s, &key)) > 0) {
		if (str_eq(key.raw, "conda"))
			rc = read_section(d, &conda);
		else if (str_eq(key.raw, "tar.bz2"))
			rc = read_section(d, &bz2);
		else
			rc = scan_skip(&d->s);
		if (rc < 0)
			return -1;
	}
	return rc;
}

static int read_packages(struct reader *d)
{
	return read_section(d, NULL);
}

static int read_other(struct reader *d)
{
	return scan_skip(&d->s);
}

static int (*part_reader(struct str key))(struct reader *)
{
	static const struct {
		const char *key;
		int (*read)(struct reader *d);
	} parts[] = {
		{ "info", read_info },	     { "packages", read_packages },	   { "packages.conda", read_packages },
		{ "removed", read_removed }, { "repodata_version", read_version }, { "v3", read_v3 },
	};

	for (size_t i = 0; i < COUNT(parts); i++)
		if (str_eq(key, parts[i].key))
			return parts[i].read;
	return read_other;
}

static int read_document(struct reader *d)
{
	struct scan_text key;
	struct str name;
	int rc;

	if (scan_peek(&d->s) == SCAN_WRONG && scan_end(&d->s) == 0)
		return 0;
	d->s.fault = NULL;
	if (scan_enter(&d->s, SCAN_OBJECT) < 0)
		return -1;
	while ((rc = scan_key(&d->s, &key)) > 0) {
		if (!scan_decode(&key, &d->room, &name))
			return scan_fail(&d->s, "a key that is no text");
		if (part_reader(name)(d) < 0)
			return -1;
	}
	return rc < 0 ? -1 : scan_end(&d->s);
}

/* Where the files are: a channel of the network must not point at files of this machine. */
static int settle_base_url(struct repodata *r, struct err *err)
{
	const char *dir = url_join(&r->arena, r->channel.canonical, r->subdir), *url;

	if (!r->base_url)
		return 0;
	url = url_resolve(&r->arena, dir, r->base_url);
	if (!url_is(url, "https") && !url_is(url, "http") && !(url_is(url, "file") && url_is(dir, "file")))
		return err_set(err, ERR_FORMAT, "%s: base_url '%s' is neither http nor https", r->name,
			       url_redact(&r->arena, r->base_url));
	r->base_url = url_redact(&r->arena, url);
	return 0;
}

static int read_all(struct repodata *r, struct err *err)
{
	struct reader d = { .r = r, .version = 1, .last = { "", 0 } };
	int rc;

	scan_init(&d.s, r->text.p, r->n_text);
	rc = read_document(&d);
	buf_release(&d.room);
	if (rc < 0) {
		scan_err(&d.s, err);
		return err_at(err, "%s", r->name);
	}
	if (d.version > VERSION_MAX)
		return err_set(
			err, ERR_FORMAT,
			"%s: has repodata_version %llu, and this program knows 1 and 2; a newer condaimg may know it",
			r->name, (unsigned long long)d.version);
	return settle_base_url(r, err);
}

struct repodata *repodata_scan(struct buf *b, const struct channel *channel, const char *subdir, uint32_t rank,
			       const char *name, struct err *err)
{
	static const char zeros[SCAN_PAD];
	struct repodata *r = NEW(struct repodata);

	r->text = *b;
	*b = (struct buf){ 0 };
	r->n_text = r->text.n;
	buf_add(&r->text, zeros, sizeof(zeros));
	r->channel = (struct channel){ .canonical = arena_strdup(&r->arena, channel->canonical) };
	r->subdir = arena_strdup(&r->arena, subdir);
	r->name = url_redact(&r->arena, name);
	r->rank = rank;
	intern_init(&r->names, NULL);
	intern_init(&r->removed, &r->arena);
	if (r->n_text > TEXT_MAX)
		err_set(err, ERR_LIMIT, "%s: is larger than 4 GiB", r->name);
	else if (read_all(r, err) == 0)
		return r;
	repodata_free(r);
	return NULL;
}

/* ---- names that look alike ---- */

struct candidate {
	struct str name;
	unsigned distance;
};

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

static char plain(char c)
{
	return c == '_' || c == '.' ? '-' : c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Insertions, deletions, changes and swaps of neighbours; '-', '_' and '.' are alike. Both at most SIMILAR_MAX long. */
static unsigned distance(struct str a, struct str b)
{
	unsigned rows[3][SIMILAR_MAX + 1], *two = rows[0], *one = rows[1], *now = rows[2];

	for (unsigned j = 0; j <= b.n; j++)
		one[j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned *spare = two;

		now[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			char x = plain(a.p[i - 1]), y = plain(b.p[j - 1]);

			now[j] = min3(one[j] + 1, now[j - 1] + 1, one[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == plain(b.p[j - 2]) && y == plain(a.p[i - 2]) &&
			    now[j] > two[j - 2] + 1)
				now[j] = two[j - 2] + 1;
		}
		two = one;
		one = now;
		now = spare;
	}
	return one[b.n];
}

static int candidate_cmp(const void *x, const void *y)
{
	const struct candidate *a = x, *b = y;
	size_t n = a->name.n < b->name.n ? a->name.n : b->name.n;
	int c;

	if (a->distance != b->distance)
		return a->distance < b->distance ? -1 : 1;
	c = memcmp(a->name.p, b->name.p, n);
	return c ? c : (a->name.n > b->name.n) - (a->name.n < b->name.n);
}

static bool is_near(struct str name, struct str other, unsigned most, unsigned *d)
{
	size_t apart = name.n > other.n ? name.n - other.n : other.n - name.n;

	if (other.n > SIMILAR_MAX || apart > most)
		return false;
	*d = distance(name, other);
	return *d <= most && !(name.n == other.n && memcmp(name.p, other.p, name.n) == 0);
}

const char *const *repodata_similar(struct arena *a, struct repodata *const *all, size_t n, const char *name,
				    size_t max)
{
	auto_free struct candidate *found = NULL;
	const char **ret = arena_array(a, max + 1, sizeof(*ret));
	struct str want = str_of(name);
	unsigned most = want.n < 4 ? 1 : want.n < 8 ? 2 : 3, d;
	size_t count = 0, kept = 0;

	if (want.n > SIMILAR_MAX)
		return ret;
	for (size_t k = 0; k < n; k++) {
		for (uint32_t i = 0; i < all[k]->names.n; i++) {
			struct str other = { all[k]->names.entries[i].p, all[k]->names.entries[i].n };

			if (!is_near(want, other, most, &d))
				continue;
			mem_grow(found, count);
			found[count++] = (struct candidate){ other, d };
		}
	}
	if (count)
		qsort(found, count, sizeof(*found), candidate_cmp);
	for (size_t i = 0; i < count && kept < max; i++)
		if (i == 0 || candidate_cmp(&found[i - 1], &found[i]) != 0)
			ret[kept++] = arena_strndup(a, found[i].name.p, found[i].name.n);
	return ret;
}
