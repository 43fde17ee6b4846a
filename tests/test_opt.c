#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cmd/opt.h"

static int no_run(const struct options *o, struct err *err)
{
	(void)o;
	(void)err;
	return 0;
}

static const struct command command = { "make", "FILE", "Make it.", NULL, "channel tag quiet verbose jobs update ",
					1,	1,	no_run };

static void words_become_values(void **state)
{
	static char *argv[] = { "-c", "a", "--channel=b", "-cc", "-qvv", "--tag", "t:1", "--", "-file" };
	struct err err = ERR_INIT;
	struct options o;

	(void)state;
	assert_int_equal(opt_parse(&command, COUNT(argv), argv, &o, &err), 0);
	assert_int_equal(o.n_channels, 3);
	assert_string_equal(o.channels[0], "a");
	assert_string_equal(o.channels[1], "b");
	assert_string_equal(o.channels[2], "c");
	assert_true(o.quiet);
	assert_int_equal(o.verbose, 2);
	assert_string_equal(o.tags[0], "t:1");
	assert_int_equal(o.n_args, 1);
	assert_string_equal(o.args[0], "-file");
	opt_release(&o);
}

static void an_optional_value_may_be_left_out(void **state)
{
	static const struct {
		char *argv[4];
		int argc;
		const char *first; /* or NULL */
		size_t n;
	} rows[] = {
		{ { "x", "--update" }, 2, NULL, 0 },
		{ { "x", "--update", "-q" }, 3, NULL, 0 },
		{ { "x", "--update", "a" }, 3, "a", 1 },
		{ { "--update=a,b", "x" }, 2, "a,b", 1 },
		{ { "x", "--update=a", "--update=b" }, 3, "a", 2 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		struct options o;

		assert_int_equal(opt_parse(&command, rows[i].argc, (char **)rows[i].argv, &o, &err), 0);
		assert_int_equal(o.n_updates, rows[i].n);
		if (rows[i].first)
			assert_string_equal(o.updates[0], rows[i].first);
		assert_string_equal(o.args[0], "x");
		opt_release(&o);
	}
}

static void what_cannot_be_read_is_said(void **state)
{
	static const struct {
		char *argv[3];
		int argc;
		const char *want;
	} rows[] = {
		{ { "--nope", "x" }, 2, "make has no option '--nope'; see condaimg make --help" },
		{ { "-z", "x" }, 2, "make has no option '-z'; see condaimg make --help" },
		{ { "--output", "x" }, 2, "make has no option '--output'; see condaimg make --help" },
		{ { "x", "--tag" }, 2, "--tag needs a value: --tag NAME[:TAG]" },
		{ { "--quiet=1", "x" }, 2, "--quiet takes no value" },
		{ { NULL }, 0, "make needs FILE; see condaimg make --help" },
		{ { "x", "y" }, 2, "make does not take 'y'; see condaimg make --help" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		struct options o;

		assert_int_equal(opt_parse(&command, rows[i].argc, (char **)rows[i].argv, &o, &err), -1);
		assert_int_equal(err.code, ERR_USAGE);
		assert_string_equal(err.text, rows[i].want);
		opt_release(&o);
	}
}

static void help_goes_before_missing_arguments(void **state)
{
	static char *argv[] = { "-h" };
	struct err err = ERR_INIT;
	struct options o;

	(void)state;
	assert_int_equal(opt_parse(&command, 1, argv, &o, &err), 0);
	assert_true(o.help);
	opt_release(&o);
}

static void help_lists_the_commands_own_options_alone(void **state)
{
	auto_buf help = { 0 };

	(void)state;
	opt_help(&command, &help);
	assert_non_null(strstr(help.p, "Usage: condaimg make FILE [options]\n"));
	assert_non_null(strstr(help.p, "  -t, --tag NAME[:TAG]"));
	assert_non_null(strstr(help.p, "  -h, --help"));
	assert_null(strstr(help.p, "--output"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_become_values),
		cmocka_unit_test(an_optional_value_may_be_left_out),
		cmocka_unit_test(what_cannot_be_read_is_said),
		cmocka_unit_test(help_goes_before_missing_arguments),
		cmocka_unit_test(help_lists_the_commands_own_options_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
