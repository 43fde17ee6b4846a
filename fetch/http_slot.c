#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/log.h"
#include "fetch/http_batch_impl.h"
#include "fetch/url.h"

#define REFUSAL_MAX ((uint64_t)1 << 20) /* bytes of an error page that are swallowed */
#define GAIN_MIN ((uint64_t)1 << 20) /* bytes that make a try that broke off worth as many tries again */

/* ---- the body ---- */

static int take_body(struct slot *s, const char *p, size_t n)
{
	if (s->body + n > s->q.max)
		return err_set(&s->err, ERR_LIMIT, "%s: is larger than %llu bytes, the most that is accepted", s->told,
			       (unsigned long long)s->q.max);
	s->body += n;
	return sink_write(s->out, p, n, &s->err);
}

/* "bytes 5-10/11", "bytes 5-10/ *" (RFC 9110 14.4). */
static bool parse_range(const char *v, uint64_t *from, uint64_t *total)
{
	unsigned long long a, b, t = 0;
	char c = '\0';

	if (!v || sscanf(v, "bytes %20llu-%20llu/%20llu%c", &a, &b, &t, &c) < 2 || c || b < a || (t && b >= t))
		return false;
	*from = a;
	*total = t;
	return true;
}

static void fill_answer(struct slot *s, struct http_answer *ret)
{
	ret->url = s->told;
	ret->etag = http_call_answer(&s->call, "ETag");
	ret->last_modified = http_call_answer(&s->call, "Last-Modified");
	ret->cache_control = http_call_answer(&s->call, "Cache-Control");
}

/* Before its first byte, or its end where it has none. */
static int tell_head(struct slot *s)
{
	struct http_batch *b = s->run->b;
	struct http_answer answer = { .status = s->status };

	if (s->headed)
		return 0;
	s->headed = true;
	if (s->status == 206 &&
	    (!parse_range(http_call_answer(&s->call, "Content-Range"), &answer.from, &answer.total) ||
	     answer.from != s->q.from || !s->q.from))
		return err_set(&s->err, ERR_NET, "%s: the server sends another part than the one that was asked for",
			       s->call.told);
	fill_answer(s, &answer);
	return b->ops->head ? b->ops->head(b, s->i, &answer, &s->err) : 0;
}

static size_t on_body(char *p, size_t size, size_t count, void *arg)
{
	struct slot *s = arg;
	size_t n = size * count;

	curl_easy_getinfo(s->call.easy, CURLINFO_RESPONSE_CODE, &s->status);
	if (s->status == 200 || s->status == 206)
		return tell_head(s) < 0 || take_body(s, p, n) < 0 ? CURL_WRITEFUNC_ERROR : n;
	s->refusal += n;
	return s->refusal > REFUSAL_MAX ? CURL_WRITEFUNC_ERROR : n;
}

/* ---- one request ---- */

static void slot_hang_up(struct slot *s)
{
	if (s->call.easy)
		curl_multi_remove_handle(s->run->h->multi, s->call.easy);
	http_call_close(&s->call);
}

void http_slot_drop(struct slot *s)
{
	if (!s->busy)
		return;
	slot_hang_up(s);
	arena_release(&s->arena);
	if (s->mirror)
		s->mirror->running--;
	s->run->n_running--;
	*s = (struct slot){ .run = s->run };
}

static void add_headers(struct slot *s)
{
	struct http_call *c = &s->call;

	http_call_header(c, "If-None-Match", s->q.etag);
	http_call_header(c, "If-Modified-Since", s->q.last_modified);
	if (s->q.from) {
		http_call_header(c, "Range", arena_printf(&s->arena, "bytes=%llu-", (unsigned long long)s->q.from));
		if (!s->q.if_range_url || strcmp(s->q.if_range_url, s->told) == 0)
			http_call_header(c, "If-Range", s->q.if_range);
	}
	if (s->q.anew)
		http_call_header(c, "Cache-Control", "no-cache");
	http_call_ready(c);
}

