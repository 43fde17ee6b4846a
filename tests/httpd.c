#include "httpd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define RULES_MAX 256
#define LIFE_S 120
#define REQUEST_MAX 16384
#define STRINGS 16

/* What both processes see. */
struct shared {
	atomic_uint hits[RULES_MAX], requests, parts, now, most;
};

struct httpd {
	const struct httpd_rule *rules;
	size_t n;
	struct shared *shared;
	pid_t pid;
	int fd, port;
	char strings[STRINGS][512];
	unsigned next;
};

static void send_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k <= 0)
			return;
		p += k;
		n -= (size_t)k;
	}
}

/* The request's head, NUL-terminated; false where it did not come. */
static bool read_head(int fd, char *buf)
{
	size_t n = 0;

	while (n + 1 < REQUEST_MAX) {
		struct pollfd p = { fd, POLLIN, 0 };
		ssize_t k;

		if (poll(&p, 1, 10000) <= 0)
			return false;
		k = read(fd, buf + n, REQUEST_MAX - 1 - n);
		if (k <= 0)
			return false;
		n += (size_t)k;
		buf[n] = '\0';
		if (strstr(buf, "\r\n\r\n"))
			return true;
	}
	return false;
}

static bool fits(const char *pattern, const char *path)
{
	size_t n = strlen(pattern);

	if (n && pattern[n - 1] == '*')
		return strncmp(pattern, path, n - 1) == 0;
	return strcmp(pattern, path) == 0;
}

static const struct httpd_rule *choose(struct httpd *s, const char *path)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct httpd_rule *r = &s->rules[i];

		if (!fits(r->path, path))
			continue;
		if (atomic_fetch_add(&s->shared->hits[i], 1) < r->times || !r->times)
			return r;
		atomic_fetch_sub(&s->shared->hits[i], 1);
	}
	return NULL;
}

/* "Name: value" of head equals that of lines. */
static bool same_header(const char *head, const char *name, const char *lines, const char *as)
{
	const char *a = strcasestr(head, name), *b = lines ? strcasestr(lines, as) : NULL;
	size_t n;

	if (!a || !b)
		return false;
	a += strlen(name);
	b += strlen(as);
	n = strcspn(b, "\r");
	return strcspn(a, "\r") == n && strncmp(a, b, n) == 0;
}

/* The first byte that is asked for; 0: all of it. */
static size_t asked_from(const struct httpd_rule *r, const char *head)
{
	const char *at = strcasestr(head, "\r\nRange: bytes=");

	if (!r->ranges || !at)
		return 0;
	if (strcasestr(head, "\r\nIf-Range: ") && !same_header(head, "\r\nIf-Range: ", r->headers, "ETag: ") &&
	    !same_header(head, "\r\nIf-Range: ", r->headers, "Last-Modified: "))
		return 0;
	return (size_t)strtoull(at + strlen("\r\nRange: bytes="), NULL, 10);
}

static void send_front(int fd, const struct httpd_rule *r, int status, size_t from, size_t len)
{
	static const char filler[] =
		"X-Filler: 0123456789012345678901234567890123456789012345678901234567890123456789\r\n";
	char front[4096];

	snprintf(front, sizeof(front), "HTTP/1.1 %d Scripted\r\nConnection: close\r\n%s", status,
		 r->headers && status != 401 ? r->headers : "");
	send_all(fd, front, strlen(front));
	for (size_t n = 0; n < r->flood; n += sizeof(filler) - 1)
		send_all(fd, filler, sizeof(filler) - 1);
	*front = '\0';
	if (status == 206)
		snprintf(front, sizeof(front), "Content-Range: bytes %zu-%zu/%zu\r\nContent-Length: %zu\r\n", from,
			 len - 1, len, len - from);
	else if (status == 416)
		snprintf(front, sizeof(front), "Content-Range: bytes */%zu\r\nContent-Length: 0\r\n", len);
	else if (!r->endless)
		snprintf(front, sizeof(front), "Content-Length: %zu\r\n", r->claim && len ? r->claim : len);
	send_all(fd, front, strlen(front));
	send_all(fd, "\r\n", 2);
}

