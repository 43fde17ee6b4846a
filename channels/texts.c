#include "channels/texts.h"

void texts_init(struct texts *t)
{
	memset(t, 0, sizeof(*t));
	intern_init(&t->strings, &t->arena);
	t->cap_words = 1024;
	t->words = mem_array(t->cap_words, sizeof(*t->words));
	t->n_words = 1;
}

void texts_release(struct texts *t)
{
	intern_release(&t->strings);
	arena_release(&t->arena);
	free(t->words);
	t->words = NULL;
}

static uint64_t load(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t load4(const char *p)
{
	uint32_t v;

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

/* As memcmp() without the call: the strings are short. */
static bool same_bytes(const char *a, const char *b, size_t n)
{
	if (n < 8)
		return n < 4 ? memcmp(a, b, n) == 0 : load4(a) == load4(b) && load4(a + n - 4) == load4(b + n - 4);
	for (size_t i = 0; i + 8 < n; i += 8)
		if (load(a + i) != load(b + i))
			return false;
	return load(a + n - 8) == load(b + n - 8);
}

uint32_t texts_add(struct texts *t, struct str s)
{
	size_t at = place(s);
	uint32_t before = t->strings.n, i;

	if (t->recent[at].p && t->recent[at].n == s.n && same_bytes(t->recent[at].p, s.p, s.n))
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
	t->n_list = 0;
}

void texts_list_add(struct texts *t, struct str s)
{
	size_t at = t->n_words + 1 + t->n_list++;

	if (at >= t->cap_words) {
		t->cap_words *= 2;
		t->words = mem_resize(t->words, t->cap_words, sizeof(*t->words));
	}
	t->words[at] = texts_add(t, s);
}

/* Where lists of one hash meet the later one is remembered, so that no document gains from making them meet. */
static uint32_t list_hash(const uint32_t *list, size_t n)
{
	uint64_t h = n;

	for (size_t i = 0; i < n; i++)
		h = (h ^ list[i]) * 0x9e3779b97f4a7c15u ^ h >> 29;
	return (uint32_t)(h ^ h >> 32);
}

uint32_t texts_list_end(struct texts *t)
{
	const uint32_t *list = t->words + t->n_words + 1;
	size_t n = t->n_list;
	uint32_t hash, at;

	if (!n)
		return 0;
	hash = list_hash(list, n);
	at = t->lists[hash % TEXTS_LISTS_RECENT].at;
	if (at && t->lists[hash % TEXTS_LISTS_RECENT].hash == hash && t->words[at] == n &&
	    memcmp(t->words + at + 1, list, n * sizeof(*list)) == 0)
		return at;
	at = (uint32_t)t->n_words;
	t->lists[hash % TEXTS_LISTS_RECENT].hash = hash;
	t->lists[hash % TEXTS_LISTS_RECENT].at = at;
	t->words[at] = (uint32_t)n;
	t->n_words += 1 + n;
	return at;
}

bool texts_fit(const struct texts *t)
{
	return t->string_bytes < UINT32_MAX && t->n_words < UINT32_MAX;
}
