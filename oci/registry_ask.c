/* One question to a registry, asked until it is answered: logins, redirects, waiting. */
#include <poll.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/num.h"
#include "fetch/url.h"
#include "oci/registry_impl.h"

#define REDIRECTS_MAX 5
#define LOGINS_MAX 5 /* refused one after the other, for one question: others may use up what was new */
#define WAIT_MAX_S 120
#define WAIT_MAX_MS 30000
#define ERROR_TEXT_MAX ((uint64_t)64 << 10)
#define TOLD_MAX 300

/* ---- URLs ---- */

/* "https://host:443" of a URL, the port always said, in lower case. */
static const char *origin(struct arena *a, const char *url)
{
	const char *host = strstr(url, "://"), *at;
	size_t scheme, n;
	char *ret;

	if (!host)
		return "";
	scheme = (size_t)(host - url);
	host += 3;
	n = strcspn(host, "/?#");
	at = memrchr(host, '@', n);
	if (at) {
		n -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	at = memrchr(host, ':', n);
	if (at && memchr(at, ']', n - (size_t)(at - host)))
		at = NULL;
	ret = arena_printf(a, "%.*s://%.*s%s", (int)scheme, url, (int)n, host,
			   at			  ? ""
			   : url_is(url, "https") ? ":443"
						  : ":80");
	for (char *p = ret; *p; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
	return ret;
}

bool registry_same_origin(const char *x, const char *y)
{
	auto_arena a = { 0 };

	return strcmp(origin(&a, x), origin(&a, y)) == 0;
}

/* Of the same host, but without TLS: what a registry behind a proxy believes of itself. */
static const char *with_tls(struct arena *a, const char *url, const char *target)
{
	const char *better;

	if (!url_is(url, "https") || !url_is(target, "http"))
		return target;
	better = arena_printf(a, "https%s", target + strlen("http"));
	return registry_same_origin(url, better) ? better : target;
}

const char *registry_location(struct arena *a, const char *url, const char *location)
{
	const char *host = strstr(url, "://"), *path, *end;

	if (!location || !*location || !host)
		return NULL;
	path = host + 3 + strcspn(host + 3, "/?#");
	if (url_is(location, "http") || url_is(location, "https"))
		return with_tls(a, url, location);
	if (url_has_scheme(location))
		return NULL;
	if (str_starts(location, "//"))
		return arena_printf(a, "%.*s:%s", (int)(host - url), url, location);
	if (*location == '/')
		return arena_printf(a, "%.*s%s", (int)(path - url), url, location);
	if (*location == '?')
		return arena_printf(a, "%.*s%s", (int)strcspn(url, "?#"), url, location);
	/* beside the last piece of the path */
	end = path + strcspn(path, "?#");
	while (end > path && end[-1] != '/')
		end--;
	return arena_printf(a, "%.*s%s%s", (int)(end - url), url, end == path ? "/" : "", location);
}

void registry_query(struct buf *b, const char *key, const char *value)
{
	buf_addf(b, "%s%s=", b->n ? "&" : "", key);
	for (; *value; value++) {
		char c = *value;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~", c))
			buf_addc(b, c);
		else
			buf_addf(b, "%%%02X", (unsigned)(unsigned char)c);
	}
}

/* ---- waiting ---- */

bool registry_status_may_pass(long status)
{
	return status == 408 || status == 425 || status == 429 || status == 500 || (status >= 502 && status <= 504);
}

bool registry_pause(struct registry *r, unsigned tries, const struct call_answer *answer)
{
	struct caller *c = registry_take_caller(r);
	const struct http_patience *p = call_patience(c);
	const char *text = answer ? call_header_of(answer, "Retry-After") : NULL;
	unsigned shift = tries - 1 < 10 ? tries - 1 : 10;
	int64_t ms = (int64_t)p->backoff_ms << shift;
	uint64_t after = 0;
	bool more = tries < p->tries;

	registry_give_caller(r, c);
	if (ms > WAIT_MAX_MS)
		ms = WAIT_MAX_MS;
	if (text && num_parse(text, INT32_MAX, &after) && after > WAIT_MAX_S)
		return false;
	if ((int64_t)after * 1000 > ms)
		ms = (int64_t)after * 1000;
	if (more)
		poll(NULL, 0, (int)ms);
	return more;
}

/* ---- asking ---- */

struct asking {
	struct registry *r;
	const struct registry_question *q;
	struct endpoint *e;
	const char *url;
	unsigned tries, logins, redirects;
	unsigned generation; /* of the login that was sent; 0: none */
};

static const char *authorization_for(struct asking *k, struct registry_reply *reply, struct err *err)
{
	const char *ret = NULL;

	k->generation = 0;
	if (!registry_same_origin(k->url, k->e->base))
		return NULL;
	if (registry_authorize(k->r, k->e, reply->caller, 0, NULL, &reply->arena, &ret, &k->generation, err) < 0)
		return NULL;
	return ret;
}

static void let_go(struct registry_reply *reply)
{
	source_free(TAKE(reply->body));
}

/* One exchange. -1: no answer. */
static int send_once(struct asking *k, struct registry_reply *reply, struct err *err)
{
	struct call_header headers[REGISTRY_HEADERS_MAX + 1];
	struct call_request q = { .method = k->q->method, .url = k->url, .headers = headers, .slow = k->q->slow };
	const char *authorization = authorization_for(k, reply, err);
	struct call_tls elsewhere = { .ca = k->e->tls.ca, .insecure = k->e->tls.insecure };
	auto_source *body = NULL;

	reply->answer = (struct call_answer){ 0 };
	if (err->code)
		return -1;
	for (; q.n_headers < REGISTRY_HEADERS_MAX && k->q->headers[q.n_headers].name; q.n_headers++)
		headers[q.n_headers] = k->q->headers[q.n_headers];
	if (authorization)
		headers[q.n_headers++] = (struct call_header){ "Authorization", authorization };
	if (k->q->body) {
		body = k->q->body->open(k->q->body, err);
		if (!body)
			return -1;
		q.body = body;
		q.body_size = k->q->body->size;
	}
	q.tls = registry_same_origin(k->url, k->e->base) ? &k->e->tls : &elsewhere;
	reply->url = k->url;
	reply->body = call_open(reply->caller, &reply->arena, &q, &reply->answer, err);
	if (!reply->body)
		return -1;
	registry_note_warnings(k->r->hub, k->e->host, &reply->answer);
	return 0;
}

/* 1: another login, ask again. */
static int log_in_again(struct asking *k, struct registry_reply *reply, struct err *err)
{
	const char *unused;
	unsigned generation;

	if (reply->answer.status != 401 || !registry_same_origin(k->url, k->e->base) || k->logins++ == LOGINS_MAX)
		return 0;
	let_go(reply);
	return registry_authorize(k->r, k->e, reply->caller, k->generation, &reply->answer, &reply->arena, &unused,
				  &generation, err) < 0
		       ? -1
		       : 1;
}

static bool is_redirect(long status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* 1: somewhere else, ask there. Only what is read may be sent on. */
static int follow(struct asking *k, struct registry_reply *reply, struct err *err)
{
	const char *next;

	if (!is_redirect(reply->answer.status) ||
	    (strcmp(k->q->method, "GET") != 0 && strcmp(k->q->method, "HEAD") != 0))
		return 0;
	next = registry_location(&reply->arena, k->url, call_header_of(&reply->answer, "Location"));
	if (!next)
		return err_set(err, ERR_NET, "%s/%s: the registry sends us on, but not to a place on the web",
			       k->e->auth_host, k->e->repo);
	if (k->redirects++ == REDIRECTS_MAX)
		return err_set(err, ERR_NET, "%s/%s: redirects without end", k->e->auth_host, k->e->repo);
	if (url_is(k->url, "https") && !url_is(next, "https") && !k->e->insecure)
		return err_set(err, ERR_NET, "%s/%s: the registry sends us on to a place without TLS", k->e->auth_host,
			       k->e->repo);
	let_go(reply);
	k->url = next;
	return 1;
}

/* 1: ask again. A failure of the body's own source is told as it is, and never passes. */
static int wait_and_see(struct asking *k, struct registry_reply *reply, int rc, struct err *err)
{
	if (k->q->once || (rc == 0 && !registry_status_may_pass(reply->answer.status)) ||
	    (rc < 0 && !reply->answer.may_pass))
		return rc;
	if (!registry_pause(k->r, ++k->tries, &reply->answer))
		return rc;
	log_debug("%s/%s: asked again", k->e->auth_host, k->e->repo);
	let_go(reply);
	err_clear(err);
	return 1;
}

static int ask(struct asking *k, struct registry_reply *reply, struct err *err)
{
	for (;;) {
		int rc = send_once(k, reply, err), more;

		if (rc == 0) {
			more = log_in_again(k, reply, err);
			if (more == 0)
				more = follow(k, reply, err);
			if (more < 0)
				return -1;
			if (more > 0)
				continue;
		}
		rc = wait_and_see(k, reply, rc, err);
		if (rc <= 0)
			return rc;
	}
}

int registry_ask(struct registry *r, const struct registry_question *q, struct registry_reply *ret, struct err *err)
{
	struct asking k = { .r = r, .q = q, .e = &r->ends[q->end] };
	int rc;

	*ret = (struct registry_reply){ .registry = r, .caller = registry_take_caller(r) };
	pthread_mutex_lock(&k.e->lock);
	rc = registry_greet(r, k.e, ret->caller, err);
	pthread_mutex_unlock(&k.e->lock);
	if (rc < 0)
		return -1;
	k.url = url_has_scheme(q->path) ? q->path
					: arena_printf(&ret->arena, "%s/v2/%s/%s", k.e->base, k.e->repo, q->path);
	return ask(&k, ret, err);
}

void registry_reply_release(struct registry_reply *reply)
{
	let_go(reply);
	if (reply->registry)
		registry_give_caller(reply->registry, reply->caller);
	arena_release(&reply->arena);
	*reply = (struct registry_reply){ 0 };
}

/* ---- refusals ---- */

void registry_error_text(struct registry_reply *reply, struct buf *ret)
{
	struct err none = ERR_INIT;

	if (reply->body)
		io_slurp(reply->body, ERROR_TEXT_MAX, ret, &none);
}

/* "DENIED: requested access ..." of {"errors":[{"code":..., "message":...}]}, or "". */
static const char *told(struct arena *a, const struct buf *text)
{
	struct err none = ERR_INIT;
	const struct doc *d = doc_parse_json(a, buf_cstr(text), text->n, "error", &none);
	const struct doc *list = doc_find(d, "errors");
	const char *code = "", *message = "";
	char *ret;

	if (!list || list->type != DOC_LIST || !list->n ||
	    doc_get_string(&list->items[0], "code", "", &code, &none) < 0 ||
	    doc_get_string(&list->items[0], "message", "", &message, &none) < 0)
		return "";
	ret = arena_printf(a, " (%.100s%s%.*s)", code, *message ? ": " : "", TOLD_MAX, message);
	str_tidy(ret);
	for (char *p = ret; *p; p++)
		*p = *p == '\n' ? ' ' : *p;
	return ret;
}

int registry_refusal(struct registry_reply *reply, const struct registry_question *q, const char *what, struct err *err)
{
	const struct endpoint *e = &reply->registry->ends[q->end];
	auto_buf text = { 0 };

	registry_error_text(reply, &text);
	err_set(err, ERR_NET, "%s/%s: the registry answers %ld%s to %s%s", e->auth_host, e->repo, reply->answer.status,
		told(&reply->arena, &text), what,
		(reply->answer.status == 401 || reply->answer.status == 403) && !e->auth.found
			? "; there was no login for it (podman login or docker login make one)"
			: "");
	return -1;
}
