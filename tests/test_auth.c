#include "check.h"

#include "fetch/auth.h"

/* "basic user:password", "bearer token", "/t/token at 12", or "none". */
static const char *login_text(struct arena *a, const struct auth *store, const char *url)
{
	struct http_login l;
	const char *ret = "";

	if (!auth_find(store, url, &l))
		return "none";
	if (l.kind == HTTP_LOGIN_BASIC)
		ret = arena_printf(a, "basic %s:%s", l.user ? l.user : "", l.password ? l.password : "");
	else if (l.kind == HTTP_LOGIN_BEARER)
		ret = arena_printf(a, "bearer %s", l.token);
	if (l.path_token)
		ret = arena_printf(a, "%s%s%.*s/t/%s%s", ret, *ret ? " " : "", (int)l.path_token_at, url, l.path_token,
				   url + l.path_token_at);
	return ret;
}

struct row {
	const char *url, *want;
};

static void check_rows(const struct auth *store, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		auto_arena a = { 0 };
		const char *got = login_text(&a, store, rows[i].url);

		if (strcmp(got, rows[i].want) != 0)
			fail_msg("%s: %s, expected %s", rows[i].url, got, rows[i].want);
	}
}

#define check_all(store, rows) check_rows(store, rows, COUNT(rows))

/* As rattler_networking looks them up: the host, then *.host, *.domain, *.org. */
static void rattlers_file_is_read_by_host_and_wildcard(void **state)
{
	static const char text[] =
		"{\"conda.example.org\": {\"BearerToken\": \"b1\"},"
		" \"*.example.org\": {\"BasicHTTP\": {\"username\": \"u\", \"password\": \"p:w\"}},"
		" \"tok.example.com\": {\"CondaToken\": \"tk-1\"},"
		" \"*.com\": {\"BearerToken\": \"b2\"},"
		" \"with.port:8080\": {\"BearerToken\": \"b3\"},"
		" \"with.path/a\": {\"BearerToken\": \"b4\"},"
		" \"bucket\": {\"S3Credentials\": {\"access_key_id\": \"a\", \"secret_access_key\": \"s\"}}}";
	static const struct row rows[] = {
		{ "https://conda.example.org/x/noarch/repodata.json", "bearer b1" },
		{ "https://CONDA.example.org:444/x", "bearer b1" },
		{ "https://other.example.org/x", "basic u:p:w" },
		{ "https://a.b.example.org/x", "basic u:p:w" },
		{ "https://example.org/x", "basic u:p:w" },
		{ "https://badexample.org/x", "none" },
		{ "https://tok.example.com/ch/noarch/x.conda", "https://tok.example.com/t/tk-1/ch/noarch/x.conda" },
		{ "https://tok.example.com/t/own/ch/x.conda", "none" },
		{ "https://x.com", "bearer b2" },
		{ "https://with.port:8080/x", "bearer b3" },
		{ "https://with.port/x", "none" },
		{ "https://with.path/a/b", "bearer b4" },
		{ "https://with.path/a", "bearer b4" },
		{ "https://with.path/ab", "none" },
		{ "https://bucket/x", "none" },
		{ "file:///conda.example.org/x", "none" },
	};
	auto_auth *store = auth_new();
	struct err err = ERR_INIT;

	(void)state;
	assert_ok(auth_add_rattler(store, text, sizeof(text) - 1, "f", &err), err);
	check_all(store, rows);
}

/* "mamba.org/private" is for what is below it; of two the longer counts. */
static void mambas_file_is_read_by_host_and_path(void **state)
{
	static const char text[] =
		"{\"host.org\": {\"type\": \"BasicHTTPAuthentication\", \"user\": \"u\", \"password\": \"c2VzYW1l\"},"
		" \"host.org/private\": {\"type\": \"BearerToken\", \"token\": \"b\"},"
		" \"host.org/private/tok\": {\"type\": \"CondaToken\", \"token\": \"t\"},"
		" \"bad.org\": {\"type\": \"BasicHTTPAuthentication\", \"user\": \"u\", \"password\": \"!!\"},"
		" \"odd.org\": {\"type\": \"Other\"}, \"worse.org\": 3}";
	static const struct row rows[] = {
		{ "https://host.org/public/x", "basic u:sesame" },
		{ "https://host.org/private", "bearer b" },
		{ "https://host.org/private/ch/x", "bearer b" },
		{ "https://host.org/privates", "basic u:sesame" },
		{ "https://host.org/private/tok/x", "https://host.org/t/t/private/tok/x" },
		{ "https://bad.org/x", "none" },
		{ "https://odd.org/x", "none" },
		{ "https://worse.org/x", "none" },
	};
	auto_auth *store = auth_new();
	struct err err = ERR_INIT;

	(void)state;
	assert_ok(auth_add_mamba(store, text, sizeof(text) - 1, "f", &err), err);
	check_all(store, rows);
}

/* Rows are what curl 7.88 takes from such a file, but for its habit to end at a broken one. */
static void netrc_is_read_as_curl_reads_it(void **state)
{
	static const char text[] = "# comment machine no.org login x password y\n"
				   "machine one.org login u1 password p1\n"
				   "machine two.org\n\tlogin u2\n\tpassword \"p 2\\\"\"\n\taccount a\n"
				   "machine one.org login late password late\n"
				   "macdef init\n  machine no.org login x password y\n\n"
				   "machine hash.org login u3 password #p3\n"
				   "machine user.org login only\n"
				   "machine none.org\n"
				   "default login anon password mail@host\n";
	static const struct row rows[] = {
		{ "https://one.org/x", "basic u1:p1" },
		{ "http://one.org:81/x", "basic u1:p1" },
		{ "https://two.org/x", "basic u2:p 2\"" },
		{ "https://hash.org/", "basic u3:#p3" },
		{ "https://user.org/x", "basic only:" },
		{ "https://no.org/x", "basic anon:mail@host" },
		{ "https://sub.one.org/", "basic anon:mail@host" },
	};
	auto_auth *store = auth_new();
	struct err err = ERR_INIT;

	(void)state;
	assert_ok(auth_add_netrc(store, text, sizeof(text) - 1, "f", &err), err);
	check_all(store, rows);
}

