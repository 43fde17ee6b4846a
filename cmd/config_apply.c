#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/log.h"
#include "cmd/config.h"
#include "fetch/url.h"

#define TRIES_MAX 100
#define CONNECT_MAX_MS 600000
#define STALL_MAX_S 86400
#define AT_ONCE_MAX 64

/* ---- names of channels ---- */

static const char *const *texts_of(struct arena *a, const struct condarc *rc, enum condarc_key k)
{
	const struct condarc_value *v = &rc->values[k];
	const char **ret;

	if (!v->is_set)
		return NULL;
	ret = arena_array(a, v->n + 1, sizeof(*ret));
	for (size_t i = 0; i < v->n; i++)
		ret[i] = v->items[i].text;
	return ret;
}

static struct channel_place *places_of(struct arena *a, const struct condarc *rc, enum condarc_key k, size_t *n)
{
	const struct condarc_value *v = &rc->values[k];
	struct channel_place *ret = arena_array(a, v->n + 1, sizeof(*ret));

	*n = 0;
	for (size_t i = 0; i < v->n; i++)
		if (v->items[i].text)
			ret[(*n)++] = (struct channel_place){ v->items[i].key, v->items[i].text };
	return ret;
}

static struct channel_group *groups_of(struct arena *a, const struct condarc *rc, enum condarc_key k, size_t *n)
{
	const struct condarc_value *v = &rc->values[k];
	struct channel_group *ret = arena_array(a, v->n + 1, sizeof(*ret));

	*n = 0;
	for (size_t i = 0; i < v->n;) {
		const char **members = arena_array(a, v->n + 1, sizeof(*members)), *key = v->items[i].key;
		size_t m = 0;

		for (; i < v->n && strcmp(v->items[i].key, key) == 0; i++)
			if (v->items[i].text)
				members[m++] = v->items[i].text;
		ret[(*n)++] = (struct channel_group){ key, members };
	}
	return ret;
}

/* A key that is no channel is no reason not to go on: nothing can be below it. */
static void read_mirrors(struct config *c)
{
	struct channel_group *groups = groups_of(&c->arena, &c->rc, CONDARC_MIRRORED_CHANNELS, &c->n_mirrors);
	size_t n = 0;

	for (size_t i = 0; i < c->n_mirrors; i++) {
		const char *base = channel_base(&c->arena, &c->names, groups[i].name);

		if (base && groups[i].members[0])
			groups[n++] = (struct channel_group){ base, groups[i].members };
	}
	c->mirrors = groups;
	c->n_mirrors = n;
}

void config_names(struct config *c)
{
	struct arena *a = &c->arena;
	const struct condarc *rc = &c->rc;
	const char *alias = condarc_text(rc, CONDARC_CHANNEL_ALIAS);
	struct channel_names *n = &c->names;

	*n = (struct channel_names){ .alias = alias && *alias ? alias : NULL,
				     .defaults = texts_of(a, rc, CONDARC_DEFAULT_CHANNELS),
				     .old_aliases = texts_of(a, rc, CONDARC_MIGRATED_CHANNEL_ALIASES),
				     .home = config_variable("HOME") };
	n->custom = places_of(a, rc, CONDARC_CUSTOM_CHANNELS, &n->n_custom);
	n->moved = places_of(a, rc, CONDARC_MIGRATED_CUSTOM_CHANNELS, &n->n_moved);
	n->multi = groups_of(a, rc, CONDARC_CUSTOM_MULTICHANNELS, &n->n_multi);
	read_mirrors(c);
}

/* ---- what is allowed ---- */

static int resolve_list(const struct config *c, struct arena *a, enum condarc_key k, struct channel **list, size_t *n,
			struct err *err)
{
	const struct condarc_value *v = &c->rc.values[k];

	for (size_t i = 0; i < v->n; i++)
		if (channel_resolve_as(a, &c->names, v->items[i].text, ".", list, n, err) < 0)
			return err_at(err, "%s: '%s'", v->items[i].from, condarc_name(k));
	return 0;
}

static const char *from_of(const struct config *c, enum condarc_key k)
{
	const char *from = condarc_from(&c->rc, k);

	return from ? from : "configuration";
}

/* Whether url is one of the channels, or (below) in one. */
static bool is_in(const struct channel *list, size_t n, const char *url, bool below)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(list[i].canonical);

		if (strncmp(list[i].canonical, url, len) == 0 && (url[len] == '\0' || (below && url[len] == '/')))
			return true;
	}
	return false;
}

