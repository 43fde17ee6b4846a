/* What conda-meta/ tells of a package that is linked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/doc.h"
#include "linked_world.h"

static const char *text_at(const struct doc *d, const char *key)
{
	const struct doc *v = doc_find(d, key);

	return v && v->text ? v->text : "(none)";
}

static void make_for_meta(struct pack *k)
{
	pack_file(k, "b", 0644, "at /oldplace", WORLD_OLD "\"text\"");
	pack_bytes(k, "c", 0644, "/oldplace\0", 10, WORLD_OLD "\"binary\", \"no_link\": true");
	pack_file(k, "a", 0644, "plain", NULL);
	pack_text(k, "d", "no digest");
	pack_path(k, "\"_path\": \"d\"");
	pack_symlink(k, "s", "a");
	pack_path(k, "\"_path\": \"var\", \"path_type\": \"directory\"");
	pack_text(k, "info/link.json", "{\"noarch\": {\"type\": \"python\", \"entry_points\": [\"run = m:f\"]}}");
	world_finish(
		k,
		"\"noarch\": \"python\", \"depends\": [\"from-index\"], \"license\": \"BSD\", \"subdir\": \"noarch\"");
}

static const struct doc *meta_of(struct arena *a, const struct record *r, const char *const *dropped, struct buf *text)
{
	struct pack k = { 0 };
	struct err err = ERR_INIT;
	auto_buf out = { 0 };
	const struct doc *d;

	make_for_meta(&k);
	auto_tree *t = world_open(&k, &world_prefix, r, dropped, &err);

	if (!t || world_list(t, false, &out, text, &err) < 0)
		fail_msg("%s", err.text);
	d = doc_parse_json(a, text->p, text->n, "meta", &err);
	if (!d)
		fail_msg("%s", err.text);
	return d;
}

static void conda_meta_tells_the_record(void **state)
{
	static const char *const depends[] = { "python >=3.8", NULL }, *const constrains[] = { NULL };
	static const char *const features[] = { "f", "g", NULL };
	struct record r = {
		.name = "x",
		.version = "1",
		.build = "0",
		.subdir = "noarch",
		.channel = "https://conda.example/c",
		.fn = "x-1-0.conda",
		.url = "https://conda.example/c/noarch/x-1-0.conda",
		.depends = depends,
		.constrains = constrains,
		.track_features = features,
		.license = "MIT",
		.build_number = 3,
		.size = 1234,
		.timestamp = 1600000000000,
		.has_sha256 = true,
		.has_md5 = true,
		.noarch = NOARCH_PYTHON,
	};
	static const char *const keys[] = {
		"build",   "build_number", "channel",	"constrains",	  "depends", "files",	   "fn",
		"license", "link",	   "md5",	"name",		  "noarch",  "paths_data", "sha256",
		"size",	   "subdir",	   "timestamp", "track_features", "url",     "version",
	};
	auto_arena a = { 0 };
	auto_buf text = { 0 };
	const struct doc *d;

	(void)state;
	d = meta_of(&a, &r, NULL, &text);
	assert_int_equal(d->n, COUNT(keys));
	for (size_t i = 0; i < d->n; i++)
		assert_string_equal(d->keys[i].text, keys[i]);
	/* CEP 32: without subdir */
	assert_string_equal(text_at(d, "channel"), "https://conda.example/c");
	assert_string_equal(text_at(d, "license"), "MIT");
	assert_string_equal(text_at(d, "noarch"), "python");
	assert_string_equal(text_at(d, "track_features"), "f g");
	assert_string_equal(text_at(d, "size"), "1234");
	assert_string_equal(text_at(d, "md5"), "00000000000000000000000000000000");
	assert_string_equal(doc_find(d, "depends")->items[0].text, "python >=3.8");
	assert_int_equal(doc_find(d, "constrains")->type, DOC_LIST);
	assert_string_equal(text_at(doc_find(d, "link"), "source"), "");
	assert_string_equal(text_at(doc_find(d, "link"), "type"), "1");
}

static void conda_meta_tells_every_path(void **state)
{
	/* sha256 of "at /p", of "/p" with eight NULs, "plain", "no digest", by sha256sum */
	static const struct {
		const char *path, *type, *in_prefix, *size, *mode;
	} rows[] = {
		{ "a", "hardlink", "a116c9ed46d6207734a43317d30fd88f52ac8634c37d904bbf4e41d865f90475", "5", "(none)" },
		{ "b", "hardlink", "7b0e60cb00771368936923682ce62f01f830aa72a734c0870f3f37163750d089", "12", "text" },
		{ "bin/run", "unix_python_entry_point", NULL, NULL, "(none)" },
		{ "c", "hardlink", "1703e8026ba34898aaa1a8574631c34d1b5aae4a7ecf29942ff145643e683eb0", "10", "binary" },
		{ "d", "hardlink", "0fba808cc1e37e38c3426c544bf2d14d8fe7b6aa2cf1bd6d0de9158dd8a43fb1", "9", "(none)" },
		{ "s", "softlink", "(none)", "(none)", "(none)" },
		{ "var", "directory", "(none)", "(none)", "(none)" },
	};
	static const char *const dropped[] = { "a", "b", "bin/run", "c", "d", "s", NULL };
	auto_arena a = { 0 };
	auto_buf text = { 0 }, again = { 0 };
	const struct doc *d, *paths;

	(void)state;
	d = meta_of(&a, &world_record, NULL, &text);
	paths = doc_find(doc_find(d, "paths_data"), "paths");
	assert_int_equal(paths->n, COUNT(rows));
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct doc *p = &paths->items[i];

		assert_string_equal(text_at(p, "_path"), rows[i].path);
		assert_string_equal(text_at(p, "path_type"), rows[i].type);
		assert_string_equal(text_at(p, "file_mode"), rows[i].mode);
		if (rows[i].in_prefix)
			assert_string_equal(text_at(p, "sha256_in_prefix"), rows[i].in_prefix);
		if (rows[i].size)
			assert_string_equal(text_at(p, "size_in_bytes"), rows[i].size);
	}
	assert_string_equal(text_at(&paths->items[3], "no_link"), "true");
	assert_string_equal(text_at(&paths->items[3], "prefix_placeholder"), "/oldplace");
	assert_int_equal(doc_find(d, "files")->n, 6);
	/* Whatever another package provides: it is the same text. */
	meta_of(&a, &world_record, dropped, &again);
	assert_string_equal(text.p, again.p);
}

static void conda_meta_of_a_bare_record_is_filled(void **state)
{
	struct record r = { .name = "x", .version = "1", .build = "0", .bare = true };
	auto_arena a = { 0 };
	auto_buf text = { 0 }, full = { 0 };
	const struct doc *d;

	(void)state;
	d = meta_of(&a, &r, NULL, &text);
	assert_string_equal(doc_find(d, "depends")->items[0].text, "from-index");
	assert_string_equal(text_at(d, "license"), "BSD");
	assert_string_equal(text_at(d, "subdir"), "noarch");
	assert_string_equal(text_at(d, "noarch"), "python");
	/* A record that says there are none is believed. */
	d = meta_of(&a, &world_record, NULL, &full);
	assert_int_equal(doc_find(d, "depends")->n, 0);
	assert_string_equal(text_at(d, "license"), "(none)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conda_meta_tells_the_record),
		cmocka_unit_test(conda_meta_tells_every_path),
		cmocka_unit_test(conda_meta_of_a_bare_record_is_filled),
	};

	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
