#include "check.h"

#include "channels/publish.h"

static struct record record(const char *name, const char *fn, const char *content)
{
	static const char *const none[] = { NULL };

	return (struct record){ .name = name,
				.version = "1",
				.build = "0",
				.subdir = "noarch",
				.fn = fn,
				.depends = none,
				.size = 3,
				.noarch = NOARCH_GENERIC,
				.has_sha256 = true,
				.sha256 = digest_bytes(content, strlen(content)) };
}

static void add(struct publish *p, const struct record *r)
{
	struct err err = ERR_INIT;

	assert_ok(publish_add(p, r, &err), err);
}

/* sha256sum of "x", and of nothing */
#define X "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
#define Y "a1fce4363854ff888cff4b8e7875d600c2682390412a8cf79b37d0b11148b0fa"

static void records_become_a_document_in_one_order(void **state)
{
	static const char want[] =
		"{\n \"info\": {\n  \"subdir\": \"noarch\"\n },\n"
		" \"packages\": {\n"
		"  \"b-1-0.tar.bz2\": {\n   \"build\": \"0\",\n   \"build_number\": 0,\n   \"depends\": [],\n   \"md5\": null,\n"
		"   \"name\": \"b\",\n   \"noarch\": \"generic\",\n   \"sha256\": \"" Y "\",\n   \"size\": 3,\n"
		"   \"subdir\": \"noarch\",\n   \"version\": \"1\"\n  }\n },\n"
		" \"packages.conda\": {\n"
		"  \"a-1-0.conda\": {\n   \"build\": \"0\",\n   \"build_number\": 0,\n   \"constrains\": [\n    \"z\"\n   ],\n"
		"   \"depends\": [],\n   \"md5\": null,\n   \"name\": \"a\",\n   \"noarch\": \"generic\",\n   \"sha256\": \"" X
		"\",\n"
		"   \"size\": 3,\n   \"subdir\": \"noarch\",\n   \"timestamp\": 7,\n   \"track_features\": \"f g\",\n   \"version\": \"1\"\n  }\n },\n"
		" \"removed\": [],\n \"repodata_version\": 1\n}\n";
	static const char *const z[] = { "z", NULL }, *const fg[] = { "f", "g", NULL };
	struct record a = record("a", "a-1-0.conda", "x"), b = record("b", "b-1-0.tar.bz2", "y");

	(void)state;
	a.constrains = z;
	a.track_features = fg;
	a.timestamp = 7;
	for (int order = 0; order < 2; order++) {
		auto_publish p = { 0 }, again = { 0 };
		struct err err = ERR_INIT;
		auto_buf text = { 0 }, second = { 0 };

		publish_begin(&p, "noarch");
		add(&p, order ? &a : &b);
		add(&p, order ? &b : &a);
		add(&p, &a);
		publish_sort(&p);
		publish_repodata(&p, &text);
		assert_string_equal(text.p, want);
		/* and reading it gives the same */
		publish_begin(&again, "noarch");
		assert_ok(publish_read(&again, text.p, text.n, "f", &err), err);
		publish_sort(&again);
		publish_repodata(&again, &second);
		assert_string_equal(second.p, want);
	}
}

static void what_older_readers_would_misread_is_in_v3(void **state)
{
	static const char *const when[] = { "x[when=\"python\"]", NULL }, *const plain[] = { "x[version=\">1\"]",
											     NULL };
	static const char *const flags[] = { "cuda", NULL };
	struct record r[3] = { record("a", "a-1-0.conda", "x"), record("b", "b-1-0.tar.bz2", "y"),
			       record("c", "c-1-0.conda", "x") };
	auto_publish p = { 0 };
	auto_buf text = { 0 };

	(void)state;
	r[0].depends = when;
	r[1].flags = flags;
	r[2].depends = plain;
	publish_begin(&p, "noarch");
	for (size_t i = 0; i < COUNT(r); i++)
		add(&p, &r[i]);
	publish_sort(&p);
	publish_repodata(&p, &text);
	assert_non_null(strstr(text.p, "\"packages\": {},\n \"packages.conda\": {\n  \"c-1-0.conda\""));
	assert_non_null(strstr(text.p, "\"v3\": {\n  \"conda\": {\n   \"a-1-0\": {"));
	assert_non_null(strstr(text.p, "\"tar.bz2\": {\n   \"b-1-0\": {"));
}

