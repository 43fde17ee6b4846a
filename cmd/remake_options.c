/* The options that an image was made with, as far as it tells of them. */
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "cmd/holding.h"
#include "cmd/making.h"
#include "cmd/paths_plan.h"
#include "cmd/remake.h"

static const struct image *image_of(const struct remake *r)
{
	return blobs_image(r->blobs);
}

/* ---- by labels and layers ---- */

/* "zstd" of the media type; the level is for remake_check() to find. */
static const char *compression_of(const struct image *im)
{
	const char *type = im->n_layers ? im->layers[im->n_layers - 1].media_type : MEDIA_LAYER_GZIP;

	return strcmp(type, MEDIA_LAYER_ZSTD) == 0 ? "zstd" : strcmp(type, MEDIA_LAYER) == 0 ? "none" : NULL;
}

static bool has_part(const struct remake *r, const char *part)
{
	const struct image *im = image_of(r);
	auto_arena a = { 0 };

	for (size_t i = r->n_base; i < im->n_layers; i++)
		if (strcmp(holding_of(&a, &im->layers[i]).part, part) == 0)
			return true;
	return false;
}

static const char **one_text(struct arena *a, const char *text)
{
	const char **ret = arena_array(a, 1, sizeof(*ret));

	ret[0] = text;
	return ret;
}

/* What says how the tool works, and not what is in the image, is as it was given now. */
static struct options given_options(const struct options *o)
{
	return (struct options){
		.cache_dirs = o->cache_dirs,
		.n_cache_dirs = o->n_cache_dirs,
		.jobs = o->jobs,
		.offline = o->offline,
		.condarc = o->condarc,
		.progress = o->progress,
		.clobber = o->clobber,
		.link_scripts = o->link_scripts,
		.layers = o->layers,
		.compression = o->compression,
		.ca_files = o->ca_files,
		.n_ca_files = o->n_ca_files,
		.channels = o->channels,
		.n_channels = o->n_channels,
		.exclude_newer = o->exclude_newer,
	};
}

static int check_certificates(const struct remake *r, struct err *err)
{
	const char *label = holding_label(image_of(r), LABEL_CERTIFICATES), *have = r->settings.app.certificates;
	struct digest d;
	auto_arena a = { 0 };

	if (label && !have)
		return err_set(err, ERR_USAGE,
			       "%s was made with certificates of its own: give the same ones with --ca-file",
			       r->room->name);
	if (!label && have)
		return err_set(err, ERR_USAGE, "%s was made without --ca-file", r->room->name);
	if (!label)
		return 0;
	d = digest_bytes(have, strlen(have));
	if (strcmp(label, arena_printf(&a, "sha256:%s", digest_hex(&d).hex)) != 0)
		return err_set(err, ERR_USAGE, "--ca-file has other certificates than %s was made with (%s)",
			       r->room->name, label);
	return 0;
}

int remake_options(struct remake *r, struct err *err)
{
	const struct image *im = image_of(r);
	struct options *o = &r->options;

	*o = given_options(r->room->o);
	o->prefix = holding_label(im, "io.condaimg.prefix");
	o->user = holding_label(im, LABEL_USER);
	o->shell = holding_label(im, LABEL_SHELL) != NULL;
	o->libc = !r->n_base && !has_part(r, "libc") ? "none" : NULL;
	o->platforms = one_text(&r->arena, r->platform->subdir);
	o->n_platforms = 1;
	if (!o->compression)
		o->compression = compression_of(im);
	if (!o->prefix)
		return err_set(err, ERR_FORMAT, "%s does not tell where its environment is: condaimg did not build it",
			       r->room->name);
	if (settings_read(o, &r->settings, err) < 0 || settings_configure(o, &r->settings, err) < 0)
		return err_at(err, "the options that %s was made with", r->room->name);
	return check_certificates(r, err);
}

/* ---- by comparing ---- */

