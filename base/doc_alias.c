#include "base/doc_impl.h"

void doc_anchor_put(struct doc_anchors *s, const char *name, const struct doc_anchor *a)
{
	bool is_new;
	uint32_t at = map_put(&s->names, name, s->n, &is_new);

	if (is_new) {
		mem_grow(s->list, s->n);
		at = s->n++;
	}
	s->list[at] = *a;
}

const struct doc_anchor *doc_anchor_get(const struct doc_anchors *s, const char *name)
{
	uint32_t at;

	return map_get(&s->names, name, &at) ? &s->list[at] : NULL;
}

void doc_anchors_release(struct doc_anchors *s)
{
	map_release(&s->names);
	free(s->list);
}

/* ---- merging ---- */

struct merger {
	struct map known; /* keys that are there */
	struct doc *keys, *items;
	size_t n;
};

static void add_pairs(struct merger *m, const struct doc *from)
{
	for (size_t i = 0; i < from->n; i++) {
		bool is_new;

		map_put(&m->known, from->keys[i].text, 1, &is_new);
		if (!is_new)
			continue;
		m->keys[m->n] = from->keys[i];
		m->items[m->n++] = from->items[i];
	}
}

static int check_merged(const struct doc *merged, size_t *n, struct err *err)
{
	if (merged->type == DOC_MAP) {
		*n += merged->n;
		return 0;
	}
	if (merged->type != DOC_LIST)
		return doc_fault(merged, err, "'<<' is a %s, expected a map or a list of maps",
				 doc_type_name(merged->type));
	for (size_t i = 0; i < merged->n; i++) {
		if (merged->items[i].type != DOC_MAP)
			return doc_fault(&merged->items[i], err, "an item of '<<' is a %s, expected a map",
					 doc_type_name(merged->items[i].type));
		*n += merged->items[i].n;
	}
	return 0;
}

int doc_merge(struct arena *a, const struct doc *merged, struct doc *d, struct err *err)
{
	struct merger m = { .n = 0 };
	size_t n = d->n;

	if (check_merged(merged, &n, err) < 0)
		return -1;
	m.keys = arena_array(a, n, sizeof(*m.keys));
	m.items = arena_array(a, n, sizeof(*m.items));
	add_pairs(&m, d);
	if (merged->type == DOC_MAP)
		add_pairs(&m, merged);
	for (size_t i = 0; merged->type == DOC_LIST && i < merged->n; i++)
		add_pairs(&m, &merged->items[i]);
	map_release(&m.known);
	d->keys = m.keys;
	d->items = m.items;
	d->n = m.n;
	return 0;
}