static void what_is_there_stays_and_other_bytes_are_refused(void **state)
{
	static const char there[] =
		"{\"packages.conda\": {\"old-1-0.conda\": {\"name\": \"old\", \"own\": {\"b\": 1.5, \"a\": [true, null]}}},"
		"\"removed\": [\"z-1-0.conda\", \"a-1-0.conda\", \"a-0-0.conda\", \"a-0-0.conda\"]}";
	struct record a = record("a", "a-1-0.conda", "x"), other = record("a", "a-1-0.conda", "y");
	auto_publish p = { 0 };
	struct err err = ERR_INIT;
	auto_buf text = { 0 };

	(void)state;
	publish_begin(&p, "noarch");
	assert_ok(publish_read(&p, there, sizeof(there) - 1, "f", &err), err);
	add(&p, &a);
	assert_int_equal(publish_add(&p, &other, &err), -1);
	assert_err(err, ERR_FORMAT,
		   "noarch/a-1-0.conda is there with other bytes (sha256:" X ", and now sha256:" Y ")");
	publish_sort(&p);
	publish_repodata(&p, &text);
	assert_non_null(strstr(text.p, "\"own\": {\n    \"a\": [\n     true,\n     null\n    ],\n    \"b\": 1.5"));
	assert_non_null(strstr(text.p, "\"removed\": [\n  \"a-0-0.conda\",\n  \"z-1-0.conda\"\n ]"));
}

static void what_is_no_repodata_is_refused(void **state)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{ "[]", "is a list, expected a map" },
		{ "{\"packages\": []}", "expected a map" },
		{ "{\"packages\": {\"a\": {}}}", "the record of a has no name" },
		{ "{\"info\": {\"base_url\": \"x\"}}", "has a base_url" },
		{ "{", "f:1" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_publish p = { 0 };
		struct err err = ERR_INIT;

		publish_begin(&p, "noarch");
		assert_int_equal(publish_read(&p, rows[i].text, strlen(rows[i].text), "f", &err), -1);
		assert_err(err, ERR_FORMAT, rows[i].words);
	}
}

/* The bytes are those of Python's msgpack.packb() of the same values. */
static void shards_are_msgpack_as_cep_16_has_it(void **state)
{
	static const unsigned char head[] = "\x83\xa8packages\x80\xaepackages.conda\x81\xab"
					    "a-1-0.conda\x8a"
					    "\xa5"
					    "build\xa1"
					    "0\xac"
					    "build_number\x00\xa7"
					    "depends\x90\xa3md5\xc0\xa4name\xa1"
					    "a"
					    "\xa6noarch\xa7generic\xa6sha256\xc4\x20";
	static const unsigned char tail[] = "\xa4size\x03\xa6subdir\xa6noarch\xa7version\xa1"
					    "1\xa7removed\x91\xab"
					    "a-0-0.conda";
	static const char removed[] = "{\"removed\": [\"a-0-0.conda\", \"ab-0-0.conda\"]}";
	struct record a = record("a", "a-1-0.conda", "x"), b = record("ab", "ab-1-0.conda", "y");
	const struct digest shards[2] = { a.sha256, b.sha256 };
	auto_publish p = { 0 };
	auto_arena own = { 0 };
	struct err err = ERR_INIT;
	auto_buf shard = { 0 }, index = { 0 };
	const char *const *names;

	(void)state;
	publish_begin(&p, "noarch");
	assert_ok(publish_read(&p, removed, sizeof(removed) - 1, "f", &err), err);
	add(&p, &b);
	add(&p, &a);
	publish_sort(&p);
	names = publish_names(&p, &own);
	assert_string_equal(names[0], "a");
	assert_string_equal(names[1], "ab");
	assert_null(names[2]);
	publish_shard(&p, "a", &shard);
	assert_int_equal(shard.n, sizeof(head) - 1 + 32 + sizeof(tail) - 1);
	assert_memory_equal(shard.p, head, sizeof(head) - 1);
	assert_memory_equal(shard.p + sizeof(head) - 1, a.sha256.sha256, 32);
	assert_memory_equal(shard.p + sizeof(head) - 1 + 32, tail, sizeof(tail) - 1);
	publish_shard_index(&p, names, shards, &index);
	assert_memory_equal(index.p,
			    "\x83\xa4info\x83\xa8"
			    "base_url\xa2./\xaf"
			    "shards_base_url\xa9./shards/\xa6subdir\xa6noarch\xa6shards\x82\xa1"
			    "a\xc4\x20",
			    71);
	assert_memory_equal(index.p + 71, a.sha256.sha256, 32);
	assert_memory_equal(index.p + index.n - 9, "\xa7version\x01", 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_become_a_document_in_one_order),
		cmocka_unit_test(what_older_readers_would_misread_is_in_v3),
		cmocka_unit_test(what_is_there_stays_and_other_bytes_are_refused),
		cmocka_unit_test(what_is_no_repodata_is_refused),
		cmocka_unit_test(shards_are_msgpack_as_cep_16_has_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
