#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/str.h"
#include "oci/oci_channel.h"

#define V1 "application/vnd.conda.package.v1"
#define V2 "application/vnd.conda.package.v2"
#define DATA "application/vnd.conda.repodata.v1+json"

static const struct row {
	const char *url, *ref, *media_type; /* NULL: there is no such file in such channels */
} rows[] = {
	/* the examples of rattler's tests and conda-oci-mirror's documentation */
	{ "oci://ghcr.io/channel-mirrors/conda-forge/osx-arm64/xtensor-0.25.0-h2ffa867_0.conda",
	  "ghcr.io/channel-mirrors/conda-forge/osx-arm64/xtensor:0.25.0-h2ffa867_0", V2 },
	{ "oci://ghcr.io/channel-mirrors/conda-forge/linux-64/zlib-1.2.11-0.tar.bz2",
	  "ghcr.io/channel-mirrors/conda-forge/linux-64/zlib:1.2.11-0", V1 },
	{ "oci://ghcr.io/c/linux-64/_libgcc_mutex-0.1-main.tar.bz2", "ghcr.io/c/linux-64/zzz_libgcc_mutex:0.1-main",
	  V1 },
	{ "oci://h:5000/c/noarch/x-y-1!2.0+a=b-h_0.conda", "h:5000/c/noarch/x-y:1__e__2.0__p__a__eq__b-h_0", V2 },
	{ "oci://h:5000/c/noarch/x-1%212.0-0.conda", "h:5000/c/noarch/x:1__e__2.0-0", V2 },
	{ "OCI://localhost/c/noarch/repodata.json", "localhost/c/noarch/repodata.json:latest", DATA },
	{ "oci://h:5000/c/noarch/repodata.json.zst", "h:5000/c/noarch/repodata.json:latest", DATA "+zst" },
	{ "oci://h:5000/c/noarch/repodata.json.bz2", "h:5000/c/noarch/repodata.json:latest", DATA "+bz2" },
	{ "oci://h:5000/c/noarch/repodata_shards.msgpack.zst", NULL, NULL },
	{ "oci://h:5000/c/noarch/x-1.conda", NULL, NULL },
	{ "oci://h:5000/c/noarch/-1-0.conda", NULL, NULL },
};

static void files_are_where_the_other_tools_have_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_arena a = { 0 };
		struct err err = ERR_INIT;
		struct oci_channel_file f;
		int rc = oci_channel_parse(&a, rows[i].url, &f, &err);

		if (rc != (rows[i].ref != NULL))
			fail_msg("%s: %d %s", rows[i].url, rc, err.text);
		if (!rc)
			continue;
		assert_string_equal(ref_text(&a, &f.ref), rows[i].ref);
		assert_string_equal(f.media_type, rows[i].media_type);
	}
}

static void what_cannot_be_there_is_told(void **state)
{
	static const struct {
		const char *url, *words;
	} bad[] = {
		{ "https://ghcr.io/c/noarch/repodata.json", "is no URL of a channel in a registry" },
		{ "oci://u:sesame@ghcr.io/c/noarch/repodata.json", "has a login in it" },
		{ "oci://c/noarch/repodata.json", "no host with a domain or a port" },
		{ "oci://", "no host" },
		{ "oci://h:5000", "no host" },
		{ "oci://h:5000/", "names no file" },
		{ "oci://h:5000/C/noarch/repodata.json", "is no name of an image" },
		{ "oci://h:5000/c/noarch/X-1-0.conda", "is no name of an image" },
		{ "oci://h:5000/c/noarch/x-1 2-0.conda", "is no tag" },
		{ "oci://h:5000/c/noarch/x-1-%.conda", "names no file" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		auto_arena a = { 0 };
		struct err err = ERR_INIT;
		struct oci_channel_file f;

		assert_int_equal(oci_channel_parse(&a, bad[i].url, &f, &err), -1);
		assert_int_equal(err.code, ERR_USAGE);
		if (!strstr(err.text, bad[i].words) || strstr(err.text, "sesame"))
			fail_msg("%s: %s", bad[i].url, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_where_the_other_tools_have_them),
		cmocka_unit_test(what_cannot_be_there_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
