/* jupyter-repo2docker's arguments, what is found in a repository, and what of an appendix needs no code. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>

#include "cmd/repo2docker.h"

/* ---- arguments ---- */

struct words {
	char *argv[32];
	int n;
};

/* Parted by '|'. */
static struct words part(struct arena *a, const char *text)
{
	struct str rest = str_of(text), one;
	struct words w = { .n = 0 };

	while (*text && str_cut(&rest, '|', &one))
		w.argv[w.n++] = arena_strndup(a, one.p, one.n);
	return w;
}

static const char *or_none(const char *s)
{
	return s ? s : "-";
}

static void show(const struct r2d_options *o, struct buf *ret)
{
	static const char *const names[] = { "json", "no-run", "run", "push", "no-build", "debug" };
	const bool flags[] = { o->json_logs, o->no_run, o->run, o->push, o->no_build, o->debug };

	buf_addf(ret, "repo=%s ref=%s image=%s user=%s:%s", or_none(o->repo), or_none(o->ref), or_none(o->image),
		 or_none(o->user_name), or_none(o->user_id));
	for (size_t i = 0; i < COUNT(flags); i++)
		if (flags[i])
			buf_addf(ret, " %s", names[i]);
	if (o->appendix)
		buf_addf(ret, " appendix=%s", o->appendix);
	if (o->command)
		buf_addf(ret, " command=%s", o->command);
	if (o->only_run)
		buf_addf(ret, " only-run=%s", o->only_run);
	for (size_t i = 0; i < o->labels.n; i++)
		buf_addf(ret, " label=%s", o->labels.list[i]);
}

#define HUB "--ref=0a1b|--image=r.example/b-x:0a1b|--no-clean|--no-run|--json-logs|--user-name=jovyan|--user-id=1000|"

