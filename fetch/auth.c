#include "fetch/auth.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "fetch/auth_impl.h"
#include "fetch/url.h"

struct auth *auth_new(void)
{
	return NEW(struct auth);
}

void auth_free(struct auth *a)
{
	if (!a)
		return;
	free(a->entries);
	buf_release(&a->looked);
	arena_release(&a->arena);
	free(a);
}

void auth_looked_at(struct auth *a, const char *name)
{
	buf_addf(&a->looked, "%s%s", a->looked.n ? ", " : "", name);
}

const char *auth_sources(const struct auth *a)
{
	return buf_cstr(&a->looked);
}

/* ---- what an entry is for ---- */

/* "[scheme://]host[:port][/path]", host in lower case. False where it names no host. */
static bool parse_place(struct arena *a, const char *text, struct auth_place *ret)
{
	const char *host = strstr(text, "://"), *end, *colon;
	struct str path;
	char *lower;

	*ret = (struct auth_place){ 0 };
	if (host) {
		ret->scheme = arena_strndup(a, text, (size_t)(host - text));
		host += 3;
	} else {
		host = text;
	}
	end = host + strcspn(host, "/?#");
	path = str_of(*end == '/' ? end : "");
	while (path.n && path.p[path.n - 1] == '/')
		path.n--;
	ret->path = arena_strndup(a, path.p, path.n);
	colon = memrchr(host, ':', (size_t)(end - host));
	if (colon && strspn(colon + 1, "0123456789") == (size_t)(end - colon - 1) && end > colon + 1) {
		ret->port = arena_strndup(a, colon + 1, (size_t)(end - colon - 1));
		end = colon;
	}
	lower = arena_strndup(a, host, (size_t)(end - host));
	for (char *c = lower; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	ret->host = lower;
	return *lower != '\0';
}

/* Default ports as such, so that "https://h" and "https://h:443" are the same. */
static const char *port_of(const struct auth_place *p)
{
	if (p->port)
		return p->port;
	if (!p->scheme)
		return "";
	return strcasecmp(p->scheme, "https") == 0 ? "443" : strcasecmp(p->scheme, "http") == 0 ? "80" : "";
}

static bool host_fits(const char *pattern, const char *host)
{
	if (str_starts(pattern, "*."))
		return str_ends(host, pattern + 1) || strcmp(host, pattern + 2) == 0;
	return strcmp(pattern, "*") == 0 || strcmp(pattern, host) == 0;
}

static bool path_fits(const char *front, const char *path)
{
	size_t n = strlen(front);

	return strncmp(front, path, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static bool place_fits(const struct auth_place *p, const struct auth_place *is)
{
	if (p->scheme && (!is->scheme || strcasecmp(p->scheme, is->scheme) != 0))
		return false;
	/* an entry of a whole URL means its port; one of a host alone any */
	if ((p->port || p->scheme) && strcmp(port_of(p), port_of(is)) != 0)
		return false;
	return host_fits(p->host, is->host) && path_fits(p->path, is->path);
}

/* The exact host before a pattern, a longer one before a shorter, then the longer path. */
static bool is_closer(const struct auth_place *p, const struct auth_place *than)
{
	bool p_exact = *p->host != '*', than_exact = *than->host != '*';

	if (p_exact != than_exact)
		return p_exact;
	if (strlen(p->host) != strlen(than->host))
		return strlen(p->host) > strlen(than->host);
	return strlen(p->path) > strlen(than->path);
}

/* ---- entries ---- */

struct auth_entry *auth_put(struct auth *a, const char *place, const struct http_login *login)
{
	struct auth_entry e = { .login = *login, .source = a->n_sources };

	if (!parse_place(&a->arena, place, &e.place))
		return NULL;
	e.login.user = arena_strdup(&a->arena, login->user);
	e.login.password = arena_strdup(&a->arena, login->password);
	e.login.token = arena_strdup(&a->arena, login->token);
	e.login.path_token = arena_strdup(&a->arena, login->path_token);
	e.login.from = arena_strdup(&a->arena, login->from);
	mem_grow(a->entries, a->n);
	a->entries[a->n] = e;
	return &a->entries[a->n++];
}

/* Bytes of url up to where the "/t/TOKEN" goes. */
static size_t token_place(const struct auth_entry *e, const char *url)
{
	const char *host = strstr(url, "://");
	size_t at = host ? (size_t)(host + 3 - url) : 0;

	at += strcspn(url + at, "/?#");
	if (e->token_path)
		return at + strlen(e->token_path);
	return e->behind_conda && path_fits("/conda", url + at) ? at + strlen("/conda") : at;
}

/* Whether somebody wrote a token into the URL: that one is meant, then. */
static bool has_token(const char *url)
{
	const char *host = strstr(url, "://");

	return host && strstr(host + 3, "/t/");
}

bool auth_find(const struct auth *a, const char *url, struct http_login *ret)
{
	auto_arena own = { 0 };
	const struct auth_entry *best = NULL;
	const char *plain = url_redact(&own, url);
	struct auth_place is;

	if (!parse_place(&own, plain, &is))
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const struct auth_entry *e = &a->entries[i];

		if ((best && e->source != best->source) || !place_fits(&e->place, &is))
			continue;
		if (!best || is_closer(&e->place, &best->place))
			best = e;
	}
	if (!best)
		return false;
	*ret = best->login;
	if (ret->path_token && has_token(url))
		ret->path_token = NULL;
	if (ret->path_token)
		ret->path_token_at = token_place(best, url);
	return ret->kind != HTTP_LOGIN_NONE || ret->path_token;
}

bool auth_tell(const struct auth *a, size_t i, struct arena *to, struct auth_entry_text *ret)
{
	const struct auth_entry *e = a->entries + i;
	const char *kind = "basic";

	if (i >= a->n)
		return false;
	if (e->login.kind == HTTP_LOGIN_BEARER)
		kind = "bearer";
	if (e->login.path_token)
		kind = e->login.kind == HTTP_LOGIN_NONE ? "token" : arena_printf(to, "%s and token", kind);
	ret->place = arena_printf(to, "%s%s%s%s%s%s", e->place.scheme ? e->place.scheme : "",
				  e->place.scheme ? "://" : "", e->place.host, e->place.port ? ":" : "",
				  e->place.port ? e->place.port : "", e->place.path);
	ret->kind = kind;
	ret->from = e->login.from;
	return true;
}

static int ask(void *arg, const char *url, struct http_login *ret)
{
	return auth_find(arg, url, ret);
}

void auth_use(const struct auth *a, struct http *h)
{
	http_set_login(h, ask, (void *)a);
	http_set_login_sources(h, auth_sources(a));
	/* .netrc is one of the sources */
	http_set_netrc_file(h, "/dev/null");
}

/* ---- URLs ---- */

/* Undo %xx, in a. */
static const char *decode(struct arena *a, struct str text, bool plus)
{
	char *ret = arena_strndup(a, text.p, text.n), *to = ret;

	for (const char *c = ret; *c; c++) {
		if (*c == '%' && isxdigit((unsigned char)c[1]) && isxdigit((unsigned char)c[2])) {
			int hi = tolower((unsigned char)c[1]), lo = tolower((unsigned char)c[2]);

			hi -= isdigit(hi) ? '0' : 'a' - 10;
			lo -= isdigit(lo) ? '0' : 'a' - 10;
			*to++ = (char)(hi << 4 | lo);
			c += 2;
		} else {
			*to++ = plus && *c == '+' ? ' ' : *c;
		}
	}
	*to = '\0';
	return ret;
}

static const char *user_part(struct arena *a, const char *url, const char **password)
{
	const char *host = strstr(url, "://") + 3, *end = host + strcspn(host, "/?#");
	const char *at = memrchr(host, '@', (size_t)(end - host));
	const char *colon = at ? memchr(host, ':', (size_t)(at - host)) : NULL;

	*password = NULL;
	if (!at)
		return NULL;
	if (colon)
		*password = decode(a, (struct str){ colon + 1, (size_t)(at - colon - 1) }, false);
	return decode(a, (struct str){ host, (size_t)((colon ? colon : at) - host) }, false);
}

/* The token of ".../t/TOKEN/...", and the URL in front of it. */
static const char *token_part(struct arena *a, const char *url, const char **front)
{
	const char *host = strstr(url, "://") + 3, *at = strstr(host + strcspn(host, "/?#"), "/t/");
	size_t n = at ? strcspn(at + 3, "/?#") : 0;

	if (!n)
		return NULL;
	*front = arena_strndup(a, url, (size_t)(at - url));
	return arena_strndup(a, at + 3, n);
}

void auth_add_url(struct auth *a, const char *url, const char *from)
{
	auto_arena own = { 0 };
	struct http_login l = { .from = from };
	const char *front = NULL;
	struct auth_entry *e;

	if (!url_is(url, "http") && !url_is(url, "https"))
		return;
	l.user = user_part(&own, url, &l.password);
	l.kind = l.user ? HTTP_LOGIN_BASIC : HTTP_LOGIN_NONE;
	l.path_token = token_part(&own, url, &front);
	if (!l.user && !l.path_token)
		return;
	e = auth_put(a, url_redact(&own, url), &l);
	if (e && front) {
		struct auth_place p;

		parse_place(&a->arena, url_redact(&own, front), &p);
		e->token_path = p.path;
	}
	a->n_sources++;
}

void auth_add_token(struct auth *a, const char *file_name, const char *text, size_t n, const char *name)
{
	auto_arena own = { 0 };
	struct str token = str_trim((struct str){ text, n });
	struct http_login l = { .from = name };
	const char *url, *api;

	if (!str_ends(file_name, ".token") || !token.n)
		return;
	url = decode(&own, (struct str){ file_name, strlen(file_name) - strlen(".token") }, true);
	l.path_token = arena_strndup(&own, token.p, token.n);
	/* it is kept for the site's api, and meant for its channels */
	api = strstr(url, "://api.");
	for (int i = 0; i < (api ? 2 : 1); i++) {
		struct auth_entry *e = auth_put(
			a, i == 0 ? url : arena_printf(&own, "%.*s://conda.%s", (int)(api - url), url, api + 7), &l);

		if (e)
			e->behind_conda = true;
	}
	a->n_sources++;
}
