#include "oci/dest.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/doc.h"
#include "oci/layer.h"
#include "oci/tar.h"
#include "oci_table.h"

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

/* ---- an image and a place for it ---- */

struct world {
	struct tmp tmp;
	struct arena arena;
	struct store *store;
	struct image_layer layers[3];
	struct image im;
};

static struct image_layer make_layer(struct store *s, const char *text, const struct codec *codec)
{
	struct item item = { ENTRY_FILE, "etc/file", 0644, text, 0, 0 };
	auto_tree *tree = table_tree(&item, 1, 100);
	struct image_layer l = { .media_type = layer_media_type(codec), .created_by = "test" };
	struct err err = ERR_INIT;

	assert_int_equal(layer_write(tree, s, codec, &l.layer, &err), 0);
	return l;
}

static void world_make(struct world *w, const struct codec *codec)
{
	auto_free char *path = NULL;
	struct err err = ERR_INIT;

	*w = (struct world){ .tmp = tmp_make() };
	path = mem_printf("%s/store", w->tmp.path);
	w->store = store_open(AT_FDCWD, path, &err);
	w->layers[0] = make_layer(w->store, "one", codec);
	w->layers[1] = make_layer(w->store, "two", codec);
	w->layers[2] = w->layers[0]; /* the same blob twice */
	w->im = (struct image){ .os = "linux", .arch = "amd64", .created = 1, .layers = w->layers, .n_layers = 3 };
}

static void world_end(struct world *w)
{
	store_free(w->store);
	arena_release(&w->arena);
	tmp_remove(&w->tmp);
}

#define auto_world CLEANUP(world_end) struct world

static struct dest place(struct world *w, const char *fmt)
{
	struct err err = ERR_INIT;
	struct dest d;
	char *colon;
	auto_free char *text = mem_printf("%s", fmt);

	/* "KIND:NAME..." is below the temporary directory */
	colon = strchr(text, ':');
	*colon = '\0';
	assert_int_equal(
		dest_parse(&w->arena, arena_printf(&w->arena, "%s:%s/%s", text, w->tmp.path, colon + 1), &d, &err), 0);
	return d;
}

static int put(struct world *w, const char *where, struct err *err)
{
	struct dest d = place(w, where);
	struct digest digest;

	return dest_write(&d, &w->im, w->store, NULL, &digest, NULL, err);
}

static void must_put(struct world *w, const char *where)
{
	struct err err = ERR_INIT;

	if (put(w, where, &err) < 0)
		fail_msg("%s: %s", where, err.text);
}

static struct blobs *get(struct world *w, const char *where, struct err *err)
{
	struct dest d = place(w, where);

	return dest_open(&d, "linux", "amd64", err);
}

static char *path_of(struct world *w, const char *name)
{
	return arena_printf(&w->arena, "%s/%s", w->tmp.path, name);
}

static void write_file(struct world *w, const char *name, const char *text, size_t n)
{
	struct err err = ERR_INIT;

	assert_int_equal(fs_write(AT_FDCWD, path_of(w, name), text, n, 0644, &err), 0);
}

