#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/doc.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/num.h"
#include "cmd/repo2docker.h"
#include "cmd/source.h"
#include "oci/login.h"

#define FALLBACK_VARIABLE "CONDAIMG_REPO2DOCKER"
#define JUPYTER_VARIABLE "CONDAIMG_JUPYTER"
#define REGISTRY_VARIABLE "CONTAINER_ENGINE_REGISTRY_CREDENTIALS"
#define GIT_VARIABLE "GIT_CREDENTIAL_ENV"
#define PREFIX "/srv/conda/envs/notebook"
#define SYSTEM_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define UID_MAX 4294967294

/* What repo2docker's own base environment asks for; the versions are the channel's newest that fit. */
static const char jupyter_environment[] = "channels:\n"
					  "  - conda-forge\n"
					  "dependencies:\n"
					  "  - python\n"
					  "  - pip\n"
					  "  - nodejs=20\n"
					  "  - ipywidgets=8\n"
					  "  - jupyter-offlinenotebook=0.3\n"
					  "  - jupyter-resource-usage=1\n"
					  "  - jupyter_server=2\n"
					  "  - jupyterhub-singleuser=5\n"
					  "  - jupyterlab=4\n"
					  "  - notebook=7\n";

/* "failed" is a word that BinderHub looks for: exactly one line has it. */
enum phase { FETCHING, BUILDING, PUSHING, FAILED };

struct launch {
	struct arena arena;
	struct r2d_options o;
	struct r2d_repo repo;
	struct r2d_appendix appendix;
	struct source_place place;
	char *tmp; /* or NULL */
	const char *home, *repo_dir, *user, *uid;
	const char *fallback; /* or NULL */
	enum phase phase;
	struct r2d_texts argv; /* of condaimg build */
	struct process_environ env;
	struct buf failure; /* what the build says of it */
	struct err *err;
};

/* ---- the log ---- */

/* Where and how repo2docker's logger writes: stderr, a line each. */
static void say(const struct launch *l, enum phase phase, const char *text)
{
	static const char *const phases[] = { "fetching", "building", "pushing", "failed" };
	auto_free char *line = mem_printf("%s\n", text);
	auto_buf out = { 0 };
	struct json j = { .out = &out };

	if (!l->o.json_logs) {
		fputs(line, stderr);
		return;
	}
	json_object(&j);
	json_put_string(&j, "message", line);
	json_put_string(&j, "phase", phases[phase]);
	json_end(&j);
	fprintf(stderr, "%s\n", out.p);
}

static void say_now(void *arg, const char *line)
{
	const struct launch *l = arg;

	say(l, l->phase, line);
}

/* Where a checkout lies on this machine says nothing to who reads the log. In the arena. */
static const char *without_places(struct launch *l, const char *line)
{
	const char *const places[] = { l->place.kind == SOURCE_FOLDER ? NULL : l->place.dir, l->tmp };
	auto_buf out = { 0 };

	for (const char *at = line; *at;) {
		size_t n = 0;

		for (size_t i = 0; i < COUNT(places) && !n; i++)
			if (places[i] && str_starts(at, places[i]) && at[strlen(places[i])] == '/')
				n = strlen(places[i]) + 1;
		if (!n)
			buf_addc(&out, *at++);
		at += n;
	}
	return arena_strdup(&l->arena, buf_cstr(&out));
}

/* From its error on, what the build says is the failure. */
static void hear_build(void *arg, const char *line)
{
	struct launch *l = arg;

	line = without_places(l, line);
	if (l->failure.n || str_starts(line, "condaimg: error: ") || str_starts(line, "Cannot solve ")) {
		buf_addf(&l->failure, "%s%s", l->failure.n ? "\n" : "", line);
		return;
	}
	say(l, l->phase, line);
}

/* ---- what was asked for ---- */

static int check_user(struct launch *l)
{
	uint64_t uid;

	l->user = l->o.user_name ? l->o.user_name : "jovyan";
	l->uid = l->o.user_id ? l->o.user_id : "1000";
	if (!num_parse(l->uid, UID_MAX, &uid))
		return err_set(l->err, ERR_USAGE, "argument --user-id: invalid int value: '%s'", l->uid);
	if (uid == 0)
		return err_set(l->err, ERR_USAGE, "root as the primary user in the image is not permitted");
	l->home = arena_printf(&l->arena, "/home/%s", l->user);
	l->repo_dir = l->o.target_repo_dir ? l->o.target_repo_dir : l->home;
	if (*l->repo_dir != '/')
		l->repo_dir = arena_printf(&l->arena, "%s/%s", l->home, l->repo_dir);
	return 0;
}

