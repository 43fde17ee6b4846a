/* Which sources git is given, what of them is shown, and to whom a password is told. */
#include "check.h"

#include "cmd/source.h"

static void git_is_given_urls_of_known_protocols(void **state)
{
	static const struct {
		const char *what;
		bool is;
	} rows[] = {
		{ "https://example.org/x", true },
		{ "http://example.org/x.git", true },
		{ "ssh://git@example.org/x", true },
		{ "git@example.org:group/x.git", true },
		{ "file:///srv/x", true },
		{ "git://example.org/x", true },
		{ "ext::sh -c touch% /x", false },
		{ "fd::17", false },
		{ "-uexample.org:x", false },
		{ "--upload-pack=touch x:y", false },
		{ "folder", false },
		{ "./a:b", false },
		{ "/srv/a:b", false },
		{ "host:", false },
		{ "", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (source_is_url(rows[i].what) != rows[i].is)
			fail_msg("'%s' is %s", rows[i].what, rows[i].is ? "refused" : "taken");
}

static void passwords_are_not_shown(void **state)
{
	static const char *const rows[][2] = {
		{ "https://me:secret@example.org/x", "https://example.org/x" },
		{ "https://token@example.org:8443/x@y", "https://example.org:8443/x@y" },
		{ "https://a:b@c@example.org", "https://example.org" },
		{ "https://example.org/a@b", "https://example.org/a@b" },
		{ "git@example.org:x", "git@example.org:x" },
		{ "folder", "folder" },
	};
	auto_arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(source_shown(&a, rows[i][0]), rows[i][1]);
}

/* gitcredentials(7): the question has the URL in quotes. */
static void passwords_are_told_to_their_host_alone(void **state)
{
	static const struct {
		const char *credentials, *host, *question, *answer;
	} rows[] = {
		{ "username=u\npassword=p", "example.org", "Username for 'https://example.org': ", "u" },
		{ "username=u\npassword=p", "example.org", "Password for 'https://u@example.org': ", "p" },
		{ "username=u\\npassword=p=q", "example.org", "Password for 'https://u@example.org': ", "p=q" },
		{ "username=u\npassword=p\n", "example.org", "Password for 'https://u@evil.org': ", NULL },
		{ "username=u\npassword=p\n", "example.org", "Password for 'https://example.org@evil.org': ", NULL },
		{ "username=u\npassword=p\n", "example.org", "Password for 'https://example.org.evil.org': ", NULL },
		{ "host=git.example.org\npassword=p", "example.org", "Password for 'https://git.example.org': ", "p" },
		{ "host=git.example.org\npassword=p", "example.org", "Password for 'https://example.org': ", NULL },
		{ "password=p", "example.org", "Username for 'https://example.org': ", NULL },
		{ "password=p", "example.org", "Passphrase for key '/root/.ssh/id': ", NULL },
		{ "password=p", NULL, "Password for 'https://example.org': ", NULL },
		{ "", "example.org", "Password for 'https://example.org': ", NULL },
	};
	auto_arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *got = source_answer(&a, rows[i].credentials, rows[i].host, rows[i].question);

		if ((got == NULL) != (rows[i].answer == NULL) || (got && strcmp(got, rows[i].answer) != 0))
			fail_msg("row %zu: %s", i, got ? got : "no answer");
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(git_is_given_urls_of_known_protocols),
		cmocka_unit_test(passwords_are_not_shown),
		cmocka_unit_test(passwords_are_told_to_their_host_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
