#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "httpd.h"
#include "place.h"

#define BASE "https://channel.invalid/ch"

/* Two servers that are mirrors of BASE, the first at "/one", the second at "/two/deep". */
struct two {
	struct httpd *a, *b;
	char urls[2][80];
	struct place place;
};

static void two_start(struct two *t, const struct httpd_rule *a, size_t n_a, const struct httpd_rule *b, size_t n_b)
{
	const char *urls[] = { t->urls[0], t->urls[1] };

	t->a = httpd_start(a, n_a);
	t->b = httpd_start(b, n_b);
	snprintf(t->urls[0], sizeof(t->urls[0]), "%s", httpd_url(t->a, "/one"));
	snprintf(t->urls[1], sizeof(t->urls[1]), "%s/", httpd_url(t->b, "/two/deep"));
	place_make(&t->place);
	http_set_mirrors(t->place.http, BASE "/", urls, 2);
}

static void two_stop(struct two *t)
{
	place_drop(&t->place);
	httpd_stop(t->a);
	httpd_stop(t->b);
}

#define auto_two CLEANUP(two_stop) struct two

static int want(struct two *t, const char *content, struct err *err)
{
	struct download d = place_want("https://user:pw@channel.invalid/t/tk-1/ch/linux-64/x-1.conda", content, 0);

	if (download_all(t->place.http, t->place.fd, &d, 1, false, NULL, err) < 0)
		return -1;
	place_expect(&t->place, &d, content);
	return 0;
}

#define A(...)                                                 \
	{                                                      \
		.path = "/one/linux-64/x-1.conda", __VA_ARGS__ \
	}
#define B(...)                                                      \
	{                                                           \
		.path = "/two/deep/linux-64/x-1.conda", __VA_ARGS__ \
	}

struct row {
	const char *what;
	struct httpd_rule a, b;
	enum err_code code;
	const char *words;
	unsigned requests_a, requests_b;
};

static const struct row rows[] = {
	{ "the first has it", A(.status = 200, .body = "it"), B(.status = 200, .body = "it"), ERR_NONE, NULL, 1, 0 },
	{ "the first does not have it", A(.status = 404), B(.status = 200, .body = "it"), ERR_NONE, NULL, 1, 1 },
	{ "the first gives no access", A(.status = 403), B(.status = 200, .body = "it"), ERR_NONE, NULL, 1, 1 },
	{ "the first is too busy", A(.status = 503), B(.status = 200, .body = "it"), ERR_NONE, NULL, 1, 1 },
	{ "the first breaks off", A(.status = 0), B(.status = 200, .body = "it"), ERR_NONE, NULL, 1, 1 },
	{ "the first has another", A(.status = 200, .body = "xx"), B(.status = 200, .body = "it"), ERR_NONE, NULL, 1,
	  1 },
	{ "the first has more", A(.status = 200, .body = "item"), B(.status = 200, .body = "it"), ERR_NONE, NULL, 1,
	  1 },
	{ "both have another", A(.status = 200, .body = "xx"), B(.status = 200, .body = "yy"), ERR_INTEGRITY,
	  "/two/deep/linux-64/x-1.conda: is sha256:", 1, 1 },
	{ "nobody has it", A(.status = 404), B(.status = 404), ERR_NET, "is not there (404)", 1, 1 },
	{ "nobody has it, or says no", A(.status = 404), B(.status = 403), ERR_NET, "is not there (404)", 1, 1 },
	{ "nobody gives access", A(.status = 401), B(.status = 403), ERR_NET, "answers 403", 1, 1 },
	{ "one is busy for ever, one has nothing", A(.status = 503), B(.status = 404), ERR_NET, "not there (404)", 3,
	  1 },
	{ "both are busy for ever", A(.status = 503), B(.status = 502), ERR_NET, "(tried 3 times)", 3, 3 },
	{ "one is busy for a while", A(.status = 503, .times = 1), B(.status = 503), ERR_NET, "is not there (404)", 2,
	  3 },
};

static void another_is_asked_before_anything_is_tried_again(void **state)
{
	unsigned bad = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *r = &rows[i];
		struct err err = ERR_INIT;
		auto_two t;

		two_start(&t, &r->a, 1, &r->b, 1);
		want(&t, "it", &err);
		if (err.code != r->code || (r->words && !strstr(err.text, r->words)) ||
		    httpd_requests(t.a) != r->requests_a || httpd_requests(t.b) != r->requests_b) {
			print_error("%s: %u and %u requests, error %d '%s'\n", r->what, httpd_requests(t.a),
				    httpd_requests(t.b), err.code, err.text);
			bad++;
		}
		assert_int_equal(place_files(&t.place, "sha256"), err.code ? 0 : 1);
	}
	assert_int_equal(bad, 0);
}

static int get(struct two *t, const char *path, struct http_answer *answer, struct err *err)
{
	auto_arena a = { 0 };
	auto_free char *url = mem_printf(BASE "%s", path);
	auto_sink *out = sink_null();

	return http_get(t->place.http, &a, &(struct http_request){ .url = url, .max = 1000 }, out, answer, err);
}

