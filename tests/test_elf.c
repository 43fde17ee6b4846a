/* What programs and libraries need is what readelf says that they need, however they stream by. */
#include "conda/elf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <dirent.h>

#include <cmocka.h>

#include "base/fs.h"

#define FILES_MAX 60
#define SIZE_MAX_READ ((uint64_t)64 << 20)

/* "libm.so.6 libc.so.6 ", or "-" where there is no answer. */
static void ours(const char *p, size_t n, size_t step, struct buf *ret, unsigned *machine)
{
	struct elf_scan s = { 0 };
	auto_arena a = { 0 };
	const char *const *names;

	elf_scan_begin(&s);
	for (size_t at = 0; at < n; at += step)
		elf_scan_add(&s, p + at, n - at < step ? n - at : step);
	names = elf_scan_needed(&s, &a, machine);
	if (!names)
		buf_adds(ret, "-");
	for (; names && *names; names++)
		buf_addf(ret, "%s ", *names);
	elf_scan_release(&s);
}

/* "(NEEDED) Shared library: [libc.so.6]" */
static void of_readelf(const char *path, struct buf *ret)
{
	auto_free char *command = mem_printf("LC_ALL=C readelf -dW '%s' 2>/dev/null", path);
	FILE *f = popen(command, "r");
	bool dynamic = false;
	char line[4096];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		const char *open = strstr(line, "Shared library: ["), *close = open ? strchr(open, ']') : NULL;

		dynamic = dynamic || strncmp(line, "Dynamic section", 15) == 0;
		if (strstr(line, "(NEEDED)") && close)
			buf_addf(ret, "%.*s ", (int)(close - open - 17), open + 17);
	}
	if (!dynamic)
		buf_adds(ret, "-");
	pclose(f);
}

static size_t compare_file(const char *path)
{
	static const size_t steps[] = { SIZE_MAX / 2, 65536, 4093, 64, 63 };
	auto_buf bytes = { 0 }, want = { 0 };
	struct err err = ERR_INIT;

	if (fs_read(AT_FDCWD, path, SIZE_MAX_READ, &bytes, &err) < 0 || !bytes.n)
		return 0;
	of_readelf(path, &want);
	for (size_t i = 0; i < COUNT(steps); i++) {
		auto_buf got = { 0 };
		unsigned machine = 0;

		ours(bytes.p, bytes.n, steps[i], &got, &machine);
		if (strcmp(buf_cstr(&got), buf_cstr(&want)) != 0)
			fail_msg("%s, by %zu: '%s', readelf says '%s'", path, steps[i], buf_cstr(&got),
				 buf_cstr(&want));
		if (strcmp(got.p, "-") != 0)
			assert_true(machine == 62 || machine == 183 || machine == 3);
	}
	return strcmp(want.p, "-") != 0;
}

static void this_machine_s_files_need_what_readelf_says(void **state)
{
	static const char *const dirs[] = { "/bin", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/etc" };
	size_t good = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(dirs); i++) {
		auto_arena a = { 0 };
		const char *const *names;
		struct err err = ERR_INIT;
		size_t n, step;

		if (!fs_exists(AT_FDCWD, dirs[i]) || fs_list(&a, AT_FDCWD, dirs[i], &names, &n, &err) < 0)
			continue;
		step = n / FILES_MAX + 1;
		for (size_t k = 0; k < n; k += step)
			good += compare_file(arena_printf(&a, "%s/%s", dirs[i], names[k]));
	}
	if (good < 30)
		fail_msg("only %zu programs and libraries", good);
}

/* ---- by hand, after the System V ABI ---- */

static void put(struct buf *b, uint64_t v, unsigned n, bool big)
{
	for (unsigned i = 0; i < n; i++)
		buf_addc(b, (char)(v >> 8 * (big ? n - 1 - i : i)));
}

struct shape {
	uint64_t strings_at, dynamic_at; /* in the file; addresses are 0x10000 more */
	unsigned machine, type;
	bool big;
};

