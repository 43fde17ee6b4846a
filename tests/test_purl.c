#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"
#include "conda/purl.h"

/* The first row is purl-spec's own test of the conda type; the encoding is that of ECMA-427, 5.4. */
static void packages_have_the_purls_of_the_specification(void **state)
{
	static const struct {
		struct record r;
		const char *want;
	} rows[] = {
		{ { .name = "absl-py",
		    .version = "0.4.1",
		    .build = "py36h06a4308_0",
		    .channel = "https://repo.anaconda.com/pkgs/main",
		    .subdir = "linux-64",
		    .fn = "absl-py-0.4.1-py36h06a4308_0.tar.bz2" },
		  "pkg:conda/absl-py@0.4.1?build=py36h06a4308_0&channel=main&subdir=linux-64&type=tar.bz2" },
		{ { .name = "zlib",
		    .version = "1.2.13",
		    .build = "h5eee18b_1",
		    .channel = "https://conda.anaconda.org/conda-forge",
		    .subdir = "linux-64",
		    .fn = "zlib-1.2.13-h5eee18b_1.conda" },
		  "pkg:conda/zlib@1.2.13?build=h5eee18b_1&channel=conda-forge&subdir=linux-64&type=conda" },
		{ { .name = "x",
		    .version = "1!2.0+local",
		    .build = "0",
		    .channel = "https://me.example/a b",
		    .subdir = "noarch",
		    .url = "https://me.example/a%20b/noarch/x-1!2.0+local-0.conda" },
		  "pkg:conda/x@1%212.0%2Blocal?build=0&channel=https://me.example/a%20b&subdir=noarch&type=conda" },
		{ { .name = "_libgcc_mutex", .version = "0.1" }, "pkg:conda/_libgcc_mutex@0.1" },
		{ { .name = "x", .version = "1", .channel = "https://a.example/?x=1&y#z" },
		  "pkg:conda/x@1?channel=https://a.example/%3Fx%3D1%26y%23z" },
	};
	auto_arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(purl_conda(&a, &rows[i].r), rows[i].want);
	assert_string_equal(purl_text(&a, "oci", "app", "sha256:00ff", "arch=amd64"),
			    "pkg:oci/app@sha256:00ff?arch=amd64");
	assert_string_equal(purl_text(&a, "generic", "glibc", "2.36", NULL), "pkg:generic/glibc@2.36");
	assert_string_equal(purl_text(&a, "generic", "a/b@c", "", NULL), "pkg:generic/a%2Fb%40c");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(packages_have_the_purls_of_the_specification) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
