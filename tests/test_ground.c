/* What a base image is made of, as far as paths are concerned: whiteouts, links, and that it is remembered. */
#include "check.h"

#include <stdio.h>

#include "cmd/ground.h"
#include "oci/layer.h"
#include "ustar.h"

struct place {
	struct check_dir dir;
	struct arena arena;
	struct store *store;
	struct image_layer layers[4];
	size_t n;
};

static void add_layer(struct place *p, struct tree *t)
{
	struct err err = ERR_INIT;
	struct image_layer *l = &p->layers[p->n++];

	*l = (struct image_layer){ .media_type = layer_media_type(&CODEC_GZIP_DEFAULT) };
	assert_ok(layer_write(t, p->store, &CODEC_GZIP_DEFAULT, &l->layer, &err), err);
	tree_free(t);
}

static int make_place(void **state)
{
	struct place *p = NEW(struct place);
	struct err err = ERR_INIT;
	struct tree *t = tree_memory();

	p->dir = check_mkdir();
	p->store = store_open(p->dir.fd, "store", &err);
	assert_non_null(p->store);
	tree_memory_symlink(t, "bin", "usr/bin");
	tree_memory_dir(t, "etc", 0755);
	tree_memory_dir(t, "etc/old", 0700);
	tree_memory_dir(t, "etc/old/sub", 0700);
	tree_memory_dir(t, "home", 0711);
	tree_memory_symlink(t, "lib", "usr/lib");
	tree_memory_dir(t, "usr/bin", 0755);
	tree_memory_file(t, "usr/bin/cat", 0755, "c", 1);
	tree_memory_file(t, "usr/bin/sh", 0755, "s", 1);
	tree_memory_symlink(t, "usr/name with\nnewline", "x");
	tree_memory_dir(t, "var/spool", 0755);
	add_layer(p, t);
	t = tree_memory();
	tree_memory_dir(t, "home", 01777);
	tree_memory_file(t, "usr/bin/env", 0755, "e", 1);
	tree_memory_symlink(t, "var/spool", "/data");
	add_layer(p, t);
	*state = p;
	return 0;
}

static int remove_place(void **state)
{
	struct place *p = *state;

	store_free(p->store);
	arena_release(&p->arena);
	check_rmdir(&p->dir);
	free(p);
	return 0;
}

static struct blobs *image_of(struct place *p)
{
	struct image im = { .os = "linux", .arch = "amd64", .layers = p->layers, .n_layers = p->n };
	struct err err = ERR_INIT;
	struct digest digest;
	struct dest d;
	struct blobs *b;

	assert_ok(dest_parse(&p->arena, arena_printf(&p->arena, "oci:%s/base", p->dir.path), &d, &err), err);
	assert_ok(dest_write(&d, &im, p->store, NULL, &digest, NULL, &err), err);
	b = dest_open(&d, NULL, NULL, &err);
	assert_non_null(b);
	return b;
}

static void check(const struct ground *g)
{
	auto_arena a = { 0 };
	static const struct {
		const char *path, *want;
	} rows[] = {
		{ "bin/sh", "usr/bin/sh" },
		{ "lib", "usr/lib" },
		{ "var/spool/x", "data/x" },
		{ "a/../lib/./x", "usr/lib/x" },
		{ "../x", "x" },
		{ "bin/../etc", "usr/etc" },
		{ "", "" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(ground_resolve(g, &a, rows[i].path, true), rows[i].want);
	assert_string_equal(ground_resolve(g, &a, "lib", false), "lib");
	assert_true(ground_find(g, "usr/bin")->is_dir);
	assert_int_equal(ground_find(g, "home")->mode, 01777);
	assert_non_null(ground_find(g, "usr/bin/sh"));
	assert_non_null(ground_find(g, "usr/bin/env"));
	assert_false(ground_find(g, "usr/bin/cat")->is_dir);
	assert_null(ground_find(g, "nothing"));
	assert_null(g->glibc);
}

static void later_layers_go_over_earlier_ones(void **state)
{
	struct place *p = *state;
	auto_blobs *b = image_of(p);
	struct err err = ERR_INIT;

	/* Once from the layers, once as it is remembered, once more where that is broken. */
	for (unsigned i = 0; i < 3; i++) {
		auto_ground g = { 0 };
		const char *const *names;
		size_t n;

		assert_ok(ground_of_base(b, p->n, &(struct workshop){ .plans = p->dir.fd }, &g, &err), err);
		check(&g);
		assert_ok(fs_list(&p->arena, p->dir.fd, ".", &names, &n, &err), err);
		assert_int_equal(n, 3); /* base, base-1-2-HEX, store */
		if (i == 1)
			assert_ok(fs_write(p->dir.fd, names[1], "d 755 usr\nrubbish\nend\n", 22, 0644, &err), err);
	}
}

static const struct {
	const char *path;
	bool deletes_old, deletes_sub;
} whiteouts[] = {
	{ "etc/.wh.old", true, true },	    { "etc/old/.wh..wh..opq", false, true },
	{ "etc/old/.wh.sub", false, true }, { "etc/.wh.ol", false, false },
	{ ".wh.etc", true, true },
};

/* Our own layers have no whiteouts, so this one is made by hand. */
static void add_whiteout(struct place *p, const char *path)
{
	auto_buf tar = { 0 };
	struct err err = ERR_INIT;
	struct image_layer *l = &p->layers[p->n++];
	auto_sink *out = NULL;

	ustar_member(&tar, &(struct ustar){ .path = path, .type = '0', .mode = 0644 }, NULL, 0);
	ustar_end(&tar);
	*l = (struct image_layer){ .media_type = MEDIA_LAYER };
	l->layer.diffid = digest_bytes(tar.p, tar.n);
	l->layer.tar_size = tar.n;
	out = store_put(p->store, &l->layer.digest, &l->layer.size, &err);
	assert_non_null(out);
	assert_ok(sink_write(out, tar.p, tar.n, &err), err);
	assert_ok(sink_finish(out, &err), err);
}

static void whiteouts_delete(void **state)
{
	struct place *p = *state;

	for (size_t i = 0; i < COUNT(whiteouts); i++) {
		struct err err = ERR_INIT;
		auto_blobs *b = NULL;
		auto_ground g = { 0 };

		add_whiteout(p, whiteouts[i].path);
		b = image_of(p);
		assert_ok(ground_of_base(b, p->n, &(struct workshop){ .plans = p->dir.fd }, &g, &err), err);
		if ((ground_find(&g, "etc/old") == NULL) != whiteouts[i].deletes_old ||
		    (ground_find(&g, "etc/old/sub") == NULL) != whiteouts[i].deletes_sub)
			fail_msg("%s", whiteouts[i].path);
		assert_non_null(ground_find(&g, "usr/bin/sh"));
		p->n--;
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(later_layers_go_over_earlier_ones, make_place, remove_place),
		cmocka_unit_test_setup_teardown(whiteouts_delete, make_place, remove_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
