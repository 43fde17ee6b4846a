/*
 * What the files of doc share. Nobody else includes it.
 *
 * Values of a YAML document may stand in it more than once: anchors, and maps merged into maps (doc_alias.c). A value is shared, never copied, so a small document stays small in memory; but whoever walks it meets it each time.
 * So every meeting counts: a document stands for at most so many values.
 */
#ifndef BASE_DOC_IMPL_H
#define BASE_DOC_IMPL_H

#include "base/doc.h"
#include "base/map.h"

struct doc_anchor {
	struct doc value;
	size_t nodes; /* values that it stands for, itself included */
	unsigned height; /* levels below it */
};

struct doc_anchors {
	struct map names;
	struct doc_anchor *list;
	uint32_t n;
};

/* name in a or longer; a name that is there already means the new value from here on. */
void doc_anchor_put(struct doc_anchors *s, const char *name, const struct doc_anchor *a);

/* NULL: not there (yet). */
const struct doc_anchor *doc_anchor_get(const struct doc_anchors *s, const char *name);
void doc_anchors_release(struct doc_anchors *s);

/*
 * Add the pairs that "<<: merged" brings (a map, or a list of maps of which the earlier win) to the map d, whose own pairs
 * win. ERR_FORMAT where merged is neither.
 */
int doc_merge(struct arena *a, const struct doc *merged, struct doc *d, struct err *err);

/*
 * The type (and number) of a plain scalar, by its text: the JSON-like core of YAML 1.2, plus YAML 1.1's yes and no, as
 * PyYAML reads them (doc_plain.c).
 */
void doc_resolve_plain(struct doc *d);

#endif