/* conda's read_binstar_tokens(): the name is a quoted URL, "api" there is "conda" where packages are. */
static void anaconda_clients_tokens_are_read(void **state)
{
	static const struct row rows[] = {
		{ "https://api.anaconda.org/x", "https://api.anaconda.org/t/tk-1/x" },
		{ "https://conda.anaconda.org/me/noarch/repodata.json",
		  "https://conda.anaconda.org/t/tk-1/me/noarch/repodata.json" },
		{ "http://conda.anaconda.org/x", "none" },
		{ "https://corp.org/conda/me/x", "https://corp.org/conda/t/tk-2/me/x" },
		{ "https://corp.org/other/me/x", "none" },
	};
	auto_auth *store = auth_new();

	(void)state;
	auth_add_token(store, "https%3A%2F%2Fapi.anaconda.org.token", "tk-1\n", 5, "f");
	auth_add_token(store, "https%3A%2F%2Fcorp.org%2Fconda.token", "tk-2", 4, "f");
	auth_add_token(store, "README", "tk-3", 4, "f");
	auth_add_token(store, "https%3A%2F%2Fempty.org.token", "\n", 1, "f");
	check_all(store, rows);
}

static void what_a_url_has_is_for_all_below_it_and_nothing_else(void **state)
{
	static const struct row rows[] = {
		{ "https://h.org/conda/chan/noarch/x", "basic us er:p@ss https://h.org/conda/t/tk-9/chan/noarch/x" },
		{ "https://h.org:443/conda/chan", "basic us er:p@ss https://h.org:443/conda/t/tk-9/chan" },
		{ "https://h.org/conda/channel", "none" },
		{ "http://h.org/conda/chan/x", "none" },
		{ "https://h.org:444/conda/chan/x", "none" },
		{ "https://alias.org/name/x", "https://alias.org/t/tk-8/name/x" },
		{ "https://plain.org/x", "none" },
	};
	auto_auth *store = auth_new();

	(void)state;
	auth_add_url(store, "https://us%20er:p%40ss@h.org/conda/t/tk-9/chan", "rc");
	auth_add_url(store, "https://alias.org/t/tk-8/", "rc");
	auth_add_url(store, "https://plain.org/x", "rc");
	auth_add_url(store, "/a/path", "rc");
	check_all(store, rows);
}

static void the_first_source_wins_and_all_are_told(void **state)
{
	static const char one[] = "{\"*.org\": {\"BearerToken\": \"first\"}}";
	static const char two[] = "machine h.org login u password second machine h.com login u password p";
	static const struct row rows[] = { { "https://h.org/x", "bearer first" }, { "https://h.com/x", "basic u:p" } };
	auto_auth *store = auth_new();
	struct err err = ERR_INIT;
	struct http_login l;

	(void)state;
	auth_looked_at(store, "one");
	assert_ok(auth_add_rattler(store, one, sizeof(one) - 1, "one.json", &err), err);
	auth_looked_at(store, "two");
	assert_ok(auth_add_netrc(store, two, sizeof(two) - 1, "two.netrc", &err), err);
	check_all(store, rows);
	assert_string_equal(auth_sources(store), "one, two");
	assert_true(auth_find(store, "https://h.com/x", &l));
	assert_string_equal(l.from, "two.netrc");
}

static void broken_files_are_told_without_what_is_in_them(void **state)
{
	static const char *const jsons[] = { "{\"h\": {\"BearerToken\": \"sesame\"", "[\"sesame\"]", "sesame", "" };
	static const char *const netrcs[] = { "machine h login u password", "machine h password \"sesame\n",
					      "machine" };

	(void)state;
	for (size_t i = 0; i < COUNT(jsons); i++) {
		auto_auth *store = auth_new();
		struct err err = ERR_INIT, other = ERR_INIT;

		assert_int_equal(auth_add_rattler(store, jsons[i], strlen(jsons[i]), "f.json", &err), -1);
		assert_err(err, ERR_FORMAT, "f.json is no JSON object");
		assert_null(strstr(err.text, "sesame"));
		assert_int_equal(auth_add_mamba(store, jsons[i], strlen(jsons[i]), "f.json", &other), -1);
		assert_null(strstr(other.text, "sesame"));
	}
	for (size_t i = 0; i < COUNT(netrcs); i++) {
		auto_auth *store = auth_new();
		struct err err = ERR_INIT;

		assert_int_equal(auth_add_netrc(store, netrcs[i], strlen(netrcs[i]), "f.netrc", &err), -1);
		assert_err(err, ERR_FORMAT, "f.netrc:1: ");
		assert_null(strstr(err.text, "sesame"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rattlers_file_is_read_by_host_and_wildcard),
		cmocka_unit_test(mambas_file_is_read_by_host_and_path),
		cmocka_unit_test(netrc_is_read_as_curl_reads_it),
		cmocka_unit_test(anaconda_clients_tokens_are_read),
		cmocka_unit_test(what_a_url_has_is_for_all_below_it_and_nothing_else),
		cmocka_unit_test(the_first_source_wins_and_all_are_told),
		cmocka_unit_test(broken_files_are_told_without_what_is_in_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
