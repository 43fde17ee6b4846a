#include "check.h"

#include "conda/condarc.h"

static const char *look_up(const char *name)
{
	return strcmp(name, "VAR") == 0 ? "v1" : NULL;
}

/* Several texts as one; NULL ends them. */
static int merge_texts(struct arena *a, const char *const *texts, struct condarc *ret, struct err *err)
{
	struct condarc sources[8];
	size_t n = 0;

	for (; texts[n]; n++)
		if (condarc_parse(a, texts[n], strlen(texts[n]), "rc", &sources[n], NULL, err) < 0)
			return -1;
	return condarc_merge(a, sources, n, look_up, ret, err);
}

/* "a, b", "k=a, k=b"; "-" where it is not set. */
static const char *value_text(struct arena *a, const struct condarc_value *v)
{
	auto_buf b = { 0 };

	if (!v->is_set)
		return "-";
	for (size_t i = 0; i < v->n; i++)
		buf_addf(&b, "%s%s%s%s", i ? ", " : "", v->items[i].key ? v->items[i].key : "",
			 v->items[i].key ? "=" : "", v->items[i].text ? v->items[i].text : "~");
	return arena_strdup(a, buf_cstr(&b));
}

/* What conda 26 (its own code, run) makes of the same texts; of a list within a map that is final each item once. */
static void sources_are_merged_as_conda_merges_them(void **state)
{
	static const struct {
		enum condarc_key key;
		const char *texts[4], *want;
	} rows[] = {
		{ CONDARC_CHANNELS, { "channels: [a, b]", "channels: [c, a]" }, "c, a, b" },
		{ CONDARC_CHANNELS, { "channels: [a, b]", "channels: []" }, "a, b" },
		{ CONDARC_CHANNELS, { "channels: [a, b]", "channels:" }, "a, b" },
		{ CONDARC_CHANNELS,
		  { "channels:\n  - a\n  - b   #!top\n", "channels:\n  - c\n  - d #!bottom\n  - e\n" },
		  "b, c, e, a, d" },
		{ CONDARC_CHANNELS,
		  { "channels:\n  - a #!bottom\n  - b\n", "channels:\n  - a #!top\n  - c\n" },
		  "c, b, a" },
		{ CONDARC_CHANNELS, { "channels: #!final\n  - a\n  - b\n", "channels: [c]" }, "a, b" },
		{ CONDARC_CHANNELS,
		  { "channels: [a]", "channels: #!final\n  - b #!bottom\n  - c\n", "channels:\n  - d #!top\n" },
		  "c, a, b" },
		{ CONDARC_CHANNELS,
		  { "channel: [a]", "channels: [$VAR, '${VAR}x', $NOT_THERE, '$']" },
		  "v1, v1x, $NOT_THERE, $, a" },
		{ CONDARC_CHANNELS,
		  { "channels:\n  - a   # top\n  - b #top\n  - c #!top \n", "channels: [d]" },
		  "b, c, d, a" },
		{ CONDARC_PROXY_SERVERS,
		  { "proxy_servers: {http: h1, https: s1}", "proxy_servers: {http: h2, all: ~}" },
		  "http=h2, https=s1, all=~" },
		{ CONDARC_PROXY_SERVERS,
		  { "proxy_servers:\n  http: h1 #!final\n  https: s1\n", "proxy_servers: {http: h2, https: s2}" },
		  "http=h1, https=s2" },
		{ CONDARC_PROXY_SERVERS,
		  { "proxy_servers: #!final\n  http: h1\n", "proxy_servers: {http: h2, https: s2}" },
		  "http=h1" },
		{ CONDARC_CUSTOM_MULTICHANNELS,
		  { "custom_multichannels: {m: [a, b], n: [x]}", "custom_multichannels: {m: [c, a], o: []}" },
		  "m=c, m=a, m=b, n=x, o=~" },
		{ CONDARC_CUSTOM_MULTICHANNELS,
		  { "custom_multichannels:\n  m:\n    - a\n    - b #!top\n",
		    "custom_multichannels:\n  m:\n    - c\n    - d #!bottom\n" },
		  "m=b, m=c, m=a, m=d" },
		{ CONDARC_CUSTOM_MULTICHANNELS,
		  { "custom_multichannels:\n  m:\n    - z\n",
		    "custom_multichannels:\n  m: #!final\n    - a\n    - b #!top\n    - a\n",
		    "custom_multichannels: {m: [c]}" },
		  "m=a, m=b" },
		{ CONDARC_CHANNEL_PRIORITY, { "channel_priority: strict", "channel_priority: false" }, "disabled" },
		{ CONDARC_CHANNEL_PRIORITY, { "channel_priority: true" }, "flexible" },
		{ CONDARC_CHANNEL_PRIORITY,
		  { "channel_priority: strict #!final", "channel_priority: flexible" },
		  "strict" },
		{ CONDARC_OFFLINE, { "offline: yes" }, "true" },
		{ CONDARC_OFFLINE, { "offline: 0" }, "false" },
		{ CONDARC_OFFLINE, { "offline: off" }, "false" },
		{ CONDARC_OFFLINE, { "offline: 'y'" }, "true" },
		{ CONDARC_SSL_VERIFY, { "ssl_verify: no" }, "false" },
		{ CONDARC_SSL_VERIFY, { "ssl_verify: truststore" }, "truststore" },
		{ CONDARC_SSL_VERIFY, { "verify_ssl: /etc/hosts" }, "/etc/hosts" },
		{ CONDARC_SSL_VERIFY, { "ssl_verify: 1" }, "true" },
		{ CONDARC_LOCAL_REPODATA_TTL, { "local_repodata_ttl: false" }, "0" },
		{ CONDARC_LOCAL_REPODATA_TTL, { "local_repodata_ttl: true" }, "1" },
		{ CONDARC_LOCAL_REPODATA_TTL, { "local_repodata_ttl: true", "local_repodata_ttl: 3600" }, "3600" },
		{ CONDARC_REPODATA_USE_ZST, { "repodata_use_zst: off" }, "false" },
		{ CONDARC_PINNED_PACKAGES,
		  { "pinned_packages: ['python 3.11.*']", "pinned_packages: [numpy]" },
		  "numpy, python 3.11.*" },
		{ CONDARC_ALLOWLIST_CHANNELS, { "whitelist_channels: [a]", "allowlist_channels: [b]" }, "b, a" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_arena a = { 0 };
		struct err err = ERR_INIT;
		struct condarc rc;
		const char *got;

		assert_ok(merge_texts(&a, rows[i].texts, &rc, &err), err);
		got = value_text(&a, &rc.values[rows[i].key]);
		if (strcmp(got, rows[i].want) != 0)
			fail_msg("row %zu: %s is %s, expected %s", i, condarc_name(rows[i].key), got, rows[i].want);
	}
}

/* Where we part from conda, on purpose: there null switches TLS checks off. mamba's words are known. */
static void null_is_no_value(void **state)
{
	static const char *const nulls[] = { "ssl_verify:\noffline: ~\nchannels:\n", NULL };
	static const char *const mamba[] = { "ssl_verify: <false>", NULL };
	auto_arena a = { 0 };
	struct err err = ERR_INIT;
	struct condarc rc;

	(void)state;
	assert_ok(merge_texts(&a, nulls, &rc, &err), err);
	for (enum condarc_key k = 0; k < CONDARC_KEYS; k++)
		assert_false(rc.values[k].is_set);
	assert_ok(merge_texts(&a, mamba, &rc, &err), err);
	assert_string_equal(condarc_text(&rc, CONDARC_SSL_VERIFY), "false");
}

static void what_is_wrong_is_told_with_file_and_line(void **state)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{ "a: 1\nchannels: conda-forge", "rc:2:11: 'channels' has a string, expected a list" },
		{ "channels: [[a]]", "rc:1:12: 'channels' has a list, expected a text" },
		{ "channels: [~]", "rc:1:12: 'channels' has a null, expected a text" },
		{ "channels: {a: b}", "expected a list" },
		{ "proxy_servers: http://u:sesame@p", "'proxy_servers' has a string, expected a map" },
		{ "custom_channels: [a]", "expected a map" },
		{ "custom_channels: {a: [b]}", "expected a text" },
		{ "custom_multichannels: {a: b}", "expected a list" },
		{ "offline: [true]", "'offline' has a list, expected true or false" },
		{ "\noffline: maybe", "rc:2: 'offline' is 'maybe', expected true or false" },
		{ "remote_max_retries: many", "'remote_max_retries' is 'many', expected a number" },
		{ "local_repodata_ttl: often", "'local_repodata_ttl' is 'often', expected a number" },
		{ "repodata_use_shards: 7.5.1", "expected true or false" },
		{ "remote_max_retries: 1.2.3", "expected a number" },
		{ "remote_max_retries: -1", "expected a number" },
		{ "channel_priority: best", "is 'best', expected strict, flexible or disabled" },
		{ "channel_alias: my/sesame@place", "rc:1: 'channel_alias' is not a URL" },
		{ "\nmirrored_channels:\n  a:\n  - https://x/a\n  - ./sesame", "rc:5: 'mirrored_channels' is not a list of URLs" },
		{ "channels: [a]\nchannel: [b]", "rc:2:1: 'channels' is there twice" },
		{ "channels: [a]\nchannels: [b]", "rc:2:1: " },
		{ "- channels", "rc:1:1: is a list, expected a map" },
		{ "channels: [a", "rc:" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *const texts[] = { rows[i].text, NULL };
		auto_arena a = { 0 };
		struct err err = ERR_INIT;
		struct condarc rc;

		if (merge_texts(&a, texts, &rc, &err) == 0)
			fail_msg("%s: was taken", rows[i].text);
		if (!strstr(err.text, rows[i].words) || strstr(err.text, "sesame"))
			fail_msg("%s: %s", rows[i].text, err.text);
	}
}

