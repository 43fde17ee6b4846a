#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conda/libc.h"
#include "pack.h"

#define TOP "x86_64-conda-linux-gnu/sysroot/"

static char dir[64];
static int dirfd = -1;

static const struct platform *linux_64(void)
{
	struct err err = ERR_INIT;

	return platform_parse("linux-64", &err);
}

static struct tree *tree_of(struct pack *k, struct err *err)
{
	struct package *p;

	pack_index(k, NULL);
	pack_paths(k);
	pack_write(k, dirfd, "x-1-0.conda");
	p = package_open(dirfd, "x-1-0.conda", "x-1-0.conda", err);
	assert_non_null(p);
	return libc_tree(p, linux_64(), err);
}

static int drain(struct tree *t, struct buf *ret, struct err *err)
{
	struct source *content;
	struct entry e;
	int got;

	while ((got = tree_next(t, &e, &content, err)) > 0) {
		buf_addf(ret, "%c%04o %s%s%s\n", "fdlh"[e.type], e.mode, e.path, e.target ? " -> " : "",
			 e.target ? e.target : "");
		if (content)
			assert_int_equal(io_drain(content, err), 0);
	}
	tree_free(t);
	return got;
}

static void only_what_a_process_loads_is_taken(void **state)
{
	struct err err = ERR_INIT;
	struct pack k = { 0 };
	auto_buf got = { 0 };

	(void)state;
	pack_file(&k, TOP "lib64/ld-linux-x86-64.so.2", 0755, "loader", NULL);
	pack_file(&k, TOP "lib64/libc.so.6", 0755, "libc", NULL);
	pack_file(&k, TOP "lib64/libc.a", 0644, "static", NULL);
	pack_file(&k, TOP "lib64/libc.so", 0644, "a linker script", NULL);
	pack_file(&k, TOP "lib64/libm-2.17.so", 0775, "m", NULL);
	pack_symlink(&k, TOP "lib64/libm.so.6", "libm-2.17.so");
	pack_symlink(&k, TOP "lib64/libutil.so.1", "/lib64/libutil-2.17.so");
	pack_file(&k, TOP "lib64/crt1.o", 0644, "o", NULL);
	pack_file(&k, TOP "lib64/gconv/UTF-16.so", 0755, "g", NULL);
	pack_file(&k, TOP "usr/lib/locale/C.utf8/LC_CTYPE", 0644, "c", NULL);
	pack_file(&k, TOP "usr/lib/locale/de_DE.utf8/LC_CTYPE", 0644, "d", NULL);
	pack_file(&k, TOP "usr/include/stdio.h", 0644, "h", NULL);
	pack_file(&k, "share/doc/copyright", 0644, "l", NULL);
	pack_text(&k, "info/licenses/COPYING.LIB", "lgpl");
	pack_text(&k, "info/licenses/empty", "");
	assert_int_equal(drain(tree_of(&k, &err), &got, &err), 0);
	assert_string_equal(got.p, "f0755 lib64/ld-linux-x86-64.so.2\n"
				   "f0755 lib64/libc.so.6\n"
				   "f0755 lib64/libm-2.17.so\n"
				   "l0777 lib64/libm.so.6 -> libm-2.17.so\n"
				   "f0755 lib64/gconv/UTF-16.so\n"
				   "f0644 lib64/locale/C.utf8/LC_CTYPE\n"
				   "f0644 usr/share/licenses/x/COPYING.LIB\n"
				   "f0644 usr/share/licenses/x/empty\n"
				   "l0777 lib64/x86_64-linux-gnu -> .\n"
				   "l0777 lib -> lib64\n"
				   "d0755 usr\n"
				   "l0777 usr/lib -> ../lib64\n"
				   "l0777 usr/lib64 -> ../lib64\n");
}

