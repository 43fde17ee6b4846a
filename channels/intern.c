#include "channels/intern.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SLOTS_MIN 64u

void intern_init(struct intern *t, struct arena *arena)
{
	*t = (struct intern){ .arena = arena };
	if (getrandom(&t->seed, sizeof(t->seed), GRND_NONBLOCK) != (ssize_t)sizeof(t->seed))
		t->seed = (uint64_t)(uintptr_t)t;
}

void intern_release(struct intern *t)
{
	free(t->entries);
	free(t->slots);
	*t = (struct intern){ 0 };
}

/* Two words in, one out: the folded product keeps what either alone would lose. */
static uint64_t fold(uint64_t a, uint64_t b)
{
	__uint128_t x = (__uint128_t)a * b;

	return (uint64_t)x ^ (uint64_t)(x >> 64);
}

static uint64_t load(const char *p, size_t n)
{
	uint64_t v = 0;

	memcpy(&v, p, n);
	return v;
}

/* In the manner of wyhash; its order shows nowhere. */
static uint32_t hash_of(const struct intern *t, struct str s)
{
	const uint64_t k1 = 0xa0761d6478bd642fu, k2 = 0xe7037ed1a0b428dbu;
	uint64_t h = t->seed ^ k1, n = s.n;

	for (; s.n >= 16; s.p += 16, s.n -= 16)
		h = fold(load(s.p, 8) ^ k1 ^ h, load(s.p + 8, 8) ^ k2 ^ t->seed);
	if (s.n > 8)
		h = fold(load(s.p, 8) ^ k1 ^ h, load(s.p + 8, s.n - 8) ^ k2 ^ t->seed);
	else
		h = fold(load(s.p, s.n) ^ k1 ^ h, k2 ^ t->seed);
	h = fold(h ^ n, k1 ^ t->seed);
	return (uint32_t)(h ^ h >> 32);
}

static struct intern_slot *find_slot(const struct intern *t, struct str s, uint32_t hash)
{
	for (uint32_t i = hash & t->mask;; i = (i + 1) & t->mask) {
		struct intern_slot *slot = &t->slots[i];
		const struct intern_entry *e;

		if (!slot->number)
			return slot;
		if (slot->hash != hash)
			continue;
		e = &t->entries[slot->number - 1];
		if (e->n == s.n && memcmp(e->p, s.p, s.n) == 0)
			return slot;
	}
}

static void grow(struct intern *t)
{
	struct intern_slot *old = t->slots;
	uint32_t n = old ? t->mask + 1 : 0, size = old ? 2 * n : SLOTS_MIN;

	if (!size)
		abort();
	t->slots = mem_array(size, sizeof(*t->slots));
	t->mask = size - 1;
	for (uint32_t k = 0; k < n; k++) {
		uint32_t i = old[k].hash & t->mask;

		if (!old[k].number)
			continue;
		while (t->slots[i].number)
			i = (i + 1) & t->mask;
		t->slots[i] = old[k];
	}
	free(old);
}

uint32_t intern_find(const struct intern *t, struct str s)
{
	struct intern_slot *slot = t->n ? find_slot(t, s, hash_of(t, s)) : NULL;

	return slot && slot->number ? slot->number - 1 : INTERN_NONE;
}

static uint32_t add(struct intern *t, struct str s, bool aligned)
{
	uint32_t hash = hash_of(t, s);
	struct intern_slot *slot;

	if (s.n > UINT32_MAX - 1 || t->n == UINT32_MAX - 1)
		abort(); /* the text it came from is smaller than that */
	if (!t->slots || t->n >= t->mask - t->mask / 3)
		grow(t);
	slot = find_slot(t, s, hash);
	if (slot->number)
		return slot->number - 1;
	mem_grow(t->entries, t->n);
	t->entries[t->n] = (struct intern_entry){ s.p, (uint32_t)s.n };
	if (aligned)
		t->entries[t->n].p = arena_dup(t->arena, s.p, s.n);
	else if (t->arena)
		t->entries[t->n].p = arena_strndup(t->arena, s.p, s.n);
	*slot = (struct intern_slot){ hash, ++t->n };
	return t->n - 1;
}

uint32_t intern_add(struct intern *t, struct str s)
{
	return add(t, s, false);
}

const char *intern_text(struct intern *t, struct str s)
{
	uint32_t i = add(t, s, false); /* may move entries */

	return t->entries[i].p;
}

const char *const *intern_list(struct intern *t, const char *const *list, size_t n)
{
	struct str bytes = { (const char *)list, (n + 1) * sizeof(*list) };
	uint32_t i = add(t, bytes, true);

	return (const char *const *)(const void *)t->entries[i].p;
}