static int check_url(const struct config *c, const char *url, bool below, struct err *err)
{
	auto_arena a = { 0 };
	auto_free struct channel *allowed = NULL, *denied = NULL;
	size_t n_allowed = 0, n_denied = 0;

	if (resolve_list(c, &a, CONDARC_ALLOWLIST_CHANNELS, &allowed, &n_allowed, err) < 0 ||
	    resolve_list(c, &a, CONDARC_DENYLIST_CHANNELS, &denied, &n_denied, err) < 0)
		return -1;
	if (is_in(denied, n_denied, url, below))
		return err_set(err, ERR_USAGE, "%s is not allowed here: it is in denylist_channels of %s", url,
			       from_of(c, CONDARC_DENYLIST_CHANNELS));
	if (n_allowed && !is_in(allowed, n_allowed, url, below))
		return err_set(err, ERR_USAGE, "%s is not allowed here: it is not in allowlist_channels of %s", url,
			       from_of(c, CONDARC_ALLOWLIST_CHANNELS));
	return 0;
}

int config_allows(const struct config *c, const struct channel *list, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++)
		if (check_url(c, list[i].canonical, false, err) < 0)
			return err_at(err, "channel '%s'", list[i].given);
	return 0;
}

int config_allows_url(const struct config *c, const char *url, struct err *err)
{
	auto_arena a = { 0 };

	return check_url(c, url_redact(&a, url), true, err);
}

/* ---- the network ---- */

static void apply_proxies(const struct config *c, struct http *h)
{
	const struct condarc_value *v = &c->rc.values[CONDARC_PROXY_SERVERS];

	/* libcurl does not read HTTP_PROXY, which a web server's request could set; conda does */
	if (!config_variable("http_proxy") && config_variable("HTTP_PROXY"))
		http_set_proxy(h, "http", NULL, config_variable("HTTP_PROXY"));
	for (size_t i = 0; i < v->n; i++) {
		auto_arena a = { 0 };
		const char *key = v->items[i].key, *host = strstr(key, "://");
		const char *scheme = host ? arena_strndup(&a, key, (size_t)(host - key)) : key;

		http_set_proxy(h, strcmp(scheme, "all") == 0 ? NULL : scheme, host && host[3] ? host + 3 : NULL,
			       v->items[i].text ? v->items[i].text : "");
	}
}

/* "~/x" and what it is; the configuration's relative paths are against the working directory, as conda has it. */
static const char *local_path(const struct config *c, struct arena *a, const char *path)
{
	return c->names.home && str_starts(path, "~/") ? arena_printf(a, "%s%s", c->names.home, path + 1) : path;
}

static int trust(struct http *h, const char *path, const char *from, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_sys(err, "%s: cannot read the trusted certificates in %s", from, path);
	if (S_ISDIR(st.st_mode))
		http_set_ca_dir(h, path);
	else
		http_set_ca_file(h, path);
	return 0;
}

/* As requests and OpenSSL have them; the first that is set counts. */
static const char *trust_variable(void)
{
	static const char *const variables[] = { "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE" };

	for (size_t i = 0; i < COUNT(variables); i++)
		if (config_variable(variables[i]))
			return variables[i];
	return NULL;
}

static int apply_trust(const struct config *c, struct http *h, struct err *err)
{
	const char *verify = condarc_text(&c->rc, CONDARC_SSL_VERIFY);
	auto_arena a = { 0 };

	if (verify && strcmp(verify, "false") == 0) {
		log_warn("certificates are not checked: ssl_verify of %s is false",
			 condarc_from(&c->rc, CONDARC_SSL_VERIFY));
		http_set_verify(h, false);
		return 0;
	}
	if (verify && strcmp(verify, "truststore") == 0)
		return 0;
	if (verify && strcmp(verify, "true") != 0)
		return trust(h, local_path(c, &a, verify),
			     arena_printf(&a, "ssl_verify of %s", condarc_from(&c->rc, CONDARC_SSL_VERIFY)), err);
	return trust_variable() ? trust(h, config_variable(trust_variable()), trust_variable(), err) : 0;
}

