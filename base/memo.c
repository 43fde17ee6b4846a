#include "base/memo.h"

#include <stdlib.h>

#include "base/mem.h"

struct memo_slot {
	const void *key;
	uint32_t value;
};

static struct memo_slot *memo_slot_of(struct memo_slot *slots, size_t cap, const void *p)
{
	size_t i = (size_t)((uint64_t)(uintptr_t)p * 0x9e3779b97f4a7c15u >> 32) & (cap - 1);

	while (slots[i].key && slots[i].key != p)
		i = (i + 1) & (cap - 1);
	return &slots[i];
}

static void memo_grow(struct memo *m)
{
	size_t cap = m->cap ? 4 * m->cap : 1024;
	struct memo_slot *slots = mem_array(cap, sizeof(*slots));

	for (size_t i = 0; i < m->cap; i++)
		if (m->slots[i].key)
			*memo_slot_of(slots, cap, m->slots[i].key) = m->slots[i];
	free(m->slots);
	m->slots = slots;
	m->cap = cap;
}

bool memo_get(const struct memo *m, const void *p, uint32_t *ret)
{
	const struct memo_slot *s;

	if (!m->cap)
		return false;
	s = memo_slot_of(m->slots, m->cap, p);
	if (!s->key)
		return false;
	*ret = s->value;
	return true;
}

void memo_put(struct memo *m, const void *p, uint32_t value)
{
	if (2 * (m->n + 1) > m->cap)
		memo_grow(m);
	*memo_slot_of(m->slots, m->cap, p) = (struct memo_slot){ p, value };
	m->n++;
}

void memo_release(struct memo *m)
{
	free(m->slots);
	*m = (struct memo){ 0 };
}
