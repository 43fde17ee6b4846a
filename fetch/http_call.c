#include <string.h>
#include <strings.h>
#include <time.h>

#include "fetch/http_impl.h"
#include "fetch/url.h"

#define BUFFER_SIZE 102400L /* below malloc's limit for a mapping of its own */
#define SLOWEST 100L /* bytes a second: less than that is silence */

int64_t http_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- URLs in parts ---- */

static const char *url_part(struct arena *a, CURLU *u, CURLUPart what, unsigned flags)
{
	const char *ret = NULL;
	char *p = NULL;

	if (curl_url_get(u, what, &p, flags) == CURLUE_OK)
		ret = arena_strdup(a, p);
	curl_free(p);
	return ret;
}

static CURLU *url_open(const char *url)
{
	CURLU *u = curl_url();

	if (!u)
		abort();
	if (curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK)
		return u;
	curl_url_cleanup(u);
	return NULL;
}

static void url_closep(CURLU **u)
{
	curl_url_cleanup(*u);
}

#define auto_curlu CLEANUP(url_closep) CURLU

static bool same_part(struct arena *a, CURLU *x, CURLU *y, CURLUPart what)
{
	const char *p = url_part(a, x, what, CURLU_DEFAULT_PORT), *q = url_part(a, y, what, CURLU_DEFAULT_PORT);

	return p && q && strcasecmp(p, q) == 0;
}

static bool same_origin(struct arena *a, CURLU *x, CURLU *y)
{
	return same_part(a, x, y, CURLUPART_SCHEME) && same_part(a, x, y, CURLUPART_HOST) &&
	       same_part(a, x, y, CURLUPART_PORT);
}

/* ---- settings, on a handle ---- */

static bool fits(const char *rule, const char *is)
{
	return !rule || (is && strcasecmp(rule, is) == 0);
}

static const char *proxy_for(struct arena *a, const struct http *h, CURLU *u)
{
	const char *scheme = url_part(a, u, CURLUPART_SCHEME, 0), *host = url_part(a, u, CURLUPART_HOST, 0);
	const struct http_proxy *best = NULL;
	int best_rank = -1;

	for (size_t i = 0; i < h->n_proxies; i++) {
		const struct http_proxy *p = &h->proxies[i];
		int rank = 2 * (p->scheme != NULL) + (p->host != NULL);

		if (fits(p->scheme, scheme) && fits(p->host, host) && rank >= best_rank) {
			best = p;
			best_rank = rank;
		}
	}
	return best ? best->proxy : NULL;
}

static void set_proxy(struct http_call *c, const struct http *h, CURLU *u)
{
	const char *proxy = proxy_for(&c->arena, h, u);

	if (proxy)
		curl_easy_setopt(c->easy, CURLOPT_PROXY, proxy);
	if (h->no_proxy)
		curl_easy_setopt(c->easy, CURLOPT_NOPROXY, h->no_proxy);
}

/*
 * libcurl reads its file of certificates once for all connections only where there is no directory besides: the
 * system's directory has the same ones, and an own file is not to be joined by the system's.
 */
