#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "oci/overlay.h"

struct row {
	uint32_t layer;
	enum member_type type;
	const char *path, *target;
};

static void add_all(struct overlay *o, const struct row *rows, size_t n)
{
	struct err err = ERR_INIT;

	for (size_t i = 0; i < n; i++) {
		struct member m = { .path = rows[i].path, .target = rows[i].target, .type = rows[i].type };

		if (i == 0 || rows[i].layer != rows[i - 1].layer)
			overlay_begin(o, rows[i].layer);
		if (overlay_add(o, &m, NULL, &err) < 0)
			fail_msg("%s", err.text);
		if (i + 1 == n || rows[i + 1].layer != rows[i].layer)
			overlay_end(o);
	}
}

/* "a b/ c@1" for what is seen: directories with '/', everything with its layer. */
static void assert_seen(const struct overlay *o, const char *want)
{
	auto_buf b = { 0 };

	for (size_t i = 0; i < o->n; i++)
		if (!o->files[i].hidden)
			buf_addf(&b, "%s%s%s@%u", b.n ? " " : "", o->files[i].path,
				 o->files[i].type == MEMBER_DIR ? "/" : "", o->files[i].layer);
	assert_string_equal(buf_cstr(&b), want);
}

#define CHECK(want, ...)                                           \
	do {                                                       \
		static const struct row rows_[] = { __VA_ARGS__ }; \
		auto_overlay o_ = { 0 };                           \
		add_all(&o_, rows_, COUNT(rows_));                 \
		assert_seen(&o_, want);                            \
	} while (0)

/* image-spec, layer.md: "Applying Changesets", "Whiteouts"; and what an overlay mount shows. */
static void upper_layers_hide_lower_ones(void **state)
{
	(void)state;
	CHECK("a@1", { 0, MEMBER_FILE, "a", NULL }, { 1, MEMBER_FILE, "a", NULL });
	CHECK("d/@0 d/y@0", { 0, MEMBER_DIR, "d", NULL }, { 0, MEMBER_FILE, "d/x", NULL },
	      { 0, MEMBER_FILE, "d/y", NULL }, { 1, MEMBER_FILE, "d/.wh.x", NULL });
	CHECK("b@0", { 0, MEMBER_FILE, "d/e/x", NULL }, { 0, MEMBER_FILE, "b", NULL },
	      { 1, MEMBER_FILE, ".wh.d", NULL });
	CHECK("d/@1 d/z@1", { 0, MEMBER_DIR, "d", NULL }, { 0, MEMBER_FILE, "d/x", NULL }, { 1, MEMBER_DIR, "d", NULL },
	      { 1, MEMBER_FILE, "d/z", NULL }, { 1, MEMBER_FILE, "d/.wh..wh..opq", NULL });
	CHECK("n@1", { 0, MEMBER_FILE, "a", NULL }, { 1, MEMBER_FILE, ".wh..wh..opq", NULL },
	      { 1, MEMBER_FILE, "n", NULL });
	/* A file in the place of a directory takes what was in it; a path below a link makes it a directory. */
	CHECK("d@1", { 0, MEMBER_FILE, "d/x/y", NULL }, { 1, MEMBER_FILE, "d", NULL });
	CHECK("l/@1 l/x@1", { 0, MEMBER_SYMLINK, "l", "/etc" }, { 1, MEMBER_FILE, "l/x", NULL });
	/* A whiteout is for lower layers alone. */
	CHECK("a@1", { 0, MEMBER_FILE, "a", NULL }, { 1, MEMBER_FILE, "a", NULL }, { 1, MEMBER_FILE, ".wh.a", NULL });
	CHECK("a@1", { 0, MEMBER_FILE, "a", NULL }, { 1, MEMBER_FILE, ".wh.a", NULL }, { 1, MEMBER_FILE, "a", NULL });
	CHECK("a@2", { 0, MEMBER_FILE, "a", NULL }, { 1, MEMBER_FILE, ".wh.a", NULL }, { 2, MEMBER_FILE, "a", NULL });
	CHECK("a@0", { 0, MEMBER_FILE, "/a", NULL }, { 1, MEMBER_FILE, ".wh..wh.plnk", NULL });
	CHECK("", { 0, MEMBER_DIR, ".", NULL });
	/* "ab" is not in "a". */
	CHECK("ab@0", { 0, MEMBER_FILE, "a", NULL }, { 0, MEMBER_FILE, "ab", NULL }, { 1, MEMBER_FILE, ".wh.a", NULL });
}

static void hard_links_are_what_they_lead_to(void **state)
{
	struct member file = { .path = "a", .size = 3, .type = MEMBER_FILE },
		      link = { .path = "b", .target = "./a", .type = MEMBER_HARDLINK };
	struct digest d = digest_bytes("abc", 3);
	struct err err = ERR_INIT;
	auto_overlay o = { 0 };

	(void)state;
	overlay_begin(&o, 0);
	assert_int_equal(overlay_add(&o, &file, &d, &err), 0);
	assert_int_equal(overlay_add(&o, &link, NULL, &err), 0);
	overlay_end(&o);
	assert_true(overlay_find(&o, "b")->hashed && digest_equal(&overlay_find(&o, "b")->sha256, &d));
	assert_int_equal(overlay_find(&o, "b")->size, 3);
	assert_string_equal(overlay_find(&o, "b")->target, "a");
}

static void hostile_members_are_refused(void **state)
{
	static const struct {
		struct member m;
		const char *want;
	} rows[] = {
		{ { .path = "../a", .type = MEMBER_FILE }, "'../a' has a \"..\" component" },
		{ { .path = "a/../b", .type = MEMBER_FILE }, "'a/../b' has a \"..\" component" },
		{ { .path = "a//b", .type = MEMBER_FILE }, "'a//b' has an empty component" },
		{ { .path = "b", .target = "../a", .type = MEMBER_HARDLINK },
		  "'b' is a hard link: '../a' has a \"..\" component" },
		{ { .path = "b", .target = "nothing", .type = MEMBER_HARDLINK },
		  "'b' is a hard link to 'nothing', which is no file before it" },
		{ { .path = ".wh.", .type = MEMBER_FILE }, "'.wh.' takes nothing away" },
		{ { .path = ".wh..", .type = MEMBER_FILE }, "'.wh..' takes nothing away" },
		{ { .path = "a/.wh...", .type = MEMBER_FILE }, "'a/.wh...' takes nothing away" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_overlay o = { 0 };

		overlay_begin(&o, 0);
		assert_int_equal(overlay_add(&o, &rows[i].m, NULL, &err), -1);
		assert_int_equal(err.code, ERR_FORMAT);
		assert_string_equal(err.text, rows[i].want);
		overlay_end(&o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(upper_layers_hide_lower_ones),
		cmocka_unit_test(hard_links_are_what_they_lead_to),
		cmocka_unit_test(hostile_members_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
