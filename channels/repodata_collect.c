#include <stdio.h>
#include <string.h>

#include "channels/parse.h"
#include "channels/repodata.h"
#include "channels/rows.h"
#include "conda/matchspec.h"
#include "fetch/url.h"

#define NAME_MAX_BYTES 255
#define FOLLOWED_SIZE 4096 /* strings that are remembered to have been followed */

/* Strings of one document that all its records share. */
struct origin {
	const char *channel, *subdir, *dir; /* dir: URL of where the files are */
	size_t dir_len;
};

/* A record of the name at hand, before it is known whether it stays. */
struct candidate {
	struct str stem;
	uint32_t kind;
	size_t at; /* in records */
};

struct reached {
	const char *name;
	size_t first, n; /* in records */
};

struct collector {
	struct repodata *const *all;
	size_t n;
	struct index *ret;
	struct repodata_stats *stats;
	struct parse parse;
	struct origin *origins;
	struct intern names; /* reached, in the order in which they were */
	struct record *records;
	size_t n_records;
	struct candidate *candidates;
	size_t n_candidates;
	struct reached *done; /* one for each of names */
	struct buf room;
	const char *followed[FOLLOWED_SIZE];
};

/* ---- reaching names ---- */

static void reach(struct collector *c, struct str name)
{
	char lower[NAME_MAX_BYTES];

	if (!name.n || name.n > sizeof(lower) || (name.n > 1 && name.p[0] == '_' && name.p[1] == '_'))
		return;
	for (size_t i = 0; i < name.n; i++)
		lower[i] = name.p[i] >= 'A' && name.p[i] <= 'Z' ? (char)(name.p[i] | 0x20) : name.p[i];
	intern_add(&c->names, (struct str){ lower, name.n });
}

static const char *copy(struct collector *c, const char *from, const char *to)
{
	c->room.n = 0;
	buf_add(&c->room, from, (size_t)(to - from));
	return buf_cstr(&c->room);
}

/* Each spec of a condition: "a >=1 and (b or c)". Words that are no names reach nothing there is. */
static void reach_condition(struct collector *c, const char *p, const char *end)
{
	while (p < end) {
		const char *from;

		while (p < end && (*p == ' ' || *p == '(' || *p == ')'))
			p++;
		for (from = p; p < end && *p != ' ' && *p != '(' && *p != ')';)
			p += *p == '[' && memchr(p, ']', (size_t)(end - p))
				     ? (const char *)memchr(p, ']', (size_t)(end - p)) - p + 1
				     : 1;
		if (p > from && !(p - from == 3 && memcmp(from, "and", 3) == 0) &&
		    !(p - from == 2 && memcmp(from, "or", 2) == 0))
			reach(c, matchspec_name_of(copy(c, from, p)));
	}
}

/* when="..." among the brackets of a spec (CEP 43). */
static void reach_when(struct collector *c, const char *p)
{
	const char *when = p;

	while ((when = strstr(when, "when"))) {
		const char *at = when + 4, *end;
		bool starts = when == p || strchr("[, ", when[-1]);

		while (*at == ' ')
			at++;
		when += 4;
		if (!starts || *at != '=')
			continue;
		for (at++; *at == ' ';)
			at++;
		end = *at == '"' || *at == '\'' ? strchr(at + 1, *at) : at + strcspn(at, ",]");
		at += *at == '"' || *at == '\'';
		reach_condition(c, at, end ? end : at + strlen(at));
	}
}

static void reach_spec(struct collector *c, const char *spec)
{
	const char **seen = &c->followed[((uintptr_t)spec >> 4) % FOLLOWED_SIZE];
	const char *bracket;

	/* Strings are kept once, so a pointer that was followed needs no second look. */
	if (*seen == spec)
		return;
	*seen = spec;
	reach(c, matchspec_name_of(spec));
	bracket = strchr(spec, '[');
	if (bracket)
		reach_when(c, bracket + 1);
}

static void reach_all(struct collector *c, const char *const *specs)
{
	for (; *specs; specs++)
		reach_spec(c, *specs);
}

static void follow(struct collector *c, const struct record *r)
{
	reach_all(c, r->depends);
	for (size_t i = 0; i < r->n_extras; i++)
		reach_all(c, r->extras[i].depends);
}

/* '*' alone stands for any run of bytes. */
static bool glob_fits(const char *glob, struct str s)
{
	const char *star = NULL;
	size_t i = 0, mark = 0;

	while (i < s.n) {
		if (*glob == '*') {
			star = ++glob;
			mark = i;
		} else if (*glob == s.p[i]) {
			glob++;
			i++;
		} else if (star) {
			glob = star;
			i = ++mark;
		} else {
			return false;
		}
	}
	while (*glob == '*')
		glob++;
	return !*glob;
}

