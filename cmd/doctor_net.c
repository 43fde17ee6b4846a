#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/doc.h"
#include "base/fs.h"
#include "channels/channel.h"
#include "cmd/doctor.h"
#include "cmd/registries.h"
#include "fetch/url.h"
#include "oci/login.h"
#include "oci/registry.h"

#define FILE_MAX ((uint64_t)16 << 20)
#define PEM_BEGIN "-----BEGIN "
#define PEM_CERTIFICATE "CERTIFICATE-----"
#define CONNECT_MS 10000
#define STALL_S 20
#define PROBE_BYTES 4096

/* ---- conda's configuration ---- */

void doctor_configuration(struct doctor *d)
{
	struct err err = ERR_INIT;
	size_t n = 0;

	if (config_read(d->options->condarc, &d->config, &err) < 0) {
		doctor_add(d, FINDING_WRONG, "configuration", "%s", err.text);
		return;
	}
	d->has_config = true;
	while (d->config.files[n])
		n++;
	if (n)
		doctor_add(d, FINDING_OK, "configuration", "%zu file%s, the last %s", n, n == 1 ? "" : "s",
			   config_place(&d->arena, d->config.files[n - 1]));
	else
		doctor_add(d, FINDING_OK, "configuration", "no .condarc: conda-forge is the channel");
	if (condarc_bool(&d->config.rc, CONDARC_OFFLINE, false))
		doctor_add(d, FINDING_NOTE, "configuration", "no network is asked: offline is true in %s",
			   condarc_from(&d->config.rc, CONDARC_OFFLINE));
}

/* ---- certificates ---- */

static size_t count_certificates(const char *text)
{
	size_t n = 0;

	for (const char *at = text; (at = strstr(at, PEM_BEGIN)); at += strlen(PEM_BEGIN)) {
		const char *name = at + strlen(PEM_BEGIN);

		/* "CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CERTIFICATE" */
		const char *end = strchr(name, '\n'), *found = strstr(name, PEM_CERTIFICATE);

		n += found && (!end || found < end);
	}
	return n;
}

/* A file of certificates, or a directory of them. said: who names it. */
static void tell_trust(struct doctor *d, const char *path, const char *said)
{
	auto_buf text = { 0 };
	struct err err = ERR_INIT;
	struct stat st;
	size_t n;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		doctor_add(d, FINDING_OK, "certificates", "those in %s%s", path, said);
		return;
	}
	if (fs_read(AT_FDCWD, path, FILE_MAX, &text, &err) < 0) {
		doctor_add(d, FINDING_WRONG, "certificates", "%s%s", err.text, said);
		return;
	}
	n = count_certificates(buf_cstr(&text));
	if (n)
		doctor_add(d, FINDING_OK, "certificates", "%zu in %s%s", n, path, said);
	else
		doctor_add(d, FINDING_WRONG, "certificates", "%s has no certificate (PEM) in it%s", path, said);
}

static void tell_system_trust(struct doctor *d)
{
	static const char *const places[] = { "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
					      "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem" };

	for (size_t i = 0; i < COUNT(places); i++)
		if (fs_exists(AT_FDCWD, places[i])) {
			tell_trust(d, places[i], "");
			return;
		}
	doctor_add(d, FINDING_WRONG, "certificates",
		   "this machine trusts nobody: its package ca-certificates is not installed, so https fails "
		   "(ssl_verify or SSL_CERT_FILE can name a file)");
}

/* By the order that config_apply() has. */
void doctor_certificates(struct doctor *d)
{
	static const char *const variables[] = { "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE" };
	const char *verify = d->has_config ? condarc_text(&d->config.rc, CONDARC_SSL_VERIFY) : NULL;
	const char *home = config_variable("HOME");

	if (verify && strcmp(verify, "false") == 0) {
		doctor_add(d, FINDING_NOTE, "certificates", "are not checked: ssl_verify of %s is false",
			   condarc_from(&d->config.rc, CONDARC_SSL_VERIFY));
		return;
	}
	if (verify && strcmp(verify, "true") != 0 && strcmp(verify, "truststore") != 0) {
		tell_trust(d,
			   home && str_starts(verify, "~/") ? arena_printf(&d->arena, "%s%s", home, verify + 1)
							    : verify,
			   arena_printf(&d->arena, ", by ssl_verify of %s",
					condarc_from(&d->config.rc, CONDARC_SSL_VERIFY)));
		return;
	}
	for (size_t i = 0; i < COUNT(variables) && !verify; i++)
		if (config_variable(variables[i])) {
			tell_trust(d, config_variable(variables[i]), arena_printf(&d->arena, ", by %s", variables[i]));
			return;
		}
	tell_system_trust(d);
	if (d->options->registry_ca)
		tell_trust(d, d->options->registry_ca, ", by --registry-ca");
}

