#include "streams.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct dribble {
	struct source base;
	const char *p;
	size_t n, max, good; /* good: bytes until it breaks */
	uint32_t state;
};

static ssize_t dribble_read(struct source *s, void *buf, size_t len, struct err *err)
{
	struct dribble *d = (struct dribble *)s;
	size_t take = d->max ? d->max : 1 + (d->state = d->state * 1103515245 + 12345) / 65536 % 5000;

	if (!d->good)
		return err_set(err, ERR_NET, "broken on purpose");
	take = take < len ? take : len;
	take = take < d->n ? take : d->n;
	take = take < d->good ? take : d->good;
	if (take)
		memcpy(buf, d->p, take);
	d->p += take;
	d->n -= take;
	d->good -= take;
	return (ssize_t)take;
}

static void plain_free(struct source *s)
{
	free(s);
}

static const struct source_ops dribble_ops = { dribble_read, plain_free };

struct source *streams_dribble_until(const void *p, size_t n, size_t max, size_t good)
{
	struct dribble *d = NEW(struct dribble);

	*d = (struct dribble){ { &dribble_ops }, p ? p : "", n, max, good, 7 };
	return &d->base;
}

struct source *streams_dribble(const void *p, size_t n, size_t max)
{
	return streams_dribble_until(p, n, max, SIZE_MAX);
}

struct breaker {
	struct source base;
	size_t left;
};

static ssize_t breaker_read(struct source *s, void *buf, size_t len, struct err *err)
{
	struct breaker *b = (struct breaker *)s;

	if (!b->left)
		return err_set(err, ERR_NET, "broken on purpose");
	len = len < b->left ? len : b->left;
	memset(buf, 'x', len);
	b->left -= len;
	return (ssize_t)len;
}

static const struct source_ops breaker_ops = { breaker_read, plain_free };

struct source *streams_broken_after(size_t n)
{
	struct breaker *b = NEW(struct breaker);

	*b = (struct breaker){ { &breaker_ops }, n };
	return &b->base;
}