static bool has_text(const char *const *list, const char *text)
{
	for (; list && *list; list++)
		if (strcmp(*list, text) == 0)
			return true;
	return false;
}

static void add(const char ***list, size_t *n, const char *text)
{
	mem_grow(*list, *n);
	(*list)[(*n)++] = text;
}

/* Takes list over, into the arena. */
static const char **keep(struct arena *a, const char **list, size_t n)
{
	const char **ret = n ? arena_dup(a, list, n * sizeof(*list)) : NULL;

	free(list);
	return ret;
}

/* Those of is that plain lacks. */
static const char **texts_beyond(struct arena *a, const char *const *is, const char *const *plain, size_t *n)
{
	const char **list = NULL;

	*n = 0;
	for (; is && *is; is++)
		if (!has_text(plain, *is))
			add(&list, n, *is);
	return keep(a, list, *n);
}

static const char **pairs_beyond(struct arena *a, const struct annotation *is, size_t n_is,
				 const struct annotation *plain, size_t n_plain, const char *created, size_t *n)
{
	const char **list = NULL;

	*n = 0;
	for (size_t i = 0; i < n_is; i++) {
		const char *same = descriptor_annotation(plain, n_plain, is[i].key);

		if ((same && strcmp(same, is[i].value) == 0) || str_starts(is[i].key, "io.condaimg."))
			continue;
		if (strcmp(is[i].key, ANNOTATION_CREATED) == 0 && strcmp(is[i].value, created) == 0)
			continue;
		add(&list, n, arena_printf(a, "%s=%s", is[i].key, is[i].value));
	}
	return keep(a, list, *n);
}

/* As an option takes them: ["python", "-m", "app"]; "" for none. */
static const char *words_text(struct arena *a, const char *const *words)
{
	auto_buf b = { 0 };
	struct json j = { .out = &b };

	if (!words || !*words)
		return "";
	json_array(&j);
	for (; *words; words++)
		json_string(&j, *words);
	json_end(&j);
	return arena_strdup(a, buf_cstr(&b));
}

static bool same_words(const char *const *a, const char *const *b)
{
	for (; a && *a && b && *b; a++, b++)
		if (strcmp(*a, *b) != 0)
			return false;
	return !(a && *a) && !(b && *b);
}

/* Activation in front of the entry point is the packages' affair. */
static void add_command(struct remake *r, const struct image *plain)
{
	const struct image *im = image_of(r);
	const char *activate = arena_printf(&r->arena, "%s/" PATHS_PLAN_ENTRY_POINT, r->options.prefix);
	const char *const *entry = im->entrypoint, *const *cmd = plain->cmd;

	if (entry && *entry && strcmp(*entry, activate) == 0)
		entry++;
	if (entry && *entry) {
		r->options.entrypoint = words_text(&r->arena, entry);
		cmd = NULL; /* who says what is started, starts nothing else */
	}
	if (!same_words(im->cmd, cmd))
		r->options.cmd = words_text(&r->arena, im->cmd);
}

static const char *same_or_null(const char *is, const char *plain)
{
	return is && strcmp(is, plain ? plain : "") != 0 ? is : NULL;
}

bool remake_add_options(struct remake *r, const struct image *plain)
{
	const struct image *im = image_of(r);
	struct options *o = &r->options;
	struct arena *a = &r->arena;
	const char *created = arena_strdup(a, image_time_text(im->created).s);

	o->envs = texts_beyond(a, im->env, plain->env, &o->n_envs);
	o->ports = texts_beyond(a, im->exposed_ports, plain->exposed_ports, &o->n_ports);
	o->volumes = texts_beyond(a, im->volumes, plain->volumes, &o->n_volumes);
	o->labels = pairs_beyond(a, im->labels, im->n_labels, plain->labels, plain->n_labels, "", &o->n_labels);
	o->annotations = pairs_beyond(a, im->annotations, im->n_annotations, plain->annotations, plain->n_annotations,
				      created, &o->n_annotations);
	o->workdir = same_or_null(im->working_dir, plain->working_dir);
	add_command(r, plain);
	return o->n_envs || o->n_ports || o->n_volumes || o->n_labels || o->n_annotations || o->workdir ||
	       o->entrypoint || o->cmd;
}

