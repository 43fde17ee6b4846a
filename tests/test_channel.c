#include "channels/channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

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
		{ "$HOME/channel", "written out" },
		{ "conda forge", "character" },
		{ "a//b", "no channel name" },
		{ "a/../b", "no channel name" },
		{ "-c", "no channel name" },
		{ "C:\\channel", "character" },
		{ "s3://u:sesame@bucket/x", "use http, https, file" },
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
		cmocka_unit_test(credentials_are_kept_for_fetching_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
