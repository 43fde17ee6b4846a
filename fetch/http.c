#include "fetch/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "fetch/url.h"

#define REDIRECTS_MAX 10L
#define AT_ONCE_MAX 32
#define REFUSAL_MAX ((uint64_t)1 << 20) /* bytes of an error page that are swallowed */
#define HEADER_MAX 1000 /* bytes of a header that is kept */
#define WAIT_MAX_MS 30000 /* before another try, whatever Retry-After says */
#define BUFFER_SIZE 262144L

struct http {
	CURLM *multi;
	char *agent;
	char *ca_file;
	struct http_patience patience;
};

enum slot_state { SLOT_FREE, SLOT_RUNS, SLOT_WAITS };

/* One request on its way. */
struct slot {
	struct run *run;
	enum slot_state state;
	size_t i;
	struct http_request q;
	struct sink *out;
	struct arena arena;
	const char *told; /* the URL for sentences */
	CURL *easy;
	struct curl_slist *headers;
	char words[CURL_ERROR_SIZE];
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

struct http *http_new(const char *agent)
{
	struct http *h = NEW(struct http);

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		abort();
	h->multi = curl_multi_init();
	if (!h->multi)
		abort();
	h->agent = mem_strdup(agent);
	h->patience = (struct http_patience){ .connect_ms = 20000, .stall_s = 60, .tries = 4, .backoff_ms = 500 };
	return h;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	curl_multi_cleanup(h->multi);
	curl_global_cleanup();
	free(h->agent);
	free(h->ca_file);
	free(h);
}

void http_set_patience(struct http *h, const struct http_patience *p)
{
	h->patience.connect_ms = p->connect_ms ? p->connect_ms : h->patience.connect_ms;
	h->patience.stall_s = p->stall_s ? p->stall_s : h->patience.stall_s;
	h->patience.tries = p->tries ? p->tries : h->patience.tries;
	h->patience.backoff_ms = p->backoff_ms ? p->backoff_ms : h->patience.backoff_ms;
}

void http_set_ca_file(struct http *h, const char *path)
{
	free(h->ca_file);
	h->ca_file = mem_strdup(path);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- sentences ---- */

/* libcurl's own words where they cannot hold a URL, and with it a credential. */
static const char *detail(const struct slot *s, CURLcode code)
{
	const char *w = s->words;

	return *w && !strchr(w, '@') && !strstr(w, "://") && !strstr(w, "/t/") ? w : curl_easy_strerror(code);
}

static const char *curl_words(CURLcode code)
{
	switch ((int)code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return "the host is not known";
	case CURLE_COULDNT_RESOLVE_PROXY:
		return "the proxy is not known";
	case CURLE_COULDNT_CONNECT:
		return "cannot connect";
	case CURLE_OPERATION_TIMEDOUT:
		return "timed out";
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		return "its certificate cannot be trusted";
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
		return "the answer ends early";
	case CURLE_TOO_MANY_REDIRECTS:
		return "redirects without end";
	case CURLE_UNSUPPORTED_PROTOCOL:
		return "leads to a protocol other than http and https";
	default:
		return "no answer";
	}
}

static void tries_text(const struct slot *s, char *ret, size_t n)
{
	if (s->tries > 1)
		snprintf(ret, n, " (tried %u times)", s->tries);
	else
		*ret = '\0';
}

static void status_fault(const struct slot *s, long status, struct err *fault)
{
	char tries[40];

	tries_text(s, tries, sizeof(tries));
	if (status == 401 || status == 403 || status == 407)
		err_set(fault, ERR_NET, "%s: the server answers %ld: it wants other credentials, or gives no access%s",
			s->told, status, tries);
	else
		err_set(fault, ERR_NET, "%s: the server answers %ld, expected 200%s", s->told, status, tries);
}

static void curl_fault(const struct slot *s, CURLcode code, struct err *fault)
{
	char tries[40];

	tries_text(s, tries, sizeof(tries));
	err_set(fault, ERR_NET, "%s: %s: %s%s", s->told, curl_words(code), detail(s, code), tries);
}

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

	curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		return take_body(s, p, n) < 0 ? CURL_WRITEFUNC_ERROR : n;
	s->refusal += n;
	return s->refusal > REFUSAL_MAX ? CURL_WRITEFUNC_ERROR : n;
}

/* A header's value comes from a file that others may have written. */
static bool is_header_safe(const char *v)
{
	if (!v || !*v || strlen(v) > HEADER_MAX)
		return false;
	for (; *v; v++)
		if ((unsigned char)*v < ' ' || *v == 127)
			return false;
	return true;
}

static void add_header(struct slot *s, const char *name, const char *value)
{
	struct curl_slist *more;

	if (!is_header_safe(value))
		return;
	more = curl_slist_append(s->headers, arena_printf(&s->arena, "%s: %s", name, value));
	if (!more)
		abort();
	s->headers = more;
}

static void set_options(struct slot *s)
{
	const struct http *h = s->run->h;
	CURL *c = s->easy;

	curl_easy_setopt(c, CURLOPT_URL, s->q.url);
	curl_easy_setopt(c, CURLOPT_PRIVATE, s);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, s->words);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_USERAGENT, h->agent);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(c, CURLOPT_MAXREDIRS, REDIRECTS_MAX);
	curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)h->patience.connect_ms);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)h->patience.stall_s);
	curl_easy_setopt(c, CURLOPT_BUFFERSIZE, BUFFER_SIZE);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, s);
	if (s->q.squeeze)
		curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "");
	if (h->ca_file)
		curl_easy_setopt(c, CURLOPT_CAINFO, h->ca_file);
	add_header(s, "If-None-Match", s->q.etag);
	add_header(s, "If-Modified-Since", s->q.last_modified);
	if (s->headers)
		curl_easy_setopt(c, CURLOPT_HTTPHEADER, s->headers);
}

