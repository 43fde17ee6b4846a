/*
 * Requests over http and https (libcurl, which only this folder uses) and reading of file URLs, one at a time or many
 * side by side; and many verified downloads at once.
 *
 * Certificates are checked against the system's; proxies come from the usual variables and logins from ~/.netrc, both
 * of which libcurl reads: unless a setting says otherwise. Credentials in a URL are used, are not sent to another
 * host after a redirect, and are never told. https never leads to http.
 */
#ifndef FETCH_HTTP_H
#define FETCH_HTTP_H

#include "base/arena.h"
#include "base/digest.h"
#include "base/io.h"

struct http;

/* agent: "condaimg/0.1". One per process; may be used by one thread at a time. */
struct http *http_new(const char *agent);
void http_free(struct http *h);

/* How long to wait, and how often to try. Zero: leave as it is. */
struct http_patience {
	unsigned connect_ms; /* to be connected: 20 s */
	unsigned stall_s; /* without a byte: 60 s */
	unsigned tries; /* of one request: 4 */
	unsigned backoff_ms; /* before the second try, doubled before each further one: 500 ms */
};
void http_set_patience(struct http *h, const struct http_patience *p);

/* Never more than so many requests at once; 0: as many as a batch wants. */
void http_set_at_once(struct http *h, unsigned n);

/*
 * Requests to URLs of this scheme ("https") and host, NULL: of any, go through proxy
 * ("http://user:password@host:3128", "socks5h://..."; "": through none). The most exact fits: scheme and host, scheme,
 * host, neither; of equals the last that was set. Where none fits the usual variables decide.
 */
void http_set_proxy(struct http *h, const char *scheme, const char *host, const char *proxy);

/* "host,.domain,10.0.0.0/8,*" to which no proxy leads, instead of the variable's; NULL: the variable's. */
void http_set_no_proxy(struct http *h, const char *hosts);

/* Whether certificates of servers are checked: true at first. */
void http_set_verify(struct http *h, bool verify);

/* A file (PEM), a directory (as c_rehash makes it) of certificates instead of the system's; both NULL: the system's. */
void http_set_ca_file(struct http *h, const char *path);
void http_set_ca_dir(struct http *h, const char *path);

/* What we show a server that asks (PEM); key NULL: it is in cert. cert NULL: nothing. */
void http_set_client_cert(struct http *h, const char *cert, const char *key);

/* Instead of ~/.netrc; NULL: that one. "/dev/null": none. */
void http_set_netrc_file(struct http *h, const char *path);

/*
 * Files whose URLs are of a scheme of their own ("oci"), and whoever knows how to come by them: in requests, as
 * mirrors, and as downloads. It is asked by several threads at once, tries again by itself what may pass, and logs
 * in with what it knows.
 */
struct http_place_request {
	const char *url;
	const struct digest *sha256; /* that the file has to have, or NULL; who asks looks at it */
	uint64_t size; /* bytes; 0: not known */
	const char *etag; /* of what is there from before, or NULL */
};
struct http_place_answer {
	long status; /* 200; 304: it is what etag says; 404 */
	const char *etag; /* in the arena, or NULL */
};
struct http_place {
	/* The bytes, as they come. NULL: after an answer without any, or with err filled (ERR_NET, ...). */
	struct source *(*open)(struct http_place *p, struct arena *a, const struct http_place_request *q,
			       struct http_place_answer *ret, struct err *err);
};

/* place NULL: nobody knows. It must outlive h. */
void http_set_place(struct http *h, const char *scheme, struct http_place *place);

enum http_login_kind { HTTP_LOGIN_NONE, HTTP_LOGIN_BASIC, HTTP_LOGIN_BEARER, HTTP_LOGIN_HEADER };
struct http_login {
	enum http_login_kind kind;
	const char *user, *password; /* BASIC */
	const char *token; /* BEARER; HEADER: the header's value */
	const char *header; /* HEADER: its name */
	const char *path_token; /* "/t/TOKEN" goes into the URL, whatever kind is; or NULL */
	size_t path_token_at; /* behind so many bytes of it */
	const char *from; /* where it was found, for sentences; or NULL */
};

/*
 * How to log in to url, which has no login of its own: 1 with *ret filled, 0: not known (.netrc is asked). Strings
 * are copied before anything else is called. Asked anew where a redirect leads, and not at all between.
 */
typedef int http_login_fn(void *arg, const char *url, struct http_login *ret);
void http_set_login(struct http *h, http_login_fn *login, void *arg);

/*
 * Requests for what is below base ("https://host/channel", without a login) go to these instead: n URLs of
 * the same content, which may have logins and may be file URLs, the best first: the others are for when it
 * fails or is slow. A slow one gets less; one that failed has its turn after the others for a minute or so. What one
 * does not have or does not answer is asked of the others before anything is tried again. Base itself is asked only
 * where it is one of them. HTTP_MIRRORS_MAX are heeded.
 */
#define HTTP_MIRRORS_MAX 16
void http_set_mirrors(struct http *h, const char *base, const char *const *urls, size_t n);

/* "~/.netrc, ~/.rattler/credentials.json": where login looks, for the sentence that there is none; NULL: not told. */
void http_set_login_sources(struct http *h, const char *sources);

