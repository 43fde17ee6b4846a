#include "cmd/link_effects.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

/* What `sha256sum` says of the scripts in the packages of 2017 and 2018. */
#define NB_CONDA "ac1c65a6424772711e73bdd176fca554b69106595c7015a6b0f2953a8ed05e3e"
#define NBPRESENT "69a63a7c3f379964ae3471c2d923f5e6226096cd8642a712290831b374ba5f8c"
#define VIM "6be56117c7f65f001d02a61c81a0c72f0ff90ee5d7aef31ae4c8cff035441038"

static const struct link_effect *find(const char *package, const char *hex)
{
	struct digest d;

	assert_true(digest_parse(hex, &d));
	return link_effects_find(package, &d);
}

static void a_script_is_known_by_its_bytes_and_its_package(void **state)
{
	(void)state;
	assert_non_null(find("nb_conda", NB_CONDA));
	assert_null(find("nbpresent", NB_CONDA));
	assert_null(find("nb_conda", NBPRESENT));
	assert_ptr_equal(link_effects_by_id(link_effects_id(find("vim", VIM))), find("vim", VIM));
	assert_null(link_effects_by_id("x"));
	assert_null(link_effects_file(find("vim", VIM), 0));
	assert_string_equal(link_effects_file(find("nb_conda", NB_CONDA), 1), "etc/jupyter/nbconfig/notebook.json");
}

static void show(const char *const *ids, struct buf *out)
{
	struct tree *memory = tree_memory();
	auto_tree *t = memory;
	struct err err = ERR_INIT;
	struct source *content;
	struct entry e;

	link_effects_write(memory, "/p", ids);
	while (tree_next(t, &e, &content, &err) > 0) {
		buf_addf(out, "%o %s\n", e.mode, e.path);
		if (content) {
			assert_int_equal(io_slurp(content, 10000, out, &err), 0);
			buf_addc(out, '\n');
		}
	}
}

/* The texts are those of python's json.dumps(..., indent=2), which jupyter writes with. */
static void two_packages_share_their_files(void **state)
{
	static const char *const ids[] = { NBPRESENT, NB_CONDA, NULL }, *const other[] = { NB_CONDA, NBPRESENT, NULL };
	auto_buf got = { 0 }, turned = { 0 };

	(void)state;
	show(ids, &got);
	show(other, &turned);
	assert_string_equal(got.p,
			    "755 p/etc\n755 p/etc/jupyter\n755 p/etc/jupyter/nbconfig\n"
			    "644 p/etc/jupyter/jupyter_notebook_config.json\n"
			    "{\n  \"NotebookApp\": {\n    \"nbserver_extensions\": {\n      \"nb_conda\": true,\n"
			    "      \"nbpresent\": true\n    }\n  }\n}\n"
			    "644 p/etc/jupyter/nbconfig/notebook.json\n"
			    "{\n  \"load_extensions\": {\n    \"nb_conda/main\": true,\n"
			    "    \"nbpresent/js/nbpresent.min\": true\n  }\n}\n"
			    "644 p/etc/jupyter/nbconfig/tree.json\n"
			    "{\n  \"load_extensions\": {\n    \"nb_conda/tree\": true\n  }\n}\n");
	assert_string_equal(got.p, turned.p);
}

static void no_effect_is_no_file(void **state)
{
	static const char *const none[] = { NULL }, *const vim[] = { VIM, NULL };
	auto_buf got = { 0 };

	(void)state;
	show(none, &got);
	show(vim, &got);
	assert_int_equal(got.n, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_script_is_known_by_its_bytes_and_its_package),
		cmocka_unit_test(two_packages_share_their_files),
		cmocka_unit_test(no_effect_is_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
