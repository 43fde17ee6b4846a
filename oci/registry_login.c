/* Who we are: how an endpoint is spoken to, what it asks for, and the tokens it gets. */
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "fetch/url.h"
#include "oci/registry_impl.h"

#define TOKEN_MAX ((uint64_t)256 << 10)
#define TOKEN_LIFE_S 60 /* where the server does not say; Docker's token specification */
#define TOKEN_LIFE_MAX_S 86400
#define EARLY_MS 5000 /* before its end, or in the last quarter of its life, a token is not used any more */
#define CLIENT "condaimg"
#define TOKEN_TRIES 4

int64_t registry_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- hello ---- */

static int say_hello(struct registry *r, struct endpoint *e, struct caller *c, const char *scheme,
		     struct call_answer *answer, struct arena *a, struct err *err)
{
	const char *url = arena_printf(a, "%s://%s/v2/", scheme, e->host);
	struct call_request q = { .method = "GET", .url = url, .tls = &e->tls };

	for (unsigned tries = 1;; tries++) {
		auto_source *body = call_open(c, a, &q, answer, err);
		struct err none = ERR_INIT;
		auto_buf ignored = { 0 };

		if (body) {
			io_slurp(body, 65536, &ignored, &none);
			if (!registry_status_may_pass(answer->status))
				return 0;
		}
		if ((!body && !answer->may_pass) || answer->no_tls || !registry_pause(r, tries, answer))
			return body ? 0 : -1;
		err_clear(err);
	}
}

/* What can be reached without a wire, and what the user says so of, may do without TLS. */
static bool may_be_plain(const struct endpoint *e)
{
	return e->insecure || ref_is_loopback(e->host);
}

/* What OpenSSL says of an answer in plain HTTP helps nobody. */
static int no_greeting(const struct err *fault, bool plain_is_forbidden, struct err *err)
{
	bool is_plain = plain_is_forbidden && strstr(fault->text, "wrong version number");

	err_set(err, fault->code, "%s%s", fault->text,
		is_plain ? ": it seems to speak plain HTTP, which --insecure allows" : "");
	err->sys = fault->sys;
	return -1;
}

int registry_greet(struct registry *r, struct endpoint *e, struct caller *c, struct err *err)
{
	auto_arena a = { 0 };
	const char *scheme = "https", *asks;
	struct call_answer answer;
	struct err fault = ERR_INIT;

	if (e->greeted)
		return 0;
	if (say_hello(r, e, c, scheme, &answer, &a, &fault) < 0) {
		if (!answer.no_tls || !may_be_plain(e))
			return no_greeting(&fault, answer.no_tls && !may_be_plain(e), err);
		scheme = "http";
		if (say_hello(r, e, c, scheme, &answer, &a, err) < 0)
			return -1;
	}
	registry_note_warnings(r->hub, e->host, &answer);
	e->base = arena_printf(&e->arena, "%s://%s", scheme, e->host);
	asks = answer.status == 401 ? call_header_of(&answer, "WWW-Authenticate") : NULL;
	e->challenge = challenge_parse(&e->arena, asks ? asks : "");
	e->greeted = true;
	log_debug("%s: %ld%s%s", e->base, answer.status, asks ? ", wants a login: " : "", asks ? asks : "");
	return 0;
}

/* ---- logins ---- */

static int find_login(struct endpoint *e, struct err *err)
{
	if (e->has_auth)
		return 0;
	if (login_find(&e->arena, e->auth_host, e->repo, &e->auth, err) < 0)
		return -1;
	e->has_auth = true;
	return 0;
}

static bool is_private(const char *url)
{
	const char *host = strstr(url, "://") + 3;

	return url_is(url, "https") || ref_is_loopback(host);
}

static void set_authorization(struct endpoint *e, const char *value, int64_t life_s)
{
	int64_t early_ms = life_s * 1000 / 4 < EARLY_MS ? life_s * 1000 / 4 : EARLY_MS;

	e->authorization = value;
	e->generation++;
	e->expires_ms = life_s ? registry_now_ms() + life_s * 1000 - early_ms : 0;
}

