#include "channels/follow.h"

#include "channels/packed_format.h"

void follow_init(struct follow *f, struct packed *p)
{
	*f = (struct follow){ p, mem_array(packed_n_words(p) / 8 + 1, 1) };
}

void follow_release(struct follow *f)
{
	free(f->lists);
	*f = (struct follow){ 0 };
}

static void follow_list(struct follow *f, struct reach *r, uint32_t at)
{
	const uint32_t *ids;
	uint32_t n;

	if (!at || at >= packed_n_words(f->p) || f->lists[at / 8] & 1u << at % 8)
		return;
	f->lists[at / 8] |= (uint8_t)(1u << at % 8);
	ids = packed_list(f->p, at, &n);
	for (uint32_t i = 0; i < n; i++) {
		size_t len;
		const char *spec = packed_string(f->p, ids[i], &len);

		if (!spec)
			return;
		reach_spec(r, spec);
	}
}

void follow_name(struct follow *f, struct reach *r, struct str name)
{
	size_t at = packed_find(f->p, name);
	struct packed_cursor cursor;
	struct packed_item item;

	if (at == PACKED_NONE)
		return;
	cursor = packed_records_of(f->p, at);
	while (packed_next(f->p, &cursor, &item)) {
		follow_list(f, r, item.r->depends);
		for (uint32_t i = 0; item.more && i < item.more->n_extras; i++)
			follow_list(f, r, item.extras[2 * i + 1]);
	}
}