/* "a b c": what a directory holds. */
static const char *names_in(struct world *w, const char *name)
{
	const char *const *names;
	struct err err = ERR_INIT;
	auto_buf out = { 0 };
	size_t n;

	if (fs_list(&w->arena, AT_FDCWD, path_of(w, name), &names, &n, &err) < 0)
		return "-";
	for (size_t i = 0; i < n; i++)
		buf_addf(&out, "%s%s", i ? " " : "", names[i]);
	return arena_strdup(&w->arena, buf_cstr(&out));
}

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

			must_put(&w, rows[i]);
			b = get(&w, rows[i], &err);
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

		must_put(&w, i ? "docker-archive:1.tar:app:1" : "oci-archive:1.tar:t");
		before = umask(077);
		must_put(&w, i ? "docker-archive:2.tar:app:1" : "oci-archive:2.tar:t");
		umask(before);
		assert_int_equal(fs_read(AT_FDCWD, path_of(&w, "1.tar"), 1 << 20, &first, &err), 0);
		assert_int_equal(fs_read(AT_FDCWD, path_of(&w, "2.tar"), 1 << 20, &second, &err), 0);
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
	must_put(&w, "oci:l:a");
	w.im.n_layers = 1;
	must_put(&w, "oci:l:b");
	assert_string_equal(names_in(&w, "l"), "blobs index.json oci-layout");
	for (int round = 0; round < 2; round++) {
		auto_blobs *a = get(&w, "oci:l:a", &err), *b = get(&w, "oci:l:b", &err);

		assert_int_equal(blobs_image(a)->n_layers, round ? 2 : 3);
		assert_int_equal(blobs_image(b)->n_layers, 1);
		w.im.n_layers = 2;
		must_put(&w, "oci:l:a");
		assert_null(get(&w, "oci:l:c", &err));
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
	assert_int_equal(mkdir(path_of(&w, "l"), 0755), 0);
	write_file(&w, "l/.oci-layout.123-7.tmp", "{", 1);
	must_put(&w, "oci:l:a");
	assert_string_equal(names_in(&w, "l"), "blobs index.json oci-layout");
	write_file(&w, "l/.index.json.123-7.tmp", "{", 1);
	must_put(&w, "oci:l:b");
	assert_string_equal(names_in(&w, "l"), "blobs index.json oci-layout");
}

