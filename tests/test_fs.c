#include "check.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void directories_are_made_with_their_parents(void **state)
{
	static const char *const paths[] = { "a", "a", "b/c/d", "b/c", "e/f/", "./g//h" };
	struct err err = ERR_INIT;
	struct check_dir d = check_mkdir();
	auto_fd fd = -1;

	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++) {
		struct stat st;

		assert_ok(fs_mkdirs(d.fd, paths[i], &err), err);
		assert_int_equal(fstatat(d.fd, paths[i], &st, 0), 0);
		assert_true(S_ISDIR(st.st_mode));
	}
	fd = fs_opendir(d.fd, "new/deep", &err);
	assert_true(fd >= 0);
	assert_true(fs_exists(d.fd, "new/deep"));
	assert_false(fs_exists(d.fd, "old"));
	assert_ok(fs_mkdirs(AT_FDCWD, "/", &err), err);
	assert_int_equal(fs_mkdirs(d.fd, "", &err), -1);
	assert_err(err, ERR_IO, "No such file");
	check_rmdir(&d);
}

static void a_file_in_the_way_is_told(void **state)
{
	struct err err = ERR_INIT;
	struct check_dir d = check_mkdir();

	(void)state;
	assert_ok(fs_write(d.fd, "f", "", 0, 0644, &err), err);
	assert_int_equal(fs_mkdirs(d.fd, "f", &err), -1);
	assert_err(err, ERR_IO, "cannot make directory f: File exists");
	err_clear(&err);
	assert_int_equal(fs_mkdirs(d.fd, "f/g", &err), -1);
	assert_err(err, ERR_IO, "cannot make directory f/g: Not a directory");
	err_clear(&err);
	assert_int_equal(fs_opendir(d.fd, "f", &err), -1);
	assert_err(err, ERR_IO, "cannot open directory f: Not a directory");
	check_rmdir(&d);
}

static void names_come_sorted_by_bytes(void **state)
{
	static const char *const files[] = { "b", "a", "B", "\xc3\xa4", ".hidden", "a.b" };
	static const char *const want[] = { ".hidden", "B", "a", "a.b", "b", "\xc3\xa4" };
	struct err err = ERR_INIT;
	struct check_dir d = check_mkdir();
	auto_arena a = { 0 };
	const char *const *names;
	size_t n;

	(void)state;
	assert_ok(fs_list(&a, d.fd, ".", &names, &n, &err), err);
	assert_int_equal(n, 0);
	assert_null(names[0]);
	for (size_t i = 0; i < COUNT(files); i++)
		assert_ok(fs_write(d.fd, files[i], "", 0, 0644, &err), err);
	assert_ok(fs_list(&a, d.fd, ".", &names, &n, &err), err);
	assert_int_equal(n, COUNT(want));
	for (size_t i = 0; i < n; i++)
		assert_string_equal(names[i], want[i]);
	assert_null(names[n]);
	check_rmdir(&d);
}

static void listing_that_fails_says_so(void **state)
{
	struct err err = ERR_INIT;
	struct check_dir d = check_mkdir();
	auto_arena a = { 0 };
	const char *const *names;
	size_t n;

	(void)state;
	assert_int_equal(fs_list(&a, d.fd, "none", &names, &n, &err), -1);
	assert_err(err, ERR_IO, "cannot open directory none: No such file or directory");
	check_rmdir(&d);
}

static void whole_files_are_bounded(void **state)
{
	struct err err = ERR_INIT;
	struct check_dir d = check_mkdir();
	auto_buf b = { 0 };

	(void)state;
	assert_ok(fs_write(d.fd, "f", "12345", 5, 0600, &err), err);
	assert_ok(fs_read(d.fd, "f", 5, &b, &err), err);
	assert_string_equal(b.p, "12345");
	assert_int_equal(fs_read(d.fd, "f", 4, &b, &err), -1);
	assert_err(err, ERR_LIMIT, "f: is larger than 4 B");
	err_clear(&err);
	assert_int_equal(fs_read(d.fd, "g", 4, &b, &err), -1);
	assert_err(err, ERR_IO, "cannot open g");
	check_rmdir(&d);
}

static void removing_takes_links_not_what_they_point_to(void **state)
{
	struct err err = ERR_INIT;
	struct check_dir d = check_mkdir();

	(void)state;
	assert_ok(fs_mkdirs(d.fd, "keep/this", &err), err);
	assert_ok(fs_mkdirs(d.fd, "gone/deep/er", &err), err);
	assert_ok(fs_write(d.fd, "gone/deep/f", "x", 1, 0444, &err), err);
	assert_int_equal(symlinkat("../keep", d.fd, "gone/link"), 0);
	assert_int_equal(symlinkat("none", d.fd, "gone/dangling"), 0);
	assert_ok(fs_remove(d.fd, "gone", &err), err);
	assert_false(fs_exists(d.fd, "gone"));
	assert_true(fs_exists(d.fd, "keep/this"));
	assert_ok(fs_remove(d.fd, "gone", &err), err); /* missing is success */
	check_rmdir(&d);
}

static void a_lock_keeps_others_waiting(void **state)
{
	struct err err = ERR_INIT;
	struct check_dir d = check_mkdir();
	int fd = fs_lock(d.fd, "lock", &err), status;
	pid_t pid;

	(void)state;
	assert_true(fd >= 0);
	pid = fork();
	if (pid == 0) {
		struct err e = ERR_INIT;
		auto_buf seen = { 0 };

		close(fd);
		/* What the holder wrote before it let go must be there. */
		_exit(fs_lock(d.fd, "lock", &e) < 0 || fs_read(d.fd, "done", 10, &seen, &e) < 0);
	}
	usleep(50000);
	assert_ok(fs_write(d.fd, "done", "1", 1, 0644, &err), err);
	close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(fs_lock(d.fd, "none/lock", &err), -1);
	assert_err(err, ERR_IO, "cannot open none/lock");
	check_rmdir(&d);
}

static int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void no_descriptor_is_left_open(void **state)
{
	struct err err = ERR_INIT;
	struct check_dir d = check_mkdir();
	auto_arena a = { 0 };
	const char *const *names;
	size_t n;
	int before = count_fds();

	(void)state;
	assert_ok(fs_write(d.fd, "x/../f", "", 0, 0644, &err) < 0 ? 0 : -1, err);
	err_clear(&err);
	assert_ok(fs_write(d.fd, "f", "", 0, 0644, &err), err);
	assert_ok(fs_list(&a, d.fd, ".", &names, &n, &err), err);
	assert_ok(fs_mkdirs(d.fd, "m/n", &err), err);
	assert_ok(fs_remove(d.fd, "m", &err), err);
	assert_int_equal(fs_list(&a, d.fd, "f", &names, &n, &err), -1);
	assert_int_equal(count_fds(), before);
	check_rmdir(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(directories_are_made_with_their_parents),
		cmocka_unit_test(a_file_in_the_way_is_told),
		cmocka_unit_test(names_come_sorted_by_bytes),
		cmocka_unit_test(listing_that_fails_says_so),
		cmocka_unit_test(whole_files_are_bounded),
		cmocka_unit_test(removing_takes_links_not_what_they_point_to),
		cmocka_unit_test(a_lock_keeps_others_waiting),
		cmocka_unit_test(no_descriptor_is_left_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
