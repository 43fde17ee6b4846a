#include "oci/store.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "oci_table.h"

#include <cmocka.h>

/* printf hello | sha256sum */
#define HELLO "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

static struct digest put(struct store *s, const char *text)
{
	struct err err = ERR_INIT;
	struct digest d = { 0 };
	uint64_t size = 0;
	auto_sink *out = store_put(s, &d, &size, &err);

	assert_non_null(out);
	for (const char *p = text; *p; p++)
		assert_int_equal(sink_write(out, p, 1, &err), 0);
	assert_int_equal(sink_finish(out, &err), 0);
	assert_int_equal(size, strlen(text));
	return d;
}

static size_t count(const struct tmp *t, const char *below)
{
	auto_free char *path = mem_printf("%s/%s", t->path, below);
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	const char *const *names;
	size_t n;

	assert_int_equal(fs_list(&a, AT_FDCWD, path, &names, &n, &err), 0);
	return n;
}

static void blob_is_there_under_its_digest(void **state)
{
	auto_tmp t = tmp_make();
	struct err err = ERR_INIT;
	mode_t umask_before = umask(077);
	auto_store *s = store_open(AT_FDCWD, t.path, &err);
	auto_free char *path = mem_printf("%s/blobs/sha256/" HELLO, t.path);
	auto_source *in = NULL;
	auto_buf out = { 0 };
	struct digest d;
	struct stat st;

	(void)state;
	d = put(s, "hello");
	umask(umask_before);
	assert_string_equal(digest_hex(&d).hex, HELLO);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_true(store_has(s, &d, 5));
	assert_false(store_has(s, &d, 4));
	in = store_get(s, &d, 5, &err);
	assert_int_equal(io_slurp(in, 100, &out, &err), 0);
	assert_string_equal(out.p, "hello");
	put(s, "hello"); /* again */
	assert_int_equal(count(&t, "blobs/sha256"), 1);
	assert_int_equal(count(&t, "."), 1); /* recipes/ is not made for nothing: a layout has none */
	store_drop(s, &d);
	store_drop(s, &d);
	assert_false(store_has(s, &d, 5));
	assert_null(store_get(s, &d, 5, &err));
	assert_int_equal(err.code, ERR_IO);
}

static void unfinished_blob_leaves_nothing(void **state)
{
	auto_tmp t = tmp_make();
	struct err err = ERR_INIT;
	auto_store *s = store_open(AT_FDCWD, t.path, &err);
	struct digest d;
	uint64_t size;
	auto_free char *big = mem_alloc(1 << 20);
	struct sink *out = store_put(s, &d, &size, &err);

	(void)state;
	assert_int_equal(sink_write(out, big, 1 << 20, &err), 0);
	sink_free(out);
	assert_int_equal(count(&t, "blobs/sha256"), 0);
}

static void broken_blob_is_seen_and_replaced(void **state)
{
	static const char *const rows[] = { "hellO", "hell", "hello!" };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_tmp t = tmp_make();
		struct err err = ERR_INIT;
		auto_store *s = store_open(AT_FDCWD, t.path, &err);
		auto_free char *path = mem_printf("%s/blobs/sha256/" HELLO, t.path);
		auto_source *in = NULL, *again = NULL;
		struct digest d;

		assert_true(digest_parse(HELLO, &d));
		assert_int_equal(fs_write(AT_FDCWD, path, rows[i], strlen(rows[i]), 0644, &err), 0);
		in = store_get(s, &d, 5, &err);
		assert_int_equal(io_drain(in, &err), -1);
		assert_int_equal(err.code, ERR_INTEGRITY);
		err_clear(&err);
		if (strlen(rows[i]) == 5)
			store_drop(s, &d); /* of the right size: only who reads it can know */
		put(s, "hello");
		again = store_get(s, &d, 5, &err);
		assert_int_equal(io_drain(again, &err), 0);
	}
}

static pid_t start(const struct tmp *t, void (*job)(struct store *s, int me), int me)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct err err = ERR_INIT;
		struct store *s = store_open(AT_FDCWD, t->path, &err);

		job(s, me);
		_exit(0);
	}
	return pid;
}

static void put_many(struct store *s, int me)
{
	for (int i = 0; i < 50; i++) {
		auto_free char *shared = mem_printf("shared %d", i), *own = mem_printf("own %d of %d", i, me);

		put(s, shared);
		put(s, own);
	}
}

