/* What bash would do more than set variables is refused by name, and leaves nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "script_world.h"

static void what_does_more_is_named(void **state)
{
	static const struct {
		const char *script, *want;
	} rows[] = {
		{ "R CMD javareconf > /dev/null 2>&1 || true", "line 1: runs 'R'" },
		{ "\n\n\"$CONDA_PREFIX\"/bin/x", NULL },
		{ "export A=$(date)", "line 1: runs $(date)" },
		{ "export A=`hostname`", "line 1: runs `hostname`" },
		{ "os=$(uname -s | tr a b)", "line 1: runs $(uname -s | tr a b)" },
		{ "f() { export A=1; }\nf", "line 1: defines a function" },
		{ "function f { :; }", "line 1: is not written as expected" },
		{ "( export A=1 )", "line 1: runs a part in a shell of its own" },
		{ "echo a | cat", "line 1: runs a pipe" },
		{ "sleep 1 &", "line 1: runs something in the background" },
		{ "echo x > /tmp/y", "line 1: writes to '/tmp/y'" },
		{ "cat <<EOF\nx $(date)\nEOF\n", "line 1: runs $(date)" },
		{ "cat <<EOF >/tmp/x\nx\nEOF\n", "line 1: writes to '/tmp/x'" },
		{ "cat <<EOF\nx `a'`\nEOF\n", "line 1: runs `a'`" },
		{ "cat <<EOF\nx\n EOF\n", "line 4: has a here-document that does not end" },
		{ "cat <<EOF", "line 1: has a here-document that does not end" },
		{ "cat <<EOF\nx\\\nEOF\n", "line 4: has a here-document that does not end" },
		{ "cat <<EOF\n${C:=x}\nEOF\n", "line 1: sets $C in a here-document" },
		{ "set -u\ncat <<EOF\n$NOT_SET\nEOF\n", "line 2: reads $NOT_SET, which is not set" },
		{ "cat <<$A\n$A\n", "line 1: is not written as expected" },
		{ "\ncat file <<EOF\nx\nEOF\n", "line 2: runs 'cat'" },
		{ "cat <file", "line 1: reads from a file" },
		{ "read A <<<x", "line 1: reads from a here-string" },
		{ "cat 3<<EOF\nEOF\n", "line 1: reads from a file" },
		{ "cat", "line 1: runs 'cat'" },
		{ "read A <<EOF\nx\nEOF\n", "line 1: runs 'read'" },
		{ "export A=$USER", "line 1: reads $USER" },
		{ "export A=${BASH_SOURCE[0]}", "line 1: reads $BASH_SOURCE" },
		{ "export A=$1", "line 1: uses $1" },
		{ "export A=$?", "line 1: uses $?" },
		{ "export A=$((1+1))", "line 1: runs $((1+1))" },
		{ "export A=~/x", "line 1: uses ~" },
		{ "export A={a,b}", "line 1: has braces in a word" },
		{ "A=(a b)", "line 1: is not written as expected" },
		{ "export A=${B//x/y}", "line 1: uses ${B//x/y}" },
		{ "export A=${B:0:1}", "line 1: uses ${B:0:1}" },
		{ "export A=${!B}", "line 1: uses ${!B}" },
		{ "A=1 make", "line 1: sets a variable for one command" },
		{ "[ -w $CONDA_PREFIX/lib ] && export A=1", NULL },
		{ "[ -d /etc/OpenCL ] && export A=1", "line 1: asks for the file '/etc/OpenCL'" },
		{ "[ 1 -lt 2 ] && export A=1", "line 1: has a test that is not known here" },
		{ "[[ a =~ b ]] && export A=1", "line 1: has a test that is not known here" },
		{ "exit 0", "line 1: ends the shell" },
		{ "while true; do :; done", "line 1: takes too many steps" },
		{ "IFS=:\nexport A=$PATH", "line 2: sets IFS" },
		{ "LC_ALL=C", "line 1: sets $LC_ALL" },
		{ "for i in *; do :; done", "line 1: looks for files by a pattern" },
		{ "set -x", "line 1: uses set -x" },
		{ "set -e\nfalse\nexport A=1", "line 2: would end by set -e" },
		{ "set -u\nexport A=$NOT_SET", "line 2: reads $NOT_SET, which is not set" },
		{ ". other.sh", "line 1: runs '.'" },
		{ "eval 'A=1'", "line 1: runs 'eval'" },
		{ "declare -x A=1", "line 1: runs 'declare'" },
		{ "printf -v A x", "line 1: uses an option of printf" },
		{ "export A='open", "line 1: has a quote or brace that does not end" },
		{ "if true; then export A=1", "line 1: is not written as expected" },
		{ "if true; fi", "line 1: is not written as expected" },
		{ "fi", "line 1: is not written as expected" },
		{ "A=x; while [ ${#A} != 0 ]; do A=$A$A; done", "line 1: makes too much text" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_arena a = { 0 };
		auto_script_env e = { 0 };
		struct err err = ERR_INIT;
		auto_buf before = { 0 }, after = { 0 };

		world_begin(&e, &a, world_variants[0]);
		world_show(&e, &before);
		if (script_run(&e, str_of(rows[i].script), &world_host, &err) == 0)
			fail_msg("'%s' is evaluated", rows[i].script);
		if (rows[i].want && strcmp(err.text, rows[i].want) != 0)
			fail_msg("'%s' gives '%s', expected '%s'", rows[i].script, err.text, rows[i].want);
		world_show(&e, &after);
		assert_int_equal(before.n, after.n);
		assert_memory_equal(before.p, after.p, before.n);
	}
}

static void a_script_that_does_more_leaves_nothing_behind(void **state)
{
	auto_arena a = { 0 };
	auto_script_env e = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	world_begin(&e, &a, world_variants[2]);
	assert_int_equal(script_run(&e, str_of("export A=changed NEW=1; unset B; local=1; make"), &world_host, &err),
			 -1);
	assert_string_equal(script_env_get(&e, "A"), "a");
	assert_string_equal(script_env_get(&e, "B"), "b");
	assert_null(script_env_get(&e, "NEW"));
	assert_null(script_env_get(&e, "local"));
}

/* An array that was put back must be as large as whoever adds to it believes. */
static void what_was_put_back_can_grow(void **state)
{
	(void)state;
	for (size_t n = 0; n < 70; n++) {
		auto_arena a = { 0 };
		auto_script_env e = { 0 };
		struct err err = ERR_INIT;

		world_begin(&e, &a, world_variants[0]);
		for (size_t i = 0; i < n; i++)
			script_env_set(&e, arena_printf(&a, "V%zu", i), "v");
		assert_int_equal(script_run(&e, str_of("export NEW=1; make"), &world_host, &err), -1);
		for (size_t i = 0; i < 70; i++)
			script_env_set(&e, arena_printf(&a, "W%zu", i), arena_printf(&a, "%zu", i));
		for (size_t i = 0; i < 70; i++)
			assert_string_equal(script_env_get(&e, arena_printf(&a, "W%zu", i)),
					    arena_printf(&a, "%zu", i));
		for (size_t i = 0; i < n; i++)
			assert_string_equal(script_env_get(&e, arena_printf(&a, "V%zu", i)), "v");
	}
}

