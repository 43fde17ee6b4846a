/* Images that others wrote, and files that nobody should have written. */
#include <setjmp.h>
#include <stdarg.h>

#include "dest_world.h"
#include "oci/tar.h"

#include <cmocka.h>

static void index_in_an_index_is_looked_into_once(void **state)
{
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	auto_buf text = { 0 };
	struct digest d;
	const char *name, *entry;
	auto_blobs *b = NULL, *none = NULL;
	auto_world w;

	(void)state;
	world_make(&w, &CODEC_GZIP_DEFAULT);
	world_must_put(&w, "oci:l:t");
	assert_int_equal(fs_read(AT_FDCWD, world_path(&w, "l/index.json"), 1 << 20, &text, &err), 0);
	for (int level = 0; level < 2; level++) {
		d = digest_bytes(text.p, text.n);
		name = arena_printf(&a, "l/blobs/sha256/%s", digest_hex(&d).hex);
		world_write(&w, name, text.p, text.n);
		entry = arena_printf(&a,
				     "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" MEDIA_INDEX
				     "\",\"digest\":\"sha256:%s\",\"size\":%zu,\"annotations\":{\"" ANNOTATION_REF_NAME
				     "\":\"multi\"}}]}",
				     digest_hex(&d).hex, text.n);
		world_write(&w, "l/index.json", entry, strlen(entry));
		if (level == 0) {
			struct dest arm = world_place(&w, "oci:l:multi");

			b = world_get(&w, "oci:l:multi", &err);
			assert_non_null(b);
			assert_int_equal(blobs_image(b)->n_layers, 3);
			assert_null(dest_open(&arm, "linux", "arm64", &err));
			assert_non_null(strstr(err.text, "has no image for linux/arm64; it has: linux/amd64"));
			err_clear(&err);
		}
		text.n = 0;
		buf_adds(&text, entry);
	}
	none = world_get(&w, "oci:l:multi", &err);
	assert_null(none);
	assert_int_equal(err.code, ERR_FORMAT);
}

static void add_file(struct buf *tar, const char *path, const char *text, size_t n)
{
	auto_sink *out = sink_buf(tar);
	auto_source *in = source_bytes(text, n);
	struct err err = ERR_INIT;

	assert_int_equal(tar_put(out, &(struct entry){ .path = path, .size = n, .mode = 0644 }, in, &err), 0);
}

static void add_link(struct buf *tar, const char *path, const char *target)
{
	auto_sink *out = sink_buf(tar);
	struct err err = ERR_INIT;

	assert_int_equal(
		tar_put(out, &(struct entry){ .path = path, .target = target, .type = ENTRY_SYMLINK }, NULL, &err), 0);
}

/* As Docker before 25 wrote it (moby, image/spec/v1.2.md): layers in directories, some of them links. */
static void old_docker_archive_is_read(void **state)
{
	static const char layer[1024];
	struct digest diffid = digest_bytes(layer, sizeof(layer));
	auto_free char *config =
		mem_printf("{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\","
			   "\"diff_ids\":[\"sha256:%s\",\"sha256:%s\"]}}",
			   digest_hex(&diffid).hex, digest_hex(&diffid).hex);
	static const char manifest[] = "[{\"Config\":\"abc.json\",\"RepoTags\":[\"app:1\",\"app:2\"],"
				       "\"Layers\":[\"x/layer.tar\",\"y/layer.tar\"]}]";
	struct err err = ERR_INIT;
	auto_buf tar = { 0 };
	auto_world w;

	(void)state;
	world_make(&w, &CODEC_GZIP_DEFAULT);
	add_file(&tar, "x/layer.tar", layer, sizeof(layer));
	add_link(&tar, "y/layer.tar", "../x/layer.tar");
	add_file(&tar, "abc.json", config, strlen(config));
	add_file(&tar, "manifest.json", manifest, strlen(manifest));
	world_write(&w, "d.tar", tar.p, tar.n);
	for (int i = 0; i < 2; i++) {
		auto_blobs *b = world_get(
			&w, i ? "docker-archive:d.tar:docker.io/library/app:2" : "docker-archive:d.tar", &err);

		assert_non_null(b);
		assert_int_equal(blobs_image(b)->n_layers, 2);
		assert_string_equal(blobs_image(b)->layers[1].media_type, MEDIA_LAYER);
		assert_int_equal(blobs_image(b)->layers[1].layer.size, 1024);
	}
	assert_null(world_get(&w, "docker-archive:d.tar:app:3", &err));
	assert_non_null(strstr(err.text, "has no image 'app:3'; its names: 'app:1', 'app:2'"));
}