static void processes_share_a_store(void **state)
{
	auto_tmp t = tmp_make();
	pid_t pids[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		pids[i] = start(&t, put_many, i);
	for (int i = 0; i < 4; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(count(&t, "blobs/sha256"), 50 + 4 * 50);
}

static void die_writing(struct store *s, int me)
{
	auto_free char *big = mem_alloc(1 << 20);
	struct err err = ERR_INIT;
	struct digest d;
	uint64_t size;
	struct sink *out = store_put(s, &d, &size, &err);

	(void)me;
	sink_write(out, big, 1 << 20, &err);
	kill(getpid(), SIGKILL);
}

static void killed_process_leaves_no_blob(void **state)
{
	auto_tmp t = tmp_make();
	pid_t pid = start(&t, die_writing, 0);
	auto_free char *path = mem_printf("%s/blobs/sha256", t.path);
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	const char *const *names;
	size_t n;
	int status;

	(void)state;
	waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(fs_list(&a, AT_FDCWD, path, &names, &n, &err), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(names[i][0], '.'); /* only where there is no O_TMPFILE */
}

static void recipe_is_recalled_while_its_blob_is_there(void **state)
{
	auto_tmp t = tmp_make();
	struct err err = ERR_INIT;
	auto_store *s = store_open(AT_FDCWD, t.path, &err);
	struct digest recipe = digest_bytes("recipe", 6), other = digest_bytes("other", 5);
	struct layer l = { .digest = put(s, "hello"), .diffid = digest_bytes("tar", 3), .size = 5, .tar_size = 10240 };
	struct layer back = { 0 };

	(void)state;
	assert_false(store_recall(s, &recipe, &back));
	assert_int_equal(store_remember(s, &recipe, &l, &err), 0);
	assert_true(store_recall(s, &recipe, &back));
	assert_true(digest_equal(&back.digest, &l.digest) && digest_equal(&back.diffid, &l.diffid));
	assert_int_equal(back.size, 5);
	assert_int_equal(back.tar_size, 10240);
	assert_false(store_recall(s, &other, &back));
	l.size = 6; /* not the size of the blob that is there */
	assert_int_equal(store_remember(s, &recipe, &l, &err), 0);
	assert_false(store_recall(s, &recipe, &back));
	l.size = 5;
	assert_int_equal(store_remember(s, &recipe, &l, &err), 0);
	store_drop(s, &l.digest);
	assert_false(store_recall(s, &recipe, &back));
}

static void broken_recipe_is_not_known(void **state)
{
	static const char *const rows[] = {
		"",
		"\n",
		"sha256:" HELLO " 5 sha256:" HELLO " 1024", /* cut off */
		"sha256:" HELLO " 5 sha256:" HELLO "\n",
		"sha256:" HELLO " 5 sha256:" HELLO " 1024 1\n",
		"sha256:" HELLO " -5 sha256:" HELLO " 1024\n",
		"sha256:" HELLO "  sha256:" HELLO " 1024\n",
		"sha512:" HELLO " 5 sha256:" HELLO " 1024\n",
		"sha256:" HELLO " 5 sha256:../" HELLO " 1024\n",
		"sha256:" HELLO " 99999999999999999999 sha256:" HELLO " 1024\n",
	};
	static const char good[] = "sha256:" HELLO " 5 sha256:" HELLO " 1024\n";
	auto_tmp t = tmp_make();
	struct err err = ERR_INIT;
	auto_store *s = store_open(AT_FDCWD, t.path, &err);
	struct digest recipe = digest_bytes("recipe", 6);
	auto_free char *path = mem_printf("%s/recipes/%s", t.path, digest_hex(&recipe).hex);
	struct layer l = { .digest = put(s, "hello"), .size = 5 };

	(void)state;
	assert_int_equal(store_remember(s, &recipe, &l, &err), 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(fs_write(AT_FDCWD, path, rows[i], strlen(rows[i]), 0644, &err), 0);
		if (store_recall(s, &recipe, &l))
			fail_msg("row %zu: '%s'", i, rows[i]);
	}
	assert_int_equal(fs_write(AT_FDCWD, path, good, strlen(good), 0644, &err), 0);
	assert_true(store_recall(s, &recipe, &l));
}

/* What is above is not written to below, and what is broken below is made anew above. */
static void lower_stores_are_read(void **state)
{
	auto_tmp t = tmp_make(), u = tmp_make();
	auto_free char *path = mem_printf("%s/blobs/sha256/" HELLO, u.path);
	struct err err = ERR_INIT;
	auto_store *below = store_open(AT_FDCWD, u.path, &err), *s = store_open(AT_FDCWD, t.path, &err);
	struct layer l = { .size = 5, .tar_size = 9 }, got = { 0 };
	struct digest recipe = digest_bytes("r", 1);
	auto_source *in = NULL;
	auto_buf out = { 0 };
	auto_sink *to = sink_buf(&out);

	(void)state;
	assert_int_equal(store_add_lower(s, AT_FDCWD, u.path, &err), 0);
	l.digest = put(below, "hello");
	assert_int_equal(store_remember(below, &recipe, &l, &err), 0);
	assert_true(store_has(s, &l.digest, 5));
	assert_false(store_has(s, &l.digest, 6));
	assert_true(store_recall(s, &recipe, &got));
	assert_true(digest_equal(&got.digest, &l.digest));
	in = store_get(s, &l.digest, 5, &err);
	assert_non_null(in);
	assert_int_equal(io_copy(in, to, NULL, &err), 0);
	assert_int_equal(count(&t, "blobs/sha256"), 0);

	assert_int_equal(fs_write(AT_FDCWD, path, "hellO", 5, 0644, &err), 0);
	store_drop(s, &l.digest);
	assert_false(store_recall(s, &recipe, &got));
	put(s, "hello");
	assert_true(store_recall(s, &recipe, &got));
	assert_int_equal(count(&u, "blobs/sha256"), 1);
	assert_int_equal(store_add_lower(s, AT_FDCWD, "/nowhere", &err), -1);
	assert_int_equal(err.code, ERR_IO);
}

static void place_that_cannot_be_is_told(void **state)
{
	auto_tmp t = tmp_make();
	auto_free char *file = mem_printf("%s/file", t.path), *below = mem_printf("%s/file/store", t.path);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(fs_write(AT_FDCWD, file, "x", 1, 0644, &err), 0);
	assert_null(store_open(AT_FDCWD, below, &err));
	assert_int_equal(err.code, ERR_IO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blob_is_there_under_its_digest),
		cmocka_unit_test(unfinished_blob_leaves_nothing),
		cmocka_unit_test(broken_blob_is_seen_and_replaced),
		cmocka_unit_test(processes_share_a_store),
		cmocka_unit_test(killed_process_leaves_no_blob),
		cmocka_unit_test(recipe_is_recalled_while_its_blob_is_there),
		cmocka_unit_test(broken_recipe_is_not_known),
		cmocka_unit_test(lower_stores_are_read),
		cmocka_unit_test(place_that_cannot_be_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
