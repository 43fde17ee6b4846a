#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/log.h"
#include "fetch/http_impl.h"
#include "fetch/url.h"

#define AT_ONCE_MAX 64
#define HELD_MAX 64 /* requests whose end is not known yet: then nothing new is begun */
#define REFUSAL_MAX ((uint64_t)1 << 20) /* bytes of an error page that are swallowed */
#define GAIN_MIN ((uint64_t)1 << 20) /* bytes that make a try that broke off worth as many tries again */
#define LATER_MS 100
#define TURN_MS 1000 /* idle() is called that often at least */

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
	struct slot slots[AT_ONCE_MAX];
};

/* ---- wants ---- */

static void want_later(struct http_run *r, size_t i, int64_t ms)
{
	r->wants[i].state = WANT_LATER;
	r->wants[i].wake_ms = ms > 0 ? http_now_ms() + ms : 0;
	r->later[r->n_later++] = i;
}

/* What one mirror gave was of no use: another is asked, where there is one left. */
static void refuse_mirror(struct want *w)
{
	uint32_t all = w->mirrors ? (1U << w->mirrors->n) - 1 : 0;

	if ((w->refused | w->at) == all)
		return;
	w->refused |= w->at;
	w->tried |= w->at;
	for (size_t k = 0; k < w->mirrors->n; k++)
		if (w->at == 1U << k)
			http_mirror_bad(&w->mirrors->all[k]);
}

static void want_ended(struct http_run *r, size_t i, int next)
{
	struct want *w = &r->wants[i];

	if (next == HTTP_HOLD) {
		w->state = WANT_HELD;
		r->n_held++;
	} else if (next == HTTP_DONE) {
		w->state = WANT_DONE;
	} else {
		if (next == HTTP_GO) {
			refuse_mirror(w);
			w->tries = 0;
		}
		want_later(r, i, next == HTTP_LATER ? LATER_MS : 0);
	}
}

void http_release(struct http_batch *b, size_t i, enum http_next next)
{
	if (b->run->wants[i].state != WANT_HELD)
		return;
	b->run->n_held--;
	want_ended(b->run, i, next);
}

void http_wake(struct http *h)
{
	curl_multi_wakeup(h->multi);
}

/* ---- how many at once ---- */

/* As TCP does it: half as many when it was too much, and slowly more while all goes well. */
static void too_busy(struct http_run *r)
{
	unsigned half = (unsigned)(r->n_running + 1) / 2;

	r->allowed = half < r->allowed ? half : r->allowed;
	r->allowed = r->allowed ? r->allowed : 1;
	r->credit = 0;
	log_debug("the server is too busy: %u at once from now on", r->allowed);
}

static void went_well(struct http_run *r)
{
	if (r->allowed < r->n_slots && ++r->credit >= r->allowed) {
		r->allowed++;
		r->credit = 0;
	}
}

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

static void slot_drop(struct slot *s)
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

	slot_drop(s);
	if (next >= 0)
		want_ended(r, i, next);
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
	want_later(r, s->i, 0);
	slot_drop(s);
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
	want_later(r, s->i, ms);
	slot_drop(s);
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
	went_well(s->run);
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
		too_busy(s->run);
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
		too_busy(s->run);
	if (s->status != 404)
		http_status_fault(&s->call, s->status, s->run->wants[s->i].tries, &fault);
	return slot_failed(s, http_may_pass(CURLE_OK, s->status), &fault, err);
}

static int slot_done(struct slot *s, CURLcode code, struct err *err)
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

/* ---- many requests ---- */

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

static int slot_begin(struct slot *s, size_t i, struct err *err)
{
	struct http_run *r = s->run;
	struct want *w = &r->wants[i];
	const char *url;
	int next;

	*s = (struct slot){ .run = r, .i = i };
	next = r->b->ops->begin(r->b, i, &s->q, &s->out, err);
	if (next != HTTP_GO) {
		if (next >= 0)
			want_ended(r, i, next);
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

/* The next request whose time has come; false: there is none now. */
static bool next_want(struct http_run *r, size_t *i)
{
	int64_t now = r->n_later ? http_now_ms() : 0;

	for (size_t k = 0; k < r->n_later; k++) {
		*i = r->later[k];
		if (r->wants[*i].wake_ms > now)
			continue;
		memmove(&r->later[k], &r->later[k + 1], (--r->n_later - k) * sizeof(*r->later));
		return true;
	}
	if (r->next == r->b->n)
		return false;
	*i = r->next++;
	return true;
}

static struct slot *free_slot(struct http_run *r)
{
	if (r->n_running >= r->allowed || r->n_held >= HELD_MAX)
		return NULL;
	for (unsigned k = 0; k < r->n_slots; k++)
		if (!r->slots[k].busy)
			return &r->slots[k];
	return NULL;
}

static int begin_some(struct http_run *r, struct err *err)
{
	struct slot *s;
	size_t i;

	while ((s = free_slot(r)) && next_want(r, &i))
		if (slot_begin(s, i, err) < 0)
			return -1;
	return 0;
}

/* Milliseconds until something may have to be begun. */
static int wait_ms(const struct http_run *r)
{
	int64_t now = http_now_ms(), ret = TURN_MS;

	if (r->n_running >= r->allowed || r->n_held >= HELD_MAX)
		return TURN_MS;
	for (size_t k = 0; k < r->n_later; k++) {
		int64_t left = r->wants[r->later[k]].wake_ms - now;

		ret = left < ret ? left : ret;
	}
	return ret > 0 ? (int)ret : 0;
}

static int take_messages(struct http_run *r, bool *any, struct err *err)
{
	struct CURLMsg *m;
	int left;

	*any = false;
	while ((m = curl_multi_info_read(r->h->multi, &left))) {
		CURLcode code = m->data.result;
		struct slot *s;

		if (m->msg != CURLMSG_DONE)
			continue;
		*any = true;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&s);
		if (slot_done(s, code, err) < 0)
			return -1;
	}
	return 0;
}

static int run_all(struct http_run *r, struct err *err)
{
	for (;;) {
		bool any;
		int left;

		if ((r->b->ops->idle && r->b->ops->idle(r->b, err) < 0) || begin_some(r, err) < 0)
			return -1;
		if (!r->n_running && !r->n_held && !r->n_later && r->next == r->b->n)
			return 0;
		if (curl_multi_perform(r->h->multi, &left) != CURLM_OK)
			abort();
		if (take_messages(r, &any, err) < 0)
			return -1;
		if (!any && curl_multi_poll(r->h->multi, NULL, 0, wait_ms(r), NULL) != CURLM_OK)
			abort();
	}
}

int http_run(struct http *h, struct http_batch *b, struct err *err)
{
	auto_free struct http_run *r = NEW(struct http_run);
	auto_free struct want *wants = mem_array(b->n, sizeof(*wants));
	auto_free size_t *later = mem_array(b->n, sizeof(*later));
	int rc;

	r->h = h;
	r->b = b;
	r->wants = wants;
	r->later = later;
	r->n_slots = b->at_once < AT_ONCE_MAX ? b->at_once : AT_ONCE_MAX;
	if (h->at_once && r->n_slots > h->at_once)
		r->n_slots = h->at_once;
	r->n_slots = r->n_slots ? r->n_slots : 1;
	r->allowed = r->n_slots;
	for (unsigned k = 0; k < r->n_slots; k++)
		r->slots[k].run = r;
	b->run = r;
	rc = run_all(r, err);
	for (unsigned k = 0; k < r->n_slots; k++)
		slot_drop(&r->slots[k]);
	b->run = NULL;
	return rc;
}