static void empty_files_and_other_keys_are_no_fault(void **state)
{
	static const char *const empty[] = { "", "\n", "# channels: [a]\n", "---\n", "~\n" };
	static const char text[] = "solver: classic\nchannels: [a]\nauto_activate_base: false\n";
	auto_arena a = { 0 };
	struct err err = ERR_INIT;
	const char *const *unknown;
	struct condarc rc;

	(void)state;
	for (size_t i = 0; i < COUNT(empty); i++)
		assert_ok(condarc_parse(&a, empty[i], strlen(empty[i]), "rc", &rc, &unknown, &err), err);
	assert_ok(condarc_parse(&a, text, sizeof(text) - 1, "rc", &rc, &unknown, &err), err);
	assert_string_equal(unknown[0], "rc:1: solver");
	assert_string_equal(unknown[1], "rc:3: auto_activate_base");
	assert_null(unknown[2]);
	assert_string_equal(rc.values[CONDARC_CHANNELS].items[0].from, "rc:2");
}

static void variables_are_split_as_conda_splits_them(void **state)
{
	static const struct {
		const char *name, *value;
		enum condarc_key key;
		const char *want;
	} rows[] = {
		{ "CONDA_CHANNELS", " a , b,,c ", CONDARC_CHANNELS, "a, b, c" },
		{ "CONDA_CHANNELS", "", CONDARC_CHANNELS, "" },
		{ "MAMBA_CHANNELS", "a", CONDARC_CHANNELS, "a" },
		{ "CONDA_PINNED_PACKAGES", "python 3.*&numpy <2,>1", CONDARC_PINNED_PACKAGES,
		  "python 3.*, numpy <2,>1" },
		{ "CONDA_SSL_VERIFY", " /a/b !important", CONDARC_SSL_VERIFY, "/a/b" },
		{ "CONDA_PROXY_SERVERS", "{http: 'http://p:1'}", CONDARC_PROXY_SERVERS, "http=http://p:1" },
		{ "CONDA_MIRRORED_CHANNELS", "{a: [b, c]}", CONDARC_MIRRORED_CHANNELS, "a=b, a=c" },
		{ "CONDA_PREFIX", "/x", CONDARC_CHANNELS, "-" },
		{ "OTHER_CHANNELS", "a", CONDARC_CHANNELS, "-" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_arena a = { 0 };
		struct err err = ERR_INIT;
		struct condarc rc = { 0 };
		const char *got;

		assert_ok(condarc_add_variable(&a, &rc, rows[i].name, rows[i].value, &err), err);
		got = value_text(&a, &rc.values[rows[i].key]);
		if (strcmp(got, rows[i].want) != 0)
			fail_msg("%s=%s: is %s, expected %s", rows[i].name, rows[i].value, got, rows[i].want);
		if (rc.values[rows[i].key].n)
			assert_string_equal(rc.values[rows[i].key].items[0].from, rows[i].name);
	}
}

static void variables_of_another_shape_are_refused(void **state)
{
	auto_arena a = { 0 };
	struct err err = ERR_INIT;
	struct condarc rc = { 0 };

	(void)state;
	assert_int_equal(condarc_add_variable(&a, &rc, "CONDA_PROXY_SERVERS", "http://u:sesame@p", &err), -1);
	assert_err(err, ERR_FORMAT, "CONDA_PROXY_SERVERS:1:1: 'proxy_servers' has a string, expected a map");
	assert_null(strstr(err.text, "sesame"));
}

static void numbers_are_thousandths(void **state)
{
	static const struct {
		const char *text;
		uint64_t want;
	} rows[] = { { "9.15", 9150 }, { "3", 3000 }, { "0", 0 }, { ".5", 500 }, { "2.", 2000 }, { "1.23456", 1234 } };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_arena a = { 0 };
		const char *const texts[] = { arena_printf(&a, "remote_connect_timeout_secs: '%s'", rows[i].text),
					      NULL };
		struct err err = ERR_INIT;
		struct condarc rc;

		assert_ok(merge_texts(&a, texts, &rc, &err), err);
		assert_int_equal(condarc_number(&rc, CONDARC_REMOTE_CONNECT_TIMEOUT_SECS, 7), rows[i].want);
		assert_int_equal(condarc_number(&rc, CONDARC_REMOTE_MAX_RETRIES, 7), 7);
	}
}

