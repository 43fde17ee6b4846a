/*
 * Scripts are evaluated here and by a real bash, in the same environments; both must
 * come to the same variables. What bash would do more is refused here by name.
 */
#include "conda/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/io.h"

/* What is below the prefix, for both. */
static char prefix[64];
static const char *const files[] = { "share/gdal/x", "share/proj/proj.db", "etc/fonts/fonts.conf", "bin/tool" };
static const char *const dirs[] = { "share", "share/gdal", "share/proj", "etc", "etc/fonts", "bin", "lib" };

static bool in(const char *const *list, size_t n, const char *path)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], path) == 0)
			return true;
	return false;
}

static enum script_file look(void *arg, const char *path)
{
	size_t n = strlen(prefix);

	(void)arg;
	if (strcmp(path, prefix) == 0)
		return SCRIPT_DIR;
	if (strncmp(path, prefix, n) != 0 || path[n] != '/')
		return SCRIPT_UNKNOWN;
	if (in(files, COUNT(files), path + n + 1))
		return SCRIPT_FILE;
	return in(dirs, COUNT(dirs), path + n + 1) ? SCRIPT_DIR : SCRIPT_NONE;
}

static const struct script_host sourced = { .look = look };

static int setup(void **state)
{
	(void)state;
	snprintf(prefix, sizeof(prefix), "/tmp/condaimg-script-XXXXXX");
	if (!mkdtemp(prefix))
		return -1;
	for (size_t i = 0; i < COUNT(dirs); i++) {
		auto_free char *path = mem_printf("%s/%s", prefix, dirs[i]);

		if (mkdir(path, 0755) < 0)
			return -1;
	}
	for (size_t i = 0; i < COUNT(files); i++) {
		auto_free char *path = mem_printf("%s/%s", prefix, files[i]);
		FILE *f = fopen(path, "w");

		if (!f || fclose(f))
			return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	auto_free char *command = mem_printf("rm -rf '%s'", prefix);

	(void)state;
	return system(command);
}

/* ---- scripts that are evaluated ---- */

/*
 * The forms that packages of conda-forge and defaults use: gdal, proj, udunits2, glib, qt, cartopy, pdal, ruby, fontconfig,
 * openssl, tesseract, pytorch, hdf5 plugins, libxml2, geotiff, qgis, ca-certificates, rust; and every piece of the
 * language that is evaluated.
 */
static const char *const scripts[] = {
	"",
	"# nothing\n\n",
	"export A=1",
	"export A=1 B=2\nexport C=\"$A$B\"",
	"A=1; export A",
	"A=1\n",
	"export A\nA=late",
	"export T=$CONDA_PREFIX/share/tessdata/\n",
	"if [[ -n \"$A\" ]]; then\n    export _CONDA_SET_A=$A\nfi\nexport A=$CONDA_PREFIX/share/a\n",
	"if [ -n \"${A:-}\" ]; then\n export _CONDA_SET_A=$A\nfi\n\nif [ -d \"${CONDA_PREFIX}/share/proj\" ]; then\n"
	"  export \"P=${CONDA_PREFIX}/share/proj\"\nelif [ -d \"${CONDA_PREFIX}/Library/share/proj\" ]; then\n"
	"  export P=\"${CONDA_PREFIX}/Library/share/proj\"\nfi\nif [ -f \"${CONDA_PREFIX}/share/proj/no.csv\" ]; then\n"
	"  export N=\"OFF\"\nelse\n  export N=\"ON\"\nfi\n",
	"export A_CONDA_BACKUP=${A:-}\nexport A=$CONDA_PREFIX/share/glib-2.0/schemas\n",
	"export A_CONDA_BACKUP=\"${A-unset}\"\n",
	"if [[ ! -d \"$CONDA_PREFIX/lib/plugins\" ]]; then unset A; fi",
	"if [ -z \"$A\" ]; then\n\texport G=$CONDA_PREFIX/g/\n\texport PATH=\"$CONDA_PREFIX/g/bin:$PATH\"\nelse\n\texport G=2\nfi",
	"if [[ \"${A:-}\" == \"\" ]]; then\n    export S=\"${CONDA_PREFIX}\\\\L\\ssl\\\\cacert.pem\"\nfi\n",
	"if [[ ! -v A ]]\nthen\n    export L=\"x\"\n    export L_BACKUP=\"NOT_SET\"\nfi\n",
	"#!/bin/bash\nset -e\n[ -v A ] && export B_${A}_C=${A}\nexport H=${CONDA_PREFIX}/lib:${A:-/usr/local}\n",
	"if [[ -z ${A+x} ]]; then export UNSET=1; fi",
	"if [[ ! -z ${A+x} && -z ${B+x} ]]; then\n  export A_PREV=\"$A\"\nfi\nunset A",
	"if [ \"${A+x}\" ]; then export SET=1; else export SET=0; fi",
	"export A=${A:-${CONDA_PREFIX}/.cargo}\nexport B=${B:-${A}/config}\n",
	"export P=\"$CONDA_PREFIX/p:$P\"\nexport P=\"$CONDA_PREFIX/q:$P\"\n",
	"export L=\"${CONDA_PREFIX}/lib${A:+:${A}}\"",
	"export L=${A:+\"$A\":}x L2=${A+is set}",
	/* libxml2 */
	"if test -n \"${X:-}\"; then\n    old=\"${X}\"\n    X=\"${X} \"\nelse\n    old=\"\"\n    X=\"\"\nfi\n"
	"files=\"\"\nifs=\"${IFS}\"\nIFS=\" \"\nrem=\"${CONDA_PREFIX}\"\nfor pre in ${rem}; do\n"
	"    while test \"${rem#\"${pre}\"}\" = \"${rem}\"; do\n\tfiles=\"${files}%20\"\n\trem=${rem#\" \"}\n    done\n"
	"    files=\"${files}${pre}\"\n    rem=${rem#\"${pre}\"}\ndone\nIFS=\"${ifs}\"\n"
	"files=\"file://${files}/etc/xml/catalog file:///etc/xml/catalog\"\nexport X=\"${X}${files}\"\nunset files ifs rem\n",
	"case \"$(uname)\" in\n Linux) export OS=l;;\n Darwin|*BSD)\n  export OS=d\n  ;;\n *) export OS=o\nesac",
	"case $A in ('') export K=empty;; a*) export K=a;; ?) export K=one;; 'x*'*) export K=star ;; *) export K=other;; esac",
	"for i in a \"b c\" $A; do export S=\"$S<$i>\"; done",
	"n=x; while [ \"$n\" != xxxx ]; do n=x$n; done; export n",
	"n=; until [ \"$n\" = xxx ]; do n=${n}x; done; export n",
	"{ export A=in; export B=$A; }",
	"true && export A=1 || export B=1; false && export C=1 || export D=1; ! true || export E=1; ! false && export F=1",
	"export A='single $A \"x\"' B=\"double '$A' \\$ \\\" \\\\ \\n \\`\" C=a\\ b\\$c",
	"export A=\"two\nlines\"; export B='tab\there'",
	"export A=con\\\ntinued",
	"A=\"a/b/c.d.e\"; export B=${A#*/} C=${A##*/} D=${A%.*} E=${A%%.*} F=${A#x} G=${A%\"c.d.e\"} H=${#A}",
	"export L=${#A}${#NOT}",
	"A='*'; B='x*y'; export C=${B#x\"$A\"} D=${B#x$A} E=${B%%\\**}",
	"[[ abc == a* ]] && export A=1; [[ abc == \"a*\" ]] && export B=1; [[ $A == 1 || $B == 1 ]] && export C=1",
	"[[ ( -n $A || -n $B ) && ! -z x ]] && export C=1; [[ $A != $B ]] && export D=1",
	"[ \"$A\" = \"$B\" ] && export S=1; [ ! \"$A\" ] && export E=1; [ ] || export N=1; [ ! -n \"$A\" ] && export M=1",
	"[ ! \"$A\" = x ] && export Q=1; [ \"$A\" != x ] && export R=1",
	"[ -e $CONDA_PREFIX/bin/tool ] && export A=1; [ -f $CONDA_PREFIX/bin ] || export B=1; test -d $CONDA_PREFIX && export C=1",
	"[ -L $CONDA_PREFIX/bin/tool ] || export A=1; [ -h $CONDA_PREFIX/no ] || export B=1; [ -e '' ] || export C=1",
	"export A= B=\"\" C",
	"unset -v A B; export A_IS=${A-gone}",
	"unset A; A=1",
	": \"${A:=dflt}\" ${B=b}; export A B; : ${C:=$CONDA_PREFIX}; export C",
	"echo \"activating $A\"; printf '%s\\n' x >/dev/null; echo x >&2; echo y 2>/dev/null",
	"if true; then :; fi; export A=$PATH",
	"export A=1 # comment\n#export A=2\nexport B=a#b",
	"if false; then nosuch | thing; $(boom); ( x ); f() { y; }; fi; export A=1",
	"if false; then for i in *; do rm -rf /; done; fi; export A=1",
	"return 0\nexport A=never",
	"if [ -n \"$A\" ]; then return; fi\nexport B=only",
	"A=\"x y  z\"; for i in $A; do export R=\"$R,$i\"; done; export S=\"$A\"; export T=$A",
	"export \"A=1 2\" 'B=3'\nexport C\"\"=4",
	"A='B=5 C=6'; export $A",
	"export A=$ B=\"$\" C=a$",
	"export A=\"a\\\nb\" B='a\\\nb'",
	"export a1_=ok; export E=${a1_}x$a1_",
	"export B=\"~\" C=a~b",
	"if [ a = a ]\nthen\n\n export A=1\n\nfi\n\n\n",
	"if true; then if false; then export A=1; elif true; then export A=2; fi; fi; export B=$A",
	"set -eu\nexport A=1\nfalse || true\nif false; then :; fi\nset +eu",
	"export JAVA_HOME_CONDA_BACKUP=${JAVA_HOME:-}\nexport JAVA_HOME=$CONDA_PREFIX\nexport J=$JAVA_HOME/lib",
	"export A=${A:-'q u'} B=${B:-\"d $A\"}",
	"export A=\"${A:-plain text}\" B=\"${B:+is $B}\"",
	"A={a,b}; export A",
	"A=x:y:z; export B=${A%%:*} C=${A##*:} D=${A%:*}",
	"for i in; do export N=1; done; export M=${i-unset}",
	"for v in A B; do export LAST=$v; done; unset v",
	("export GREETING=gr\xc3\xbc\xc3\x9f"
	 "e; A=gr\xc3\xbcn; export B=${A#gr} C=${A%n}"),
	"{ echo x; export A=1; } >/dev/null 2>&1",
	"cat <<EOF\nactivating $A \"${B:-b}'\n\\$(not run) \\` \\\\\nEOF\nexport A=after",
	"cat <<'EOF' && export A=1\n$(not run) ` \"\nEOF\nexport B=2",
	"cat <<\\EOF\nEOF \n EOF\n$(no)\nEOF\nexport A=1",
	"if true; then\n\tcat <<-EOF\n\ttext\n\tEOF\n\texport A=1\nfi",
	"cat <<A <<B >/dev/null # both\none\nA\ntwo\nB\nexport C=3",
	"cat - <<EOF\nx\\\nEOF\nEOF\nexport A=1",
	"{ cat <<EOF\nin\nEOF\nexport A=1; } 2>&1",
	"if false; then cat <<EOF\n$(not run)\nEOF\nfi; export A=1",
	"export A=1; : <<EOF\nfi ; done ) }\nEOF\nexport B=${A}2",
	"echo $HOSTNAME \"${TERM}\" $USER; printf '%s' \"$PWD\"; export A=1",
	"if [ -n \"$A\" ]; then export C=1; fi 2>/dev/null",
};

/* A and B, as the environment has them; NULL: not there. */
static const char *const variants[][2] = { { NULL, NULL },
					   { "", NULL },
					   { "a", "b" },
					   { "two words", "" },
					   { "x*", NULL },
					   { "a/b.c:d", "/x" },
					   { "it's \"q\" $X \\n", "=" },
					   { "\n", "a" } };

static int var_cmp(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* "NAME=value" NUL for each exported variable, sorted. */
static void show(const struct script_env *e, struct buf *ret)
{
	auto_free const char **list = mem_array(e->n + 1, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < e->n; i++)
		if (e->vars[i].exported && e->vars[i].value)
			list[n++] = mem_printf("%s=%s", e->vars[i].name, e->vars[i].value);
	qsort(list, n, sizeof(*list), var_cmp);
	for (size_t i = 0; i < n; i++) {
		buf_add(ret, list[i], strlen(list[i]) + 1);
		free((void *)list[i]);
	}
}

static void write_file(const char *name, const char *text)
{
	auto_free char *path = mem_printf("%s/%s", prefix, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
}

/* What bash comes to: it sources the script and says its environment. False: it fails. */
static void ask_bash(const char *script, const char *const *variant, struct buf *ret)
{
	auto_free char *path = mem_printf("PATH=%s/bin:/usr/bin:/bin", prefix),
		       *root = mem_printf("CONDA_PREFIX=%s", prefix);
	auto_free char *a = variant[0] ? mem_printf("A=%s", variant[0]) : NULL;
	auto_free char *b = variant[1] ? mem_printf("B=%s", variant[1]) : NULL;
	auto_free char *out = mem_printf("%s/out", prefix), *in_file = mem_printf("%s/script", prefix);
	auto_free char *command =
		mem_printf(". '%s' >/dev/null 2>&1; set +eu; exec /usr/bin/env -0 >'%s'", in_file, out);
	char *env[6] = { path, root, (char *)"CONDA_SHLVL=1" };
	size_t n = 3;
	const char *list[200];
	size_t n_list = 0;
	struct err err = ERR_INIT;
	auto_buf text = { 0 };
	int status;
	pid_t pid;

	if (a)
		env[n++] = a;
	if (b)
		env[n++] = b;
	write_file("script", script);
	pid = fork();
	if (pid == 0) {
		execve("/bin/bash", (char *[]){ (char *)"bash", (char *)"--norc", (char *)"-c", command, NULL }, env);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(fs_read(AT_FDCWD, out, 1 << 20, &text, &err), 0);
	for (size_t i = 0; i < text.n; i += strlen(text.p + i) + 1)
		if (!str_starts(text.p + i, "PWD=") && !str_starts(text.p + i, "SHLVL=") &&
		    !str_starts(text.p + i, "OLDPWD=") && !str_starts(text.p + i, "_="))
			list[n_list++] = text.p + i;
	qsort(list, n_list, sizeof(*list), var_cmp);
	for (size_t i = 0; i < n_list; i++)
		buf_add(ret, list[i], strlen(list[i]) + 1);
}

static void begin(struct script_env *e, struct arena *a, const char *const *variant)
{
	auto_free char *path = mem_printf("%s/bin:/usr/bin:/bin", prefix);

	script_env_init(e, a);
	script_env_set(e, "PATH", path);
	script_env_set(e, "CONDA_PREFIX", prefix);
	script_env_set(e, "CONDA_SHLVL", "1");
	if (variant[0])
		script_env_set(e, "A", variant[0]);
	if (variant[1])
		script_env_set(e, "B", variant[1]);
}

static void show_lines(struct buf *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (!b->p[i])
			b->p[i] = '\n';
}

/* 1: evaluated, and as bash does; 0: it does more here. */
static bool compare(const char *script, const char *const *variant)
{
	auto_arena a = { 0 };
	auto_script_env e = { 0 };
	struct err err = ERR_INIT;
	auto_buf got = { 0 }, want = { 0 };

	begin(&e, &a, variant);
	if (script_run(&e, str_of(script), &sourced, &err) < 0) {
		assert_int_equal(err.code, ERR_FORMAT);
		return false;
	}
	show(&e, &got);
	ask_bash(script, variant, &want);
	if (got.n != want.n || memcmp(got.p, want.p, got.n) != 0) {
		show_lines(&got);
		show_lines(&want);
		fail_msg("%s\n--- with A=%s B=%s gives\n%s--- and in bash\n%s", script, variant[0], variant[1], got.p,
			 want.p);
	}
	return true;
}

static void simple_scripts_give_what_bash_gives(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(scripts); i++) {
		size_t good = 0;

		for (size_t v = 0; v < COUNT(variants); v++)
			good += compare(scripts[i], variants[v]);
		/* In some environments a script may do more (a value that is a pattern), but not in all. */
		if (good < 4) {
			auto_arena a = { 0 };
			auto_script_env e = { 0 };
			struct err err = ERR_INIT;

			begin(&e, &a, variants[0]);
			script_run(&e, str_of(scripts[i]), &sourced, &err);
			fail_msg("evaluated in %zu of %zu environments: %s\n%s", good, COUNT(variants), err.text,
				 scripts[i]);
		}
	}
}

/* ---- scripts made by chance ---- */

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

#define PICK(seed, list) ((list)[next_random(seed) % COUNT(list)])

static void random_word(uint32_t *seed, struct buf *b)
{
	static const char *const pieces[] = {
		"x",	      "$A",	 "${B}",	"\"$A\"",	"\"${B:-d e}\"", "'q r'", "${A:-dflt}",
		"${B+set}",   "${A#*/}", "${A%%:*}",	"\\ ",		"\"a $B\"",	 "/",	  ":",
		"=",	      "${#A}",	 "\"\"",	"${B:+\"$A\"}", "$CONDA_SHLVL",	 "-n",	  "!",
		"${A##*[.]}", "\\\\",	 "${B%\"$A\"}", "${C-${A-n}}"
	};

	for (uint32_t n = 1 + next_random(seed) % 3; n; n--)
		buf_adds(b, PICK(seed, pieces));
}

static void random_test(uint32_t *seed, struct buf *b)
{
	static const char *const open[] = { "[ ", "[[ ", "test " }, *const close[] = { " ]", " ]]", "" };
	static const char *const unaries[] = { "-n ", "-z ", "! -n ", "", "-d ", "-e " };
	static const char *const binaries[] = { " = ", " != ", " == " };
	uint32_t k = next_random(seed) % 3;

	buf_adds(b, open[k]);
	if (next_random(seed) % 2) {
		buf_adds(b, PICK(seed, unaries));
		random_word(seed, b);
	} else {
		random_word(seed, b);
		buf_adds(b, PICK(seed, binaries));
		random_word(seed, b);
	}
	buf_adds(b, close[k]);
}

static void random_list(uint32_t *seed, struct buf *b, unsigned depth);

static void random_command(uint32_t *seed, struct buf *b, unsigned depth)
{
	static const char *const names[] = { "A", "B", "C", "D" };

	switch (next_random(seed) % (depth > 2 ? 4 : 8)) {
	case 0:
	case 1:
		buf_addf(b, "export %s=", PICK(seed, names));
		random_word(seed, b);
		break;
	case 2:
		buf_addf(b, "%s=", PICK(seed, names));
		random_word(seed, b);
		break;
	case 3:
		buf_addf(b, "unset %s", PICK(seed, names));
		break;
	case 4:
		buf_adds(b, "if ");
		random_test(seed, b);
		buf_adds(b, "; then ");
		random_list(seed, b, depth + 1);
		if (next_random(seed) % 2) {
			buf_adds(b, " else ");
			random_list(seed, b, depth + 1);
		}
		buf_adds(b, " fi");
		break;
	case 5:
		random_test(seed, b);
		buf_adds(b, next_random(seed) % 2 ? " && " : " || ");
		random_command(seed, b, depth + 1);
		break;
	case 6:
		buf_adds(b, "for D in ");
		random_word(seed, b);
		buf_adds(b, " $A; do ");
		random_list(seed, b, depth + 1);
		buf_adds(b, " done");
		break;
	default:
		buf_adds(b, "case ");
		random_word(seed, b);
		buf_adds(b, " in ");
		random_word(seed, b);
		buf_adds(b, ") ");
		random_list(seed, b, depth + 1);
		buf_adds(b, " ;; *) C=other;; esac");
	}
}

static void random_list(uint32_t *seed, struct buf *b, unsigned depth)
{
	for (uint32_t n = 1 + next_random(seed) % 3; n; n--) {
		random_command(seed, b, depth);
		buf_adds(b, next_random(seed) % 4 ? "; " : "\n");
	}
}

static void scripts_made_by_chance_give_what_bash_gives(void **state)
{
	size_t good = 0;

	(void)state;
	for (uint32_t i = 1; i <= 600; i++) {
		uint32_t seed = i * 2654435761u;
		auto_buf b = { 0 };

		random_list(&seed, &b, 0);
		good += compare(b.p, variants[i % COUNT(variants)]);
	}
	/* If this falls, the test has lost its point. */
	if (good < 200)
		fail_msg("only %zu of 600 were evaluated", good);
}

/* ---- scripts that do more ---- */

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

		begin(&e, &a, variants[0]);
		show(&e, &before);
		if (script_run(&e, str_of(rows[i].script), &sourced, &err) == 0)
			fail_msg("'%s' is evaluated", rows[i].script);
		if (rows[i].want && strcmp(err.text, rows[i].want) != 0)
			fail_msg("'%s' gives '%s', expected '%s'", rows[i].script, err.text, rows[i].want);
		show(&e, &after);
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
	begin(&e, &a, variants[2]);
	assert_int_equal(script_run(&e, str_of("export A=changed NEW=1; unset B; local=1; make"), &sourced, &err), -1);
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

		begin(&e, &a, variants[0]);
		for (size_t i = 0; i < n; i++)
			script_env_set(&e, arena_printf(&a, "V%zu", i), "v");
		assert_int_equal(script_run(&e, str_of("export NEW=1; make"), &sourced, &err), -1);
		for (size_t i = 0; i < 70; i++)
			script_env_set(&e, arena_printf(&a, "W%zu", i), arena_printf(&a, "%zu", i));
		for (size_t i = 0; i < 70; i++)
			assert_string_equal(script_env_get(&e, arena_printf(&a, "W%zu", i)),
					    arena_printf(&a, "%zu", i));
		for (size_t i = 0; i < n; i++)
			assert_string_equal(script_env_get(&e, arena_printf(&a, "V%zu", i)), "v");
	}
}

static void what_is_not_exported_lives_on_for_the_next_script(void **state)
{
	auto_arena a = { 0 };
	auto_script_env e = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	begin(&e, &a, variants[0]);
	assert_int_equal(script_run(&e, str_of("local_one=5"), &sourced, &err), 0);
	assert_int_equal(script_run(&e, str_of("export SEEN=$local_one"), &sourced, &err), 0);
	assert_string_equal(script_env_get(&e, "SEEN"), "5");
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
	auto_free char *messages = mem_printf("%s/.messages.txt", prefix);
	struct script_host host = { .look = look, .messages = messages, .is_process = true };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_arena a = { 0 };
		auto_script_env e = { 0 };
		struct err err = ERR_INIT;

		script_env_init(&e, &a);
		script_env_set(&e, "PREFIX", prefix);
		script_env_set(&e, "PKG_NAME", "x");
		if ((script_run(&e, str_of(rows[i].script), &host, &err) == 0) != rows[i].ok)
			fail_msg("'%s': %s", rows[i].script, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(simple_scripts_give_what_bash_gives),
		cmocka_unit_test(scripts_made_by_chance_give_what_bash_gives),
		cmocka_unit_test(what_does_more_is_named),
		cmocka_unit_test(a_script_that_does_more_leaves_nothing_behind),
		cmocka_unit_test(what_was_put_back_can_grow),
		cmocka_unit_test(what_is_not_exported_lives_on_for_the_next_script),
		cmocka_unit_test(link_scripts_may_say_something_and_exit),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
