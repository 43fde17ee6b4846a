#include "fetch/call.h"

#include <string.h>
#include <strings.h>

#include "base/fs.h"
#include "base/log.h"
#include "fetch/http_impl.h"
#include "fetch/url.h"

#define HELD_MAX ((size_t)1 << 20) /* bytes that came and nobody has read yet */
#define SEND_CHUNK 524288L
#define BUNDLE_MAX ((uint64_t)16 << 20)
#define SLOW_STALL_S 600L
#define REQUEST_HEADER_MAX ((size_t)64 << 10)

struct caller {
	struct http *http;
	CURLM *multi;
};

struct call {
	struct source base;
	struct caller *caller;
	struct http_call http;
	struct call_header *headers; /* of the answer, on the heap until it is whole */
	size_t n_headers;
	long status;
	bool head; /* the answer's, whole */
	bool done, paused;
	CURLcode code;
	struct source *body;
	uint64_t left; /* of the body, or CALL_SIZE_UNKNOWN */
	struct err body_err;
	char *held; /* HELD_MAX bytes at most */
	size_t at, n;
};

struct caller *call_new(struct http *h)
{
	struct caller *c = NEW(struct caller);

	c->http = h;
	c->multi = curl_multi_init();
	if (!c->multi)
		abort();
	return c;
}

void call_free(struct caller *c)
{
	if (!c)
		return;
	curl_multi_cleanup(c->multi);
	free(c);
}

const struct http_patience *call_patience(const struct caller *c)
{
	return &c->http->patience;
}

const char *call_header_of(const struct call_answer *a, const char *name)
{
	for (size_t i = 0; i < a->n_headers; i++)
		if (strcasecmp(a->headers[i].name, name) == 0)
			return a->headers[i].value;
	return NULL;
}

/* ---- what libcurl asks and tells ---- */

