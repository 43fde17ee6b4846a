/* Programs that are started: what they say, how they end, what they are given. */
#include "check.h"

#include "cmd/process.h"

static void add_line(void *arg, const char *line)
{
	buf_addf(arg, "[%s]", line);
}

static int run_sh(const char *script, struct buf *lines, struct buf *out, int *status, struct err *err)
{
	const char *argv[] = { "sh", "-c", script, NULL };

	return process_run(&(struct process){ .argv = argv, .line = add_line, .arg = lines, .out = out }, status, err);
}

static void lines_come_one_by_one(void **state)
{
	static const struct {
		const char *script, *lines;
		int status;
	} rows[] = {
		{ "echo a; echo b >&2; printf c", "[a][b][c]", 0 },
		{ "printf 'one\\rtwo\\r\\nthree\\n\\n'; exit 3", "[one][two][three]", 3 },
		{ "printf 'x\\033[31my\\n'", "[x?[31my]", 0 },
		{ "kill -TERM $$", "", 128 + 15 },
		{ "cat", "", 0 }, /* no input */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_buf lines = { 0 };
		int status;

		assert_ok(run_sh(rows[i].script, &lines, NULL, &status, &err), err);
		assert_string_equal(buf_cstr(&lines), rows[i].lines);
		assert_int_equal(status, rows[i].status);
	}
}

static void stdout_may_go_its_own_way(void **state)
{
	struct err err = ERR_INIT;
	auto_buf lines = { 0 }, out = { 0 };
	int status;

	(void)state;
	assert_ok(run_sh("echo result; echo note >&2", &lines, &out, &status, &err), err);
	assert_string_equal(buf_cstr(&lines), "[note]");
	assert_string_equal(buf_cstr(&out), "result\n");
}

static void long_lines_come_in_pieces(void **state)
{
	struct err err = ERR_INIT;
	auto_buf lines = { 0 };
	int status;

	(void)state;
	assert_ok(run_sh("head -c 100000 /dev/zero | tr '\\0' x", &lines, NULL, &status, &err), err);
	assert_int_equal(lines.n, 100000 + 2 * strlen("[]"));
	assert_int_equal(lines.p[PROCESS_LINE_MAX + 1], ']');
}

static void what_is_not_there_cannot_be_started(void **state)
{
	const char *argv[] = { "condaimg-no-such-program", NULL };
	struct err err = ERR_INIT;
	int status;

	(void)state;
	assert_int_equal(process_run(&(struct process){ .argv = argv, .line = add_line }, &status, &err), -1);
	assert_err(err, ERR_IO, "cannot start condaimg-no-such-program: No such file");
	err_clear(&err);
	argv[0] = "true";
	assert_int_equal(
		process_run(&(struct process){ .argv = argv, .dir = "/no/such/dir", .line = add_line }, &status, &err),
		-1);
	assert_err(err, ERR_IO, "cannot start true");
}

static void environment_is_what_was_put(void **state)
{
	const char *argv[] = { "sh", "-c", "echo ${A-none} ${B-none} ${HOME-none} ${SIGPIPE-}", NULL };
	struct err err = ERR_INIT;
	auto_process_environ e = { 0 };
	auto_buf lines = { 0 };
	int status;

	(void)state;
	process_environ_copy(&e);
	for (char i = 'a'; i < 'z'; i++)
		process_environ_put(&e, i % 2 ? "A=odd" : "A=even");
	process_environ_put(&e, "B=1");
	process_environ_put(&e, "B");
	process_environ_put(&e, "HOME");
	process_environ_put(&e, "HOM=x");
	assert_ok(process_run(&(struct process){ .argv = argv, .env = e.list, .line = add_line, .arg = &lines },
			      &status, &err),
		  err);
	assert_string_equal(buf_cstr(&lines), "[odd none none]");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_one_by_one),       cmocka_unit_test(stdout_may_go_its_own_way),
		cmocka_unit_test(long_lines_come_in_pieces),   cmocka_unit_test(what_is_not_there_cannot_be_started),
		cmocka_unit_test(environment_is_what_was_put),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
