/* Servers that fail in every way: the right number of tries, the right sentence, and nothing half-written. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/codec.h"
#include "httpd.h"
#include "place.h"

#define WANT "hello world"

struct row {
	const char *what;
	struct httpd_rule rules[3]; /* of one path, in order */
	enum err_code code; /* ERR_NONE: it comes in the end */
	const char *words;
	unsigned requests; /* 0: not counted */
};

static const struct row rows[] = {
	{ "no answer", { { .status = 0 } }, ERR_NET, "the answer ends early", 3 },
	{ "no answer at first", { { .status = 0, .times = 2 }, { .status = 200, .body = WANT } }, ERR_NONE, NULL, 3 },
	{ "truncated", { { .status = 200, .body = WANT, .cut = 5 } }, ERR_NET, "the answer ends early", 3 },
	{ "truncated at first",
	  { { .status = 200, .body = WANT, .cut = 5, .times = 2 }, { .status = 200, .body = WANT } },
	  ERR_NONE,
	  NULL,
	  3 },
	{ "reset in the body, then from there",
	  { { .status = 200, .body = WANT, .cut = 5, .times = 1 }, { .status = 200, .body = WANT, .ranges = true } },
	  ERR_NONE,
	  NULL,
	  2 },
	{ "a length that is too long", { { .status = 200, .body = WANT, .claim = 20 } }, ERR_NONE, NULL, 1 },
	{ "a length that is too short",
	  { { .status = 200, .body = WANT, .claim = 5 } },
	  ERR_INTEGRITY,
	  "has 5 bytes, expected 11",
	  2 },
	{ "other bytes",
	  { { .status = 200, .body = "hello worlt" } },
	  ERR_INTEGRITY,
	  "expected sha256:b94d27b9934d",
	  2 },
	{ "other bytes at first",
	  { { .status = 200, .body = "hello worlt", .times = 1 },
	    { .status = 200, .body = WANT, .needs = "\r\nCache-Control: no-cache\r\n" } },
	  ERR_NONE,
	  NULL,
	  2 },
	{ "more bytes", { { .status = 200, .body = WANT "!" } }, ERR_INTEGRITY, "more than the 11 bytes expected", 2 },
	{ "bytes without end",
	  { { .status = 200, .body = WANT, .endless = true } },
	  ERR_INTEGRITY,
	  "more than the 11",
	  2 },
	{ "nothing at all", { { .status = 200, .body = NULL } }, ERR_INTEGRITY, "has 0 bytes, expected 11", 2 },
	{ "a part that nobody asked for", { { .status = 206, .body = WANT } }, ERR_NET, "another part", 1 },
	{ "a storm of 429", { { .status = 429 } }, ERR_NET, "answers 429, expected 200 (tried 3 times)", 3 },
	{ "a storm of 503", { { .status = 503 } }, ERR_NET, "answers 503, expected 200 (tried 3 times)", 3 },
	{ "a storm that passes",
	  { { .status = 429, .times = 1 }, { .status = 503, .times = 1 }, { .status = 200, .body = WANT } },
	  ERR_NONE,
	  NULL,
	  3 },
	{ "a wait that is too long",
	  { { .status = 503, .headers = "Retry-After: 3600\r\n" } },
	  ERR_NET,
	  "wants us back in 3600 seconds, which is too long to wait",
	  1 },
	{ "408 and 500",
	  { { .status = 408, .times = 1 }, { .status = 500, .times = 1 }, { .status = 200, .body = WANT } },
	  ERR_NONE,
	  NULL,
	  3 },
	{ "401", { { .status = 401 } }, ERR_NET, "answers 401: it wants other credentials", 1 },
	{ "403", { { .status = 403 } }, ERR_NET, "answers 403: it wants other credentials", 1 },
	{ "404", { { .status = 404 } }, ERR_NET, "is not there (404)", 1 },
	{ "410", { { .status = 410 } }, ERR_NET, "answers 410", 1 },
	{ "501", { { .status = 501 } }, ERR_NET, "answers 501", 1 },
	{ "redirects in a circle",
	  { { .status = 302, .headers = "Location: /x\r\n" } },
	  ERR_NET,
	  "redirects without end: more than 10",
	  11 },
	{ "a redirect to nowhere", { { .status = 302 } }, ERR_NET, "answers 302", 1 },
	{ "a redirect to a file",
	  { { .status = 302, .headers = "Location: file:///etc/passwd\r\n" } },
	  ERR_NET,
	  "a protocol other than http and https",
	  1 },
	{ "headers without end",
	  { { .status = 200, .body = WANT, .flood = 1 << 20 } },
	  ERR_LIMIT,
	  "bytes of headers",
	  1 },
	{ "not in time", { { .status = 200, .body = WANT, .stall_ms = 20000 } }, ERR_NET, "timed out", 3 },
	{ "silence in the body, then from there",
	  { { .status = 200, .body = WANT, .cut = 5, .stall_ms = 20000, .times = 1 },
	    { .status = 200, .body = WANT, .ranges = true } },
	  ERR_NONE,
	  NULL,
	  2 },
	{ "a drip that ends", { { .status = 200, .body = WANT, .drip_ms = 20 } }, ERR_NONE, NULL, 1 },
};

