#include "check.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/tree.h"

static void paths_fit_for_a_tree(void **state)
{
	static const char *const good[] = { "a", "a/b", "...", "a/..b", ".w", ".whatever", "a b", "\xc3\xa4", "-" };
	static const struct {
		const char *path, *words;
	} bad[] = {
		{ "", "is empty" },
		{ "/a", "is absolute" },
		{ "/", "is absolute" },
		{ "a/", "empty component" },
		{ "a//b", "empty component" },
		{ ".", "\".\" component" },
		{ "./a", "\".\" component" },
		{ "..", "\"..\" component" },
		{ "a/../b", "\"..\" component" },
		{ "a/..", "\"..\" component" },
		{ "a/.wh.b", ".wh." },
		{ ".wh..wh..opq", ".wh." },
	};
	char longest[5000];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_null(tree_path_fault(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_non_null(strstr(tree_path_fault(bad[i].path), bad[i].words));
	memset(longest, 'x', sizeof(longest));
	for (size_t i = 100; i < sizeof(longest); i += 100)
		longest[i] = '/';
	longest[4095] = '\0';
	assert_null(tree_path_fault(longest));
	longest[4095] = 'x';
	longest[4096] = '\0';
	assert_non_null(strstr(tree_path_fault(longest), "longer than 4095"));
	memset(longest, 'x', 256);
	longest[255] = '\0';
	assert_null(tree_path_fault(longest));
	longest[255] = 'x';
	longest[256] = '\0';
	assert_non_null(strstr(tree_path_fault(longest), "longer than 255"));
}

/* "d:a:755 f:b:644:text l:c->b" */
static int listing(struct tree *t, struct buf *b, struct err *err)
{
	struct entry e;
	struct source *content;
	int got;

	while ((got = tree_next(t, &e, &content, err)) > 0) {
		buf_addf(b, "%s%c:%s:%o", b->n ? " " : "", "fdlh"[e.type], e.path, e.mode);
		if (e.target)
			buf_addf(b, "->%s", e.target);
		if (content) {
			buf_addc(b, ':');
			if (io_slurp(content, 100, b, err) < 0)
				return -1;
		}
	}
	return got;
}

static void a_tree_made_in_memory_gives_what_was_put_in(void **state)
{
	struct err err = ERR_INIT;
	auto_tree *t = tree_memory();
	auto_buf b = { 0 };
	char text[] = "text";

	(void)state;
	tree_memory_dir(t, "a", 0755);
	tree_memory_file(t, "a/b", 0644, text, 4);
	text[0] = 'X';
	tree_memory_file(t, "a/empty", 0600, NULL, 0);
	tree_memory_symlink(t, "c", "a/b");
	assert_ok(listing(t, &b, &err), err);
	assert_string_equal(b.p, "d:a:755 f:a/b:644:text f:a/empty:600 l:c:777->a/b");
	assert_ok(listing(t, &b, &err), err); /* at the end it stays */
	tree_free(NULL);
}

struct opened {
	size_t n, fail_at;
};

static struct tree *open_one(void *arg, size_t i, struct err *err)
{
	struct opened *o = arg;
	struct tree *t;
	char name[20];

	o->n++;
	if (i == o->fail_at) {
		err_set(err, ERR_NET, "tree %zu is not to be had", i);
		return NULL;
	}
	t = tree_memory();
	if (i == 1)
		return t; /* an empty one in between */
	snprintf(name, sizeof(name), "f%zu", i);
	tree_memory_file(t, name, 0644, name, 2);
	return t;
}

static void chained_trees_are_opened_when_their_turn_comes(void **state)
{
	struct err err = ERR_INIT;
	struct opened o = { 0, 99 };
	auto_tree *t = tree_chain(open_one, &o, 3), *none = tree_chain(open_one, &o, 0),
		  *half = tree_chain(open_one, &o, 3);
	auto_buf b = { 0 };
	struct entry e;
	struct source *content;

	(void)state;
	assert_int_equal(o.n, 0);
	assert_int_equal(tree_next(t, &e, &content, &err), 1);
	assert_int_equal(o.n, 1);
	assert_ok(listing(t, &b, &err), err);
	assert_string_equal(b.p, "f:f2:644:f2");
	assert_int_equal(tree_next(none, &e, &content, &err), 0);
	assert_null(content);
	assert_int_equal(tree_next(half, &e, &content, &err), 1); /* and freed in the middle */
}

static void a_tree_that_cannot_be_opened_ends_the_chain(void **state)
{
	struct err err = ERR_INIT;
	struct opened o = { 0, 2 };
	auto_tree *t = tree_chain(open_one, &o, 3);
	auto_buf b = { 0 };

	(void)state;
	assert_int_equal(listing(t, &b, &err), -1);
	assert_string_equal(b.p, "f:f0:644:f0");
	assert_err(err, ERR_NET, "tree 2 is not to be had");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_fit_for_a_tree),
		cmocka_unit_test(a_tree_made_in_memory_gives_what_was_put_in),
		cmocka_unit_test(chained_trees_are_opened_when_their_turn_comes),
		cmocka_unit_test(a_tree_that_cannot_be_opened_ends_the_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
