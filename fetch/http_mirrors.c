#include <string.h>

#include "base/str.h"
#include "fetch/http_impl.h"
#include "fetch/url.h"

#define GRUDGE_MS 60000 /* after which a mirror that failed is asked like the others */
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

/* How long a request more would take, in an unknown unit. */
static double cost(const struct http_mirror *m, double best_rate, int64_t now)
{
	double c = (m->running + 1) / (m->rate > 0 ? m->rate : best_rate);

	if (m->failures && now - m->failed_ms < GRUDGE_MS)
		for (unsigned i = 0; i < m->failures && i < 8; i++)
			c *= 100;
	return c;
}

int http_mirrors_pick(const struct http_mirrors *m, uint32_t without)
{
	int64_t now = http_now_ms();
	double best_rate = 1, best_cost = 0;
	int best = -1;

	for (size_t i = 0; i < m->n; i++)
		if (m->all[i].rate > best_rate)
			best_rate = m->all[i].rate;
	for (size_t i = 0; i < m->n; i++) {
		double c = cost(&m->all[i], best_rate, now);

		if (without & (1U << i) || (best >= 0 && c >= best_cost))
			continue;
		best = (int)i;
		best_cost = c;
	}
	return best;
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
