#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/fs.h"
#include "linked_world.h"

#define META "-644 p/conda-meta/x-1-0.json"

static const struct prefix no_python = { "/p", NULL, NULL };

static void expect_tree(struct pack *k, const struct prefix *px, const char *const *dropped, bool dirs,
			const char *want)
{
	struct err err = ERR_INIT;
	auto_buf out = { 0 };
	auto_tree *t = world_open(k, px, &world_record, dropped, &err);

	if (!t || world_list(t, dirs, &out, NULL, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(buf_cstr(&out), want);
}

static void expect_fault(struct pack *k, const struct prefix *px, const struct record *r, enum err_code code,
			 const char *want)
{
	struct err err = ERR_INIT;
	auto_buf out = { 0 };
	auto_tree *t = world_open(k, px, r, NULL, &err);
	int rc = t ? world_list(t, false, &out, NULL, &err) : -1;

	assert_int_equal(rc, -1);
	if (err.code != code || strcmp(err.text, want) != 0)
		fail_msg("got %d '%s', expected %d '%s'", err.code, err.text, code, want);
}

/* ---- the prefix ---- */

static void prefix_must_serve_scripts(void **state)
{
	static const struct {
		const char *path;
		bool ok;
	} rows[] = {
		{ "/opt/conda/envs/default", true },
		{ "/p", true },
		{ "/", false },
		{ "", false },
		{ "opt", false },
		{ "/opt/", false },
		{ "//opt", false },
		{ "/opt/../x", false },
		{ "/my env", false },
		{ "/a:b", false },
		{ "/a'b", false },
		{ "/a\nb", false },
		{ "/a$b", false },
		/* 110 bytes: "#!" + 110 + "/bin/python3.10" is 127 */
		{ "/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa",
		  true },
		{ "/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaaaaaaab",
		  false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;

		if ((prefix_check(rows[i].path, &err) == 0) != rows[i].ok)
			fail_msg("'%s': %s", rows[i].path, err.text);
		if (!rows[i].ok)
			assert_int_equal(err.code, ERR_USAGE);
	}
}

/* ---- trees ---- */

static void files_stand_under_the_prefix(void **state)
{
	static const struct prefix deep = { "/opt/conda/envs/default", NULL, NULL };
	struct pack k = { 0 };

	(void)state;
	pack_file(&k, "bin/x", 0775, "run", NULL);
	pack_file(&k, "bin/su", 04755, "", NULL);
	pack_file(&k, "a", 02664, "text", NULL);
	pack_symlink(&k, "lib/l/m.so", "../m.so.1");
	pack_symlink(&k, "lib/abs", "/usr/lib/oldplace");
	pack_path(&k, "\"_path\": \"var/empty\", \"path_type\": \"directory\"");
	world_finish(&k, NULL);
	expect_tree(&k, &deep, NULL, true,
		    "d755 opt\n"
		    "d755 opt/conda\n"
		    "d755 opt/conda/envs\n"
		    "d755 opt/conda/envs/default\n"
		    "d755 opt/conda/envs/default/bin\n"
		    "d755 opt/conda/envs/default/conda-meta\n"
		    "d755 opt/conda/envs/default/lib\n"
		    "d755 opt/conda/envs/default/lib/l\n"
		    "d755 opt/conda/envs/default/var\n"
		    "d755 opt/conda/envs/default/var/empty\n"
		    "-775 opt/conda/envs/default/bin/x run\n"
		    "-755 opt/conda/envs/default/bin/su\n"
		    "-664 opt/conda/envs/default/a text\n"
		    "l777 opt/conda/envs/default/lib/l/m.so -> ../m.so.1\n"
		    "l777 opt/conda/envs/default/lib/abs -> /usr/lib/oldplace\n"
		    "-644 opt/conda/envs/default/conda-meta/x-1-0.json\n");
}

static void odd_names_and_modes_are_kept_or_dropped_as_said(void **state)
{
	struct pack k = { 0 };

	(void)state;
	/* A name that is no UTF-8 can stand in the old lists alone: JSON has none such. */
	pack_text(&k, "share/raw\xff", "raw");
	pack_text(&k, "info/files", "share/raw\xff\n");
	pack_index(&k, NULL);
	expect_tree(&k, &world_prefix, NULL, false, "-644 p/share/raw\xff raw\n" META "\n");

	pack_file(&k, "Menu/x.json", 0644, "{}", NULL);
	pack_file(&k, "bin/u", 04755, "u", NULL);
	pack_file(&k, "bin/g", 02755, "g", NULL);
	pack_file(&k, "bin/t", 01644, "t", NULL);
	pack_hardlink(&k, "bin/t2", "bin/t", "t", NULL);
	pack_file(&k,
		  "gr\xc3\xbc\xc3\x9f"
		  "e",
		  0600, "s", NULL);
	world_finish(&k, NULL);
	expect_tree(&k, &world_prefix, NULL, false,
		    "-644 p/Menu/x.json {}\n-755 p/bin/u u\n-755 p/bin/g g\n-644 p/bin/t t\n"
		    "h644 p/bin/t2 -> p/bin/t\n-600 p/gr\xc3\xbc\xc3\x9f"
		    "e s\n" META "\n");
}

static void placeholders_become_the_prefix(void **state)
{
	static const char binary[] = "\1/oldplace/lib\0\2";
	struct pack k = { 0 };
	struct err err = ERR_INIT;
	struct source *content;
	struct entry e;
	auto_buf got = { 0 };

	(void)state;
	pack_file(&k, "bin/x", 0755, "#!/oldplace/bin/sh\n", WORLD_OLD "\"text\"");
	pack_file(&k, "plain", 0644, "/oldplace", NULL);
	pack_file(&k, "empty", 0644, "", WORLD_OLD "\"text\"");
	world_finish(&k, NULL);
	expect_tree(&k, &world_prefix, NULL, false,
		    "-755 p/bin/x #!/p/bin/sh\n\n-644 p/plain /oldplace\n-644 p/empty\n" META "\n");

	pack_bytes(&k, "lib", 0644, binary, sizeof(binary), WORLD_OLD "\"binary\"");
	world_finish(&k, NULL);
	auto_tree *t = world_open(&k, &world_prefix, &world_record, NULL, &err);

	do
		assert_int_equal(tree_next(t, &e, &content, &err), 1);
	while (e.type == ENTRY_DIR);
	assert_int_equal(e.size, sizeof(binary));
	assert_int_equal(io_slurp(content, 100, &got, &err), 0);
	assert_memory_equal(got.p, "\1/p/lib\0\0\0\0\0\0\0\0\2", sizeof(binary));
}

static void noarch_python_goes_where_its_python_looks(void **state)
{
	static const struct prefix other = { "/p", "3.13", "lib/python3.13t/site-packages" };
	const char *link = "{\"noarch\": {\"type\": \"python\", \"entry_points\": [\"run = m.n:f.g\"]}}";

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct pack k = { 0 };

		pack_file(&k, "site-packages/m/n.py", 0664, "py", NULL);
		pack_file(&k, "python-scripts/tool", 0755, "tool", NULL);
		pack_file(&k, "site-packages-not/a", 0644, "a", NULL);
		pack_file(&k, "share/site-packages/a", 0644, "a", NULL);
		/* An entry point replaces a script of the same name. */
		pack_file(&k, "python-scripts/run", 0755, "old", NULL);
		pack_text(&k, "info/link.json", link);
		world_finish(&k, "\"noarch\": \"python\"");
		expect_tree(&k, i ? &other : &world_prefix, NULL, false,
			    i ? "-664 p/lib/python3.13t/site-packages/m/n.py py\n"
				"-755 p/bin/tool tool\n"
				"-644 p/site-packages-not/a a\n"
				"-644 p/share/site-packages/a a\n"
				"-775 p/bin/run #!/p/bin/python3.13\n"
				"# -*- coding: utf-8 -*-\nimport re\nimport sys\n\nfrom m.n import f\n\n"
				"if __name__ == '__main__':\n"
				"    sys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])\n"
				"    sys.exit(f.g())\n\n" META "\n"
			      : "-664 p/lib/python3.11/site-packages/m/n.py py\n"
				"-755 p/bin/tool tool\n"
				"-644 p/site-packages-not/a a\n"
				"-644 p/share/site-packages/a a\n"
				"-775 p/bin/run #!/p/bin/python3.11\n"
				"# -*- coding: utf-8 -*-\nimport re\nimport sys\n\nfrom m.n import f\n\n"
				"if __name__ == '__main__':\n"
				"    sys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])\n"
				"    sys.exit(f.g())\n\n" META "\n");
	}
}

/* conda takes the channel's word; a channel that has none leaves it to the package. */
static void the_record_says_of_which_kind_it_is(void **state)
{
	static const char in_site[] = "-644 p/lib/python3.11/site-packages/a a\n-775 p/bin/run #!/p/bin/python3.11\n",
			  as_is[] = "-644 p/site-packages/a a\n" META;
	static const struct {
		const char *subdir;
		enum noarch noarch;
		const char *index, *want;
		bool asks;
	} rows[] = {
		{ "noarch", NOARCH_PYTHON, "\"noarch\": \"python\"", in_site, true },
		{ "noarch", NOARCH_PYTHON, NULL, in_site, true },
		{ "noarch", NOARCH_NO, NULL, in_site, true },
		{ "noarch", NOARCH_NO, "\"noarch\": true", in_site, true },
		{ NULL, NOARCH_NO, NULL, in_site, true },
		{ "noarch", NOARCH_GENERIC, NULL, as_is, false },
		{ "linux-64", NOARCH_NO, "\"noarch\": \"python\"", as_is, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct record r = world_record;
		struct pack k = { 0 };
		struct err err = ERR_INIT;
		auto_buf out = { 0 };

		r.subdir = rows[i].subdir;
		r.noarch = rows[i].noarch;
		pack_file(&k, "site-packages/a", 0644, "a", NULL);
		pack_text(&k, "info/link.json",
			  "{\"noarch\": {\"type\": \"python\", \"entry_points\": [\"run = m:f\"]}}");
		world_finish(&k, rows[i].index);
		auto_tree *t = world_open(&k, &world_prefix, &r, NULL, &err);

		if (!t || world_list(t, false, &out, NULL, &err) < 0)
			fail_msg("row %zu: %s", i, err.text);
		if (strncmp(out.p, rows[i].want, strlen(rows[i].want)) != 0)
			fail_msg("row %zu gives\n%s", i, out.p);
		assert_int_equal(linked_asks_python(&r), rows[i].asks);
	}
}

static void licence_texts_stand_beside_the_record(void **state)
{
	struct pack k = { 0 };
	auto_arena a = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		/* Also where they come behind the payload, and as .conda have them: in the payload's tar. */
		const char *in = i == 2 ? "./" : "";

		k.info_last = i == 1;
		world_format = i == 2 ? "x-1-0.conda" : WORLD_FN;
		pack_text(&k, arena_printf(&a, "%sinfo/licenses/vendor/b/COPYING", in), "b");
		pack_text(&k, "info/licenses/LICENSE", "text of it");
		pack_text(&k, arena_printf(&a, "%sinfo/licenses/third-party.json", in), "{}");
		pack_text(&k, arena_printf(&a, "%sinfo/licenses/empty", in), "");
		pack_text(&k, "info/LICENSE.txt", "old");
		pack_text(&k, "info/about.json", "{}");
		pack_member(&k, "info/licenses/link", '2', 0777, "/etc/passwd", NULL, 0);
		pack_text(&k, "info/licenses/../../evil", "x");
		pack_file(&k, "a", 0644, "a", NULL);
		world_finish(&k, NULL);
		expect_tree(
			&k, &world_prefix, NULL, false,
			"-644 p/a a\n-644 p/conda-meta/licenses/x/LICENSE\n-644 p/conda-meta/licenses/x/LICENSE.txt\n"
			"-644 p/conda-meta/licenses/x/empty\n-644 p/conda-meta/licenses/x/third-party.json.txt\n"
			"-644 p/conda-meta/licenses/x/vendor/b/COPYING\n" META "\n");
	}
	world_format = WORLD_FN;
	/* Two of one name, and one that would be in another. */
	pack_text(&k, "info/licenses/a", "1");
	pack_text(&k, "info/licenses/a.b", "2");
	pack_text(&k, "info/licenses/a/b", "3");
	pack_text(&k, "info/licenses/a", "4");
	world_finish(&k, NULL);
	expect_tree(&k, &world_prefix, NULL, false,
		    "-644 p/conda-meta/licenses/x/a\n-644 p/conda-meta/licenses/x/a.b\n" META "\n");
}

static void facts_are_gathered_on_the_way(void **state)
{
	static const char *const dropped[] = { "bin/gone", "lib/libgone.so.1", NULL };
	struct pack k = { 0 };
	struct err err = ERR_INIT;
	auto_buf elf = { 0 }, got = { 0 };
	auto_free char *path = mem_printf("%s/testdata/fuzz/elf/library", getenv("CONDAIMG_SOURCE_ROOT"));

	(void)state;
	/* It needs libc.so.6 and libm.so.6: readelf -d. */
	assert_int_equal(fs_read(AT_FDCWD, path, 1 << 20, &elf, &err), 0);
	pack_bytes(&k, "bin/su", 04755, elf.p, elf.n, NULL);
	pack_bytes(&k, "bin/gone", 04755, elf.p, elf.n, NULL);
	pack_bytes(&k, "lib/libx.so.1", 0644, elf.p, elf.n,
		   "\"prefix_placeholder\": \"/oldplace\", \"file_mode\": \"binary\"");
	pack_symlink(&k, "lib/libx.so", "libx.so.1");
	pack_symlink(&k, "lib/libgone.so.1", "libx.so.1");
	pack_file(&k, "lib/text.so", 0644, "not one", NULL);
	world_finish(&k, NULL);
	auto_link_facts f = { 0 };
	auto_tree *t = world_open(&k, &world_prefix, &world_record, dropped, &err);
	struct source *content;
	struct entry e;

	assert_non_null(t);
	linked_watch(t, &f);
	/* Also of what nobody reads. */
	while (tree_next(t, &e, &content, &err) > 0)
		;
	link_facts_write(&f, &got);
	assert_string_equal(got.p, "lib libx.so\nlib libx.so.1\nlib text.so\nneed 62 libc.so.6 bin/su\n"
				   "need 62 libm.so.6 bin/su\nspecial bin/su\nend\n");
}

static void noarch_python_needs_a_python(void **state)
{
	struct pack k = { 0 };

	(void)state;
	pack_file(&k, "site-packages/a.py", 0644, "", NULL);
	world_finish(&k, "\"noarch\": \"python\"");
	expect_fault(&k, &no_python, &world_record, ERR_FORMAT,
		     WORLD_FN ": is noarch: python, but the environment has no python");
	/* What has nothing for it needs none. */
	pack_file(&k, "share/a", 0644, "a", NULL);
	world_finish(&k, "\"noarch\": \"python\"");
	expect_tree(&k, &no_python, NULL, false, "-644 p/share/a a\n" META "\n");
	/* Of a package that is no noarch python, the names mean nothing. */
	pack_file(&k, "site-packages/a", 0644, "a", NULL);
	world_finish(&k, NULL);
	expect_tree(&k, &no_python, NULL, false, "-644 p/site-packages/a a\n" META "\n");
}

static void dropped_paths_are_left_out(void **state)
{
	static const char *const dropped[] = { "a", "only/here", "x", NULL };
	struct pack k = { 0 };

	(void)state;
	pack_file(&k, "a", 0644, "a /oldplace", WORLD_OLD "\"text\"");
	pack_file(&k, "b", 0644, "b", NULL);
	pack_file(&k, "only/here", 0644, "c", NULL);
	world_finish(&k, NULL);
	expect_tree(&k, &world_prefix, dropped, true, "d755 p\nd755 p/conda-meta\n-644 p/b b\n" META "\n");
}

static void hard_links_stay_where_they_can(void **state)
{
	static const char *const dropped[] = { "a", NULL };
	struct pack k = { 0 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		pack_file(&k, "a", 0644, "same", NULL);
		pack_hardlink(&k, "b", "./a", "same", NULL);
		pack_hardlink(&k, "c", "b", "same", NULL);
		world_finish(&k, NULL);
		expect_tree(&k, &world_prefix, i ? dropped : NULL, false,
			    i ? "-644 p/b same\nh644 p/c -> p/b\n" META "\n"
			      : "-644 p/a same\nh644 p/b -> p/a\nh644 p/c -> p/b\n" META "\n");
	}
	/* Whatever mode the link says: whoever unpacks it would give it to the file. */
	pack_file(&k, "a", 0755, "same", NULL);
	pack_member(&k, "b", '1', 04600, "a", NULL, 0);
	pack_path(&k, "\"_path\": \"b\"");
	pack_member(&k, "c", '1', 0777, "b", NULL, 0);
	pack_path(&k, "\"_path\": \"c\"");
	world_finish(&k, NULL);
	expect_tree(&k, &world_prefix, NULL, false, "-755 p/a same\nh755 p/b -> p/a\nh755 p/c -> p/b\n" META "\n");
	/* The same replacement on both, and another on the third. */
	pack_file(&k, "a", 0644, "at /oldplace", WORLD_OLD "\"text\"");
	pack_hardlink(&k, "b", "a", "at /oldplace", WORLD_OLD "\"text\"");
	pack_hardlink(&k, "c", "a", "at /oldplace", NULL);
	world_finish(&k, NULL);
	expect_tree(&k, &world_prefix, NULL, false,
		    "-644 p/a at /p\nh644 p/b -> p/a\n-644 p/c at /oldplace\n" META "\n");
	/* What is not installed, and what is a symlink, becomes a file or link of its own. */
	pack_text(&k, "unlisted", "same");
	pack_hardlink(&k, "a", "unlisted", "same", NULL);
	pack_symlink(&k, "s", "a");
	pack_member(&k, "t", '1', 0777, "s", NULL, 0);
	pack_path(&k, "\"_path\": \"t\", \"path_type\": \"softlink\"");
	world_finish(&k, NULL);
	expect_tree(&k, &world_prefix, NULL, false, "-644 p/a same\nl777 p/s -> a\nl777 p/t -> a\n" META "\n");
	/* Many links to what is not there need one copy. */
	for (int i = 0; i < 2; i++) {
		auto_buf want = { 0 };

		pack_text(&k, i ? "unlisted" : "a", "same");
		if (!i)
			pack_path(&k, "\"_path\": \"a\"");
		for (int n = 100; n < 100 + 2 * PACKAGE_COPIES_MAX; n++) {
			auto_free char *path = mem_printf("n%d", n);

			pack_hardlink(&k, path, i ? "unlisted" : "a", "same", NULL);
			buf_addf(&want, n == 100 ? "-644 p/n100 same\n" : "h644 p/n%d -> p/n100\n", n);
		}
		world_finish(&k, NULL);
		buf_adds(&want, META "\n");
		expect_tree(&k, &world_prefix, dropped, false, want.p);
	}
	/* One that is said to be another content. */
	pack_file(&k, "a", 0644, "same", NULL);
	pack_hardlink(&k, "b", "a", "other", NULL);
	world_finish(&k, NULL);
	expect_fault(&k, &world_prefix, &world_record, ERR_INTEGRITY,
		     WORLD_FN ": b: is a hard link to 'a', "
			      "sha256:0967115f2813a3541eaef77de9d9d5773f1c0c04314b0bbfe4ff3b3b1c55b5d5, "
			      "expected sha256:d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa");
}

static void hostile_trees_are_refused(void **state)
{
	static const struct record other = { .name = "x", .version = "2", .build = "0" };
	struct pack k = { 0 };

	(void)state;
	pack_symlink(&k, "out", "/etc");
	pack_file(&k, "out/passwd", 0644, "root", NULL);
	world_finish(&k, NULL);
	expect_fault(&k, &world_prefix, &world_record, ERR_FORMAT,
		     WORLD_FN ": 'out/passwd' would go through 'out', which is no directory");

	/* ... also where it only becomes so under the prefix */
	pack_symlink(&k, "lib/python3.11", "/etc");
	pack_file(&k, "site-packages/a", 0644, "a", NULL);
	world_finish(&k, "\"noarch\": \"python\"");
	expect_fault(&k, &world_prefix, &world_record, ERR_FORMAT,
		     WORLD_FN
		     ": 'lib/python3.11/site-packages/a' would go through 'lib/python3.11', which is no directory");

	pack_file(&k, "site-packages/a", 0644, "a", NULL);
	pack_file(&k, "lib/python3.11/site-packages/a", 0644, "a", NULL);
	world_finish(&k, "\"noarch\": \"python\"");
	expect_fault(&k, &world_prefix, &world_record, ERR_FORMAT,
		     WORLD_FN ": two files would be 'lib/python3.11/site-packages/a'");

	world_finish(&k, NULL);
	expect_fault(&k, &world_prefix, &other, ERR_INTEGRITY,
		     WORLD_FN ": info/index.json: 'version' is '1', expected '2'");

	pack_file(&k, "site-packages/a", 0644, "a", NULL);
	world_finish(&k, "\"noarch\": \"python\"");
	expect_fault(&k, &(struct prefix){ "/p", "3.11", "conda-meta" }, &world_record, ERR_FORMAT,
		     WORLD_FN ": 'conda-meta/a' is reserved for the installer");

	pack_bytes(&k, "lib", 0644, "/old\0", 5, "\"prefix_placeholder\": \"/\", \"file_mode\": \"binary\"");
	world_finish(&k, NULL);
	expect_fault(&k, &world_prefix, &world_record, ERR_FORMAT,
		     WORLD_FN ": lib: has a placeholder of 1 bytes, too short for a prefix of 2");

	pack_text(&k, "lib/a", "b");
	pack_path(&k, "\"_path\": \"lib/a\", \"sha256\": \"%s\"", digest_hex(&(struct digest){ 0 }).hex);
	world_finish(&k, NULL);
	expect_fault(&k, &world_prefix, &world_record, ERR_INTEGRITY,
		     WORLD_FN ": lib/a: is sha256:3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d, "
			      "expected sha256:0000000000000000000000000000000000000000000000000000000000000000");
}

static void directories_have_a_limit(void **state)
{
	struct pack k = { 0 };

	(void)state;
	for (int i = 0; i < 120; i++) {
		auto_buf path = { 0 };

		buf_addf(&path, "n%d", 100 + i);
		while (path.n < 3900)
			buf_adds(&path, "/a");
		pack_path(&k, "\"_path\": \"%s\"", path.p);
	}
	world_finish(&k, NULL);
	expect_fault(&k, &world_prefix, &world_record, ERR_LIMIT, WORLD_FN ": has more than 200000 directories");
}

static void list_is_what_the_tree_gives(void **state)
{
	struct pack k = { 0 };
	struct err err = ERR_INIT;
	struct linked_list l;
	auto_arena a = { 0 };

	(void)state;
	pack_file(&k, "site-packages/b.py", 0644, "b", WORLD_OLD "\"text\"");
	pack_symlink(&k, "bin/l", "x");
	pack_file(&k, "bin/.x-post-link.sh", 0755, "", NULL);
	pack_file(&k, "bin/.y-post-link.sh", 0755, "", NULL);
	pack_file(&k, "bin/.x-pre-unlink.sh", 0755, "", NULL);
	pack_text(&k, "info/link.json", "{\"noarch\": {\"type\": \"python\", \"entry_points\": [\"run = m:f\"]}}");
	world_finish(&k, "\"noarch\": \"python\"");
	pack_write(&k, world_dirfd, WORLD_FN);
	auto_package *p = package_open(world_dirfd, WORLD_FN, WORLD_FN, &err);

	if (!p || linked_paths(&a, p, &world_record, &world_prefix, &l, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(l.n, 6);
	assert_string_equal(l.paths[0].path, "bin/.x-post-link.sh");
	assert_string_equal(l.paths[3].path, "bin/l");
	assert_int_equal(l.paths[3].type, PATH_SYMLINK);
	assert_string_equal(l.paths[4].path, "bin/run");
	assert_non_null(l.paths[4].script);
	assert_true(l.paths[4].rewritten);
	assert_string_equal(l.paths[5].path, "lib/python3.11/site-packages/b.py");
	assert_true(l.paths[5].rewritten);
	assert_true(l.paths[5].has_sha256);
	assert_string_equal(l.scripts[0], "bin/.x-post-link.sh");
	assert_null(l.scripts[1]);
	assert_ptr_equal(linked_find(&l, "bin/run/", 7), &l.paths[4]);
	assert_null(linked_find(&l, "bin/ru", 6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefix_must_serve_scripts),
		cmocka_unit_test(files_stand_under_the_prefix),
		cmocka_unit_test(odd_names_and_modes_are_kept_or_dropped_as_said),
		cmocka_unit_test(placeholders_become_the_prefix),
		cmocka_unit_test(noarch_python_goes_where_its_python_looks),
		cmocka_unit_test(the_record_says_of_which_kind_it_is),
		cmocka_unit_test(licence_texts_stand_beside_the_record),
		cmocka_unit_test(facts_are_gathered_on_the_way),
		cmocka_unit_test(noarch_python_needs_a_python),
		cmocka_unit_test(dropped_paths_are_left_out),
		cmocka_unit_test(hard_links_stay_where_they_can),
		cmocka_unit_test(hostile_trees_are_refused),
		cmocka_unit_test(directories_have_a_limit),
		cmocka_unit_test(list_is_what_the_tree_gives),
	};

	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