/* A library that needs "libx.so.1" and "liby.so.2", with one segment of everything. */
static void make(const struct shape *s, struct buf *b)
{
	static const char names[] = "\0libx.so.1\0liby.so.2\0bad/name";
	uint64_t end = (s->strings_at > s->dynamic_at ? s->strings_at : s->dynamic_at) + 200;

	b->n = 0;
	buf_add(b, "\177ELF\2", 5);
	buf_addc(b, s->big ? 2 : 1);
	buf_addc(b, 1);
	while (b->n < 16)
		buf_addc(b, 0);
	put(b, s->type, 2, s->big);
	put(b, s->machine, 2, s->big);
	put(b, 1, 4, s->big);
	put(b, 0, 8, s->big); /* entry */
	put(b, 64, 8, s->big); /* program headers */
	put(b, 0, 8, s->big);
	put(b, 0, 4, s->big);
	put(b, 64, 2, s->big);
	put(b, 56, 2, s->big);
	put(b, 2, 2, s->big);
	put(b, 0, 6, s->big);
	for (unsigned i = 1; i <= 2; i++) { /* PT_LOAD, PT_DYNAMIC */
		put(b, i, 4, s->big);
		put(b, 4, 4, s->big);
		put(b, i == 1 ? 0 : s->dynamic_at, 8, s->big);
		put(b, (i == 1 ? 0 : s->dynamic_at) + 0x10000, 8, s->big);
		put(b, 0, 8, s->big);
		put(b, i == 1 ? end : 96, 8, s->big);
		put(b, i == 1 ? end : 96, 8, s->big);
		put(b, 8, 8, s->big);
	}
	while (b->n < end) {
		if (b->n == s->strings_at) {
			buf_add(b, names, sizeof(names));
		} else if (b->n == s->dynamic_at) {
			const uint64_t table[] = { 1, 1, 1, 11, 1, 21, 1, 9999999, 5, s->strings_at + 0x10000, 0, 0 };

			for (size_t i = 0; i < COUNT(table); i++)
				put(b, table[i], 8, s->big);
		} else {
			buf_addc(b, 'x');
		}
	}
}

static void tables_are_found_wherever_they_can_be_kept(void **state)
{
	const uint64_t far = ELF_HEAD_MAX + 4096;
	const struct {
		struct shape shape;
		const char *want;
	} rows[] = {
		{ { 300, 600, 62, 3, false }, "libx.so.1 liby.so.2 " },
		{ { 600, 300, 62, 3, false }, "libx.so.1 liby.so.2 " },
		{ { 300, 600, 62, 2, false }, "libx.so.1 liby.so.2 " },
		{ { 300, 600, 22, 3, true }, "libx.so.1 liby.so.2 " },
		{ { 300, 600, 62, 1, false }, "-" }, /* an object file */
		{ { 300, far, 183, 3, false }, "libx.so.1 liby.so.2 " },
		{ { far + 9000, far, 183, 3, false }, "libx.so.1 liby.so.2 " },
		{ { far, far + 9000, 183, 3, false }, "-" }, /* gone by before anybody knew */
	};
	auto_buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		static const size_t steps[] = { SIZE_MAX / 2, 65536, 97 };

		make(&rows[i].shape, &b);
		for (size_t k = 0; k < COUNT(steps); k++) {
			auto_buf got = { 0 };
			unsigned machine = 0;

			ours(b.p, b.n, steps[k], &got, &machine);
			if (strcmp(got.p, rows[i].want) != 0)
				fail_msg("row %zu by %zu: '%s'", i, steps[k], got.p);
			if (*got.p != '-')
				assert_int_equal(machine, rows[i].shape.machine);
		}
	}
}

/* Any length of a file, and any byte of its headers, changed: an answer or none. */
static void broken_files_do_no_harm(void **state)
{
	static const struct shape shape = { 300, 600, 62, 3, false };
	static const unsigned char values[] = { 0, 1, 0x7f, 0x80, 0xff };
	auto_buf b = { 0 };
	unsigned machine;

	(void)state;
	make(&shape, &b);
	for (size_t n = 0; n < b.n; n++) {
		auto_buf got = { 0 };
		/* A copy of that size: who reads behind it is caught. */
		auto_free char *copy = mem_resize(NULL, n + 1, 1);

		memcpy(copy, b.p, n);
		ours(copy, n, 50, &got, &machine);
	}
	for (size_t i = 0; i < 176 + 96; i++)
		for (size_t k = 0; k < COUNT(values); k++) {
			size_t at = i < 176 ? i : 600 + i - 176;
			char old = b.p[at];
			auto_buf got = { 0 };

			b.p[at] = (char)values[k];
			ours(b.p, b.n, 4096, &got, &machine);
			b.p[at] = old;
		}
}

static void one_scan_serves_many_files(void **state)
{
	static const struct shape shape = { 300, 600, 62, 3, false };
	struct elf_scan s = { 0 };
	auto_arena a = { 0 };
	auto_buf b = { 0 };
	unsigned machine;

	(void)state;
	make(&shape, &b);
	for (int i = 0; i < 3; i++) {
		elf_scan_begin(&s);
		assert_null(elf_scan_needed(&s, &a, &machine));
		elf_scan_add(&s, b.p, b.n);
		assert_string_equal(elf_scan_needed(&s, &a, &machine)[1], "liby.so.2");
		elf_scan_begin(&s);
		elf_scan_add(&s, "#!/bin/sh\n", 10);
		assert_null(elf_scan_needed(&s, &a, &machine));
	}
	elf_scan_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(this_machine_s_files_need_what_readelf_says),
		cmocka_unit_test(tables_are_found_wherever_they_can_be_kept),
		cmocka_unit_test(broken_files_do_no_harm),
		cmocka_unit_test(one_scan_serves_many_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
