#include "conda/pyc.h"

#include "base/tree.h"

#define HEADER_MAX 16
#define MAGIC_33 3200 /* headers got the source's size: importlib's list of magic numbers */
#define MAGIC_37 3390 /* and flags */
#define MAGIC_3_END 20000 /* python 2 has numbers above this one */
#define UNCHECKED_HASH 1

struct pyc {
	struct source base;
	struct source *in;
	uint64_t source_size;
	uint8_t header[HEADER_MAX];
	size_t at, n; /* what of the header was handed out, and was read */
	bool settled;
};

const char *pyc_source_path(struct arena *a, const char *path)
{
	static const char cache[] = "__pycache__/";
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot;
	size_t dir = (size_t)(name - path), skip = sizeof(cache) - 1;

	if (!str_ends(name, ".pyc"))
		return NULL;
	if (dir < skip || memcmp(name - skip, cache, skip) != 0 || (dir > skip && name[-(ptrdiff_t)skip - 1] != '/'))
		return arena_printf(a, "%.*s", (int)(strlen(path) - 1), path);
	dot = strchr(name, '.');
	return arena_printf(a, "%.*s%.*s.py", (int)(dir - skip), path, (int)(dot - name), name);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

/* Every python's magic number ends in "\r\n". */
static void settle(struct pyc *c)
{
	uint8_t *h = c->header;
	uint32_t magic = (uint32_t)h[0] | (uint32_t)h[1] << 8, size = (uint32_t)c->source_size;

	if (c->n < HEADER_MAX || h[2] != '\r' || h[3] != '\n' || magic >= MAGIC_3_END || magic < MAGIC_33)
		return;
	if (magic < MAGIC_37) {
		if (get32(h + 8) == size)
			put32(h + 4, TREE_MTIME);
	} else if (get32(h + 4) == 0 && get32(h + 12) == size) {
		put32(h + 4, UNCHECKED_HASH);
		memset(h + 8, 0, 8);
	}
}

static int read_header(struct pyc *c, struct err *err)
{
	while (c->n < HEADER_MAX) {
		ssize_t n = source_read(c->in, c->header + c->n, HEADER_MAX - c->n, err);

		if (n < 0)
			return -1;
		if (n == 0)
			break;
		c->n += (size_t)n;
	}
	settle(c);
	c->settled = true;
	return 0;
}

static ssize_t pyc_read(struct source *s, void *buf, size_t len, struct err *err)
{
	struct pyc *c = (struct pyc *)s;

	if (!c->settled && read_header(c, err) < 0)
		return -1;
	if (c->at == c->n)
		return source_read(c->in, buf, len, err);
	if (len > c->n - c->at)
		len = c->n - c->at;
	memcpy(buf, c->header + c->at, len);
	c->at += len;
	return (ssize_t)len;
}

static void pyc_free(struct source *s)
{
	source_free(((struct pyc *)s)->in);
	free(s);
}

static const struct source_ops pyc_ops = { pyc_read, pyc_free };

struct source *pyc_settle(struct source *in, uint64_t source_size)
{
	struct pyc *c;

	if (!in)
		return NULL;
	c = NEW(struct pyc);
	*c = (struct pyc){ .base = { &pyc_ops }, .in = in, .source_size = source_size };
	return &c->base;
}
