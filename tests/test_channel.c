#include "channels/channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"

static const char *or_none(const char *s)
{
	return s ? s : "-";
}

static void channels_resolve_as_cep_26_and_conda_have_it(void **state)
{
	static const struct {
		const char *text, *canonical, *subdir;
	} rows[] = {
		{ "conda-forge", "https://conda.anaconda.org/conda-forge", NULL },
		{ "conda-forge/", "https://conda.anaconda.org/conda-forge", NULL },
		{ "conda-forge/linux-64", "https://conda.anaconda.org/conda-forge", "linux-64" },
		{ "conda-forge/noarch/", "https://conda.anaconda.org/conda-forge", "noarch" },
		{ "conda-forge/label/rc", "https://conda.anaconda.org/conda-forge/label/rc", NULL },
		{ "conda-forge/linux-65", "https://conda.anaconda.org/conda-forge/linux-65", NULL },
		{ "bioconda", "https://conda.anaconda.org/bioconda", NULL },
		{ "pkgs/main", "https://repo.anaconda.com/pkgs/main", NULL },
		{ "pkgs/r/linux-64", "https://repo.anaconda.com/pkgs/r", "linux-64" },
		{ "anaconda", "https://conda.anaconda.org/anaconda", NULL },
		{ "https://prefix.dev/conda-forge", "https://prefix.dev/conda-forge", NULL },
		{ "https://prefix.dev/conda-forge//", "https://prefix.dev/conda-forge", NULL },
		{ "https://host", "https://host", NULL },
		{ "https://host/linux-64", "https://host", "linux-64" },
		{ "https://u:pw@host:81/t/tk-1/chan/osx-arm64/", "https://host:81/chan", "osx-arm64" },
		{ "http://host/a%20b", "http://host/a%20b", NULL },
		{ "http://host/my channel", "http://host/my%20channel", NULL },
		{ "http://host/\xc3\xa4 %41{}/noarch", "http://host/%C3%A4%20%41%7B%7D", "noarch" },
		{ "https://u:p w@host/a", "https://host/a", NULL },
		{ "oci://ghcr.io/channel-mirrors/conda-forge/", "oci://ghcr.io/channel-mirrors/conda-forge", NULL },
		{ "oci://127.0.0.1:5000/x/linux-64", "oci://127.0.0.1:5000/x", "linux-64" },
		{ "file:///srv/channel/", "file:///srv/channel", NULL },
		{ "file:///srv/t/x/channel", "file:///srv/t/x/channel", NULL },
		{ "/srv/my channel", "file:///srv/my%20channel", NULL },
		{ "/srv//a/./b/../c/linux-64", "file:///srv/a/c", "linux-64" },
		{ "./x", "file:///usr/x", NULL },
		{ "../x/", "file:///x", NULL },
		{ "../../../x", "file:///x", NULL },
		{ ".", "file:///usr", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_arena a = { 0 };
		auto_free struct channel *list = NULL;
		struct err err = ERR_INIT;
		size_t n = 0;

		if (channel_resolve(&a, rows[i].text, "/usr", &list, &n, &err) < 0)
			fail_msg("%s: %s", rows[i].text, err.text);
		assert_int_equal(n, 1);
		if (strcmp(list->canonical, rows[i].canonical) != 0 ||
		    strcmp(or_none(list->subdir), or_none(rows[i].subdir)) != 0)
			fail_msg("%s: is %s, %s", rows[i].text, list->canonical, or_none(list->subdir));
	}
}

static void defaults_is_two_channels_and_none_comes_twice(void **state)
{
	static const char *const texts[] = { "defaults",
					     "pkgs/main",
					     "https://u:p@repo.anaconda.com/pkgs/r",
					     "conda-forge",
					     "conda-forge/linux-64",
					     "https://conda.anaconda.org/conda-forge/" };
	auto_arena a = { 0 };
	auto_free struct channel *list = NULL;
	struct err err = ERR_INIT;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		assert_int_equal(channel_resolve(&a, texts[i], "/", &list, &n, &err), 0);
	assert_int_equal(n, 4);
	assert_string_equal(list[0].canonical, "https://repo.anaconda.com/pkgs/main");
	assert_string_equal(list[0].given, "defaults");
	assert_string_equal(list[1].canonical, "https://repo.anaconda.com/pkgs/r");
	assert_string_equal(list[2].canonical, "https://conda.anaconda.org/conda-forge");
	assert_string_equal(list[3].subdir, "linux-64");
}

static void what_is_no_channel_is_refused_without_telling_secrets(void **state)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{ "", "is empty" },
		{ "nodefaults", "is no channel" },
		{ "local", "conda-build" },
		{ "~/channel", "written out" },
		{ "$HOME/channel", "not set" },
		{ "conda forge", "character" },
		{ "a//b", "no channel name" },
		{ "a/../b", "no channel name" },
		{ "-c", "no channel name" },
		{ "C:\\channel", "character" },
		{ "s3://u:sesame@bucket/x", "use http, https, oci, file" },
		{ "https://u:sesame@host/x?y", "'?'" },
		{ "https:///x", "no host" },
		{ "file://sesame:sesame@other/x", "no file" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_arena a = { 0 };
		auto_free struct channel *list = NULL;
		struct err err = ERR_INIT;
		size_t n = 0;

		assert_int_equal(channel_resolve(&a, rows[i].text, "/", &list, &n, &err), -1);
		assert_int_equal(err.code, ERR_USAGE);
		assert_int_equal(n, 0);
		if (!strstr(err.text, rows[i].words) || strstr(err.text, "sesame"))
			fail_msg("%s: %s", rows[i].text, err.text);
	}
}

