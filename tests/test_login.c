#include "check.h"

#include <signal.h>
#include "oci/login.h"

/* dXNlcjpwYXNz: user:pass; YTpi: a:b; YTpiOmM=: a:b:c */
static void the_longest_key_wins(void **state)
{
	static const struct {
		const char *json, *host, *repo;
		const char *want; /* "user:password"; NULL: none */
	} rows[] = {
		{ "{\"auths\":{\"h\":{\"auth\":\"dXNlcjpwYXNz\"}}}", "h", "x", "user:pass" },
		{ "{\"auths\":{\"h\":{\"auth\":\"YTpiOmM=\"}}}", "h", "x", "a:b:c" },
		{ "{\"auths\":{\"h\":{\"auth\":\"YTpi\"},\"h/t\":{\"auth\":\"dXNlcjpwYXNz\"}}}", "h", "t/x",
		  "user:pass" },
		{ "{\"auths\":{\"h/t\":{\"auth\":\"dXNlcjpwYXNz\"},\"h\":{\"auth\":\"YTpi\"}}}", "h", "t",
		  "user:pass" },
		{ "{\"auths\":{\"h/t\":{\"auth\":\"dXNlcjpwYXNz\"},\"h\":{\"auth\":\"YTpi\"}}}", "h", "tx", "a:b" },
		{ "{\"auths\":{\"h/t\":{\"auth\":\"dXNlcjpwYXNz\"}}}", "h", "x", NULL },
		{ "{\"auths\":{\"h\":{\"auth\":\"YTpi\"}}}", "h:5000", "x", NULL },
		{ "{\"auths\":{\"h:5000\":{\"auth\":\"YTpi\"}}}", "h:5000", "x", "a:b" },
		{ "{\"auths\":{\"https://h/v2/\":{\"auth\":\"YTpi\"}}}", "h", "x", "a:b" },
		{ "{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"YTpi\"}}}", "docker.io", "library/x",
		  "a:b" },
		{ "{\"auths\":{\"docker.io\":{\"auth\":\"YTpi\"}}}", "docker.io", "library/x", "a:b" },
		{ "{\"auths\":{\"index.docker.io\":{\"auth\":\"YTpi\"}}}", "h", "x", NULL },
		{ "{\"auths\":{\"h\":{\"username\":\"u\",\"password\":\"p\"}}}", "h", "x", "u:p" },
		{ "{\"auths\":{\"h\":{}}}", "h", "x", NULL },
		{ "{\"auths\":{}}", "h", "x", NULL },
		{ "{}", "h", "x", NULL },
		{ "{\"h\":{\"auth\":\"YTpi\"}}", "h", "x", "a:b" }, /* ~/.dockercfg */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_arena a = { 0 };
		struct login got = { 0 };
		const char *text;

		assert_ok(login_find_in(&a, rows[i].json, strlen(rows[i].json), "f", rows[i].host, rows[i].repo, &got,
					&err),
			  err);
		text = got.user ? arena_printf(&a, "%s:%s", got.user, got.password) : NULL;
		if (got.found != (rows[i].want != NULL) || (text && strcmp(text, rows[i].want) != 0))
			fail_msg("%s for %s/%s: %s", rows[i].json, rows[i].host, rows[i].repo, text ? text : "none");
	}
}

static void tokens_are_read(void **state)
{
	static const char identity[] = "{\"auths\":{\"h\":{\"auth\":\"dXNlcjo=\",\"identitytoken\":\"T\"}}}";
	static const char bearer[] = "{\"auths\":{\"h\":{\"registrytoken\":\"T\"}}}";
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	struct login got = { 0 };

	(void)state;
	assert_ok(login_find_in(&a, identity, strlen(identity), "f", "h", "x", &got, &err), err);
	assert_string_equal(got.identity_token, "T");
	assert_ok(login_find_in(&a, bearer, strlen(bearer), "f", "h", "x", &got, &err), err);
	assert_string_equal(got.token, "T");
}