static size_t on_body(char *p, size_t size, size_t count, void *arg)
{
	struct call *c = arg;
	size_t n = size * count;

	if (c->at == c->n)
		c->at = c->n = 0;
	if (c->n && c->n + n > HELD_MAX) {
		c->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (c->n + n > HELD_MAX)
		return CURL_WRITEFUNC_ERROR;
	if (!c->held)
		c->held = mem_resize(NULL, 1, HELD_MAX);
	memcpy(c->held + c->n, p, n);
	c->n += n;
	return n;
}

static size_t on_want(char *p, size_t size, size_t count, void *arg)
{
	struct call *c = arg;
	size_t room = size * count;
	ssize_t got;

	if (c->left != CALL_SIZE_UNKNOWN && room > c->left)
		room = (size_t)c->left;
	got = room ? source_read(c->body, p, room, &c->body_err) : 0;
	if (got < 0)
		return CURL_READFUNC_ABORT;
	if (got == 0 && c->left && c->left != CALL_SIZE_UNKNOWN) {
		err_set(&c->body_err, ERR_INTEGRITY, "ends %llu bytes early", (unsigned long long)c->left);
		return CURL_READFUNC_ABORT;
	}
	if (c->left != CALL_SIZE_UNKNOWN)
		c->left -= (uint64_t)got;
	return (size_t)got;
}

static void add_header(struct call *c, struct str line)
{
	struct str name;
	char *value;

	if (!str_cut(&line, ':', &name) && !line.p)
		return;
	line = str_trim(line);
	if (line.n > HTTP_HEADER_MAX * 8)
		return;
	value = arena_strndup(&c->http.arena, line.p, line.n);
	mem_grow(c->headers, c->n_headers);
	c->headers[c->n_headers++] = (struct call_header){ arena_strndup(&c->http.arena, name.p, name.n), value };
}

/* A line at a time, of every answer that comes: "100 Continue", a proxy's, then the one that counts. */
static size_t on_header(char *p, size_t size, size_t count, void *arg)
{
	struct call *c = arg;
	struct str line = { p, size * count };

	c->http.header_bytes += line.n;
	if (c->http.header_bytes > HTTP_HEADERS_MAX)
		return 0;
	if (line.n > 5 && memcmp(p, "HTTP/", 5) == 0) {
		c->n_headers = 0;
		c->head = false;
	} else if (str_trim(line).n == 0) {
		curl_easy_getinfo(c->http.easy, CURLINFO_RESPONSE_CODE, &c->status);
		c->head = c->status >= 200;
	} else if (!c->head) {
		add_header(c, line);
	}
	return size * count;
}

/* ---- a request ---- */

static void set_trust(struct call *c, const struct call_tls *tls)
{
	CURL *e = c->http.easy;

	if (!tls)
		return;
	if (tls->insecure) {
		curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (tls->cert)
		curl_easy_setopt(e, CURLOPT_SSLCERT, tls->cert);
	if (tls->key)
		curl_easy_setopt(e, CURLOPT_SSLKEY, tls->key);
	if (tls->ca) {
		const char *bundle = c->caller->http->ca_file;
		struct err none = ERR_INIT;
		struct curl_blob blob;
		auto_buf all = { 0 };

		/* The system's directory of certificates stays in force; its file would be replaced. */
		if (!bundle && !curl_version_info(CURLVERSION_NOW)->capath)
			bundle = curl_version_info(CURLVERSION_NOW)->cainfo;
		if (bundle && fs_read(AT_FDCWD, bundle, BUNDLE_MAX, &all, &none) < 0)
			log_debug("%s", none.text);
		buf_addf(&all, "\n%s", tls->ca);
		blob = (struct curl_blob){ all.p, all.n, CURL_BLOB_COPY };
		curl_easy_setopt(e, CURLOPT_CAINFO_BLOB, &blob);
	}
}

static void set_method(struct call *c, const struct call_request *q)
{
	CURL *e = c->http.easy;

	if (strcmp(q->method, "HEAD") == 0) {
		curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
		return;
	}
	if (strcmp(q->method, "GET") == 0) {
		curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
		return;
	}
	if (q->body) {
		curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, SEND_CHUNK);
		curl_easy_setopt(e, CURLOPT_READFUNCTION, on_want);
		curl_easy_setopt(e, CURLOPT_READDATA, c);
		curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE,
				 q->body_size == CALL_SIZE_UNKNOWN ? (curl_off_t)-1 : (curl_off_t)q->body_size);
	} else if (strcmp(q->method, "DELETE") != 0) {
		curl_easy_setopt(e, CURLOPT_POST, 1L);
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, "");
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, 0L);
	}
	curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, q->method);
}

static bool says_type(const struct call_request *q)
{
	for (size_t i = 0; i < q->n_headers; i++)
		if (strcasecmp(q->headers[i].name, "Content-Type") == 0)
			return true;
	return false;
}

static void put_line(struct call *c, const char *line)
{
	struct curl_slist *more = curl_slist_append(c->http.headers, line);

	if (!more)
		abort();
	c->http.headers = more;
}

/* Longer than http_call_header() takes them: tokens are. */
static void put_header(struct call *c, const struct call_header *h)
{
	for (const char *v = h->value; v && *v; v++)
		if ((unsigned char)*v < ' ' || *v == 127)
			return;
	if (h->value && *h->value && strlen(h->value) <= REQUEST_HEADER_MAX)
		put_line(c, arena_printf(&c->http.arena, "%s: %s", h->name, h->value));
}

static void set_up(struct call *c, const struct call_request *q)
{
	struct http settings = *c->caller->http;
	CURL *e;

	settings.login = NULL;
	http_call_open(&c->http, &settings, q->url);
	e = c->http.easy;
	/* A query may be a signature: places that registries send us to have such. */
	c->http.told = arena_strndup(&c->http.arena, c->http.told, strcspn(c->http.told, "?#"));
	curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(e, CURLOPT_USERNAME, NULL);
	curl_easy_setopt(e, CURLOPT_PASSWORD, NULL);
	curl_easy_setopt(e, CURLOPT_PRIVATE, c);
	/* Uploads of HTTP/2 are slower in libcurl, and each thread has a connection of its own anyway. */
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	if (q->slow)
		curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, SLOW_STALL_S);
	set_trust(c, q->tls);
	set_method(c, q);
	for (size_t i = 0; i < q->n_headers; i++)
		put_header(c, &q->headers[i]);
	/* libcurl's own ideas are taken away by naming them without a value. */
	if (!says_type(q))
		put_line(c, "Content-Type:");
	put_line(c, "Expect:");
	http_call_ready(&c->http);
}