/* As binderhub/build.py sends them, and as Python's argparse reads what it is given. */
static void arguments_are_read_as_argparse_reads_them(void **state)
{
	static const char *const rows[][2] = {
		{ HUB "--push|https://h/r",
		  "repo=https://h/r ref=0a1b image=r.example/b-x:0a1b user=jovyan:1000 json no-run push" },
		{ HUB "--appendix|ENV A=b\nUSER root|--push|https://h/r",
		  "repo=https://h/r ref=0a1b image=r.example/b-x:0a1b user=jovyan:1000 json no-run push appendix=ENV A=b\nUSER root" },
		{ HUB "--Repo2Docker.user_id=1001|https://h/r",
		  "repo=https://h/r ref=0a1b image=r.example/b-x:0a1b user=jovyan:1001 json no-run" },
		{ "--image|x|--im=y|.", "repo=. ref=- image=y user=-:-" },
		{ "--json|--no-r|--pus|.", "repo=. ref=- image=- user=-:- json no-run push" },
		{ "--no-run|.|jupyter|lab", "repo=. ref=- image=- user=-:- no-run command=jupyter" },
		{ "--no-run|.|--push", "repo=. ref=- image=- user=-:- no-run command=--push" },
		{ "--run|--no-run|--push|--no-push|.", "repo=. ref=- image=- user=-:- no-run" },
		{ "--label|a=b|--label=c=d=e|--|-odd-", "repo=-odd- ref=- image=- user=-:- label=a=b label=c=d=e" },
		{ "-p8888:8888|-v|a:b|-eX=1|.", "repo=. ref=- image=- user=-:- only-run=env" },
		{ "-PE|.", "repo=. ref=- image=- user=-:- only-run=editable" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_arena a = { 0 };
		struct words w = part(&a, rows[i][0]);
		struct err err = ERR_INIT;
		struct r2d_options o;
		auto_buf got = { 0 };

		assert_ok(repo2docker_parse(w.n, w.argv, &o, &err), err);
		show(&o, &got);
		assert_string_equal(got.p, rows[i][1]);
		repo2docker_release(&o);
	}
}

static void what_argparse_refuses_is_refused(void **state)
{
	static const char *const rows[][2] = {
		{ "--no|.", "ambiguous option: --no could match" },
		{ "--user|x|.", "ambiguous option: --user could match --user-id, --user-name" },
		{ "--build|--nothing|.", "there is no option --nothing" },
		{ "--condaimg-opt=x|.", "there is no option --condaimg-opt" },
		{ "--json-logs=1|.", "argument --json-logs: ignored explicit argument '1'" },
		{ "--ref|--push|.", "argument --ref: expected one argument" },
		{ "--ref", "argument --ref: expected one argument" },
		{ "-x|.", "there is no option -x" },
		{ "--json-logs", "the following arguments are required: repo" },
		{ "", "the following arguments are required: repo" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_arena a = { 0 };
		struct words w = part(&a, rows[i][0]);
		struct err err = ERR_INIT;
		struct r2d_options o;

		assert_int_equal(repo2docker_parse(w.n, w.argv, &o, &err), -1);
		assert_err(err, ERR_USAGE, rows[i][1]);
		repo2docker_release(&o);
	}
}

/* ---- repositories ---- */

/* "name" or "name=content", parted by '|'; "name/" is a folder; "!name=content" may be executed. */
static void fill(struct check_dir *d, const char *files)
{
	auto_arena a = { 0 };
	struct words w = part(&a, files);
	struct err err = ERR_INIT;

	for (int i = 0; i < w.n; i++) {
		char *name = w.argv[i] + (w.argv[i][0] == '!'), *eq = strchr(name, '='), *slash;
		const char *text = eq ? eq + 1 : "";

		if (eq)
			*eq = '\0';
		slash = strrchr(name, '/');
		if (slash)
			assert_ok(fs_mkdirs(d->fd, arena_strndup(&a, name, (size_t)(slash - name)), &err), err);
		if (!slash || slash[1])
			assert_ok(fs_write(d->fd, name, text, strlen(text), w.argv[i][0] == '!' ? 0755 : 0644, &err),
				  err);
	}
}

#define ENVIRONMENT "environment.yml=dependencies: [python=3.11, r-base]\n"

static void repositories_are_understood(void **state)
{
	static const struct {
		const char *files, *want;
	} rows[] = {
		{ "environment.yml=dependencies: [python]\n", "environment.yml" },
		{ "environment.yaml=x", "environment.yaml" },
		{ "binder/environment.yml=x|environment.yml=y", "binder/environment.yml" },
		{ ".binder/environment.yml=x|requirements.txt=y", ".binder/environment.yml" },
		{ "binder/|environment.yml=x", "-" }, /* the root does not count any more */
		{ "README.md", "-" },
		{ "environment.yml=x|requirements.txt=numpy|setup.py=1", "environment.yml" },
		{ "environment.yml=x|runtime.txt=python-3.9", "environment.yml" },
		{ "conda-lock.yml=x", "conda-lock.yml lock" },
		{ "pixi.lock=x|conda-lock.yml=y", "conda-lock.yml lock" },
		{ "runtime.txt=python-3.11\n", "- python 3.11" },
		{ "runtime.txt=python-3\n", "- python 3" },
		{ "requirements.txt=# nothing\n\n", "-" },
		{ "apt.txt=# nothing\n|environment.yml=x", "environment.yml" },
		{ ENVIRONMENT, "environment.yml r" },
		{ "environment.yml=dependencies: [{pip: []}]\n", "environment.yml" },
		{ "pyproject.toml=[tool.black]\n", "-" },
		{ "binder/x|setup.py=1", "-" },
		{ "!start=#!/bin/bash\n", "- start start" },
		{ "binder/start=#! /bin/bash -l\n", "- start binder/start by /bin/bash -l" },
		{ ".dockerignore=x|.containerignore=y", "- ignore .dockerignore ignore .containerignore" },
		{ "binder/.dockerignore=x|.dockerignore=y", "- ignore binder/.dockerignore" },
		/* what takes code */
		{ "Dockerfile=FROM x|environment.yml=x", "environment.yml impossible Dockerfile" },
		{ "binder/Dockerfile=FROM x", "- impossible binder/Dockerfile" },
		{ "binder/|Dockerfile=FROM x", "-" },
		{ "environment.yml=x|postBuild=x", "environment.yml impossible postBuild" },
		{ "environment.yml=x|apt.txt=gcc # a\n", "environment.yml impossible apt.txt" },
		{ "requirements.txt=numpy\n", "- impossible requirements.txt" },
		{ "setup.py=1", "- impossible setup.py" },
		{ "pyproject.toml=[project]\n[build-system]\n", "- impossible pyproject.toml" },
		{ "Pipfile=x", "- impossible Pipfile" },
		{ "Project.toml=x|environment.yml=y", "environment.yml impossible Project.toml" },
		{ "REQUIRE=x", "- impossible REQUIRE" },
		{ "default.nix=x", "- impossible default.nix" },
		{ "DESCRIPTION=x", "- impossible DESCRIPTION" },
		{ "runtime.txt=r-4.4-2024-01-01", "- impossible runtime.txt" },
		{ "environment.yml=dependencies: [pip, {pip: [x]}]\n", "environment.yml impossible environment.yml" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct check_dir d = check_mkdir();
		struct err err = ERR_INIT;
		auto_arena a = { 0 };
		struct r2d_repo r;
		auto_buf got = { 0 };

		fill(&d, rows[i].files);
		assert_ok(repo2docker_look(d.path, &a, &r, &err), err);
		buf_addf(&got, "%s%s%s", r.environment ? r.environment : "-", r.is_lock ? " lock" : "",
			 r.has_r ? " r" : "");
		if (r.python)
			buf_addf(&got, " python %s", r.python);
		if (r.start)
			buf_addf(&got, " start %s", r.start);
		if (r.interpreter)
			buf_addf(&got, " by %s", r.interpreter);
		for (const char *const *f = r.ignore_files; *f; f++)
			buf_addf(&got, " ignore %s", *f);
		if (r.impossible)
			buf_addf(&got, " impossible %.*s", (int)strcspn(r.impossible, ":"), r.impossible);
		if (strcmp(got.p, rows[i].want) != 0)
			fail_msg("%s: got '%s', expected '%s'", rows[i].files, got.p, rows[i].want);
		check_rmdir(&d);
	}
}

static void what_cannot_be_meant_is_refused(void **state)
{
	static const char *const rows[][2] = {
		{ "binder/|.binder/", "both a 'binder' and a '.binder' directory" },
		{ "runtime.txt=python-3.11;x", "expected python-X.Y" },
		{ "environment.yml=channels: ['https://example.org/$TOKEN']\n", "a channel has a variable in it" },
		{ "environment.yml=channels: [{'sel(linux)': '/x/${TOKEN}'}]\n", "a channel has a variable in it" },
		{ "start=echo hello\n", "start has no first line such as #!/bin/bash" },
	};
	struct err err = ERR_INIT;
	struct r2d_repo r;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct check_dir d = check_mkdir();
		auto_arena a = { 0 };

		fill(&d, rows[i][0]);
		assert_int_equal(repo2docker_look(d.path, &a, &r, &err), -1);
		assert_err(err, ERR_FORMAT, rows[i][1]);
		err_clear(&err);
		check_rmdir(&d);
	}
}

static void links_do_not_lead_to_files_of_this_machine(void **state)
{
	static const char *const names[] = { "environment.yml", "runtime.txt", "start", "apt.txt" };

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct check_dir d = check_mkdir();
		struct err err = ERR_INIT;
		auto_arena a = { 0 };
		struct r2d_repo r;

		assert_int_equal(symlinkat("/etc/passwd", d.fd, names[i]), 0);
		assert_int_equal(repo2docker_look(d.path, &a, &r, &err), -1);
		assert_err(err, ERR_FORMAT, "is a link that leads out of the repository");
		check_rmdir(&d);
	}
}

/* ---- the appendix ---- */

static void what_needs_no_code_is_taken_from_an_appendix(void **state)
{
	static const char *const rows[][2] = {
		{ "", "" },
		{ "# only\n\n", "" },
		{ "ENV A=b", "env A=b " },
		{ "ENV A=b C=\"d e\" F='$g'\n", "env A=b env C=d e env F=$g " },
		{ "ENV A the rest of it", "env A=the rest of it " },
		{ "ENV A=b \\\n    C=d\nLABEL x.y=\"1\"\n", "env A=b env C=d label x.y=1 " },
		{ "USER root\nenv A=b\nUSER $NB_USER\n", "env A=b " },
		{ "ENV A=b\nRUN echo x", "env A=b impossible" },
		{ "ENV A=$B", "impossible" },
		{ "ENV A=\"b", "impossible" },
		{ "ENV A=b c", "env A=b impossible" },
		{ "COPY a b", "impossible" },
		{ "ENVIRON A=b", "impossible" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct r2d_appendix x;
		auto_arena a = { 0 };
		auto_buf got = { 0 };

		repo2docker_appendix_read(rows[i][0], &a, &x);
		for (size_t k = 0; k < x.envs.n; k++)
			buf_addf(&got, "env %s ", x.envs.list[k]);
		for (size_t k = 0; k < x.labels.n; k++)
			buf_addf(&got, "label %s ", x.labels.list[k]);
		if (x.impossible)
			buf_adds(&got, "impossible");
		if (strcmp(buf_cstr(&got), rows[i][1]) != 0)
			fail_msg("%s: got '%s', expected '%s'", rows[i][0], buf_cstr(&got), rows[i][1]);
		repo2docker_appendix_release(&x);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments_are_read_as_argparse_reads_them),
		cmocka_unit_test(what_argparse_refuses_is_refused),
		cmocka_unit_test(repositories_are_understood),
		cmocka_unit_test(what_cannot_be_meant_is_refused),
		cmocka_unit_test(links_do_not_lead_to_files_of_this_machine),
		cmocka_unit_test(what_needs_no_code_is_taken_from_an_appendix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