/* Sentences of a login that did not do. */
static int no_login(const struct endpoint *e, struct err *err)
{
	if (e->auth.found)
		return err_set(err, ERR_NET,
			       "%s/%s: the registry does not take the login in %s (log in again, or ask for access)",
			       e->auth_host, e->repo, e->auth.from);
	return err_set(
		err, ERR_NET,
		"%s/%s: the registry wants a login, and there is none for %s in %s (podman login or docker login make one)",
		e->auth_host, e->repo, e->auth_host, *e->auth.from ? e->auth.from : "any file");
}

static int use_basic(struct endpoint *e, struct err *err)
{
	if (find_login(e, err) < 0)
		return -1;
	if (!e->auth.user)
		return no_login(e, err);
	if (!is_private(e->base) && !e->insecure)
		return err_set(err, ERR_NET, "%s wants a login, which is not sent without TLS", e->host);
	set_authorization(e, login_basic(&e->arena, e->auth.user, e->auth.password), 0);
	return 0;
}

/* ---- tokens ---- */

static const char *rights(const struct registry *r)
{
	return r->access == REGISTRY_PUSH ? "pull,push" : "pull";
}

/* For a form, where a scope is one value with spaces between. */
static const char *form_scope(const struct registry *r, const struct endpoint *e, struct arena *a)
{
	auto_buf b = { 0 };

	buf_addf(&b, "repository:%s:%s", e->repo, rights(r));
	for (size_t i = 0; i < r->n_from; i++)
		buf_addf(&b, " repository:%s:pull", r->from[i]);
	return arena_strdup(a, buf_cstr(&b));
}

struct token_request {
	struct call_request q;
	struct call_header headers[2];
	struct buf form; /* empty: a GET */
};

static void token_get(const struct registry *r, struct endpoint *e, struct arena *a, struct token_request *t)
{
	auto_buf query = { 0 };

	registry_query(&query, "service", e->challenge.service);
	registry_query(&query, "scope", arena_printf(a, "repository:%s:%s", e->repo, rights(r)));
	for (size_t i = 0; i < r->n_from; i++)
		registry_query(&query, "scope", arena_printf(a, "repository:%s:pull", r->from[i]));
	t->q = (struct call_request){ .method = "GET",
				      .url = arena_printf(a, "%s%c%s", e->challenge.realm,
							  strchr(e->challenge.realm, '?') ? '&' : '?', query.p) };
	if (!e->auth.user)
		return;
	t->headers[0] = (struct call_header){ "Authorization", login_basic(a, e->auth.user, e->auth.password) };
	t->q.n_headers = 1;
}

static void token_post(const struct registry *r, struct endpoint *e, struct arena *a, struct token_request *t)
{
	registry_query(&t->form, "grant_type", "refresh_token");
	registry_query(&t->form, "service", e->challenge.service);
	registry_query(&t->form, "scope", form_scope(r, e, a));
	registry_query(&t->form, "client_id", CLIENT);
	registry_query(&t->form, "refresh_token", e->auth.identity_token);
	t->headers[0] = (struct call_header){ "Content-Type", "application/x-www-form-urlencoded" };
	t->q = (struct call_request){ .method = "POST", .url = e->challenge.realm, .n_headers = 1 };
}

static const char *take_token(struct arena *a, const char *json, size_t n, int64_t *life_s)
{
	struct err none = ERR_INIT;
	const struct doc *d = doc_parse_json(a, json, n, "token", &none);
	const char *token = NULL, *other = NULL;

	*life_s = TOKEN_LIFE_S;
	if (!d || d->type != DOC_MAP || doc_get_string(d, "token", NULL, &token, &none) < 0 ||
	    doc_get_string(d, "access_token", NULL, &other, &none) < 0)
		return NULL;
	if (doc_get_int(d, "expires_in", TOKEN_LIFE_S, life_s, &none) < 0 || *life_s < 1)
		*life_s = TOKEN_LIFE_S;
	if (*life_s > TOKEN_LIFE_MAX_S)
		*life_s = TOKEN_LIFE_MAX_S;
	token = token && *token ? token : other;
	return token && *token ? token : NULL;
}

static int token_refused(const struct endpoint *e, long status, struct err *err)
{
	if (status == 401 || status == 403 || status == 400)
		return no_login(e, err);
	return err_set(err, ERR_NET, "%s/%s: the token server answers %ld, expected a token", e->auth_host, e->repo,
		       status);
}