static void set_trust(CURL *c, const struct http *h)
{
	bool own = h->ca_file || h->ca_dir;

	if (h->unverified) {
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
		curl_easy_setopt(c, CURLOPT_PROXY_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(c, CURLOPT_PROXY_SSL_VERIFYHOST, 0L);
	}
	if (own) {
		curl_easy_setopt(c, CURLOPT_CAINFO, h->ca_file);
		curl_easy_setopt(c, CURLOPT_PROXY_CAINFO, h->ca_file);
	}
	if (own || h->has_bundle) {
		curl_easy_setopt(c, CURLOPT_CAPATH, h->ca_dir);
		curl_easy_setopt(c, CURLOPT_PROXY_CAPATH, h->ca_dir);
	}
	if (h->cert) {
		curl_easy_setopt(c, CURLOPT_SSLCERT, h->cert);
		curl_easy_setopt(c, CURLOPT_SSLKEY, h->key ? h->key : h->cert);
	}
}

static void set_basic(struct http_call *c, const char *user, const char *password)
{
	curl_easy_setopt(c->easy, CURLOPT_USERNAME, user ? user : "");
	curl_easy_setopt(c->easy, CURLOPT_PASSWORD, password ? password : "");
}

static void set_netrc(CURL *c, const struct http *h)
{
	curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
	if (h->netrc)
		curl_easy_setopt(c, CURLOPT_NETRC_FILE, h->netrc);
}

/* The token of a channel goes where a channel has it: https://host/t/TOKEN/channel. */
static const char *add_token(struct http_call *c, const char *url, const struct http_login *l)
{
	if (!l->path_token || l->path_token_at > strlen(url))
		return url;
	return arena_printf(&c->arena, "%.*s/t/%s%s", (int)l->path_token_at, url, l->path_token,
			    url + l->path_token_at);
}

/* The URL to ask, which is url but for a token. */
static const char *set_login(struct http_call *c, const struct http *h, CURLU *u, const char *url)
{
	const char *user = url_part(&c->arena, u, CURLUPART_USER, CURLU_URLDECODE);
	struct http_login l = { 0 };

	if (user) {
		c->login_from = "its URL";
		set_basic(c, user, url_part(&c->arena, u, CURLUPART_PASSWORD, CURLU_URLDECODE));
		return url;
	}
	if (!h->login || h->login(h->login_arg, url, &l) <= 0) {
		c->login_sources = h->login_sources;
		set_netrc(c->easy, h);
		return url;
	}
	c->login_from = arena_strdup(&c->arena, l.from);
	if (l.kind == HTTP_LOGIN_BASIC)
		set_basic(c, l.user, l.password);
	else if (l.kind != HTTP_LOGIN_NONE && l.token)
		http_call_header(c, l.kind == HTTP_LOGIN_HEADER && l.header ? l.header : "Authorization",
				 l.kind == HTTP_LOGIN_HEADER ? l.token : arena_printf(&c->arena, "Bearer %s", l.token));
	return add_token(c, url, &l);
}

/* A server may not fill our memory, or keep us, with headers without end. */
static size_t on_header(char *p, size_t size, size_t count, void *arg)
{
	struct http_call *c = arg;

	(void)p;
	c->header_bytes += size * count;
	return c->header_bytes > HTTP_HEADERS_MAX ? 0 : size * count;
}

static void set_manners(struct http_call *call, const struct http *h)
{
	CURL *c = call->easy;

	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, call->words);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_USERAGENT, h->agent);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)h->patience.connect_ms);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, SLOWEST);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)h->patience.stall_s);
	curl_easy_setopt(c, CURLOPT_BUFFERSIZE, BUFFER_SIZE);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, call);
	/* one handshake rather than many, where it settles that the connection may be shared (HTTP/2) */
	curl_easy_setopt(c, CURLOPT_PIPEWAIT, (long)url_is(call->url, "https"));
}

void http_call_open(struct http_call *c, const struct http *h, const char *url)
{
	auto_curlu *u = url_open(url);

	*c = (struct http_call){ .easy = curl_easy_init() };
	if (!c->easy)
		abort();
	c->told = url_redact(&c->arena, url);
	c->url = url;
	set_manners(c, h);
	set_trust(c->easy, h);
	if (u) {
		const char *bare, *asked;

		asked = set_login(c, h, u, url);
		set_proxy(c, h, u);
		if (asked != url)
			curl_url_set(u, CURLUPART_URL, asked, 0);
		curl_url_set(u, CURLUPART_USER, NULL, 0);
		curl_url_set(u, CURLUPART_PASSWORD, NULL, 0);
		bare = url_part(&c->arena, u, CURLUPART_URL, 0);
		c->url = arena_strdup(&c->arena, url);
		url = bare ? bare : url;
	}
	/* what is no URL libcurl will say so of */
	curl_easy_setopt(c->easy, CURLOPT_URL, url);
}

void http_call_ready(struct http_call *c)
{
	if (c->headers)
		curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
}

void http_call_close(struct http_call *c)
{
	if (c->easy)
		curl_easy_cleanup(c->easy);
	curl_slist_free_all(c->headers);
	arena_release(&c->arena);
	*c = (struct http_call){ 0 };
}

/* ---- headers ---- */