/* What is wrong is told, and what it is not. */
static void broken_files_do_not_show_their_secrets(void **state)
{
	static const char *const rows[] = {
		"{\"auths\":{\"h\":{\"auth\":\"hunter2!\"}}}",
		"{\"auths\":{\"h\":{\"auth\":\"aHVudGVyMg==\"}}}",
		"{\"auths\":{\"h\":\"hunter2\"}}",
		"{\"auths\":{\"h\":{\"auth\":{\"hunter2\":1}}}}",
		"{\"auths\":{\"h\":{\"auth\":\"YTpi\",\"password\":[\"hunter2\"]}}}",
		"{\"hunter2\" \"",
		"[\"hunter2\"]",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_arena a = { 0 };
		struct login got = { 0 };

		if (login_find_in(&a, rows[i], strlen(rows[i]), "f.json", "h", "x", &got, &err) == 0)
			fail_msg("%s was read", rows[i]);
		if (strstr(err.text, "hunter2") || strstr(err.text, "aHVudGVy") || !strstr(err.text, "f.json"))
			fail_msg("%s", err.text);
	}
}

/* RFC 7617's own examples, and RFC 4648's of padding. */
static void basic_is_base64(void **state)
{
	static const char *const rows[][3] = {
		{ "Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" },
		{ "test", "123\xc2\xa3", "Basic dGVzdDoxMjPCow==" },
		{ "f", "o", "Basic Zjpv" },
		{ "fo", "o", "Basic Zm86bw==" },
		{ "fo", "ob", "Basic Zm86b2I=" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_arena a = { 0 };

		assert_string_equal(login_basic(&a, rows[i][0], rows[i][1]), rows[i][2]);
	}
}

/* ---- helpers ---- */

struct world {
	struct check_dir d;
	struct arena a;
	char *path;
};

static void write_helper(struct world *w, const char *name, const char *script)
{
	struct err err = ERR_INIT;
	const char *text = arena_printf(&w->a, "#!/bin/sh\n%s\n", script);

	assert_ok(fs_write(w->d.fd, name, text, strlen(text), 0755, &err), err);
}

static void world_begin(struct world *w)
{
	*w = (struct world){ .d = check_mkdir(), .path = mem_strdup(getenv("PATH")) };
	setenv("PATH", arena_printf(&w->a, "%s:%s", w->d.path, w->path), 1);
}

static void world_end(struct world *w)
{
	setenv("PATH", w->path, 1);
	free(w->path);
	arena_release(&w->a);
	check_rmdir(&w->d);
}

static void helpers_are_asked(void **state)
{
	static const char json[] = "{\"auths\":{\"h\":{\"auth\":\"YTpi\"}},\"credHelpers\":{\"h\":\"one\"},"
				   "\"credsStore\":\"two\"}";
	struct err err = ERR_INIT;
	struct login got = { 0 };
	struct world w;

	(void)state;
	world_begin(&w);
	write_helper(
		&w, "docker-credential-one",
		"read -r server; [ \"$1\" = get ] && echo '{\"ServerURL\":\"'$server'\",\"Username\":\"u-'$server'\","
		"\"Secret\":\"s\"}'");
	write_helper(&w, "docker-credential-two", "cat >/dev/null; echo '{\"Username\":\"<token>\",\"Secret\":\"t\"}'");
	assert_ok(login_find_in(&w.a, json, strlen(json), "f", "h", "x", &got, &err), err);
	assert_string_equal(got.user, "u-h"); /* its own goes before the store, and before what the file says */
	got = (struct login){ 0 };
	assert_ok(login_find_in(&w.a, json, strlen(json), "f", "other", "x", &got, &err), err);
	assert_string_equal(got.identity_token, "t");
	write_helper(&w, "docker-credential-one", "echo 'credentials not found in native keychain'; exit 1");
	write_helper(&w, "docker-credential-two", "echo 'credentials not found in native keychain'; exit 1");
	got = (struct login){ 0 };
	assert_ok(login_find_in(&w.a, json, strlen(json), "f", "h", "x", &got, &err), err);
	assert_string_equal(got.user, "a");
	world_end(&w);
}

static void helpers_that_misbehave_are_told_without_what_they_said(void **state)
{
	static const struct {
		const char *script; /* NULL: there is none */
		enum err_code code;
		const char *text;
	} rows[] = {
		{ NULL, ERR_USAGE, "there is no program docker-credential-x" },
		{ "echo hunter2; exit 3", ERR_IO, "exit code 3" },
		{ "echo hunter2 >&2; kill -9 $$", ERR_IO, "exit code" },
		{ "echo '{\"Username\":\"hunter2\"}'", ERR_FORMAT, "Username and Secret" },
		{ "echo '{\"Secret\":[\"hunter2\"]}'", ERR_FORMAT, "Username and Secret" },
		{ "echo hunter2", ERR_FORMAT, "Username and Secret" },
		{ "while :; do echo hunter2hunter2hunter2hunter2hunter2hunter2; done", ERR_LIMIT, "more than" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		struct login got = { 0 };
		struct world w;

		world_begin(&w);
		if (rows[i].script)
			write_helper(&w, "docker-credential-x", rows[i].script);
		assert_int_equal(login_helper(&w.a, "x", "h", &got, &err), -1);
		assert_err(err, rows[i].code, rows[i].text);
		assert_null(strstr(err.text, "hunter2"));
		world_end(&w);
	}
}

static void helpers_have_names_and_no_paths(void **state)
{
	static const char *const rows[] = { "", "../x", "a/b", "a b", "a;b", "$(x)" };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_arena a = { 0 };
		struct login got = { 0 };

		assert_int_equal(login_helper(&a, rows[i], "h", &got, &err), -1);
		assert_err(err, ERR_USAGE, "no name of a credential helper");
	}
}

static void files_are_asked_in_their_order(void **state)
{
	static const char
		one[] = "{\"auths\":{\"h\":{\"auth\":\"YTpi\"}}}",
		two[] = "{\"auths\":{\"h\":{\"auth\":\"dXNlcjpwYXNz\"},\"only\":{\"auth\":\"dXNlcjpwYXNz\"}}}";
	struct err err = ERR_INIT;
	struct login got;
	struct world w;

	(void)state;
	world_begin(&w);
	assert_ok(fs_mkdirs(w.d.fd, "run/containers", &err), err);
	assert_ok(fs_mkdirs(w.d.fd, ".docker", &err), err);
	setenv("HOME", w.d.path, 1);
	setenv("XDG_RUNTIME_DIR", arena_printf(&w.a, "%s/run", w.d.path), 1);
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("DOCKER_CONFIG");
	unsetenv("REGISTRY_AUTH_FILE");
	assert_ok(login_find(&w.a, "h", "x", &got, &err), err);
	assert_false(got.found);
	assert_non_null(strstr(got.from, ".docker/config.json")); /* so that the user is told where to look */
	assert_ok(fs_write(w.d.fd, ".docker/config.json", two, strlen(two), 0600, &err), err);
	assert_ok(login_find(&w.a, "h", "x", &got, &err), err);
	assert_string_equal(got.user, "user");
	assert_ok(fs_write(w.d.fd, "run/containers/auth.json", one, strlen(one), 0600, &err), err);
	assert_ok(login_find(&w.a, "h", "x", &got, &err), err);
	assert_string_equal(got.user, "a");
	assert_ok(login_find(&w.a, "only", "x", &got, &err), err);
	assert_string_equal(got.user, "user");
	setenv("REGISTRY_AUTH_FILE", arena_printf(&w.a, "%s/run/containers/auth.json", w.d.path), 1);
	assert_ok(login_find(&w.a, "only", "x", &got, &err), err);
	assert_false(got.found);
	unsetenv("REGISTRY_AUTH_FILE");
	unsetenv("XDG_RUNTIME_DIR");
	world_end(&w);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN); /* as the program does: a helper need not read */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_key_wins),
		cmocka_unit_test(tokens_are_read),
		cmocka_unit_test(broken_files_do_not_show_their_secrets),
		cmocka_unit_test(basic_is_base64),
		cmocka_unit_test(helpers_are_asked),
		cmocka_unit_test(helpers_that_misbehave_are_told_without_what_they_said),
		cmocka_unit_test(helpers_have_names_and_no_paths),
		cmocka_unit_test(files_are_asked_in_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
