#include "oci/layer.h"

#include <setjmp.h>
#include <stdarg.h>

#include "oci_table.h"

#include <cmocka.h>

static const struct item items[] = {
	{ ENTRY_DIR, "opt/env/bin", 0755, NULL, 0, 0 },
	{ ENTRY_FILE, "opt/env/bin/a", 0755, "#!/bin/sh\necho hello, hello, hello, hello\n", 0, 0 },
	{ ENTRY_HARDLINK, "opt/env/bin/b", 0755, "opt/env/bin/a", 0, 0 },
	{ ENTRY_SYMLINK, "opt/env/bin/c", 0777, "a", 0, 0 },
	{ ENTRY_FILE, "opt/env/lib/gr\xc3\xbc\xc3\x9f", 0644, "text", 0, 0 },
};

static const struct codec codecs[] = { { CODEC_NONE, 0 }, { CODEC_GZIP, 6 }, { CODEC_ZSTD, 3 } };

static size_t blobs_in(const char *dir)
{
	auto_free char *path = mem_printf("%s/blobs/sha256", dir);
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	const char *const *names;
	size_t n;

	assert_int_equal(fs_list(&a, AT_FDCWD, path, &names, &n, &err), 0);
	return n;
}

static struct layer write_items(struct store *s, const struct codec *codec, size_t step)
{
	auto_tree *tree = table_tree(items, COUNT(items), step);
	struct err err = ERR_INIT;
	struct layer l;

	assert_int_equal(layer_write(tree, s, codec, &l, &err), 0);
	return l;
}

static void digests_are_of_the_blob_and_of_the_tar_in_it(void **state)
{
	auto_tmp t = tmp_make();
	struct err err = ERR_INIT;
	auto_store *s = store_open(AT_FDCWD, t.path, &err);
	struct layer plain = write_items(s, &codecs[0], 100);

	(void)state;
	assert_true(digest_equal(&plain.digest, &plain.diffid));
	assert_int_equal(plain.size, plain.tar_size);
	for (size_t i = 0; i < COUNT(codecs); i++) {
		struct layer l = write_items(s, &codecs[i], 100);
		struct digest tar = { 0 };
		uint64_t n = 0;
		auto_source *in = source_digest(source_auto(store_get(s, &l.digest, l.size, &err)), &tar, &n);

		assert_int_equal(io_drain(in, &err), 0);
		assert_true(digest_equal(&tar, &l.diffid));
		assert_true(digest_equal(&tar, &plain.diffid));
		assert_int_equal(n, l.tar_size);
	}
	assert_int_equal(blobs_in(t.path), 3);
}

static void same_tree_in_any_pieces_is_the_same_layer(void **state)
{
	static const size_t steps[] = { 1, 2, 3, 7, 64, 4096 };
	auto_tmp t = tmp_make();
	struct err err = ERR_INIT;
	auto_store *s = store_open(AT_FDCWD, t.path, &err);

	(void)state;
	for (size_t c = 0; c < COUNT(codecs); c++) {
		struct layer first = write_items(s, &codecs[c], 100000);

		for (size_t i = 0; i < COUNT(steps); i++) {
			struct layer l = write_items(s, &codecs[c], steps[i]);

			assert_true(digest_equal(&l.digest, &first.digest));
			assert_true(digest_equal(&l.diffid, &first.diffid));
		}
	}
	assert_int_equal(blobs_in(t.path), 3);
}

/* Random bytes, so that compressed data reaches the store before the failure. */
static char *noise(size_t n)
{
	char *p = mem_alloc(n + 1);
	uint32_t x = 1;

	for (size_t i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = (char)(x >> 24 ? x >> 24 : 1);
	}
	return p;
}

static void failure_in_the_middle_leaves_nothing(void **state)
{
	enum { N = 3 << 20 };
	static const size_t fail_at[] = { 1, 1000, 1 << 20, N - 1 };
	auto_free char *text = noise(N);

	(void)state;
	for (size_t c = 0; c < COUNT(codecs); c++) {
		for (size_t i = 0; i < COUNT(fail_at); i++) {
			struct item bad[] = { { ENTRY_FILE, "a", 0644, "fine", 0, 0 },
					      { ENTRY_FILE, "b", 0644, text, N, fail_at[i] } };
			auto_tmp t = tmp_make();
			struct err err = ERR_INIT;
			auto_store *s = store_open(AT_FDCWD, t.path, &err);
			auto_tree *tree = table_tree(bad, COUNT(bad), 10000);
			struct layer l = { .size = 77 };

			assert_int_equal(layer_write(tree, s, &codecs[c], &l, &err), -1);
			assert_string_equal(err.text, "b: the line is dead");
			assert_int_equal(l.size, 77);
			assert_int_equal(blobs_in(t.path), 0);
		}
	}
}

static void layer_may_be_larger_than_buffers(void **state)
{
	enum { N = 3 << 20 };
	auto_free char *text = noise(N);
	struct item big[] = { { ENTRY_FILE, "b", 0644, text, N, 0 } };

	(void)state;
	for (size_t c = 0; c < COUNT(codecs); c++) {
		auto_tmp t = tmp_make();
		struct err err = ERR_INIT;
		auto_store *s = store_open(AT_FDCWD, t.path, &err);
		struct layer l[2];

		for (size_t i = 0; i < 2; i++) {
			auto_tree *tree = table_tree(big, 1, i ? 999 : SIZE_MAX);

			assert_int_equal(layer_write(tree, s, &codecs[c], &l[i], &err), 0);
		}
		assert_int_equal(l[0].tar_size, 512 + N + 1024);
		assert_true(digest_equal(&l[0].digest, &l[1].digest));
	}
}

static void media_type_is_of_the_codec(void **state)
{
	(void)state;
	assert_string_equal(layer_media_type(&codecs[0]), "application/vnd.oci.image.layer.v1.tar");
	assert_string_equal(layer_media_type(&codecs[1]), "application/vnd.oci.image.layer.v1.tar+gzip");
	assert_string_equal(layer_media_type(&codecs[2]), "application/vnd.oci.image.layer.v1.tar+zstd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests_are_of_the_blob_and_of_the_tar_in_it),
		cmocka_unit_test(same_tree_in_any_pieces_is_the_same_layer),
		cmocka_unit_test(failure_in_the_middle_leaves_nothing),
		cmocka_unit_test(layer_may_be_larger_than_buffers),
		cmocka_unit_test(media_type_is_of_the_codec),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
