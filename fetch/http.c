#include "fetch/http_impl.h"

#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "fetch/url.h"

/* ---- one a process ---- */

struct http *http_new(const char *agent)
{
	struct http *h = NEW(struct http);
	const char *bundle;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		abort();
	h->multi = curl_multi_init();
	if (!h->multi)
		abort();
	bundle = curl_version_info(CURLVERSION_NOW)->cainfo;
	h->has_bundle = bundle && access(bundle, R_OK) == 0;
	h->agent = mem_strdup(agent);
	h->patience = (struct http_patience){ .connect_ms = 20000, .stall_s = 60, .tries = 4, .backoff_ms = 500 };
	/* without entropy the waits are merely less scattered */
	if (getrandom(&h->noise, sizeof(h->noise), GRND_NONBLOCK) != (ssize_t)sizeof(h->noise))
		h->noise = 1;
	return h;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	curl_multi_cleanup(h->multi);
	curl_global_cleanup();
	for (size_t i = 0; i < h->n_proxies; i++) {
		free(h->proxies[i].scheme);
		free(h->proxies[i].host);
		free(h->proxies[i].proxy);
	}
	free(h->proxies);
	http_mirrors_release(h);
	free(h->no_proxy);
	free(h->ca_file);
	free(h->ca_dir);
	free(h->cert);
	free(h->key);
	free(h->netrc);
	free(h->login_sources);
	free(h->place_scheme);
	free(h->agent);
	free(h);
}

/* ---- settings ---- */

static void put(char **at, const char *text)
{
	free(*at);
	*at = mem_strdup(text);
}

void http_set_patience(struct http *h, const struct http_patience *p)
{
	h->patience.connect_ms = p->connect_ms ? p->connect_ms : h->patience.connect_ms;
	h->patience.stall_s = p->stall_s ? p->stall_s : h->patience.stall_s;
	h->patience.tries = p->tries ? p->tries : h->patience.tries;
	h->patience.backoff_ms = p->backoff_ms ? p->backoff_ms : h->patience.backoff_ms;
}

void http_set_at_once(struct http *h, unsigned n)
{
	h->at_once = n;
}

void http_set_proxy(struct http *h, const char *scheme, const char *host, const char *proxy)
{
	mem_grow(h->proxies, h->n_proxies);
	h->proxies[h->n_proxies++] = (struct http_proxy){ mem_strdup(scheme), mem_strdup(host), mem_strdup(proxy) };
}

void http_set_no_proxy(struct http *h, const char *hosts)
{
	put(&h->no_proxy, hosts);
}

void http_set_verify(struct http *h, bool verify)
{
	h->unverified = !verify;
}

void http_set_ca_file(struct http *h, const char *path)
{
	put(&h->ca_file, path);
}

void http_set_ca_dir(struct http *h, const char *path)
{
	put(&h->ca_dir, path);
}

void http_set_client_cert(struct http *h, const char *cert, const char *key)
{
	put(&h->cert, cert);
	put(&h->key, key);
}

void http_set_netrc_file(struct http *h, const char *path)
{
	put(&h->netrc, path);
}

void http_set_login(struct http *h, http_login_fn *login, void *arg)
{
	h->login = login;
	h->login_arg = arg;
}

void http_set_place(struct http *h, const char *scheme, struct http_place *place)
{
	put(&h->place_scheme, scheme);
	h->place = place;
}

struct http_place *http_place_of(const struct http *h, const char *url)
{
	return h->place && url_is(url, h->place_scheme) ? h->place : NULL;
}

void http_set_login_sources(struct http *h, const char *sources)
{
	put(&h->login_sources, sources);
}
