/* docker-credential-NAME: the only program that condaimg ever runs. SIGPIPE is ignored by whoever calls. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>

#include "base/doc.h"
#include "base/str.h"
#include "oci/login.h"

#define ANSWER_MAX ((size_t)64 << 10)
#define PATIENCE_MS 30000
#define NAME_MAX_BYTES 100
#define NONE_FOUND "credentials not found in native keychain"

extern char **environ;

struct helper {
	pid_t pid;
	int in, out; /* our ends */
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool is_name(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= NAME_MAX_BYTES &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n;
}

static void helper_end(struct helper *h)
{
	if (h->in >= 0)
		close(h->in);
	if (h->out >= 0)
		close(h->out);
	if (h->pid > 0) {
		kill(h->pid, SIGKILL);
		while (waitpid(h->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
}

static int start(struct helper *h, char *program, struct err *err)
{
	int to[2] = { -1, -1 }, from[2] = { -1, -1 }, rc;
	char *const argv[] = { program, (char *)"get", NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t defaults;

	*h = (struct helper){ -1, -1, -1 };
	if (pipe2(to, O_CLOEXEC) < 0)
		return err_sys(err, "cannot make a pipe");
	if (pipe2(from, O_CLOEXEC) < 0) {
		close(to[0]);
		close(to[1]);
		return err_sys(err, "cannot make a pipe");
	}
	if (posix_spawn_file_actions_init(&actions) != 0 || posix_spawnattr_init(&attributes) != 0)
		abort();
	posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	/* What we ignore, it need not. */
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	sigaddset(&defaults, SIGXFSZ);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	rc = posix_spawnp(&h->pid, program, &actions, &attributes, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	close(to[0]);
	close(from[1]);
	h->in = to[1];
	h->out = from[0];
	if (rc == 0)
		return 0;
	h->pid = -1;
	if (rc == ENOENT)
		return err_set(err, ERR_USAGE, "there is no program %s, which the login file names", program);
	errno = rc;
	return err_sys(err, "cannot run %s", program);
}

/* The name is short: a pipe takes it at once. Who does not read it gets none. */
static void say(struct helper *h, const char *server)
{
	if (write(h->in, server, strlen(server)) < 0)
		errno = 0;
	close(h->in);
	h->in = -1;
}

static int listen_to(struct helper *h, struct buf *ret, struct err *err)
{
	int64_t until = now_ms() + PATIENCE_MS;

	for (;;) {
		int64_t left = until - now_ms();
		struct pollfd p = { h->out, POLLIN, 0 };
		ssize_t n;

		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			return err_set(err, ERR_IO, "does not answer within %d seconds", PATIENCE_MS / 1000);
		n = read(h->out, buf_room(ret, 4096), 4096);
		if (n < 0 && errno != EINTR)
			return err_sys(err, "cannot read its answer");
		if (n == 0)
			return 0;
		ret->n += n > 0 ? (size_t)n : 0;
		if (ret->n > ANSWER_MAX)
			return err_set(err, ERR_LIMIT, "answers with more than %zu bytes", ANSWER_MAX);
	}
}

/* Its exit code: also where it closed its output and goes on. */
static int wait_for(struct helper *h, int *code, struct err *err)
{
	int64_t until = now_ms() + PATIENCE_MS;
	int status;

	for (;;) {
		pid_t got = waitpid(h->pid, &status, WNOHANG);

		if (got == h->pid)
			break;
		if (got < 0 && errno != EINTR)
			return err_sys(err, "cannot wait for it");
		if (now_ms() > until)
			return err_set(err, ERR_IO, "does not end within %d seconds", PATIENCE_MS / 1000);
		poll(NULL, 0, 5);
	}
	h->pid = -1;
	*code = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
	return 0;
}

static int read_answer(struct arena *a, const struct buf *text, struct login *ret, struct err *err)
{
	const struct doc *d = doc_parse_json(a, buf_cstr(text), text->n, "its answer", err);
	const char *user, *secret;

	/* A parser's sentence may quote what it read. */
	if (!d || doc_get_string(d, "Username", "", &user, err) < 0 ||
	    doc_get_string(d, "Secret", NULL, &secret, err) < 0 || !secret) {
		err_clear(err);
		return err_set(err, ERR_FORMAT, "answers with something else than Username and Secret in JSON");
	}
	if (strcmp(user, "<token>") == 0) {
		ret->identity_token = secret;
	} else {
		ret->user = user;
		ret->password = secret;
	}
	ret->found = true;
	return 1;
}

int login_helper(struct arena *a, const char *name, const char *server, struct login *ret, struct err *err)
{
	CLEANUP(helper_end) struct helper h = { -1, -1, -1 };
	char *program = arena_printf(a, "docker-credential-%s", name);
	auto_buf text = { 0 };
	int code = 0;

	if (!is_name(name))
		return err_set(err, ERR_USAGE, "'%.100s' is no name of a credential helper", name);
	if (start(&h, program, err) < 0)
		return -1;
	say(&h, server);
	if (listen_to(&h, &text, err) < 0 || wait_for(&h, &code, err) < 0)
		return err_at(err, "%s", program);
	if (code == 0)
		return read_answer(a, &text, ret, err) < 0 ? err_at(err, "%s", program) : 1;
	if (strstr(buf_cstr(&text), NONE_FOUND))
		return 0;
	return err_set(err, ERR_IO, "%s fails with exit code %d: try '%s get' with '%s' on its input", program, code,
		       program, server);
}
