#include "base/map.h"

#include <string.h>

static uint32_t hash_of(const char *s)
{
	uint32_t h = 2166136261u;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h ? h : 1;
}

/* The slot of key, or the empty one where it belongs. */
static struct map_slot *slot_of(struct map_slot *slots, size_t cap, const char *key, uint32_t hash)
{
	size_t i = hash & (cap - 1);

	while (slots[i].key && (slots[i].hash != hash || strcmp(slots[i].key, key) != 0))
		i = (i + 1) & (cap - 1);
	return &slots[i];
}

static void grow(struct map *m)
{
	size_t cap = m->cap ? 2 * m->cap : 64;
	struct map_slot *slots = mem_array(cap, sizeof(*slots));

	for (size_t i = 0; i < m->cap; i++)
		if (m->slots[i].key)
			*slot_of(slots, cap, m->slots[i].key, m->slots[i].hash) = m->slots[i];
	free(m->slots);
	m->slots = slots;
	m->cap = cap;
}

uint32_t map_put(struct map *m, const char *key, uint32_t value, bool *is_new)
{
	uint32_t hash = hash_of(key);
	struct map_slot *s;

	if (2 * (m->n + 1) > m->cap)
		grow(m);
	s = slot_of(m->slots, m->cap, key, hash);
	*is_new = !s->key;
	if (*is_new) {
		*s = (struct map_slot){ key, hash, value };
		m->n++;
	}
	return s->value;
}

bool map_get(const struct map *m, const char *key, uint32_t *ret)
{
	const struct map_slot *s;

	if (!m->cap)
		return false;
	s = slot_of(m->slots, m->cap, key, hash_of(key));
	if (!s->key)
		return false;
	if (ret)
		*ret = s->value;
	return true;
}

void map_release(struct map *m)
{
	free(m->slots);
	*m = (struct map){ 0 };
}
