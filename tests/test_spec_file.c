#include "check.h"

#include "conda/spec_file.h"
#include "files.h"

static int read_file(const char *name, const char *text, size_t n, struct buf *ret, struct err *err)
{
	auto_env e = { 0 };

	if (spec_file_parse(text, n, name, &e, err) < 0)
		return -1;
	for (size_t i = 0; i < e.n_specs; i++)
		buf_addf(ret, "%u: %s\n", e.specs[i].line, e.specs[i].text);
	for (size_t i = 0; e.platforms[i]; i++)
		buf_addf(ret, "platform %s\n", e.platforms[i]);
	for (size_t i = 0; e.warnings[i]; i++)
		buf_addf(ret, "warning %s\n", e.warnings[i]);
	return 0;
}

static void files_in_testdata(void **state)
{
	(void)state;
	files_check("specs", ".txt", read_file, 3, 9);
}

static void a_list_of_specs_says_no_more_than_specs(void **state)
{
	struct err err = ERR_INIT;
	auto_env e = { 0 };

	(void)state;
	assert_ok(spec_file_parse("zlib\n", 5, "f", &e, &err), err);
	assert_string_equal(e.file, "f");
	assert_string_equal(e.files[0], "f");
	assert_null(e.files[1]);
	assert_null(e.name);
	assert_null(e.channels[0]);
	assert_null(e.platforms[0]);
	assert_null(e.warnings[0]);
	assert_int_equal(e.n_variables, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_in_testdata),
		cmocka_unit_test(a_list_of_specs_says_no_more_than_specs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