/* conda-forge's of aarch64: the loader's name is in lib, a link to the file in lib64. */
static void the_loader_may_be_named_in_another_directory(void **state)
{
	static const char top[] = "aarch64-conda-linux-gnu/sysroot/";
	struct err err = ERR_INIT;
	struct pack k = { 0 };
	auto_arena a = { 0 };
	auto_buf got = { 0 };
	struct package *p;

	(void)state;
	pack_file(&k, arena_printf(&a, "%slib64/ld-2.17.so", top), 0755, "loader", NULL);
	pack_file(&k, arena_printf(&a, "%slib64/libc.so.6", top), 0755, "libc", NULL);
	pack_symlink(&k, arena_printf(&a, "%slib/ld-linux-aarch64.so.1", top), "../lib64/ld-2.17.so");
	pack_symlink(&k, arena_printf(&a, "%susr/lib64/libm.so.6", top), "../../lib64/libm.so.6");
	pack_symlink(&k, arena_printf(&a, "%slib64/libx.so.1", top), "../etc/libx.so.1");
	pack_index(&k, NULL);
	pack_paths(&k);
	pack_write(&k, dirfd, "x-1-0.conda");
	p = package_open(dirfd, "x-1-0.conda", "x-1-0.conda", &err);
	assert_non_null(p);
	assert_int_equal(drain(libc_tree(p, platform_parse("linux-aarch64", &err), &err), &got, &err), 0);
	assert_string_equal(got.p, "f0755 lib64/ld-2.17.so\n"
				   "f0755 lib64/libc.so.6\n"
				   "l0777 lib64/ld-linux-aarch64.so.1 -> ld-2.17.so\n"
				   "l0777 lib64/aarch64-linux-gnu -> .\n"
				   "l0777 lib -> lib64\n"
				   "d0755 usr\n"
				   "l0777 usr/lib -> ../lib64\n"
				   "l0777 usr/lib64 -> ../lib64\n");
}

static void a_package_without_loader_is_refused(void **state)
{
	struct err err = ERR_INIT;
	struct pack k = { 0 };
	auto_buf got = { 0 };

	(void)state;
	pack_file(&k, TOP "lib64/libc.so.6", 0755, "libc", NULL);
	assert_int_equal(drain(tree_of(&k, &err), &got, &err), -1);
	assert_int_equal(err.code, ERR_FORMAT);
	assert_non_null(strstr(err.text, "lib64/ld-linux-x86-64.so.2"));
}

static void the_newest_or_the_wanted_version_is_chosen(void **state)
{
	static const char *const features[] = { "f", NULL };
	static const struct {
		const char *version;
		uint64_t number;
		bool features;
	} rows[] = {
		{ "2.9", 5, false }, { "2.17", 1, true }, { "2.17", 0, false }, { "2.28", 1, true }, { "2.28", 2, true }
	};
	static const struct {
		const char *want, *version;
		uint64_t number;
	} asks[] = { { NULL, "2.28", 2 },
		     { "2.17", "2.17", 0 },
		     { "2.28.0", "2.28", 2 },
		     { "2.9", "2.9", 5 },
		     { "2.40", NULL, 0 } };
	struct record r[COUNT(rows)];
	struct index ix = { .records = r, .n = COUNT(rows) };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		r[i] = (struct record){ .name = "sysroot_linux-64",
					.version = rows[i].version,
					.build_number = rows[i].number,
					.track_features = rows[i].features ? features : NULL };
		record_defaults(&r[i]);
	}
	for (size_t i = 0; i < COUNT(asks); i++) {
		const struct record *got = libc_choose(&ix, "sysroot_linux-64", asks[i].want, 0);

		assert_int_equal(got != NULL, asks[i].version != NULL);
		if (!got)
			continue;
		assert_string_equal(got->version, asks[i].version);
		assert_int_equal(got->build_number, asks[i].number);
	}
}

static int make_dir(void **state)
{
	(void)state;
	dirfd = pack_dir(dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	pack_remove(dir, dirfd);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_a_process_loads_is_taken),
		cmocka_unit_test(the_loader_may_be_named_in_another_directory),
		cmocka_unit_test(a_package_without_loader_is_refused),
		cmocka_unit_test(the_newest_or_the_wanted_version_is_chosen),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
