/* Whatever decides a layer's bytes changes its recipe; what does not, does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cmd/recipe.h"

static const struct prefix prefix = { "/p", "3.11", "lib/python3.11/site-packages" };

static struct record some_record(void)
{
	struct record r = { .name = "a",
			    .version = "1",
			    .build = "0",
			    .subdir = "noarch",
			    .channel = "https://c/x",
			    .fn = "a-1-0.conda",
			    .url = "https://c/x/noarch/a-1-0.conda",
			    .has_sha256 = true };

	record_defaults(&r);
	return r;
}

static struct digest digest_of(const struct record *r, const struct prefix *p, const char *const *dropped,
			       const struct codec *codec)
{
	auto_buf b = { 0 };

	recipe_begin(&b, "packages", codec);
	recipe_add_package(&b, r, p, dropped);
	return recipe_digest(&b);
}

static void expect_change(const struct record *r, const struct prefix *p, const char *const *dropped,
			  const struct codec *codec, bool want)
{
	struct record plain = some_record();
	struct digest a = digest_of(&plain, &prefix, NULL, &CODEC_GZIP_DEFAULT), b = digest_of(r, p, dropped, codec);

	assert_int_equal(!digest_equal(&a, &b), want);
}

static void each_field_of_a_record_counts(void **state)
{
	static const char *const one[] = { "x", NULL };
	struct record r;

	(void)state;
	r = some_record();
	expect_change(&r, &prefix, NULL, &CODEC_GZIP_DEFAULT, false);
#define COUNTS(field, value)                                                 \
	do {                                                                 \
		r = some_record();                                           \
		r.field = (value);                                           \
		expect_change(&r, &prefix, NULL, &CODEC_GZIP_DEFAULT, true); \
	} while (0)
	COUNTS(name, "b");
	COUNTS(version, "2");
	COUNTS(build, "1");
	COUNTS(build_number, 7);
	COUNTS(subdir, "linux-64");
	COUNTS(channel, "https://c/y");
	COUNTS(fn, "b");
	COUNTS(url, "https://c/y");
	COUNTS(depends, one);
	COUNTS(constrains, one);
	COUNTS(track_features, one);
	COUNTS(flags, one);
	COUNTS(license, "MIT");
	COUNTS(license_family, "MIT");
	COUNTS(site_packages, "lib");
	COUNTS(legacy_bz2_md5, "00");
	COUNTS(size, 5);
	COUNTS(timestamp, 5);
	COUNTS(noarch, NOARCH_GENERIC);
	COUNTS(has_md5, true);
	COUNTS(has_sha256, false);
	COUNTS(sha256.sha256[31], 1);
#undef COUNTS
	/* Where a channel stands in the request does not show in its packages. */
	r = some_record();
	r.channel_rank = 3;
	expect_change(&r, &prefix, NULL, &CODEC_GZIP_DEFAULT, false);
}

static void the_python_counts_where_it_matters_alone(void **state)
{
	static const struct prefix other = { "/p", "3.12", "lib/python3.12/site-packages" };
	static const struct {
		const char *subdir;
		enum noarch noarch;
		bool counts;
	} rows[] = {
		{ "noarch", NOARCH_PYTHON, true },
		{ "noarch", NOARCH_GENERIC, false },
		{ "linux-64", NOARCH_NO, false },
		/* Where the channel does not say, the package may. */
		{ "noarch", NOARCH_NO, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct record r = some_record();
		struct digest a, b;

		r.subdir = rows[i].subdir;
		r.noarch = rows[i].noarch;
		a = digest_of(&r, &prefix, NULL, &CODEC_GZIP_DEFAULT);
		b = digest_of(&r, &other, NULL, &CODEC_GZIP_DEFAULT);
		assert_int_equal(!digest_equal(&a, &b), rows[i].counts);
	}
}

static void prefix_codec_and_dropped_paths_count(void **state)
{
	static const struct prefix other = { "/q", "3.11", "lib/python3.11/site-packages" };
	static const struct codec zstd = { CODEC_ZSTD, 3 }, gzip9 = { CODEC_GZIP, 9 };
	static const char *const dropped[] = { "bin/x", NULL }, *const none[] = { NULL };
	struct record r = some_record();

	(void)state;
	expect_change(&r, &other, NULL, &CODEC_GZIP_DEFAULT, true);
	expect_change(&r, &prefix, NULL, &zstd, true);
	expect_change(&r, &prefix, NULL, &gzip9, true);
	expect_change(&r, &prefix, dropped, &CODEC_GZIP_DEFAULT, true);
	expect_change(&r, &prefix, none, &CODEC_GZIP_DEFAULT, false);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_field_of_a_record_counts),
		cmocka_unit_test(the_python_counts_where_it_matters_alone),
		cmocka_unit_test(prefix_codec_and_dropped_paths_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
