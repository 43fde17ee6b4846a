#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <signal.h>
#include <sys/stat.h>

static void copying_moves_every_byte(void **state)
{
	struct err err = ERR_INIT;
	auto_buf b = { 0 };
	auto_free char *data = mem_alloc(300000);
	uint64_t n = 0;

	(void)state;
	for (size_t i = 0; i < 300000; i++)
		data[i] = (char)(i * 7);
	for (size_t max = 0; max < 3; max++) {
		auto_source *in = streams_dribble(data, max ? 3000 : 300000, max);
		auto_sink *out = sink_buf(&b);

		b.n = 0;
		assert_ok(io_copy(in, out, &n, &err), err);
		assert_int_equal(n, max ? 3000 : 300000);
		assert_int_equal(b.n, n);
		assert_memory_equal(b.p, data, n);
		assert_int_equal(source_read(in, data, 10, &err), 0);
	}
}

static void failures_on_either_side_end_the_copy(void **state)
{
	struct err err = ERR_INIT;
	struct check_sink c = { .fail_at = 10 };
	struct sink *out = check_counting(&c);
	auto_source *in = streams_broken_after(5), *more = source_bytes("01234567890", 11);

	(void)state;
	assert_int_equal(io_copy(in, out, NULL, &err), -1);
	assert_err(err, ERR_NET, "broken on purpose");
	err_clear(&err);
	assert_int_equal(io_copy(more, out, NULL, &err), -1);
	assert_err(err, ERR_IO, "full on purpose");
	sink_free(out);
	assert_int_equal(c.finished, 0);
	assert_int_equal(c.freed, 1);
}

static void null_passes_through_a_chain(void **state)
{
	(void)state;
	assert_null(source_limit(NULL, 1, "x"));
	source_free(NULL);
	sink_free(NULL);
}

static void reading_full_tells_where_it_ended(void **state)
{
	struct err err = ERR_INIT;
	auto_source *in = streams_dribble("abcdef", 6, 1);
	char b[8];

	(void)state;
	assert_ok(io_read_full(in, b, 4, &err), err);
	assert_memory_equal(b, "abcd", 4);
	assert_ok(io_read_full(in, b, 0, &err), err);
	assert_int_equal(io_read_full(in, b, 4, &err), -1);
	assert_err(err, ERR_FORMAT, "ends after 2 bytes, expected 4");
}

static void slurp_and_limit_stop_beyond_max(void **state)
{
	struct err err = ERR_INIT;
	auto_buf b = { 0 };

	(void)state;
	for (size_t max = 9; max <= 11; max++) {
		auto_source *in = streams_dribble("0123456789", 10, 3);
		auto_source *lim = source_limit(streams_dribble("0123456789", 10, 3), max, "the thing");
		int rc = io_slurp(in, max, &b, &err);

		assert_int_equal(rc, max < 10 ? -1 : 0);
		if (rc < 0)
			assert_err(err, ERR_LIMIT, "is larger than 9 B");
		err_clear(&err);
		assert_int_equal(io_drain(lim, &err), max < 10 ? -1 : 0);
		if (max < 10)
			assert_err(err, ERR_LIMIT, "the thing is larger than 9 B");
		err_clear(&err);
	}
}

static void a_buffer_can_become_a_source(void **state)
{
	struct err err = ERR_INIT;
	auto_buf b = { 0 }, empty = { 0 }, ret = { 0 };
	auto_source *in = NULL, *none = source_buf(&empty);

	(void)state;
	buf_adds(&b, "hello");
	in = source_buf(&b);
	assert_null(b.p);
	assert_ok(io_slurp(in, 100, &ret, &err), err);
	assert_string_equal(ret.p, "hello");
	assert_ok(io_slurp(none, 100, &ret, &err), err);
	assert_string_equal(ret.p, "hello");
}

