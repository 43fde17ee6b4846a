/* A batch of GETs: what http_batch.c (which is asked when) and http_slot.c (one request) share. Private to fetch/. */
#ifndef FETCH_HTTP_BATCH_IMPL_H
#define FETCH_HTTP_BATCH_IMPL_H

#include "fetch/http_impl.h"

#define HTTP_AT_ONCE_MAX 64

enum want_state { WANT_NEW, WANT_LATER, WANT_RUNS, WANT_HELD, WANT_DONE };

/* What is remembered of one request between its tries. */
struct want {
	enum want_state state;
	int64_t wake_ms; /* of WANT_LATER */
	unsigned tries;
	struct http_mirrors *mirrors; /* where it may be asked, or NULL */
	uint32_t tried; /* of them, in this try */
	uint32_t refused; /* that will never have it */
	uint32_t at; /* the bit of the one that was asked last, or 0 */
	bool missing; /* one of them answered that it is not there */
	uint64_t reached; /* the first byte that never came */
};

/* A request on its way. */
struct slot {
	struct http_run *run;
	bool busy;
	size_t i;
	struct http_request q;
	struct sink *out;
	struct arena arena;
	struct http_call call;
	const char *told; /* the URL that was asked, redacted */
	struct http_mirror *mirror; /* or NULL */
	int64_t begun_ms;
	long status; /* of the body that comes */
	bool headed; /* its head was told */
	uint64_t body, refusal; /* bytes that came of it, of anything else */
	struct err err; /* why the body was not taken */
};

struct http_run {
	struct http *h;
	struct http_batch *b;
	struct want *wants;
	size_t next; /* the first that is WANT_NEW */
	size_t *later; /* those that are WANT_LATER */
	size_t n_later, n_held, n_running;
	unsigned n_slots;
	unsigned allowed; /* how many may run now */
	unsigned credit; /* good answers since that changed */
	struct slot slots[HTTP_AT_ONCE_MAX];
};

/* ---- http_batch.c ---- */

/* Request i is tried again in ms milliseconds. */
void http_want_later(struct http_run *r, size_t i, int64_t ms);

/* Request i has ended, and the batch said what is next (enum http_next). */
void http_want_ended(struct http_run *r, size_t i, int next);

/* How many run at once depends on how it goes. */
void http_too_busy(struct http_run *r);
void http_went_well(struct http_run *r);

/* ---- http_slot.c ---- */

/* Begin request i in a slot that is free. -1: the batch is to end, err says why. */
int http_slot_begin(struct slot *s, size_t i, struct err *err);

/* libcurl is done with it. As above. */
int http_slot_done(struct slot *s, CURLcode code, struct err *err);

/* Give up what is on its way, if anything is; the slot is free then. */
void http_slot_drop(struct slot *s);

#endif
