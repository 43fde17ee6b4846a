/* What the files of oci/registry*.c share. */
#ifndef OCI_REGISTRY_IMPL_H
#define OCI_REGISTRY_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "fetch/call.h"
#include "oci/login.h"
#include "oci/challenge.h"
#include "oci/registry.h"
#include "oci/registry_conf.h"

#define REGISTRY_HEADERS_MAX 6

struct registry_hub {
	struct http *http;
	struct registry_options options;
	char *ca; /* text of options.ca_file, or NULL */
	struct registry_conf conf;
	pthread_mutex_t lock; /* of what follows */
	char **warnings;
	size_t n_warnings, told;
};

/* Somewhere a repository is. */
struct endpoint {
	const char *host; /* as URLs have it */
	const char *auth_host; /* as logins have it: "docker.io" */
	const char *repo;
	bool insecure, digest_only, tag_only;
	struct call_tls tls;
	pthread_mutex_t lock; /* of what follows */
	struct arena arena;
	bool greeted;
	const char *base; /* "https://host" */
	struct challenge challenge;
	struct login auth;
	bool has_auth; /* it was looked for */
	const char *authorization; /* header, or NULL: none is wanted as yet */
	unsigned generation; /* of authorization */
	int64_t expires_ms; /* when it is to be replaced; 0: never */
};

struct registry {
	struct registry_hub *hub;
	struct arena arena;
	struct ref ref;
	enum registry_access access;
	const char **from; /* repositories to mount from */
	size_t n_from;
	struct endpoint *ends; /* in the order in which they are asked */
	size_t n_ends;
	atomic_size_t current; /* the one that had the manifest */
	pthread_mutex_t lock; /* of what follows */
	struct caller **idle;
	size_t n_idle;
};

/* ---- registry_ask.c ---- */

/* Bytes to send, from an offset on: opened anew for each try. */
struct registry_body {
	struct source *(*open)(struct registry_body *b, struct err *err);
	uint64_t size; /* of what open() gives */
};

struct registry_question {
	const char *method;
	const char *path; /* below the repository ("blobs/..."), or a URL */
	struct call_header headers[REGISTRY_HEADERS_MAX]; /* NULL names end it early */
	struct registry_body *body; /* or NULL */
	bool once; /* hand out every failure and answer: what may be tried again is for the caller to know */
	bool slow;
	size_t end; /* which endpoint */
};

/* To be released in any case. */
struct registry_reply {
	struct arena arena;
	struct registry *registry;
	struct caller *caller;
	struct source *body;
	struct call_answer answer;
	const char *url; /* that was asked last */
};

/*
 * 0 with any answer but those of 401 that a new token helped, redirects of what is only read, and 408, 429, 5xx that did
 * not pass. -1: no answer.
 */
int registry_ask(struct registry *r, const struct registry_question *q, struct registry_reply *ret, struct err *err);
void registry_reply_release(struct registry_reply *reply);

#define auto_reply CLEANUP(registry_reply_release) struct registry_reply

/*
 * What a refusal comes to, with what the registry says about it: "HOST/REPO: the registry answers 403 (DENIED: ...) to WHAT".
 * Returns -1.
 */
int registry_refusal(struct registry_reply *reply, const struct registry_question *q, const char *what,
		     struct err *err);

/* The error body of a reply, read once, bounded. */
void registry_error_text(struct registry_reply *reply, struct buf *ret);

/* Wait before try number tries + 1. False: that was the last one, or the registry wants us to wait too long. */
bool registry_pause(struct registry *r, unsigned tries, const struct call_answer *answer);
bool registry_status_may_pass(long status);

/* What a Location means, asked at url. In a. NULL: nothing that could be asked. */
const char *registry_location(struct arena *a, const char *url, const char *location);

/* Whether both URLs are of one scheme, host and port. */
bool registry_same_origin(const char *x, const char *y);

/* "key=value", with '&' in front where it is not the first, everything but letters, digits and "-._~" encoded. */
void registry_query(struct buf *b, const char *key, const char *value);

struct caller *registry_take_caller(struct registry *r);
void registry_give_caller(struct registry *r, struct caller *c);

/* ---- registry_login.c ---- */

/*
 * The Authorization to use, in a (*ret NULL: none), asking the registry and its token server if need be. refused: the
 * generation that was answered with 401, or 0. ERR_NET where there is nothing better than what was refused.
 */
int registry_authorize(struct registry *r, struct endpoint *e, struct caller *c, unsigned refused,
		       const struct call_answer *answer, struct arena *a, const char **ret, unsigned *generation,
		       struct err *err);

/* Find out how an endpoint is spoken to, once: e->base and e->challenge. */
int registry_greet(struct registry *r, struct endpoint *e, struct caller *c, struct err *err);

int64_t registry_now_ms(void);

/* ---- registry.c ---- */
void registry_note_warnings(struct registry_hub *hub, const char *host, const struct call_answer *answer);

#endif