/* Let go of the connection, keep what the next try needs. */
static void slot_drop(struct slot *s)
{
	if (s->easy) {
		curl_multi_remove_handle(s->run->h->multi, s->easy);
		curl_easy_cleanup(s->easy);
	}
	curl_slist_free_all(s->headers);
	arena_release(&s->arena);
	s->easy = NULL;
	s->headers = NULL;
	s->out = NULL;
	s->state = SLOT_FREE;
}

static const char *header_of(struct slot *s, const char *name)
{
	struct curl_header *h;

	if (curl_easy_header(s->easy, name, 0, CURLH_HEADER, -1, &h) != CURLHE_OK || !is_header_safe(h->value))
		return NULL;
	return arena_strdup(&s->arena, h->value);
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
	s->words[0] = '\0';
	s->err = (struct err)ERR_INIT;
	s->told = url_redact(&s->arena, s->q.url);
	if (url_is(s->q.url, "file")) {
		file_answer(s, &answer, &fault);
		return slot_end(s, fault.code ? NULL : &answer, fault.code ? &fault : NULL, err);
	}
	s->easy = curl_easy_init();
	if (!s->easy)
		abort();
	set_options(s);
	if (curl_multi_add_handle(s->run->h->multi, s->easy) != CURLM_OK)
		abort();
	s->state = SLOT_RUNS;
	return 0;
}

static bool may_pass(CURLcode code, long status)
{
	if (code == CURLE_OK)
		return status == 408 || status == 429 || status == 500 || (status >= 502 && status <= 504);
	return code == CURLE_OPERATION_TIMEDOUT || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ||
	       code == CURLE_GOT_NOTHING || code == CURLE_PARTIAL_FILE || code == CURLE_HTTP2 ||
	       code == CURLE_HTTP2_STREAM;
}

/* Come back later, sooner or later as the server asks. */
static void slot_wait(struct slot *s)
{
	unsigned shift = s->tries - 1 < 10 ? s->tries - 1 : 10;
	int64_t ms = (int64_t)s->run->h->patience.backoff_ms << shift;
	curl_off_t after = 0;

	curl_easy_getinfo(s->easy, CURLINFO_RETRY_AFTER, &after);
	if (after > 0 && after < WAIT_MAX_MS / 1000 && (int64_t)after * 1000 > ms)
		ms = (int64_t)after * 1000;
	slot_drop(s);
	s->wake_ms = now_ms() + (ms < WAIT_MAX_MS ? ms : WAIT_MAX_MS);
	s->state = SLOT_WAITS;
}

static int slot_done(struct slot *s, CURLcode code, struct err *err)
{
	struct http_answer answer = { 0 };
	struct err fault = ERR_INIT;

	curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &answer.status);
	log_debug("GET %s: %ld, %llu bytes%s%s", s->told, answer.status, (unsigned long long)s->body, code ? ", " : "",
		  code ? curl_words(code) : "");
	if (s->err.code)
		return slot_end(s, NULL, &s->err, err);
	/* an error page too long to swallow is an answer all the same */
	if (code == CURLE_WRITE_ERROR && s->refusal > REFUSAL_MAX)
		code = CURLE_OK;
	if (may_pass(code, answer.status) && s->tries < s->run->h->patience.tries &&
	    (s->body == 0 || s->run->b->afresh)) {
		slot_wait(s);
		return 0;
	}
	if (code != CURLE_OK) {
		curl_fault(s, code, &fault);
		return slot_end(s, NULL, &fault, err);
	}
	if (answer.status != 200 && answer.status != 304 && answer.status != 404) {
		status_fault(s, answer.status, &fault);
		return slot_end(s, NULL, &fault, err);
	}
	answer.etag = header_of(s, "ETag");
	answer.last_modified = header_of(s, "Last-Modified");
	answer.cache_control = header_of(s, "Cache-Control");
	return slot_end(s, &answer, NULL, err);
}

/* Fill the free slots; *busy is how many are not free, *wait_ms when the next wants attention. */
static int begin_some(struct run *r, unsigned *busy, int64_t *wait_ms, struct err *err)
{
	*busy = 0;
	*wait_ms = 1000;
	for (unsigned k = 0; k < r->n_slots; k++) {
		struct slot *s = &r->slots[k];
		int64_t left = s->state == SLOT_WAITS ? s->wake_ms - now_ms() : 0;

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
