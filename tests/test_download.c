#include "fetch/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "fetch/url.h"
#include "httpd.h"
#include "place.h"

static struct download of(const char *url, const char *content)
{
	return place_want(url, content, 0);
}

struct teller {
	struct download_progress base;
	uint64_t bytes, total;
	size_t done, were_there;
	const struct download *first;
	const struct place *place; /* or NULL */
};

static bool has_file(const struct place *p, const struct download *d)
{
	char path[80];

	snprintf(path, sizeof(path), "sha256/%s", digest_hex(&d->sha256).hex);
	return fs_exists(p->fd, path);
}

static void tell(struct download_progress *p, uint64_t bytes, uint64_t total, const struct download *done)
{
	struct teller *t = (struct teller *)p;

	t->bytes = bytes;
	t->total = total;
	t->first = t->first ? t->first : done;
	t->done += done != NULL;
	t->were_there += done && done->was_there;
	if (done && t->place)
		assert_true(has_file(t->place, done));
}

static void what_is_told_is_there(void **state)
{
	static const struct httpd_rule rules[] = { { .path = "/*", .status = 200, .body = "abcdef" } };
	struct httpd *s = httpd_start(rules, COUNT(rules));
	struct download d = of(httpd_url(s, "/x"), "abcdef");
	struct teller t = { .base = { tell } };
	struct err err = ERR_INIT;
	auto_place p = { 0 };

	(void)state;
	place_make(&p);
	t.place = &p;
	for (int with_md5 = 0; with_md5 < 2; with_md5++) {
		if (with_md5) { /* of "abcdef", by md5sum */
			d.has_sha256 = false;
			d.has_md5 = digest_hex_parse("e80b5017098950fc58aad83c8c14978e", d.md5, 16);
			assert_int_equal(fs_remove(p.fd, "sha256", &err), 0);
		}
		if (download_all(p.http, p.fd, &d, 1, false, &t.base, &err) < 0)
			fail_msg("%s", err.text);
		assert_int_equal(t.done, with_md5 + 1);
	}
	httpd_stop(s);
}

static void files_appear_under_their_digest_and_are_not_fetched_twice(void **state)
{
	static const struct httpd_rule rules[] = {
		{ .path = "/a", .status = 200, .body = "aaa" },
		{ .path = "/b", .status = 200, .body = "bbbbbb" },
		{ .path = "/a-again", .status = 200, .body = "aaa" },
	};
	struct httpd *s = httpd_start(rules, COUNT(rules));
	struct download d[] = { of(httpd_url(s, "/a"), "aaa"), of(httpd_url(s, "/b"), "bbbbbb"),
				of(httpd_url(s, "/a-again"), "aaa") };
	struct teller t = { .base = { tell } };
	struct err err = ERR_INIT;
	auto_place p = { 0 };

	(void)state;
	place_make(&p);
	for (int round = 0; round < 2; round++) {
		t = (struct teller){ .base = { tell } };
		if (download_all(p.http, p.fd, d, COUNT(d), round == 1, &t.base, &err) < 0)
			fail_msg("%s", err.text);
		place_expect(&p, &d[0], "aaa");
		place_expect(&p, &d[1], "bbbbbb");
		assert_int_equal(httpd_requests(s), 2);
		/* each is told, and whether it had to be fetched */
		assert_int_equal(t.done, 3);
		assert_int_equal(t.were_there, round ? 3 : 0);
		assert_int_equal(t.bytes, round ? 0 : 9);
		assert_int_equal(t.total, round ? 0 : 9);
	}
	assert_int_equal(place_files(&p, "sha256"), 2);
	assert_int_equal(place_files(&p, "part"), 0);
	httpd_stop(s);
}