static int check_options(struct launch *l)
{
	const struct r2d_options *o = &l->o;

	if (o->only_run)
		return err_set(l->err, ERR_USAGE, "--%s is for containers that are run, and condaimg runs none",
			       o->only_run);
	if (o->command || o->run || (!o->no_run && !o->no_build))
		return err_set(
			l->err, ERR_USAGE,
			"condaimg makes images and runs none: say --no-run, and run the image by podman or docker");
	if (o->push && !o->image)
		return err_set(l->err, ERR_USAGE, "--push needs --image-name REGISTRY/NAME:TAG");
	if (!o->push && !o->output && !o->no_build)
		return err_set(
			l->err, ERR_USAGE,
			"there is no container engine here to keep the image: push it to a registry (--push; for "
			"BinderHub: use_registry and push_secret), or say --condaimg-output oci:DIR:TAG");
	return check_user(l);
}

static void clear_tmp(struct launch *l)
{
	struct err ignored = ERR_INIT;

	if (l->tmp)
		fs_remove(AT_FDCWD, l->tmp, &ignored);
	free(TAKE(l->tmp));
}

/* What the program named by configuration has to do, because code would have to be run. Only returns where it cannot. */
static int give_up(struct launch *l, const char *why, char **argv)
{
	const char **args;
	size_t n = 0;

	if (!l->fallback)
		return err_set(l->err, ERR_USAGE, "%s", why);
	say(l, BUILDING, why);
	say(l, BUILDING, arena_printf(&l->arena, "%s takes over", l->fallback));
	while (argv[n])
		n++;
	args = arena_array(&l->arena, n + 2, sizeof(*args));
	args[0] = l->fallback;
	for (size_t i = 0; i < n; i++)
		args[i + 1] = argv[i];
	clear_tmp(l);
	/* Should it be this program once more, it must not go round in circles. */
	unsetenv(FALLBACK_VARIABLE);
	execvp(l->fallback, (char *const *)args);
	return err_sys(l->err, "cannot start %s", l->fallback);
}

/* ---- credentials of the registry ---- */

struct registry_login {
	const char *registry, *username, *password;
};

/* Exactly these three, as docker login takes them. */
static int read_login(struct launch *l, const char *text, struct registry_login *ret)
{
	struct err why = ERR_INIT; /* may quote a password */
	const struct doc *d = doc_parse_json(&l->arena, text, strlen(text), REGISTRY_VARIABLE, &why);

	if (!d || doc_get_string(d, "registry", NULL, &ret->registry, &why) < 0 ||
	    doc_get_string(d, "username", NULL, &ret->username, &why) < 0 ||
	    doc_get_string(d, "password", NULL, &ret->password, &why) < 0 || !ret->registry || !ret->username ||
	    !ret->password)
		return err_set(l->err, ERR_USAGE,
			       REGISTRY_VARIABLE
			       " is not {\"registry\": \"...\", \"username\": \"...\", \"password\": \"...\"}");
	return 0;
}

/* In a place that is looked at before all others; these still count for other registries. */
static int log_in(struct launch *l)
{
	const char *text = getenv(REGISTRY_VARIABLE), *dir = arena_printf(&l->arena, "%s/containers", l->tmp);
	struct registry_login in = { 0 };
	auto_buf out = { 0 };
	struct json j = { .out = &out };

	process_environ_put(&l->env, REGISTRY_VARIABLE);
	if (!text || !*text)
		return 0;
	if (read_login(l, text, &in) < 0)
		return -1;
	json_object(&j);
	json_key(&j, "auths");
	json_object(&j);
	json_key(&j, in.registry);
	json_object(&j);
	json_put_string(&j, "auth", login_basic(&l->arena, in.username, in.password) + strlen("Basic "));
	json_end(&j);
	json_end(&j);
	json_end(&j);
	if (fs_mkdirs(AT_FDCWD, dir, l->err) < 0 ||
	    fs_write(AT_FDCWD, arena_printf(&l->arena, "%s/auth.json", dir), out.p, out.n, 0600, l->err) < 0)
		return -1;
	process_environ_put(&l->env, "REGISTRY_AUTH_FILE");
	process_environ_put(&l->env, arena_printf(&l->arena, "XDG_RUNTIME_DIR=%s", l->tmp));
	return 0;
}

