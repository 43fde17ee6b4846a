#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/log.h"
#include "fetch/http_impl.h"
#include "fetch/url.h"

#define AT_ONCE_MAX 32
#define REFUSAL_MAX ((uint64_t)1 << 20) /* bytes of an error page that are swallowed */

enum slot_state { SLOT_FREE, SLOT_RUNS, SLOT_WAITS };

/* One request on its way. */
struct slot {
	struct run *run;
	enum slot_state state;
	size_t i;
	struct http_request q;
	struct sink *out;
	struct arena arena;
	const char *told; /* the URL that begin() gave, for sentences */
	struct http_call call;
	uint64_t body, refusal; /* bytes that came of a 200, of anything else */
	unsigned tries;
	int64_t wake_ms;
	struct err err; /* why the body was not taken */
};

struct run {
	struct http *h;
	struct http_batch *b;
	size_t next;
	unsigned n_slots;
	struct slot slots[AT_ONCE_MAX];
};

/* ---- one request ---- */

static int take_body(struct slot *s, const char *p, size_t n)
{
	if (s->body + n > s->q.max)
		return err_set(&s->err, ERR_LIMIT, "%s: is larger than %llu bytes, the most that is accepted", s->told,
			       (unsigned long long)s->q.max);
	s->body += n;
	return sink_write(s->out, p, n, &s->err);
}

