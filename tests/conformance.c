#include "conformance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/fs.h"

#define FILE_MAX ((uint64_t)64 << 20)

const char *conformance_dir(struct arena *a)
{
	const char *dir = getenv("CONDAIMG_CONFORMANCE"), *root = getenv("CONDAIMG_SOURCE_ROOT");

	if (!dir)
		dir = arena_printf(a, "%s/../shared/conformance", root ? root : ".");
	if (fs_exists(AT_FDCWD, dir))
		return dir;
	printf("skipped: no conformance data in %s (set CONDAIMG_CONFORMANCE)\n", dir);
	return NULL;
}

static void read_all(struct arena *a, const char *name, struct buf *ret)
{
	struct err err = ERR_INIT;

	if (fs_read(AT_FDCWD, arena_printf(a, "%s/%s", conformance_dir(a), name), FILE_MAX, ret, &err) < 0)
		fail_msg("%s", err.text);
}

static void split_fields(struct arena *a, struct str line, struct conformance_row *row)
{
	struct str part;

	while (row->n < CONFORMANCE_FIELDS && str_cut(&line, '\t', &part))
		row->field[row->n++] = arena_strndup(a, part.p, part.n);
}

struct conformance_rows conformance_read(struct arena *a, const char *name, bool keep_comments)
{
	struct conformance_rows ret = { 0 };
	auto_buf text = { 0 };
	struct str rest, line;
	unsigned no = 0;
	size_t max = 1;

	read_all(a, name, &text);
	for (size_t i = 0; i < text.n; i++)
		max += text.p[i] == '\n';
	ret.rows = arena_array(a, max, sizeof(*ret.rows));
	rest = (struct str){ text.p, text.n };
	while (str_cut(&rest, '\n', &line)) {
		no++;
		if (!line.n || (line.p[0] == '#' && !keep_comments))
			continue;
		ret.rows[ret.n].line = no;
		split_fields(a, line, &ret.rows[ret.n++]);
	}
	assert_true(ret.n > 0);
	return ret;
}

const struct doc *conformance_json(struct arena *a, const char *name)
{
	struct err err = ERR_INIT;
	auto_buf text = { 0 };
	const struct doc *d;

	read_all(a, name, &text);
	d = doc_parse_json(a, text.p, text.n, name, &err);
	if (!d)
		fail_msg("%s", err.text);
	return d;
}