/* Let libcurl work until something is new. */
static void drive(struct call *c)
{
	struct CURLMsg *m;
	int left;

	if (curl_multi_perform(c->caller->multi, &left) != CURLM_OK)
		abort();
	while ((m = curl_multi_info_read(c->caller->multi, &left))) {
		CURLcode code = m->data.result;
		struct call *which;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&which);
		which->done = true;
		which->code = code;
	}
}

static void rest(struct call *c)
{
	if (curl_multi_poll(c->caller->multi, NULL, 0, 1000, NULL) != CURLM_OK)
		abort();
}

static ssize_t body_read(struct source *s, void *buf, size_t len, struct err *err)
{
	struct call *c = (struct call *)s;
	size_t n;

	while (c->at == c->n && !c->done) {
		if (c->paused) {
			c->paused = false;
			curl_easy_pause(c->http.easy, CURLPAUSE_CONT);
		}
		drive(c);
		if (c->at == c->n && !c->done && !c->paused)
			rest(c);
	}
	if (c->at == c->n)
		return c->code == CURLE_OK ? 0 : http_call_fault(&c->http, c->code, 1, err);
	n = c->n - c->at < len ? c->n - c->at : len;
	memcpy(buf, c->held + c->at, n);
	c->at += n;
	return (ssize_t)n;
}

static void body_free(struct source *s)
{
	struct call *c = (struct call *)s;

	curl_multi_remove_handle(c->caller->multi, c->http.easy);
	http_call_close(&c->http);
	free(c->headers);
	free(c->held);
	free(c);
}

static const struct source_ops body_ops = { body_read, body_free };

static void tell_answer(const struct call *c, struct arena *a, struct call_answer *ret)
{
	struct call_header *headers = arena_array(a, c->n_headers, sizeof(*headers));

	for (size_t i = 0; i < c->n_headers; i++)
		headers[i] = (struct call_header){ arena_strdup(a, c->headers[i].name),
						   arena_strdup(a, c->headers[i].value) };
	ret->status = c->status;
	ret->headers = headers;
	ret->n_headers = c->n_headers;
}

/* An answer may come before all was sent: a refusal, mostly. */
static int wait_for_answer(struct call *c, struct call_answer *ret, struct err *err)
{
	while (!c->done && !c->paused && (c->body || !c->head)) {
		drive(c);
		if (!c->done && !c->paused && (c->body || !c->head))
			rest(c);
	}
	if (c->body_err.code) {
		*err = c->body_err;
		return -1;
	}
	if (c->head)
		return 0;
	/* The connection died that an earlier answer had left, with some of our bytes. */
	ret->may_pass = http_may_pass(c->code, 0) || c->code == CURLE_SEND_FAIL_REWIND;
	ret->no_tls = c->code == CURLE_SSL_CONNECT_ERROR || c->code == CURLE_COULDNT_CONNECT ||
		      c->code == CURLE_RECV_ERROR || c->code == CURLE_GOT_NOTHING;
	return http_call_fault(&c->http, c->code, 1, err);
}

struct source *call_open(struct caller *caller, struct arena *a, const struct call_request *q, struct call_answer *ret,
			 struct err *err)
{
	struct call *c = NEW(struct call);

	*ret = (struct call_answer){ 0 };
	*c = (struct call){ .base = { &body_ops }, .caller = caller, .body = q->body, .left = q->body_size };
	set_up(c, q);
	if (curl_multi_add_handle(caller->multi, c->http.easy) != CURLM_OK)
		abort();
	if (wait_for_answer(c, ret, err) < 0) {
		log_debug("%s %s: %s", q->method, c->http.told, err->text);
		body_free(&c->base);
		return NULL;
	}
	c->body = NULL;
	tell_answer(c, a, ret);
	log_debug("%s %s: %ld", q->method, c->http.told, c->status);
	return &c->base;
}