static void files_are_read_whole_and_by_range(void **state)
{
	struct err err = ERR_INIT;
	struct check_dir d = check_mkdir();
	auto_buf b = { 0 };
	auto_source *in = NULL, *part = NULL, *beyond = NULL;
	auto_fd fd = -1;

	(void)state;
	assert_ok(fs_write(d.fd, "f", "0123456789", 10, 0644, &err), err);
	in = source_file(d.fd, "f", &err);
	assert_ok(io_slurp(in, 100, &b, &err), err);
	assert_string_equal(b.p, "0123456789");
	fd = openat(d.fd, "f", O_RDONLY);
	part = source_range(fd, 3, 4);
	b.n = 0;
	assert_ok(io_slurp(part, 100, &b, &err), err);
	assert_string_equal(b.p, "3456");
	beyond = source_range(fd, 8, 4);
	assert_int_equal(io_drain(beyond, &err), -1);
	assert_err(err, ERR_FORMAT, "file ends 2 bytes early");
	err_clear(&err);
	assert_null(source_file(d.fd, "none", &err));
	assert_err(err, ERR_IO, "cannot open none: No such file");
	err_clear(&err);
	assert_null(source_file(d.fd, ".", &err));
	assert_err(err, ERR_IO, "it is a directory");
	check_rmdir(&d);
}

static void pipes_are_read_to_their_end(void **state)
{
	struct err err = ERR_INIT;
	struct check_dir d = check_mkdir();
	auto_buf b = { 0 };
	auto_source *in = NULL;
	auto_fd w = -1, r = -1;

	(void)state;
	assert_int_equal(mkfifoat(d.fd, "p", 0600), 0);
	r = openat(d.fd, "p", O_RDWR); /* so that neither end waits for the other */
	in = source_file(d.fd, "p", &err);
	w = openat(d.fd, "p", O_WRONLY);
	assert_int_equal(write(w, "abc", 3), 3);
	close(TAKE_FD(r));
	close(TAKE_FD(w));
	assert_ok(io_slurp(in, 100, &b, &err), err);
	assert_string_equal(b.p, "abc");
	check_rmdir(&d);
}

static size_t count_names(const struct check_dir *d)
{
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	const char *const *names;
	size_t n;

	assert_ok(fs_list(&a, d->fd, ".", &names, &n, &err), err);
	return n;
}

static void a_file_appears_on_finish_or_not_at_all(void **state)
{
	struct err err = ERR_INIT;
	struct check_dir d = check_mkdir();
	struct sink *out = sink_file(d.fd, "f", 0640, &err);
	auto_buf b = { 0 };
	struct stat st;
	mode_t old = umask(0077);

	(void)state;
	assert_non_null(out);
	assert_ok(sink_write(out, "new", 3, &err), err);
	assert_int_equal(count_names(&d), 0);
	sink_free(out);
	assert_int_equal(count_names(&d), 0);

	assert_ok(fs_write(d.fd, "f", "old", 3, 0644, &err), err);
	out = sink_file(d.fd, "f", 0640, &err);
	assert_ok(sink_write(out, "newer", 5, &err), err);
	assert_ok(fs_read(d.fd, "f", 100, &b, &err), err);
	assert_string_equal(b.p, "old");
	assert_ok(sink_finish(out, &err), err);
	sink_free(out);
	b.n = 0;
	assert_ok(fs_read(d.fd, "f", 100, &b, &err), err);
	assert_string_equal(b.p, "newer");
	assert_int_equal(fstatat(d.fd, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640); /* exactly, whatever the umask is */
	assert_int_equal(count_names(&d), 1);
	umask(old);
	check_rmdir(&d);
}

static void what_a_killed_process_left_is_no_obstacle(void **state)
{
	struct err err = ERR_INIT;
	struct check_dir d = check_mkdir();
	char name[100];

	(void)state;
	/* In a container the process has the same number every time. */
	for (unsigned i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), ".f.%ld-%u.tmp", (long)getpid(), i);
		close(openat(d.fd, name, O_CREAT | O_WRONLY, 0600));
	}
	/* the first has no name to replace, and so needs no hidden one */
	assert_ok(fs_write(d.fd, "f", "x", 1, 0644, &err), err);
	assert_ok(fs_write(d.fd, "f", "y", 1, 0644, &err), err);
	assert_int_equal(count_names(&d), 41);
	check_rmdir(&d);
}