static void reach_request(struct collector *c, const char *name)
{
	if (!strchr(name, '*')) {
		reach(c, str_of(name));
		return;
	}
	for (size_t k = 0; k < c->n; k++) {
		const struct intern *names = &c->all[k]->names;

		for (uint32_t i = 0; i < names->n; i++) {
			struct str s = { names->entries[i].p, names->entries[i].n };

			if (glob_fits(name, s))
				reach(c, s);
		}
	}
}

/* ---- records of one name ---- */

static void broken(struct collector *c, struct str what, const char *why)
{
	if (!c->stats->broken++)
		snprintf(c->stats->example, sizeof(c->stats->example), "%.*s: %s", (int)(what.n < 120 ? what.n : 120),
			 what.p, why);
}

/* The file's URL; fn is its end where no byte of it had to be written otherwise. */
static void name_file(struct collector *c, const struct origin *o, struct str fn, struct record *r)
{
	struct arena *a = &c->ret->arena;
	char *url;

	if (url_is_plain(fn.p, fn.n)) {
		url = arena_printf(a, "%s/%.*s", o->dir, (int)fn.n, fn.p);
		r->fn = url + o->dir_len + 1;
	} else {
		r->fn = arena_strndup(a, fn.p, fn.n);
		url = arena_printf(a, "%s/%s", o->dir, url_encode(a, r->fn));
	}
	r->url = url;
}

static bool is_file_name(struct str fn)
{
	if (!fn.n || fn.n > NAME_MAX_BYTES || fn.p[0] == '.')
		return false;
	for (size_t i = 0; i < fn.n; i++)
		if ((unsigned char)fn.p[i] <= ' ' || fn.p[i] == 127 || fn.p[i] == '/' || fn.p[i] == '\\')
			return false;
	return true;
}

static const char *extension(uint32_t kind)
{
	return kind == ROW_CONDA || kind == ROW_V3_CONDA ? ".conda" : ".tar.bz2";
}

/* The whole file name, and how much of it is the stem. */
static bool row_file(struct collector *c, const struct repodata *d, const struct row *row, struct str *fn,
		     size_t *stem_len)
{
	const char *ext = extension(row->kind);
	struct scan_text t;
	struct scan s;

	scan_init(&s, d->text.p, d->n_text);
	s.at = d->text.p + row->key;
	if (scan_string(&s, &t) < 0 || !scan_decode(&t, &c->room, fn))
		return false;
	if (row->kind == ROW_V3_CONDA || row->kind == ROW_V3_BZ2) {
		auto_buf whole = { 0 };

		buf_add(&whole, fn->p, fn->n);
		buf_adds(&whole, ext);
		c->room.n = 0;
		buf_add(&c->room, whole.p, whole.n);
		*fn = (struct str){ c->room.p, c->room.n };
	}
	*stem_len = fn->n - strlen(ext);
	return is_file_name(*fn);
}

static bool lower_equal(const char *a, struct str b)
{
	return strlen(a) == b.n && strncasecmp(a, b.p, b.n) == 0;
}

/* Bytes of a name that are upper case: lower, as one writes it in a spec. */
static const char *lower_name(struct collector *c, const char *name)
{
	char lower[NAME_MAX_BYTES];
	size_t n = strlen(name);

	if (!name[strcspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] || n > sizeof(lower))
		return name;
	for (size_t i = 0; i < n; i++)
		lower[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] | 0x20) : name[i];
	return intern_text(&c->parse.strings, (struct str){ lower, n });
}

static void take_row(struct collector *c, size_t k, const struct row *row)
{
	const struct repodata *d = c->all[k];
	const struct origin *o = &c->origins[k];
	struct record r = { .channel = o->channel, .subdir = o->subdir, .channel_rank = d->rank };
	char why[120];
	struct scan s;
	struct str fn = { "", 0 };
	size_t stem_len;

	if (!row_file(c, d, row, &fn, &stem_len)) {
		broken(c, fn, "is no name of a package file");
		return;
	}
	if (d->removed.n && intern_find(&d->removed, fn) != INTERN_NONE)
		return;
	scan_init(&s, d->text.p, d->n_text);
	s.at = d->text.p + row->value;
	if (!parse_record(&c->parse, &s, &r, why, sizeof(why))) {
		broken(c, fn, why);
		return;
	}
	if (!lower_equal(r.name, rows_name_of((struct str){ fn.p, stem_len }))) {
		broken(c, fn, "its name is another one");
		return;
	}
	r.name = lower_name(c, r.name);
	name_file(c, o, fn, &r);
	record_defaults(&r);
	mem_grow(c->candidates, c->n_candidates);
	c->candidates[c->n_candidates++] = (struct candidate){ { r.fn, stem_len }, row->kind, c->n_records };
	mem_grow(c->records, c->n_records);
	c->records[c->n_records++] = r;
}

