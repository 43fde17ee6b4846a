#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"
#include "conda/meta.h"

#define SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" /* sha256sum of nothing */

static int read_text(struct arena *a, const char *text, struct meta *m, struct err *err)
{
	return meta_read(a, text, strlen(text), "x.json", m, err);
}

/* As conda 24 writes it: a channel with its subdir, features in one string, a placeholder of which the size is the archive's. */
static void a_record_of_conda_is_read(void **state)
{
	static const char text[] =
		"{\"name\": \"x\", \"version\": \"1\", \"build\": \"py_0\", \"build_number\": 3, \"noarch\": \"python\","
		" \"channel\": \"https://me.example/c/noarch\", \"subdir\": \"noarch\", \"depends\": [\"python >=3\"],"
		" \"track_features\": \"a  b\", \"license\": \"MIT\", \"timestamp\": 1700000000000, \"size\": 12,"
		" \"requested_spec\": \"x\", \"sha256\": \"" SHA "\", \"md5\": \"d41d8cd98f00b204e9800998ecf8427e\","
		" \"paths_data\": {\"paths_version\": 1, \"paths\": ["
		"  {\"_path\": \"z\", \"path_type\": \"hardlink\", \"sha256\": \"" SHA "\", \"size_in_bytes\": 7},"
		"  {\"_path\": \"a\", \"path_type\": \"hardlink\", \"prefix_placeholder\": \"/opt/x\", \"file_mode\": \"text\","
		"   \"sha256\": \"00\", \"sha256_in_prefix\": \"" SHA "\", \"size_in_bytes\": 9},"
		"  {\"_path\": \"b\", \"path_type\": \"hardlink\", \"prefix_placeholder\": \"/opt/x\", \"file_mode\": \"binary\","
		"   \"sha256\": \"" SHA "\", \"size_in_bytes\": 9},"
		"  {\"_path\": \"l\", \"path_type\": \"softlink\", \"sha256\": \"" SHA "\", \"size_in_bytes\": 0},"
		"  {\"_path\": \"d\", \"path_type\": \"directory\"},"
		"  {\"_path\": \"p.pyc\", \"path_type\": \"pyc_file\"}]}}";
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	struct meta m;

	(void)state;
	assert_int_equal(read_text(&a, text, &m, &err), 0);
	assert_string_equal(m.record.channel, "https://me.example/c");
	assert_int_equal(m.record.noarch, NOARCH_PYTHON);
	assert_int_equal(m.record.build_number, 3);
	assert_string_equal(m.record.track_features[0], "a");
	assert_string_equal(m.record.track_features[1], "b");
	assert_null(m.record.track_features[2]);
	assert_true(m.record.has_sha256 && m.record.has_md5);
	assert_string_equal(m.record.depends[0], "python >=3");
	assert_string_equal(m.record.url, "");
	assert_int_equal(m.n, 5);
	assert_string_equal(m.files[0].path, "a");
	assert_true(m.files[0].has_sha256 && !m.files[0].has_size); /* its size is another one after replacing */
	assert_string_equal(m.files[1].path, "b");
	assert_true(!m.files[1].has_sha256 && m.files[1].has_size); /* a binary keeps its size, its hash is not known */
	assert_string_equal(m.files[2].path, "l");
	assert_int_equal(m.files[2].type, PATH_SYMLINK);
	assert_string_equal(m.files[3].path, "p.pyc");
	assert_string_equal(m.files[4].path, "z");
	assert_true(m.files[4].has_sha256 && m.files[4].has_size);
	assert_int_equal(m.files[4].size, 7);
}

static void old_records_have_only_a_list_of_files(void **state)
{
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	struct meta m;

	(void)state;
	assert_int_equal(
		read_text(&a, "{\"name\":\"x\",\"version\":\"1\",\"build\":\"0\",\"files\":[\"b\",\"a\"]}", &m, &err),
		0);
	assert_int_equal(m.n, 2);
	assert_string_equal(m.files[0].path, "a");
	assert_false(m.files[0].has_sha256 || m.files[0].has_size);
}

static void what_is_no_record_is_refused(void **state)
{
#define X "\"name\":\"x\",\"version\":\"1\",\"build\":\"0\","
	static const char *const rows[] = {
		"",
		"[]",
		"{",
		"{}",
		"{\"name\":\"x\"}",
		"{\"name\":1,\"version\":\"1\",\"build\":\"0\"}",
		"{\"name\":\"\",\"version\":\"1\",\"build\":\"0\"}",
		"{" X "\"depends\":\"a\"}",
		"{" X "\"depends\":[1]}",
		"{" X "\"size\":-1}",
		"{" X "\"sha256\":\"xyz\"}",
		"{" X "\"files\":{}}",
		"{" X "\"files\":[1]}",
		"{" X "\"paths_data\":{\"paths\":[{}]}}",
		"{" X "\"paths_data\":{\"paths\":[{\"_path\":\"a\",\"sha256\":\"0\"}]}}",
		"{" X "\"paths_data\":{\"paths\":[{\"_path\":\"a\",\"size_in_bytes\":-1}]}}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_arena a = { 0 };
		struct meta m;

		if (read_text(&a, rows[i], &m, &err) == 0)
			fail_msg("'%s' was read", rows[i]);
		assert_int_equal(err.code, ERR_FORMAT);
		assert_non_null(strstr(err.text, "x.json"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_of_conda_is_read),
		cmocka_unit_test(old_records_have_only_a_list_of_files),
		cmocka_unit_test(what_is_no_record_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