static void each_fault_has_its_tries_and_its_sentence(void **state)
{
	unsigned bad = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *r = &rows[i];
		struct httpd_rule rules[COUNT(r->rules)];
		struct httpd *s;
		struct err err = ERR_INIT;
		auto_place p = { 0 };
		struct download d;

		place_make(&p);
		if (r->rules[0].stall_ms)
			place_hurry(&p);
		for (size_t k = 0; k < COUNT(rules); k++) {
			rules[k] = r->rules[k];
			rules[k].path = "/x";
		}
		s = httpd_start(rules, COUNT(rules));
		d = place_want(httpd_url(s, "/x"), WANT, 0);
		download_all(p.http, p.fd, &d, 1, false, NULL, &err);
		if (err.code != r->code || (r->words && !strstr(err.text, r->words)) ||
		    httpd_requests(s) != r->requests) {
			print_error("%s: %u requests, error %d '%s'\n", r->what, httpd_requests(s), err.code, err.text);
			bad++;
		}
		if (!err.code)
			place_expect(&p, &d, WANT);
		assert_int_equal(place_files(&p, "sha256"), err.code ? 0 : 1);
		assert_int_equal(place_files(&p, "part"), 0);
		httpd_stop(s);
	}
	assert_int_equal(bad, 0);
}

static void a_refused_connection_is_said_so(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	auto_fd fd = socket(AF_INET, SOCK_STREAM, 0);
	auto_free char *url = NULL;
	struct err err = ERR_INIT;
	struct download d;
	auto_place p = { 0 };

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0); /* a port of ours where nobody listens */
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	url = mem_printf("http://127.0.0.1:%d/x", ntohs(at.sin_port));
	place_make(&p);
	d = place_want(url, WANT, 0);
	assert_int_equal(download_all(p.http, p.fd, &d, 1, false, NULL, &err), -1);
	assert_int_equal(err.code, ERR_NET);
	assert_non_null(strstr(err.text, "/x: cannot connect: "));
	assert_non_null(strstr(err.text, "(tried 3 times)"));
	assert_int_equal(place_files(&p, "sha256") + place_files(&p, "part"), 0);
}

/* 100 bytes a second is the least; each try gets a second here. */
static void a_drip_that_is_too_slow_is_left(void **state)
{
	static char body[200];
	const struct httpd_rule rules[] = {
		{ .path = "/x", .status = 200, .body = body, .len = sizeof(body), .drip_ms = 50 },
	};
	struct httpd *s = httpd_start(rules, COUNT(rules));
	struct download d = place_want(httpd_url(s, "/x"), body, sizeof(body));
	struct err err = ERR_INIT;
	auto_place p = { 0 };

	(void)state;
	place_make(&p);
	place_hurry(&p);
	assert_int_equal(download_all(p.http, p.fd, &d, 1, false, NULL, &err), -1);
	assert_non_null(strstr(err.text, "timed out"));
	assert_int_equal(httpd_requests(s), 3);
	httpd_stop(s);
}