/* Rows are what conda 26 (its own code, run) makes of the same configuration. */
static void names_mean_what_a_configuration_says(void **state)
{
	static const struct channel_place custom[] = { { "corp", "https://h1.org/p" },
						       { "corp/deep", "https://h2.org" },
						       { "x", "https://v:sesame@h3.org/t/tk-3/q/" } };
	static const char *const all[] = { "corp", "https://h4.org/r/s", "main", NULL };
	static const char *const none[] = { NULL };
	static const struct channel_group multi[] = { { "all", all }, { "none", none } };
	static const char *const defaults[] = { "https://h5.org/pkgs/main", "dflt", NULL };
	static const struct channel_place moved[] = { { "corp", "https://old.org/o" } };
	static const char *const old[] = { "https://oldalias.org/c", NULL };
	static const struct channel_names names = { .alias = "https://u:sesame@alias.org/t/tk-1/conda",
						    .custom = custom,
						    .n_custom = COUNT(custom),
						    .multi = multi,
						    .n_multi = COUNT(multi),
						    .defaults = defaults,
						    .moved = moved,
						    .n_moved = COUNT(moved),
						    .old_aliases = old,
						    .home = "/srv/me" };
	static const struct {
		const char *text, *want, *subdir;
	} rows[] = {
		{ "corp", "https://h1.org/p/corp", NULL },
		{ "corp/sub", "https://h1.org/p/corp/sub", NULL },
		{ "corp/deep/er", "https://h2.org/corp/deep/er", NULL },
		{ "corporate", "https://alias.org/conda/corporate", NULL },
		{ "x/y/linux-64", "https://h3.org/q/x/y", "linux-64" },
		{ "x", "https://h3.org/q/x", NULL },
		{ "all", "https://alias.org/conda/corp https://h4.org/r/s https://alias.org/conda/main", NULL },
		{ "none", "", NULL },
		{ "defaults", "https://h5.org/pkgs/main https://alias.org/conda/dflt", NULL },
		{ "pkgs/main", "https://h5.org/pkgs/main", NULL },
		{ "pkgs/free", "https://alias.org/conda/pkgs/free", NULL },
		{ "dflt/label/dev", "https://alias.org/conda/dflt/label/dev", NULL },
		{ "s", "https://alias.org/conda/s", NULL },
		{ "r/s", "https://h4.org/r/s", NULL },
		{ "conda-forge", "https://alias.org/conda/conda-forge", NULL },
		{ "all/noarch", "https://alias.org/conda/corp https://h4.org/r/s https://alias.org/conda/main",
		  "noarch" },
		{ "https://old.org/o/corp/sub", "https://h1.org/p/corp/sub", NULL },
		{ "https://old.org/o/other", "https://old.org/o/other", NULL },
		{ "https://oldalias.org/c/name", "https://alias.org/conda/name", NULL },
		{ "https://alias.org/conda/a/b", "https://alias.org/conda/a/b", NULL },
		{ "~/x", "file:///srv/me/x", NULL },
		{ "t/tk-sesame/mine", "https://alias.org/conda/mine", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_arena a = { 0 };
		auto_free struct channel *list = NULL;
		auto_buf got = { 0 };
		struct err err = ERR_INIT;
		size_t n = 0;

		if (channel_resolve_as(&a, &names, rows[i].text, "/", &list, &n, &err) < 0)
			fail_msg("%s: %s", rows[i].text, err.text);
		for (size_t k = 0; k < n; k++) {
			buf_addf(&got, "%s%s", k ? " " : "", list[k].canonical);
			assert_string_equal(or_none(list[k].subdir), or_none(rows[i].subdir));
			assert_null(strstr(list[k].given, "sesame"));
		}
		if (strcmp(buf_cstr(&got), rows[i].want) != 0)
			fail_msg("%s: is %s, expected %s", rows[i].text, buf_cstr(&got), rows[i].want);
	}
}

static void configured_credentials_are_in_the_url_alone(void **state)
{
	static const struct channel_place custom[] = { { "x", "https://v:sesame@h3.org/t/tk-3/q/" } };
	static const struct channel_names names = { .alias = "https://u:sesame@alias.org/t/tk-1",
						    .custom = custom,
						    .n_custom = 1 };
	auto_arena a = { 0 };
	auto_free struct channel *list = NULL;
	struct err err = ERR_INIT;
	size_t n = 0;

	(void)state;
	assert_int_equal(channel_resolve_as(&a, &names, "x/y", "/", &list, &n, &err), 0);
	assert_int_equal(channel_resolve_as(&a, &names, "z", "/", &list, &n, &err), 0);
	assert_string_equal(list[0].url, "https://v:sesame@h3.org/t/tk-3/q/x/y");
	assert_string_equal(list[1].url, "https://u:sesame@alias.org/t/tk-1/z");
	assert_string_equal(channel_base(&a, &names, "x"), "https://h3.org/q/x");
	assert_null(channel_base(&a, &names, "not a name"));
}

static void licensed_channels_are_known(void **state)
{
	static const struct {
		const char *text;
		bool want;
	} rows[] = { { "defaults", true },
		     { "pkgs/pro", true },
		     { "main", true },
		     { "anaconda", true },
		     { "https://u:p@repo.anaconda.com/pkgs/main", true },
		     { "conda-forge", false },
		     { "mainline", false },
		     { "https://mirror.org/pkgs/main", false } };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_arena a = { 0 };
		auto_free struct channel *list = NULL;
		struct err err = ERR_INIT;
		size_t n = 0;

		assert_int_equal(channel_resolve(&a, rows[i].text, "/", &list, &n, &err), 0);
		if (channel_is_licensed(&list[0]) != rows[i].want)
			fail_msg("%s", rows[i].text);
	}
}

