#include "channels/follow.h"

#include "channels/packed_format.h"

void follow_init(struct follow *f, struct packed *p)
{
	*f = (struct follow){ p, mem_array(packed_n_words(p) / 8 + 1, 1), mem_array(packed_n_strings(p) / 8 + 1, 1) };
}

void follow_release(struct follow *f)
{
	free(f->lists);
	free(f->strings);
	*f = (struct follow){ 0 };
}

/* Whether bit i was set before. */
static bool mark(uint8_t *bits, uint32_t i)
{
	bool was = bits[i / 8] & 1u << i % 8;

	bits[i / 8] |= (uint8_t)(1u << i % 8);
	return was;
}

static void follow_list(struct follow *f, struct reach *r, uint32_t at)
{
	uint32_t n, n_strings = packed_n_strings(f->p);
	const uint32_t *ids;

	if (!at || at >= packed_n_words(f->p) || mark(f->lists, at))
		return;
	ids = packed_list(f->p, at, &n);
	for (uint32_t i = 0; i < n; i++) {
		size_t len;
		const char *spec;

		if (ids[i] < n_strings && mark(f->strings, ids[i]))
			continue;
		spec = packed_string(f->p, ids[i], &len);
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