static void a_server_may_say_when_as_seconds_or_as_a_date(void **state)
{
	char date[80];
	time_t then = time(NULL) + 3;
	struct tm tm;
	struct httpd_rule rules[] = {
		{ .path = "/s", .status = 429, .headers = "Retry-After: 1\r\n", .times = 1 },
		{ .path = "/s", .status = 200, .body = WANT },
		{ .path = "/d", .status = 503, .headers = date, .times = 1 },
		{ .path = "/d", .status = 200, .body = "hello" },
	};
	struct httpd *s;
	struct download d[2];
	struct timespec a, b;
	struct err err = ERR_INIT;
	auto_place p = { 0 };

	(void)state;
	strftime(date, sizeof(date), "Retry-After: %a, %d %b %Y %H:%M:%S GMT\r\n", gmtime_r(&then, &tm));
	s = httpd_start(rules, COUNT(rules));
	d[0] = place_want(httpd_url(s, "/s"), WANT, 0);
	d[1] = place_want(httpd_url(s, "/d"), "hello", 0);
	place_make(&p);
	clock_gettime(CLOCK_MONOTONIC, &a);
	if (download_all(p.http, p.fd, d, COUNT(d), false, NULL, &err) < 0)
		fail_msg("%s", err.text);
	clock_gettime(CLOCK_MONOTONIC, &b);
	assert_in_range(b.tv_sec - a.tv_sec, 1, 5); /* the longer of the two, a second more or less */
	place_expect(&p, &d[1], "hello");
	httpd_stop(s);
}

static void get(const struct httpd_rule *rule, uint64_t max, struct err *err)
{
	struct httpd *s = httpd_start(rule, 1);
	struct http_answer answer;
	auto_arena a = { 0 };
	auto_place p = { 0 };
	auto_sink *out = sink_null();

	place_make(&p);
	http_get(p.http, &a, &(struct http_request){ .url = httpd_url(s, "/x"), .max = max, .squeeze = true }, out,
		 &answer, err);
	httpd_stop(s);
}

static void what_grows_on_the_way_has_its_limit_too(void **state)
{
	auto_free char *zeros = mem_array(1 << 20, 1);
	auto_buf small = { 0 };
	struct codec gzip = { CODEC_GZIP, 9 };
	auto_sink *out = sink_codec(sink_buf(&small), &gzip); /* one member: curl reads no second */
	struct err err = ERR_INIT;
	struct httpd_rule rule = { .path = "/x", .status = 200, .headers = "Content-Encoding: gzip\r\n" };

	(void)state;
	assert_int_equal(sink_write(out, zeros, 1 << 20, &err), 0);
	assert_int_equal(sink_finish(out, &err), 0);
	assert_true(small.n < 100000);
	rule.body = small.p;
	rule.len = small.n;
	get(&rule, 1 << 20, &err);
	assert_int_equal(err.code, ERR_NONE);
	get(&rule, (1 << 20) - 1, &err);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_non_null(strstr(err.text, "is larger than 1048575 bytes"));
	err_clear(&err);
	rule.body = "this is not gzip";
	rule.len = 0;
	get(&rule, 1000, &err);
	assert_int_equal(err.code, ERR_NET);
	assert_non_null(strstr(err.text, "compressed in a way that cannot be undone"));
	err_clear(&err);
	rule = (struct httpd_rule){ .path = "/x", .status = 200, .body = "on and on ", .endless = true };
	get(&rule, 1 << 20, &err);
	assert_int_equal(err.code, ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_fault_has_its_tries_and_its_sentence),
		cmocka_unit_test(a_refused_connection_is_said_so),
		cmocka_unit_test(a_drip_that_is_too_slow_is_left),
		cmocka_unit_test(a_server_may_say_when_as_seconds_or_as_a_date),
		cmocka_unit_test(what_grows_on_the_way_has_its_limit_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