/* ---- proxies ---- */

void doctor_proxies(struct doctor *d)
{
	static const char *const variables[] = { "http_proxy",	"HTTP_PROXY", "https_proxy",
						 "HTTPS_PROXY", "all_proxy",  "ALL_PROXY" };
	const struct condarc_value *v = &d->config.rc.values[CONDARC_PROXY_SERVERS];

	for (size_t i = 0; i < COUNT(variables); i++)
		if (config_variable(variables[i]))
			doctor_add(d, FINDING_OK, "proxy", "%s is %s", variables[i],
				   config_redact(&d->arena, config_variable(variables[i])));
	for (size_t i = 0; d->has_config && i < v->n; i++)
		doctor_add(d, FINDING_OK, "proxy", "of %s: %s, by %s", v->items[i].key,
			   v->items[i].text ? config_redact(&d->arena, v->items[i].text) : "none", v->items[i].from);
}

/* ---- logins ---- */

static bool has_helper(struct doctor *d, const char *name)
{
	const char *path = config_variable("PATH");
	struct str rest = str_of(path ? path : "/usr/bin:/bin"), dir;

	while (str_cut(&rest, ':', &dir))
		if (access(arena_printf(&d->arena, "%.*s/docker-credential-%s", (int)dir.n, dir.p, name), X_OK) == 0)
			return true;
	return false;
}

static void tell_helper(struct doctor *d, const char *file, const char *name)
{
	if (*name && !has_helper(d, name))
		doctor_add(d, FINDING_WRONG, "logins", "%s wants docker-credential-%s, which is not in PATH", file,
			   name);
}

static void tell_login_file(struct doctor *d, const char *path)
{
	const char *shown = config_place(&d->arena, path), *store = NULL;
	struct err err = ERR_INIT, ignored = ERR_INIT;
	const struct doc *doc, *auths, *helpers;
	auto_buf text = { 0 };
	struct stat st;

	if (stat(path, &st) < 0)
		return;
	if (fs_read(AT_FDCWD, path, FILE_MAX, &text, &err) < 0) {
		doctor_add(d, FINDING_WRONG, "logins", "%s", err.text);
		return;
	}
	if (!str_trim((struct str){ buf_cstr(&text), text.n }).n)
		return;
	/* What stands there is not to be quoted. */
	doc = doc_parse_json(&d->arena, buf_cstr(&text), text.n, shown, &ignored);
	if (!doc || doc->type != DOC_MAP) {
		doctor_add(d, FINDING_WRONG, "logins", "%s is no JSON object", shown);
		return;
	}
	auths = doc_find(doc, "auths");
	helpers = doc_find(doc, "credHelpers");
	doctor_add(d, FINDING_OK, "logins", "%s: %zu for registries", shown,
		   (auths && auths->type == DOC_MAP ? auths->n : 0) +
			   (helpers && helpers->type == DOC_MAP ? helpers->n : 0));
	if (auths && auths->n && st.st_mode & (S_IRGRP | S_IROTH))
		doctor_add(d, FINDING_NOTE, "logins", "%s may be read by others on this machine (chmod 600)", shown);
	for (size_t i = 0; helpers && helpers->type == DOC_MAP && i < helpers->n; i++)
		if (helpers->items[i].type == DOC_STRING)
			tell_helper(d, shown, helpers->items[i].text);
	if (doc_get_string(doc, "credsStore", NULL, &store, &ignored) == 0 && store)
		tell_helper(d, shown, store);
}

void doctor_logins(struct doctor *d)
{
	struct auth_entry_text e;
	size_t n = 0;

	while (d->has_config && auth_tell(d->config.auth, n, &d->arena, &e))
		n++;
	if (n)
		doctor_add(d, FINDING_OK, "logins", "%zu for channels (condaimg config lists them)", n);
	for (const char *const *p = login_places(&d->arena); *p; p++)
		tell_login_file(d, *p);
}

/* ---- channels ---- */