/* A header's value comes from a file that others may have written. */
static bool is_header_safe(const char *v)
{
	if (!v || !*v || strlen(v) > HTTP_HEADER_MAX)
		return false;
	for (; *v; v++)
		if ((unsigned char)*v < ' ' || *v == 127)
			return false;
	return true;
}

void http_call_header(struct http_call *c, const char *name, const char *value)
{
	struct curl_slist *more;

	if (!is_header_safe(value))
		return;
	more = curl_slist_append(c->headers, arena_printf(&c->arena, "%s: %s", name, value));
	if (!more)
		abort();
	c->headers = more;
}

const char *http_call_answer(struct http_call *c, const char *name)
{
	struct curl_header *h;

	if (curl_easy_header(c->easy, name, 0, CURLH_HEADER, -1, &h) != CURLHE_OK || !is_header_safe(h->value))
		return NULL;
	return arena_strdup(&c->arena, h->value);
}

/* ---- redirects ---- */

/* The login of a URL goes along within its host alone. */
static const char *with_login(struct arena *a, CURLU *from, CURLU *to)
{
	const char *user = url_part(a, from, CURLUPART_USER, 0), *password = url_part(a, from, CURLUPART_PASSWORD, 0);

	if (user && !url_part(a, to, CURLUPART_USER, 0) && same_origin(a, from, to)) {
		curl_url_set(to, CURLUPART_USER, user, 0);
		curl_url_set(to, CURLUPART_PASSWORD, password, 0);
	}
	return url_part(a, to, CURLUPART_URL, 0);
}

static bool is_redirect(long status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

int http_call_redirect(struct http_call *c, struct arena *a, const char **url, struct err *fault)
{
	char *next = NULL;
	long status = 0;

	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(c->easy, CURLINFO_REDIRECT_URL, &next);
	if (!is_redirect(status) || !next)
		return 0;
	{
		auto_curlu *from = url_open(c->url), *to = url_open(next);
		auto_arena own = { 0 };
		const char *told = url_redact(&own, next);

		if (c->redirects >= HTTP_REDIRECTS_MAX)
			return err_set(fault, ERR_NET, "%s: redirects without end: more than %d", c->told,
				       HTTP_REDIRECTS_MAX);
		if (!from || !to || (!url_is(next, "http") && !url_is(next, "https")))
			return err_set(fault, ERR_NET, "%s: leads to a protocol other than http and https: %s", c->told,
				       told);
		if (url_is(c->url, "https") && url_is(next, "http"))
			return err_set(fault, ERR_NET, "%s: leads from https to http, which is not followed: %s",
				       c->told, told);
		*url = with_login(a, from, to);
	}
	return *url ? 1 : err_set(fault, ERR_NET, "%s: leads to what is no URL", c->told);
}

/* ---- what went wrong ---- */

/* libcurl's own words where they cannot hold a URL, and with it a credential. */
static const char *detail(const struct http_call *c, CURLcode code)
{
	const char *w = c->words;

	return *w && !strchr(w, '@') && !strstr(w, "://") && !strstr(w, "/t/") ? w : curl_easy_strerror(code);
}

const char *http_curl_words(CURLcode code)
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
		return "its certificate cannot be trusted";
	case CURLE_SSL_CACERT_BADFILE:
		return "the file of trusted certificates cannot be read";
	case CURLE_SSL_CERTPROBLEM:
		return "the client certificate cannot be used";
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
		return "the answer ends early";
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		return "the connection broke";
	case CURLE_UNSUPPORTED_PROTOCOL:
		return "leads to a protocol other than http and https";
	case CURLE_BAD_CONTENT_ENCODING:
		return "is compressed in a way that cannot be undone";
	default:
		return "no answer";
	}
}

static void tries_text(unsigned tries, char *ret, size_t n)
{
	if (tries > 1)
		snprintf(ret, n, " (tried %u times)", tries);
	else
		*ret = '\0';
}

