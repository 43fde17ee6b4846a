/*
 * One request of any method, for protocols of their own (registries): headers in and out, a body from a source, an
 * answer that is read as it comes. Whatever the status, it is an answer; nothing is tried again and no redirect is
 * followed here, so that the caller decides what may be sent twice, and where its credentials may go.
 *
 * Proxies, patience and the agent are those of struct http. Logins are not: neither ~/.netrc nor the URL's.
 */
#ifndef FETCH_CALL_H
#define FETCH_CALL_H

#include "fetch/http.h"

#define CALL_SIZE_UNKNOWN UINT64_MAX

struct call_header {
	const char *name, *value;
};

/* How one host is to be trusted. All may be NULL. */
struct call_tls {
	const char *ca; /* certificates (PEM text) trusted besides those that are trusted anyway */
	const char *cert, *key; /* files (PEM) to show to the server */
	bool insecure; /* whatever certificate it has */
};

struct call_request {
	const char *method; /* "GET", "HEAD", "POST", ... */
	const char *url;
	const struct call_header *headers; /* values that are unfit for a header are left out */
	size_t n_headers;
	struct source *body; /* stays the caller's; NULL: none */
	uint64_t body_size; /* exactly so many bytes, or CALL_SIZE_UNKNOWN */
	const struct call_tls *tls; /* or NULL */
	bool slow; /* the server may be silent for minutes while it works */
};

struct call_answer {
	long status; /* 0: none came */
	const struct call_header *headers; /* of the answer itself, in its order, in the arena */
	size_t n_headers;
	bool may_pass; /* after a failure: trying again may help */
	bool no_tls; /* after a failure: nobody listens there, or not with TLS */
};

/* The value of the first header of that name (in any case of letters), or NULL. */
const char *call_header_of(const struct call_answer *a, const char *name);

/* Keeps connections for the next request. h must outlive it. For one thread at a time, as are its sources. */
struct caller;
struct caller *call_new(struct http *h);
void call_free(struct caller *c); /* after its sources */

/* How patient whoever tries again should be. */
const struct http_patience *call_patience(const struct caller *c);

/*
 * Send a request and wait for the head of the answer (with a body to send: for all of it, or much). The source gives the
 * answer's body as it comes, ERR_NET where it ends early. NULL: no answer (ERR_NET), or reading q->body failed, and
 * err is that failure. *ret is filled in any case.
 */
struct source *call_open(struct caller *c, struct arena *a, const struct call_request *q, struct call_answer *ret,
			 struct err *err);

static inline void call_freep(struct caller **c)
{
	call_free(*c);
}

#define auto_caller CLEANUP(call_freep) struct caller

#endif
