#include "check.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/codec.h"
#include "cmd/bundle.h"

struct made {
	struct check_dir dir;
	struct store *store;
	char path[100];
	uint64_t size;
	struct digest package;
};

#define LONG_NAME                                                                                                     \
	"channel/noarch/a-package-with-a-name-that-is-so-long-that-no-header-of-a-tar-can-hold-it-and-more-and-more-" \
	"and-more-1.0-0.conda"

/* A lock, two packages (one of them a file), a document. */
static struct made make(const char *base)
{
	struct made m = { .dir = check_mkdir() };
	struct err err = ERR_INIT;
	auto_bundle_plan plan = { .base = base };
	auto_buf lock = { 0 }, text = { 0 };
	auto_sink *out = NULL;
	struct stat st;

	snprintf(m.path, sizeof(m.path), "%s/b", m.dir.path);
	m.store = store_open(m.dir.fd, "store", &err);
	assert_non_null(m.store);
	buf_adds(&lock, "version: 1\n");
	buf_adds(&text, "{}");
	assert_ok(fs_write(m.dir.fd, "p", "package", 7, 0644, &err), err);
	m.package = digest_bytes("package", 7);
	bundle_add_bytes(&plan, "channel/noarch/repodata.json", &text);
	bundle_add_file(&plan, "channel/noarch/x-1-0.conda", 7, &m.package, m.dir.fd, "p");
	bundle_add_file(&plan, LONG_NAME, 7, &m.package, m.dir.fd, "p");
	bundle_add_bytes(&plan, "conda-lock.yml", &lock);
	bundle_add_bytes(&plan, "channel/noarch/repodata.json", &text);
	out = sink_file(AT_FDCWD, m.path, 0644, &err);
	assert_ok(bundle_write(&plan, out, &err), err);
	assert_ok(sink_finish(out, &err), err);
	assert_int_equal(stat(m.path, &st), 0);
	m.size = (uint64_t)st.st_size;
	return m;
}

static void clear(struct made *m)
{
	store_free(m->store);
	check_rmdir(&m->dir);
}

static int read_back(const struct made *m, struct bundle *b, struct err *err)
{
	return bundle_open(m->path, b, err) < 0 ? -1 : bundle_unpack(b, m->dir.fd, m->store, err);
}

static void what_was_put_in_comes_out(void **state)
{
	struct made m = make("oci:base");
	struct err err = ERR_INIT;
	auto_bundle b = { 0 };
	auto_buf got = { 0 };
	auto_free char *path = mem_printf("sha256/%s", digest_hex(&m.package).hex);

	(void)state;
	assert_true(bundle_is(m.path));
	assert_false(bundle_is("/etc/passwd"));
	assert_false(bundle_is("/nowhere"));
	assert_ok(read_back(&m, &b, &err), err);
	assert_string_equal(b.lock, "version: 1\n");
	assert_string_equal(b.base, "oci:base");
	assert_int_equal(b.n, 4);
	assert_ok(fs_read(m.dir.fd, path, 100, &got, &err), err);
	assert_string_equal(got.p, "package");
	clear(&m);
}

static void a_bundle_without_a_base_has_none(void **state)
{
	struct made m = make(NULL);
	struct err err = ERR_INIT;
	auto_bundle b = { 0 };

	(void)state;
	assert_ok(read_back(&m, &b, &err), err);
	assert_null(b.base);
	clear(&m);
}

/* No byte of it is free: not in headers, not in padding, not in the list, not at the end. */
static void every_other_byte_is_noticed(void **state)
{
	struct made m = make(NULL);
	auto_buf text = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_ok(fs_read(AT_FDCWD, m.path, 1 << 20, &text, &err), err);
	for (size_t i = 0; i < text.n; i++) {
		struct err why = ERR_INIT;
		auto_bundle b = { 0 };

		text.p[i] ^= 1;
		assert_ok(fs_write(AT_FDCWD, m.path, text.p, text.n, 0644, &err), err);
		if (read_back(&m, &b, &why) == 0)
			fail_msg("byte %zu is another, and it was taken", i);
		/* a 1 that becomes a 0 is an older format, an 'a' in the name of the list another file */
		if (why.code != ERR_INTEGRITY)
			fail_msg("byte %zu: %d %s", i, why.code, why.text);
		text.p[i] ^= 1;
	}
	clear(&m);
}