static size_t on_body(char *p, size_t size, size_t count, void *arg)
{
	struct slot *s = arg;
	size_t n = size * count;
	long status = 0;

	curl_easy_getinfo(s->call.easy, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		return take_body(s, p, n) < 0 ? CURL_WRITEFUNC_ERROR : n;
	s->refusal += n;
	return s->refusal > REFUSAL_MAX ? CURL_WRITEFUNC_ERROR : n;
}

/* A redirect goes on with the tries that there were. */
static void slot_ask(struct slot *s, const char *url)
{
	unsigned redirects = s->call.redirects;

	http_call_open(&s->call, s->run->h, url);
	s->call.redirects = redirects;
	curl_easy_setopt(s->call.easy, CURLOPT_PRIVATE, s);
	curl_easy_setopt(s->call.easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(s->call.easy, CURLOPT_WRITEDATA, s);
	if (s->q.squeeze)
		curl_easy_setopt(s->call.easy, CURLOPT_ACCEPT_ENCODING, "");
	http_call_header(&s->call, "If-None-Match", s->q.etag);
	http_call_header(&s->call, "If-Modified-Since", s->q.last_modified);
	http_call_ready(&s->call);
	if (curl_multi_add_handle(s->run->h->multi, s->call.easy) != CURLM_OK)
		abort();
	s->state = SLOT_RUNS;
}

static void slot_hang_up(struct slot *s)
{
	if (s->call.easy)
		curl_multi_remove_handle(s->run->h->multi, s->call.easy);
	http_call_close(&s->call);
}

/* Let go of the connection, keep what the next try needs. */
static void slot_drop(struct slot *s)
{
	slot_hang_up(s);
	arena_release(&s->arena);
	s->out = NULL;
	s->state = SLOT_FREE;
}

/* ---- file URLs ---- */

static void file_answer(struct slot *s, struct http_answer *ret, struct err *fault)
{
	const char *path = url_to_path(&s->arena, s->q.url);
	auto_source *in = NULL;

	if (!path) {
		err_set(fault, ERR_NET, "%s: is no file of this machine", s->told);
		return;
	}
	in = source_limit(source_file(AT_FDCWD, path, fault), s->q.max, path);
	if (!in && (fault->sys == ENOENT || fault->sys == ENOTDIR)) {
		err_clear(fault);
		ret->status = 404;
	} else if (in && io_copy(in, s->out, NULL, fault) == 0) {
		ret->status = 200;
	}
}

/* ---- many requests ---- */

static int slot_begin(struct slot *s, struct err *err);

/* Tell the batch, and begin again if it asks for that. */
static int slot_end(struct slot *s, const struct http_answer *answer, const struct err *fault, struct err *err)
{
	struct http_batch *b = s->run->b;
	int rc = b->ops->end(b, s->i, answer, fault, err);

	slot_drop(s);
	if (rc <= 0)
		return rc;
	s->tries = 0;
	return slot_begin(s, err);
}

static int slot_begin(struct slot *s, struct err *err)
{
	struct http_batch *b = s->run->b;
	struct http_answer answer = { 0 };
	struct err fault = ERR_INIT;
	int rc;

	s->q = (struct http_request){ 0 };
	rc = b->ops->begin(b, s->i, &s->q, &s->out, err);
	s->state = SLOT_FREE;
	if (rc <= 0)
		return rc;
	s->tries++;
	s->body = s->refusal = 0;
	s->err = (struct err)ERR_INIT;
	s->told = url_redact(&s->arena, s->q.url);
	if (url_is(s->q.url, "file")) {
		file_answer(s, &answer, &fault);
		return slot_end(s, fault.code ? NULL : &answer, fault.code ? &fault : NULL, err);
	}
	slot_ask(s, s->q.url);
	return 0;
}

/* Come back later, sooner or later as the server asks; false: later than we are willing to wait. */
static bool slot_wait(struct slot *s)
{
	int64_t ms = http_wait_ms(s->run->h, &s->call, s->tries);

	if (ms < 0)
		return false;
	slot_drop(s);
	s->wake_ms = http_now_ms() + ms;
	s->state = SLOT_WAITS;
	return true;
}

/* 1: it was a redirect, which is followed. */
static int slot_follow(struct slot *s, struct err *fault)
{
	const char *url;
	unsigned redirects = s->call.redirects + 1;
	int rc = http_call_redirect(&s->call, &s->arena, &url, fault);

	if (rc <= 0)
		return rc;
	slot_hang_up(s);
	s->call.redirects = redirects;
	slot_ask(s, url);
	return 1;
}

static int slot_done(struct slot *s, CURLcode code, struct err *err)
{
	struct http_answer answer = { 0 };
	struct err fault = ERR_INIT;

	curl_easy_getinfo(s->call.easy, CURLINFO_RESPONSE_CODE, &answer.status);
	log_debug("GET %s: %ld, %llu bytes%s%s", s->call.told, answer.status, (unsigned long long)s->body,
		  code ? ", " : "", code ? http_curl_words(code) : "");
	if (s->err.code)
		return slot_end(s, NULL, &s->err, err);
	/* an error page too long to swallow is an answer all the same */
	if (code == CURLE_WRITE_ERROR && s->refusal > REFUSAL_MAX)
		code = CURLE_OK;
	if (code == CURLE_OK && slot_follow(s, &fault) > 0)
		return 0;
	if (!fault.code && http_may_pass(code, answer.status) && s->tries < s->run->h->patience.tries &&
	    (s->body == 0 || s->run->b->afresh) && slot_wait(s))
		return 0;
	if (!fault.code && code != CURLE_OK)
		http_call_fault(&s->call, code, s->tries, &fault);
	else if (!fault.code && answer.status != 200 && answer.status != 304 && answer.status != 404)
		http_call_status_fault(&s->call, answer.status, s->tries, &fault);
	if (fault.code)
		return slot_end(s, NULL, &fault, err);
	answer.etag = http_call_answer(&s->call, "ETag");
	answer.last_modified = http_call_answer(&s->call, "Last-Modified");
	answer.cache_control = http_call_answer(&s->call, "Cache-Control");
	return slot_end(s, &answer, NULL, err);
}

/* Fill the free slots; *busy is how many are not free, *wait_ms when the next wants attention. */
static int begin_some(struct run *r, unsigned *busy, int64_t *wait_ms, struct err *err)
{
	*busy = 0;
	*wait_ms = 1000;
	for (unsigned k = 0; k < r->n_slots; k++) {
		struct slot *s = &r->slots[k];
		int64_t left = s->state == SLOT_WAITS ? s->wake_ms - http_now_ms() : 0;

		if (s->state == SLOT_WAITS && left <= 0 && slot_begin(s, err) < 0)
			return -1;
		while (s->state == SLOT_FREE && r->next < r->b->n) {
			s->i = r->next++;
			s->tries = 0;
			if (slot_begin(s, err) < 0)
				return -1;
		}
		if (s->state == SLOT_WAITS && left < *wait_ms)
			*wait_ms = left > 0 ? left : 0;
		*busy += s->state != SLOT_FREE;
	}
	return 0;
}

static int run_all(struct run *r, struct err *err)
{
	for (;;) {
		struct CURLMsg *m;
		int64_t wait_ms;
		unsigned busy;
		int left;

		if (begin_some(r, &busy, &wait_ms, err) < 0)
			return -1;
		if (!busy)
			return 0;
		if (curl_multi_perform(r->h->multi, &left) != CURLM_OK)
			abort();
		while ((m = curl_multi_info_read(r->h->multi, &left))) {
			CURLcode code = m->data.result;
			struct slot *s;

			if (m->msg != CURLMSG_DONE)
				continue;
			curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&s);
			if (slot_done(s, code, err) < 0)
				return -1;
			wait_ms = 0;
		}
		if (wait_ms > 0 && curl_multi_poll(r->h->multi, NULL, 0, (int)wait_ms, NULL) != CURLM_OK)
			abort();
	}
}

int http_run(struct http *h, struct http_batch *b, struct err *err)
{
	auto_free struct run *r = NEW(struct run);
	int rc;

	r->h = h;
	r->b = b;
	r->n_slots = b->at_once < AT_ONCE_MAX ? b->at_once : AT_ONCE_MAX;
	if (h->at_once && r->n_slots > h->at_once)
		r->n_slots = h->at_once;
	r->n_slots = r->n_slots ? r->n_slots : 1;
	for (unsigned k = 0; k < r->n_slots; k++)
		r->slots[k].run = r;
	rc = run_all(r, err);
	for (unsigned k = 0; k < r->n_slots; k++)
		slot_drop(&r->slots[k]);
	return rc;
}

/* ---- one ---- */

struct single {
	struct http_batch base;
	const struct http_request *q;
	struct sink *out;
	struct arena *arena;
	struct http_answer answer;
};

static int single_begin(struct http_batch *b, size_t i, struct http_request *q, struct sink **out, struct err *err)
{
	struct single *s = (struct single *)b;

	(void)i;
	(void)err;
	*q = *s->q;
	*out = s->out;
	return 1;
}

static int single_end(struct http_batch *b, size_t i, const struct http_answer *answer, const struct err *fault,
		      struct err *err)
{
	struct single *s = (struct single *)b;

	(void)i;
	if (fault) {
		*err = *fault;
		return -1;
	}
	s->answer = (struct http_answer){ .status = answer->status,
					  .etag = arena_strdup(s->arena, answer->etag),
					  .last_modified = arena_strdup(s->arena, answer->last_modified),
					  .cache_control = arena_strdup(s->arena, answer->cache_control) };
	return 0;
}

static const struct http_batch_ops single_ops = { single_begin, single_end };

int http_get(struct http *h, struct arena *a, const struct http_request *q, struct sink *out, struct http_answer *ret,
	     struct err *err)
{
	struct single s = { .base = { .ops = &single_ops, .n = 1, .at_once = 1 }, .q = q, .out = out, .arena = a };

	if (http_run(h, &s.base, err) < 0)
		return -1;
	*ret = s.answer;
	return 0;
}
