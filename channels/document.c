#include "channels/document.h"

#include <stdio.h>

#include "channels/parse.h"

#define VERSION_MAX 2 /* of repodata (CEP 15); what v3 brings has no number of its own (CEP 48) */
#define WINDOW ((size_t)256 << 10)
#define WINDOW_MAX ((size_t)256 << 20) /* the largest value that is looked at as a whole */
#define AHEAD ((size_t)16 << 10) /* what is always in the window: keys, numbers and words end in it */

/* Reading one document. */
struct reader {
	struct source *in;
	const char *name;
	struct pack *pack;
	struct parse parse;
	struct arena *arena;
	char *window;
	size_t size; /* of window, without the zeros after it */
	size_t n; /* bytes of text in it */
	uint64_t total;
	bool whole; /* in was read to its end */
	struct scan s;
	struct buf room;
	uint64_t version;
	const char *base_url;
	struct err *err;
};

/* ---- the window ---- */

/* Forget what lies before from, which then is the first byte; make room. */
static int move_window(struct reader *d, const char *from)
{
	size_t gone = (size_t)(from - d->window), left = d->n - gone;

	for (const char *p = d->window; (p = memchr(p, '\n', (size_t)(from - p))); p++)
		d->s.lines_gone++;
	d->s.bytes_gone += gone;
	if (left > d->size - d->size / 4) {
		char *wider = NULL;

		if (d->size >= WINDOW_MAX)
			return err_set(d->err, ERR_LIMIT, "%s: a value of more than %zu MiB", d->name,
				       WINDOW_MAX >> 20);
		wider = mem_array(4 * d->size + SCAN_PAD, 1);
		memcpy(wider, from, left);
		free(d->window);
		d->window = wider;
		d->size *= 4;
	} else {
		memmove(d->window, from, left);
	}
	d->n = left;
	return 0;
}

/* More text, from the byte at from on, before which nothing is needed any more. What the scan looks at stays the same. */
static int read_more(struct reader *d, const char *from)
{
	size_t ahead = (size_t)(d->s.at - from);

	if (move_window(d, from) < 0)
		return -1;
	while (d->n < d->size && !d->whole) {
		ssize_t n = source_read(d->in, d->window + d->n, d->size - d->n, d->err);

		if (n < 0)
			return err_at(d->err, "%s", d->name);
		d->whole = n == 0;
		d->n += (size_t)n;
		d->total += (uint64_t)n;
		if (d->total > DOCUMENT_MAX)
			return err_set(d->err, ERR_LIMIT, "%s: is larger than 4 GiB", d->name);
	}
	memset(d->window + d->n, 0, SCAN_PAD);
	d->s.begin = d->window;
	d->s.end = d->window + d->n;
	d->s.at = d->window + ahead;
	return 0;
}

/* Enough text before us that a key or a number cannot be cut in two. */
static int look_ahead(struct reader *d)
{
	return !d->whole && (size_t)(d->s.end - d->s.at) < AHEAD ? read_more(d, d->s.at) : 0;
}

/* After a failure that began at *from, with the scan as it was then: 1 where more text may help, which now is there. */
static int again(struct reader *d, const struct scan *from)
{
	if (!d->s.early || d->whole)
		return -1;
	d->s.at = from->at;
	d->s.fault = NULL;
	d->s.early = false;
	d->s.fresh = from->fresh;
	return read_more(d, d->s.at) < 0 ? -1 : 1;
}

/* ---- what is in a container, however large it is ---- */

/* Skip a value that has to be in the window as a whole, and say where it begins. */
static int next_whole(struct reader *d, struct scan *from, struct scan_text *key, const char **value)
{
	int rc;

	do {
		if (look_ahead(d) < 0)
			return -1;
		*from = d->s;
		rc = key ? scan_key(&d->s, key) : scan_item(&d->s);
		if (rc > 0) {
			scan_peek(&d->s);
			*value = d->s.at;
			rc = scan_skip(&d->s);
		}
	} while (rc < 0 && again(d, from) > 0);
	return rc;
}

