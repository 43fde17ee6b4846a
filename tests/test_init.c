#include <sys/stat.h>
#include <unistd.h>

#include "cmd/init.h"
#include "tests/check.h"

/* ---- imports ---- */

static void collect(void *arg, struct str module)
{
	struct buf *b = arg;

	buf_addf(b, "%s%.*s", b->n ? " " : "", (int)module.n, module.p);
}

static void test_imports_are_found_where_statements_begin(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "import a", "a" },
		{ "import a.b.c as d, e\n", "a.b.c e" },
		{ "\xef\xbb\xbfimport a\r\nimport b\r\n", "a b" },
		{ "from a.b import (c,\n  d)\nimport e", "a.b e" },
		{ "from . import a\nfrom .b import c\nfrom ..d import e", "" },
		{ "import a, \\\n  b", "a b" },
		{ "try: import a\nexcept ImportError: import b; import c", "a b c" },
		{ "\tif x:\n\t\timport a", "a" },
		{ "'''\nimport a\n'''\n\"\"\"\nfrom b import c\"\"\"\nimport d", "d" },
		{ "x = 'import a'; y = \"\\\"import b\"\n# import c\nimport d # import e", "d" },
		{ "x = {'k': import_me, 'l':\nimport_too}\nimport a", "a" },
		{ "yield from a\nraise B from c\nimporter = 1\nimport_x()\nfrom_y = 2", "" },
		{ "from a", "" },
		{ "x = (\nimport a\n", "" },
		{ "'''import a", "" },
		{ "s = 'not closed\nimport a", "a" },
		{ "import", "" },
		{ "import a.", "a" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_buf got = { 0 };

		init_scan_python(rows[i].text, collect, &got);
		assert_string_equal(buf_cstr(&got), rows[i].want);
	}
}

/* ---- names and versions ---- */

static void test_names_are_conda_forge_s(void **state)
{
	static const struct {
		const char *module, *package;
	} rows[] = {
		{ "numpy", "numpy" },
		{ "cv2", "opencv" },
		{ "PIL.Image", "pillow" },
		{ "sklearn.svm", "scikit-learn" },
		{ "yaml", "pyyaml" },
		{ "torch.nn", "pytorch" },
		{ "google.protobuf.text_format", "protobuf" },
		{ "Bio.Seq", "biopython" },
	};
	auto_arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(init_package_of_module(&a, rows[i].module), rows[i].package);
	assert_string_equal(init_package_of_pip(&a, str_of("OpenCV_Python")), "opencv");
	assert_string_equal(init_package_of_pip(&a, str_of("Flask")), "flask");
	assert_true(init_is_standard("os") && init_is_standard("zoneinfo") && init_is_standard("_thread"));
	assert_false(init_is_standard("numpy") || init_is_standard("o") || init_is_standard("zz"));
	assert_true(init_same_name("typing-extensions", "Typing_Extensions") && !init_same_name("a", "ab"));
}

static void test_versions_become_conda_s(void **state)
{
	static const struct {
		const char *pep440, *conda;
	} rows[] = {
		{ "", "" },
		{ ">=1, <2", ">=1,<2" },
		{ "==1.2.*", "=1.2" },
		{ "===1.0", "==1.0" },
		{ "~=1.4.2", "~=1.4.2" },
		{ "(>=1)", ">=1" },
		{ "!=1.5.*", "!=1.5.*" },
		{ " == 2.0 , ", "==2.0" },
	};
	static const struct {
		const char *poetry, *conda;
	} poetry[] = {
		{ "*", "" },
		{ "^1.2.3", ">=1.2.3,<2" },
		{ "^0.2.3", ">=0.2.3,<0.3" },
		{ "^0.0.3", ">=0.0.3,<0.0.4" },
		{ "~1.2", "=1.2" },
		{ "1.2.3", "==1.2.3" },
		{ ">=1,<2", ">=1,<2" },
		{ "^0", ">=0,<1" },
	};
	auto_arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(init_version(&a, str_of(rows[i].pep440)), rows[i].conda);
	for (size_t i = 0; i < COUNT(poetry); i++)
		assert_string_equal(init_poetry_version(&a, str_of(poetry[i].poetry)), poetry[i].conda);
}

/* ---- lists ---- */

