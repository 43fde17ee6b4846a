#include "fetch/http.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/str.h"
#include "fetch/url.h"
#include "httpd.h"

/* Waits that a test can wait for. */
static struct http *quick(void)
{
	struct http *h = http_new("condaimg-test/0");

	http_set_patience(h,
			  &(struct http_patience){ .connect_ms = 2000, .stall_s = 30, .tries = 3, .backoff_ms = 10 });
	return h;
}

struct got {
	int rc;
	struct http_answer answer;
	struct buf body;
	struct err err;
	struct arena arena;
};

static struct got get(const char *url, const char *etag, const char *modified, uint64_t max)
{
	auto_http *h = quick();
	struct got g = { 0 };
	struct buf body = { 0 };
	auto_sink *out = sink_buf(&body);

	g.rc = http_get(h, &g.arena,
			&(struct http_request){ .url = url, .etag = etag, .last_modified = modified, .max = max }, out,
			&g.answer, &g.err);
	g.body = body;
	return g;
}

static void drop(struct got *g)
{
	buf_release(&g->body);
	arena_release(&g->arena);
}

#define auto_got CLEANUP(drop) struct got

static void a_page_comes_with_its_validators(void **state)
{
	static const struct httpd_rule rules[] = {
		{ .path = "/x",
		  .status = 200,
		  .body = "hello",
		  .needs = "User-Agent: condaimg-test/0\r\n",
		  .headers =
			  "ETag: \"e1\"\r\nLast-Modified: Tue, 18 Sep 2018 02:51:00 GMT\r\nCache-Control: max-age=30\r\n" },
	};
	struct httpd *s = httpd_start(rules, COUNT(rules));
	auto_got g = get(httpd_url(s, "/x"), NULL, NULL, 100);

	(void)state;
	assert_int_equal(g.rc, 0);
	assert_int_equal(g.answer.status, 200);
	assert_string_equal(buf_cstr(&g.body), "hello");
	assert_string_equal(g.answer.etag, "\"e1\"");
	assert_string_equal(g.answer.last_modified, "Tue, 18 Sep 2018 02:51:00 GMT");
	assert_string_equal(g.answer.cache_control, "max-age=30");
	httpd_stop(s);
}

static void what_did_not_change_is_304_without_a_body(void **state)
{
	static const struct httpd_rule rules[] = {
		{ .path = "/x",
		  .status = 200,
		  .body = "hello",
		  .headers = "ETag: \"e1\"\r\nLast-Modified: yesterday\r\n" },
	};
	struct httpd *s = httpd_start(rules, COUNT(rules));
	auto_got by_etag = get(httpd_url(s, "/x"), "\"e1\"", NULL, 100);
	auto_got by_time = get(httpd_url(s, "/x"), NULL, "yesterday", 100);
	auto_got changed = get(httpd_url(s, "/x"), "\"e0\"", NULL, 100);
	auto_got forged = get(httpd_url(s, "/x"), "\"e0\"\r\nIf-None-Match: \"e1\"", NULL, 100);

	(void)state;
	assert_int_equal(by_etag.answer.status, 304);
	assert_int_equal(by_etag.body.n, 0);
	assert_int_equal(by_time.answer.status, 304);
	assert_int_equal(changed.answer.status, 200);
	assert_int_equal(forged.answer.status, 200);
	httpd_stop(s);
}

