#include "conda/clobber.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define PACKAGES_MAX 4
#define PATHS 6

/* "f path content", "r path content" (rewritten), "l path", "d path", "u path" (a file without digest). */
struct packages {
	const char *paths[PACKAGES_MAX][PATHS]; /* sorted by path */
};

struct made {
	struct arena arena;
	struct linked_list lists[PACKAGES_MAX];
};

static const char *const names[PACKAGES_MAX] = { "a-1-0", "b-1-0", "c-1-0", "d-1-0" };

static struct linked_path make_path(struct arena *a, const char *text)
{
	const char *space = strchr(text + 2, ' ');
	struct linked_path ret = {
		.path = arena_strndup(a, text + 2, space ? (size_t)(space - text - 2) : strlen(text + 2)),
		.type = *text == 'd'   ? PATH_DIR
			: *text == 'l' ? PATH_SYMLINK
				       : PATH_FILE,
		.rewritten = *text == 'r',
		.has_sha256 = space != NULL,
	};

	if (space)
		ret.sha256 = digest_bytes(space + 1, strlen(space + 1));
	return ret;
}

static void make(const struct packages *p, struct made *ret)
{
	*ret = (struct made){ 0 };
	for (size_t i = 0; i < PACKAGES_MAX; i++) {
		struct linked_path *paths = arena_array(&ret->arena, PATHS, sizeof(*paths));

		ret->lists[i].paths = paths;
		while (ret->lists[i].n < PATHS && p->paths[i][ret->lists[i].n]) {
			paths[ret->lists[i].n] = make_path(&ret->arena, p->paths[i][ret->lists[i].n]);
			ret->lists[i].n++;
		}
	}
}

static void expect_plan(const struct packages *p, const char *clobbers, const char *dropped)
{
	struct err err = ERR_INIT;
	struct clobber_plan plan;
	auto_buf got = { 0 }, lost = { 0 };
	struct made m;

	make(p, &m);
	if (clobber_plan(&m.arena, m.lists, names, PACKAGES_MAX, &plan, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < plan.n_clobbers; i++)
		buf_addf(&got, "%s: %zu over %zu%s\n", plan.clobbers[i].path, plan.clobbers[i].winner,
			 plan.clobbers[i].loser, plan.clobbers[i].same ? ", same" : "");
	for (size_t i = 0; i < PACKAGES_MAX; i++) {
		buf_addf(&lost, "%zu:", i);
		for (size_t k = 0; plan.dropped[i][k]; k++)
			buf_addf(&lost, " %s", plan.dropped[i][k]);
		buf_addc(&lost, '\n');
	}
	assert_string_equal(buf_cstr(&got), clobbers);
	assert_string_equal(lost.p, dropped);
	arena_release(&m.arena);
}

static void expect_fault(const struct packages *p, const char *want)
{
	struct err err = ERR_INIT;
	struct clobber_plan plan;
	struct made m;

	make(p, &m);
	assert_int_equal(clobber_plan(&m.arena, m.lists, names, PACKAGES_MAX, &plan, &err), -1);
	assert_int_equal(err.code, ERR_FORMAT);
	assert_string_equal(err.text, want);
	arena_release(&m.arena);
}

static void nothing_shared_is_no_clobber(void **state)
{
	(void)state;
	expect_plan(&(struct packages){ { { "f a x", "f lib/a x" }, { "f b x", "f lib/b x" } } }, "",
		    "0:\n1:\n2:\n3:\n");
	expect_plan(&(struct packages){ 0 }, "", "0:\n1:\n2:\n3:\n");
}

static void the_later_wins(void **state)
{
	(void)state;
	expect_plan(&(struct packages){ { { "f a x", "f b x", "f c x" }, { "f b y" }, { "f b z", "f c x" } } },
		    "b: 2 over 0\nb: 2 over 1\nc: 2 over 0, same\n", "0: b c\n1: b\n2:\n3:\n");
}

static void same_content_is_known_by_digest(void **state)
{
	(void)state;
	expect_plan(&(struct packages){ { { "f a x" }, { "f a x" } } }, "a: 1 over 0, same\n", "0: a\n1:\n2:\n3:\n");
	/* one is rewritten, one has no digest, one is a link */
	expect_plan(&(struct packages){ { { "f a x" }, { "r a x" } } }, "a: 1 over 0\n", "0: a\n1:\n2:\n3:\n");
	expect_plan(&(struct packages){ { { "f a x" }, { "u a" } } }, "a: 1 over 0\n", "0: a\n1:\n2:\n3:\n");
	expect_plan(&(struct packages){ { { "f a x" }, { "l a" } } }, "a: 1 over 0\n", "0: a\n1:\n2:\n3:\n");
	expect_plan(&(struct packages){ { { "r a x" }, { "r a x" } } }, "a: 1 over 0, same\n", "0: a\n1:\n2:\n3:\n");
}

static void directories_are_shared(void **state)
{
	(void)state;
	expect_plan(&(struct packages){ { { "d lib" }, { "d lib", "f lib/a x" }, { "f lib/b x" } } }, "",
		    "0:\n1:\n2:\n3:\n");
}

static void file_and_directory_are_refused(void **state)
{
	(void)state;
	expect_fault(&(struct packages){ { { "f lib x" }, { "d lib" } } },
		     "'lib' is a directory in b-1-0 and a file in a-1-0");
	expect_fault(&(struct packages){ { { "d lib" }, { "l lib" } } },
		     "'lib' is a directory in a-1-0 and a symlink in b-1-0");
	expect_fault(&(struct packages){ { { "f lib64/a x" }, { "l lib64" } } },
		     "'lib64' is a directory in a-1-0 and a symlink in b-1-0");
	expect_fault(&(struct packages){ { { "f a/b/c/d x", "f a/b/c/e x" }, { "f a/b.c x" }, { "u a/b" } } },
		     "'a/b' is a directory in a-1-0 and a file in c-1-0");
	/* '-' and '.' sort before '/' */
	expect_fault(&(struct packages){ { { "u a" }, { "f a-b/c x" }, { "f a.b x" }, { "f a/b x" } } },
		     "'a' is a directory in d-1-0 and a file in a-1-0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_shared_is_no_clobber),	   cmocka_unit_test(the_later_wins),
		cmocka_unit_test(same_content_is_known_by_digest), cmocka_unit_test(directories_are_shared),
		cmocka_unit_test(file_and_directory_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
