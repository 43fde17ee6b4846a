#include "channels/repodata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/codec.h"
#include "base/fs.h"
#include "base/str.h"
#include "httpd.h"

static void expect_files(const struct index *ix, const char *want)
{
	auto_buf got = { 0 };

	for (size_t i = 0; i < ix->n; i++)
		buf_addf(&got, "%s%s", i ? " " : "", ix->records[i].fn);
	assert_string_equal(buf_cstr(&got), want);
}

struct place {
	char dir[40];
	int fd;
	struct http *http;
};

static void place_make(struct place *p)
{
	struct err err = ERR_INIT;

	snprintf(p->dir, sizeof(p->dir), "/tmp/test_repodata.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	p->fd = fs_opendir_existing(AT_FDCWD, p->dir, &err);
	assert_true(p->fd >= 0);
	p->http = http_new("condaimg-test/0");
	http_set_patience(p->http,
			  &(struct http_patience){ .connect_ms = 2000, .stall_s = 2, .tries = 2, .backoff_ms = 10 });
}

static void place_drop(struct place *p)
{
	struct err err = ERR_INIT;

	http_free(p->http);
	close(p->fd);
	assert_int_equal(fs_remove(AT_FDCWD, p->dir, &err), 0);
}

#define auto_place CLEANUP(place_drop) struct place

/* The records of everything in the channels given, or the sentence why not. q says the rest. */
static int load_as(struct place *p, const char *const *texts, size_t n, struct repodata_request q, struct index *ix,
		   struct err *err)
{
	static const char *const names[] = { "*" };
	auto_arena a = { 0 };
	auto_free struct channel *list = NULL;

	q.subdir = "linux-64";
	q.names = names;
	q.n_names = 1;
	for (size_t i = 0; i < n; i++)
		assert_int_equal(channel_resolve(&a, texts[i], p->dir, &list, &q.n_channels, err), 0);
	q.channels = list;
	return repodata_load(p->http, &q, ix, NULL, err);
}

static int load(struct place *p, const char *const *texts, size_t n, bool cache, bool offline, struct index *ix,
		struct err *err)
{
	struct repodata_request q = { .cachefd = cache ? p->fd : -1, .offline = offline };

	return load_as(p, texts, n, q, ix, err);
}

static char *zst(const char *text, size_t *n)
{
	struct buf b = { 0 };
	struct codec codec = CODEC_ZSTD_DEFAULT;
	struct err err = ERR_INIT;
	auto_sink *out = sink_codec(sink_buf(&b), &codec);

	assert_int_equal(sink_write(out, text, strlen(text), &err), 0);
	assert_int_equal(sink_finish(out, &err), 0);
	*n = b.n;
	return buf_detach(&b);
}

/* A document of one record. */
#define DOC(n)                                \
	"{\"packages\":{\"" n "-1-0.conda\":" \
	"{\"name\":\"" n "\",\"version\":\"1\",\"build\":\"0\",\"build_number\":0}}}"

static void repodata_is_fetched_once_and_then_asked_for_by_etag(void **state)
{
	size_t n;
	auto_free char *packed = zst(DOC("a"), &n);
	const struct httpd_rule rules[] = {
		{ .path = "/ch/linux-64/repodata.json.zst",
		  .status = 200,
		  .body = packed,
		  .len = n,
		  .headers = "ETag: \"e1\"\r\n" },
		{ .path = "/ch/noarch/repodata.json",
		  .status = 200,
		  .body = DOC("b"),
		  .headers = "Last-Modified: Tue, 18 Sep 2018 02:51:00 GMT\r\n" },
	};
	struct httpd *s = httpd_start(rules, COUNT(rules));
	const char *texts[] = { httpd_url(s, "/ch") };
	auto_place p = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	place_make(&p);
	for (int round = 0; round < 3; round++) {
		auto_index ix = { 0 };

		/* the last one without the network */
		if (load(&p, texts, 1, true, round == 2, &ix, &err) < 0)
			fail_msg("%s", err.text);
		expect_files(&ix, "a-1-0.conda b-1-0.conda");
	}
	/* once: linux-64 shards, .zst; noarch shards, .zst, .bz2, .json; then what was found, conditionally */
	assert_int_equal(httpd_requests(s), 6 + 2);
	assert_int_equal(httpd_hits(s, 0), 2);
	httpd_stop(s);
}

static void a_body_that_is_not_what_its_state_says_is_fetched_anew(void **state)
{
	const struct httpd_rule rules[] = {
		{ .path = "/ch/noarch/repodata.json", .status = 200, .body = DOC("b"), .headers = "ETag: \"e1\"\r\n" },
	};
	struct httpd *s = httpd_start(rules, COUNT(rules));
	const char *texts[] = { httpd_url(s, "/ch") };
	auto_arena a = { 0 };
	auto_place p = { 0 };
	struct err err = ERR_INIT;
	const char *const *names;
	size_t n;

	(void)state;
	place_make(&p);
	for (int round = 0; round < 2; round++) {
		auto_index ix = { 0 };

		if (load(&p, texts, 1, true, false, &ix, &err) < 0)
			fail_msg("%s", err.text);
		expect_files(&ix, "b-1-0.conda");
		assert_int_equal(fs_list(&a, p.fd, "repodata", &names, &n, &err), 0);
		for (size_t i = 0; i < n; i++)
			if (str_ends(names[i], ".body"))
				assert_int_equal(
					fs_write(p.fd, arena_printf(&a, "repodata/%s", names[i]), "{}", 2, 0644, &err),
					0);
	}
	{
		auto_index ix = { 0 };

		assert_int_equal(load(&p, texts, 1, true, true, &ix, &err), -1);
		assert_non_null(strstr(err.text, "not in the cache"));
	}
	httpd_stop(s);
}

static void a_missing_platform_is_empty_and_a_missing_noarch_no_channel(void **state)
{
	const struct httpd_rule rules[] = {
		{ .path = "/ch/noarch/repodata.json", .status = 200, .body = DOC("b") },
		{ .path = "/half/linux-64/repodata.json", .status = 200, .body = DOC("b") },
	};
	struct httpd *s = httpd_start(rules, COUNT(rules));
	auto_free char *half = mem_printf("http://user:sesame@127.0.0.1:%d/half", httpd_port(s));
	const char *texts[] = { httpd_url(s, "/ch"), half };
	auto_place p = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	place_make(&p);
	for (int round = 0; round < 2; round++) {
		auto_index ix = { 0 };

		assert_int_equal(load(&p, texts, 1, true, round == 1, &ix, &err), 0);
		expect_files(&ix, "b-1-0.conda");
	}
	for (int round = 0; round < 2; round++) {
		auto_index ix = { 0 };

		assert_int_equal(load(&p, texts, 2, true, round == 1, &ix, &err), -1);
		assert_int_equal(err.code, ERR_NET);
		assert_non_null(strstr(err.text, "/half is no conda channel: there is no http"));
		assert_null(strstr(err.text, "sesame"));
		err_clear(&err);
	}
	httpd_stop(s);
}

static void what_another_cache_knows_is_taken_over(void **state)
{
	size_t n;
	auto_free char *packed = zst(DOC("a"), &n);
	const struct httpd_rule rules[] = {
		{ .path = "/ch/linux-64/repodata.json.zst",
		  .status = 200,
		  .body = packed,
		  .len = n,
		  .headers = "ETag: \"e1\"\r\n" },
		{ .path = "/ch/noarch/repodata.json", .status = 200, .body = DOC("b"), .headers = "ETag: \"e2\"\r\n" },
	};
	struct httpd *s = httpd_start(rules, COUNT(rules));
	const char *texts[] = { httpd_url(s, "/ch") };
	auto_place below = { 0 }, p = { 0 }, empty = { 0 };
	struct err err = ERR_INIT;
	unsigned asked;

	(void)state;
	place_make(&below);
	place_make(&p);
	place_make(&empty);
	{
		auto_index ix = { 0 };

		assert_int_equal(load(&below, texts, 1, true, false, &ix, &err), 0);
	}
	asked = httpd_requests(s);
	for (int round = 0; round < 3; round++) {
		struct repodata_request q = { .cachefd = p.fd, .offline = round < 2, .n_lower = 3 };
		auto_index ix = { 0 };

		/* the second and third time it is its own */
		q.lower = (const int[]){ -1, empty.fd, round ? -1 : below.fd };
		if (load_as(&p, texts, 1, q, &ix, &err) < 0)
			fail_msg("%s", err.text);
		expect_files(&ix, "a-1-0.conda b-1-0.conda");
	}
	/* what is missing is known, what is there was asked for by its ETag */
	assert_int_equal(httpd_requests(s), asked + 2);
	assert_int_equal(faccessat(empty.fd, "repodata", F_OK, 0), -1);
	httpd_stop(s);
}

static void how_long_a_server_is_not_asked_can_be_said(void **state)
{
	static const struct {
		const char *headers;
		int ttl;
		unsigned hits;
	} rows[] = {
		{ "ETag: \"e\"\r\nCache-Control: max-age=600\r\n", 0, 1 },
		{ "ETag: \"e\"\r\nCache-Control: max-age=600\r\n", -1, 2 },
		{ "ETag: \"e\"\r\nCache-Control: no-cache\r\n", 0, 2 },
		{ "ETag: \"e\"\r\nCache-Control: no-cache\r\n", 600, 1 },
		{ "ETag: \"e\"\r\n", 600, 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct httpd_rule rule = {
			.path = "/ch/noarch/repodata.json", .status = 200, .body = DOC("b"), .headers = rows[i].headers
		};
		struct httpd *s = httpd_start(&rule, 1);
		const char *texts[] = { httpd_url(s, "/ch") };
		auto_place p = { 0 };
		struct err err = ERR_INIT;

		place_make(&p);
		for (int round = 0; round < 2; round++) {
			struct repodata_request q = { .cachefd = p.fd, .ttl = rows[i].ttl };
			auto_index ix = { 0 };

			assert_int_equal(load_as(&p, texts, 1, q, &ix, &err), 0);
		}
		assert_int_equal(httpd_hits(s, 0), rows[i].hits);
		httpd_stop(s);
	}
}

static void forms_can_be_left_out(void **state)
{
	size_t n;
	auto_free char *packed = zst(DOC("a"), &n);
	const struct httpd_rule rules[] = {
		{ .path = "/ch/noarch/repodata_shards.msgpack.zst", .status = 200, .body = "x" },
		{ .path = "/ch/noarch/repodata.json.zst", .status = 200, .body = packed, .len = n },
		{ .path = "/ch/noarch/repodata.json", .status = 200, .body = DOC("b") },
	};
	struct httpd *s = httpd_start(rules, COUNT(rules));
	const char *texts[] = { httpd_url(s, "/ch") };
	auto_place p = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	place_make(&p);
	for (int zst = 0; zst < 2; zst++) {
		struct repodata_request q = { .cachefd = p.fd, .no_shards = true, .no_zst = !zst };
		auto_index ix = { 0 };

		assert_int_equal(load_as(&p, texts, 1, q, &ix, &err), 0);
		expect_files(&ix, zst ? "a-1-0.conda" : "b-1-0.conda");
	}
	assert_int_equal(httpd_hits(s, 0), 0);
	httpd_stop(s);
}

#define PAGE "<!DOCTYPE html>\n<html><title>Sign in</title></html>"

/* Catch-all pages of web servers, login pages of networks: 200, whatever was asked for. */
static void a_page_for_people_is_no_repodata(void **state)
{
	const struct httpd_rule rules[] = {
		{ .path = "/ch/noarch/repodata.json", .status = 200, .body = DOC("b") },
		{ .path = "/ch/linux-64/repodata.json", .status = 200, .body = "" },
		{ .path = "/json/noarch/repodata.json*", .status = 200, .body = DOC("c") },
		{ .path = "/json/linux-64/repodata.json", .status = 200, .body = DOC("d") },
		{ .path = "/*", .status = 200, .body = "\xef\xbb\xbf \n" PAGE },
	};
	struct httpd *s = httpd_start(rules, COUNT(rules));
	const char *texts[] = { httpd_url(s, "/ch"), httpd_url(s, "/json"), httpd_url(s, "/portal") };
	auto_place p = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	place_make(&p);
	for (int round = 0; round < 4; round++) {
		auto_index ix = { 0 };

		if (load(&p, texts, 2, round > 0, round == 3, &ix, &err) < 0)
			fail_msg("%s", err.text);
		expect_files(&ix, "b-1-0.conda c-1-0.conda d-1-0.conda");
	}
	for (int cache = 0; cache < 2; cache++) {
		auto_index ix = { 0 };

		assert_int_equal(load(&p, texts, 3, cache, false, &ix, &err), -1);
		assert_int_equal(err.code, ERR_NET);
		assert_non_null(strstr(err.text, "/portal/"));
		assert_non_null(
			strstr(err.text, "repodata.json: the answer is a page for people (HTML), not repodata"));
		err_clear(&err);
	}
	httpd_stop(s);
}

static void nothing_of_the_cache_tells_a_secret(void **state)
{
	const struct httpd_rule rules[] = {
		{ .path = "/t/sesame/ch/noarch/repodata.json",
		  .status = 200,
		  .body = DOC("b"),
		  .needs = "Authorization: Basic dXNlcjpzZXNhbWU=" },
		{ .path = "/t/sesame/bad/noarch/repodata.json", .status = 200, .body = "{\"a\"" },
	};
	struct httpd *s = httpd_start(rules, COUNT(rules));
	auto_free char *good = mem_printf("http://user:sesame@127.0.0.1:%d/t/sesame/ch", httpd_port(s));
	auto_free char *bad = mem_printf("http://user:sesame@127.0.0.1:%d/t/sesame/bad", httpd_port(s));
	auto_free char *want = mem_printf("http://127.0.0.1:%d/ch/noarch/b-1-0.conda", httpd_port(s));
	const char *texts[] = { good, bad };
	auto_arena a = { 0 };
	auto_place p = { 0 };
	auto_index ix = { 0 }, none = { 0 };
	struct err err = ERR_INIT;
	const char *const *names;
	size_t n;

	(void)state;
	place_make(&p);
	if (load(&p, texts, 1, true, false, &ix, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(ix.records[0].url, want);
	assert_int_equal(load(&p, texts, 2, true, false, &none, &err), -1);
	assert_non_null(strstr(err.text, "/bad/noarch/repodata.json: line 1, byte 4"));
	assert_null(strstr(err.text, "sesame"));
	err_clear(&err);
	assert_int_equal(fs_list(&a, p.fd, "repodata", &names, &n, &err), 0);
	assert_true(n > 2);
	for (size_t i = 0; i < n; i++) {
		auto_buf b = { 0 };

		assert_int_equal(fs_read(p.fd, arena_printf(&a, "repodata/%s", names[i]), 1 << 20, &b, &err), 0);
		assert_null(strstr(buf_cstr(&b), "sesame"));
	}
	httpd_stop(s);
}

static void a_local_channel_is_read_in_place(void **state)
{
	static const char *const texts[] = { "./ch" };
	auto_place p = { 0 };
	auto_index ix = { 0 }, offline = { 0 }, none = { 0 };
	auto_free char *packed = NULL;
	auto_arena a = { 0 };
	struct err err = ERR_INIT;
	const char *const *names;
	size_t n, n_names;

	(void)state;
	place_make(&p);
	assert_int_equal(load(&p, texts, 1, true, false, &none, &err), -1);
	assert_non_null(strstr(err.text, "is no conda channel"));
	err_clear(&err);
	packed = zst(DOC("a"), &n);
	assert_int_equal(fs_mkdirs(p.fd, "ch/noarch", &err), 0);
	assert_int_equal(fs_mkdirs(p.fd, "ch/linux-64", &err), 0);
	assert_int_equal(fs_write(p.fd, "ch/noarch/repodata.json", DOC("b"), strlen(DOC("b")), 0644, &err), 0);
	assert_int_equal(fs_write(p.fd, "ch/linux-64/repodata.json.zst", packed, n, 0644, &err), 0);
	assert_int_equal(fs_write(p.fd, "ch/linux-64/repodata.json", DOC("old"), strlen(DOC("old")), 0644, &err), 0);
	if (load(&p, texts, 1, true, false, &ix, &err) < 0)
		fail_msg("%s", err.text);
	expect_files(&ix, "a-1-0.conda b-1-0.conda");
	assert_int_equal(load(&p, texts, 1, false, true, &offline, &err), 0);
	assert_int_equal(fs_list(&a, p.fd, "repodata", &names, &n_names, &err), 0);
	for (size_t i = 0; i < n_names; i++)
		assert_true(str_ends(names[i], ".packed"));
	assert_int_equal(n_names, 2);
	/* cut in the middle of a frame */
	assert_int_equal(fs_write(p.fd, "ch/linux-64/repodata.json.zst", packed, n - 5, 0644, &err), 0);
	assert_int_equal(load(&p, texts, 1, false, true, &none, &err), -1);
	assert_int_equal(err.code, ERR_FORMAT);
	assert_non_null(strstr(err.text, "/ch/linux-64/repodata.json.zst: zstd data"));
}

static void a_channel_may_name_its_subdir(void **state)
{
	const struct httpd_rule rules[] = {
		{ .path = "/ch/linux-64/repodata.json", .status = 200, .body = DOC("l") },
		{ .path = "/ch/osx-64/repodata.json", .status = 200, .body = DOC("o") },
		{ .path = "/ch/noarch/repodata.json", .status = 200, .body = DOC("n") },
	};
	static const struct {
		const char *path, *files;
	} rows[] = {
		{ "/ch", "l-1-0.conda n-1-0.conda" },
		{ "/ch/linux-64", "l-1-0.conda n-1-0.conda" },
		{ "/ch/noarch", "n-1-0.conda" },
		{ "/ch/osx-64", "n-1-0.conda" },
	};
	struct httpd *s = httpd_start(rules, COUNT(rules));
	auto_place p = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	place_make(&p);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *texts[] = { httpd_url(s, rows[i].path) };
		auto_index ix = { 0 };

		if (load(&p, texts, 1, false, false, &ix, &err) < 0)
			fail_msg("%s", err.text);
		expect_files(&ix, rows[i].files);
	}
	httpd_stop(s);
}

/* Two versions of one document come and go while several processes read and write one cache. */
static void processes_share_a_cache(void **state)
{
	const struct httpd_rule rules[] = {
		{ .path = "/ch/noarch/repodata.json",
		  .status = 200,
		  .body = DOC("b"),
		  .times = 1,
		  .headers = "ETag: \"1\"\r\n" },
		{ .path = "/ch/noarch/repodata.json",
		  .status = 200,
		  .body = DOC("bb"),
		  .times = 1,
		  .headers = "ETag: \"2\"\r\n" },
		{ .path = "/ch/noarch/repodata.json",
		  .status = 200,
		  .body = DOC("b"),
		  .times = 3,
		  .headers = "ETag: \"1\"\r\n" },
		{ .path = "/ch/noarch/repodata.json",
		  .status = 200,
		  .body = DOC("bb"),
		  .times = 3,
		  .headers = "ETag: \"2\"\r\n" },
		{ .path = "/ch/noarch/repodata.json", .status = 200, .body = DOC("bbb"), .headers = "ETag: \"3\"\r\n" },
	};
	struct httpd *s = httpd_start(rules, COUNT(rules));
	const char *texts[] = { httpd_url(s, "/ch") };
	auto_place p = { 0 };
	struct err err = ERR_INIT;
	auto_index ix = { 0 };
	pid_t pids[4];

	(void)state;
	place_make(&p);
	for (size_t i = 0; i < COUNT(pids); i++) {
		fflush(NULL);
		pids[i] = fork();
		if (pids[i])
			continue;
		for (int round = 0; round < 5; round++) {
			auto_index one_ix = { 0 };

			if (load(&p, texts, 1, true, false, &one_ix, &err) < 0 || one_ix.n != 1)
				_exit(1);
		}
		_exit(0);
	}
	for (size_t i = 0; i < COUNT(pids); i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(load(&p, texts, 1, true, false, &ix, &err), 0);
	expect_files(&ix, "bbb-1-0.conda");
	httpd_stop(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repodata_is_fetched_once_and_then_asked_for_by_etag),
		cmocka_unit_test(a_body_that_is_not_what_its_state_says_is_fetched_anew),
		cmocka_unit_test(a_missing_platform_is_empty_and_a_missing_noarch_no_channel),
		cmocka_unit_test(what_another_cache_knows_is_taken_over),
		cmocka_unit_test(how_long_a_server_is_not_asked_can_be_said),
		cmocka_unit_test(forms_can_be_left_out),
		cmocka_unit_test(a_page_for_people_is_no_repodata),
		cmocka_unit_test(nothing_of_the_cache_tells_a_secret),
		cmocka_unit_test(a_local_channel_is_read_in_place),
		cmocka_unit_test(a_channel_may_name_its_subdir),
		cmocka_unit_test(processes_share_a_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
