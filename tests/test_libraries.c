/* Which shared libraries an image lacks, from what is known of its packages; and how that is remembered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "cmd/libraries.h"

#define X86_64 62
#define AARCH64 183

static void facts_of(struct link_facts *f, const char *text)
{
	auto_buf whole = { 0 };

	buf_addf(&whole, "%send\n", text);
	*f = (struct link_facts){ 0 };
	if (!link_facts_read(f, (struct str){ whole.p, whole.n }))
		fail_msg("not read: %s", text);
}

static void what_nothing_has_is_told_with_who_needs_it(void **state)
{
	static const char *const rest[] = { "ld-linux-x86-64.so.2", "libc.so.6" };
	static const struct {
		const char *a, *b, *want;
	} rows[] = {
		{ "lib liba.so.1\nneed 62 libc.so.6 lib/liba.so.1\n", "need 62 liba.so.1 bin/b\n", "" },
		{ "need 62 libx.so.1 lib/liba.so.1\n", "",
		  "!lib/liba.so.1 of a-1-0: needs libx.so.1, which nothing in the image has\n" },
		{ "need 62 libx.so.1 lib/python3/a.so\n", "",
		  " lib/python3/a.so of a-1-0: needs libx.so.1, which nothing in the image has\n" },
		/* Who cannot start is told before who can. */
		{ "need 62 libx.so.1 lib/python3/a.so\n", "need 62 libx.so.1 bin/b\n",
		  "!bin/b of b-1-0 (and 1 more package): needs libx.so.1, which nothing in the image has\n" },
		{ "need 62 libcrypt.so.1 bin/perl\n", "",
		  "!bin/perl of a-1-0: needs libcrypt.so.1, which nothing in the image has; conda-forge has it in the package libxcrypt1\n" },
		/* A cross compiler's, and the driver's. */
		{ "need 183 libx.so.1 bin/a\nneed 62 libcuda.so.1 lib/a.so\nneed 62 libnvidia-ml.so.1 bin/smi\n", "",
		  "" },
		/* By name, whoever comes first. */
		{ "need 62 libz.so.9 bin/a\nneed 62 liby.so.9 bin/a\n", "",
		  "!bin/a of a-1-0: needs liby.so.9, which nothing in the image has\n!bin/a of a-1-0: needs libz.so.9, which nothing in the image has\n" },
	};
	static const char *const dists[] = { "a-1-0", "b-1-0" };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct missing_library *got;
		struct link_facts facts[2];
		auto_arena a = { 0 };
		auto_buf text = { 0 };
		size_t n;

		facts_of(&facts[0], rows[i].a);
		facts_of(&facts[1], rows[i].b);
		got = libraries_missing(&a, facts, dists, 2, X86_64, rest, COUNT(rest), &n);
		for (size_t k = 0; k < n; k++)
			buf_addf(&text, "%c%s\n", got[k].vital ? '!' : ' ', got[k].text);
		if (strcmp(buf_cstr(&text), rows[i].want) != 0)
			fail_msg("row %zu: %s", i, text.p);
		link_facts_release(&facts[0]);
		link_facts_release(&facts[1]);
	}
}

static void facts_are_read_as_they_were_written(void **state)
{
	static const char want[] = "lib a.cpython-311-x86_64-linux-gnu.so\nlib libz.so\nlib libz.so.1\n"
				   "need 62 libc.so.6 bin/z\nneed 183 libc.so.6 lib/z/y z\nneed 62 libz.so.1 bin/z\n"
				   "special bin/su\nend\n";
	static const char *const bad[] = { "",
					   "end",
					   "lib \nend\n",
					   "lib a.so\n",
					   "need 62 a\nend\n",
					   "need x a b\nend\n",
					   "need 99999 a b\nend\n",
					   "other a\nend\n",
					   "lib\nend\n" };
	auto_link_facts f = { 0 }, again = { 0 };
	auto_buf text = { 0 }, second = { 0 };

	(void)state;
	link_facts_add_path(&f, "lib/libz.so.1");
	link_facts_add_path(&f, "lib/libz.so");
	link_facts_add_path(&f, "lib/other/libz.so");
	link_facts_add_path(&f, "lib/x.sofa");
	link_facts_add_path(&f, "share/.so");
	link_facts_add_path(&f, "lib/lib\nx.so");
	link_facts_add_path(&f, "lib/python3.11/a.cpython-311-x86_64-linux-gnu.so");
	link_facts_add_need(&f, "libz.so.1", "lib/python/z.so", X86_64);
	link_facts_add_need(&f, "libz.so.1", "bin/z", X86_64);
	link_facts_add_need(&f, "libc.so.6", "bin/z", X86_64);
	link_facts_add_need(&f, "libc.so.6", "lib/z/y z", AARCH64);
	link_facts_add_need(&f, "libc .so.6", "bin/z", X86_64);
	link_facts_add_need(&f, "libc.so.6", "bin/\nz", X86_64);
	link_facts_add_special(&f, "bin/su");
	link_facts_finish(&f);
	link_facts_write(&f, &text);
	assert_string_equal(text.p, want);
	assert_true(link_facts_read(&again, (struct str){ text.p, text.n }));
	link_facts_write(&again, &second);
	assert_string_equal(second.p, want);
	for (size_t i = 0; i < COUNT(bad); i++) {
		auto_link_facts none = { 0 };

		if (strcmp(bad[i], "end") != 0 && link_facts_read(&none, str_of(bad[i])))
			fail_msg("'%s' is read", bad[i]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_nothing_has_is_told_with_who_needs_it),
		cmocka_unit_test(facts_are_read_as_they_were_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
