#include "cmd/progress.h"

#include "check.h"

#include <string.h>

struct row {
	struct progress_view view;
	size_t width;
	const char *line;
};

#define FETCHING .fetching = true, .bytes = 12300000, .total = 200000000, .packages = 12, .n_packages = 300

static const struct row rows[] = {
	{ { .solving = "linux-64" }, 80, "solving for linux-64" },
	{ { .solving = "linux-64" }, 7, "solving" },
	{ { 0 }, 80, "" },
	{ { FETCHING }, 80, "fetching 12.3 MB of 200.0 MB, 12 of 300 packages" },
	{ { FETCHING, .rate = 45e6 }, 80, "fetching 12.3 MB of 200.0 MB, 12 of 300 packages, 45.0 MB/s, 5 s left" },
	{ { FETCHING, .rate = 45e6, .making = true, .layers = 3, .n_layers = 20 },
	  100,
	  "fetching 12.3 MB of 200.0 MB, 12 of 300 packages, 45.0 MB/s, 5 s left, 3 of 20 layers" },
	{ { FETCHING, .rate = 45e6, .making = true, .layers = 3, .n_layers = 20 },
	  80,
	  "fetching 12.3 MB of 200.0 MB, 12 of 300 packages, 45.0 MB/s, 5 s left" },
	{ { FETCHING, .rate = 45e6 }, 60, "fetching 12.3 MB of 200.0 MB, 45.0 MB/s, 5 s left" },
	{ { FETCHING, .rate = 45e6 }, 45, "fetching 12.3 MB of 200.0 MB, 45.0 MB/s" },
	{ { FETCHING, .rate = 45e6 }, 30, "fetching 12.3 MB of 200.0 MB" },
	{ { FETCHING, .rate = 45e6 }, 16, "fetching 12.3 MB" },
	{ { FETCHING, .rate = 45e6 }, 0, "" },
	{ { FETCHING, .rate = 1e6 }, 80, "fetching 12.3 MB of 200.0 MB, 12 of 300 packages, 1.0 MB/s, 3 min left" },
	{ { FETCHING, .rate = 1e4 },
	  80,
	  "fetching 12.3 MB of 200.0 MB, 12 of 300 packages, 10.0 kB/s, 5 h 12 min left" },
	/* no size is known, or more came than was told */
	{ { .fetching = true, .bytes = 5000000, .rate = 1e6 }, 80, "fetching 5.0 MB, 1.0 MB/s" },
	{ { .fetching = true, .bytes = 5000000, .total = 4000000, .rate = 1e6 },
	  80,
	  "fetching 5.0 MB of 4.0 MB, 1.0 MB/s" },
	{ { .making = true, .layers = 3, .n_layers = 20 }, 80, "making layers: 3 of 20" },
	{ { .making = true, .n_layers = 20 }, 80, "making layers: 0 of 20" },
};

static void a_line_says_what_fits(void **state)
{
	unsigned bad = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_buf line = { 0 };

		progress_line(&rows[i].view, rows[i].width, &line);
		if (strcmp(buf_cstr(&line), rows[i].line) == 0)
			continue;
		print_error("got '%s', expected '%s'\n", buf_cstr(&line), rows[i].line);
		bad++;
	}
	assert_int_equal(bad, 0);
}

static void a_mode_is_one_of_four(void **state)
{
	enum progress_mode m;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(progress_parse(NULL, &m, &err), 0);
	assert_int_equal(m, PROGRESS_AUTO);
	assert_int_equal(progress_parse("json", &m, &err), 0);
	assert_int_equal(m, PROGRESS_JSON);
	assert_int_equal(progress_parse("JSON", &m, &err), -1);
	assert_err(err, ERR_USAGE, "--progress is 'JSON', expected auto, plain, json or none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_says_what_fits),
		cmocka_unit_test(a_mode_is_one_of_four),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