static int list_channels(struct doctor *d, struct channel **list, size_t *n, struct err *err)
{
	const struct condarc_value *v = &d->config.rc.values[CONDARC_CHANNELS];
	const struct options *o = d->options;

	for (size_t i = 0; i < o->n_channels; i++)
		if (channel_resolve_as(&d->arena, &d->config.names, o->channels[i], ".", list, n, err) < 0)
			return -1;
	for (size_t i = 0; !o->n_channels && i < v->n; i++)
		if (channel_resolve_as(&d->arena, &d->config.names, v->items[i].text, ".", list, n, err) < 0)
			return err_at(err, "%s", v->items[i].from);
	if (*n)
		return 0;
	return channel_resolve_as(&d->arena, &d->config.names, CHANNEL_DEFAULT, ".", list, n, err);
}

/* Whether the channel has a file: 1, 0, -1. An index that is larger than we want to see is there. */
static int channel_has(struct doctor *d, struct http *h, const char *base, const char *file, struct err *err)
{
	struct http_request q = { .url = arena_printf(&d->arena, "%s/%s", base, file), .max = PROBE_BYTES };
	struct http_answer answer = { 0 };
	auto_buf body = { 0 };
	auto_sink *out = sink_buf(&body);

	if (http_get(h, &d->arena, &q, out, &answer, err) == 0)
		return answer.status == 200;
	if (err->code != ERR_LIMIT)
		return -1;
	err_clear(err);
	return 1;
}

static void ask_channel(struct doctor *d, struct http *h, const struct channel *c)
{
	static const char *const files[] = { "noarch/repodata.json.zst", "noarch/repodata_shards.msgpack.zst",
					     "noarch/repodata.json", "noarch/repodata.json.bz2" };
	struct err err = ERR_INIT;
	int has = 0;

	if (config_allows(&d->config, c, 1, &err) < 0)
		has = -1;
	for (size_t i = 0; !has && i < COUNT(files); i++)
		has = channel_has(d, h, c->url, files[i], &err);
	if (has > 0)
		doctor_add(d, FINDING_OK, "channel", "%s answers", c->canonical);
	else if (has == 0)
		doctor_add(d, FINDING_WRONG, "channel", "%s has no noarch/repodata.json: is it a channel?",
			   c->canonical);
	else
		doctor_add(d, FINDING_WRONG, "channel", "%s", err.text);
}

void doctor_channels(struct doctor *d)
{
	struct http *h = NULL;
	auto_free struct channel *list = NULL;
	struct err err = ERR_INIT;
	size_t n = 0;

	if (!d->has_config || d->options->offline || condarc_bool(&d->config.rc, CONDARC_OFFLINE, false))
		return;
	if (list_channels(d, &list, &n, &err) < 0) {
		doctor_add(d, FINDING_WRONG, "channel", "%s", err.text);
		return;
	}
	h = http_new("condaimg/" CONDAIMG_VERSION);
	if (config_apply(&d->config, h, &err) < 0)
		doctor_add(d, FINDING_WRONG, "configuration", "%s", err.text);
	/* Who asks whether something works does not want to wait until it might. */
	http_set_patience(h, &(struct http_patience){ .connect_ms = CONNECT_MS, .stall_s = STALL_S, .tries = 1 });
	for (size_t i = 0; !err.code && i < n; i++)
		ask_channel(d, h, &list[i]);
	http_free(h);
}

/* ---- registries ---- */

static void ask_registry(struct doctor *d, struct registries *all, const char *text)
{
	struct err err = ERR_INIT;
	struct dest place = { 0 };
	struct descriptor found = { 0 };
	struct registry *r = NULL;
	int has = -1;

	if (registries_ref(all, d->options, &d->arena, text, &place, &err) == 0)
		r = registry_open(place.hub, &place.ref, REGISTRY_PULL, &err);
	if (r)
		has = registry_head_manifest(r, &d->arena, ref_wanted(&d->arena, &place.ref), &found, &err);
	if (has < 0)
		doctor_add(d, FINDING_WRONG, "registry", "%s", err.text);
	else
		doctor_add(d, FINDING_OK, "registry", "%s answers, and has %s%s", place.ref.host, has ? "" : "no ",
			   ref_text(&d->arena, &place.ref));
	registry_free(r);
}

void doctor_registries(struct doctor *d)
{
	auto_registries all = { .http = http_new("condaimg/" CONDAIMG_VERSION) };

	http_set_patience(all.http,
			  &(struct http_patience){ .connect_ms = CONNECT_MS, .stall_s = STALL_S, .tries = 1 });
	for (size_t i = 0; i < d->options->n_args; i++)
		ask_registry(d, &all, d->options->args[i]);
}