static char *needs_of(const struct init_world *w)
{
	auto_buf b = { 0 };

	for (size_t i = 0; i < w->n_needs; i++)
		buf_addf(&b, "%s%s%s%s", i ? "; " : "", w->needs[i].name, *w->needs[i].spec ? " " : "",
			 w->needs[i].spec);
	return buf_detach(&b);
}

static void test_requirements(void **state)
{
	static const struct {
		const char *line, *want;
		size_t remarks;
	} rows[] = {
		{ "numpy", "numpy", 0 },
		{ "Flask[async] >=2,<3  # web", "flask >=2,<3", 0 },
		{ "a==1 --hash=sha256:1 \\\n  --hash=sha256:2\nb", "a ==1; b", 0 },
		{ "a; sys_platform == 'win32'\nb ; platform_system==\"Darwin\"", "", 0 },
		{ "a ; python_version < '3.9'", "a", 0 },
		{ "a (>=1)", "a >=1", 0 },
		{ "-e .\ngit+https://h/x\nx @ https://h/x\n./x\nx y", "", 5 },
		{ "--index-url https://h/simple\n--no-binary x\n-c c.txt\n# a\n\n", "", 0 },
		{ "a\nA>=1\na", "a >=1", 0 },
		{ "-r /etc/passwd\n-r ../x\n-r nowhere.txt", "", 3 },
		{ "a[", "a", 0 },
		{ ";", "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct init_world w = { .dir = "/nowhere" };
		auto_free char *got = NULL;

		init_read_requirements(&w, rows[i].line, "requirements.txt", 0);
		got = needs_of(&w);
		assert_string_equal(got, rows[i].want);
		assert_int_equal(w.n_remarks, rows[i].remarks);
		init_release(&w);
	}
}

static void test_pyproject(void **state)
{
	struct init_world w = { .dir = "." };
	auto_free char *got = NULL;

	(void)state;
	init_read_pyproject(
		&w,
		"[build-system]\nrequires = [\"hatchling\"]\n"
		"[project]\nname = 'x'\nrequires-python = '>=3.9, <4'\n"
		"dependencies = [ # first\n  \"a[b]>=1\", 'c', # \"d\"\n  \"e ; sys_platform=='win32'\",\n]\n"
		"[project.optional-dependencies]\ntest = [\"pytest\"]\n"
		"[tool.poetry.dependencies]\npython = \"^3.10\"\nf = {version = \"^1\", optional = true}\ng = {path = \"../g\"}\n"
		"[tool.pixi.dependencies]\nh = \">=2\"\ni = \"*\"\n",
		"pyproject.toml");
	got = needs_of(&w);
	assert_string_equal(got, "a >=1; c; f >=1,<2; h >=2; i");
	assert_string_equal(w.python, ">=3.9,<4");
	assert_int_equal(w.n_remarks, 1);
	init_release(&w);
}

static void test_a_notebook_without_its_magics(void **state)
{
	static const char text[] =
		"{\"cells\": [{\"cell_type\": \"code\", \"source\": [\"%pip install -q a>=1\\n\", \"!ls\\n\", \"import b\"]},"
		"{\"cell_type\": \"code\", \"source\": \"%%bash\\nimport c\"}, {\"cell_type\": \"code\", \"source\": \"%%time\\nimport d\"},"
		"{\"cell_type\": \"markdown\", \"source\": \"import e\"}, 7],"
		"\"metadata\": {\"language_info\": {\"name\": \"python\", \"version\": \"3.10.4\"}}}";
	struct init_world w = { .dir = "." };

	(void)state;
	init_read_notebook(&w, text, sizeof(text) - 1, "n.ipynb");
	assert_int_equal(w.n_imports, 4);
	assert_string_equal(w.imports[0], "b");
	assert_string_equal(w.imports[2], "d");
	assert_int_equal(w.n_needs, 1);
	assert_string_equal(w.needs[0].spec, ">=1");
	assert_string_equal(w.python, "=3.10");
	init_read_notebook(&w, "{", 1, "broken.ipynb");
	assert_int_equal(w.n_remarks, 1);
	init_release(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_imports_are_found_where_statements_begin),
		cmocka_unit_test(test_names_are_conda_forge_s),
		cmocka_unit_test(test_versions_become_conda_s),
		cmocka_unit_test(test_requirements),
		cmocka_unit_test(test_pyproject),
		cmocka_unit_test(test_a_notebook_without_its_magics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