struct http_request {
	const char *url;
	const char *etag, *last_modified; /* for a conditional request, or NULL */
	uint64_t from; /* the first byte wanted: 206 where the server can, else 200 and all */
	const char *if_range; /* only while this ETag or Last-Modified still fits, or NULL */
	const char *if_range_url; /* where it is from (redacted): any other place is not asked with it; or NULL */
	uint64_t max; /* bytes of body that are accepted, from the first wanted on (ERR_LIMIT) */
	bool squeeze; /* let the server compress on the way; the sink gets it uncompressed */
	bool anew; /* caches on the way shall ask the server */
};

struct http_answer {
	const char *url; /* that was asked, redacted: a mirror's, perhaps */
	long status; /* 200, 304, 404; 206, 416 where from was not 0; of a file URL 200 or 404 */
	uint64_t from; /* of a 206: its first byte */
	uint64_t total; /* of a 206: bytes of the whole; 0: not told */
	const char *etag, *last_modified, *cache_control; /* in the arena, or NULL */
};

/*
 * GET; the body of a 200 goes to out (not finished). 200, 304 and 404 are answers; every
 * other status is ERR_NET. What may pass (timeouts, resets, 429, 5xx) is tried again
 * with back-off, a few times, as long as no body byte was written.
 */
int http_get(struct http *h, struct arena *a, const struct http_request *q, struct sink *out, struct http_answer *ret,
	     struct err *err);

/*
 * n requests, up to at_once side by side, begun in order; fewer while a server says that it is too busy. All is called
 * from the thread that runs the batch.
 */
enum http_next {
	HTTP_DONE, /* of begin(): is not needed; of end(): is over */
	HTTP_GO, /* of begin(): ask; of end(): begin again, after what begin() gave was of no use */
	HTTP_LATER, /* of begin(): call again in a moment */
	HTTP_HOLD, /* not known yet: http_release() says so, before or after somebody calls http_wake() */
};
struct http_batch;
struct http_batch_ops {
	/*
	 * Request i begins, or begins again: fill q and *out, the batch's own, which takes the body of a 200
	 * or 206. An enum http_next, or -1: stop.
	 */
	int (*begin)(struct http_batch *b, size_t i, struct http_request *q, struct sink **out, struct err *err);
	/* Its body begins (200, 206); may be NULL. 0, or -1 with the fault that end() will be told. */
	int (*head)(struct http_batch *b, size_t i, const struct http_answer *answer, struct err *fault);
	/*
	 * It was answered (fault is NULL), or failed for good (fault is filled, answer NULL). The answer's
	 * strings live until the call returns. An enum http_next, or -1: stop.
	 */
	int (*end)(struct http_batch *b, size_t i, const struct http_answer *answer, const struct err *fault,
		   struct err *err);
	/* Now and then, and after http_wake(): the place for http_release(). May be NULL. 0, or -1: stop. */
	int (*idle)(struct http_batch *b, struct err *err);
};
struct http_run;
struct http_batch {
	const struct http_batch_ops *ops;
	size_t n;
	unsigned at_once;
	bool afresh; /* begin() gives a sink that can go on, so a broken body may be asked for again */
	struct http_run *run; /* http_run()'s own */
};

/* 0 when every request ended; -1 as soon as one of the functions said so. */
int http_run(struct http *h, struct http_batch *b, struct err *err);

/* Request i is over (HTTP_DONE) or shall begin again (HTTP_GO); from one of the batch's functions. */
void http_release(struct http_batch *b, size_t i, enum http_next next);

/* Have idle() called soon. From any thread, while the batch runs. */
void http_wake(struct http *h);

struct download {
	const char *url; /* with credentials, where there are some */
	const char *fn; /* for progress and errors */
	const char *local; /* a file of this machine that may be the same, to be looked at first; or NULL */
	uint64_t size; /* 0: not known */
	bool has_sha256, has_md5;
	struct digest sha256;
	uint8_t md5[16];
	bool was_there; /* set: nothing was fetched */
};

/*
 * Told from the calling thread: bytes so far of all that is fetched, of how many (0: no size is known), and a download
 * that is there now (or NULL). Each is told once: what is there already before anything is fetched.
 */
struct download_progress {
	void (*tell)(struct download_progress *p, uint64_t bytes, uint64_t total, const struct download *done);
};

/*
 * Fetch all into dirfd under their sha256 in hex ("sha256/HEX"), verified before they appear there; what is there
 * already (of the right size) is not fetched. Many at once, largest first. Without sha256 the md5 decides and the file
 * is put under the sha256 that was computed, which is then filled in ("md5/HEX" remembers it).
 *
 * What broke off goes on where it was, in a later run too ("part/HEX"). Of several processes that want the same, one
 * fetches it and the others wait. A wrong byte is ERR_INTEGRITY with the URL, what was expected and what was found,
 * after one more try, at another mirror where there is one; so is a download without either digest. progress may be
 * NULL. offline: what is missing is ERR_NET, unless its URL is a file's or its local file is right.
 */
int download_all(struct http *h, int dirfd, struct download *downloads, size_t n, bool offline,
		 struct download_progress *progress, struct err *err);

static inline void http_freep(struct http **h)
{
	http_free(*h);
}

#define auto_http CLEANUP(http_freep) struct http

#endif
