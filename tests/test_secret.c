#include "check.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/secret.h"

static const struct row {
	const char *is, *told;
} rows[] = {
	/* logins in URLs */
	{ "cannot open https://u:pw@h.org/x: no", "cannot open https://h.org/x: no" },
	{ "'http://u:p@ss@h:80/x', expected", "'http://h:80/x', expected" },
	{ "git+https://token@h/x.git is", "git+https://h/x.git is" },
	{ "proxy 'socks5h://u:p@[::1]:9'", "proxy 'socks5h://[::1]:9'" },
	{ "'docker://u:pw@h/x:1'", "'docker://h/x:1'" },
	{ "https://u:pa/ss@h/x is none", "https://h/x is none" },
	{ "'docker://u:pa/ss@h/x'", "'docker://h/x'" },
	{ "https://u:pass", "https://u:..." },
	{ "a https://u:p@h/x and ftp://v:q@i/y", "a https://h/x and ftp://i/y" },
	/* and without a scheme */
	{ "'u:pw@h.org/app:1' is no name", "'...@h.org/app:1' is no name" },
	{ "--proxy=u:pw@h:3128", "--proxy=...@h:3128" },
	{ "channel u:pw@h", "channel ...@h" },
	/* tokens */
	{ "https://h/t/tk-1/c/x: 404", "https://h/c/x: 404" },
	{ "'https://h/t/tk-1'", "'https://h'" },
	{ "e.txt:2: 'https://h/x.conda?sig=a&b=c': 403", "e.txt:2: 'https://h/x.conda?...': 403" },
	{ "https://h/x?token=abc#0123", "https://h/x?..." },
	/* what is none */
	{ "app:1@sha256:0123", "app:1@sha256:0123" },
	{ "docker://debian:bookworm", "docker://debian:bookworm" },
	{ "docker://h:5000/app:one@sha256:00", "docker://h:5000/app:one@sha256:00" },
	{ "http://127.0.0.1:8080/t.html", "http://127.0.0.1:8080/t.html" },
	{ "https://h/ch/x@1.0/y.conda", "https://h/ch/x@1.0/y.conda" },
	{ "is it https://h/x? no", "is it https://h/x? no" },
	{ "file:///a/t/b/c?d", "file:///a/t/b/c?d" },
	{ "env.yml:3: mail me@h.org", "env.yml:3: mail me@h.org" },
	{ "git@h.org:me/x.git", "git@h.org:me/x.git" },
	{ "pkg:conda/zlib@1.3", "pkg:conda/zlib@1.3" },
	{ "", "" },
	{ " \n", " \n" },
	{ "://", "://" },
	{ "@", "@" },
	{ "http://@", "http://" },
	{ "http://?", "http://?" },
};

static void what_looks_like_a_credential_is_taken_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[200];

		snprintf(text, sizeof(text), "%s", rows[i].is);
		secret_hide(text);
		assert_string_equal(text, rows[i].told);
		secret_hide(text);
		assert_string_equal(text, rows[i].told);
	}
}

static void whatever_it_is_a_sentence_grows_no_longer(void **state)
{
	static const char alphabet[] = "ab:/@?#t. '0";
	uint32_t seed = 1;

	(void)state;
	for (int n = 0; n < 200000; n++) {
		char text[24];
		size_t len = check_random(&seed) % (sizeof(text) - 1);

		for (size_t i = 0; i < len; i++)
			text[i] = alphabet[check_random(&seed) % (sizeof(alphabet) - 1)];
		text[len] = '\0';
		secret_hide(text);
		assert_true(strlen(text) <= len);
	}
}

static void errors_carry_none(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	err_set(&err, ERR_USAGE, "'%s' is wrong", "https://u:sesame@h/x");
	err_at(&err, "%s", "u:sesame@h");
	assert_string_equal(err.text, "...@h: 'https://h/x' is wrong");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_looks_like_a_credential_is_taken_out),
		cmocka_unit_test(whatever_it_is_a_sentence_grows_no_longer),
		cmocka_unit_test(errors_carry_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
