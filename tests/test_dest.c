#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "dest_world.h"

#include <cmocka.h>

#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

/* ---- text ---- */

static void places_are_read(void **state)
{
	static const struct {
		const char *text;
		enum dest_type type;
		const char *path, *tag; /* path NULL: refused */
		const char *again; /* NULL: text */
	} rows[] = {
		{ "oci:out", DEST_OCI, "out", NULL, NULL },
		{ "oci:out:1.0", DEST_OCI, "out", "1.0", NULL },
		{ "oci:/a/b:latest", DEST_OCI, "/a/b", "latest", NULL },
		{ "oci:/a:b/c", DEST_OCI, "/a:b/c", NULL, NULL },
		{ "oci:/a:b/c:d", DEST_OCI, "/a:b/c", "d", NULL },
		{ "oci:a:b:c", DEST_OCI, "a:b", "c", NULL },
		{ "oci:out/:x", DEST_OCI, "out", "x", "oci:out:x" },
		{ "oci:/", DEST_OCI, "/", NULL, NULL },
		{ "oci-archive:x.tar", DEST_OCI_ARCHIVE, "x.tar", NULL, NULL },
		{ "oci-archive:x.tar:_t-1", DEST_OCI_ARCHIVE, "x.tar", "_t-1", NULL },
		{ "docker-archive:x.tar", DEST_DOCKER_ARCHIVE, "x.tar", NULL, NULL },
		{ "docker-archive:x.tar:app:1", DEST_DOCKER_ARCHIVE, "x.tar", "app:1", NULL },
		{ "docker-archive:/d/x.tar:ghcr.io/me/app:1", DEST_DOCKER_ARCHIVE, "/d/x.tar", "ghcr.io/me/app:1",
		  NULL },
		{ "docker-archive:x.tar:localhost:5000/app", DEST_DOCKER_ARCHIVE, "x.tar", "localhost:5000/app", NULL },
		{ "", DEST_OCI, NULL, NULL, NULL },
		{ "out", DEST_OCI, NULL, NULL, NULL },
		{ "oci", DEST_OCI, NULL, NULL, NULL },
		{ "oci:", DEST_OCI, NULL, NULL, NULL },
		{ "oci::x", DEST_OCI, NULL, NULL, NULL },
		{ "oci:out:", DEST_OCI, NULL, NULL, NULL },
		{ "oci:out:-x", DEST_OCI, NULL, NULL, NULL },
		{ "oci:out:a b", DEST_OCI, NULL, NULL, NULL },
		{ "oci:out:" HUNDRED TEN TEN "12345678", DEST_OCI, "out", HUNDRED TEN TEN "12345678", NULL },
		{ "oci:out:" HUNDRED TEN TEN "123456789", DEST_OCI, NULL, NULL, NULL },
		{ "docker-archive:x.tar:App", DEST_OCI, NULL, NULL, NULL },
		{ "docker-archive:x.tar:", DEST_OCI, NULL, NULL, NULL },
		{ "docker://x", DEST_REGISTRY, "docker.io/library/x", NULL, "docker://docker.io/library/x" },
		{ "docker://h:5/x/y:1", DEST_REGISTRY, "h:5/x/y", "1", NULL },
		{ "docker:x", DEST_OCI, NULL, NULL, NULL },
		{ "docker://X", DEST_OCI, NULL, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_arena a = { 0 };
		struct dest d = { 0 };
		int rc = dest_parse(&a, rows[i].text, &d, &err);

		if ((rc == 0) != (rows[i].path != NULL))
			fail_msg("'%s': %s", rows[i].text, err.text);
		if (rc < 0) {
			assert_int_equal(err.code, ERR_USAGE);
			continue;
		}
		assert_int_equal(d.type, rows[i].type);
		assert_string_equal(d.path ? d.path : arena_printf(&a, "%s/%s", d.ref.host, d.ref.repo), rows[i].path);
		assert_string_equal(d.tag ? d.tag : "-", rows[i].tag ? rows[i].tag : "-");
		assert_string_equal(dest_text(&a, &d), rows[i].again ? rows[i].again : rows[i].text);
	}
}

/* ---- what was written, and what was not ---- */

static void image_comes_back_from_every_place(void **state)
{
	static const char *const rows[] = { "oci:l:t",
					    "oci:l2",
					    "oci-archive:a.tar:t",
					    "oci-archive:b.tar",
					    "docker-archive:d.tar",
					    "docker-archive:e.tar:app:1" };
	static const struct codec codecs[] = { { CODEC_GZIP, 6 }, { CODEC_NONE, 0 } };

	(void)state;
	for (size_t c = 0; c < COUNT(codecs); c++) {
		auto_world w;

		world_make(&w, &codecs[c]);
		for (size_t i = 0; i < COUNT(rows); i++) {
			struct err err = ERR_INIT;
			auto_blobs *b = NULL;
			const struct image *im;

			world_must_put(&w, rows[i]);
			b = world_get(&w, rows[i], &err);
			if (!b)
				fail_msg("%s: %s", rows[i], err.text);
			im = blobs_image(b);
			assert_int_equal(im->n_layers, 3);
			for (size_t k = 0; k < 3; k++) {
				auto_source *in =
					blobs_get(b, &im->layers[k].layer.digest, im->layers[k].layer.size, &err);

				assert_true(digest_equal(&im->layers[k].layer.digest, &w.layers[k].layer.digest));
				assert_true(digest_equal(&im->layers[k].layer.diffid, &w.layers[k].layer.diffid));
				assert_string_equal(im->layers[k].media_type, w.layers[k].media_type);
				assert_non_null(in);
				assert_int_equal(io_drain(in, &err), 0);
			}
		}
	}
}

static void archives_are_the_same_bytes_every_time(void **state)
{
	auto_world w;

	(void)state;
	world_make(&w, &CODEC_GZIP_DEFAULT);
	for (int i = 0; i < 2; i++) {
		auto_buf first = { 0 }, second = { 0 };
		struct err err = ERR_INIT;
		mode_t before;

		world_must_put(&w, i ? "docker-archive:1.tar:app:1" : "oci-archive:1.tar:t");
		before = umask(077);
		world_must_put(&w, i ? "docker-archive:2.tar:app:1" : "oci-archive:2.tar:t");
		umask(before);
		assert_int_equal(fs_read(AT_FDCWD, world_path(&w, "1.tar"), 1 << 20, &first, &err), 0);
		assert_int_equal(fs_read(AT_FDCWD, world_path(&w, "2.tar"), 1 << 20, &second, &err), 0);
		assert_int_equal(first.n, second.n);
		assert_memory_equal(first.p, second.p, first.n);
	}
}

static void layout_keeps_other_images_and_moves_the_tag(void **state)
{
	struct err err = ERR_INIT;
	auto_world w;

	(void)state;
	world_make(&w, &CODEC_GZIP_DEFAULT);
	world_must_put(&w, "oci:l:a");
	w.im.n_layers = 1;
	world_must_put(&w, "oci:l:b");
	assert_string_equal(world_names(&w, "l"), "blobs index.json oci-layout");
	for (int round = 0; round < 2; round++) {
		auto_blobs *a = world_get(&w, "oci:l:a", &err), *b = world_get(&w, "oci:l:b", &err);

		assert_int_equal(blobs_image(a)->n_layers, round ? 2 : 3);
		assert_int_equal(blobs_image(b)->n_layers, 1);
		w.im.n_layers = 2;
		world_must_put(&w, "oci:l:a");
		assert_null(world_get(&w, "oci:l:c", &err));
		assert_int_equal(err.code, ERR_USAGE);
		assert_non_null(strstr(err.text, "no image with tag 'c'; its tags: 'a', 'b'"));
		err_clear(&err);
	}
}

/* Somebody was killed between giving the unnamed file a hidden name and putting it where it belongs. */
static void what_a_killed_writer_left_is_gone_on_with(void **state)
{
	auto_world w;

	(void)state;
	world_make(&w, &CODEC_GZIP_DEFAULT);
	assert_int_equal(mkdir(world_path(&w, "l"), 0755), 0);
	world_write(&w, "l/.oci-layout.123-7.tmp", "{", 1);
	world_must_put(&w, "oci:l:a");
	assert_string_equal(world_names(&w, "l"), "blobs index.json oci-layout");
	world_write(&w, "l/.index.json.123-7.tmp", "{", 1);
	world_must_put(&w, "oci:l:b");
	assert_string_equal(world_names(&w, "l"), "blobs index.json oci-layout");
}

static void foreign_directory_is_left_alone(void **state)
{
	struct err err = ERR_INIT;
	auto_world w;

	(void)state;
	world_make(&w, &CODEC_GZIP_DEFAULT);
	assert_int_equal(mkdir(world_path(&w, "home"), 0755), 0);
	world_write(&w, "home/thesis.txt", "x", 1);
	assert_int_equal(world_put(&w, "oci:home", &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_non_null(
		strstr(err.text, "is neither empty nor an OCI image layout: it has 'thesis.txt', and no oci-layout"));
	assert_string_equal(world_names(&w, "home"), "thesis.txt");
	err_clear(&err);
	assert_int_equal(mkdir(world_path(&w, "empty"), 0755), 0);
	world_must_put(&w, "oci:empty");
	world_write(&w, "empty/oci-layout", "{\"imageLayoutVersion\":\"2.0.0\"}", 30);
	assert_int_equal(world_put(&w, "oci:empty", &err), -1);
	assert_int_equal(err.code, ERR_FORMAT);
	err_clear(&err);
	assert_int_equal(world_put(&w, "oci:home/thesis.txt", &err), -1);
	assert_int_equal(err.code, ERR_IO);
	err_clear(&err);
	assert_int_equal(world_put(&w, "oci-archive:home", &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
}

static void broken_blob_is_told_and_nothing_stays(void **state)
{
	static const char *const rows[] = { "oci:new/deep/dir", "oci-archive:a.tar", "docker-archive:a.tar:app:1" };
	auto_world w;

	(void)state;
	world_make(&w, &CODEC_GZIP_DEFAULT);
	world_write(&w, arena_printf(&w.arena, "store/blobs/sha256/%s", digest_hex(&w.layers[1].layer.digest).hex),
		    "garbage", 7);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct dest d = world_place(&w, rows[i]);
		struct digest digest, broken = { 0 };
		struct err err = ERR_INIT;

		assert_int_equal(dest_write(&d, &w.im, w.store, NULL, &digest, &broken, &err), -1);
		assert_int_equal(err.code, ERR_INTEGRITY);
		assert_true(digest_equal(&broken, &w.layers[1].layer.digest));
		assert_non_null(strstr(err.text, "layer 2 of 3 (sha256:"));
		assert_string_equal(world_names(&w, "."), "store");
	}
}

static void missing_blob_leaves_what_was_there(void **state)
{
	struct err err = ERR_INIT;
	auto_world w;

	(void)state;
	world_make(&w, &CODEC_GZIP_DEFAULT);
	world_must_put(&w, "oci:l:a");
	world_must_put(&w, "oci-archive:a.tar");
	w.layers[2] = world_layer(w.store, "three", &CODEC_GZIP_DEFAULT);
	store_drop(w.store, &w.layers[2].layer.digest);
	assert_int_equal(world_put(&w, "oci:l:a", &err), -1);
	assert_int_equal(err.code, ERR_IO);
	err_clear(&err);
	assert_int_equal(world_put(&w, "oci-archive:a.tar", &err), -1);
	err_clear(&err);
	assert_string_equal(world_names(&w, "."), "a.tar l store");
	for (int i = 0; i < 2; i++) {
		auto_blobs *b = world_get(&w, i ? "oci-archive:a.tar" : "oci:l:a", &err);

		assert_int_equal(blobs_image(b)->n_layers, 3);
	}
}

static void blobs_that_are_there_are_not_asked_for(void **state)
{
	auto_world w;

	(void)state;
	world_make(&w, &CODEC_GZIP_DEFAULT);
	world_must_put(&w, "oci:l:a");
	store_drop(w.store, &w.layers[0].layer.digest);
	store_drop(w.store, &w.layers[1].layer.digest);
	world_must_put(&w, "oci:l:b");
}

static void zstd_in_a_docker_archive_is_refused(void **state)
{
	struct err err = ERR_INIT;
	auto_world w;

	(void)state;
	world_make(&w, &CODEC_ZSTD_DEFAULT);
	assert_int_equal(world_put(&w, "docker-archive:d.tar", &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_non_null(strstr(err.text, "--compression gzip"));
	assert_string_equal(world_names(&w, "."), "store");
}

static void base_layers_come_from_the_base(void **state)
{
	static const char *const bases[] = { "oci:l", "oci-archive:a.tar", "docker-archive:d.tar" };
	auto_world w;

	(void)state;
	world_make(&w, &CODEC_GZIP_DEFAULT);
	for (size_t i = 0; i < COUNT(bases); i++) {
		struct image_layer layers[4];
		struct err err = ERR_INIT;
		auto_blobs *base = NULL;
		struct dest out = world_place(&w, arena_printf(&w.arena, "oci:out%zu", i));
		struct digest digest;
		struct image im;

		world_must_put(&w, bases[i]);
		base = world_get(&w, bases[i], &err);
		im = *blobs_image(base);
		memcpy(layers, im.layers, sizeof(layers[0]) * 3);
		layers[3] = world_layer(w.store, "on top", &CODEC_GZIP_DEFAULT);
		im.layers = layers;
		im.n_layers = 4;
		assert_int_equal(dest_write(&out, &im, w.store, NULL, &digest, NULL, &err), -1); /* no base */
		assert_int_equal(err.code, ERR_IO);
		err_clear(&err);
		store_drop(w.store, &w.layers[1].layer.digest);
		assert_int_equal(dest_write(&out, &im, w.store, base, &digest, NULL, &err), 0);
		w.layers[1] = world_layer(w.store, "two", &CODEC_GZIP_DEFAULT);
	}
}

static void writers_do_not_lose_tags(void **state)
{
	pid_t pids[6];
	auto_world w;

	(void)state;
	world_make(&w, &CODEC_GZIP_DEFAULT);
	for (int i = 0; i < 6; i++) {
		pids[i] = fork();
		if (pids[i])
			continue;
		for (int k = 0; k < 8; k++)
			world_must_put(&w, arena_printf(&w.arena, "oci:deep/l:t%d-%d", i, k));
		_exit(0);
	}
	for (int i = 0; i < 6; i++) {
		int status;

		waitpid(pids[i], &status, 0);
		assert_int_equal(status, 0);
	}
	for (int i = 0; i < 6; i++) {
		for (int k = 0; k < 8; k++) {
			struct err err = ERR_INIT;
			auto_blobs *b = world_get(&w, arena_printf(&w.arena, "oci:deep/l:t%d-%d", i, k), &err);

			assert_non_null(b);
		}
	}
	assert_string_equal(world_names(&w, "deep/l"), "blobs index.json oci-layout");
}

/* One makes the directory and fails, the others want to write into it. */
static void failing_writer_takes_nothing_from_others(void **state)
{
	pid_t pids[6];
	auto_world w;

	(void)state;
	world_make(&w, &CODEC_GZIP_DEFAULT);
	for (int i = 0; i < 6; i++) {
		pids[i] = fork();
		if (pids[i])
			continue;
		for (int k = 0; k < 20; k++) {
			struct err err = ERR_INIT;

			w.layers[2].layer.size = i % 2 ? 7 : w.layers[0].layer.size;
			if ((world_put(&w, arena_printf(&w.arena, "oci:l%d:t%d", k, i), &err) < 0) != i % 2)
				_exit(1);
		}
		_exit(0);
	}
	for (int i = 0; i < 6; i++) {
		int status;

		waitpid(pids[i], &status, 0);
		assert_int_equal(status, 0);
	}
	for (int k = 0; k < 20; k++)
		for (int i = 0; i < 6; i += 2) {
			struct err err = ERR_INIT;
			auto_blobs *b = world_get(&w, arena_printf(&w.arena, "oci:l%d:t%d", k, i), &err);

			assert_non_null(b);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_are_read),
		cmocka_unit_test(image_comes_back_from_every_place),
		cmocka_unit_test(archives_are_the_same_bytes_every_time),
		cmocka_unit_test(layout_keeps_other_images_and_moves_the_tag),
		cmocka_unit_test(what_a_killed_writer_left_is_gone_on_with),
		cmocka_unit_test(foreign_directory_is_left_alone),
		cmocka_unit_test(broken_blob_is_told_and_nothing_stays),
		cmocka_unit_test(missing_blob_leaves_what_was_there),
		cmocka_unit_test(blobs_that_are_there_are_not_asked_for),
		cmocka_unit_test(zstd_in_a_docker_archive_is_refused),
		cmocka_unit_test(base_layers_come_from_the_base),
		cmocka_unit_test(writers_do_not_lose_tags),
		cmocka_unit_test(failing_writer_takes_nothing_from_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