/* ---- the image ---- */

static void add(struct launch *l, const char *text)
{
	repo2docker_add(&l->argv, text);
}

static void add_pair(struct launch *l, const char *option, const char *value)
{
	add(l, option);
	add(l, value);
}

static void add_list(struct launch *l, const char *option, const struct r2d_texts *t)
{
	for (size_t i = 0; i < t->n; i++)
		add_pair(l, option, t->list[i]);
}

static const char *in_repo(struct launch *l, const char *path)
{
	return arena_printf(&l->arena, "%s/%s", l->place.dir, path);
}

/* The start script gets the command as its arguments, and has to exec them. */
static void add_start(struct launch *l)
{
	const char *words = l->repo.interpreter;
	auto_buf out = { 0 };
	struct json j = { .out = &out };

	if (!l->repo.start)
		return;
	json_array(&j);
	if (words) {
		/* As the kernel: the program, and all that follows as one argument. */
		size_t n = strcspn(words, " \t");
		struct str rest = str_trim(str_of(words + n));

		json_string(&j, arena_strndup(&l->arena, words, n));
		if (rest.n)
			json_string(&j, arena_strndup(&l->arena, rest.p, rest.n));
	}
	json_string(&j, arena_printf(&l->arena, "%s/%s", l->repo_dir, l->repo.start));
	json_end(&j);
	add_pair(l, "--entrypoint", arena_strdup(&l->arena, out.p));
}

static void add_variables(struct launch *l)
{
	struct arena *a = &l->arena;

	add_pair(l, "--env",
		 arena_printf(a, "PATH=%s/.local/bin:%s" PREFIX "/bin:" SYSTEM_PATH, l->home,
			      strcmp(l->home, l->repo_dir) == 0 ? "" : arena_printf(a, "%s/.local/bin:", l->repo_dir)));
	add_pair(l, "--env", arena_printf(a, "REPO_DIR=%s", l->repo_dir));
	add_pair(l, "--env", "SHELL=/bin/bash");
	add_pair(l, "--env", "PYTHONUNBUFFERED=1");
	add_pair(l, "--env", "CONDA_DIR=/srv/conda");
	add_pair(l, "--env", "NB_PYTHON_PREFIX=" PREFIX);
	add_pair(l, "--env", "KERNEL_PYTHON_PREFIX=" PREFIX);
	add_pair(l, "--env", "CONDA_DEFAULT_ENV=" PREFIX);
	add_list(l, "--env", &l->appendix.envs);
}

static void add_labels(struct launch *l)
{
	struct arena *a = &l->arena;
	bool local = l->place.kind == SOURCE_FOLDER;

	add_pair(l, "--label", "repo2docker.version=condaimg-" CONDAIMG_VERSION);
	add_pair(l, "--label", arena_printf(a, "repo2docker.repo=%s", local ? "local" : source_shown(a, l->o.repo)));
	if (l->o.ref || l->place.commit)
		add_pair(l, "--label", arena_printf(a, "repo2docker.ref=%s", l->o.ref ? l->o.ref : l->place.commit));
	add_list(l, "--label", &l->o.labels);
	add_list(l, "--label", &l->appendix.labels);
}

static void add_image(struct launch *l)
{
	struct arena *a = &l->arena;

	/* condaimg.yml is the repository's: it could copy files of this machine into the image. */
	add_pair(l, "--config", "none");
	add_pair(l, "--progress", "plain");
	add_pair(l, "--prefix", PREFIX);
	add_pair(l, "--user", arena_printf(a, "%s:%s", l->user, l->uid));
	add_pair(l, "--copy", arena_printf(a, "%s:%s", l->place.dir, l->repo_dir));
	add(l, "--writable");
	for (const char *const *f = l->repo.ignore_files; *f; f++)
		add_pair(l, "--ignore-file", in_repo(l, *f));
	if (!*l->repo.ignore_files)
		add_pair(l, "--ignore-file", "/dev/null");
	add_pair(l, "--workdir", l->repo_dir);
	add_pair(l, "--port", "8888");
	add_pair(l, "--cmd", "[\"jupyter\", \"notebook\", \"--ip\", \"0.0.0.0\"]");
	add_start(l);
	add_variables(l);
	add_labels(l);
	if (l->o.platform)
		add_pair(l, "--platform", l->o.platform);
}