static void link_scripts_may_say_something_and_exit(void **state)
{
	static const struct {
		const char *script;
		bool ok;
	} rows[] = {
		{ "#!/bin/bash\necho 'a licence' >> \"$PREFIX\"/.messages.txt\n", true },
		{ "echo x >> $PREFIX/.messages.txt 2>&1\nexit 0\nrm -rf /", true },
		{ "{ echo x; } >> $PREFIX/.messages.txt", true },
		{ "if [ \"$PKG_NAME\" = \"build\" ]; then\n echo 1 >>$PREFIX/.messages.txt\nfi\n", true },
		{ "if [[ \"$(uname)\" == \"Darwin\" && \"$(arch)\" == \"arm64\" ]]; then codesign x; fi", true },
		{ "cat <<EOF >> ${PREFIX}/.messages.txt\nUse $HOME/$ANY ($PKG_NAME): \"it's\" yours\nEOF\n", true },
		{ "cat > \"${PREFIX}\"/.messages.txt <<- EOF\n\t#####\n\n\tEOF\nexit 0", true },
		{ "cat << 'EOF' >> $PREFIX/.messages.txt\n`x` $(y)\nEOF", true },
		{ "echo \"run ${SOME_DB}/get\" >> ${PREFIX}/.messages.txt", true },
		{ "cat <<EOF > $PREFIX/etc/x.conf\nx\nEOF\n", false },
		{ "cat <<EOF >> $PREFIX/.messages.txt\n$(pip install x)\nEOF\n", false },
		{ "echo \"${X:-$(pip install x)}\" >> $PREFIX/.messages.txt", false },
		{ "echo x >> $PREFIX/etc/x", false },
		{ "$PREFIX/bin/dot -c || true", false },
	};
	auto_free char *messages = mem_printf("%s/.messages.txt", world_prefix);
	struct script_host host = { .look = world_look, .messages = messages, .is_process = true };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_arena a = { 0 };
		auto_script_env e = { 0 };
		struct err err = ERR_INIT;

		script_env_init(&e, &a);
		script_env_set(&e, "PREFIX", world_prefix);
		script_env_set(&e, "PKG_NAME", "x");
		if ((script_run(&e, str_of(rows[i].script), &host, &err) == 0) != rows[i].ok)
			fail_msg("'%s': %s", rows[i].script, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_does_more_is_named),
		cmocka_unit_test(a_script_that_does_more_leaves_nothing_behind),
		cmocka_unit_test(what_was_put_back_can_grow),
		cmocka_unit_test(link_scripts_may_say_something_and_exit),
	};

	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
