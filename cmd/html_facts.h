/* What a page tells of an image: who brings which bytes, and what is elsewhere already. */
#ifndef CMD_HTML_FACTS_H
#define CMD_HTML_FACTS_H

#include "cmd/contents.h"
#include "cmd/license_kind.h"

/* A file that is seen in the image. */
struct html_file {
	const char *path;
	uint64_t size;
	uint32_t item;
};

/* A package, or what else is in a layer. */
struct html_item {
	const struct record *record; /* NULL: no package */
	const char *name; /* "numpy"; "system files" */
	uint32_t layer;
	uint64_t bytes; /* of its files as they are seen, unpacked; a hard link is none */
	const struct html_file *files; /* the largest first */
	size_t n_files;
	const char *license; /* in SPDX's words, else its own; or NULL */
	enum license_kind kind; /* of a package */
};

struct html_layer {
	const struct image_layer *layer;
	struct holding holding;
	size_t first, n; /* items, the largest first */
	uint64_t bytes;
	size_t n_files;
	bool known; /* one of the others has this blob, so it would not be sent to them */
};

/* An image to compare with. */
struct html_other {
	const char *name;
	struct blobs *blobs;
	/* found by html_facts_compare() */
	bool *has; /* by layer: that blob */
	bool *unpacks; /* by layer: not that blob, but one that unpacks to the same */
	size_t n_has;
	uint64_t bytes; /* of those it has */
};

struct html_licence {
	const char *text; /* or NULL: not told */
	enum license_kind kind;
	const size_t *items;
	size_t n;
	uint64_t bytes;
};

struct html_facts {
	struct arena arena;
	const char *image; /* "oci:app:1" */
	struct digest digest; /* of its manifest */
	uint64_t manifest_size, config_size;
	const struct contents *contents;
	struct html_item *items; /* by layer, then the largest first */
	size_t n_items;
	const size_t *packages; /* items, by name, version, ... */
	size_t n_packages;
	struct html_layer *layers;
	size_t n_layers;
	struct html_licence *licences; /* by kind, then most bytes first */
	size_t n_licences;
	const struct html_other *others;
	size_t n_others;
	struct html_file *files; /* all */
	size_t n_files;
	uint64_t bytes; /* of all files that are seen */
	uint64_t hidden; /* bytes of files that upper layers hide */
	uint64_t packed; /* bytes of all blobs of layers */
	uint64_t missing; /* of those that no other has */
	size_t n_missing;
};

/* Which layers of im o has, into o; arrays in a. */
void html_facts_compare(struct arena *a, const struct image *im, struct html_other *o);

/* contents (at least CONTENTS_PATHS) and others (compared) must outlive it; image is b's name. ERR_FORMAT. To be released in any case. */
int html_facts_make(struct html_facts *f, const char *image, const struct blobs *b, const struct contents *c,
		    const struct html_other *others, size_t n_others, struct err *err);
void html_facts_release(struct html_facts *f);

#endif
