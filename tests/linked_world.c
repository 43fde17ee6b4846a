#include "linked_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

int world_dirfd;
const char *world_format = WORLD_FN;
const struct prefix world_prefix = { "/p", "3.11", NULL };
const struct record world_record = { .name = "x", .version = "1", .build = "0" };

static char dir[64];

int world_setup(void **state)
{
	(void)state;
	world_dirfd = pack_dir(dir);
	return 0;
}

int world_teardown(void **state)
{
	(void)state;
	pack_remove(dir, world_dirfd);
	return 0;
}

int world_list(struct tree *t, bool dirs, struct buf *out, struct buf *meta, struct err *err)
{
	struct source *content;
	struct entry e;
	int rc;

	while ((rc = tree_next(t, &e, &content, err)) > 0) {
		auto_buf text = { 0 };
		bool is_meta = strstr(e.path, "conda-meta/") != NULL;

		if (e.type == ENTRY_DIR && !dirs)
			continue;
		buf_addf(out, "%c%o %s", "-dlh"[e.type], e.mode, e.path);
		if (e.target)
			buf_addf(out, " -> %s", e.target);
		if (content && io_slurp(content, 1 << 20, is_meta && meta ? meta : &text, err) < 0)
			return -1;
		assert_int_equal((is_meta && meta ? meta : &text)->n, e.size);
		assert_int_equal(content != NULL, e.size > 0);
		if (text.n && !is_meta)
			buf_addf(out, " %s", text.p);
		buf_addc(out, '\n');
	}
	return rc;
}

struct tree *world_open(struct pack *k, const struct prefix *px, const struct record *r, const char *const *dropped,
			struct err *err)
{
	struct package *p;

	pack_write(k, world_dirfd, world_format);
	p = package_open(world_dirfd, world_format, world_format, err);
	return p ? linked_tree(p, r, px, dropped, err) : NULL;
}

void world_finish(struct pack *k, const char *extra)
{
	pack_index(k, extra);
	pack_paths(k);
}