static int exchange(struct registry *r, struct endpoint *e, struct caller *c, struct token_request *t, struct arena *a,
		    struct buf *text, long *status, struct err *err)
{
	t->q.headers = t->headers;
	t->q.tls = &e->tls;
	for (unsigned tries = 1;; tries++) {
		auto_source *form = t->form.n ? source_bytes(t->form.p, t->form.n) : NULL;
		struct call_answer answer;
		auto_source *body = NULL;

		t->q.body = form;
		t->q.body_size = t->form.n;
		body = call_open(c, a, &t->q, &answer, err);
		if (body && !registry_status_may_pass(answer.status)) {
			*status = answer.status;
			return io_slurp(body, TOKEN_MAX, text, err);
		}
		if ((!body && !answer.may_pass) || !registry_pause(r, tries, &answer))
			return body ? token_refused(e, answer.status, err) : -1;
		err_clear(err);
	}
}

static int login_bearer(struct registry *r, struct endpoint *e, struct caller *c, struct err *err)
{
	CLEANUP(buf_release) struct buf text = { 0 };
	struct token_request t = { 0 };
	auto_arena a = { 0 };
	const char *token;
	int64_t life_s;
	long status = 0;
	int rc;

	if (find_login(e, err) < 0)
		return -1;
	if (e->auth.token) {
		set_authorization(e, arena_printf(&e->arena, "Bearer %s", e->auth.token), 0);
		return 0;
	}
	if (!url_is(e->challenge.realm, "https") && !url_is(e->challenge.realm, "http"))
		return err_set(err, ERR_NET, "%s names '%.200s' as its token server, expected a URL", e->host,
			       e->challenge.realm);
	if (e->auth.found && !is_private(e->challenge.realm) && !e->insecure)
		return err_set(err, ERR_NET, "%s wants the login sent to %s, without TLS", e->host,
			       url_redact(&a, e->challenge.realm));
	if (e->auth.identity_token)
		token_post(r, e, &a, &t);
	else
		token_get(r, e, &a, &t);
	rc = exchange(r, e, c, &t, &a, &text, &status, err);
	buf_release(&t.form);
	if (rc < 0)
		return err_at(err, "token server of %s", e->auth_host);
	if (status != 200)
		return token_refused(e, status, err);
	token = take_token(&a, buf_cstr(&text), text.n, &life_s);
	if (!token)
		return err_set(err, ERR_FORMAT, "the token server of %s answers without a token", e->auth_host);
	set_authorization(e, arena_printf(&e->arena, "Bearer %s", token), life_s);
	return 0;
}

/* ---- what to send ---- */

static bool is_stale(const struct endpoint *e, unsigned refused)
{
	if (refused && refused == e->generation)
		return true;
	if (!e->authorization)
		return e->challenge.type == CHALLENGE_BASIC || e->challenge.type == CHALLENGE_BEARER;
	return e->expires_ms && registry_now_ms() > e->expires_ms;
}

static int login(struct registry *r, struct endpoint *e, struct caller *c, unsigned refused, struct err *err)
{
	bool again = refused && refused == e->generation;

	switch (e->challenge.type) {
	case CHALLENGE_BASIC:
		return again ? no_login(e, err) : use_basic(e, err);
	case CHALLENGE_BEARER:
		return login_bearer(r, e, c, err);
	case CHALLENGE_NONE:
	case CHALLENGE_OTHER:
		break;
	}
	return err_set(err, ERR_NET, "%s/%s: the registry answers 401, and asks for no kind of login that is known",
		       e->auth_host, e->repo);
}

int registry_authorize(struct registry *r, struct endpoint *e, struct caller *c, unsigned refused,
		       const struct call_answer *answer, struct arena *a, const char **ret, unsigned *generation,
		       struct err *err)
{
	const char *asks = answer ? call_header_of(answer, "WWW-Authenticate") : NULL;
	int rc;

	pthread_mutex_lock(&e->lock);
	rc = registry_greet(r, e, c, err);
	if (rc == 0 && asks && (e->challenge.type == CHALLENGE_NONE || refused == e->generation))
		e->challenge = challenge_parse(&e->arena, asks);
	if (rc == 0 && (is_stale(e, refused) || (answer && !e->authorization)))
		rc = login(r, e, c, refused, err);
	if (rc == 0) {
		*ret = arena_strdup(a, e->authorization);
		*generation = e->generation;
	}
	pthread_mutex_unlock(&e->lock);
	return rc;
}