static void credentials_are_kept_for_fetching_only(void **state)
{
	auto_arena a = { 0 };
	auto_free struct channel *list = NULL;
	struct err err = ERR_INIT;
	size_t n = 0;

	(void)state;
	assert_int_equal(channel_resolve(&a, "https://u:sesame@host/t/tk/chan/linux-64", "/", &list, &n, &err), 0);
	assert_int_equal(channel_resolve(&a, "https://host/chan2", "/", &list, &n, &err), 0);
	assert_string_equal(list[0].url, "https://u:sesame@host/t/tk/chan");
	assert_string_equal(list[0].given, "https://host/chan/linux-64");
	assert_string_equal(channel_fetch_url(&a, list, n, "https://host/chan/noarch/x.conda"),
			    "https://u:sesame@host/t/tk/chan/noarch/x.conda");
	assert_string_equal(channel_fetch_url(&a, list, n, "https://host/chan2/x"), "https://host/chan2/x");
	assert_string_equal(channel_fetch_url(&a, list, n, "https://other/x"), "https://other/x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(channels_resolve_as_cep_26_and_conda_have_it),
		cmocka_unit_test(defaults_is_two_channels_and_none_comes_twice),
		cmocka_unit_test(what_is_no_channel_is_refused_without_telling_secrets),
		cmocka_unit_test(names_mean_what_a_configuration_says),
		cmocka_unit_test(configured_credentials_are_in_the_url_alone),
		cmocka_unit_test(licensed_channels_are_known),
		cmocka_unit_test(credentials_are_kept_for_fetching_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
