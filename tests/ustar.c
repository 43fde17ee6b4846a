#include "ustar.h"

#include <stdio.h>
#include <string.h>

void ustar_member(struct buf *b, const struct ustar *m, const void *content, size_t n)
{
	char h[512] = { 0 };
	unsigned sum = 0;

	snprintf(h, 100, "%s", m->path);
	snprintf(h + 100, 8, "%07o", m->mode);
	snprintf(h + 108, 8, "%07o", m->owner);
	snprintf(h + 116, 8, "%07o", m->owner);
	snprintf(h + 124, 12, "%011llo", (unsigned long long)m->size);
	snprintf(h + 136, 12, "%011o", m->time);
	memset(h + 148, ' ', 8);
	h[156] = m->type;
	snprintf(h + 157, 100, "%s", m->target ? m->target : "");
	memcpy(h + 257, "ustar\00000", 8);
	for (size_t i = 0; i < sizeof(h); i++)
		sum += (unsigned char)h[i];
	snprintf(h + 148, 8, "%06o", sum);
	buf_add(b, h, sizeof(h));
	buf_add(b, content, n);
	while (b->n % sizeof(h))
		buf_addc(b, '\0');
}

void ustar_end(struct buf *b)
{
	static const char zeros[1024];

	buf_add(b, zeros, sizeof(zeros));
}
