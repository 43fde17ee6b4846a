#include "check.h"

#include <stdio.h>
#include <stdlib.h>

struct check_dir check_mkdir(void)
{
	struct check_dir d;

	snprintf(d.path, sizeof(d.path), "%.40s/condaimg-test-XXXXXX", P_tmpdir);
	assert_non_null(mkdtemp(d.path));
	d.fd = open(d.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(d.fd >= 0);
	return d;
}

void check_rmdir(struct check_dir *d)
{
	struct err err = ERR_INIT;

	close(d->fd);
	assert_ok(fs_remove(AT_FDCWD, d->path, &err), err);
}

uint32_t check_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

struct dribble {
	struct source base;
	const char *p;
	size_t n, max;
	uint32_t state;
};

static ssize_t dribble_read(struct source *s, void *buf, size_t len, struct err *err)
{
	struct dribble *d = (struct dribble *)s;
	size_t take = d->max ? d->max : 1 + check_random(&d->state) % 5000;

	(void)err;
	take = take < len ? take : len;
	take = take < d->n ? take : d->n;
	if (take)
		memcpy(buf, d->p, take);
	d->p += take;
	d->n -= take;
	return (ssize_t)take;
}

static void plain_free(struct source *s)
{
	free(s);
}

static const struct source_ops dribble_ops = { dribble_read, plain_free };

struct source *check_dribble(const void *p, size_t n, size_t max)
{
	struct dribble *d = NEW(struct dribble);

	*d = (struct dribble){ { &dribble_ops }, p ? p : "", n, max, 7 };
	return &d->base;
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

struct source *check_breaks_after(size_t n)
{
	struct breaker *b = NEW(struct breaker);

	*b = (struct breaker){ { &breaker_ops }, n };
	return &b->base;
}

struct counting {
	struct sink base;
	struct check_sink *c;
};

static int counting_write(struct sink *s, const void *buf, size_t len, struct err *err)
{
	struct check_sink *c = ((struct counting *)s)->c;

	(void)buf;
	c->bytes += len;
	return c->fail_at && c->bytes > c->fail_at ? err_set(err, ERR_IO, "full on purpose") : 0;
}

static int counting_finish(struct sink *s, struct err *err)
{
	(void)err;
	((struct counting *)s)->c->finished++;
	return 0;
}

static void counting_free(struct sink *s)
{
	((struct counting *)s)->c->freed++;
	free(s);
}

static const struct sink_ops counting_ops = { counting_write, counting_finish, counting_free };

struct sink *check_counting(struct check_sink *c)
{
	struct counting *s = NEW(struct counting);

	*s = (struct counting){ { &counting_ops }, c };
	return &s->base;
}
