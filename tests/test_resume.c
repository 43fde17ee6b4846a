#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "httpd.h"
#include "place.h"

#define SIZE 300000
#define CUT 200000

static char body[SIZE], other[SIZE];

static int fill(void **state)
{
	(void)state;
	for (size_t i = 0; i < SIZE; i++) {
		body[i] = (char)(i * 7 + i / 251);
		other[i] = (char)(body[i] + 1);
	}
	return 0;
}

#define RULE(...)                                                                   \
	{                                                                           \
		.path = "/x", .status = 200, .body = body, .len = SIZE, __VA_ARGS__ \
	}

static void part_name(const struct download *d, char ret[80])
{
	snprintf(ret, 80, "part/%s", digest_hex(&d->sha256).hex);
}

static uint64_t size_of(struct place *p, const char *name)
{
	struct stat st;

	return fstatat(p->fd, name, &st, 0) == 0 ? (uint64_t)st.st_size : 0;
}

/* All is well at the end: the file, and nothing besides. */
static void fetch(struct place *p, struct download *d)
{
	struct err err = ERR_INIT;
	auto_buf got = { 0 };
	char name[80];

	if (download_all(p->http, p->fd, d, 1, false, NULL, &err) < 0)
		fail_msg("%s", err.text);
	snprintf(name, sizeof(name), "sha256/%s", digest_hex(&d->sha256).hex);
	assert_int_equal(fs_read(p->fd, name, SIZE, &got, &err), 0);
	assert_int_equal(got.n, SIZE);
	assert_memory_equal(got.p, body, SIZE);
	assert_int_equal(place_files(p, "sha256"), 1);
	assert_int_equal(place_files(p, "part"), 0);
}

static void break_off(struct place *p, struct download *d)
{
	struct err err = ERR_INIT;
	char name[80];

	assert_int_equal(download_all(p->http, p->fd, d, 1, false, NULL, &err), -1);
	assert_int_equal(err.code, ERR_NET);
	part_name(d, name);
	assert_int_equal(size_of(p, name), CUT);
	assert_int_equal(place_files(p, "sha256"), 0);
}

/* What the server says the second time, and what that costs: whole answers, and parts. */
static void goes_on(const struct httpd_rule *second, unsigned requests, unsigned parts)
{
	struct httpd_rule rules[] = { RULE(.cut = CUT, .times = 3, .headers = "ETag: \"1\"\r\n"), *second };
	struct httpd *s = httpd_start(rules, COUNT(rules));
	struct download d = place_want(httpd_url(s, "/x"), body, SIZE);
	auto_place p = { 0 };

	place_make(&p);
	break_off(&p, &d);
	fetch(&p, &d);
	assert_int_equal(httpd_requests(s), 3 + requests);
	assert_int_equal(httpd_parts(s), parts);
	httpd_stop(s);
}

static void a_later_run_goes_on_where_one_broke_off(void **state)
{
	(void)state;
	goes_on(&(struct httpd_rule)RULE(.ranges = true, .headers = "ETag: \"1\"\r\n"), 1, 1);
}

static void what_the_server_calls_otherwise_is_begun_again(void **state)
{
	(void)state;
	goes_on(&(struct httpd_rule)RULE(.ranges = true, .headers = "ETag: \"2\"\r\n"), 1, 0);
}

static void a_server_without_parts_sends_all(void **state)
{
	(void)state;
	goes_on(&(struct httpd_rule)RULE(.headers = "ETag: \"1\"\r\n"), 1, 0);
}

static void a_weak_name_is_none(void **state)
{
	struct httpd_rule rules[] = {
		RULE(.cut = CUT, .times = 3, .headers = "ETag: W/\"1\"\r\n"),
		RULE(.ranges = true, .headers = "ETag: W/\"2\"\r\n"),
	};
	struct httpd *s = httpd_start(rules, COUNT(rules));
	struct download d = place_want(httpd_url(s, "/x"), body, SIZE);
	auto_place p = { 0 };

	(void)state;
	place_make(&p);
	break_off(&p, &d);
	fetch(&p, &d); /* the digest decides */
	assert_int_equal(httpd_parts(s), 1);
	httpd_stop(s);
}

/* A file in part/ before the first request. */
static void with_part(const char *content, size_t n, unsigned requests, unsigned parts)
{
	struct httpd_rule rules[] = { RULE(.ranges = true) };
	struct httpd *s = httpd_start(rules, COUNT(rules));
	struct download d = place_want(httpd_url(s, "/x"), body, SIZE);
	struct err err = ERR_INIT;
	auto_place p = { 0 };
	char name[80];

	place_make(&p);
	part_name(&d, name);
	assert_int_equal(fs_mkdirs(p.fd, "part", &err), 0);
	assert_int_equal(fs_write(p.fd, name, content, n, 0644, &err), 0);
	fetch(&p, &d);
	assert_int_equal(httpd_requests(s), requests);
	assert_int_equal(httpd_parts(s), parts);
	httpd_stop(s);
}

static void what_lies_there_is_used_as_far_as_it_is_right(void **state)
{
	(void)state;
	with_part(body, CUT, 1, 1);
	with_part(body, SIZE, 0, 0); /* only its name was missing */
	with_part(body, 0, 1, 0);
	with_part(other, CUT, 2, 1); /* then all of it */
	with_part(other, SIZE, 1, 0);
}

