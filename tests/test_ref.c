#include "check.h"
#include "oci/ref.h"

#define HEX "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
#define D "sha256:" HEX

/* What the Go package distribution/reference (and with it docker and podman) makes of them. */
static void names_are_read_as_docker_reads_them(void **state)
{
	static const struct {
		const char *text, *host, *repo, *tag; /* host NULL: refused */
		bool digest;
		const char *again; /* NULL: host/repo[:tag] */
	} rows[] = {
		{ "debian", "docker.io", "library/debian", NULL, false, NULL },
		{ "debian:12", "docker.io", "library/debian", "12", false, NULL },
		{ "me/app:1", "docker.io", "me/app", "1", false, NULL },
		{ "docker.io/debian", "docker.io", "library/debian", NULL, false, NULL },
		{ "index.docker.io/me/app", "docker.io", "me/app", NULL, false, NULL },
		{ "ghcr.io/me/app:v1.2", "ghcr.io", "me/app", "v1.2", false, NULL },
		{ "localhost/app", "localhost", "app", NULL, false, NULL },
		{ "localhost:5000/app:1", "localhost:5000", "app", "1", false, NULL },
		{ "127.0.0.1:5000/a/b/c", "127.0.0.1:5000", "a/b/c", NULL, false, NULL },
		{ "[::1]:5000/a:1", "[::1]:5000", "a", "1", false, NULL },
		{ "host.x/a@" D, "host.x", "a", NULL, true, "host.x/a@" D },
		{ "host.x/a:1@" D, "host.x", "a", "1", true, "host.x/a:1@" D },
		{ "host.x/a@sha256:12", NULL, NULL, NULL, false, NULL },
		{ "host.x/a@" D "x", NULL, NULL, NULL, false, NULL },
		{ "host.x/A", NULL, NULL, NULL, false, NULL },
		{ "host.x:0/a", NULL, NULL, NULL, false, NULL },
		{ "host.x:99999/a", NULL, NULL, NULL, false, NULL },
		{ "host.x:x/a", NULL, NULL, NULL, false, NULL },
		{ ":5000/a", NULL, NULL, NULL, false, NULL },
		{ "https://host.x/a", NULL, NULL, NULL, false, NULL },
		{ "host.x/a:", NULL, NULL, NULL, false, NULL },
		{ "host.x/a:-1", NULL, NULL, NULL, false, NULL },
		{ "host.x/", NULL, NULL, NULL, false, NULL },
		{ "", NULL, NULL, NULL, false, NULL },
		{ "user:pass@host.x/a", NULL, NULL, NULL, false, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_arena a = { 0 };
		struct ref r;
		int rc = ref_parse(&a, rows[i].text, &r, &err);

		if ((rc == 0) != (rows[i].host != NULL))
			fail_msg("'%s': %s", rows[i].text, err.text);
		if (rc < 0) {
			assert_int_equal(err.code, ERR_USAGE);
			continue;
		}
		assert_string_equal(r.host, rows[i].host);
		assert_string_equal(r.repo, rows[i].repo);
		assert_string_equal(r.tag ? r.tag : "-", rows[i].tag ? rows[i].tag : "-");
		assert_int_equal(r.has_digest, rows[i].digest);
		assert_string_equal(ref_text(&a, &r), rows[i].again
							      ? rows[i].again
							      : arena_printf(&a, "%s/%s%s%s", r.host, r.repo,
									     r.tag ? ":" : "", r.tag ? r.tag : ""));
	}
}

static void the_digest_is_asked_for_before_the_tag(void **state)
{
	static const char *const rows[][2] = { { "x", "latest" }, { "x:1", "1" }, { "x@" D, D }, { "x:1@" D, D } };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_arena a = { 0 };
		struct ref r;

		assert_ok(ref_parse(&a, rows[i][0], &r, &err), err);
		assert_string_equal(ref_wanted(&a, &r), rows[i][1]);
	}
}

static void only_this_machine_is_loopback(void **state)
{
	static const struct {
		const char *host;
		bool want;
	} rows[] = {
		{ "localhost", true },
		{ "localhost:5000", true },
		{ "LOCALHOST:1", true },
		{ "127.0.0.1", true },
		{ "127.8.9.1:80", true },
		{ "[::1]:80", true },
		{ "[::1]", true },
		{ "localhost.example.org", false },
		{ "127.0.0.1.example.org:80", false },
		{ "128.0.0.1", false },
		{ "[::2]:80", false },
		{ "127.x:80", false },
		{ "ghcr.io", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (ref_is_loopback(rows[i].host) != rows[i].want)
			fail_msg("%s", rows[i].host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_read_as_docker_reads_them),
		cmocka_unit_test(the_digest_is_asked_for_before_the_tag),
		cmocka_unit_test(only_this_machine_is_loopback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