static void foreign_directory_is_left_alone(void **state)
{
	struct err err = ERR_INIT;
	auto_world w;

	(void)state;
	world_make(&w, &CODEC_GZIP_DEFAULT);
	assert_int_equal(mkdir(path_of(&w, "home"), 0755), 0);
	write_file(&w, "home/thesis.txt", "x", 1);
	assert_int_equal(put(&w, "oci:home", &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_non_null(
		strstr(err.text, "is neither empty nor an OCI image layout: it has 'thesis.txt', and no oci-layout"));
	assert_string_equal(names_in(&w, "home"), "thesis.txt");
	err_clear(&err);
	assert_int_equal(mkdir(path_of(&w, "empty"), 0755), 0);
	must_put(&w, "oci:empty");
	write_file(&w, "empty/oci-layout", "{\"imageLayoutVersion\":\"2.0.0\"}", 30);
	assert_int_equal(put(&w, "oci:empty", &err), -1);
	assert_int_equal(err.code, ERR_FORMAT);
	err_clear(&err);
	assert_int_equal(put(&w, "oci:home/thesis.txt", &err), -1);
	assert_int_equal(err.code, ERR_IO);
	err_clear(&err);
	assert_int_equal(put(&w, "oci-archive:home", &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
}

static void broken_blob_is_told_and_nothing_stays(void **state)
{
	static const char *const rows[] = { "oci:new/deep/dir", "oci-archive:a.tar", "docker-archive:a.tar:app:1" };
	auto_world w;

	(void)state;
	world_make(&w, &CODEC_GZIP_DEFAULT);
	write_file(&w, arena_printf(&w.arena, "store/blobs/sha256/%s", digest_hex(&w.layers[1].layer.digest).hex),
		   "garbage", 7);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct dest d = place(&w, rows[i]);
		struct digest digest, broken = { 0 };
		struct err err = ERR_INIT;

		assert_int_equal(dest_write(&d, &w.im, w.store, NULL, &digest, &broken, &err), -1);
		assert_int_equal(err.code, ERR_INTEGRITY);
		assert_true(digest_equal(&broken, &w.layers[1].layer.digest));
		assert_non_null(strstr(err.text, "layer 2 of 3 (sha256:"));
		assert_string_equal(names_in(&w, "."), "store");
	}
}

static void missing_blob_leaves_what_was_there(void **state)
{
	struct err err = ERR_INIT;
	auto_world w;

	(void)state;
	world_make(&w, &CODEC_GZIP_DEFAULT);
	must_put(&w, "oci:l:a");
	must_put(&w, "oci-archive:a.tar");
	w.layers[2] = make_layer(w.store, "three", &CODEC_GZIP_DEFAULT);
	store_drop(w.store, &w.layers[2].layer.digest);
	assert_int_equal(put(&w, "oci:l:a", &err), -1);
	assert_int_equal(err.code, ERR_IO);
	err_clear(&err);
	assert_int_equal(put(&w, "oci-archive:a.tar", &err), -1);
	err_clear(&err);
	assert_string_equal(names_in(&w, "."), "a.tar l store");
	for (int i = 0; i < 2; i++) {
		auto_blobs *b = get(&w, i ? "oci-archive:a.tar" : "oci:l:a", &err);

		assert_int_equal(blobs_image(b)->n_layers, 3);
	}
}

static void blobs_that_are_there_are_not_asked_for(void **state)
{
	auto_world w;

	(void)state;
	world_make(&w, &CODEC_GZIP_DEFAULT);
	must_put(&w, "oci:l:a");
	store_drop(w.store, &w.layers[0].layer.digest);
	store_drop(w.store, &w.layers[1].layer.digest);
	must_put(&w, "oci:l:b");
}

static void zstd_in_a_docker_archive_is_refused(void **state)
{
	struct err err = ERR_INIT;
	auto_world w;

	(void)state;
	world_make(&w, &CODEC_ZSTD_DEFAULT);
	assert_int_equal(put(&w, "docker-archive:d.tar", &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_non_null(strstr(err.text, "--compression gzip"));
	assert_string_equal(names_in(&w, "."), "store");
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
		struct dest out = place(&w, arena_printf(&w.arena, "oci:out%zu", i));
		struct digest digest;
		struct image im;

		must_put(&w, bases[i]);
		base = get(&w, bases[i], &err);
		im = *blobs_image(base);
		memcpy(layers, im.layers, sizeof(layers[0]) * 3);
		layers[3] = make_layer(w.store, "on top", &CODEC_GZIP_DEFAULT);
		im.layers = layers;
		im.n_layers = 4;
		assert_int_equal(dest_write(&out, &im, w.store, NULL, &digest, NULL, &err), -1); /* no base */
		assert_int_equal(err.code, ERR_IO);
		err_clear(&err);
		store_drop(w.store, &w.layers[1].layer.digest);
		assert_int_equal(dest_write(&out, &im, w.store, base, &digest, NULL, &err), 0);
		w.layers[1] = make_layer(w.store, "two", &CODEC_GZIP_DEFAULT);
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
			must_put(&w, arena_printf(&w.arena, "oci:deep/l:t%d-%d", i, k));
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
			auto_blobs *b = get(&w, arena_printf(&w.arena, "oci:deep/l:t%d-%d", i, k), &err);

			assert_non_null(b);
		}
	}
	assert_string_equal(names_in(&w, "deep/l"), "blobs index.json oci-layout");
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
			if ((put(&w, arena_printf(&w.arena, "oci:l%d:t%d", k, i), &err) < 0) != i % 2)
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
			auto_blobs *b = get(&w, arena_printf(&w.arena, "oci:l%d:t%d", k, i), &err);

			assert_non_null(b);
		}
}

/* ---- what others wrote, and what nobody should have ---- */

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
	must_put(&w, "oci:l:t");
	assert_int_equal(fs_read(AT_FDCWD, path_of(&w, "l/index.json"), 1 << 20, &text, &err), 0);
	for (int level = 0; level < 2; level++) {
		d = digest_bytes(text.p, text.n);
		name = arena_printf(&a, "l/blobs/sha256/%s", digest_hex(&d).hex);
		write_file(&w, name, text.p, text.n);
		entry = arena_printf(&a,
				     "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" MEDIA_INDEX
				     "\",\"digest\":\"sha256:%s\",\"size\":%zu,\"annotations\":{\"" ANNOTATION_REF_NAME
				     "\":\"multi\"}}]}",
				     digest_hex(&d).hex, text.n);
		write_file(&w, "l/index.json", entry, strlen(entry));
		if (level == 0) {
			struct dest arm = place(&w, "oci:l:multi");

			b = get(&w, "oci:l:multi", &err);
			assert_non_null(b);
			assert_int_equal(blobs_image(b)->n_layers, 3);
			assert_null(dest_open(&arm, "linux", "arm64", &err));
			assert_non_null(strstr(err.text, "has no image for linux/arm64; it has: linux/amd64"));
			err_clear(&err);
		}
		text.n = 0;
		buf_adds(&text, entry);
	}
	none = get(&w, "oci:l:multi", &err);
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
	write_file(&w, "d.tar", tar.p, tar.n);
	for (int i = 0; i < 2; i++) {
		auto_blobs *b =
			get(&w, i ? "docker-archive:d.tar:docker.io/library/app:2" : "docker-archive:d.tar", &err);

		assert_non_null(b);
		assert_int_equal(blobs_image(b)->n_layers, 2);
		assert_string_equal(blobs_image(b)->layers[1].media_type, MEDIA_LAYER);
		assert_int_equal(blobs_image(b)->layers[1].layer.size, 1024);
	}
	assert_null(get(&w, "docker-archive:d.tar:app:3", &err));
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
		write_file(&w, "d.tar", tar.p, tar.n);
		b = get(&w, "docker-archive:d.tar", &err);
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
	write_file(&w, "d.tar", tar.p, tar.n);
	assert_null(get(&w, "docker-archive:d.tar", &err));
	assert_int_equal(err.code, ERR_FORMAT);
}

static void compressed_archive_is_told(void **state)
{
	struct err err = ERR_INIT;
	auto_world w;

	(void)state;
	world_make(&w, &CODEC_GZIP_DEFAULT);
	write_file(&w, "d.tar", "\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
	assert_null(get(&w, "docker-archive:d.tar", &err));
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

		must_put(&w, rows[i]);
		assert_int_equal(fs_read(AT_FDCWD, path_of(&w, i ? "d.tar" : "a.tar"), 1 << 20, &tar, &err), 0);
		for (size_t n = 0; n < tar.n - 1024; n += 97) {
			struct blobs *b;

			write_file(&w, i ? "d.tar" : "a.tar", tar.p, n);
			b = get(&w, rows[i], &err);
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
	must_put(&w, "oci-archive:a.tar");
	assert_int_equal(fs_read(AT_FDCWD, path_of(&w, "a.tar"), 1 << 20, &tar, &err), 0);
	for (size_t at = 0; at < tar.n; at += 11) {
		struct blobs *b;

		tar.p[at] ^= 0x15;
		write_file(&w, "a.tar", tar.p, tar.n);
		b = get(&w, "oci-archive:a.tar", &err);
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
	must_put(&w, "oci:l");
	b = get(&w, "oci:l", &err);
	m = blobs_manifest(b, &n);
	assert_int_equal(image_config_of(m, n, &config, &size, &err), 0);
	write_file(&w, arena_printf(&w.arena, "l/blobs/sha256/%s", digest_hex(&config).hex), "{}", 2);
	assert_null(get(&w, "oci:l", &err));
	assert_int_equal(err.code, ERR_INTEGRITY);
	err_clear(&err);
	write_file(&w, "l/index.json", "{\"manifests\":1}", 15);
	assert_null(get(&w, "oci:l", &err));
	assert_int_equal(err.code, ERR_FORMAT);
	err_clear(&err);
	assert_int_equal(put(&w, "oci:l", &err), -1);
	assert_int_equal(err.code, ERR_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_are_read),
		cmocka_unit_test(image_comes_back_from_every_place),
		cmocka_unit_test(archives_are_the_same_bytes_every_time),
		cmocka_unit_test(what_a_killed_writer_left_is_gone_on_with),
		cmocka_unit_test(layout_keeps_other_images_and_moves_the_tag),
		cmocka_unit_test(foreign_directory_is_left_alone),
		cmocka_unit_test(broken_blob_is_told_and_nothing_stays),
		cmocka_unit_test(missing_blob_leaves_what_was_there),
		cmocka_unit_test(blobs_that_are_there_are_not_asked_for),
		cmocka_unit_test(zstd_in_a_docker_archive_is_refused),
		cmocka_unit_test(base_layers_come_from_the_base),
		cmocka_unit_test(writers_do_not_lose_tags),
		cmocka_unit_test(failing_writer_takes_nothing_from_others),
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
