#include "cmd/holding.h"

#include <string.h>

#define HISTORY "condaimg: "

struct holding holding_of(struct arena *a, const struct image_layer *l)
{
	const char *part = descriptor_annotation(l->annotations, l->n_annotations, "io.condaimg.part");
	const char *packages = descriptor_annotation(l->annotations, l->n_annotations, "io.condaimg.packages");
	struct holding h = { part ? part : "", packages ? packages : "" };
	struct str rest, first;

	if (*h.part || !l->created_by || !str_starts(l->created_by, HISTORY))
		return h;
	rest = str_of(l->created_by + strlen(HISTORY));
	str_cut(&rest, ' ', &first);
	h.part = arena_strndup(a, first.p, first.n);
	h.packages = rest.p ? arena_strndup(a, rest.p, rest.n) : "";
	return h;
}

const char *holding_label(const struct image *im, const char *key)
{
	return descriptor_annotation(im->labels, im->n_labels, key);
}