static void a_finish_that_fails_leaves_nothing(void **state)
{
	struct err err = ERR_INIT;
	struct check_dir d = check_mkdir();
	struct sink *out = NULL;

	(void)state;
	assert_ok(fs_mkdirs(d.fd, "dir/sub", &err), err);
	out = sink_file(d.fd, "dir", 0644, &err); /* a directory is in the way */
	assert_non_null(out);
	assert_int_equal(sink_finish(out, &err), -1);
	assert_err(err, ERR_IO, "cannot create dir");
	sink_free(out);
	err_clear(&err);
	assert_int_equal(count_names(&d), 1);
	assert_null(sink_file(d.fd, "none/f", 0644, &err));
	assert_err(err, ERR_IO, "cannot create none/f: No such file or directory");
	err_clear(&err);
	out = sink_file(d.fd, "dir/", 0644, &err);
	assert_int_equal(out ? sink_finish(out, &err) : -1, -1);
	sink_free(out);
	check_rmdir(&d);
}

static void a_full_disk_is_told(void **state)
{
	struct err err = ERR_INIT;
	struct check_dir d = check_mkdir();
	struct rlimit old, small;
	struct sink *out;
	int rc;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = (struct rlimit){ 1000, old.rlim_max };
	out = sink_file(d.fd, "f", 0644, &err);
	setrlimit(RLIMIT_FSIZE, &small);
	rc = sink_write(out, (char[2000]){ 0 }, 2000, &err);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(rc, -1);
	assert_err(err, ERR_IO, "cannot write f: File too large");
	sink_free(out);
	assert_int_equal(count_names(&d), 0);
	check_rmdir(&d);
}

static void descriptors_and_nowhere_are_sinks_too(void **state)
{
	struct err err = ERR_INIT;
	int fds[2];
	char got[4] = "";
	auto_sink *nowhere = sink_null(), *out = NULL;

	(void)state;
	assert_ok(sink_write(nowhere, "x", 1, &err), err);
	assert_ok(sink_finish(nowhere, &err), err);
	assert_int_equal(pipe(fds), 0);
	out = sink_fd(fds[1]);
	assert_ok(sink_write(out, "abc", 3, &err), err);
	assert_ok(sink_finish(out, &err), err);
	assert_int_equal(read(fds[0], got, 3), 3);
	assert_string_equal(got, "abc");
	signal(SIGPIPE, SIG_IGN);
	close(fds[0]);
	assert_int_equal(sink_write(out, "abc", 3, &err), -1);
	assert_err(err, ERR_IO, "Broken pipe");
	assert_int_equal(err.sys, EPIPE);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_killed_process_left_is_no_obstacle),
		cmocka_unit_test(copying_moves_every_byte),
		cmocka_unit_test(failures_on_either_side_end_the_copy),
		cmocka_unit_test(null_passes_through_a_chain),
		cmocka_unit_test(reading_full_tells_where_it_ended),
		cmocka_unit_test(slurp_and_limit_stop_beyond_max),
		cmocka_unit_test(a_buffer_can_become_a_source),
		cmocka_unit_test(files_are_read_whole_and_by_range),
		cmocka_unit_test(pipes_are_read_to_their_end),
		cmocka_unit_test(a_file_appears_on_finish_or_not_at_all),
		cmocka_unit_test(a_finish_that_fails_leaves_nothing),
		cmocka_unit_test(a_full_disk_is_told),
		cmocka_unit_test(descriptors_and_nowhere_are_sinks_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