static void every_end_is_noticed(void **state)
{
	struct made m = make(NULL);
	auto_buf text = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_ok(fs_read(AT_FDCWD, m.path, 1 << 20, &text, &err), err);
	for (size_t n = 0; n < text.n + 2; n += n == text.n - 1 ? 2 : 1) {
		struct err why = ERR_INIT;
		auto_bundle b = { 0 };

		if (n % 100 && n < text.n - 2)
			continue;
		buf_addc(&text, '\0');
		text.n--;
		assert_ok(fs_write(AT_FDCWD, m.path, text.p, n, 0644, &err), err);
		if (read_back(&m, &b, &why) == 0)
			fail_msg("%zu bytes of %zu were taken", n, text.n);
		assert_int_equal(why.code, ERR_INTEGRITY);
	}
	clear(&m);
}

/* What a layer says of itself that is not so; and what is, in the first row. */
static const struct {
	const char *diffid_of;
	uint64_t tar_size;
	const char *other_note; /* or NULL */
	bool taken;
} layers[] = {
	{ "hello", 5, NULL, true },
	{ "hullo", 5, NULL, false },
	{ "hello", 4, NULL, false },
	{ "hello", 6, NULL, false },
	{ "hello", 5, "rubbish", false },
	{ "hello", 5,
	  "sha256:0000000000000000000000000000000000000000000000000000000000000000 5 "
	  "sha256:0000000000000000000000000000000000000000000000000000000000000000 5\n",
	  false },
};

static void gzip(struct buf *ret)
{
	struct err err = ERR_INIT;
	auto_sink *s = sink_codec(sink_buf(ret), &CODEC_GZIP_DEFAULT);

	assert_ok(sink_write(s, "hello", 5, &err), err);
	assert_ok(sink_finish(s, &err), err);
}

/* Well made as a bundle in any case: that is not what it is refused for. */
static void write_with_layer(const struct made *m, size_t row, const struct digest *recipe, const struct layer *layer,
			     const struct buf *blob)
{
	struct err err = ERR_INIT;
	auto_store *from = store_open(m->dir.fd, "from", &err);
	auto_bundle_plan plan = { 0 };
	auto_free char *note = mem_printf("layers/recipes/%s", digest_hex(recipe).hex);
	auto_free char *path = mem_printf("layers/blobs/sha256/%s", digest_hex(&layer->digest).hex);
	auto_buf lock = { 0 }, other = { 0 };
	struct digest digest;
	uint64_t size;
	auto_sink *put = store_put(from, &digest, &size, &err), *out = NULL;

	buf_adds(&lock, "version: 1\n");
	assert_ok(sink_write(put, blob->p, blob->n, &err), err);
	assert_ok(sink_finish(put, &err), err);
	bundle_add_bytes(&plan, "conda-lock.yml", &lock);
	if (layers[row].other_note) {
		buf_adds(&other, layers[row].other_note);
		bundle_add_bytes(&plan, note, &other);
		bundle_add_bytes(&plan, path, blob);
	} else {
		bundle_add_layer(&plan, recipe, layer, from);
	}
	out = sink_file(AT_FDCWD, m->path, 0644, &err);
	assert_ok(bundle_write(&plan, out, &err), err);
	assert_ok(sink_finish(out, &err), err);
}

static void layers_are_what_they_say_or_refused(void **state)
{
	struct digest recipe = digest_bytes("recipe", 6);
	auto_buf blob = { 0 };

	(void)state;
	gzip(&blob);
	for (size_t i = 0; i < COUNT(layers); i++) {
		struct made m = make(NULL);
		struct err err = ERR_INIT;
		struct layer layer = { .digest = digest_bytes(blob.p, blob.n),
				       .diffid = digest_bytes(layers[i].diffid_of, 5),
				       .size = blob.n,
				       .tar_size = layers[i].tar_size };
		auto_bundle b = { 0 };
		struct layer got;
		int rc;

		write_with_layer(&m, i, &recipe, &layer, &blob);
		rc = read_back(&m, &b, &err);
		if ((rc == 0) != layers[i].taken)
			fail_msg("row %zu: %s", i, rc < 0 ? err.text : "taken");
		assert_int_equal(err.code, layers[i].taken ? 0 : ERR_INTEGRITY);
		assert_int_equal(b.n_layers, layers[i].taken);
		assert_int_equal(store_has(m.store, &layer.digest, layer.size), layers[i].taken);
		/* what the bundle says is not what was found out here */
		assert_false(store_recall(m.store, &recipe, &got));
		if (layers[i].taken) {
			assert_true(digest_equal(&b.layers[0].recipe, &recipe));
			assert_true(digest_equal(&b.layers[0].layer.diffid, &layer.diffid));
		}
		clear(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_in_comes_out),
		cmocka_unit_test(a_bundle_without_a_base_has_none),
		cmocka_unit_test(every_other_byte_is_noticed),
		cmocka_unit_test(every_end_is_noticed),
		cmocka_unit_test(layers_are_what_they_say_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
