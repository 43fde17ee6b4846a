/*
 * Private to fetch/: what the settings are, and one libcurl handle set up as they say. Who speaks http in
 * a way of his own (a batch of GETs, a registry) builds on this, so that proxies, certificates, logins, patience
 * and sentences are the same for all.
 */
#ifndef FETCH_HTTP_IMPL_H
#define FETCH_HTTP_IMPL_H

#include <curl/curl.h>

#include "base/map.h"
#include "fetch/http.h"

#define HTTP_REDIRECTS_MAX 10
#define HTTP_HEADERS_MAX ((size_t)256 << 10) /* bytes of all headers of one answer */
#define HTTP_HEADER_MAX 1000 /* bytes of a header that is kept */
#define HTTP_WAIT_MAX_MS 120000 /* that a server may make us wait between two tries */

struct http_proxy {
	char *scheme, *host; /* NULL: any */
	char *proxy;
};

struct http_mirror {
	char *url;
	unsigned running; /* requests that are on their way there */
	double rate; /* bytes a second of one request, 0: not known */
	unsigned failures; /* in a row */
	int64_t failed_ms; /* when the last was */
};

/* Places of the same content. */
struct http_mirrors {
	char *base;
	struct http_mirror *all;
	size_t n;
};

struct http {
	CURLM *multi;
	char *agent;
	struct http_patience patience;
	unsigned at_once;
	struct http_proxy *proxies;
	size_t n_proxies;
	char *no_proxy;
	bool unverified;
	bool has_bundle; /* libcurl's own file of certificates is there */
	char *ca_file, *ca_dir, *cert, *key;
	char *netrc;
	http_login_fn *login;
	void *login_arg;
	char *login_sources;
	struct http_mirrors *mirrors;
	size_t n_mirrors;
	char *place_scheme;
	struct http_place *place;
	uint64_t noise; /* of waits: that many clients do not come back together */
};

/* One exchange: an easy handle with its headers, and what libcurl says of it. */
struct http_call {
	CURL *easy;
	struct curl_slist *headers;
	struct arena arena;
	const char *url;
	const char *told; /* the URL for sentences, redacted */
	const char *login_from; /* whose login it has, or NULL */
	const char *login_sources; /* where none was found, or NULL */
	size_t header_bytes; /* of the answer, so far */
	unsigned redirects;
	char words[CURL_ERROR_SIZE];
};

/*
 * A handle for url: agent, protocols, time limits, proxy, certificates, login (the URL's own, else that of the login
 * function, else .netrc's). Redirects are not followed by libcurl: see http_call_redirect(). Body callbacks, method and
 * CURLOPT_PRIVATE are the caller's. Closing what is zeroed or closed does nothing.
 */
void http_call_open(struct http_call *c, const struct http *h, const char *url);
void http_call_close(struct http_call *c);

/* Adds a request header; a value that is empty, too long or no header value is left out. */
void http_call_header(struct http_call *c, const char *name, const char *value);

/* Let libcurl have the headers, after the last http_call_header(). */
void http_call_ready(struct http_call *c);

/* Of the answer's last part; in the call's arena, or NULL where it is missing or unfit to be kept. */
const char *http_call_answer(struct http_call *c, const char *name);

/*
 * Where the answer that came sends us: 1 with *url (in a; a login of the old URL only where the host is the same),
 * 0: it is no redirect, -1: it may not be followed (too many, from https to http, another protocol).
 */
int http_call_redirect(struct http_call *c, struct arena *a, const char **url, struct err *fault);

/* The failure of libcurl, or a status that is no success, as a sentence. */
int http_call_fault(const struct http_call *c, CURLcode code, unsigned tries, struct err *fault);
int http_status_fault(const struct http_call *c, long status, unsigned tries, struct err *fault);
const char *http_curl_words(CURLcode code);

/* What a proxy answered that led nowhere; 0: none did. */
long http_call_proxy_status(const struct http_call *c);

/* Whether trying again may help. status: of an answer that came whole (code is CURLE_OK). */
bool http_may_pass(CURLcode code, long status);

/*
 * Milliseconds until the next try after tries of them: doubled each time, less a random half, or what the server's
 * Retry-After says. -1: it says more than HTTP_WAIT_MAX_MS.
 */
int64_t http_wait_ms(struct http *h, const struct http_call *c, unsigned tries);

/* The mirrors of what url is below, and *rest of it; NULL: there are none. */
struct http_mirrors *http_mirrors_find(const struct http *h, const char *url, const char **rest);

/* Which of those whose bit in without is not set is best for another request; -1: none is left. */
int http_mirrors_pick(const struct http_mirrors *m, uint32_t without);

/* What came of a request there: bytes in ms milliseconds, or nothing of use. */
void http_mirror_good(struct http_mirror *m, uint64_t bytes, int64_t ms);
void http_mirror_bad(struct http_mirror *m);

void http_mirrors_release(struct http *h);

/* Who knows of url, or NULL. */
struct http_place *http_place_of(const struct http *h, const char *url);

int64_t http_now_ms(void); /* of a clock that only runs forward */

#endif