static void not_found_is_an_answer_and_other_refusals_are_not(void **state)
{
	static const struct httpd_rule rules[] = {
		{ .path = "/403", .status = 403, .body = "go away" },
		{ .path = "/410", .status = 410 },
		{ .path = "/login", .status = 200, .body = "in", .needs = "Authorization: Basic dXNlcjpzZXNhbWU=" },
	};
	struct httpd *s = httpd_start(rules, COUNT(rules));
	auto_free char *with = mem_printf("http://user:sesame@127.0.0.1:%d/login", httpd_port(s));
	auto_free char *wrong = mem_printf("http://user:sesamo@127.0.0.1:%d/login", httpd_port(s));
	auto_got missing = get(httpd_url(s, "/404"), NULL, NULL, 100);
	auto_got denied = get(httpd_url(s, "/403"), NULL, NULL, 100);
	auto_got gone = get(httpd_url(s, "/410"), NULL, NULL, 100);
	auto_got in = get(with, NULL, NULL, 100);
	auto_got out = get(wrong, NULL, NULL, 100);

	(void)state;
	assert_int_equal(missing.answer.status, 404);
	assert_int_equal(missing.body.n, 0);
	assert_int_equal(denied.rc, -1);
	assert_int_equal(denied.err.code, ERR_NET);
	assert_non_null(strstr(denied.err.text, "answers 403: it wants other credentials"));
	assert_non_null(strstr(gone.err.text, "answers 410, expected 200"));
	assert_int_equal(in.rc, 0);
	assert_string_equal(buf_cstr(&in.body), "in");
	assert_int_equal(out.rc, -1);
	assert_non_null(strstr(out.err.text, "answers 401"));
	assert_null(strstr(out.err.text, "sesamo"));
	httpd_stop(s);
}

static void what_may_pass_is_tried_again(void **state)
{
	static const struct httpd_rule rules[] = {
		{ .path = "/busy", .status = 503, .times = 1 },
		{ .path = "/busy", .status = 429, .headers = "Retry-After: 1\r\n", .times = 1 },
		{ .path = "/busy", .status = 200, .body = "at last" },
		{ .path = "/reset", .status = 0, .times = 2 },
		{ .path = "/reset", .status = 200, .body = "at last" },
		{ .path = "/never", .status = 502 },
		{ .path = "/501", .status = 501 },
	};
	struct httpd *s = httpd_start(rules, COUNT(rules));
	auto_got busy = get(httpd_url(s, "/busy"), NULL, NULL, 100);
	auto_got reset = get(httpd_url(s, "/reset"), NULL, NULL, 100);
	auto_got never = get(httpd_url(s, "/never"), NULL, NULL, 100);
	auto_got unable = get(httpd_url(s, "/501"), NULL, NULL, 100);

	(void)state;
	assert_string_equal(buf_cstr(&busy.body), "at last");
	assert_string_equal(buf_cstr(&reset.body), "at last");
	assert_int_equal(never.rc, -1);
	assert_int_equal(httpd_hits(s, 5), 3);
	assert_non_null(strstr(never.err.text, "answers 502, expected 200 (tried 3 times)"));
	assert_int_equal(httpd_hits(s, 6), 1);
	assert_int_equal(unable.err.code, ERR_NET);
	httpd_stop(s);
}

static void a_body_that_broke_off_is_not_begun_again(void **state)
{
	static const struct httpd_rule rules[] = {
		{ .path = "/cut", .status = 200, .body = "hello world", .cut = 5 },
	};
	struct httpd *s = httpd_start(rules, COUNT(rules));
	auto_got g = get(httpd_url(s, "/cut"), NULL, NULL, 100);

	(void)state;
	assert_int_equal(g.rc, -1);
	assert_int_equal(g.err.code, ERR_NET);
	assert_non_null(strstr(g.err.text, "the answer ends early"));
	assert_int_equal(httpd_hits(s, 0), 1);
	httpd_stop(s);
}

static int get_with(struct http *h, const char *url, struct buf *body, struct err *err)
{
	auto_arena a = { 0 };
	auto_sink *out = sink_buf(body);
	struct http_answer answer;

	body->n = 0;
	return http_get(h, &a, &(struct http_request){ .url = url, .max = 100 }, out, &answer, err);
}

static void silence_has_an_end(void **state)
{
	static const struct httpd_rule rules[] = {
		{ .path = "/stall", .status = 200, .body = "hello", .stall_ms = 20000 },
	};
	struct httpd *s = httpd_start(rules, COUNT(rules));
	struct err err = ERR_INIT;
	auto_http *h = quick();
	auto_buf body = { 0 };

	(void)state;
	http_set_patience(h, &(struct http_patience){ .stall_s = 1 });
	assert_int_equal(get_with(h, httpd_url(s, "/stall"), &body, &err), -1);
	assert_non_null(strstr(err.text, "timed out"));
	httpd_stop(s);
}