static void bad_archives_are_refused(void **state)
{
	static const struct {
		const char *name, *text; /* the one member */
		enum err_code want;
		const char *says;
	} rows[] = {
		{ "other", "", ERR_FORMAT, "is no docker archive: it has no manifest.json" },
		{ "manifest.json", "[]", ERR_FORMAT, "is no list of images" },
		{ "manifest.json", "{}", ERR_FORMAT, "is no list of images" },
		{ "manifest.json", "[1]", ERR_FORMAT, "the image has no Config" },
		{ "manifest.json", "[{}]", ERR_FORMAT, "the image has no Config" },
		{ "manifest.json", "[{\"Config\":\"x\",\"Layers\":[1]}]", ERR_FORMAT, "expected a string" },
		{ "manifest.json", "[{\"Config\":\"/etc/passwd\",\"Layers\":[]}]", ERR_IO, "has no /etc/passwd" },
		{ "manifest.json", "[{\"Config\":\"../x\",\"Layers\":[]}]", ERR_IO, "has no ../x" },
		{ "manifest.json", "[{\"Config\":\"manifest.json\",\"Layers\":[]}]", ERR_FORMAT, "config: is a list" },
		{ "manifest.json", "[{\"Config\":\"a\"},{\"Config\":\"b\"}]", ERR_USAGE,
		  "has 2 images, say which; their names: none" },
		{ "manifest.json", "[", ERR_FORMAT, "is not JSON" },
	};
	auto_world w;

	(void)state;
	world_make(&w, &CODEC_GZIP_DEFAULT);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_buf tar = { 0 };
		struct blobs *b;

		add_file(&tar, rows[i].name, rows[i].text, strlen(rows[i].text));
		world_write(&w, "d.tar", tar.p, tar.n);
		b = world_get(&w, "docker-archive:d.tar", &err);
		assert_null(b);
		if (err.code != rows[i].want || !strstr(err.text, rows[i].says))
			fail_msg("row %zu: %s", i, err.text);
	}
}

static void links_in_a_circle_end(void **state)
{
	struct err err = ERR_INIT;
	auto_buf tar = { 0 };
	auto_world w;

	(void)state;
	world_make(&w, &CODEC_GZIP_DEFAULT);
	add_link(&tar, "manifest.json", "b");
	add_link(&tar, "b", "manifest.json");
	add_link(&tar, "c", "../../../../etc/passwd");
	world_write(&w, "d.tar", tar.p, tar.n);
	assert_null(world_get(&w, "docker-archive:d.tar", &err));
	assert_int_equal(err.code, ERR_FORMAT);
}

