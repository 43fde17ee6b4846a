#include "conda/record.h"

#include <string.h>

#include "base/str.h"

#define SECONDS_MAX 253402300799 /* 9999-12-31: what is larger is milliseconds */
#define EXT_CONDA ".conda"
#define EXT_BZ2 ".tar.bz2"

static const char *const no_strings[] = { NULL };

static void or_empty(const char **s)
{
	if (!*s)
		*s = "";
}

static void or_no_list(const char *const **list)
{
	if (!*list)
		*list = no_strings;
}

void record_defaults(struct record *r)
{
	or_empty(&r->name);
	or_empty(&r->version);
	or_empty(&r->build);
	or_empty(&r->subdir);
	or_empty(&r->channel);
	or_empty(&r->fn);
	or_empty(&r->url);
	or_no_list(&r->depends);
	or_no_list(&r->constrains);
	or_no_list(&r->track_features);
	or_no_list(&r->flags);
}

int64_t record_milliseconds(int64_t t)
{
	return t <= SECONDS_MAX ? t * 1000 : t;
}

static void fill_text(struct arena *a, const char **s, const char *from)
{
	if (!*s || !**s)
		*s = arena_strdup(a, from);
}

static void fill_list(struct arena *a, const char *const **list, const char *const *from)
{
	const char **copy;
	size_t n = 0;

	if (*list && **list)
		return;
	while (from && from[n])
		n++;
	copy = arena_array(a, n + 1, sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		copy[i] = arena_strdup(a, from[i]);
	*list = copy;
}

void record_fill(struct arena *a, struct record *r, const struct record *index)
{
	if (!r->bare)
		return;
	fill_list(a, &r->depends, index->depends);
	fill_list(a, &r->constrains, index->constrains);
	fill_list(a, &r->track_features, index->track_features);
	fill_text(a, &r->license, index->license);
	fill_text(a, &r->license_family, index->license_family);
	fill_text(a, &r->site_packages, index->site_packages);
	fill_text(a, &r->subdir, index->subdir);
	r->build_number = index->build_number;
	r->timestamp = record_milliseconds(index->timestamp);
	r->noarch = index->noarch;
	r->bare = false;
}

int64_t record_time(const struct record *r)
{
	return r->indexed_timestamp ? r->indexed_timestamp : r->timestamp;
}

const char *record_dist(struct arena *a, const struct record *r)
{
	return arena_printf(a, "%s-%s-%s", r->name, r->version, r->build);
}

bool record_is_package_file(const char *fn, size_t *stem_len)
{
	size_t n = strlen(fn);

	if (str_ends(fn, EXT_CONDA))
		*stem_len = n - strlen(EXT_CONDA);
	else if (str_ends(fn, EXT_BZ2))
		*stem_len = n - strlen(EXT_BZ2);
	else
		return false;
	return *stem_len > 0;
}

bool record_split_fn(struct arena *a, const char *fn, const char **name, const char **version, const char **build)
{
	const char *slash = strrchr(fn, '/'), *v, *b;
	size_t n;

	if (slash)
		fn = slash + 1;
	if (!record_is_package_file(fn, &n))
		return false;
	b = memrchr(fn, '-', n);
	v = b ? memrchr(fn, '-', (size_t)(b - fn)) : NULL;
	if (!v || v == fn || v + 1 == b || b + 1 == fn + n)
		return false;
	*name = arena_strndup(a, fn, (size_t)(v - fn));
	*version = arena_strndup(a, v + 1, (size_t)(b - v - 1));
	*build = arena_strndup(a, b + 1, (size_t)(fn + n - b - 1));
	return true;
}

static int cmp_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* Most strings of an index are there once. */
static int text_cmp(const char *a, const char *b)
{
	return a == b ? 0 : strcmp(a, b);
}

int record_cmp(const struct record *a, const struct record *b)
{
	int c = text_cmp(a->name, b->name);

	if (!c)
		c = text_cmp(a->version, b->version);
	if (!c)
		c = cmp_u64(a->build_number, b->build_number);
	if (!c)
		c = text_cmp(a->build, b->build);
	if (!c)
		c = text_cmp(a->subdir, b->subdir);
	if (!c)
		c = cmp_u64(a->channel_rank, b->channel_rank);
	if (!c)
		c = strcmp(a->fn, b->fn);
	return c;
}

/* The first record whose name is not less than name. */
static size_t lower_bound(const struct index *ix, const char *name)
{
	size_t lo = 0, hi = ix->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(ix->records[mid].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct record_range index_find(const struct index *ix, const char *name)
{
	size_t first = lower_bound(ix, name), end = first;

	while (end < ix->n && strcmp(ix->records[end].name, name) == 0)
		end++;
	return (struct record_range){ ix->records + first, end - first };
}

struct placed {
	struct record r;
	size_t place;
};

static int placed_cmp(const void *x, const void *y)
{
	const struct placed *a = x, *b = y;
	int c = strcmp(a->r.name, b->r.name);

	return c ? c : cmp_u64(a->place, b->place);
}

void index_sort(struct index *ix)
{
	auto_free struct placed *p = mem_array(ix->n, sizeof(*p));

	for (size_t i = 0; i < ix->n; i++)
		p[i] = (struct placed){ ix->records[i], i };
	qsort(p, ix->n, sizeof(*p), placed_cmp);
	for (size_t i = 0; i < ix->n; i++)
		ix->records[i] = p[i].r;
}

void index_release(struct index *ix)
{
	arena_release(&ix->arena);
	*ix = (struct index){ 0 };
}