static void a_body_has_a_limit(void **state)
{
	static const struct httpd_rule rules[] = { { .path = "/x", .status = 200, .body = "hello world" } };
	struct httpd *s = httpd_start(rules, COUNT(rules));
	auto_got more = get(httpd_url(s, "/x"), NULL, NULL, 10);
	auto_got just = get(httpd_url(s, "/x"), NULL, NULL, 11);

	(void)state;
	assert_int_equal(more.err.code, ERR_LIMIT);
	assert_int_equal(just.rc, 0);
	httpd_stop(s);
}

static void redirects_lead_to_http_alone_and_take_no_login_along(void **state)
{
	static const struct httpd_rule there_rules[] = {
		{ .path = "/y", .status = 200, .body = "in", .needs = "Authorization:" },
	};
	struct httpd *there = httpd_start(there_rules, COUNT(there_rules));
	auto_free char *to_other = mem_printf("Location: http://localhost:%d/y\r\n", httpd_port(there));
	const struct httpd_rule rules[] = {
		{ .path = "/a", .status = 302, .headers = "Location: /b\r\n" },
		{ .path = "/b", .status = 301, .headers = "Location: /c\r\n" },
		{ .path = "/c", .status = 200, .body = "found" },
		{ .path = "/loop", .status = 302, .headers = "Location: /loop\r\n" },
		{ .path = "/file", .status = 302, .headers = "Location: file:///etc/passwd\r\n" },
		{ .path = "/other", .status = 302, .headers = to_other },
	};
	struct httpd *s = httpd_start(rules, COUNT(rules));
	auto_free char *other = mem_printf("http://user:sesame@127.0.0.1:%d/other", httpd_port(s));
	auto_got found = get(httpd_url(s, "/a"), NULL, NULL, 100);
	auto_got loop = get(httpd_url(s, "/loop"), NULL, NULL, 100);
	auto_got file = get(httpd_url(s, "/file"), NULL, NULL, 100);
	auto_got away = get(other, NULL, NULL, 100);

	(void)state;
	assert_string_equal(buf_cstr(&found.body), "found");
	assert_non_null(strstr(loop.err.text, "redirects without end"));
	assert_int_equal(httpd_hits(s, 3), 11);
	assert_int_equal(file.rc, -1);
	assert_non_null(strstr(file.err.text, "other than http and https"));
	assert_int_equal(file.body.n, 0);
	/* a server that wants a login says 401, so none was sent */
	assert_int_equal(httpd_hits(there, 0), 1);
	assert_non_null(strstr(away.err.text, "answers 401"));
	assert_null(strstr(away.err.text, "sesame"));
	httpd_stop(s);
	httpd_stop(there);
}

static void nobody_there_is_said_without_credentials(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	auto_fd fd = socket(AF_INET, SOCK_STREAM, 0);
	auto_free char *url = NULL;

	(void)state;
	/* a port that is ours and where nobody listens */
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	url = mem_printf("http://user:sesame@127.0.0.1:%d/t/sesame/x", ntohs(at.sin_port));
	{
		auto_got g = get(url, NULL, NULL, 100);
		auto_got odd = get("ftp://user:sesame@127.0.0.1/x", NULL, NULL, 100);
		auto_got bad = get("http://user:sesame@127.0.0.1:99999999/x", NULL, NULL, 100);

		assert_int_equal(g.err.code, ERR_NET);
		assert_non_null(strstr(g.err.text, "cannot connect"));
		assert_null(strstr(g.err.text, "sesame"));
		assert_int_equal(odd.err.code, ERR_NET);
		assert_null(strstr(odd.err.text, "sesame"));
		assert_int_equal(bad.err.code, ERR_NET);
		assert_null(strstr(bad.err.text, "sesame"));
	}
}