static void several_are_fetched_at_once(void **state)
{
	struct httpd_rule rules[40];
	char names[COUNT(rules)][8];
	struct download d[COUNT(rules)];
	char urls[COUNT(rules)][80];
	struct httpd *s;
	struct err err = ERR_INIT;
	auto_place p = { 0 };

	(void)state;
	place_make(&p);
	for (size_t i = 0; i < COUNT(rules); i++) {
		snprintf(names[i], sizeof(names[i]), "/%zu", i);
		rules[i] = (struct httpd_rule){ .path = names[i], .status = 200, .body = names[i], .stall_ms = 300 };
	}
	s = httpd_start(rules, COUNT(rules));
	for (size_t i = 0; i < COUNT(d); i++) {
		snprintf(urls[i], sizeof(urls[i]), "%s", httpd_url(s, names[i]));
		d[i] = of(urls[i], names[i]);
	}
	if (download_all(p.http, p.fd, d, COUNT(d), false, NULL, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(httpd_requests(s), COUNT(d));
	assert_in_range(httpd_at_once(s), 8, 32);
	httpd_stop(s);
}

static void what_is_wanted_twice_is_fetched_once(void **state)
{
	static const struct httpd_rule rules[] = { { .path = "/*", .status = 200, .body = "same" } };
	struct httpd *s = httpd_start(rules, COUNT(rules));
	struct download d[5];
	struct teller t = { .base = { tell } };
	struct err err = ERR_INIT;
	auto_place p = { 0 };

	(void)state;
	place_make(&p);
	for (size_t i = 0; i < COUNT(d); i++) {
		d[i] = (struct download){ .url = httpd_url(s, "/x"), .fn = "x", .has_md5 = true };
		assert_true(digest_hex_parse("51037a4a37730f52c8732586d3aaa316", d[i].md5, 16)); /* md5sum of "same" */
	}
	d[4] = of(httpd_url(s, "/x"), "same");
	if (download_all(p.http, p.fd, d, COUNT(d), false, &t.base, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < COUNT(d); i++)
		place_expect(&p, &d[i], "same");
	assert_int_equal(t.done, COUNT(d));
	assert_int_equal(httpd_requests(s), 2); /* by its md5, by its sha256 */
	httpd_stop(s);
}

static void wrong_bytes_get_one_more_try_and_never_appear(void **state)
{
	static const struct httpd_rule rules[] = {
		{ .path = "/once", .status = 200, .body = "wrong", .times = 1 },
		{ .path = "/once", .status = 200, .body = "right" },
		{ .path = "/t/sesame/always", .status = 200, .body = "wrong" },
		{ .path = "/longer", .status = 200, .body = "right, and more" },
		{ .path = "/shorter", .status = 200, .body = "righ" },
	};
	struct httpd *s = httpd_start(rules, COUNT(rules));
	auto_free char *always = mem_printf("http://user:sesame@127.0.0.1:%d/t/sesame/always", httpd_port(s));
	struct download once = of(httpd_url(s, "/once"), "right"), wrong = of(always, "right");
	struct download longer = of(httpd_url(s, "/longer"), "right"), shorter = of(httpd_url(s, "/shorter"), "right");
	struct err err = ERR_INIT, err2 = ERR_INIT, err3 = ERR_INIT;
	auto_place p = { 0 };
	auto_free char *words = NULL;

	(void)state;
	place_make(&p);
	/* printf wrong | sha256sum; printf right | sha256sum */
	words = mem_printf("http://127.0.0.1:%d/always: is "
			   "sha256:8810ad581e59f2bc3928b261707a71308f7e139eb04820366dc4d5c18d980225, expected "
			   "sha256:27042f4e6eca7d0b2a7ee4026df2ecfa51d3339e6d122aa099118ecd8563bad9",
			   httpd_port(s));
	assert_int_equal(download_all(p.http, p.fd, &wrong, 1, false, NULL, &err), -1);
	assert_int_equal(err.code, ERR_INTEGRITY);
	assert_string_equal(err.text, words);
	assert_int_equal(httpd_hits(s, 2), 2);
	assert_int_equal(download_all(p.http, p.fd, &longer, 1, false, NULL, &err2), -1);
	assert_non_null(strstr(err2.text, "/longer: has more than the 5 bytes expected"));
	assert_int_equal(err2.code, ERR_INTEGRITY);
	assert_int_equal(download_all(p.http, p.fd, &shorter, 1, false, NULL, &err3), -1);
	assert_non_null(strstr(err3.text, "/shorter: has 4 bytes, expected 5"));
	assert_int_equal(place_files(&p, "sha256"), 0);
	err_clear(&err);
	if (download_all(p.http, p.fd, &once, 1, false, NULL, &err) < 0)
		fail_msg("%s", err.text);
	place_expect(&p, &once, "right");
	httpd_stop(s);
}

static void what_breaks_off_is_fetched_again(void **state)
{
	static const struct httpd_rule rules[] = {
		{ .path = "/x", .status = 200, .body = "hello world", .cut = 5, .times = 1 },
		{ .path = "/x", .status = 503, .times = 1 },
		{ .path = "/x", .status = 200, .body = "hello world" },
		{ .path = "/stall", .status = 200, .body = "hello world", .cut = 3, .stall_ms = 20000, .times = 1 },
		{ .path = "/stall", .status = 200, .body = "hello world" },
		{ .path = "/never", .status = 200, .body = "hello world", .cut = 5 },
	};
	struct httpd *s = httpd_start(rules, COUNT(rules));
	struct download x = of(httpd_url(s, "/x"), "hello world"), stall = of(httpd_url(s, "/stall"), "hello world");
	struct download never = of(httpd_url(s, "/never"), "hello world");
	struct teller t = { .base = { tell } };
	struct err err = ERR_INIT;

	(void)state;
	{
		auto_place p = { 0 };

		place_make(&p);
		if (download_all(p.http, p.fd, &x, 1, false, &t.base, &err) < 0)
			fail_msg("%s", err.text);
		place_expect(&p, &x, "hello world");
		assert_int_equal(t.bytes, 11);
	}
	{
		auto_place p = { 0 };

		place_make(&p);
		place_hurry(&p);
		if (download_all(p.http, p.fd, &stall, 1, false, NULL, &err) < 0)
			fail_msg("%s", err.text);
		place_expect(&p, &stall, "hello world");
	}
	{
		auto_place p = { 0 };

		place_make(&p);
		assert_int_equal(download_all(p.http, p.fd, &never, 1, false, NULL, &err), -1);
		assert_int_equal(err.code, ERR_NET);
		assert_int_equal(httpd_hits(s, 5), 3);
		assert_int_equal(place_files(&p, "sha256"), 0);
	}
	httpd_stop(s);
}

static void missing_offline_and_unverifiable_are_told_apart(void **state)
{
	static const struct httpd_rule rules[] = { { .path = "/ok", .status = 200, .body = "ok" } };
	struct httpd *s = httpd_start(rules, COUNT(rules));
	struct download gone = of(httpd_url(s, "/gone"), "gone"), ok = of(httpd_url(s, "/ok"), "ok");
	struct download bare = { .url = httpd_url(s, "/ok"), .fn = "x", .size = 2 };
	struct err a = ERR_INIT, b = ERR_INIT, c = ERR_INIT;
	auto_place p = { 0 };

	(void)state;
	place_make(&p);
	assert_int_equal(download_all(p.http, p.fd, &gone, 1, false, NULL, &a), -1);
	assert_int_equal(a.code, ERR_NET);
	assert_non_null(strstr(a.text, "/gone: is not there (404)"));
	assert_int_equal(download_all(p.http, p.fd, &ok, 1, true, NULL, &b), -1);
	assert_int_equal(b.code, ERR_NET);
	assert_non_null(strstr(b.text, "/ok: is not in the cache"));
	assert_int_equal(download_all(p.http, p.fd, &bare, 1, false, NULL, &c), -1);
	assert_int_equal(c.code, ERR_INTEGRITY);
	assert_non_null(strstr(c.text, "neither sha256 nor md5"));
	assert_int_equal(httpd_requests(s), 1);
	httpd_stop(s);
}

static void what_is_there_with_another_size_is_fetched_anew(void **state)
{
	static const struct httpd_rule rules[] = { { .path = "/x", .status = 200, .body = "hello" } };
	struct httpd *s = httpd_start(rules, COUNT(rules));
	struct download d = of(httpd_url(s, "/x"), "hello");
	auto_free char *path = mem_printf("sha256/%s", digest_hex(&d.sha256).hex);
	struct err err = ERR_INIT;
	auto_place p = { 0 };

	(void)state;
	place_make(&p);
	assert_int_equal(fs_mkdirs(p.fd, "sha256", &err), 0);
	assert_int_equal(fs_write(p.fd, path, "hel", 3, 0644, &err), 0);
	if (download_all(p.http, p.fd, &d, 1, false, NULL, &err) < 0)
		fail_msg("%s", err.text);
	place_expect(&p, &d, "hello");
	httpd_stop(s);
}

static void without_sha256_the_md5_decides_and_the_sha256_is_found(void **state)
{
	static const struct httpd_rule rules[] = { { .path = "/x", .status = 200, .body = "hello\n" } };
	struct httpd *s = httpd_start(rules, COUNT(rules));
	struct download d = { .url = httpd_url(s, "/x"), .fn = "x", .has_md5 = true }, again, bad;
	struct err err = ERR_INIT;
	auto_place p = { 0 };

	(void)state;
	place_make(&p);
	/* md5sum, sha256sum of "hello\n" */
	assert_true(digest_hex_parse("b1946ac92492d2347c6235b4d2611184", d.md5, 16));
	again = bad = d;
	if (download_all(p.http, p.fd, &d, 1, false, NULL, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(d.has_sha256);
	assert_string_equal(digest_hex(&d.sha256).hex,
			    "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03");
	place_expect(&p, &d, "hello\n");
	assert_int_equal(place_files(&p, "sha256"), 1);
	assert_int_equal(download_all(p.http, p.fd, &again, 1, true, NULL, &err), 0);
	assert_true(again.has_sha256 && digest_equal(&again.sha256, &d.sha256));
	assert_int_equal(httpd_requests(s), 1);
	bad.md5[0] ^= 1;
	assert_int_equal(download_all(p.http, p.fd, &bad, 1, false, NULL, &err), -1);
	assert_int_equal(err.code, ERR_INTEGRITY);
	assert_non_null(strstr(err.text, "is md5:b1946ac9"));
	httpd_stop(s);
}

static void local_files_are_copied_and_verified_also_offline(void **state)
{
	auto_place p = { 0 };
	struct err err = ERR_INIT;
	auto_free char *good = NULL, *none = NULL;
	struct download d[3], missing;

	(void)state;
	place_make(&p);
	assert_int_equal(fs_write(p.fd, "a b", "hello", 5, 0600, &err), 0);
	good = mem_printf("file://%s/a%%20b", p.dir);
	none = mem_printf("file://%s/none", p.dir);
	d[0] = d[1] = of(good, "hello");
	d[2] = of(good, "hallo");
	missing = of(none, "hello");
	assert_int_equal(download_all(p.http, p.fd, &missing, 1, true, NULL, &err), -1);
	assert_int_equal(err.code, ERR_IO);
	err_clear(&err);
	if (download_all(p.http, p.fd, d, 2, true, NULL, &err) < 0)
		fail_msg("%s", err.text);
	place_expect(&p, &d[0], "hello");
	assert_int_equal(download_all(p.http, p.fd, d, 3, true, NULL, &err), -1);
	assert_int_equal(err.code, ERR_INTEGRITY);
	assert_non_null(strstr(err.text, "/a%20b: is sha256:"));
	assert_int_equal(place_files(&p, "sha256"), 1);
}

static void a_local_file_is_taken_where_it_is_right(void **state)
{
	static const struct httpd_rule rules[] = { { .path = "/*", .status = 200, .body = "right" } };
	static const struct {
		const char *local; /* what is in the file, or NULL: there is none */
		bool offline;
		int rc;
		size_t requests;
	} rows[] = {
		{ "right", false, 0, 0 }, { "right", true, 0, 0 },
		{ "wrong", false, 0, 1 }, { "longer than that", false, 0, 1 },
		{ "", false, 0, 1 },	  { NULL, false, 0, 1 },
		{ "wrong", true, -1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (int with_md5 = 0; with_md5 < 2; with_md5++) {
			struct httpd *s = httpd_start(rules, COUNT(rules));
			struct download d = of(httpd_url(s, "/x"), "right");
			auto_free char *path = NULL;
			struct err err = ERR_INIT;
			auto_place p = { 0 };

			place_make(&p);
			path = mem_printf("%s/local", p.dir);
			if (rows[i].local)
				assert_int_equal(
					fs_write(p.fd, "local", rows[i].local, strlen(rows[i].local), 0644, &err), 0);
			d.local = path;
			if (with_md5) { /* of "right", by md5sum */
				d.has_sha256 = false;
				d.has_md5 = digest_hex_parse("7c4f29407893c334a6cb7a87bf045c0d", d.md5, 16);
				assert_true(d.has_md5);
			}
			if (download_all(p.http, p.fd, &d, 1, rows[i].offline, NULL, &err) != rows[i].rc)
				fail_msg("row %zu: %s", i, err.text);
			assert_int_equal(httpd_requests(s), rows[i].requests);
			if (rows[i].rc == 0)
				place_expect(&p, &d, "right");
			else
				assert_non_null(strstr(err.text, "is not in the cache"));
			httpd_stop(s);
		}
	}
}

static void processes_may_fetch_the_same(void **state)
{
	static const struct httpd_rule rules[] = { { .path = "/x", .status = 200, .body = "hello", .stall_ms = 100 } };
	struct httpd *s = httpd_start(rules, COUNT(rules));
	struct download d = of(httpd_url(s, "/x"), "hello");
	auto_place p = { 0 };
	pid_t pids[3];

	(void)state;
	place_make(&p);
	for (size_t i = 0; i < COUNT(pids); i++) {
		fflush(NULL);
		pids[i] = fork();
		if (pids[i] == 0) {
			struct err err = ERR_INIT;
			auto_http *h = http_new("condaimg-test/0");

			_exit(download_all(h, p.fd, &d, 1, false, NULL, &err) < 0);
		}
	}
	for (size_t i = 0; i < COUNT(pids); i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	place_expect(&p, &d, "hello");
	assert_int_equal(place_files(&p, "sha256"), 1);
	httpd_stop(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_told_is_there),
		cmocka_unit_test(files_appear_under_their_digest_and_are_not_fetched_twice),
		cmocka_unit_test(several_are_fetched_at_once),
		cmocka_unit_test(what_is_wanted_twice_is_fetched_once),
		cmocka_unit_test(wrong_bytes_get_one_more_try_and_never_appear),
		cmocka_unit_test(what_breaks_off_is_fetched_again),
		cmocka_unit_test(missing_offline_and_unverifiable_are_told_apart),
		cmocka_unit_test(what_is_there_with_another_size_is_fetched_anew),
		cmocka_unit_test(without_sha256_the_md5_decides_and_the_sha256_is_found),
		cmocka_unit_test(local_files_are_copied_and_verified_also_offline),
		cmocka_unit_test(a_local_file_is_taken_where_it_is_right),
		cmocka_unit_test(processes_may_fetch_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