static int skip_members(struct reader *d, enum scan_type type)
{
	struct scan from;
	struct scan_text key;
	const char *value;
	int rc;

	if (scan_enter(&d->s, type) < 0)
		return -1;
	while ((rc = next_whole(d, &from, type == SCAN_OBJECT ? &key : NULL, &value)) > 0)
		;
	return rc;
}

/* ---- records ---- */

/* The value before us as a record; else why it is none, with what could be read of it behind us or not. */
static int read_record(struct reader *d, struct str key, enum packed_kind kind, char *why, size_t n)
{
	struct draft draft;

	if (*d->s.at != '{') {
		snprintf(why, n, "is no object");
		return 0;
	}
	if (!parse_record(&d->parse, &d->s, &draft, why, n))
		return 0;
	return pack_add(d->pack, key, kind, &draft, d->err) < 0 ? -1 : 1;
}

/*
 * One member of "packages" and the like: 1, 0 after the last, -1. What cannot be read is skipped and counted; that may
 * be for it is not whole yet, which the skipping finds out.
 */
static int read_member(struct reader *d, const enum packed_kind *fixed)
{
	enum packed_kind kind = fixed ? *fixed : KIND_BZ2;
	char why[120] = "is no name of a package file";
	struct scan_text text;
	struct scan value;
	struct str key;
	int rc = scan_key(&d->s, &text);

	if (rc <= 0)
		return rc;
	if (!scan_decode(&text, &d->room, &key))
		key = (struct str){ "", 0 };
	scan_peek(&d->s);
	value = d->s;
	if (fixed || pack_kind(key, &kind)) {
		rc = read_record(d, key, kind, why, sizeof(why));
		if (rc != 0)
			return rc;
	}
	d->s = value;
	if (scan_skip(&d->s) < 0)
		return -1;
	pack_broken(d->pack, key, why);
	return 1;
}

/* The members of "packages" and the like. fixed is what they all are; NULL: their names say. */
static int read_section(struct reader *d, const enum packed_kind *fixed)
{
	struct scan from;
	int rc;

	if (scan_peek(&d->s) == SCAN_NULL)
		return scan_skip(&d->s);
	if (scan_enter(&d->s, SCAN_OBJECT) < 0)
		return -1;
	do {
		if (look_ahead(d) < 0)
			return -1;
		from = d->s;
		rc = read_member(d, fixed);
		if (rc < 0 && d->err->code)
			return err_at(d->err, "%s", d->name);
		if (rc < 0)
			rc = again(d, &from);
	} while (rc > 0);
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
	d->base_url = url.n ? arena_strndup(d->arena, url.p, url.n) : NULL;
	return 1;
}

static int read_info(struct reader *d)
{
	struct scan from;
	struct scan_text key;
	const char *value;
	int rc;

	if (scan_peek(&d->s) == SCAN_NULL)
		return scan_skip(&d->s);
	if (scan_enter(&d->s, SCAN_OBJECT) < 0)
		return -1;
	while ((rc = next_whole(d, &from, &key, &value)) > 0) {
		const char *end = d->s.at;

		d->s.at = value;
		if (str_eq(key.raw, "base_url"))
			rc = read_base_url(d);
		else if (str_eq(key.raw, "repodata_version"))
			rc = read_version(d);
		else
			d->s.at = end;
		if (rc < 0)
			return -1;
	}
	return rc;
}

static int read_removed(struct reader *d)
{
	struct scan from;
	struct scan_text t;
	struct str fn;
	const char *value;
	int rc;

	if (scan_peek(&d->s) == SCAN_NULL)
		return scan_skip(&d->s);
	if (scan_enter(&d->s, SCAN_ARRAY) < 0)
		return -1;
	while ((rc = next_whole(d, &from, NULL, &value)) > 0) {
		d->s.at = value;
		if (scan_string(&d->s, &t) < 0)
			return -1;
		if (scan_decode(&t, &d->room, &fn))
			pack_removed(d->pack, fn);
	}
	return rc;
}

