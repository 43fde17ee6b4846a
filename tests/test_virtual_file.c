#include "check.h"

#include "conda/virtual_file.h"
#include "files.h"

static int read_file(const char *name, const char *text, size_t n, struct buf *ret, struct err *err)
{
	char subdir[32] = "linux-64";
	struct virtual_set set;
	auto_arena a = { 0 };

	files_subdir(text, n, subdir);
	virtual_defaults(&a, platform_parse("linux-64", err), "2.36", &set);
	if (virtual_file_apply(&a, text, n, name, subdir, &set, err) < 0)
		return -1;
	for (const char *const *v = virtual_texts(&a, &set); *v; v++)
		buf_addf(ret, "%s\n", *v);
	return 0;
}

static void files_in_testdata(void **state)
{
	(void)state;
	files_check("virtual", ".yml", read_file, 4, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_in_testdata),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
