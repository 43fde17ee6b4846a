/*
 * One request at a time over http, https or file (libcurl; the only user of it),
 * and many verified downloads at once.
 *
 * Certificates are checked against the system's; proxies come from the usual
 * variables, which libcurl reads. Credentials in a URL are used and never told.
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

struct http_request {
	const char *url;
	const char *etag, *last_modified;	/* for a conditional request, or NULL */
	uint64_t max;		/* bytes of body that are accepted (ERR_LIMIT) */
};

struct http_answer {
	long status;		/* 200, 304, 404; of a file URL 200 or 404 */
	const char *etag, *last_modified, *cache_control;	/* in the arena, or NULL */
};

/*
 * GET; the body of a 200 goes to out (not finished). 200, 304 and 404 are answers; every
 * other status is ERR_NET. What may pass (timeouts, resets, 429, 5xx) is tried again
 * with back-off, a few times, as long as no body byte was written.
 */
int http_get(struct http *h, struct arena *a, const struct http_request *q, struct sink *out, struct http_answer *ret,
	     struct err *err);

struct download {
	const char *url;
	const char *fn;		/* for progress and errors */
	uint64_t size;		/* 0: not known */
	bool has_sha256, has_md5;
	struct digest sha256;
	uint8_t md5[16];
};

/* Told from the calling thread: bytes so far of all, and a download that was just completed (or NULL). */
struct download_progress {
	void (*tell)(struct download_progress *p, uint64_t bytes, uint64_t total, const struct download *done);
};

/*
 * Fetch all into dirfd under their sha256 in hex ("sha256/HEX"), verified before they
 * appear there; what is there already is not fetched. Several at once, largest
 * first. Without sha256 the md5 decides and the file is put under the sha256 that
 * was computed, which is then filled in. A wrong byte is ERR_INTEGRITY with the URL,
 * what was expected and what was found. progress may be NULL. offline: what is missing
 * is ERR_NET.
 */
int download_all(struct http *h, int dirfd, struct download *downloads, size_t n, bool offline,
		 struct download_progress *progress, struct err *err);

static inline void http_freep(struct http **h)
{
	http_free(*h);
}

#define auto_http CLEANUP(http_freep) struct http

#endif
