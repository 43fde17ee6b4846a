#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cmd/activation.h"
#include "cmd/rootfs.h"

static const struct prefix prefix = { "/opt/env", NULL, NULL };
static const struct app_user user = { "conda", "1000", "/home/conda", 1000 };

/* "TYPEmode path -> target" or the content, a line each. */
static void read_tree(struct tree *t, struct buf *ret)
{
	struct source *content;
	struct err err = ERR_INIT;
	struct entry e;

	while (tree_next(t, &e, &content, &err) > 0) {
		assert_null(tree_path_fault(e.path));
		buf_addf(ret, "%c%04o %s", "fdlh"[e.type], e.mode, e.path);
		if (e.target)
			buf_addf(ret, " -> %s", e.target);
		buf_addc(ret, '\n');
		if (content)
			assert_int_equal(io_slurp(content, 1 << 20, ret, &err), 0);
	}
	assert_int_equal(err.code, ERR_NONE);
	tree_free(t);
}

static void system_files_let_a_process_live(void **state)
{
	auto_buf all = { 0 }, none = { 0 };

	(void)state;
	read_tree(rootfs_system(&(struct rootfs){
			  .prefix = &prefix, .has_cacert = true, .has_zoneinfo = true, .user = &user }),
		  &all);
	assert_non_null(strstr(all.p, "\nd1777 tmp\n"));
	assert_non_null(strstr(all.p, "\nd1777 var/tmp\n"));
	assert_non_null(strstr(all.p, "\nd0775 home/conda\n"));
	assert_non_null(strstr(all.p, "\nroot:x:0:0:"));
	assert_non_null(strstr(all.p, "\nconda:x:1000:0:"));
	assert_non_null(strstr(all.p, " etc/ssl/certs/ca-certificates.crt -> /opt/env/ssl/cacert.pem\n"));
	assert_non_null(strstr(all.p, " usr/share/zoneinfo -> /opt/env/share/zoneinfo\n"));
	read_tree(rootfs_system(&(struct rootfs){ .prefix = &prefix, .user = &user }), &none);
	assert_null(strstr(none.p, "cacert"));
	assert_null(strstr(none.p, "zoneinfo"));
}

static size_t not_expected(struct tree *t)
{
	struct source *content;
	struct err err = ERR_INIT;
	struct entry e;
	size_t n = 0;

	while (tree_next(t, &e, &content, &err) > 0)
		n += e.type != ENTRY_DIR && !rootfs_may_write(e.path);
	assert_int_equal(err.code, ERR_NONE);
	tree_free(t);
	return n;
}

static void all_system_files_are_known_to_be_ours(void **state)
{
	struct rootfs r = {
		.prefix = &prefix, .has_cacert = true, .has_zoneinfo = true, .has_shell = true, .user = &user
	};
	struct ground nothing = { 0 };

	(void)state;
	assert_int_equal(not_expected(rootfs_system(&r)), 0);
	assert_int_equal(not_expected(rootfs_on_base(&r, &nothing)), 0);
	r.bundle = "certificates";
	assert_int_equal(not_expected(rootfs_system(&r)), 0);
	assert_int_equal(not_expected(rootfs_on_base(&r, &nothing)), 1); /* in the prefix */
	assert_false(rootfs_may_write("etc/shadow"));
	assert_false(rootfs_may_write("usr/bin/env2"));
}

static void no_link_leads_to_itself(void **state)
{
	static const struct prefix usr = { "/usr", NULL, NULL };
	auto_buf got = { 0 };

	(void)state;
	read_tree(rootfs_system(
			  &(struct rootfs){ .prefix = &usr, .has_zoneinfo = true, .has_shell = true, .user = &user }),
		  &got);
	assert_null(strstr(got.p, "usr/share/zoneinfo"));
	assert_null(strstr(got.p, "usr/bin/bash ->"));
	assert_non_null(strstr(got.p, "usr/bin/sh -> /usr/bin/bash\n"));
}

static void directories_above_a_prefix_keep_their_modes(void **state)
{
	static const struct {
		const char *prefix, *want;
	} rows[] = {
		{ "/home/conda/env", "d0775 home/conda\n" },
		{ "/home/conda", "d0775 home/conda\n" },
		{ "/tmp/a/b", "d1777 tmp\n" },
		{ "/root/x", "" }, /* 0755 is what packages say: the user of the image must get in */
		{ "/opt/env", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct prefix p = { rows[i].prefix, NULL, NULL };
		auto_ground g = { 0 };
		struct err err = ERR_INIT;
		auto_buf got = { 0 };

		assert_int_equal(ground_add(&g, rootfs_system(&(struct rootfs){ .prefix = &p, .user = &user }), &err),
				 0);
		read_tree(rootfs_prefix_dirs(&p, &g), &got);
		assert_string_equal(buf_cstr(&got), rows[i].want);
	}
}

static void history_is_as_conda_reads_it(void **state)
{
	static const char *const requested[] = { "it's", "python=3.11", NULL };
	static const struct env_variable variables[] = { { "A", "1" } };
	struct record r = { .name = "a", .version = "1", .build = "0", .subdir = "noarch", .channel = "https://c/x" };
	struct lock_platform lp = { .packages = &r, .n_packages = 1 };
	struct lock lock = { .requested = requested, .variables = variables, .n_variables = 1 };
	auto_buf got = { 0 };

	(void)state;
	record_defaults(&r);
	read_tree(rootfs_environment(&prefix, NULL, &lock, &lp, 0), &got);
	assert_string_equal(got.p, "f0644 opt/env/conda-meta/history\n"
				   "==> 1970-01-01 00:00:00 <==\n# cmd: condaimg build\n"
				   "+https://c/x/noarch::a-1-0\n"
				   "# update specs: [\"it's\", 'python=3.11']\n"
				   "f0644 opt/env/conda-meta/state\n{\"env_vars\":{\"A\":\"1\"}}\n");
}

static void later_variable_files_win(void **state)
{
	struct activation_file files[] = {
		{ ACTIVATION_DIR "b.json", "{\"X\": \"b\", \"PATH\": \"/evil\", \"Z\": \"z\"}", 0 },
		{ ACTIVATION_DIR "a.json", "{\"X\": \"a\", \"Y\": \"y\"}", 1 },
	};
	struct activation_file bad[] = { { ACTIVATION_DIR "c.json", "[1]", 0 } };
	const struct env_variable *v;
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	size_t n;

	(void)state;
	assert_int_equal(activation_merge(&a, files, COUNT(files), &v, &n, &err), 0);
	assert_int_equal(n, 3);
	assert_string_equal(v[0].name, "X");
	assert_string_equal(v[0].value, "b");
	assert_string_equal(v[1].name, "Y");
	assert_string_equal(v[2].name, "Z");
	assert_int_equal(activation_merge(&a, bad, 1, &v, &n, &err), -1);
	assert_int_equal(err.code, ERR_FORMAT);
	assert_non_null(strstr(err.text, "c.json"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(system_files_let_a_process_live),
		cmocka_unit_test(all_system_files_are_known_to_be_ours),
		cmocka_unit_test(no_link_leads_to_itself),
		cmocka_unit_test(directories_above_a_prefix_keep_their_modes),
		cmocka_unit_test(history_is_as_conda_reads_it),
		cmocka_unit_test(later_variable_files_win),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
