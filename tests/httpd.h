/*
 * A scripted HTTP/1.1 server for tests, in a child process, on a loopback port that
 * the kernel chose. It ends with its parent, when told, or after two minutes.
 *
 * Rules are asked in order; the first whose path fits and which is not used up answers. No rule: 404.
 * One request a connection.
 */
#ifndef TESTS_HTTPD_H
#define TESTS_HTTPD_H

#include <stdbool.h>
#include <stddef.h>

struct httpd_rule {
	const char *path; /* of the request, with its query; with '*' at its end: what begins so */
	int status; /* 0: cut the connection without an answer */
	const char *headers; /* lines that end with "\r\n", or NULL; ETag here is compared with If-None-Match */
	const char *body; /* or NULL */
	size_t len; /* of body; 0: strlen */
	unsigned times; /* how often it answers; 0: always */
	const char *needs; /* a line the request must hold ("Authorization: Basic ..."), else 401 */
	size_t cut; /* end the connection after so many bytes of the body; 0: no */
	unsigned stall_ms; /* after those bytes (or, without cut, before the answer) be silent so long */
	unsigned drip_ms; /* after each byte of the body */
	size_t claim; /* the Content-Length that is told, when it is not that of the body */
	size_t flood; /* bytes of headers more than needed */
	bool endless; /* the body again and again, without a length */
	bool ranges; /* "Range: bytes=N-" is answered by 206, as If-Range allows */
};

struct httpd;

struct httpd *httpd_start(const struct httpd_rule *rules, size_t n);
void httpd_stop(struct httpd *s);

int httpd_port(const struct httpd *s);

/* "http://127.0.0.1:PORT" + path. The last 16 such strings live. */
const char *httpd_url(const struct httpd *s, const char *path);

/* Requests for a part that were answered with one. */
unsigned httpd_parts(const struct httpd *s);

/* Requests that rule i answered; all of them; and the most that were answered at the same time. */
unsigned httpd_hits(const struct httpd *s, size_t i);
unsigned httpd_requests(const struct httpd *s);
unsigned httpd_at_once(const struct httpd *s);

#endif
