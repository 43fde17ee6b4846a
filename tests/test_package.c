#include "conda/package.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "conda/entry_point.h"
#include "pack.h"

static char dir[64];
static int dirfd_;

static int setup(void **state)
{
	(void)state;
	dirfd_ = pack_dir(dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pack_remove(dir, dirfd_);
	return 0;
}

/* One line a member: type, mode, path, target, content. */
static int list(struct package *p, struct buf *out, struct err *err)
{
	struct source *content;
	struct member m;
	int rc;

	while ((rc = package_next(p, &m, &content, err)) > 0) {
		buf_addf(out, "%c%o %s", "-dlh?"[m.type], m.mode, m.path);
		if (m.target)
			buf_addf(out, " -> %s", m.target);
		if (content) {
			buf_addc(out, ' ');
			if (io_slurp(content, 1 << 20, out, err) < 0)
				return err_at(err, "%s: %s", package_fn(p), m.path);
		}
		buf_addc(out, '\n');
	}
	return rc;
}

static int list_file(struct pack *k, const char *fn, struct buf *out, struct err *err)
{
	pack_write(k, dirfd_, fn);
	auto_package *p = package_open(dirfd_, fn, fn, err);

	return p ? list(p, out, err) : -1;
}

static void expect_list(struct pack *k, const char *fn, const char *want)
{
	struct err err = ERR_INIT;
	auto_buf out = { 0 };

	if (list_file(k, fn, &out, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(buf_cstr(&out), want);
}

static void expect_fault(struct pack *k, const char *fn, enum err_code code, const char *words)
{
	struct err err = ERR_INIT;
	auto_buf out = { 0 };

	assert_int_equal(list_file(k, fn, &out, &err), -1);
	if (err.code != code || !strstr(err.text, words) || !str_starts(err.text, fn))
		fail_msg("got %d '%s', expected %d '%s'", err.code, err.text, code, words);
	/* The name is told once. */
	assert_null(strstr(err.text + 1, fn));
}

static void both_formats_tell_the_same(void **state)
{
	static const char *const fns[] = { "x-1-0.conda", "x-1-0.tar.bz2", "x-1-0.tar.bz2" };

	(void)state;
	for (size_t i = 0; i < COUNT(fns); i++) {
		struct pack k = { .info_last = i == 2 };

		pack_member(&k, "./bin/", '5', 0755, NULL, "", 0);
		pack_file(&k, "./bin/x", 0775, "run", NULL);
		pack_text(&k, "info/licenses/MIT", "text");
		pack_file(&k, "empty", 0644, "", NULL);
		pack_symlink(&k, "lib/l.so", "l.so.1");
		pack_text(&k, "unlisted", "is not installed");
		k.paths.n = 0;
		pack_path(&k, "\"_path\": \"bin/x\", \"size_in_bytes\": 3");
		pack_path(&k, "\"_path\": \"empty\"");
		pack_path(&k, "\"_path\": \"lib/l.so\", \"path_type\": \"softlink\"");
		pack_path(&k, "\"_path\": \"var\", \"path_type\": \"directory\"");
		pack_index(&k, NULL);
		pack_paths(&k);
		expect_list(&k, fns[i], "-775 bin/x run\n-644 empty \nl777 lib/l.so -> l.so.1\n");
	}
}

static void no_payload_is_a_package(void **state)
{
	struct pack k = { 0 };

	(void)state;
	pack_index(&k, NULL);
	pack_paths(&k);
	expect_list(&k, "x-1-0.tar.bz2", "");
	pack_index(&k, NULL);
	pack_paths(&k);
	expect_list(&k, "x-1-0.conda", "");
}

static void index_is_told(void **state)
{
	struct pack k = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	pack_text(
		&k, "info/index.json",
		"{\"name\": \"x\", \"version\": \"1\", \"build\": \"0\", \"build_number\": 7, \"depends\": [\"a\", \"b >1\"],"
		"\"constrains\": [\"c\"], \"subdir\": \"noarch\", \"license\": \"MIT\", \"timestamp\": 12, "
		"\"noarch\": \"python\", \"track_features\": \" f  g \", \"python_site_packages_path\": \"s/p\"}");
	pack_text(
		&k, "info/link.json",
		"{\"noarch\": {\"type\": \"python\", \"entry_points\": [\"x = m.n:f.g\"]}, \"package_metadata_version\": 1}");
	pack_file(&k, "a", 0644, "a", "\"prefix_placeholder\": \"/old\", \"file_mode\": \"binary\", \"no_link\": true");
	pack_file(&k, "b", 0644, "b", "\"prefix_placeholder\": \"/old\"");
	pack_paths(&k);
	pack_write(&k, dirfd_, "x-1-0.conda");
	auto_package *p = package_open(dirfd_, "x-1-0.conda", "x-1-0.conda", &err);
	const struct package_info *info;

	assert_non_null(p);
	info = package_info(p);
	assert_int_equal(info->index.build_number, 7);
	assert_string_equal(info->index.depends[1], "b >1");
	assert_null(info->index.depends[2]);
	assert_string_equal(info->index.track_features[0], "f");
	assert_string_equal(info->index.track_features[1], "g");
	assert_null(info->index.track_features[2]);
	assert_string_equal(info->index.site_packages, "s/p");
	assert_int_equal(info->index.timestamp, 12);
	assert_int_equal(info->noarch, NOARCH_PYTHON);
	assert_int_equal(info->n_entry_points, 1);
	assert_string_equal(info->entry_points[0].module, "m.n");
	assert_int_equal(info->paths[0].mode, PATH_BINARY);
	assert_true(info->paths[0].no_link);
	assert_int_equal(info->paths[1].mode, PATH_TEXT);
	assert_true(info->has_paths_json);
}

static void old_packages_have_lists(void **state)
{
	struct pack k = { .info_last = true };
	struct err err = ERR_INIT;
	auto_buf out = { 0 };

	(void)state;
	pack_index(&k, "\"noarch\": true");
	pack_text(&k, "info/files", "bin/b\nbin/a\n\n# no path\nlib/with space\nlib/l\nlib/q\n");
	pack_text(
		&k, "info/has_prefix",
		"bin/a\n/a/b text bin/b\n\"/opt/c d\" binary \"lib/with space\"\n'/e' text 'lib/q'\n/x text not/listed\n");
	pack_text(&k, "info/no_link", "bin/a\n");
	pack_text(&k, "bin/a", "a");
	pack_text(&k, "bin/b", "b");
	pack_text(&k, "lib/q", "q");
	pack_text(&k, "lib/with space", "s");
	pack_member(&k, "lib/l", '2', 0777, "q", NULL, 0);
	pack_write(&k, dirfd_, "x-1-0.tar.bz2");
	auto_package *p = package_open(dirfd_, "x-1-0.tar.bz2", "x-1-0.tar.bz2", &err);
	const struct package_path *a, *b, *s;

	if (!p)
		fail_msg("%s", err.text);
	assert_false(package_info(p)->has_paths_json);
	assert_int_equal(package_info(p)->noarch, NOARCH_GENERIC);
	assert_int_equal(package_info(p)->n_paths, 5);
	a = package_find(p, "bin/a");
	b = package_find(p, "bin/b");
	s = package_find(p, "lib/with space");
	assert_string_equal(a->placeholder, "/opt/anaconda1anaconda2anaconda3");
	assert_int_equal(a->mode, PATH_TEXT);
	assert_true(a->no_link);
	assert_string_equal(b->placeholder, "/a/b");
	assert_string_equal(s->placeholder, "/opt/c d");
	assert_int_equal(s->mode, PATH_BINARY);
	assert_string_equal(package_find(p, "lib/q")->placeholder, "/e");
	assert_null(package_find(p, "lib"));
	assert_int_equal(list(p, &out, &err), 0);
	assert_string_equal(out.p,
			    "-644 bin/a a\n-644 bin/b b\n-644 lib/q q\n-644 lib/with space s\nl777 lib/l -> q\n");
}

/* What stands in a package, and what is said of it. */
static void hostile_packages_are_refused(void **state)
{
	static const struct {
		const char *why;
		enum err_code code;
	} rows[] = {
		{ "listed twice", ERR_FORMAT },
		{ "has a \"..\" component", ERR_FORMAT },
		{ "is absolute", ERR_FORMAT },
		{ "reserved", ERR_FORMAT },
		{ "fifo or a socket", ERR_FORMAT },
		{ "stands in the archive twice", ERR_FORMAT },
		{ "is not in the archive", ERR_INTEGRITY },
		{ "has 1 bytes, expected 2", ERR_INTEGRITY },
		{ "a: is sha256:", ERR_INTEGRITY },
		{ "is a symlink in the archive, expected a file", ERR_INTEGRITY },
		{ "is a file in the archive, expected a directory", ERR_INTEGRITY },
		{ "the hard link's target '../x'", ERR_FORMAT },
		{ "'paths_version' is 2", ERR_FORMAT },
		{ "'path_type' is 'wormhole'", ERR_FORMAT },
		{ "has no list 'paths'", ERR_FORMAT },
		{ "is not JSON", ERR_FORMAT },
		{ "has neither info/paths.json nor info/files", ERR_FORMAT },
		{ "has no info/index.json", ERR_FORMAT },
		{ "has no 'name'", ERR_FORMAT },
		{ "info/index.json stands in the archive twice", ERR_FORMAT },
		{ "info/index.json is not a plain file", ERR_FORMAT },
		{ "member '../out'", ERR_FORMAT },
		{ "64 hex digits", ERR_FORMAT },
		{ "a is a link whose target cannot be read", ERR_FORMAT },
		{ "empty: is sha256:", ERR_INTEGRITY },
		{ "info/has_prefix: line", ERR_FORMAT },
		{ "entry point", ERR_FORMAT },
	};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(rows); i++) {
		size_t row = i / 2;
		struct pack k = { 0 };
		bool index = true, paths = true;

		switch (row) {
		case 0:
			pack_file(&k, "a", 0644, "", NULL);
			pack_path(&k, "\"_path\": \"a\"");
			break;
		case 1:
			pack_path(&k, "\"_path\": \"a/../b\"");
			break;
		case 2:
			pack_path(&k, "\"_path\": \"/etc/passwd\"");
			break;
		case 3:
			pack_path(&k, "\"_path\": \"conda-meta/x.json\"");
			break;
		case 4:
			pack_member(&k, "dev", '3', 0644, NULL, NULL, 0);
			break;
		case 5:
			pack_file(&k, "a", 0644, "a", NULL);
			pack_text(&k, "a", "b");
			break;
		case 6:
			pack_path(&k, "\"_path\": \"gone\"");
			break;
		case 7:
			pack_text(&k, "a", "a");
			pack_path(&k, "\"_path\": \"a\", \"size_in_bytes\": 2");
			break;
		case 8:
			pack_text(&k, "a", "b");
			pack_path(&k, "\"_path\": \"a\", \"sha256\": \"%s\"", digest_hex(&(struct digest){ 0 }).hex);
			break;
		case 9:
			pack_member(&k, "a", '2', 0777, "b", NULL, 0);
			pack_path(&k, "\"_path\": \"a\"");
			break;
		case 10:
			pack_text(&k, "a", "b");
			pack_path(&k, "\"_path\": \"a\", \"path_type\": \"directory\"");
			break;
		case 11:
			pack_hardlink(&k, "a", "../x", "", NULL);
			break;
		case 12:
			pack_text(&k, "info/paths.json", "{\"paths_version\": 2, \"paths\": []}");
			paths = false;
			break;
		case 13:
			pack_path(&k, "\"_path\": \"a\", \"path_type\": \"wormhole\"");
			break;
		case 14:
			pack_text(&k, "info/paths.json", "{}");
			paths = false;
			break;
		case 15:
			pack_text(&k, "info/paths.json", "{");
			paths = false;
			break;
		case 16:
			paths = false;
			break;
		case 17:
			index = false;
			break;
		case 18:
			pack_text(&k, "info/index.json", "{}");
			index = false;
			break;
		case 19:
			pack_index(&k, NULL);
			break;
		case 20:
			pack_member(&k, "info/index.json", '2', 0777, "a", NULL, 0);
			index = false;
			break;
		case 21:
			pack_text(&k, "../out", "");
			break;
		case 22:
			pack_path(&k, "\"_path\": \"a\", \"sha256\": \"12\"");
			break;
		case 23:
			pack_symlink(&k, "a", "");
			break;
		case 24:
			pack_text(&k, "empty", "");
			pack_path(&k, "\"_path\": \"empty\", \"sha256\": \"%s\"",
				  digest_hex(&(struct digest){ 0 }).hex);
			break;
		case 25:
			pack_text(&k, "info/files", "a\n");
			pack_text(&k, "info/has_prefix", "/x wrong a\n");
			paths = false;
			break;
		default:
			pack_text(&k, "info/link.json",
				  "{\"noarch\": {\"type\": \"python\", \"entry_points\": [\"x\"]}}");
			break;
		}
		if (index)
			pack_index(&k, NULL);
		if (paths)
			pack_paths(&k);
		expect_fault(&k, i % 2 ? "x-1-0.conda" : "x-1-0.tar.bz2", rows[row].code, rows[row].why);
	}
}

/* One that says it is larger than any archive of its size may be: its holes cost its maker nothing. */
static void holes_count_as_bytes(void **state)
{
	static const char *const sizes[] = { "1048576", "9000000000000000000" };
	struct pack k = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct err err = ERR_INIT;
		struct source *content;
		struct member m;
		auto_buf pax = { 0 }, data = { 0 };
		int rc;

		buf_adds(&pax, "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n21 GNU.sparse.name=a\n");
		buf_addf(&pax, "%zu GNU.sparse.realsize=%s\n", 24 + strlen(sizes[i]), sizes[i]);
		buf_adds(&data, "1\n0\n1\n");
		while (data.n < 512)
			buf_addc(&data, '\0');
		buf_adds(&data, "x");
		pack_member(&k, "PaxHeaders/a", 'x', 0644, NULL, pax.p, pax.n);
		pack_member(&k, "GNUSparseFile.0/a", '0', 0644, NULL, data.p, data.n);
		pack_path(&k, "\"_path\": \"a\"");
		pack_index(&k, NULL);
		pack_paths(&k);
		pack_write(&k, dirfd_, "x-1-0.conda");
		auto_package *p = package_open(dirfd_, "x-1-0.conda", "x-1-0.conda", &err);

		assert_non_null(p);
		rc = package_next(p, &m, &content, &err);
		if (i == 0 && (rc != 1 || m.size != 1 << 20))
			fail_msg("%d %s %s", rc, rc > 0 ? m.path : "", err.text);
		if (i == 1 && (rc != -1 || err.code != ERR_LIMIT))
			fail_msg("%d %s", rc, err.text);
	}
}

static void what_was_read_in_part_is_checked_whole(void **state)
{
	struct pack k = { 0 };
	struct err err = ERR_INIT;
	struct source *content;
	struct member m;
	char byte;

	(void)state;
	pack_text(&k, "a", "ab");
	pack_text(&k, "b", "ab");
	pack_path(&k, "\"_path\": \"a\", \"sha256\": \"%s\"", digest_hex(&(struct digest){ 0 }).hex);
	pack_path(&k, "\"_path\": \"b\", \"sha256\": \"%s\"", digest_hex(&(struct digest){ 0 }).hex);
	pack_index(&k, NULL);
	pack_paths(&k);
	pack_write(&k, dirfd_, "x-1-0.conda");
	auto_package *p = package_open(dirfd_, "x-1-0.conda", "x-1-0.conda", &err);

	/* a is passed over: nobody has a wrong byte of it */
	assert_int_equal(package_next(p, &m, &content, &err), 1);
	assert_int_equal(package_next(p, &m, &content, &err), 1);
	assert_int_equal(source_read(content, &byte, 1, &err), 1);
	assert_int_equal(package_next(p, &m, &content, &err), -1);
	assert_int_equal(err.code, ERR_INTEGRITY);
	assert_true(str_starts(err.text, "x-1-0.conda: b: is sha256:"));
}

static void info_behind_the_payload_is_read(void **state)
{
	struct pack k = { .info_last = true };

	(void)state;
	pack_file(&k, "a", 0644, "a", NULL);
	pack_index(&k, NULL);
	pack_paths(&k);
	expect_list(&k, "x-1-0.tar.bz2", "-644 a a\n");

	/* in front all that is needed, then something that contradicts it */
	pack_file(&k, "a", 0644, "a", NULL);
	pack_index(&k, NULL);
	pack_paths(&k);
	buf_add(&k.payload, k.info.p, k.info.n);
	expect_fault(&k, "x-1-0.tar.bz2", ERR_FORMAT, "info/index.json stands behind the payload");

	/* noarch without its link.json in front: it is looked for */
	pack_index(&k, "\"noarch\": \"python\"");
	pack_file(&k, "a", 0644, "a", NULL);
	pack_paths(&k);
	buf_add(&k.info, k.payload.p, k.payload.n);
	k.payload.n = 0;
	struct pack late = { 0 };

	pack_text(&late, "info/link.json", "{\"noarch\": {\"type\": \"python\", \"entry_points\": [\"c = m:f\"]}}");
	buf_add(&k.payload, late.info.p, late.info.n);
	buf_release(&late.info);
	pack_write(&k, dirfd_, "x-1-0.tar.bz2");
	struct err err = ERR_INIT;
	auto_package *p = package_open(dirfd_, "x-1-0.tar.bz2", "x-1-0.tar.bz2", &err);

	assert_non_null(p);
	assert_int_equal(package_info(p)->n_entry_points, 1);
}

static void container_must_be_right(void **state)
{
	struct err err = ERR_INIT;
	struct pack k = { .metadata = "{\"conda_pkg_format_version\": 3}" };

	(void)state;
	pack_index(&k, NULL);
	pack_paths(&k);
	expect_fault(&k, "x-1-0.conda", ERR_FORMAT, "metadata.json: 'conda_pkg_format_version' is 3, expected 2");
	k.metadata = "-";
	pack_index(&k, NULL);
	pack_paths(&k);
	expect_fault(&k, "x-1-0.conda", ERR_FORMAT, "0 metadata.json");
	k.metadata = "";
	pack_index(&k, NULL);
	pack_paths(&k);
	expect_list(&k, "x-1-0.conda", "");
	assert_null(package_open(dirfd_, "x-1-0.conda", "x-1-0.zip", &err));
	assert_int_equal(err.code, ERR_FORMAT);
	err_clear(&err);
	assert_null(package_open(dirfd_, "gone.conda", "gone.conda", &err));
	assert_int_equal(err.code, ERR_IO);
	err_clear(&err);
	/* the other format's bytes */
	assert_null(package_open(dirfd_, "x-1-0.conda", "x-1-0.tar.bz2", &err));
	assert_int_equal(err.code, ERR_FORMAT);
}

static void copies_follow_hard_links(void **state)
{
	struct pack k = { 0 };
	struct err err = ERR_INIT;
	struct source *content;
	struct member m;
	auto_buf out = { 0 };

	(void)state;
	pack_text(&k, "unlisted", "same");
	pack_hardlink(&k, "a", "./unlisted", "same", NULL);
	pack_hardlink(&k, "b", "a", "same", NULL);
	pack_hardlink(&k, "c", "c", "same", NULL);
	pack_hardlink(&k, "d", "nowhere", "same", NULL);
	pack_hardlink(&k, "e", "a", "other", NULL);
	pack_index(&k, NULL);
	pack_paths(&k);
	pack_write(&k, dirfd_, "x-1-0.tar.bz2");
	auto_package *p = package_open(dirfd_, "x-1-0.tar.bz2", "x-1-0.tar.bz2", &err);

	assert_int_equal(package_next(p, &m, &content, &err), 1);
	assert_int_equal(m.type, MEMBER_HARDLINK);
	assert_string_equal(m.target, "unlisted");
	assert_int_equal(package_copy(p, "b", "a", &m, &content, &err), 0);
	assert_int_equal(m.type, MEMBER_FILE);
	assert_string_equal(m.path, "b");
	assert_int_equal(io_slurp(content, 100, &out, &err), 0);
	assert_string_equal(out.p, "same");
	assert_int_equal(package_copy(p, "c", "c", &m, &content, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	err_clear(&err);
	assert_int_equal(package_copy(p, "d", "nowhere", &m, &content, &err), -1);
	assert_string_equal(err.text, "x-1-0.tar.bz2: d: is a hard link to 'nowhere', which is not in the archive");
	err_clear(&err);
	assert_int_equal(package_copy(p, "e", "a", &m, &content, &err), -1);
	assert_int_equal(err.code, ERR_INTEGRITY);
	err_clear(&err);
	/* the walk goes on where it was */
	assert_int_equal(package_next(p, &m, &content, &err), 1);
	assert_string_equal(m.path, "b");
}

static void entry_points_are_code_and_checked(void **state)
{
	static const struct {
		const char *text, *command, *module, *function; /* command NULL: refused */
	} rows[] = {
		{ "c = m:f", "c", "m", "f" },
		{ "c=m.n:f.g", "c", "m.n", "f.g" },
		{ " \"a-b.py\" = 'm' : f ", "a-b.py", "m", "f" },
		{ "c = _m1:F_2", "c", "_m1", "F_2" },
		{ "c = m", NULL, NULL, NULL },
		{ "c", NULL, NULL, NULL },
		{ "", NULL, NULL, NULL },
		{ "m:f = c", NULL, NULL, NULL },
		{ "= m:f", NULL, NULL, NULL },
		{ "../c = m:f", NULL, NULL, NULL },
		{ "a/c = m:f", NULL, NULL, NULL },
		{ "a\\c = m:f", NULL, NULL, NULL },
		{ ".c = m:f", NULL, NULL, NULL },
		{ "c\n = m:f", "c", "m", "f" },
		{ "c\nd = m:f", NULL, NULL, NULL },
		{ "c = m:f()", NULL, NULL, NULL },
		{ "c = m:f\nimport os", NULL, NULL, NULL },
		{ "c = m:f; import os", NULL, NULL, NULL },
		{ "c = m..n:f", NULL, NULL, NULL },
		{ "c = .m:f", NULL, NULL, NULL },
		{ "c = m:1f", NULL, NULL, NULL },
		{ "c = m:", NULL, NULL, NULL },
		{ "c = :f", NULL, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_arena a = { 0 };
		struct entry_point e;
		int rc = entry_point_parse(&a, rows[i].text, &e, &err);

		if ((rc == 0) != (rows[i].command != NULL))
			fail_msg("'%s': %d %s", rows[i].text, rc, err.text);
		if (rc < 0)
			continue;
		assert_string_equal(e.command, rows[i].command);
		assert_string_equal(e.module, rows[i].module);
		assert_string_equal(e.function, rows[i].function);
	}
}

/* The script that mamba 2.8.1 wrote for charset-normalizer 3.3.2: sha256 in expected/py37-requests.tree. */
static void entry_point_script_is_mambas(void **state)
{
	struct entry_point e = { "normalizer", "charset_normalizer.cli", "cli_detect" };
	auto_buf text = { 0 };
	struct digest d;

	(void)state;
	entry_point_script(&e, "/opt/conda/envs/default/bin/python3.7", &text);
	d = digest_bytes(text.p, text.n);
	assert_string_equal(digest_hex(&d).hex, "d6bc655ba6205aca7bbceea9fd5f9618536c099dae1e63b14776c8140b80e159");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_formats_tell_the_same),
		cmocka_unit_test(no_payload_is_a_package),
		cmocka_unit_test(index_is_told),
		cmocka_unit_test(old_packages_have_lists),
		cmocka_unit_test(hostile_packages_are_refused),
		cmocka_unit_test(holes_count_as_bytes),
		cmocka_unit_test(what_was_read_in_part_is_checked_whole),
		cmocka_unit_test(info_behind_the_payload_is_read),
		cmocka_unit_test(container_must_be_right),
		cmocka_unit_test(copies_follow_hard_links),
		cmocka_unit_test(entry_points_are_code_and_checked),
		cmocka_unit_test(entry_point_script_is_mambas),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