static int read_packages(struct reader *d)
{
	return read_section(d, NULL);
}

static int read_v3_conda(struct reader *d)
{
	static const enum packed_kind kind = KIND_V3_CONDA;

	return read_section(d, &kind);
}

static int read_v3_bz2(struct reader *d)
{
	static const enum packed_kind kind = KIND_V3_BZ2;

	return read_section(d, &kind);
}

static int read_other(struct reader *d)
{
	enum scan_type type = scan_peek(&d->s);
	struct scan from;
	int rc;

	if (type == SCAN_OBJECT || type == SCAN_ARRAY)
		return skip_members(d, type);
	do {
		from = d->s;
		rc = scan_skip(&d->s);
	} while (rc < 0 && again(d, &from) > 0);
	return rc;
}

struct part {
	const char *key;
	int (*read)(struct reader *d);
};

/* An object whose members are read by their names, each by its part or past it. */
static int read_parts(struct reader *d, const struct part *parts, size_t n)
{
	struct scan_text key;
	struct str name;
	int rc;

	if (look_ahead(d) < 0 || scan_enter(&d->s, SCAN_OBJECT) < 0)
		return -1;
	for (;;) {
		int (*read)(struct reader * d) = read_other;

		if (look_ahead(d) < 0)
			return -1;
		rc = scan_key(&d->s, &key);
		if (rc <= 0)
			return rc;
		if (!scan_decode(&key, &d->room, &name))
			return scan_fail(&d->s, "a key that is no text");
		for (size_t i = 0; i < n; i++)
			if (str_eq(name, parts[i].key))
				read = parts[i].read;
		if (read(d) < 0)
			return -1;
	}
}

/* {"conda": {stem: record}, "tar.bz2": {stem: record}}; other kinds of files are for others (CEP 48). */
static int read_v3(struct reader *d)
{
	static const struct part parts[] = { { "conda", read_v3_conda }, { "tar.bz2", read_v3_bz2 } };

	if (scan_peek(&d->s) == SCAN_NULL)
		return scan_skip(&d->s);
	return read_parts(d, parts, COUNT(parts));
}

static int read_all(struct reader *d)
{
	static const struct part parts[] = {
		{ "info", read_info },	     { "packages", read_packages },	   { "packages.conda", read_packages },
		{ "removed", read_removed }, { "repodata_version", read_version }, { "v3", read_v3 },
	};

	if (read_more(d, d->window) < 0)
		return -1;
	if (scan_peek(&d->s) == SCAN_WRONG && d->whole && scan_end(&d->s) == 0)
		return 0;
	d->s.fault = NULL;
	if (read_parts(d, parts, COUNT(parts)) < 0 || look_ahead(d) < 0)
		return -1;
	return scan_end(&d->s);
}

int document_judge_version(uint64_t version, const char *name, struct err *err)
{
	if (version <= VERSION_MAX)
		return 0;
	return err_set(err, ERR_FORMAT,
		       "%s: has repodata_version %llu, and this program knows 1 and 2; a newer condaimg may know it",
		       name, (unsigned long long)version);
}

int document_read(struct source *in, const char *name, struct pack *p, struct arena *a, const char **base_url,
		  struct err *err)
{
	struct reader d = { .in = in, .name = name, .pack = p, .arena = a, .size = WINDOW, .version = 1, .err = err };
	int rc;

	d.window = mem_array(d.size + SCAN_PAD, 1);
	d.s.begin = d.s.at = d.s.end = d.window;
	parse_init(&d.parse, pack_texts(p));
	rc = read_all(&d);
	if (rc < 0 && !err->code) {
		scan_err(&d.s, err);
		rc = err_at(err, "%s", name);
	}
	if (rc == 0)
		rc = document_judge_version(d.version, name, err);
	*base_url = d.base_url;
	parse_release(&d.parse);
	buf_release(&d.room);
	free(d.window);
	return rc;
}
