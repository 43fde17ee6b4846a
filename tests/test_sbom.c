#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/doc.h"
#include "cmd/sbom.h"

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

static struct record make(const char *name, const char *build, const char *const *depends, const char *license)
{
	struct record r = { .name = name, .version = "1", .build = build, .depends = depends, .license = license };

	record_defaults(&r);
	return r;
}

static size_t place_of(const struct sbom *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->packages[i].record->name, name) == 0)
			return i;
	fail_msg("no %s", name);
	return 0;
}

static void packages_need_what_their_dependencies_name(void **state)
{
	const struct record packages[] = {
		make("b", "0", LIST("a >=1", "a <3", "gone", "__glibc >=2.17", "__linux", "b"), NULL),
		make("a", "0", NULL, NULL),
	};
	const struct record libc = make("sysroot_linux-64", "0", LIST("a"), NULL);
	auto_sbom s = { 0 };
	size_t b;

	(void)state;
	sbom_make(&s, &(struct sbom_subject){ .name = "x" }, packages, 2, &libc);
	assert_int_equal(s.n, 3);
	assert_string_equal(s.packages[0].record->name, "a");
	b = place_of(&s, "b");
	assert_int_equal(s.packages[b].n_needs, 2);
	assert_int_equal(s.packages[b].needs[0], 0);
	assert_int_equal(s.packages[b].needs[1], s.libc);
	assert_int_equal(s.packages[0].n_needs, 0);
	assert_string_equal(s.glibc_purl, "pkg:generic/glibc@1");
	assert_null(s.purl);
}

static void ids_are_unique_and_the_same_package_stands_once(void **state)
{
	const struct record packages[] = { make("a_b", "0", NULL, NULL), make("a-b", "0", NULL, NULL),
					   make("a-b", "0", NULL, NULL) };
	auto_sbom s = { 0 };

	(void)state;
	sbom_make(&s, &(struct sbom_subject){ .name = "x" }, packages, 3, NULL);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.libc, s.n);
	assert_string_equal(s.packages[0].id, "conda-a-b-1-0");
	assert_string_equal(s.packages[1].id, "conda-a-b-1-0.2");
}

/* Two texts that come to one LicenseRef get two. */
static void licences_that_spdx_does_not_know_keep_their_words(void **state)
{
	const struct record packages[] = { make("a", "0", NULL, "BSD 3-Clause"), make("b", "0", NULL, "BSD/3-Clause"),
					   make("c", "0", NULL, "BSD 3-Clause"), make("d", "0", NULL, "None"),
					   make("e", "0", NULL, "mit or isc") };
	static const char *const want[] = { "LicenseRef-BSD-3-Clause", NULL, "LicenseRef-BSD-3-Clause", "NOASSERTION",
					    "MIT OR ISC" };
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	auto_sbom s = { 0 };
	auto_buf text = { 0 };
	const struct doc *d, *list, *refs;

	(void)state;
	sbom_make(&s, &(struct sbom_subject){ .name = "x" }, packages, COUNT(packages), NULL);
	sbom_write_spdx(&s, &text);
	d = doc_parse_json(&a, text.p, text.n, "spdx", &err);
	assert_non_null(d);
	list = doc_find(d, "packages");
	for (size_t i = 0; i < COUNT(want); i++) {
		const char *is = doc_find(&list->items[i + 1], "licenseDeclared")->text;

		if (want[i])
			assert_string_equal(is, want[i]);
		else
			assert_string_not_equal(is, "LicenseRef-BSD-3-Clause");
	}
	refs = doc_find(d, "hasExtractedLicensingInfos");
	assert_int_equal(refs->n, 2);
	assert_string_equal(doc_find(&refs->items[0], "name")->text, "BSD 3-Clause");
	assert_string_equal(doc_find(&refs->items[1], "name")->text, "BSD/3-Clause");
}

/* RFC 9562, 5.8: version and variant bits; the rest is sha256 of "abc" (FIPS 180-2, B.1). */
static void uuids_are_of_version_8(void **state)
{
	(void)state;
	assert_string_equal(sbom_uuid("abc", 3).s, "ba7816bf-8f01-8fea-8141-40de5dae2223");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packages_need_what_their_dependencies_name),
		cmocka_unit_test(ids_are_unique_and_the_same_package_stands_once),
		cmocka_unit_test(licences_that_spdx_does_not_know_keep_their_words),
		cmocka_unit_test(uuids_are_of_version_8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
