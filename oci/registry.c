#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "oci/registry_impl.h"

#define CA_MAX ((uint64_t)16 << 20)
#define WARNINGS_MAX 20
#define WARNING_BYTES_MAX 4096
#define HUB_HOST "registry-1.docker.io"

/* ---- what all have in common ---- */

static int read_trusted(const char *path, struct buf *ca, struct err *err)
{
	size_t was = ca->n;

	if (!path)
		return 0;
	if (fs_read(AT_FDCWD, path, CA_MAX, ca, err) < 0)
		return -1;
	if (!strstr(buf_cstr(ca) + was, "-----BEGIN CERTIFICATE-----"))
		return err_set(err, ERR_FORMAT, "%s has no certificate in PEM", path);
	buf_addc(ca, '\n');
	return 0;
}

static int read_options(struct registry_hub *hub, struct err *err)
{
	const struct registry_options *o = &hub->options;
	auto_buf ca = { 0 };

	if (read_trusted(o->ca_file, &ca, err) < 0 || read_trusted(o->ca_configured, &ca, err) < 0)
		return -1;
	if (ca.n)
		hub->ca = buf_detach(&ca);
	return registry_conf_read_usual(&hub->conf, o->conf, o->home, err);
}

struct registry_hub *registry_hub_new(struct http *h, const struct registry_options *o, struct err *err)
{
	struct registry_hub *hub = NEW(struct registry_hub);

	hub->http = h;
	hub->options = *o;
	pthread_mutex_init(&hub->lock, NULL);
	if (read_options(hub, err) == 0)
		return hub;
	registry_hub_free(hub);
	return NULL;
}

void registry_hub_free(struct registry_hub *hub)
{
	if (!hub)
		return;
	for (size_t i = 0; i < hub->n_warnings; i++)
		free(hub->warnings[i]);
	free(hub->warnings);
	free(hub->ca);
	registry_conf_release(&hub->conf);
	pthread_mutex_destroy(&hub->lock);
	free(hub);
}

const char *registry_hub_warning(struct registry_hub *hub)
{
	return hub->told < hub->n_warnings ? hub->warnings[hub->told++] : NULL;
}

static void note(struct registry_hub *hub, const char *host, const char *text, size_t n)
{
	char *line = mem_printf("%s says: %.*s", host, (int)n, text);
	bool known = false;

	str_tidy(line);
	pthread_mutex_lock(&hub->lock);
	for (size_t i = 0; i < hub->n_warnings; i++)
		known = known || strcmp(hub->warnings[i], line) == 0;
	if (known || hub->n_warnings >= WARNINGS_MAX) {
		free(line);
	} else {
		mem_grow(hub->warnings, hub->n_warnings);
		hub->warnings[hub->n_warnings++] = line;
	}
	pthread_mutex_unlock(&hub->lock);
}

/* distribution-spec, "Warnings": 299 - "text", and nothing else is meant for people. */
void registry_note_warnings(struct registry_hub *hub, const char *host, const struct call_answer *answer)
{
	for (size_t i = 0; i < answer->n_headers; i++) {
		const char *v = answer->headers[i].value, *end;

		if (strcasecmp(answer->headers[i].name, "Warning") != 0 || !str_starts(v, "299 - \""))
			continue;
		v += strlen("299 - \"");
		end = strrchr(v, '"');
		if (end && end > v && end - v <= WARNING_BYTES_MAX)
			note(hub, host, v, (size_t)(end - v));
	}
}

/* ---- one ---- */

static int set_up_end(struct registry *r, struct endpoint *e, const struct registry_place *p, struct err *err)
{
	const char *host = strcmp(p->host, REF_HUB) == 0 ? HUB_HOST : p->host;

	*e = (struct endpoint){ .host = host,
				.auth_host = p->host,
				.repo = p->repo,
				.insecure = p->insecure || r->hub->options.insecure,
				.digest_only = p->use == REGISTRY_CONF_BY_DIGEST,
				.tag_only = p->use == REGISTRY_CONF_BY_TAG,
				.tls = { .ca = r->hub->ca } };
	pthread_mutex_init(&e->lock, NULL);
	e->tls.insecure = e->insecure;
	return registry_conf_certs(&r->arena, r->hub->options.home, p->host, &e->tls, err);
}

static int set_up(struct registry *r, const struct ref *ref, struct err *err)
{
	const struct registry_conf_rule *rule = registry_conf_find(&r->hub->conf, ref->host, ref->repo);
	struct registry_place own = { ref->host, ref->repo, rule && rule->insecure, REGISTRY_CONF_ALL };
	struct registry_place *places = &own;
	size_t n = 1;

	if (rule && rule->blocked)
		return err_set(err, ERR_USAGE, "registries.conf blocks %s", rule->prefix);
	/* What is pushed goes where it is named: mirrors, and places that stand for others, are for pulls. */
	if (r->access == REGISTRY_PULL)
		places = registry_conf_places(&r->hub->conf, &r->arena, ref, &n);
	r->ends = arena_array(&r->arena, n, sizeof(*r->ends));
	for (size_t i = 0; i < n; i++) {
		r->n_ends++;
		if (set_up_end(r, &r->ends[i], &places[i], err) < 0)
			return -1;
	}
	return 0;
}

struct registry *registry_open(struct registry_hub *hub, const struct ref *ref, enum registry_access access,
			       struct err *err)
{
	struct registry *r = NEW(struct registry);

	r->hub = hub;
	r->access = access;
	r->ref = *ref;
	r->ref.host = arena_strdup(&r->arena, ref->host);
	r->ref.repo = arena_strdup(&r->arena, ref->repo);
	r->ref.tag = arena_strdup(&r->arena, ref->tag);
	pthread_mutex_init(&r->lock, NULL);
	if (set_up(r, &r->ref, err) == 0)
		return r;
	err_at(err, "%s/%s", ref->host, ref->repo);
	registry_free(r);
	return NULL;
}

void registry_free(struct registry *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n_idle; i++)
		call_free(r->idle[i]);
	for (size_t i = 0; i < r->n_ends; i++) {
		arena_release(&r->ends[i].arena);
		pthread_mutex_destroy(&r->ends[i].lock);
	}
	free(r->idle);
	free(r->from);
	pthread_mutex_destroy(&r->lock);
	arena_release(&r->arena);
	free(r);
}

const struct ref *registry_ref(const struct registry *r)
{
	return &r->ref;
}

void registry_mount_from(struct registry *r, const char *repo)
{
	for (size_t i = 0; i < r->n_from; i++)
		if (strcmp(r->from[i], repo) == 0)
			return;
	if (strcmp(repo, r->ref.repo) == 0)
		return;
	mem_grow(r->from, r->n_from);
	r->from[r->n_from++] = arena_strdup(&r->arena, repo);
}

/* ---- connections ---- */

struct caller *registry_take_caller(struct registry *r)
{
	struct caller *c = NULL;

	pthread_mutex_lock(&r->lock);
	if (r->n_idle)
		c = r->idle[--r->n_idle];
	pthread_mutex_unlock(&r->lock);
	return c ? c : call_new(r->hub->http);
}

void registry_give_caller(struct registry *r, struct caller *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&r->lock);
	mem_grow(r->idle, r->n_idle);
	r->idle[r->n_idle++] = c;
	pthread_mutex_unlock(&r->lock);
}