static void file_urls_are_read_and_missing_ones_are_404(void **state)
{
	char dir[] = "/tmp/test_http.XXXXXX";
	auto_free char *file = NULL, *url = NULL, *none = NULL;
	struct err err = ERR_INIT;

	(void)state;
	assert_non_null(mkdtemp(dir));
	file = mem_printf("%s/a b", dir);
	assert_int_equal(fs_write(AT_FDCWD, file, "hello", 5, 0644, &err), 0);
	url = mem_printf("file://%s/a%%20b", dir);
	none = mem_printf("file://%s/none", dir);
	{
		auto_got there = get(url, NULL, NULL, 5);
		auto_got missing = get(none, NULL, NULL, 5);
		auto_got more = get(url, NULL, NULL, 4);
		auto_got host = get("file://host/x", NULL, NULL, 4);

		assert_int_equal(there.answer.status, 200);
		assert_string_equal(buf_cstr(&there.body), "hello");
		assert_int_equal(missing.answer.status, 404);
		assert_int_equal(more.err.code, ERR_LIMIT);
		assert_int_equal(host.err.code, ERR_NET);
	}
	assert_int_equal(fs_remove(AT_FDCWD, dir, &err), 0);
}

static void proxies_are_chosen_by_scheme_and_host(void **state)
{
	static const struct httpd_rule rules[][1] = {
		{ { .path = "*", .status = 200, .body = "any" } },
		{ { .path = "*", .status = 200, .body = "http" } },
		{ { .path = "*", .status = 200, .body = "host" } },
		{ { .path = "/x", .status = 200, .body = "direct" } },
	};
	static const struct {
		const char *url, *body;
	} rows[] = { { "http://b.invalid/x", "http" }, { "http://A.invalid:81/x", "host" }, { NULL, "direct" } };
	struct httpd *s[4];
	auto_buf body = { 0 };
	struct err err = ERR_INIT;
	auto_http *h = quick(), *any = quick();

	(void)state;
	for (size_t i = 0; i < COUNT(s); i++)
		s[i] = httpd_start(rules[i], 1);
	http_set_proxy(h, NULL, "a.invalid", "http://127.0.0.1:1"); /* a scheme and a host go before it */
	http_set_proxy(h, "http", "a.invalid", httpd_url(s[2], ""));
	http_set_proxy(h, "http", NULL, httpd_url(s[1], ""));
	http_set_proxy(h, NULL, NULL, httpd_url(s[0], ""));
	http_set_proxy(h, "http", "127.0.0.1", "");
	http_set_proxy(any, "https", NULL, httpd_url(s[1], ""));
	http_set_proxy(any, NULL, NULL, httpd_url(s[0], ""));
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (get_with(h, rows[i].url ? rows[i].url : httpd_url(s[3], "/x"), &body, &err) < 0)
			fail_msg("%s", err.text);
		assert_string_equal(buf_cstr(&body), rows[i].body);
	}
	assert_int_equal(get_with(any, "http://c.invalid/x", &body, &err), 0);
	assert_string_equal(buf_cstr(&body), "any");
	http_set_no_proxy(any, "127.0.0.1,.example");
	assert_int_equal(get_with(any, httpd_url(s[3], "/x"), &body, &err), 0);
	assert_string_equal(buf_cstr(&body), "direct");
	for (size_t i = 0; i < COUNT(s); i++)
		httpd_stop(s[i]);
}

struct known {
	struct http_login login;
	const char *host; /* a login for what begins so */
	unsigned asked;
};

static int login(void *arg, const char *url, struct http_login *ret)
{
	struct known *k = arg;

	k->asked++;
	if (k->host && !str_starts(url, k->host))
		return 0;
	*ret = k->login;
	return 1;
}