/* By stem; within it, the one to keep first: the better kind, then what the document tells last. */
static int candidate_cmp(const void *x, const void *y)
{
	const struct candidate *a = x, *b = y;
	int c = a->stem.n == b->stem.n ? memcmp(a->stem.p, b->stem.p, a->stem.n) : a->stem.n < b->stem.n ? -1 : 1;

	if (c)
		return c;
	if (a->kind != b->kind)
		return a->kind > b->kind ? -1 : 1;
	return (a->at < b->at) - (a->at > b->at);
}

/* Of records that tell of one stem only the best stays. */
static void drop_doubles(struct collector *c, size_t first)
{
	size_t kept = first;

	if (c->n_candidates > 1)
		qsort(c->candidates, c->n_candidates, sizeof(*c->candidates), candidate_cmp);
	for (size_t i = 1; i < c->n_candidates; i++) {
		const struct candidate *before = &c->candidates[i - 1], *now = &c->candidates[i];

		if (before->stem.n == now->stem.n && memcmp(before->stem.p, now->stem.p, now->stem.n) == 0)
			c->records[now->at].name = NULL;
	}
	for (size_t i = first; i < c->n_records; i++) {
		if (!c->records[i].name)
			continue;
		if (kept != i)
			c->records[kept] = c->records[i];
		kept++;
	}
	c->n_records = kept;
}

static void take_name(struct collector *c, uint32_t number)
{
	struct str name = { c->names.entries[number].p, c->names.entries[number].n };
	size_t start = c->n_records;

	for (size_t k = 0; k < c->n; k++) {
		const struct repodata *d = c->all[k];
		uint32_t i = intern_find(&d->names, name);
		size_t first = c->n_records;

		c->n_candidates = 0;
		for (uint32_t row = i == INTERN_NONE ? ROW_NONE : d->by_name[i].first; row != ROW_NONE;
		     row = d->rows[row].next)
			take_row(c, k, &d->rows[row]);
		drop_doubles(c, first);
	}
	mem_grow(c->done, number);
	c->done[number] = (struct reached){ name.p, start, c->n_records - start };
	for (size_t i = start; i < c->n_records; i++)
		follow(c, &c->records[i]);
}

/* ---- all ---- */

static int reached_cmp(const void *x, const void *y)
{
	return strcmp(((const struct reached *)x)->name, ((const struct reached *)y)->name);
}

/* The records, name after name. Within a name they are in order already. */
static void settle(struct collector *c)
{
	struct record *to = arena_array(&c->ret->arena, c->n_records, sizeof(*to));

	c->ret->records = to;
	c->ret->n = c->n_records;
	if (c->names.n)
		qsort(c->done, c->names.n, sizeof(*c->done), reached_cmp);
	for (uint32_t i = 0; i < c->names.n; i++) {
		if (c->done[i].n)
			memcpy(to, c->records + c->done[i].first, c->done[i].n * sizeof(*to));
		to += c->done[i].n;
	}
}

static void begin(struct collector *c)
{
	struct arena *a = &c->ret->arena;

	parse_init(&c->parse, a);
	intern_init(&c->names, a);
	c->origins = mem_array(c->n, sizeof(*c->origins));
	for (size_t k = 0; k < c->n; k++) {
		const struct repodata *d = c->all[k];
		struct origin *o = &c->origins[k];

		o->channel = intern_text(&c->parse.strings, str_of(d->channel.canonical));
		o->subdir = intern_text(&c->parse.strings, str_of(d->subdir));
		o->dir = d->base_url ? arena_strdup(a, d->base_url) : url_join(a, d->channel.canonical, d->subdir);
		o->dir_len = strlen(o->dir);
		c->stats->records += d->n_rows;
		if (d->broken && !c->stats->broken)
			memcpy(c->stats->example, d->example, sizeof(c->stats->example));
		c->stats->broken += d->broken;
	}
}

static void end(struct collector *c)
{
	parse_release(&c->parse);
	intern_release(&c->names);
	buf_release(&c->room);
	free(c->origins);
	free(c->records);
	free(c->candidates);
	free(c->done);
	free(c);
}

int repodata_collect(struct repodata *const *all, size_t n, const char *const *names, size_t n_names, struct index *ret,
		     struct repodata_stats *stats, struct err *err)
{
	struct repodata_stats unused = { 0 };
	struct collector *c = NEW(struct collector);

	(void)err; /* what is wrong with a record is counted */
	c->all = all;
	c->n = n;
	c->ret = ret;
	c->stats = stats ? stats : &unused;
	*c->stats = (struct repodata_stats){ 0 };
	*ret = (struct index){ 0 };
	begin(c);
	for (size_t i = 0; i < n_names; i++)
		reach_request(c, names[i]);
	for (uint32_t i = 0; i < c->names.n; i++)
		take_name(c, i);
	settle(c);
	end(c);
	return 0;
}