/* ---- the environment ---- */

static int write_file(struct launch *l, const char *name, const char *text, const char **ret)
{
	*ret = arena_printf(&l->arena, "%s/%s", l->tmp, name);
	return fs_write(AT_FDCWD, *ret, text, strlen(text), 0644, l->err);
}

/* The file that says what Jupyter needs. NULL in *ret: nothing is to be added. */
static int jupyter_file(struct launch *l, const char **ret)
{
	const char *said = l->o.jupyter ? l->o.jupyter : getenv(JUPYTER_VARIABLE);

	*ret = said;
	if (said && strcmp(said, "none") == 0)
		*ret = NULL;
	if (said && *said)
		return 0;
	return write_file(l, "jupyter.yml", jupyter_environment, ret);
}

static int add_environment(struct launch *l)
{
	const char *jupyter, *more;

	if (l->repo.environment)
		add(l, in_repo(l, l->repo.environment));
	if (l->repo.is_lock)
		return 0;
	add(l, "--shell");
	if (jupyter_file(l, &jupyter) < 0)
		return -1;
	if (jupyter)
		add(l, jupyter);
	if (!jupyter && !l->repo.environment)
		return err_set(l->err, ERR_USAGE,
			       "the repository has no environment.yml, and there is nothing to add to it");
	if (!l->repo.python && !l->repo.has_r)
		return 0;
	if (write_file(l, "more.txt",
		       l->repo.has_r ? "r-base\nr-irkernel\n" : arena_printf(&l->arena, "python=%s\n", l->repo.python),
		       &more) < 0)
		return -1;
	add(l, more);
	return 0;
}

/* ---- the build ---- */

static int add_destination(struct launch *l)
{
	if (l->o.no_build) {
		add(l, "--dry-run");
	} else if (l->o.push) {
		/* What registries give to whoever does not say what he takes: BinderHub does not, where it needs a token. */
		add_pair(l, "--push", l->o.image);
		add_pair(l, "--media-types", "docker");
	} else {
		add_pair(l, "--output", l->o.output);
	}
	return 0;
}

static int prepare_build(struct launch *l)
{
	add(l, "condaimg");
	add(l, "build");
	if (add_environment(l) < 0 || add_destination(l) < 0)
		return -1;
	add_image(l);
	for (size_t i = 0; i < l->o.build_options.n; i++)
		add(l, l->o.build_options.list[i]);
	if (l->o.debug)
		add(l, "-v");
	repo2docker_add(&l->argv, NULL);
	process_environ_copy(&l->env);
	process_environ_put(&l->env, GIT_VARIABLE);
	return log_in(l);
}

static int run_build(struct launch *l)
{
	auto_buf result = { 0 };
	int status;

	l->phase = BUILDING;
	if (process_run(&(struct process){ .argv = l->argv.list,
					   .program = "/proc/self/exe",
					   .env = l->env.list,
					   .line = hear_build,
					   .arg = l,
					   .out = &result },
			&status, l->err) < 0)
		return -1;
	if (status) {
		const char *text = buf_cstr(&l->failure);

		text += str_starts(text, "condaimg: error: ") ? strlen("condaimg: error: ") : 0;
		return l->failure.n ? err_set(l->err, ERR_FORMAT, "%s", text)
				    : err_set(l->err, ERR_IO, "condaimg build ended with %d", status);
	}
	if (l->o.json_logs && result.n) {
		str_tidy((char *)buf_cstr(&result));
		result.p[strcspn(result.p, "\n")] = '\0';
		say(l, l->o.push ? PUSHING : BUILDING, result.p);
	} else if (result.n) {
		fputs(result.p, stdout);
	}
	return fflush(stdout) == 0 ? 0 : err_sys(l->err, "cannot write the result to stdout");
}

/* ---- all of it ---- */

