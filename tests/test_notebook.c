/* What a notebook asks for, without running it. */
#include "check.h"

#include <stdio.h>

#include "base/json.h"
#include "conda/notebook.h"

/* A notebook of code cells, parted by '|', written as Jupyter does: the source in lines. */
static void make(const char *metadata, const char *cells, struct buf *ret)
{
	struct str rest = str_of(cells), cell;
	struct json j = { .out = ret };

	buf_addf(ret,
		 "{\"metadata\": {%s}, \"nbformat\": 4, \"cells\": [{\"cell_type\": \"markdown\", \"source\": "
		 "[\"requirements = [broken\"]}",
		 metadata);
	while (*cells && str_cut(&rest, '|', &cell)) {
		struct str line;

		buf_adds(ret, ", {\"cell_type\": \"code\", \"source\": ");
		j = (struct json){ .out = ret };
		json_array(&j);
		while (str_cut(&cell, '\n', &line)) {
			auto_free char *text = mem_printf("%.*s%s", (int)line.n, line.p, cell.p ? "\n" : "");

			json_string(&j, text);
		}
		json_end(&j);
		buf_adds(ret, "}");
	}
	buf_adds(ret, "]}");
}

#define PYTHON311 "\"language_info\": {\"name\": \"python\", \"version\": \"3.11.2\"}"

static void a_list_is_read(void **state)
{
	static const char *const rows[][3] = {
		{ PYTHON311, "", "python=3.11" },
		{ "", "import numpy", "python" },
		{ "\"kernelspec\": {\"language\": \"python\"}", "", "python" },
		{ PYTHON311, "requirements = ['numpy', \"scipy>=1.9\"]", "numpy scipy>=1.9 python=3.11" },
		{ PYTHON311, "requirements = [['numpy', '1.24.2'], (\"scipy\", '1.9')]",
		  "numpy_==1.24.2 scipy_==1.9 python=3.11" },
		{ "", "x = 1\nrequirements=[  # why\n  'numpy',\n  'pandas' # and why\n,]\ny = 2",
		  "numpy pandas python" },
		{ "", "requirements = ()", "python" },
		{ "", "requirements = ['nu' 'mpy'];", "numpy python" },
		{ "", "requirements = ['numpy']|requirements = ['scipy']", "scipy python" },
		{ "", "requirements = ['python=3.9']", "python=3.9" },
		{ PYTHON311, "requirements = ['python-dateutil']", "python-dateutil python=3.11" },
		{ "", "requirements_of_all = compute()\nif requirements == []: pass", "python" },
		{ "", "%%bash\nrequirements = [$x]", "python" },
		{ "", "    requirements = f()", "python" },
		{ "\"requirements\": [\"numpy\", [\"scipy\", \"1.9\"]]", "", "numpy scipy_==1.9 python" },
		{ "\"requirements\": [\"numpy\"]", "requirements = ['scipy']", "scipy python" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_buf text = { 0 }, got = { 0 };
		struct err err = ERR_INIT;
		auto_env e = { 0 };

		make(rows[i][0], rows[i][1], &text);
		assert_ok(notebook_parse(text.p, text.n, "n.ipynb", &e, &err), err);
		for (size_t k = 0; k < e.n_specs; k++)
			buf_addf(&got, "%s%s", k ? " " : "", e.specs[k].text);
		/* A space within a spec is shown as '_'. */
		for (char *c = strstr(got.p, " =="); c; c = strstr(got.p, " =="))
			*c = '_';
		assert_string_equal(got.p, rows[i][2]);
		assert_null(e.channels[0]);
		assert_null(e.warnings[0]);
	}
}

static void what_only_code_knows_is_refused(void **state)
{
	static const char *const rows[][2] = {
		{ "requirements = f()", "n.ipynb: cell 2: 'requirements' is more than a list" },
		{ "x = 1|requirements = [x]", "n.ipynb: cell 3: 'requirements' is more than a list" },
		{ "requirements = ['a', 'b'", "is more than a list" },
		{ "requirements = ['a' + 'b']", "is more than a list" },
		{ "requirements = ['a'] + more", "is more than a list" },
		{ "requirements = [f'{a}']", "is more than a list" },
		{ "requirements = ['''a''']", "is more than a list" },
		{ "requirements = [('a',)]", "is more than a list" },
		{ "requirements = [('a', 'b', 'c')]", "is more than a list" },
		{ "requirements = ['a'\\", "is more than a list" },
		{ "requirements += ['a']", "'requirements' is changed by code" },
		{ "requirements.append('a')", "'requirements' is changed by code" },
		{ "requirements = ['not a >>> spec']", "n.ipynb: cell 2: " },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_env e = { 0 };
		auto_buf text = { 0 };

		make("", rows[i][0], &text);
		assert_int_equal(notebook_parse(text.p, text.n, "n.ipynb", &e, &err), -1);
		assert_err(err, ERR_FORMAT, rows[i][1]);
	}
}

static void what_is_no_notebook_of_python_is_refused(void **state)
{
	static const char *const rows[][2] = {
		{ "{}", "has no list 'cells'" },
		{ "[]", "has no list 'cells'" },
		{ "", "n.ipynb" },
		{ "{\"cells\": [], \"metadata\": {\"kernelspec\": {\"language\": \"R\"}}}", "is a notebook of R" },
		{ "{\"cells\": [], \"metadata\": {\"requirements\": [7]}}",
		  "metadata: an item of 'requirements' is neither" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_env e = { 0 };

		assert_int_equal(notebook_parse(rows[i][0], strlen(rows[i][0]), "n.ipynb", &e, &err), -1);
		assert_err(err, ERR_FORMAT, rows[i][1]);
	}
}

static void packages_that_a_cell_installs_are_told_of(void **state)
{
	struct err err = ERR_INIT;
	auto_env e = { 0 };
	auto_buf text = { 0 };

	(void)state;
	make("", "!pip install numpy|%conda install x", &text);
	assert_ok(notebook_parse(text.p, text.n, "n.ipynb", &e, &err), err);
	assert_non_null(strstr(e.warnings[0], "n.ipynb: cell 2: installs packages when it is run"));
	assert_non_null(strstr(e.warnings[1], "n.ipynb: cell 3: installs packages when it is run"));
	assert_null(e.warnings[2]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_is_read),
		cmocka_unit_test(what_only_code_knows_is_refused),
		cmocka_unit_test(what_is_no_notebook_of_python_is_refused),
		cmocka_unit_test(packages_that_a_cell_installs_are_told_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
