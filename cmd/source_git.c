#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "cmd/source.h"

#define ARGS_MAX 24
#define HOST_VARIABLE "CONDAIMG_GIT_HOST"
#define CREDENTIALS_VARIABLE "GIT_CREDENTIAL_ENV"

/* ---- passwords ---- */

/* A value of "key=value" lines, which may be parted by '\n' as it is written in a variable, too. */
static const char *field(struct arena *a, const char *credentials, const char *key)
{
	size_t n = strlen(key);

	for (const char *line = credentials; *line;) {
		const char *end = line, *next;

		while (*end && *end != '\n' && !(end[0] == '\\' && end[1] == 'n'))
			end++;
		next = *end == '\\' ? end + 2 : *end ? end + 1 : end;
		if ((size_t)(end - line) > n && strncmp(line, key, n) == 0 && line[n] == '=')
			return arena_strndup(a, line + n + 1, (size_t)(end - line) - n - 1);
		line = next;
	}
	return NULL;
}

/* "https://me@host:8080/x" -> "host:8080", in a. NULL where there is none. */
static const char *host_of(struct arena *a, const char *url)
{
	const char *shown = source_shown(a, url), *at = strstr(shown, "://");

	return at ? arena_strndup(a, at + 3, strcspn(at + 3, "/?#'")) : NULL;
}

const char *source_answer(struct arena *a, const char *credentials, const char *host, const char *question)
{
	const char *url = strchr(question, '\''), *asked = url ? host_of(a, url + 1) : NULL;
	const char *own = field(a, credentials, "host");

	/* A submodule elsewhere must not get this password. */
	if (!asked || !(own || host) || strcmp(asked, own ? own : host) != 0)
		return NULL;
	if (str_starts(question, "Username"))
		return field(a, credentials, "username");
	return str_starts(question, "Password") ? field(a, credentials, "password") : NULL;
}

int source_askpass(int argc, char **argv)
{
	const char *credentials = getenv(CREDENTIALS_VARIABLE), *host = getenv(HOST_VARIABLE), *answer = NULL;
	auto_arena a = { 0 };

	if (argc > 1 && credentials)
		answer = source_answer(&a, credentials, host, argv[1]);
	if (!answer)
		return 1;
	puts(answer);
	return fflush(stdout) == 0 ? 0 : 1;
}

/* ---- git ---- */

struct git {
	const struct source_request *q;
	struct arena *a;
	const char *dir; /* of the work tree */
	struct process_environ env;
	struct err *err;
};

static void git_release(struct git *g)
{
	process_environ_release(&g->env);
}

/* Run "git ARGS" where the work tree is (or in no particular place). out: for stdout, or NULL. *status: exit code. */
static int run(struct git *g, bool inside, struct buf *out, int *status, const char *const *args)
{
	/* What is fetched is somebody else's: none of its code may run, and nothing of the moment may be in it. */
	static const char *const front[] = { "git",
					     "-c",
					     "core.hooksPath=/dev/null",
					     "-c",
					     "core.fsmonitor=false",
					     "-c",
					     "core.logAllRefUpdates=false" };
	const char *argv[ARGS_MAX] = { NULL };
	size_t n = 0;

	for (size_t i = 0; i < COUNT(front); i++)
		argv[n++] = front[i];
	for (size_t i = 0; args[i] && n < ARGS_MAX - 1; i++)
		argv[n++] = args[i];
	return process_run(&(struct process){ .argv = argv,
					      .env = g->env.list,
					      .dir = inside ? g->dir : NULL,
					      .line = g->q->line,
					      .arg = g->q->arg,
					      .out = out },
			   status, g->err);
}

#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* The same where it must go well. doing: "clone ...", for the sentence. */
static int must(struct git *g, bool inside, const char *doing, const char *const *args)
{
	int status;

	if (run(g, inside, NULL, &status, args) < 0)
		return -1;
	return status ? err_set(g->err, ERR_NET, "failed to %s (git ended with %d)", doing, status) : 0;
}

static void allow(struct git *g, const char *protocols)
{
	process_environ_put(&g->env, arena_printf(g->a, "GIT_ALLOW_PROTOCOL=%s", protocols));
}

/* Our own program under a name by which it knows what it is asked. */
static int offer_password(struct git *g)
{
	const char *path = arena_printf(g->a, "%s/" SOURCE_ASKPASS, g->q->tmp);
	const char *host = host_of(g->a, g->q->what);
	char self[4096];
	ssize_t n;

	if (!g->q->credentials || !host)
		return 0;
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n < 0)
		return err_sys(g->err, "cannot find out which program this is (/proc/self/exe)");
	self[n] = '\0';
	if (symlink(self, path) < 0)
		return err_sys(g->err, "cannot make the link %s", path);
	process_environ_put(&g->env, arena_printf(g->a, "GIT_ASKPASS=%s", path));
	process_environ_put(&g->env, arena_printf(g->a, HOST_VARIABLE "=%s", host));
	process_environ_put(&g->env, arena_printf(g->a, CREDENTIALS_VARIABLE "=%s", g->q->credentials));
	return 0;
}