static int fetch(struct launch *l)
{
	struct source_request q = { .what = l->o.repo,
				    .ref = l->o.ref,
				    .subdir = l->o.subdir,
				    .tmp = l->tmp,
				    .credentials = getenv(GIT_VARIABLE),
				    .line = say_now,
				    .arg = l };
	const char *shown = source_shown(&l->arena, l->o.repo);

	l->phase = FETCHING;
	say(l, FETCHING,
	    arena_printf(&l->arena, "Fetching %s%s%s", shown, l->o.ref ? " at " : "", l->o.ref ? l->o.ref : ""));
	if (source_fetch(&q, &l->arena, &l->place, l->err) < 0)
		return -1;
	if (l->place.commit)
		say(l, FETCHING, arena_printf(&l->arena, "HEAD is now at %s", l->place.commit));
	return 0;
}

static int make_tmp(struct launch *l)
{
	const char *base = getenv("TMPDIR");

	l->tmp = mem_printf("%s/condaimg-repo-XXXXXX", base && *base == '/' ? base : "/tmp");
	if (mkdtemp(l->tmp))
		return 0;
	err_sys(l->err, "cannot make a directory in %s", base ? base : "/tmp");
	free(TAKE(l->tmp));
	return -1;
}

static void tell_way(struct launch *l)
{
	const char *env = l->repo.environment;

	if (l->repo.is_lock)
		say(l, BUILDING, arena_printf(&l->arena, "Using %s as it is", env));
	else if (env)
		say(l, BUILDING, arena_printf(&l->arena, "Solving %s together with Jupyter", env));
	else
		say(l, BUILDING, "No environment.yml found: an environment of Jupyter alone");
	if (l->repo.has_r)
		say(l, BUILDING, "R: r-base and r-irkernel are added; RStudio is not, being no conda package");
	if (l->repo.start)
		say(l, BUILDING, arena_printf(&l->arena, "The entry point is %s", l->repo.start));
}

static int launch(struct launch *l, char **argv)
{
	if (l->o.config || l->o.unheeded)
		return give_up(l,
			       arena_printf(&l->arena,
					    "--%s is for a builder that runs code or Docker, and condaimg is none",
					    l->o.config ? "config" : l->o.unheeded),
			       argv);
	if (check_options(l) < 0)
		return -1;
	if (source_elsewhere(l->o.repo))
		return give_up(l,
			       arena_printf(&l->arena,
					    "%s is %s; condaimg takes folders, archives and git repositories",
					    l->o.repo, source_elsewhere(l->o.repo)),
			       argv);
	if (l->o.appendix)
		repo2docker_appendix_read(l->o.appendix, &l->arena, &l->appendix);
	if (l->appendix.impossible)
		return give_up(l, l->appendix.impossible, argv);
	if (make_tmp(l) < 0 || fetch(l) < 0 || repo2docker_look(l->place.dir, &l->arena, &l->repo, l->err) < 0)
		return -1;
	if (l->repo.impossible)
		return give_up(l, l->repo.impossible, argv);
	tell_way(l);
	return prepare_build(l) < 0 ? -1 : run_build(l);
}

static void launch_release(struct launch *l)
{
	clear_tmp(l);
	free(l->argv.list);
	buf_release(&l->failure);
	process_environ_release(&l->env);
	repo2docker_appendix_release(&l->appendix);
	repo2docker_release(&l->o);
	arena_release(&l->arena);
}

int cmd_repo2docker(int argc, char **argv)
{
	struct err err = ERR_INIT;
	CLEANUP(launch_release) struct launch l = { .err = &err };
	const char *fallback = getenv(FALLBACK_VARIABLE);

	if (repo2docker_parse(argc, argv, &l.o, &err) < 0) {
		/* Which way of speaking is wanted may stand behind what is wrong. */
		for (int i = 0; i < argc; i++)
			l.o.json_logs |= str_starts(argv[i], "--json");
		say(&l, FAILED, err.text);
		return 2;
	}
	if (l.o.help || l.o.version) {
		auto_buf help = { 0 };

		repo2docker_help(&help);
		fputs(l.o.help ? help.p : "condaimg " CONDAIMG_VERSION "\n", stdout);
		return fflush(stdout) == 0 ? 0 : 1;
	}
	l.fallback = l.o.fallback ? l.o.fallback : fallback && *fallback ? fallback : NULL;
	if (launch(&l, argv) == 0)
		return 0;
	say(&l, FAILED, err.text);
	return 1;
}