/* Whose login it was, or where none was found. */
static int refused(const struct http_call *c, long status, const char *tries, struct err *fault)
{
	auto_arena a = { 0 };
	auto_curlu *u = url_open(c->url);
	const char *host = u ? url_part(&a, u, CURLUPART_HOST, 0) : NULL;

	if (c->login_from)
		return err_set(fault, ERR_NET, "%s: the server answers %ld: it does not accept the login of %s%s",
			       c->told, status, c->login_from, tries);
	if (c->login_sources && *c->login_sources)
		return err_set(fault, ERR_NET, "%s: the server answers %ld: %s, and there is none for %s in %s",
			       c->told, status,
			       status == 401 ? "it wants a login" : "it gives no access without a login",
			       host ? host : "it", c->login_sources);
	return err_set(fault, ERR_NET, "%s: the server answers %ld: it wants other credentials, or gives no access%s",
		       c->told, status, tries);
}

long http_call_proxy_status(const struct http_call *c)
{
	long status = 0;

	curl_easy_getinfo(c->easy, CURLINFO_HTTP_CONNECTCODE, &status);
	return status >= 300 ? status : 0;
}

static int proxy_fault(const struct http_call *c, long status, const char *tries, struct err *fault)
{
	return err_set(fault, ERR_NET, "%s: the proxy answers %ld%s%s", c->told, status,
		       status == 407 ? ": it wants other credentials" : ", expected 200", tries);
}

static int tell_status(const struct http_call *c, long status, unsigned tries, struct err *fault)
{
	curl_off_t after = 0;
	char text[40];

	tries_text(tries, text, sizeof(text));
	curl_easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &after);
	if (status == 407)
		return proxy_fault(c, status, text, fault);
	if (status == 401 || status == 403)
		return refused(c, status, text, fault);
	if (after > HTTP_WAIT_MAX_MS / 1000)
		return err_set(
			fault, ERR_NET,
			"%s: the server answers %ld and wants us back in %lld seconds, which is too long to wait%s",
			c->told, status, (long long)after, text);
	return err_set(fault, ERR_NET, "%s: the server answers %ld, expected 200%s", c->told, status, text);
}

int http_status_fault(const struct http_call *c, long status, unsigned tries, struct err *fault)
{
	tell_status(c, status, tries, fault);
	fault->sys = (int)status;
	return -1;
}

int http_call_fault(const struct http_call *c, CURLcode code, unsigned tries, struct err *fault)
{
	char text[40];

	tries_text(tries, text, sizeof(text));
	if (http_call_proxy_status(c))
		return proxy_fault(c, http_call_proxy_status(c), text, fault);
	if (c->header_bytes > HTTP_HEADERS_MAX)
		return err_set(fault, ERR_LIMIT, "%s: sends more than %zu bytes of headers", c->told, HTTP_HEADERS_MAX);
	return err_set(fault, ERR_NET, "%s: %s: %s%s", c->told, http_curl_words(code), detail(c, code), text);
}

/* ---- again ---- */

bool http_may_pass(CURLcode code, long status)
{
	if (code == CURLE_OK)
		return status == 408 || status == 425 || status == 429 || status == 500 ||
		       (status >= 502 && status <= 504);
	return code == CURLE_OPERATION_TIMEDOUT || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ||
	       code == CURLE_GOT_NOTHING || code == CURLE_PARTIAL_FILE || code == CURLE_HTTP2 ||
	       code == CURLE_HTTP2_STREAM || code == CURLE_COULDNT_CONNECT || code == CURLE_SSL_CONNECT_ERROR;
}

/* xorshift: scattered is enough. */
static uint64_t next_noise(struct http *h)
{
	uint64_t x = h->noise ? h->noise : 1;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return h->noise = x;
}

#define BACKOFF_MAX_MS 30000

int64_t http_wait_ms(struct http *h, const struct http_call *c, unsigned tries)
{
	unsigned shift = tries > 1 ? tries - 1 : 0;
	int64_t ms = (int64_t)h->patience.backoff_ms << (shift < 10 ? shift : 10);
	curl_off_t after = 0;

	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	ms = ms / 2 + (int64_t)(next_noise(h) % (uint64_t)(ms / 2 + 1));
	curl_easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &after);
	if (after > HTTP_WAIT_MAX_MS / 1000)
		return -1;
	return after * 1000 > ms ? after * 1000 : ms;
}
