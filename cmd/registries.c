#include "cmd/registries.h"

#include <string.h>

#include "base/log.h"

#define DOCKER "docker://"

int registries_open(struct registries *r, const struct options *o, struct err *err)
{
	struct registry_options options = { .ca_file = o->registry_ca,
					    .insecure = o->insecure,
					    .home = getenv("HOME"),
					    .conf = getenv("CONTAINERS_REGISTRIES_CONF") };

	if (r->hub)
		return 0;
	if (!r->http) {
		if (config_read_settings(o->condarc, &r->config, err) < 0)
			return -1;
		r->http = http_new("condaimg/" CONDAIMG_VERSION);
	}
	config_apply_to_registries(&r->config, r->http, &options.ca_configured);
	r->hub = registry_hub_new(r->http, &options, err);
	return r->hub ? 0 : -1;
}

int registries_attach(struct registries *r, const struct options *o, struct dest *d, struct err *err)
{
	auto_arena a = { 0 };

	if (d->type != DEST_REGISTRY)
		return 0;
	if (o->offline)
		return err_set(err, ERR_USAGE, "%s is in a registry, and --offline asks no network", dest_text(&a, d));
	if (registries_open(r, o, err) < 0)
		return -1;
	d->hub = r->hub;
	return 0;
}

int registries_place(struct registries *r, const struct options *o, struct arena *a, const char *text, struct dest *ret,
		     struct err *err)
{
	return dest_parse(a, text, ret, err) < 0 ? -1 : registries_attach(r, o, ret, err);
}

int registries_ref(struct registries *r, const struct options *o, struct arena *a, const char *text, struct dest *ret,
		   struct err *err)
{
	return registries_place(r, o, a,
				arena_printf(a, DOCKER "%s", text + (str_starts(text, DOCKER) ? strlen(DOCKER) : 0)),
				ret, err);
}

int registries_media_types(const struct options *o, bool *docker, struct err *err)
{
	*docker = o->media_types && strcmp(o->media_types, "docker") == 0;
	if (o->media_types && !*docker && strcmp(o->media_types, "oci") != 0)
		return err_set(err, ERR_USAGE, "--media-types is '%s', expected oci or docker", o->media_types);
	return 0;
}

void registries_release(struct registries *r)
{
	const char *text;

	while (r->hub && (text = registry_hub_warning(r->hub)))
		log_warn("%s", text);
	registry_hub_free(r->hub);
	http_free(r->http);
	config_release(&r->config);
	*r = (struct registries){ 0 };
}

/* ---- on the way ---- */

static void told_begun(struct dest_told *base, size_t n)
{
	progress_push_begin(((struct registries_told *)base)->progress, n);
}

static void told_step(struct dest_told *base)
{
	progress_pushed(((struct registries_told *)base)->progress);
}

void registries_told_begin(struct registries_told *t, struct progress *progress)
{
	*t = (struct registries_told){ .base = { .begun = told_begun, .step = told_step }, .progress = progress };
}

void registries_told_end(struct registries_told *t)
{
	progress_push_end(t->progress);
}
