/* Reading shared conformance data: the folder is outside the repository and may be absent. */
#ifndef TESTS_CONFORMANCE_H
#define TESTS_CONFORMANCE_H

#include "base/arena.h"
#include "base/doc.h"
#include "base/str.h"

#define CONFORMANCE_FIELDS 8

/* One line of a .tsv or .txt: its fields, split at tabs. NULL where there are fewer. */
struct conformance_row {
	unsigned line;
	size_t n;
	const char *field[CONFORMANCE_FIELDS];
};

struct conformance_rows {
	struct conformance_row *rows; /* comments ('#') and empty lines left out, or kept (keep_comments) */
	size_t n;
};

/* The folder ($CONDAIMG_CONFORMANCE, or shared/conformance beside the source), or NULL with the reason on stdout. */
const char *conformance_dir(struct arena *a);

/* A whole file of it, split. Fails the test where it is missing or empty. */
struct conformance_rows conformance_read(struct arena *a, const char *name, bool keep_comments);

const struct doc *conformance_json(struct arena *a, const char *name);

#endif
