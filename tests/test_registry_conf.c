#include "check.h"
#include "oci/registry_conf.h"

/* After containers-registries.conf(5). */
static const char conf[] = "# a comment\n"
			   "unqualified-search-registries = [\"docker.io\", 'quay.io', # and\n"
			   "]\n"
			   "short-name-mode=\"enforcing\"\n"
			   "\n"
			   "[[registry]]\n"
			   "prefix = \"example.com/foo\"\n"
			   "insecure = false\n"
			   "blocked = false\n"
			   "location = \"internal-registry-for-example.com/bar\"\n"
			   "[[registry.mirror]]\n"
			   "location = \"example-mirror-0.local/mirror-for-foo\"\n"
			   "[[registry.mirror]]\n"
			   "location = \"example-mirror-1.local/mirrors/foo\"\n"
			   "insecure = true\n"
			   "pull-from-mirror = \"digest-only\"\n"
			   "[[registry]]\n"
			   "location = \"bad.example\"\n"
			   "blocked = true\n"
			   "[[registry]]\n"
			   "prefix = \"*.wild.example\"\n"
			   "insecure = true\n"
			   "[[registry]]\n"
			   "prefix = \"example.com\"\n"
			   "mirror-by-digest-only = true\n"
			   "[[registry.mirror]]\n"
			   "location = \"m.example/x\"\n";

static int parse(struct registry_conf *c, const char *text, struct err *err)
{
	*c = (struct registry_conf){ 0 };
	return registry_conf_parse(c, text, strlen(text), "x.conf", err);
}

static const char *places(const struct registry_conf *c, struct arena *a, const char *name)
{
	struct err err = ERR_INIT;
	struct registry_place *list;
	auto_buf b = { 0 };
	struct ref r;
	size_t n;

	assert_ok(ref_parse(a, name, &r, &err), err);
	list = registry_conf_places(c, a, &r, &n);
	for (size_t i = 0; i < n; i++)
		buf_addf(&b, "%s%s/%s%s%s", i ? " " : "", list[i].host, list[i].repo, list[i].insecure ? "!" : "",
			 list[i].use == REGISTRY_CONF_BY_DIGEST ? "@" : "");
	return arena_strdup(a, buf_cstr(&b));
}

static void places_are_mirrors_first_and_then_the_location(void **state)
{
	struct registry_conf c;
	struct err err = ERR_INIT;
	auto_arena a = { 0 };

	(void)state;
	assert_ok(parse(&c, conf, &err), err);
	assert_string_equal(places(&c, &a, "example.com/foo/image:1"), "example-mirror-0.local/mirror-for-foo/image "
								       "example-mirror-1.local/mirrors/foo/image!@ "
								       "internal-registry-for-example.com/bar/image");
	assert_string_equal(places(&c, &a, "example.com/foo"), "example-mirror-0.local/mirror-for-foo "
							       "example-mirror-1.local/mirrors/foo!@ "
							       "internal-registry-for-example.com/bar");
	assert_string_equal(places(&c, &a, "example.com/food"), "m.example/x/food@ example.com/food");
	assert_string_equal(places(&c, &a, "x.wild.example/a"), "x.wild.example/a!");
	assert_string_equal(places(&c, &a, "wild.example/a"), "wild.example/a");
	assert_true(registry_conf_find(&c, "bad.example", "a/b")->blocked);
	assert_null(registry_conf_find(&c, "good.example", "bad.example"));
	registry_conf_release(&c);
}

static void what_is_wrong_is_told_with_its_line(void **state)
{
	static const char *const rows[][2] = {
		{ "a = 1\na = 2\n", "x.conf:2: a key stands there twice" },
		{ "a = \"x\n", "x.conf:1: a string does not end" },
		{ "a = [1\n", "x.conf:2: expected ',' or ']'" },
		{ "a\n", "x.conf:1: expected '='" },
		{ "a = 1 2\n", "x.conf:1: there is more" },
		{ "a = 2026-01-01\n", "x.conf:1: expected a string" },
		{ "[a\n", "x.conf:1: the head of a table does not end" },
		{ "a = 1\n[a]\n", "x.conf:2: is a table here" },
		{ "\n[[registry]]\ninsecure = true\n", "x.conf:2:1: a registry has neither prefix nor location" },
		{ "[[registry]]\nlocation = 5\n", "x.conf:" },
		{ "[[registry]]\nlocation = \"a\"\n[[registry.mirror]]\n", "a mirror has no location" },
		{ "[registries.search]\nregistries = []\n", "version 1" },
		{ "a = \"\\u002e\"\n", "x.conf:1: an escape" },
		{ "a = \"\"\"\n", "several lines" },
		{ "a = [[[[[[[[[[[[[[[[[[[[[[[[", "nested too deep" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		struct registry_conf c;

		if (parse(&c, rows[i][0], &err) == 0 || !strstr(err.text, rows[i][1]))
			fail_msg("'%s': '%s', expected '%s'", rows[i][0], err.text, rows[i][1]);
		registry_conf_release(&c);
	}
}

static void certificates_of_a_host_are_found(void **state)
{
	struct check_dir d = check_mkdir();
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	struct call_tls tls = { .ca = "ONE" };
	const char *dir = ".config/containers/certs.d/h:5";

	(void)state;
	assert_ok(fs_mkdirs(d.fd, dir, &err), err);
	assert_ok(fs_write(d.fd, arena_printf(&a, "%s/a.crt", dir), "TWO", 3, 0644, &err), err);
	assert_ok(fs_write(d.fd, arena_printf(&a, "%s/b.crt", dir), "THREE", 5, 0644, &err), err);
	assert_ok(fs_write(d.fd, arena_printf(&a, "%s/c.cert", dir), "C", 1, 0644, &err), err);
	assert_ok(fs_write(d.fd, arena_printf(&a, "%s/d.cert", dir), "D", 1, 0644, &err), err);
	assert_ok(fs_write(d.fd, arena_printf(&a, "%s/d.key", dir), "K", 1, 0600, &err), err);
	assert_ok(registry_conf_certs(&a, d.path, "h:5", &tls, &err), err);
	assert_string_equal(tls.ca, "ONE\nTWO\nTHREE\n");
	assert_non_null(tls.cert); /* a certificate without its key is none */
	assert_true(str_ends(tls.cert, "/d.cert") && str_ends(tls.key, "/d.key"));
	tls = (struct call_tls){ 0 };
	assert_ok(registry_conf_certs(&a, d.path, "other", &tls, &err), err);
	assert_null(tls.ca);
	check_rmdir(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_are_mirrors_first_and_then_the_location),
		cmocka_unit_test(what_is_wrong_is_told_with_its_line),
		cmocka_unit_test(certificates_of_a_host_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
