/* What a layer cache tells of packages: what is written is read, and what is not so written is nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "cmd/layer_facts.h"

#define SHA "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" /* of "hello" */

static void what_is_documented_is_read(void **state)
{
	static const char text[] = "package\n"
				   "path d - = bin\n"
				   "path f " SHA " ~ bin/tool\n"
				   "path l - = bin/two words\n"
				   "script bin/.tool-post-link.sh\n"
				   "file 5 etc/conda/activate.d/tool.sh\na\nb\nc\n"
				   "listed\n"
				   "links 4\nend\n\n"
				   "end\n"
				   "package\nend\n";
	struct package_facts f[2];
	struct digest want = digest_bytes("hello", 5);
	auto_arena a = { 0 };

	(void)state;
	assert_true(layer_facts_read(&a, str_of(text), f, 2));
	assert_true(f[0].has_list);
	assert_int_equal(f[0].list.n, 3);
	assert_int_equal(f[0].list.paths[0].type, PATH_DIR);
	assert_string_equal(f[0].list.paths[1].path, "bin/tool");
	assert_true(f[0].list.paths[1].has_sha256 && f[0].list.paths[1].rewritten);
	assert_true(digest_equal(&f[0].list.paths[1].sha256, &want));
	assert_int_equal(f[0].list.paths[2].type, PATH_SYMLINK);
	assert_string_equal(f[0].list.paths[2].path, "bin/two words");
	assert_false(f[0].list.paths[2].has_sha256 || f[0].list.paths[2].rewritten);
	assert_string_equal(f[0].list.scripts[0], "bin/.tool-post-link.sh");
	assert_null(f[0].list.scripts[1]);
	assert_int_equal(f[0].n_files, 1);
	assert_string_equal(f[0].files[0].text, "a\nb\nc");
	assert_string_equal(f[0].links, "end\n");
	assert_false(f[1].has_list);
	assert_null(f[1].links);
}

static void what_is_written_is_read(void **state)
{
	const char *const scripts[] = { "bin/.x-pre-link.sh", NULL };
	const struct linked_path paths[] = {
		{ .path = "a", .type = PATH_FILE, .has_sha256 = true, .sha256 = digest_bytes("hello", 5) },
		{ .path = "b", .type = PATH_SYMLINK, .rewritten = true },
	};
	struct activation_file files[] = { { .path = "bin/.x-pre-link.sh", .text = "end\nlisted\n" } };
	struct package_facts in = { true, { paths, 2, scripts }, files, 1, "need\nend\n" }, out;
	auto_arena a = { 0 };
	auto_buf text = { 0 }, again = { 0 };

	(void)state;
	layer_facts_write(&in, &text);
	assert_true(layer_facts_read(&a, (struct str){ text.p, text.n }, &out, 1));
	layer_facts_write(&out, &again);
	assert_string_equal(text.p, again.p);
	assert_string_equal(out.files[0].text, "end\nlisted\n");
}

static void a_path_with_a_newline_is_not_told(void **state)
{
	const struct linked_path path = { .path = "a\nlisted", .type = PATH_FILE };
	struct package_facts in = { .has_list = true, .list = { &path, 1, NULL } };
	auto_buf text = { 0 };

	(void)state;
	layer_facts_write(&in, &text);
	assert_string_equal(text.p, "package\nend\n");
}

static void anything_else_is_not_read(void **state)
{
	static const char *const texts[] = {
		"",
		"package\n",
		"end\n",
		"package\nend\npackage\nend\n",
		"package\nend\nmore",
		"package\nunknown x\nend\n",
		"package\npath f - = ../x\nend\n",
		"package\npath f - = /x\nend\n",
		"package\npath f - = \nend\n",
		"package\npath f - =\nend\n",
		"package\npath x - = a\nend\n",
		"package\npath ff - = a\nend\n",
		"package\npath f 123 = a\nend\n",
		"package\npath f - = b\npath f - = a\nend\n",
		"package\npath f - = a\npath f - = a\nend\n",
		"package\nscript ../../x\nend\n",
		"package\nfile 3 a\nab\nend\n",
		"package\nfile 99999999999999999999 a\nab\nend\n",
		"package\nfile -1 a\nab\nend\n",
		"package\nfile 4294967296 a\nab\nend\n",
		"package\nfile 2 ../a\nab\nend\n",
		"package\nlinks 100\nend\n",
		"package\nlinks\nend\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct package_facts f = { 0 };
		auto_arena a = { 0 };

		if (layer_facts_read(&a, str_of(texts[i]), &f, 1))
			fail_msg("it was read: %s", texts[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_documented_is_read),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(a_path_with_a_newline_is_not_told),
		cmocka_unit_test(anything_else_is_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
