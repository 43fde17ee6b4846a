#include "check.h"
#include "fetch/call.h"
#include "httpd.h"

static struct source *ask(struct caller *c, struct arena *a, const struct call_request *q, struct call_answer *ret)
{
	struct err err = ERR_INIT;
	struct source *s = call_open(c, a, q, ret, &err);

	if (!s)
		fail_msg("%s", err.text);
	return s;
}

static void every_status_is_an_answer_and_nothing_is_followed(void **state)
{
	static const struct httpd_rule rules[] = {
		{ .path = "/ok",
		  .status = 200,
		  .headers = "X-One: 1\r\nx-two:  two words \r\nX-One: again\r\n",
		  .body = "hello" },
		{ .path = "/moved", .status = 307, .headers = "Location: /ok\r\n" },
		{ .path = "/busy", .status = 503, .headers = "Retry-After: 1\r\n", .body = "no" },
		{ .path = "/secret", .status = 200, .needs = "Authorization: Bearer abc", .body = "x" },
	};
	struct httpd *s = httpd_start(rules, COUNT(rules));
	auto_http *h = http_new("test");
	auto_caller *c = call_new(h);
	auto_arena a = { 0 };
	struct call_header header = { "Authorization", "Bearer abc" };
	struct call_answer answer;
	auto_buf text = { 0 };
	struct err err = ERR_INIT;
	struct source *in;

	(void)state;
	in = ask(c, &a, &(struct call_request){ .method = "GET", .url = httpd_url(s, "/ok") }, &answer);
	assert_int_equal(answer.status, 200);
	assert_string_equal(call_header_of(&answer, "x-ONE"), "1");
	assert_string_equal(call_header_of(&answer, "X-Two"), "two words");
	assert_null(call_header_of(&answer, "X-Three"));
	assert_ok(io_slurp(in, 100, &text, &err), err);
	assert_string_equal(buf_cstr(&text), "hello");
	source_free(in);
	source_free(ask(c, &a, &(struct call_request){ .method = "GET", .url = httpd_url(s, "/moved") }, &answer));
	assert_int_equal(answer.status, 307);
	source_free(ask(c, &a, &(struct call_request){ .method = "GET", .url = httpd_url(s, "/busy") }, &answer));
	assert_int_equal(answer.status, 503);
	source_free(ask(c, &a,
			&(struct call_request){
				.method = "GET", .url = httpd_url(s, "/secret"), .headers = &header, .n_headers = 1 },
			&answer));
	assert_int_equal(answer.status, 200);
	assert_int_equal(httpd_requests(s), 4); /* none twice */
	httpd_stop(s);
}

static void failures_say_whether_they_may_pass(void **state)
{
	static const struct httpd_rule rules[] = {
		{ .path = "/cut", .status = 0 },
		{ .path = "/half", .status = 200, .body = "0123456789", .cut = 4 },
	};
	struct httpd *s = httpd_start(rules, COUNT(rules));
	auto_http *h = http_new("test");
	auto_caller *c = call_new(h);
	auto_arena a = { 0 };
	struct call_answer answer;
	struct err err = ERR_INIT;
	auto_buf text = { 0 };
	struct source *in;

	(void)state;
	assert_null(call_open(c, &a, &(struct call_request){ .method = "GET", .url = httpd_url(s, "/cut") }, &answer,
			      &err));
	assert_int_equal(err.code, ERR_NET);
	assert_true(answer.may_pass);
	assert_int_equal(answer.status, 0);
	err_clear(&err);
	in = ask(c, &a, &(struct call_request){ .method = "GET", .url = httpd_url(s, "/half") }, &answer);
	assert_int_equal(io_slurp(in, 100, &text, &err), -1);
	assert_int_equal(err.code, ERR_NET);
	assert_string_equal(buf_cstr(&text), "0123");
	source_free(in);
	err_clear(&err);
	assert_null(call_open(c, &a, &(struct call_request){ .method = "GET", .url = "https://127.0.0.1:1/" }, &answer,
			      &err));
	assert_true(answer.no_tls);
	httpd_stop(s);
}

/* The query of a URL may be a signature. */
static void queries_and_logins_are_not_told(void **state)
{
	auto_http *h = http_new("test");
	auto_caller *c = call_new(h);
	auto_arena a = { 0 };
	struct call_answer answer;
	struct err err = ERR_INIT;

	(void)state;
	assert_null(call_open(
		c, &a,
		&(struct call_request){ .method = "GET", .url = "http://user:hunter2@127.0.0.1:1/x?sig=hunter3" },
		&answer, &err));
	assert_null(strstr(err.text, "hunter"));
	assert_non_null(strstr(err.text, "http://127.0.0.1:1/x"));
}

static void a_body_that_breaks_is_the_failure(void **state)
{
	static const struct httpd_rule rules[] = { { .path = "/up", .status = 201 } };
	struct httpd *s = httpd_start(rules, COUNT(rules));
	auto_http *h = http_new("test");
	auto_caller *c = call_new(h);
	auto_arena a = { 0 };
	auto_source *body = streams_broken_after(1000);
	struct call_answer answer;
	struct err err = ERR_INIT;

	(void)state;
	assert_null(call_open(
		c, &a,
		&(struct call_request){ .method = "PUT", .url = httpd_url(s, "/up"), .body = body, .body_size = 5000 },
		&answer, &err));
	assert_non_null(strstr(err.text, "broken on purpose"));
	assert_false(answer.may_pass);
	httpd_stop(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_status_is_an_answer_and_nothing_is_followed),
		cmocka_unit_test(failures_say_whether_they_may_pass),
		cmocka_unit_test(queries_and_logins_are_not_told),
		cmocka_unit_test(a_body_that_breaks_is_the_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