static void compressed_archive_is_told(void **state)
{
	struct err err = ERR_INIT;
	auto_world w;

	(void)state;
	world_make(&w, &CODEC_GZIP_DEFAULT);
	world_write(&w, "d.tar", "\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
	assert_null(world_get(&w, "docker-archive:d.tar", &err));
	assert_int_equal(err.code, ERR_USAGE);
	assert_non_null(strstr(err.text, "is compressed with gzip"));
}

/* Cut anywhere, an archive is read wholly or refused. */
static void cut_archive_does_no_harm(void **state)
{
	static const char *const rows[] = { "oci-archive:a.tar", "docker-archive:d.tar" };
	auto_world w;

	(void)state;
	world_make(&w, &CODEC_GZIP_DEFAULT);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_buf tar = { 0 };

		world_must_put(&w, rows[i]);
		assert_int_equal(fs_read(AT_FDCWD, world_path(&w, i ? "d.tar" : "a.tar"), 1 << 20, &tar, &err), 0);
		for (size_t n = 0; n < tar.n - 1024; n += 97) {
			struct blobs *b;

			world_write(&w, i ? "d.tar" : "a.tar", tar.p, n);
			b = world_get(&w, rows[i], &err);
			/* the last blob may be missing from a layout: it is seen when asked for */
			if (b) {
				const struct image *im = blobs_image(b);
				bool whole = true;

				for (size_t k = 0; k < im->n_layers; k++) {
					struct source *in = blobs_get(b, &im->layers[k].layer.digest,
								      im->layers[k].layer.size, &err);

					whole = whole && in && io_drain(in, &err) == 0;
					source_free(in);
					if (!whole)
						break;
				}
				assert_false(whole && n + 1024 + 512 < tar.n);
			}
			blobs_free(b);
			err_clear(&err);
		}
	}
}

/* A byte that is not what it was never gives another image: it is refused, or did not matter. */
static void flipped_byte_gives_no_other_image(void **state)
{
	struct err err = ERR_INIT;
	auto_buf tar = { 0 };
	auto_world w;

	(void)state;
	world_make(&w, &CODEC_GZIP_DEFAULT);
	world_must_put(&w, "oci-archive:a.tar");
	assert_int_equal(fs_read(AT_FDCWD, world_path(&w, "a.tar"), 1 << 20, &tar, &err), 0);
	for (size_t at = 0; at < tar.n; at += 11) {
		struct blobs *b;

		tar.p[at] ^= 0x15;
		world_write(&w, "a.tar", tar.p, tar.n);
		b = world_get(&w, "oci-archive:a.tar", &err);
		if (b)
			assert_true(digest_equal(&blobs_image(b)->layers[1].layer.diffid, &w.layers[1].layer.diffid));
		blobs_free(b);
		err_clear(&err);
		tar.p[at] ^= 0x15;
	}
}

static void broken_layout_is_told(void **state)
{
	struct err err = ERR_INIT;
	auto_world w;
	struct digest config;
	auto_blobs *b = NULL;
	uint64_t size;
	const char *m;
	size_t n;

	(void)state;
	world_make(&w, &CODEC_GZIP_DEFAULT);
	world_must_put(&w, "oci:l");
	b = world_get(&w, "oci:l", &err);
	m = blobs_manifest(b, &n);
	assert_int_equal(image_config_of(m, n, &config, &size, &err), 0);
	world_write(&w, arena_printf(&w.arena, "l/blobs/sha256/%s", digest_hex(&config).hex), "{}", 2);
	assert_null(world_get(&w, "oci:l", &err));
	assert_int_equal(err.code, ERR_INTEGRITY);
	err_clear(&err);
	world_write(&w, "l/index.json", "{\"manifests\":1}", 15);
	assert_null(world_get(&w, "oci:l", &err));
	assert_int_equal(err.code, ERR_FORMAT);
	err_clear(&err);
	assert_int_equal(world_put(&w, "oci:l", &err), -1);
	assert_int_equal(err.code, ERR_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(index_in_an_index_is_looked_into_once),
		cmocka_unit_test(old_docker_archive_is_read),
		cmocka_unit_test(bad_archives_are_refused),
		cmocka_unit_test(links_in_a_circle_end),
		cmocka_unit_test(compressed_archive_is_told),
		cmocka_unit_test(cut_archive_does_no_harm),
		cmocka_unit_test(flipped_byte_gives_no_other_image),
		cmocka_unit_test(broken_layout_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
