#include "cmd/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* ---- the child ---- */

struct pipe_ends {
	int from, to;
};

static void pipe_close(struct pipe_ends *p)
{
	if (p->from >= 0)
		close(p->from);
	if (p->to >= 0)
		close(p->to);
	*p = (struct pipe_ends){ -1, -1 };
}

static int pipe_open(struct pipe_ends *ret, struct err *err)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, "cannot make a pipe");
	*ret = (struct pipe_ends){ fds[0], fds[1] };
	return 0;
}

/* In the child: nothing here may allocate. Why it did not begin goes into told, as a number. */
static void begin(const struct process *p, int in, int out, int errors, int told)
{
	int why;

	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 && dup2(errors, STDERR_FILENO) >= 0 &&
	    (!p->dir || chdir(p->dir) == 0))
		execvpe(p->program ? p->program : p->argv[0], (char *const *)p->argv,
			p->env ? (char *const *)p->env : environ);
	why = errno;
	(void)!write(told, &why, sizeof(why));
	_exit(127);
}

/* ---- what it says ---- */

struct stream {
	int fd;
	struct buf line;
	struct buf *into; /* or NULL: lines */
};

static void tell(const struct process *p, struct buf *line)
{
	buf_addc(line, '\0');
	str_tidy(line->p);
	p->line(p->arg, line->p);
	line->n = 0;
}

/* A '\r' ends a line, too: what was painted over is not worth keeping, but what comes then is. */
static void take(const struct process *p, struct stream *s, const char *bytes, size_t n)
{
	if (s->into) {
		if (n > PROCESS_LINE_MAX - s->into->n)
			n = PROCESS_LINE_MAX - s->into->n;
		buf_add(s->into, bytes, n);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		bool end = bytes[i] == '\n' || bytes[i] == '\r';

		if (!end)
			buf_addc(&s->line, bytes[i]);
		if ((end && s->line.n) || s->line.n == PROCESS_LINE_MAX)
			tell(p, &s->line);
	}
}

static void drain(const struct process *p, struct stream *s)
{
	char bytes[4096];
	ssize_t n = read(s->fd, bytes, sizeof(bytes));

	if (n < 0 && errno == EINTR)
		return;
	if (n > 0) {
		take(p, s, bytes, (size_t)n);
		return;
	}
	if (s->line.n)
		tell(p, &s->line);
	s->fd = -1;
}

static void listen_to(const struct process *p, struct stream *streams, size_t n)
{
	for (;;) {
		struct pollfd polls[2];
		size_t open = 0;

		for (size_t i = 0; i < n; i++) {
			polls[i] = (struct pollfd){ .fd = streams[i].fd, .events = POLLIN };
			open += streams[i].fd >= 0;
		}
		if (!open)
			break;
		if (poll(polls, n, -1) < 0)
			continue;
		for (size_t i = 0; i < n; i++)
			if (polls[i].revents)
				drain(p, &streams[i]);
	}
	for (size_t i = 0; i < n; i++)
		buf_release(&streams[i].line);
}

/* ---- both ---- */

static int wait_for(pid_t pid, int *status, struct err *err)
{
	int raw;

	while (waitpid(pid, &raw, 0) < 0)
		if (errno != EINTR)
			return err_sys(err, "cannot wait for a program");
	*status = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
	return 0;
}

static int start(const struct process *p, const struct pipe_ends *out, const struct pipe_ends *errors, pid_t *pid,
		 struct err *err)
{
	auto_fd in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	CLEANUP(pipe_close) struct pipe_ends told = { -1, -1 };
	int why = 0, status;

	if (in < 0)
		return err_sys(err, "cannot open /dev/null");
	if (pipe_open(&told, err) < 0)
		return -1;
	*pid = fork();
	if (*pid < 0)
		return err_sys(err, "cannot start %s", p->argv[0]);
	if (*pid == 0)
		begin(p, in, out->to >= 0 ? out->to : errors->to, errors->to, told.to);
	close(told.to);
	told.to = -1;
	if (read(told.from, &why, sizeof(why)) != sizeof(why))
		return 0;
	wait_for(*pid, &status, &(struct err)ERR_INIT);
	errno = why;
	return err_sys(err, "cannot start %s", p->argv[0]);
}

int process_run(const struct process *p, int *status, struct err *err)
{
	CLEANUP(pipe_close) struct pipe_ends out = { -1, -1 }, errors = { -1, -1 };
	struct stream streams[2];
	pid_t pid;

	if (pipe_open(&errors, err) < 0 || (p->out && pipe_open(&out, err) < 0) ||
	    start(p, &out, &errors, &pid, err) < 0)
		return -1;
	/* The other end's last owner must be the child. */
	close(errors.to);
	errors.to = -1;
	if (p->out)
		close(out.to);
	out.to = -1;
	streams[0] = (struct stream){ .fd = errors.from };
	streams[1] = (struct stream){ .fd = out.from, .into = p->out };
	listen_to(p, streams, COUNT(streams));
	return wait_for(pid, status, err);
}

/* ---- an environment for it ---- */

static void add(struct process_environ *e, const char *text)
{
	mem_grow(e->list, e->n);
	e->list[e->n++] = text;
}

void process_environ_copy(struct process_environ *ret)
{
	*ret = (struct process_environ){ 0 };
	for (char **e = environ; *e; e++)
		add(ret, *e);
	add(ret, NULL);
}

void process_environ_put(struct process_environ *e, const char *text)
{
	size_t name = strcspn(text, "="), n = 0;

	for (size_t i = 0; i + 1 < e->n; i++)
		if (strncmp(e->list[i], text, name) != 0 || e->list[i][name] != '=')
			e->list[n++] = e->list[i];
	e->n = n;
	/* mem_grow() counts on every size having been there once. */
	e->list = mem_resize(e->list, 2 * (n + 2), sizeof(*e->list));
	if (text[name] == '=')
		e->list[e->n++] = text;
	e->list[e->n++] = NULL;
}

void process_environ_release(struct process_environ *e)
{
	free(e->list);
	*e = (struct process_environ){ 0 };
}