static int prepare(struct git *g)
{
	static const char *const gone[] = {
		"GIT_DIR",	  "GIT_WORK_TREE",	  "GIT_INDEX_FILE",
		"GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_TEMPLATE_DIR",
		"GIT_EXEC_PATH",  CREDENTIALS_VARIABLE,	  "CONTAINER_ENGINE_REGISTRY_CREDENTIALS"
	};

	process_environ_copy(&g->env);
	for (size_t i = 0; i < COUNT(gone); i++)
		process_environ_put(&g->env, gone[i]);
	process_environ_put(&g->env, "GIT_TERMINAL_PROMPT=0");
	process_environ_put(&g->env, "GIT_ADVICE=0");
	return offer_password(g);
}

/* ---- a repository ---- */

static int clone(struct git *g)
{
	const char *shown = source_shown(g->a, g->q->what);
	const char *doing = arena_printf(g->a, "clone repository from %s%s%s", shown, g->q->ref ? " for ref " : "",
					 g->q->ref ? g->q->ref : "");

	allow(g, "https:http:ssh:git:file");
	if (g->q->ref)
		return must(g, false, doing,
			    ARGS("clone", "--quiet", "--no-checkout", "--template=", "--", g->q->what, g->dir));
	return must(g, false, doing,
		    ARGS("clone", "--quiet", "--no-checkout", "--template=", "--depth=1", "--", g->q->what, g->dir));
}

/* As repo2docker tries: the name itself, a branch there, its last part. *ret NULL: none is known. */
static int find_commit(struct git *g, const char **ret)
{
	const char *ref = g->q->ref ? g->q->ref : "HEAD", *slash = strrchr(ref, '/');
	const char *const tries[] = { ref, arena_printf(g->a, "origin/%s", ref), slash ? slash + 1 : ref };

	*ret = NULL;
	for (size_t i = 0; !*ret && i < COUNT(tries); i++) {
		auto_buf out = { 0 };
		int status;

		if (run(g, true, &out, &status,
			ARGS("rev-parse", "--verify", "--quiet", arena_printf(g->a, "%s^{commit}", tries[i]))) < 0)
			return -1;
		if (status == 0 && out.n)
			*ret = arena_strndup(g->a, out.p, strcspn(buf_cstr(&out), "\n"));
	}
	return 0;
}

static int check_out(struct git *g, const char **commit)
{
	const char *ref = g->q->ref;

	if (find_commit(g, commit) < 0)
		return -1;
	if (!*commit)
		return err_set(g->err, ERR_USAGE, "failed to check out ref %s%s", ref ? ref : "HEAD",
			       ref && (strcmp(ref, "master") == 0 || strcmp(ref, "main") == 0)
				       ? ": maybe the default branch has another name; try without --ref"
			       : ref ? ""
				     : ": the repository is empty");
	return must(g, true, arena_printf(g->a, "check out %s", *commit), ARGS("reset", "--quiet", "--hard", *commit));
}

static int add_submodules(struct git *g)
{
	if (!fs_exists(AT_FDCWD, arena_printf(g->a, "%s/.gitmodules", g->dir)))
		return 0;
	/* A stranger's repository may not name folders of this machine. */
	allow(g, "https:http:ssh:git");
	return must(g, true, "fetch the submodules", ARGS("submodule", "--quiet", "update", "--init", "--recursive"));
}

/* The index holds times and inodes, the configuration perhaps a password: neither belongs into an image. */
static int tidy(struct git *g)
{
	static const char *const moments[] = { "index", "ORIG_HEAD", "FETCH_HEAD", "logs" };
	const char *shown = source_shown(g->a, g->q->what);

	if (shown != g->q->what &&
	    must(g, true, "set the remote's URL", ARGS("remote", "set-url", "--", "origin", shown)) < 0)
		return -1;
	for (size_t i = 0; i < COUNT(moments); i++)
		if (fs_remove(AT_FDCWD, arena_printf(g->a, "%s/.git/%s", g->dir, moments[i]), g->err) < 0)
			return -1;
	return must(g, true, "make the index", ARGS("read-tree", "HEAD"));
}

int source_git(const struct source_request *q, const char *into, struct arena *a, const char **commit, struct err *err)
{
	CLEANUP(git_release) struct git g = { .q = q, .a = a, .dir = into, .err = err };

	if (q->ref && (*q->ref == '-' || !*q->ref))
		return err_set(err, ERR_USAGE, "'%s' is no name of a branch, a tag or a commit", q->ref);
	if (prepare(&g) < 0 || clone(&g) < 0 || check_out(&g, commit) < 0 || add_submodules(&g) < 0)
		return -1;
	return tidy(&g);
}