/* ---- what is left ---- */

static const char *map_difference(struct arena *a, const char *kind, const struct annotation *x, size_t n,
				  const struct annotation *y, size_t m)
{
	for (size_t i = 0; i < n; i++) {
		const char *other = descriptor_annotation(y, m, x[i].key);

		if (strcmp(x[i].key, ANNOTATION_CREATED) == 0) /* it is added where a manifest is written */
			continue;
		if (!other || strcmp(other, x[i].value) != 0)
			return arena_printf(a, "%s %s", kind, x[i].key);
	}
	for (size_t i = 0; i < m; i++)
		if (!descriptor_annotation(x, n, y[i].key))
			return arena_printf(a, "%s %s", kind, y[i].key);
	return NULL;
}

static const char *words_difference(struct arena *a, const char *kind, const char *const *x, const char *const *y)
{
	if (same_words(x, y))
		return NULL;
	for (const char *const *i = x; i && *i; i++)
		if (!has_text(y, *i))
			return arena_printf(a, "%s %.60s", kind, *i);
	for (const char *const *i = y; i && *i; i++)
		if (!has_text(x, *i))
			return arena_printf(a, "%s %.60s", kind, *i);
	return arena_printf(a, "order of its %s", kind);
}

static const char *layer_difference(struct arena *a, const struct image *is, const struct image *made)
{
	if (is->n_layers != made->n_layers)
		return arena_printf(a, "number of layers (%zu, not %zu)", is->n_layers, made->n_layers);
	for (size_t i = 0; i < is->n_layers; i++) {
		const struct image_layer *x = &is->layers[i], *y = &made->layers[i];
		const char *ret = map_difference(a, arena_printf(a, "annotations of layer %zu:", i + 1), x->annotations,
						 x->n_annotations, y->annotations, y->n_annotations);

		if (ret)
			return ret;
		if (!digest_equal(&x->layer.digest, &y->layer.digest) || strcmp(x->media_type, y->media_type) != 0)
			return arena_printf(a, "layer %zu", i + 1);
		if (strcmp(x->created_by ? x->created_by : "", y->created_by ? y->created_by : "") != 0)
			return arena_printf(a, "history of layer %zu", i + 1);
	}
	return NULL;
}

static bool same_text(const char *x, const char *y)
{
	return strcmp(x ? x : "", y ? y : "") == 0;
}

const char *remake_difference(struct arena *a, const struct image *is, const struct image *made)
{
	const char *ret = NULL;

	if (is->created != made->created)
		return arena_printf(a, "time (%s)", image_time_text(is->created).s);
	if (!same_text(is->user, made->user))
		return arena_printf(a, "user %s", is->user);
	if (!same_text(is->working_dir, made->working_dir))
		return "working directory";
	if (!same_text(is->stop_signal, made->stop_signal))
		return "stop signal";
	if ((ret = words_difference(a, "variable", is->env, made->env)) ||
	    (ret = words_difference(a, "entry point", is->entrypoint, made->entrypoint)) ||
	    (ret = words_difference(a, "command", is->cmd, made->cmd)) ||
	    (ret = words_difference(a, "port", is->exposed_ports, made->exposed_ports)) ||
	    (ret = words_difference(a, "volume", is->volumes, made->volumes)) ||
	    (ret = map_difference(a, "label", is->labels, is->n_labels, made->labels, made->n_labels)) ||
	    (ret = layer_difference(a, is, made)))
		return ret;
	return map_difference(a, "annotation", is->annotations, is->n_annotations, made->annotations,
			      made->n_annotations);
}
