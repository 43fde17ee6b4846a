#include "channels/texts.h"

void texts_init(struct texts *t)
{
	*t = (struct texts){ .words = 1 };
	intern_init(&t->strings, &t->arena);
	intern_init(&t->lists, &t->arena);
}

void texts_release(struct texts *t)
{
	intern_release(&t->strings);
	intern_release(&t->lists);
	arena_release(&t->arena);
	free(t->list_at);
	free(t->room);
	*t = (struct texts){ 0 };
}

static uint64_t load(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Where a string is remembered; its beginning, middle and end say, so that it costs less than a hash of it all. */
static size_t place(struct str s)
{
	uint64_t v = s.n;

	if (s.n >= 8)
		v += load(s.p) ^ load(s.p + s.n / 2 - 4) * 0x9e3779b97f4a7c15u ^
		     load(s.p + s.n - 8) * 0xa0761d6478bd642fu;
	else
		memcpy(&v, s.p, s.n);
	return (size_t)(v * 0xe7037ed1a0b428dbu >> 40) % TEXTS_RECENT;
}

uint32_t texts_add(struct texts *t, struct str s)
{
	size_t at = place(s);
	uint32_t before = t->strings.n, i;

	if (t->recent[at].p && t->recent[at].n == s.n && memcmp(t->recent[at].p, s.p, s.n) == 0)
		return t->recent[at].number;
	i = intern_add(&t->strings, s);
	if (t->strings.n > before)
		t->string_bytes += s.n + 1;
	t->recent[at].p = t->strings.entries[i].p;
	t->recent[at].n = (uint32_t)s.n;
	t->recent[at].number = i;
	return i;
}

void texts_list_begin(struct texts *t)
{
	t->n_room = 0;
}

void texts_list_add(struct texts *t, struct str s)
{
	if (t->n_room == t->room_size) {
		t->room_size = t->room_size ? 2 * t->room_size : 64;
		t->room = mem_resize(t->room, t->room_size, sizeof(*t->room));
	}
	t->room[t->n_room++] = texts_add(t, s);
}

uint32_t texts_list_end(struct texts *t)
{
	struct str bytes = { (const char *)t->room, t->n_room * sizeof(*t->room) };
	uint32_t before = t->lists.n, i;

	if (!t->n_room)
		return 0;
	i = intern_add(&t->lists, bytes);
	if (t->lists.n > before) {
		mem_grow(t->list_at, before);
		t->list_at[i] = (uint32_t)t->words;
		t->words += 1 + t->n_room;
	}
	return t->list_at[i];
}

uint32_t texts_list_number(const struct texts *t, uint32_t at)
{
	uint32_t low = 0, high = t->lists.n;

	while (high - low > 1) {
		uint32_t mid = low + (high - low) / 2;

		if (t->list_at[mid] <= at)
			low = mid;
		else
			high = mid;
	}
	return low;
}

bool texts_fit(const struct texts *t)
{
	return t->string_bytes < UINT32_MAX && t->words < UINT32_MAX;
}