static void what_cannot_be_its_beginning_is_thrown_away(void **state)
{
	struct httpd_rule rules[] = { RULE(.ranges = true) };
	struct httpd *s = httpd_start(rules, COUNT(rules));
	struct download d = place_want(httpd_url(s, "/x"), body, SIZE);
	struct err err = ERR_INIT;
	auto_place p = { 0 };
	char name[80];

	(void)state;
	place_make(&p);
	d.size = 0; /* so that the server has to say so: 416 */
	part_name(&d, name);
	assert_int_equal(fs_mkdirs(p.fd, "part", &err), 0);
	assert_int_equal(fs_write(p.fd, name, body, SIZE, 0644, &err), 0);
	fetch(&p, &d);
	assert_int_equal(httpd_requests(s), 2);
	httpd_stop(s);
}

static pid_t fetch_in_child(struct place *p, struct download *d)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		struct err err = ERR_INIT;
		struct http *h = http_new("condaimg-test/0");

		http_set_patience(h, &(struct http_patience){ .stall_s = 20, .tries = 1 });
		_exit(download_all(h, p->fd, d, 1, false, NULL, &err) < 0);
	}
	return pid;
}

static void a_process_that_is_killed_leaves_what_it_had(void **state)
{
	struct httpd_rule rules[] = {
		RULE(.cut = CUT, .stall_ms = 20000, .times = 1, .headers = "ETag: \"1\"\r\n"),
		RULE(.ranges = true, .headers = "ETag: \"1\"\r\n"),
	};
	struct httpd *s = httpd_start(rules, COUNT(rules));
	struct download d = place_want(httpd_url(s, "/x"), body, SIZE);
	auto_place p = { 0 };
	uint64_t had = 0;
	char name[80];
	int status;
	pid_t pid;

	(void)state;
	place_make(&p);
	part_name(&d, name);
	pid = fetch_in_child(&p, &d);
	/* whole pieces are written as they come */
	for (int i = 0; i < 1000 && had < CUT / 2; i++) {
		usleep(10000);
		had = size_of(&p, name);
	}
	assert_true(had >= CUT / 2);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	fetch(&p, &d);
	assert_int_equal(httpd_requests(s), 2);
	assert_int_equal(httpd_parts(s), 1);
	httpd_stop(s);
}

static void of_many_processes_one_fetches(void **state)
{
	struct httpd_rule rules[] = { RULE(.stall_ms = 300) };
	struct httpd *s = httpd_start(rules, COUNT(rules));
	struct download d = place_want(httpd_url(s, "/x"), body, SIZE);
	auto_place p = { 0 };
	pid_t pids[8];

	(void)state;
	place_make(&p);
	for (size_t i = 0; i < COUNT(pids); i++)
		pids[i] = fetch_in_child(&p, &d);
	for (size_t i = 0; i < COUNT(pids); i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	fetch(&p, &d);
	assert_int_equal(httpd_requests(s), 1);
	httpd_stop(s);
}

static void when_that_one_is_killed_the_next_takes_over(void **state)
{
	struct httpd_rule rules[] = { RULE(.stall_ms = 20000, .times = 1), RULE(.times = 0) };
	struct httpd *s = httpd_start(rules, COUNT(rules));
	struct download d = place_want(httpd_url(s, "/x"), body, SIZE);
	auto_place p = { 0 };
	pid_t first, second;
	int status;

	(void)state;
	place_make(&p);
	first = fetch_in_child(&p, &d);
	for (int i = 0; i < 1000 && httpd_requests(s) == 0; i++)
		usleep(10000);
	second = fetch_in_child(&p, &d);
	usleep(300000);
	assert_int_equal(httpd_requests(s), 1);
	kill(first, SIGKILL);
	assert_int_equal(waitpid(first, &status, 0), first);
	assert_int_equal(waitpid(second, &status, 0), second);
	assert_int_equal(status, 0);
	fetch(&p, &d);
	assert_int_equal(httpd_requests(s), 2);
	httpd_stop(s);
}

static void what_nobody_came_back_for_goes_after_a_week(void **state)
{
	static const char *const names[] = { "part/old", "part/held", "part/new" };
	struct timespec old[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
	struct httpd_rule rules[] = { RULE(.times = 0) };
	struct httpd *s = httpd_start(rules, COUNT(rules));
	struct download d = place_want(httpd_url(s, "/x"), body, SIZE);
	struct err err = ERR_INIT;
	auto_place p = { 0 };
	auto_fd held = -1;

	(void)state;
	place_make(&p);
	assert_int_equal(fs_mkdirs(p.fd, "part", &err), 0);
	for (size_t i = 0; i < COUNT(names); i++) {
		assert_int_equal(fs_write(p.fd, names[i], "x", 1, 0644, &err), 0);
		if (i < 2)
			assert_int_equal(utimensat(p.fd, names[i], old, 0), 0);
	}
	held = openat(p.fd, "part/held", O_RDONLY);
	assert_int_equal(flock(held, LOCK_EX), 0);
	if (download_all(p.http, p.fd, &d, 1, false, NULL, &err) < 0)
		fail_msg("%s", err.text);
	assert_false(fs_exists(p.fd, "part/old"));
	assert_true(fs_exists(p.fd, "part/held"));
	assert_true(fs_exists(p.fd, "part/new"));
	httpd_stop(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_later_run_goes_on_where_one_broke_off),
		cmocka_unit_test(what_the_server_calls_otherwise_is_begun_again),
		cmocka_unit_test(a_server_without_parts_sends_all),
		cmocka_unit_test(a_weak_name_is_none),
		cmocka_unit_test(what_lies_there_is_used_as_far_as_it_is_right),
		cmocka_unit_test(what_cannot_be_its_beginning_is_thrown_away),
		cmocka_unit_test(a_process_that_is_killed_leaves_what_it_had),
		cmocka_unit_test(of_many_processes_one_fetches),
		cmocka_unit_test(when_that_one_is_killed_the_next_takes_over),
		cmocka_unit_test(what_nobody_came_back_for_goes_after_a_week),
	};

	return cmocka_run_group_tests(tests, fill, NULL);
}