static int apply_client_cert(const struct config *c, struct http *h, struct err *err)
{
	const char *cert = condarc_text(&c->rc, CONDARC_CLIENT_SSL_CERT);
	const char *key = condarc_text(&c->rc, CONDARC_CLIENT_SSL_CERT_KEY);
	auto_arena a = { 0 };

	if (key && !cert)
		return err_set(err, ERR_FORMAT, "%s: 'client_ssl_cert_key' is there, and 'client_ssl_cert' is not",
			       condarc_from(&c->rc, CONDARC_CLIENT_SSL_CERT_KEY));
	if (!cert || strcasecmp(cert, "none") == 0)
		return 0;
	cert = local_path(c, &a, cert);
	key = key ? local_path(c, &a, key) : NULL;
	if (!fs_exists(AT_FDCWD, cert) || (key && !fs_exists(AT_FDCWD, key)))
		return err_set(err, ERR_FORMAT, "%s: there is no client certificate %s",
			       condarc_from(&c->rc, CONDARC_CLIENT_SSL_CERT), fs_exists(AT_FDCWD, cert) ? key : cert);
	http_set_client_cert(h, cert, key);
	return 0;
}

static unsigned bounded(uint64_t v, uint64_t min, uint64_t max)
{
	return (unsigned)(v < min ? min : v > max ? max : v);
}

static void apply_patience(const struct config *c, struct http *h)
{
	struct http_patience p = { 0 };
	const struct condarc *rc = &c->rc;
	uint64_t threads =
		condarc_number(rc, CONDARC_FETCH_THREADS, condarc_number(rc, CONDARC_DEFAULT_THREADS, 0)) / 1000;

	if (condarc_text(rc, CONDARC_REMOTE_CONNECT_TIMEOUT_SECS))
		p.connect_ms = bounded(condarc_number(rc, CONDARC_REMOTE_CONNECT_TIMEOUT_SECS, 0), 1, CONNECT_MAX_MS);
	if (condarc_text(rc, CONDARC_REMOTE_READ_TIMEOUT_SECS))
		p.stall_s = bounded(condarc_number(rc, CONDARC_REMOTE_READ_TIMEOUT_SECS, 0) / 1000, 1, STALL_MAX_S);
	if (condarc_text(rc, CONDARC_REMOTE_MAX_RETRIES))
		p.tries = bounded(condarc_number(rc, CONDARC_REMOTE_MAX_RETRIES, 0) / 1000, 0, TRIES_MAX) + 1;
	if (condarc_text(rc, CONDARC_REMOTE_BACKOFF_FACTOR))
		p.backoff_ms = bounded(condarc_number(rc, CONDARC_REMOTE_BACKOFF_FACTOR, 0), 1, CONNECT_MAX_MS);
	http_set_patience(h, &p);
	if (threads)
		http_set_at_once(h, bounded(threads, 1, AT_ONCE_MAX));
}

static void apply_mirrors(const struct config *c, struct http *h)
{
	for (size_t i = 0; i < c->n_mirrors; i++) {
		size_t n = 0;

		while (c->mirrors[i].members[n])
			n++;
		http_set_mirrors(h, c->mirrors[i].name, c->mirrors[i].members, n);
	}
}

int config_apply(const struct config *c, struct http *h, struct err *err)
{
	apply_mirrors(c, h);
	apply_proxies(c, h);
	apply_patience(c, h);
	auth_use(c->auth, h);
	if (apply_trust(c, h, err) < 0 || apply_client_cert(c, h, err) < 0)
		return -1;
	return 0;
}

/*
 * Besides what registries are trusted by anyway, and only a file: a company's certificate is in the way of both,
 * while a channel's own is of no use to other hosts, and no harm. That channels are not checked says nothing of registries.
 */
static const char *trusted_by_registries(struct config *c)
{
	const char *verify = condarc_text(&c->rc, CONDARC_SSL_VERIFY), *path;
	struct stat st;

	if (!verify || strcmp(verify, "true") == 0)
		path = trust_variable() ? config_variable(trust_variable()) : NULL;
	else
		path = strcmp(verify, "false") == 0 || strcmp(verify, "truststore") == 0
			       ? NULL
			       : local_path(c, &c->arena, verify);
	return path && stat(path, &st) == 0 && S_ISREG(st.st_mode) ? path : NULL;
}

/* As docker and podman have it: no proxy leads to this machine. */
static void keep_loopback(struct http *h)
{
	static const char *const hosts[] = { "localhost", "127.0.0.1", "[::1]" };

	for (size_t i = 0; i < COUNT(hosts); i++) {
		http_set_proxy(h, "http", hosts[i], "");
		http_set_proxy(h, "https", hosts[i], "");
	}
}

void config_apply_to_registries(struct config *c, struct http *h, const char **ca)
{
	keep_loopback(h);
	apply_proxies(c, h);
	apply_patience(c, h);
	http_set_at_once(h, 0);
	*ca = trusted_by_registries(c);
}