static void one_that_failed_has_its_turn_after_the_others(void **state)
{
	static const struct httpd_rule a[] = { { .path = "*", .status = 503, .times = 1 },
					       { .path = "*", .status = 200, .body = "x" } };
	static const struct httpd_rule b[] = { { .path = "*", .status = 200, .body = "x" } };
	struct http_answer answer;
	struct err err = ERR_INIT;
	auto_two t;

	(void)state;
	two_start(&t, a, COUNT(a), b, COUNT(b));
	for (int i = 0; i < 5; i++)
		assert_int_equal(get(&t, "/noarch/repodata.json", &answer, &err), 0);
	assert_int_equal(httpd_requests(t.a), 1);
	assert_int_equal(httpd_requests(t.b), 5);
}

static void what_is_not_below_the_base_has_no_mirrors(void **state)
{
	static const struct httpd_rule a[] = { { .path = "*", .status = 200, .body = "x" } };
	struct http_answer answer;
	struct err err = ERR_INIT;
	auto_two t;

	(void)state;
	two_start(&t, a, COUNT(a), a, COUNT(a));
	assert_int_equal(get(&t, "annel/noarch/repodata.json", &answer, &err), -1);
	assert_int_equal(err.code, ERR_NET);
	assert_int_equal(httpd_requests(t.a) + httpd_requests(t.b), 0);
}

static void a_slow_one_gets_less(void **state)
{
	static char body[128 << 10];
	static const struct httpd_rule slow[] = {
		{ .path = "*", .status = 200, .body = body, .len = sizeof(body), .stall_ms = 400 }
	};
	static const struct httpd_rule fast[] = { { .path = "*", .status = 200, .body = body, .len = sizeof(body) } };
	struct http_answer answer;
	struct err err = ERR_INIT;
	auto_two t;

	(void)state;
	two_start(&t, slow, 1, fast, 1);
	for (size_t i = 0; i < 30; i++) {
		auto_arena a = { 0 };
		auto_sink *out = sink_null();

		assert_int_equal(http_get(t.place.http, &a,
					  &(struct http_request){ .url = BASE "/noarch/x", .max = 1 << 20 }, out,
					  &answer, &err),
				 0);
	}
	assert_in_range(httpd_requests(t.a), 1, 6);
	assert_int_equal(httpd_requests(t.a) + httpd_requests(t.b), 30);
}

static void a_mirror_may_be_a_folder_and_a_dead_one_does_no_harm(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	auto_fd fd = socket(AF_INET, SOCK_STREAM, 0);
	auto_free char *dead = NULL, *folder = NULL;
	const char *urls[2];
	struct download d = place_want(BASE "/noarch/x.conda", "hello", 0),
			none = place_want(BASE "/noarch/y.conda", "y", 0);
	struct err err = ERR_INIT;
	auto_place p = { 0 };

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	place_make(&p);
	urls[0] = dead = mem_printf("http://127.0.0.1:%d", ntohs(at.sin_port));
	urls[1] = folder = mem_printf("file://%s/mirror", p.dir);
	http_set_mirrors(p.http, BASE, urls, 2);
	assert_int_equal(fs_mkdirs(p.fd, "mirror/noarch", &err), 0);
	assert_int_equal(fs_write(p.fd, "mirror/noarch/x.conda", "hello", 5, 0644, &err), 0);
	if (download_all(p.http, p.fd, &d, 1, false, NULL, &err) < 0)
		fail_msg("%s", err.text);
	place_expect(&p, &d, "hello");
	assert_int_equal(download_all(p.http, p.fd, &none, 1, false, NULL, &err), -1);
	assert_non_null(strstr(err.text, "is not there (404)"));
}

static void what_broke_off_goes_on_at_another(void **state)
{
	static char body[300000];
	static const struct httpd_rule a[] = { A(.status = 200, .body = body, .len = sizeof(body), .cut = 200000,
						 .headers = "ETag: \"a\"\r\n") };
	static const struct httpd_rule b[] = { B(.status = 200, .body = body, .len = sizeof(body), .ranges = true,
						 .headers = "ETag: \"b\"\r\n") };
	struct download d = place_want(BASE "/linux-64/x-1.conda", body, sizeof(body));
	struct err err = ERR_INIT;
	auto_two t;

	(void)state;
	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (char)(i * 7 + i / 251);
	d = place_want(BASE "/linux-64/x-1.conda", body, sizeof(body));
	two_start(&t, a, 1, b, 1);
	if (download_all(t.place.http, t.place.fd, &d, 1, false, NULL, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(httpd_requests(t.a), 1);
	assert_int_equal(httpd_parts(t.b), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_is_asked_before_anything_is_tried_again),
		cmocka_unit_test(one_that_failed_has_its_turn_after_the_others),
		cmocka_unit_test(what_is_not_below_the_base_has_no_mirrors),
		cmocka_unit_test(a_slow_one_gets_less),
		cmocka_unit_test(a_mirror_may_be_a_folder_and_a_dead_one_does_no_harm),
		cmocka_unit_test(what_broke_off_goes_on_at_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
