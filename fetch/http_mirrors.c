#include <string.h>

#include "base/str.h"
#include "fetch/http_impl.h"
#include "fetch/url.h"

#define GRUDGE_MS 60000 /* after which a mirror that failed is asked like the others */
#define SLOW 1e6 /* bytes a second of all requests together, below which others are tried */
#define RATE_MIN ((uint64_t)64 << 10) /* bytes: less say nothing about a rate */

static char *clean(const char *url)
{
	auto_arena a = { 0 };
	char *ret = mem_strdup(url_redact(&a, url));
	size_t n = strlen(ret);

	while (n && ret[n - 1] == '/')
		ret[--n] = '\0';
	return ret;
}

void http_set_mirrors(struct http *h, const char *base, const char *const *urls, size_t n)
{
	struct http_mirrors m = { .base = clean(base) };

	m.n = n < HTTP_MIRRORS_MAX ? n : HTTP_MIRRORS_MAX;
	m.all = mem_array(m.n, sizeof(*m.all));
	for (size_t i = 0; i < m.n; i++)
		m.all[i].url = mem_strdup(urls[i]);
	mem_grow(h->mirrors, h->n_mirrors);
	h->mirrors[h->n_mirrors++] = m;
}

void http_mirrors_release(struct http *h)
{
	for (size_t i = 0; i < h->n_mirrors; i++) {
		for (size_t k = 0; k < h->mirrors[i].n; k++)
			free(h->mirrors[i].all[k].url);
		free(h->mirrors[i].all);
		free(h->mirrors[i].base);
	}
	free(h->mirrors);
}

struct http_mirrors *http_mirrors_find(const struct http *h, const char *url, const char **rest)
{
	auto_arena a = { 0 };
	const char *bare = h->n_mirrors ? url_redact(&a, url) : NULL;
	struct http_mirrors *best = NULL;
	size_t best_n = 0;

	for (size_t i = 0; i < h->n_mirrors; i++) {
		struct http_mirrors *m = &h->mirrors[i];
		size_t n = strlen(m->base);

		if (m->n && n >= best_n && str_starts(bare, m->base) && bare[n] == '/') {
			best = m;
			best_n = n;
		}
	}
	/* what is cut off for being secret is before this */
	if (best)
		*rest = url + strlen(url) - strlen(bare + best_n + 1);
	return best;
}

/* 2: answers well, 1: nobody knows, 0: failed a moment ago. */
static int standing(const struct http_mirror *m, int64_t now)
{
	if (m->failures && now - m->failed_ms < GRUDGE_MS)
		return 0;
	return m->rate > 0 ? 2 : 1;
}

/* How long a request more would take there. */
static double cost(const struct http_mirror *m)
{
	return (m->running + 1) / m->rate;
}

/* Whether a is the better of two that stand alike; of equals the one that comes first. */
static bool is_better(const struct http_mirror *a, const struct http_mirror *b, int is)
{
	if (is == 0)
		return a->failures < b->failures;
	return is == 2 && cost(a) < cost(b);
}

/*
 * Who was put first is asked first, and stays it while it is quick: the others may be there for the day when it is not,
 * and out of reach till then. One that nobody knows is tried by one request, when the known are slow or come later.
 */
int http_mirrors_pick(const struct http_mirrors *m, uint32_t without)
{
	int64_t now = http_now_ms();
	int best[3] = { -1, -1, -1 };

	for (size_t i = 0; i < m->n; i++) {
		int is = standing(&m->all[i], now);

		if (!(without & (1U << i)) && (best[is] < 0 || is_better(&m->all[i], &m->all[best[is]], is)))
			best[is] = (int)i;
	}
	if (best[2] >= 0 && best[1] >= 0) {
		const struct http_mirror *known = &m->all[best[2]], *unknown = &m->all[best[1]];

		if (!unknown->running && (best[1] < best[2] || known->rate * (known->running + 1) < SLOW))
			return best[1];
	}
	return best[2] >= 0 ? best[2] : best[1] >= 0 ? best[1] : best[0];
}

void http_mirror_good(struct http_mirror *m, uint64_t bytes, int64_t ms)
{
	double rate = (double)bytes * 1000 / (double)(ms > 0 ? ms : 1);

	m->failures = 0;
	if (bytes >= RATE_MIN)
		m->rate = m->rate > 0 ? (3 * m->rate + rate) / 4 : rate;
}

void http_mirror_bad(struct http_mirror *m)
{
	m->failures++;
	m->failed_ms = http_now_ms();
}