static void a_login_is_asked_for_and_sent_as_it_is(void **state)
{
	static const struct httpd_rule rules[] = {
		{ .path = "/basic", .status = 200, .body = "x", .needs = "\r\nAuthorization: Basic dXNlcjpwOi9A\r\n" },
		{ .path = "/bearer", .status = 200, .body = "x", .needs = "\r\nAuthorization: Bearer to-ken\r\n" },
		{ .path = "/header", .status = 200, .body = "x", .needs = "\r\nX-Key: to-ken\r\n" },
		{ .path = "/own", .status = 200, .body = "x", .needs = "\r\nAuthorization: Basic bWU6c2VsZg==\r\n" },
	};
	struct known known[] = {
		{ .login = { .kind = HTTP_LOGIN_BASIC, .user = "user", .password = "p:/@" } },
		{ .login = { .kind = HTTP_LOGIN_BEARER, .token = "to-ken" } },
		{ .login = { .kind = HTTP_LOGIN_HEADER, .token = "to-ken", .header = "X-Key" } },
		{ .login = { .kind = HTTP_LOGIN_BEARER, .token = "to-ken" } },
	};
	struct httpd *s = httpd_start(rules, COUNT(rules));
	auto_free char *own = mem_printf("http://me:self@127.0.0.1:%d/own", httpd_port(s));

	(void)state;
	for (size_t i = 0; i < COUNT(rules); i++) {
		auto_http *h = quick();
		auto_buf body = { 0 };
		struct err err = ERR_INIT;

		http_set_login(h, login, &known[i]);
		if (get_with(h, i == 3 ? own : httpd_url(s, rules[i].path), &body, &err) < 0)
			fail_msg("%s", err.text);
	}
	assert_int_equal(known[0].asked, 1);
	assert_int_equal(known[3].asked, 0);
	httpd_stop(s);
}

static void a_login_stays_with_its_host(void **state)
{
	static const struct httpd_rule there_rules[] = {
		{ .path = "*", .status = 200, .body = "out", .needs = "\r\nX-Key: " },
		{ .path = "*", .status = 200, .body = "out", .needs = "\r\nAuthorization: " },
	};
	struct httpd *there = httpd_start(there_rules, 1);
	auto_free char *away = mem_printf("Location: http://localhost:%d/y\r\n", httpd_port(there));
	const struct httpd_rule rules[] = {
		{ .path = "/away", .status = 302, .headers = away, .needs = "\r\nX-Key: k\r\n" },
		{ .path = "/near", .status = 302, .headers = "Location: /in\r\n" },
		{ .path = "/in", .status = 200, .body = "in", .needs = "\r\nX-Key: k\r\n" },
		{ .path = "/with", .status = 302, .headers = "Location: /basic\r\n" },
		{ .path = "/basic", .status = 200, .body = "in", .needs = "\r\nAuthorization: Basic bWU6c2VsZg==\r\n" },
	};
	struct httpd *s = httpd_start(rules, COUNT(rules));
	struct known k = { .login = { .kind = HTTP_LOGIN_HEADER, .token = "k", .header = "X-Key" },
			   .host = "http://127.0.0.1" };
	auto_free char *with = mem_printf("http://me:self@127.0.0.1:%d/with", httpd_port(s));
	auto_http *h = quick();
	auto_buf body = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	http_set_login(h, login, &k);
	assert_int_equal(get_with(h, httpd_url(s, "/away"), &body, &err), -1);
	assert_non_null(strstr(err.text, "answers 401"));
	err_clear(&err);
	assert_int_equal(get_with(h, httpd_url(s, "/near"), &body, &err), 0);
	assert_string_equal(buf_cstr(&body), "in");
	assert_int_equal(get_with(h, with, &body, &err), 0);
	assert_string_equal(buf_cstr(&body), "in");
	httpd_stop(s);
	httpd_stop(there);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_comes_with_its_validators),
		cmocka_unit_test(what_did_not_change_is_304_without_a_body),
		cmocka_unit_test(not_found_is_an_answer_and_other_refusals_are_not),
		cmocka_unit_test(what_may_pass_is_tried_again),
		cmocka_unit_test(a_body_that_broke_off_is_not_begun_again),
		cmocka_unit_test(silence_has_an_end),
		cmocka_unit_test(a_body_has_a_limit),
		cmocka_unit_test(redirects_lead_to_http_alone_and_take_no_login_along),
		cmocka_unit_test(proxies_are_chosen_by_scheme_and_host),
		cmocka_unit_test(a_login_is_asked_for_and_sent_as_it_is),
		cmocka_unit_test(a_login_stays_with_its_host),
		cmocka_unit_test(nobody_there_is_said_without_credentials),
		cmocka_unit_test(file_urls_are_read_and_missing_ones_are_404),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