static void slot_ask(struct slot *s, const char *url, unsigned redirects)
{
	http_call_open(&s->call, s->run->h, url);
	s->call.redirects = redirects;
	curl_easy_setopt(s->call.easy, CURLOPT_PRIVATE, s);
	curl_easy_setopt(s->call.easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(s->call.easy, CURLOPT_WRITEDATA, s);
	if (s->q.squeeze)
		curl_easy_setopt(s->call.easy, CURLOPT_ACCEPT_ENCODING, "");
	add_headers(s);
	if (curl_multi_add_handle(s->run->h->multi, s->call.easy) != CURLM_OK)
		abort();
}

/* ---- how it went ---- */

/* Tell the batch. */
static int slot_end(struct slot *s, const struct http_answer *answer, const struct err *fault, struct err *err)
{
	struct http_run *r = s->run;
	size_t i = s->i;
	int next = r->b->ops->end(r->b, i, answer, fault, err);

	http_slot_drop(s);
	if (next >= 0)
		http_want_ended(r, i, next);
	return next < 0 ? -1 : 0;
}

/* Another mirror can be asked: at once. */
static bool ask_another(struct slot *s, bool passing)
{
	struct http_run *r = s->run;
	struct want *w = &r->wants[s->i];

	if (!w->mirrors)
		return false;
	w->tried |= w->at;
	if (!passing)
		w->refused |= w->at;
	if (w->tried == (1U << w->mirrors->n) - 1)
		return false;
	http_want_later(r, s->i, 0);
	http_slot_drop(s);
	return true;
}

/* The same can be tried again, in a while. */
static bool ask_again(struct slot *s, bool passing)
{
	struct http_run *r = s->run;
	struct want *w = &r->wants[s->i];
	uint64_t reached = s->q.from + s->body;
	int64_t ms;

	if (w->mirrors)
		passing = w->refused != (1U << w->mirrors->n) - 1;
	if (reached >= w->reached + GAIN_MIN) {
		w->reached = reached;
		w->tries = 1;
	}
	if (!passing || w->tries >= r->h->patience.tries)
		return false;
	ms = http_wait_ms(r->h, &s->call, w->tries);
	if (ms < 0)
		return false;
	w->tried = w->refused;
	w->tries++;
	http_want_later(r, s->i, ms);
	http_slot_drop(s);
	return true;
}

/*
 * It failed, or is not there (fault is clean). A body of which some was used can only go on where the batch
 * gives a sink for that.
 */
static int slot_failed(struct slot *s, bool passing, const struct err *fault, struct err *err)
{
	struct want *w = &s->run->wants[s->i];
	struct http_answer answer = { .url = s->told, .status = 404 };

	w->missing = w->missing || !fault->code;
	if (s->mirror && fault->code)
		http_mirror_bad(s->mirror);
	if ((s->body == 0 || s->run->b->afresh) && (ask_another(s, passing) || ask_again(s, passing)))
		return 0;
	return w->missing ? slot_end(s, &answer, NULL, err) : slot_end(s, NULL, fault, err);
}

static int slot_good(struct slot *s, struct http_answer *answer, struct err *err)
{
	if (s->mirror)
		http_mirror_good(s->mirror, s->body, http_now_ms() - s->begun_ms);
	http_went_well(s->run);
	return slot_end(s, answer, NULL, err);
}

/* The body was not taken, or there was none. */
static int slot_broken(struct slot *s, CURLcode code, struct err *err)
{
	struct err fault = s->err;
	long proxy = http_call_proxy_status(&s->call);

	if (fault.code)
		return slot_end(s, NULL, &fault, err);
	if (code == CURLE_HTTP2_STREAM || code == CURLE_HTTP2)
		http_too_busy(s->run);
	http_call_fault(&s->call, code, s->run->wants[s->i].tries, &fault);
	return slot_failed(s, proxy ? http_may_pass(CURLE_OK, proxy) : http_may_pass(code, 0), &fault, err);
}

static bool is_answer(const struct slot *s)
{
	return s->status == 200 || s->status == 304 || (s->q.from && (s->status == 206 || s->status == 416));
}

static int slot_answered(struct slot *s, struct err *err)
{
	struct http_answer answer = { .status = s->status };
	struct err fault = ERR_INIT;

	if (is_answer(s)) {
		fill_answer(s, &answer);
		return slot_good(s, &answer, err);
	}
	if (s->status == 429 || s->status == 503)
		http_too_busy(s->run);
	if (s->status != 404)
		http_status_fault(&s->call, s->status, s->run->wants[s->i].tries, &fault);
	return slot_failed(s, http_may_pass(CURLE_OK, s->status), &fault, err);
}

int http_slot_done(struct slot *s, CURLcode code, struct err *err)
{
	struct err fault = ERR_INIT;
	const char *url;
	unsigned redirects = s->call.redirects + 1;
	int rc;

	curl_easy_getinfo(s->call.easy, CURLINFO_RESPONSE_CODE, &s->status);
	log_debug("GET %s: %ld, %llu bytes%s%s", s->call.told, s->status, (unsigned long long)s->body, code ? ", " : "",
		  code ? http_curl_words(code) : "");
	/* an error page too long to swallow is an answer all the same */
	if (code == CURLE_WRITE_ERROR && s->refusal > REFUSAL_MAX)
		code = CURLE_OK;
	if (code == CURLE_OK && (s->status == 200 || s->status == 206))
		tell_head(s);
	if (code != CURLE_OK || s->err.code)
		return slot_broken(s, code, err);
	rc = http_call_redirect(&s->call, &s->arena, &url, &fault);
	if (rc == 0)
		return slot_answered(s, err);
	if (rc < 0)
		return slot_failed(s, false, &fault, err);
	slot_hang_up(s);
	slot_ask(s, url, redirects);
	return 0;
}

/* ---- file URLs ---- */

static int file_answer(struct slot *s, const char *url, struct err *err)
{
	struct http_answer answer = { .url = s->told, .status = 200 };
	const char *path = url_to_path(&s->arena, url);
	auto_source *in = NULL;
	struct err fault = ERR_INIT;

	if (!path) {
		err_set(&fault, ERR_NET, "%s: is no file of this machine", s->told);
		return slot_failed(s, false, &fault, err);
	}
	in = source_limit(source_file(AT_FDCWD, path, &fault), s->q.max, path);
	if (!in && (fault.sys == ENOENT || fault.sys == ENOTDIR)) {
		err_clear(&fault);
		return slot_failed(s, false, &fault, err);
	}
	s->status = 200;
	if (in && (tell_head(s) < 0 || io_copy(in, s->out, &s->body, &fault) < 0) && s->err.code)
		fault = s->err;
	return fault.code ? slot_end(s, NULL, &fault, err) : slot_good(s, &answer, err);
}

/* ---- URLs that somebody else knows of ---- */

/* Of a body that broke off another place may have all; what the batch says against it is its own. */
static int place_body(struct slot *s, struct source *in, struct http_answer *answer, struct err *err)
{
	struct err fault = ERR_INIT;
	auto_source *body = source_limit(in, s->q.max, s->told);

	s->status = 200;
	s->headed = true;
	fault.code = ERR_NONE;
	if (s->run->b->ops->head && s->run->b->ops->head(s->run->b, s->i, answer, &fault) < 0)
		return slot_end(s, NULL, &fault, err);
	if (io_copy(body, s->out, &s->body, &fault) == 0)
		return slot_good(s, answer, err);
	return fault.code == ERR_NET ? slot_failed(s, false, &fault, err) : slot_end(s, NULL, &fault, err);
}

static int place_answer(struct slot *s, struct http_place *place, const char *url, struct err *err)
{
	struct http_place_request q = { .url = url, .etag = s->q.etag };
	struct http_place_answer ret = { 0 };
	struct err fault = ERR_INIT;
	struct source *in = place->open(place, &s->arena, &q, &ret, &fault);
	struct http_answer answer = { .url = s->told, .status = ret.status, .etag = ret.etag };

	log_debug("GET %s: %s", s->told, fault.code ? fault.text : ret.status == 304 ? "304" : in ? "200" : "404");
	if (in)
		return place_body(s, in, &answer, err);
	if (!fault.code && ret.status == 304)
		return slot_good(s, &answer, err);
	return slot_failed(s, false, &fault, err);
}

/* ---- its beginning ---- */

/* Which mirror has the next try, and its URL; the URL itself where there are none. */
static const char *choose_url(struct slot *s)
{
	struct want *w = &s->run->wants[s->i];
	const char *rest;
	int k;

	w->mirrors = http_mirrors_find(s->run->h, s->q.url, &rest);
	w->at = 0;
	k = w->mirrors ? http_mirrors_pick(w->mirrors, w->tried) : -1;
	if (k < 0)
		return s->q.url;
	w->at = 1U << k;
	s->mirror = &w->mirrors->all[k];
	s->mirror->running++;
	return url_join(&s->arena, s->mirror->url, rest);
}

int http_slot_begin(struct slot *s, size_t i, struct err *err)
{
	struct http_run *r = s->run;
	struct want *w = &r->wants[i];
	const char *url;
	int next;

	*s = (struct slot){ .run = r, .i = i };
	next = r->b->ops->begin(r->b, i, &s->q, &s->out, err);
	if (next != HTTP_GO) {
		if (next >= 0)
			http_want_ended(r, i, next);
		return next < 0 ? -1 : 0;
	}
	s->busy = true;
	r->n_running++;
	w->state = WANT_RUNS;
	w->tries = w->tries ? w->tries : 1;
	s->begun_ms = http_now_ms();
	url = choose_url(s);
	s->told = url_redact(&s->arena, url);
	if (url_is(url, "file"))
		return file_answer(s, url, err);
	if (http_place_of(r->h, url))
		return place_answer(s, http_place_of(r->h, url), url, err);
	slot_ask(s, url, 0);
	return 0;
}
