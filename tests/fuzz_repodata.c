/* The input is a repodata.json. Whatever is collected from it must hold together. */
#include "fuzz.h"

#include <string.h>

#include "channels/repodata.h"
#include "fetch/url.h"

static const struct channel channel = { "c", "https://u:sesame@host/c", "https://host/c", NULL };

static void check_text(const char *s)
{
	FUZZ_CHECK(s && strlen(s) < (1u << 30), "a string is missing");
}

static void check_list(const char *const *list)
{
	FUZZ_CHECK(list, "a list is missing");
	for (; *list; list++)
		check_text(*list);
}

static void check_record(const struct record *r)
{
	const char *host;
	size_t stem;

	FUZZ_CHECK(*r->name && *r->version && *r->build, "an empty part of %s", r->fn);
	FUZZ_CHECK(record_is_package_file(r->fn, &stem) && !strchr(r->fn, '/') && *r->fn != '.', "file name %s", r->fn);
	FUZZ_CHECK(stem > strlen(r->name) && r->fn[strlen(r->name)] == '-', "%s is called %s", r->fn, r->name);
	FUZZ_CHECK(!strchr(r->version, '/') && !strchr(r->build, '/'), "a path in %s", r->fn);
	FUZZ_CHECK(url_is(r->url, "http") || url_is(r->url, "https"), "URL %s", r->url);
	host = strstr(r->url, "://") + 3;
	FUZZ_CHECK(!memchr(host, '@', strcspn(host, "/?#")), "credentials in %s", r->url);
	FUZZ_CHECK(r->timestamp >= 0 && r->indexed_timestamp >= 0, "a time before time");
	check_list(r->depends);
	check_list(r->constrains);
	check_list(r->track_features);
	check_list(r->flags);
	for (size_t i = 0; i < r->n_extras; i++)
		check_list(r->extras[i].depends);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const all[] = { "*" }, *const some[] = { "a", "python" };
	struct err err = ERR_INIT;
	struct repodata_stats stats;
	struct repodata *r;
	auto_buf b = { 0 };
	auto_arena a = { 0 };
	auto_index ix = { 0 }, few = { 0 };

	buf_add(&b, data, size);
	r = repodata_scan(&b, &channel, "noarch", 0, "fuzz", &err);
	FUZZ_CHECK((r == NULL) == (err.code != ERR_NONE), "an error without a sentence");
	if (!r)
		return 0;
	FUZZ_CHECK(repodata_collect(&r, 1, all, 1, &ix, &stats, &err) == 0, "%s", err.text);
	FUZZ_CHECK(ix.n <= stats.records, "more records than there are");
	FUZZ_CHECK(repodata_collect(&r, 1, some, 2, &few, NULL, &err) == 0 && few.n <= ix.n, "some are more than all");
	for (size_t i = 0; i < ix.n; i++) {
		check_record(&ix.records[i]);
		FUZZ_CHECK(!i || strcmp(ix.records[i - 1].name, ix.records[i].name) <= 0, "not in order");
	}
	repodata_similar(&a, &r, 1, "python", 3);
	repodata_free(r);
	return 0;
}
