#include "check.h"

#include "cmd/app.h"
#include "cmd/certificates.h"

static void words_are_split_as_a_shell_would(void **state)
{
	static const struct {
		const char *text;
		const char *want; /* words, each in <> */
	} rows[] = {
		{ "python -m app", "<python><-m><app>" },
		{ "  a \t b\n", "<a><b>" },
		{ "sh -c 'echo \"x y\"; exit'", "<sh><-c><echo \"x y\"; exit>" },
		{ "a\"b c\"d", "<ab cd>" },
		{ "a\\ b \\\"", "<a b><\">" },
		{ "\"a\\\"b\" '\\n'", "<a\"b><\\n>" },
		{ "\"\\n $HOME *\"", "<\\n $HOME *>" },
		{ "'' \"\"", "<><>" },
		{ "", "" },
		{ "[\"python\", \"-c\", \"print(1)\"]", "<python><-c><print(1)>" },
		{ " [] ", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_arena a = { 0 };
		auto_buf got = { 0 };
		const char *const *words;

		assert_ok(app_words(&a, "cmd", rows[i].text, &words, &err), err);
		for (; *words; words++)
			buf_addf(&got, "<%s>", *words);
		if (strcmp(buf_cstr(&got), rows[i].want) != 0)
			fail_msg("%s: %s, expected %s", rows[i].text, buf_cstr(&got), rows[i].want);
	}
}

static void paths_are_made_canonical(void **state)
{
	static const struct {
		const char *path, *want;
	} rows[] = {
		{ "/", "/" },	     { "/app", "/app" },     { "/app/", "/app" }, { "//a/./b//", "/a/b" },
		{ "/a/../b", "/b" }, { "/a/b/..", "/a" },    { "/a/..", "/" },	  { "/..", NULL },
		{ "app", NULL },     { "/a/../../b", NULL }, { "/.wh.x", NULL },  { "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_arena a = { 0 };
		const char *got = app_path(&a, rows[i].path);

		if (strcmp(got ? got : "-", rows[i].want ? rows[i].want : "-") != 0)
			fail_msg("%s: %s, expected %s", rows[i].path, got, rows[i].want);
	}
}

static void users_have_a_name_a_number_and_a_home(void **state)
{
	static const struct {
		const char *text, *name, *uid, *home;
	} rows[] = {
		{ NULL, "conda", "1000", "/home/conda" },
		{ "app", "app", "1000", "/home/app" },
		{ "app:1001", "app", "1001", "/home/app" },
		{ "app:007", "app", "7", "/home/app" },
		{ "1234", "conda", "1234", "/home/conda" },
		{ "root", "root", "0", "/root" },
		{ "0", "root", "0", "/root" },
		{ "nobody", "nobody", "65534", "/home/nobody" },
		{ "_x-1:4294967294", "_x-1", "4294967294", "/home/_x-1" },
		{ "app:0", NULL, NULL, NULL },
		{ "root:1", NULL, NULL, NULL },
		{ "app:65534", NULL, NULL, NULL },
		{ "app:4294967295", NULL, NULL, NULL },
		{ "App", NULL, NULL, NULL },
		{ "a b", NULL, NULL, NULL },
		{ "a:b", NULL, NULL, NULL },
		{ "a:1:2", NULL, NULL, NULL },
		{ "", NULL, NULL, NULL },
		{ "-x", NULL, NULL, NULL },
		{ "x\ny:x:0:0:::", NULL, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct options o = { .user = rows[i].text };
		struct err err = ERR_INIT;
		auto_arena a = { 0 };
		struct app app;
		int rc = app_read(&o, &a, &app, &err);

		if ((rc == 0) != (rows[i].name != NULL))
			fail_msg("--user %s: %s", rows[i].text, rc ? err.text : "was taken");
		if (rc < 0) {
			assert_int_equal(err.code, ERR_USAGE);
			continue;
		}
		assert_string_equal(app.user.name, rows[i].name);
		assert_string_equal(app.user.uid, rows[i].uid);
		assert_string_equal(app.user.home, rows[i].home);
		assert_string_equal(app.workdir, rows[i].home);
	}
}

static void lists_are_canonical(void **state)
{
	const char *ports[] = { "8080", "53/udp", "0443/tcp" }, *labels[] = { "b=2", "a=1", "b=3=3" };
	const char *copies[] = { "src:code/", "a:b:.", "x:/etc//y" }, *volumes[] = { "/z/", "/a" };
	struct options o = { .ports = ports,
			     .n_ports = 3,
			     .labels = labels,
			     .n_labels = 3,
			     .copies = copies,
			     .n_copies = 3,
			     .volumes = volumes,
			     .n_volumes = 2,
			     .workdir = "/app" };
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	struct app app;

	(void)state;
	assert_ok(app_read(&o, &a, &app, &err), err);
	assert_string_equal(app.ports[0], "443/tcp");
	assert_string_equal(app.ports[1], "53/udp");
	assert_string_equal(app.ports[2], "8080/tcp");
	assert_null(app.ports[3]);
	assert_int_equal(app.n_labels, 2);
	assert_string_equal(app.labels[0].key, "a");
	assert_string_equal(app.labels[1].value, "3=3");
	assert_string_equal(app.copies[0].to, "/app/code");
	assert_true(app.copies[0].into);
	assert_string_equal(app.copies[1].from, "a:b");
	assert_string_equal(app.copies[1].to, "/app");
	assert_true(app.copies[1].into);
	assert_string_equal(app.copies[2].to, "/etc/y");
	assert_false(app.copies[2].into);
	assert_string_equal(app.volumes[0], "/a");
	assert_string_equal(app.volumes[1], "/z");
}

#define PEM(body) "-----BEGIN CERTIFICATE-----\n" body "-----END CERTIFICATE-----\n"

static void certificates_alone_are_taken(void **state)
{
	static const struct {
		const char *text, *want, *fault;
	} rows[] = {
		{ PEM("MIIB\nAb+/==\n"), PEM("MIIB\nAb+/==\n"), NULL },
		{ "Subject: x\n" PEM("MIIB\n") "# more\r\n" PEM("MIIC\n"), PEM("MIIB\n") PEM("MIIC\n"), NULL },
		{ "-----BEGIN CERTIFICATE-----\r\nMIIB\r\n-----END CERTIFICATE-----", PEM("MIIB\n"), NULL },
		{ "", NULL, "ca.pem: has no certificate" },
		{ "0\x82", NULL, "ca.pem: has no certificate" },
		{ PEM(""), NULL, "ca.pem:1: is a certificate without content" },
		{ PEM("MI B\n"), NULL, "ca.pem:2: 'MI B' is no line of a certificate" },
		{ PEM("AAAA\n"), NULL, "ca.pem:2: is not the beginning of a certificate" },
		{ "\n-----BEGIN CERTIFICATE-----\nMIIB\n", NULL, "ca.pem:2: the certificate has no end" },
		{ PEM("MIIB\n") "-----BEGIN RSA PRIVATE KEY-----\n", NULL, "ca.pem:4: is a private key" },
		{ "-----BEGIN PRIVATE KEY-----\n", NULL, "ca.pem:1: is a private key" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_buf got = { 0 };
		int rc = certificates_add(rows[i].text, strlen(rows[i].text), "ca.pem", &got, &err);

		if (rows[i].fault) {
			assert_int_equal(rc, -1);
			assert_err(err, ERR_FORMAT, rows[i].fault);
		} else {
			assert_ok(rc, err);
			assert_string_equal(got.p, rows[i].want);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_split_as_a_shell_would),	 cmocka_unit_test(paths_are_made_canonical),
		cmocka_unit_test(users_have_a_name_a_number_and_a_home), cmocka_unit_test(lists_are_canonical),
		cmocka_unit_test(certificates_alone_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