/* Rows are Python's os.path.expandvars(). */
static void variables_in_texts_are_replaced_as_python_does(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "$VAR", "v1" },
		{ "${VAR}", "v1" },
		{ "a$VAR/b", "av1/b" },
		{ "$VARx", "$VARx" },
		{ "${VAR", "${VAR" },
		{ "$$VAR", "$v1" },
		{ "$", "$" },
		{ "a$", "a$" },
		{ "${}", "${}" },
		{ "$VAR$VAR", "v1v1" },
		{ "${NO}$VAR", "${NO}v1" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_arena a = { 0 };
		const char *got = condarc_expand(&a, rows[i].text, look_up);

		if (strcmp(got, rows[i].want) != 0)
			fail_msg("%s: is %s, expected %s", rows[i].text, got, rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sources_are_merged_as_conda_merges_them),
		cmocka_unit_test(null_is_no_value),
		cmocka_unit_test(what_is_wrong_is_told_with_file_and_line),
		cmocka_unit_test(empty_files_and_other_keys_are_no_fault),
		cmocka_unit_test(variables_are_split_as_conda_splits_them),
		cmocka_unit_test(variables_of_another_shape_are_refused),
		cmocka_unit_test(numbers_are_thousandths),
		cmocka_unit_test(variables_in_texts_are_replaced_as_python_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