static void send_body(int fd, const struct httpd_rule *r, const char *body, size_t len)
{
	size_t part = r->cut && r->cut < len ? r->cut : len;

	for (size_t i = 0; r->drip_ms && i < part; i++) {
		send_all(fd, body + i, 1);
		usleep(r->drip_ms * 1000);
	}
	if (!r->drip_ms)
		send_all(fd, body, part);
	for (size_t n = 0; r->endless && n < (size_t)1 << 30; n += len)
		send_all(fd, body, len);
	if (r->cut && r->stall_ms)
		usleep(r->stall_ms * 1000);
}

static void answer(struct httpd *s, int fd, const struct httpd_rule *r, const char *head)
{
	static const struct httpd_rule none = { .status = 404, .body = "no such page\n" };
	int status;
	size_t len, from;
	bool empty;

	r = r ? r : &none;
	status = r->status;
	if (r->needs && !strstr(head, r->needs))
		status = 401;
	if (r->stall_ms && !r->cut)
		usleep(r->stall_ms * 1000);
	if (!status)
		return;
	if (status == 200 && (same_header(head, "\r\nIf-None-Match: ", r->headers, "ETag: ") ||
			      same_header(head, "\r\nIf-Modified-Since: ", r->headers, "Last-Modified: ")))
		status = 304;
	empty = status == 304 || status == 401 || !r->body;
	len = empty ? 0 : r->len ? r->len : strlen(r->body);
	from = status == 200 ? asked_from(r, head) : 0;
	if (from) {
		status = from < len ? 206 : 416;
		atomic_fetch_add(&s->shared->parts, status == 206);
	}
	send_front(fd, r, status, from, len);
	if (!empty && status != 416)
		send_body(fd, r, r->body + from, len - from);
}

static void serve(struct httpd *s, int fd)
{
	static char head[REQUEST_MAX];
	char path[2048];
	unsigned now, most;

	if (!read_head(fd, head) || sscanf(head, "GET %2047s", path) != 1)
		return;
	atomic_fetch_add(&s->shared->requests, 1);
	now = atomic_fetch_add(&s->shared->now, 1) + 1;
	most = atomic_load(&s->shared->most);
	while (now > most && !atomic_compare_exchange_weak(&s->shared->most, &most, now))
		;
	answer(s, fd, choose(s, path), head);
	atomic_fetch_sub(&s->shared->now, 1);
	shutdown(fd, SHUT_WR);
}

/* A child a connection, so that a stalled one holds up nobody. */
static void run(struct httpd *s)
{
	signal(SIGCHLD, SIG_IGN);
	alarm(LIFE_S);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int fd = accept(s->fd, NULL, NULL);
		pid_t pid;

		if (fd < 0)
			continue;
		pid = fork();
		if (pid == 0) {
			alarm(LIFE_S);
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(s->fd);
			serve(s, fd);
			_exit(0);
		}
		close(fd);
	}
}

struct httpd *httpd_start(const struct httpd_rule *rules, size_t n)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct httpd *s = calloc(1, sizeof(*s));
	socklen_t len = sizeof(at);

	if (!s || n > RULES_MAX)
		abort();
	s->rules = rules;
	s->n = n;
	s->shared = mmap(NULL, sizeof(*s->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->shared == MAP_FAILED || s->fd < 0 || bind(s->fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(s->fd, 64) < 0 || getsockname(s->fd, (struct sockaddr *)&at, &len) < 0)
		abort();
	s->port = ntohs(at.sin_port);
	fflush(NULL);
	s->pid = fork();
	if (s->pid < 0)
		abort();
	if (s->pid == 0) {
		run(s);
		_exit(0);
	}
	close(s->fd);
	return s;
}

void httpd_stop(struct httpd *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	munmap(s->shared, sizeof(*s->shared));
	free(s);
}

int httpd_port(const struct httpd *s)
{
	return s->port;
}

const char *httpd_url(const struct httpd *cs, const char *path)
{
	struct httpd *s = (struct httpd *)cs;
	char *ret = s->strings[s->next++ % STRINGS];

	snprintf(ret, sizeof(s->strings[0]), "http://127.0.0.1:%d%s", s->port, path);
	return ret;
}

unsigned httpd_hits(const struct httpd *s, size_t i)
{
	return atomic_load(&s->shared->hits[i]);
}

unsigned httpd_parts(const struct httpd *s)
{
	return atomic_load(&s->shared->parts);
}

unsigned httpd_requests(const struct httpd *s)
{
	return atomic_load(&s->shared->requests);
}

unsigned httpd_at_once(const struct httpd *s)
{
	return atomic_load(&s->shared->most);
}
