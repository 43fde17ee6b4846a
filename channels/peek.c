#include "channels/peek.h"

#include <string.h>

static int peek_write(struct sink *s, const void *buf, size_t len, struct err *err)
{
	struct peek *p = (struct peek *)s;
	size_t room = sizeof(p->head) - p->n, n = len < room ? len : room;

	memcpy(p->head + p->n, buf, n);
	p->n += n;
	return sink_write(p->out, buf, len, err);
}

static const struct sink_ops peek_ops = { .write = peek_write };

void peek_init(struct peek *p, struct sink *out)
{
	*p = (struct peek){ .base.ops = &peek_ops, .out = out };
}

/* RFC 8878: a frame, or one of sixteen kinds that decoders skip. */
bool peek_is_zstd(const struct peek *p)
{
	return p->n >= 4 && (memcmp(p->head, "\x28\xb5\x2f\xfd", 4) == 0 ||
			     ((p->head[0] & 0xf0) == 0x50 && memcmp(p->head + 1, "\x2a\x4d\x18", 3) == 0));
}

bool peek_is_bzip2(const struct peek *p)
{
	return p->n >= 4 && memcmp(p->head, "BZh", 3) == 0 && p->head[3] >= '1' && p->head[3] <= '9';
}

/* No JSON begins so. */
bool peek_is_page(const struct peek *p)
{
	size_t at = p->n >= 3 && memcmp(p->head, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	while (at < p->n && strchr(" \t\r\n", p->head[at]) && p->head[at])
		at++;
	return at < p->n && p->head[at] == '<';
}
