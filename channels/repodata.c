#include "channels/repodata.h"

#include <string.h>

#include "base/log.h"
#include "channels/document.h"
#include "channels/repodata_impl.h"
#include "fetch/url.h"

#define SIMILAR_MAX 64 /* bytes of names that are compared */

void repodata_free(struct repodata *r)
{
	if (!r)
		return;
	packed_free(r->packed);
	for (size_t i = 0; i < r->n_damaged; i++)
		packed_free(r->damaged[i]);
	free(r->damaged);
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

/* Where the files are: a channel of the network must not point at files of this machine. */
static int settle_dir(struct repodata *r, const char *base_url, struct err *err)
{
	const char *dir = url_join(&r->arena, r->canonical, r->subdir), *url;

	r->dir = dir;
	if (!base_url)
		return 0;
	url = url_resolve(&r->arena, dir, base_url);
	if (!url_is(url, "https") && !url_is(url, "http") && !(url_is(url, "file") && url_is(dir, "file")) &&
	    !(url_is(url, "oci") && url_is(dir, "oci")))
		return err_set(err, ERR_FORMAT, "%s: base_url '%s' is neither http nor https", r->name,
			       url_redact(&r->arena, base_url));
	r->dir = url_redact(&r->arena, url);
	return 0;
}

struct repodata *repodata_new(struct packed *packed, const struct channel *channel, const char *subdir, uint32_t rank,
			      const char *name, const char *base_url, struct err *err)
{
	struct repodata *r = NEW(struct repodata);

	*r = (struct repodata){ .packed = packed, .rank = rank, .cachefd = -1 };
	r->canonical = arena_strdup(&r->arena, channel->canonical);
	r->subdir = arena_strdup(&r->arena, subdir);
	r->name = url_redact(&r->arena, name);
	if (settle_dir(r, base_url, err) == 0)
		return r;
	repodata_free(r);
	return NULL;
}

void repodata_reach(struct reach *r, struct repodata *const *all, size_t n, const char *name)
{
	if (!strchr(name, '*')) {
		reach_name(r, str_of(name));
		return;
	}
	for (size_t k = 0; k < n; k++) {
		size_t count = repodata_names(all[k]);

		for (size_t i = 0; i < count; i++) {
			struct str s = repodata_name(all[k], i);

			if (reach_fits(name, s))
				reach_name(r, s);
		}
	}
}

int repodata_again(struct repodata *r, struct err *err)
{
	struct packed *p;

	log_debug("%s: what was kept of it is damaged, and is made anew", r->name);
	if (!r->body.url)
		return err_set(err, ERR_IO, "%s: memory that holds it was changed", r->name);
	p = packed_cache_get(r->cachefd, &r->body, true, err);
	if (!p)
		return -1;
	mem_grow(r->damaged, r->n_damaged);
	r->damaged[r->n_damaged++] = r->packed;
	r->packed = p;
	return 0;
}

size_t repodata_names(const struct repodata *r)
{
	return r->all_names ? r->n_all_names : packed_names(r->packed);
}

struct str repodata_name(struct repodata *r, size_t i)
{
	return r->all_names ? r->all_names[i] : packed_name(r->packed, i);
}

struct repodata *repodata_scan(struct buf *b, const struct channel *channel, const char *subdir, uint32_t rank,
			       const char *name, struct err *err)
{
	auto_arena a = { 0 };
	auto_buf bytes = *b;
	struct body body = { .dirfd = -1, .bytes = &bytes, .url = "", .name = url_redact(&a, name), .max = UINT64_MAX };
	struct packed *p;

	*b = (struct buf){ 0 };
	p = packed_cache_get(-1, &body, false, err);
	return p ? repodata_new(p, channel, subdir, rank, name, packed_base_url(p), err) : NULL;
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
		for (size_t i = 0; i < repodata_names(all[k]); i++) {
			struct str other = repodata_name(all[k], i);

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

bool repodata_has(struct repodata *const *all, size_t n, const char *name)
{
	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < repodata_names(all[k]); i++)
			if (str_eq(repodata_name(all[k], i), name))
				return true;
	return false;
}
