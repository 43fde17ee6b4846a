#include "oci/image.h"

#include <inttypes.h>
#include <stdio.h>

#define SECONDS_A_DAY 86400
#define YEAR_1 INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define YEAR_9999 INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

/* ---- time ---- */

/* Days since 1970-01-01 to a date and back: Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
static void civil_from_days(int64_t days, int *year, unsigned *month, unsigned *day)
{
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
	unsigned doe = (unsigned)(z - era * 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

	*day = doy - (153 * mp + 2) / 5 + 1;
	*month = mp < 10 ? mp + 3 : mp - 9;
	*year = (int)(era * 400) + (int)yoe + (*month <= 2);
}

static int64_t days_from_civil(int64_t year, unsigned month, unsigned day)
{
	int64_t y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400;
	unsigned yoe = (unsigned)(y - era * 400), doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return era * 146097 + (int64_t)doe - 719468;
}

struct image_time image_time_text(int64_t seconds)
{
	int64_t t = seconds < YEAR_1 ? YEAR_1 : seconds > YEAR_9999 ? YEAR_9999 : seconds;
	int64_t days = (t - (t < 0 ? SECONDS_A_DAY - 1 : 0)) / SECONDS_A_DAY;
	unsigned rest = (unsigned)(t - days * SECONDS_A_DAY), month, day;
	struct image_time ret;
	int year;

	civil_from_days(days, &year, &month, &day);
	snprintf(ret.s, sizeof(ret.s), "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)year % 10000, month % 100, day % 100,
		 rest / 3600 % 24, rest / 60 % 60, rest % 60);
	return ret;
}

/* n digits at *p, which is moved behind them. */
static bool take_digits(const char **p, int n, unsigned *ret)
{
	unsigned v = 0;

	for (; n; n--, (*p)++) {
		if (**p < '0' || **p > '9')
			return false;
		v = 10 * v + (unsigned)(**p - '0');
	}
	*ret = v;
	return true;
}

static bool take_char(const char **p, const char *of)
{
	return **p && strchr(of, **p) && (*p)++;
}

/* "Z" or "+01:00": seconds to take off. */
static bool take_zone(const char **p, int64_t *ret)
{
	char sign = **p;
	unsigned h, m;

	*ret = 0;
	if (take_char(p, "Zz"))
		return true;
	if (!take_char(p, "+-") || !take_digits(p, 2, &h) || !take_char(p, ":") || !take_digits(p, 2, &m) || h > 23 ||
	    m > 59)
		return false;
	*ret = (sign == '-' ? -1 : 1) * (int64_t)(h * 3600 + m * 60);
	return true;
}

/* RFC 3339; fractions of a second are dropped. */
static bool parse_time(const char *p, int64_t *ret)
{
	unsigned year, month, day, h, m, s, tenth;
	int64_t zone;

	if (!take_digits(&p, 4, &year) || !take_char(&p, "-") || !take_digits(&p, 2, &month) || !take_char(&p, "-") ||
	    !take_digits(&p, 2, &day) || !take_char(&p, "Tt ") || !take_digits(&p, 2, &h) || !take_char(&p, ":") ||
	    !take_digits(&p, 2, &m) || !take_char(&p, ":") || !take_digits(&p, 2, &s))
		return false;
	if (take_char(&p, ".")) {
		if (!take_digits(&p, 1, &tenth))
			return false;
		p += strspn(p, "0123456789");
	}
	if (!take_zone(&p, &zone) || *p || month < 1 || month > 12 || day < 1 || day > 31 || h > 23 || m > 59 || s > 60)
		return false;
	*ret = days_from_civil(year, month, day) * SECONDS_A_DAY + h * 3600 + m * 60 + s - zone;
	return true;
}

/* ---- encode: the config ---- */

static void put_text(struct json *j, const char *key, const char *s)
{
	if (s && *s)
		json_put_string(j, key, s);
}

static bool is_set(const char *const *list)
{
	return list && *list;
}

/* {"80/tcp":{}}: how Docker's Go writes a set. */
static void put_set(struct json *j, const char *key, const char *const *list)
{
	if (!is_set(list))
		return;
	json_key(j, key);
	json_object(j);
	for (; *list; list++) {
		json_key(j, *list);
		json_object(j);
		json_end(j);
	}
	json_end(j);
}

static bool says_how_to_run(const struct image *im)
{
	return is_set(im->cmd) || is_set(im->entrypoint) || is_set(im->env) || is_set(im->exposed_ports) ||
	       is_set(im->volumes) || im->n_labels || (im->user && *im->user) ||
	       (im->working_dir && *im->working_dir) || (im->stop_signal && *im->stop_signal);
}

static void put_run(struct json *j, const struct image *im)
{
	if (!says_how_to_run(im))
		return;
	json_key(j, "config");
	json_object(j);
	json_put_known_strings(j, "Cmd", im->cmd);
	json_put_known_strings(j, "Entrypoint", im->entrypoint);
	json_put_known_strings(j, "Env", im->env);
	put_set(j, "ExposedPorts", im->exposed_ports);
	descriptor_write_map(j, "Labels", im->labels, im->n_labels);
	put_text(j, "StopSignal", im->stop_signal);
	put_text(j, "User", im->user);
	put_set(j, "Volumes", im->volumes);
	put_text(j, "WorkingDir", im->working_dir);
	json_end(j);
}

static void put_step(struct json *j, const struct image_history *h)
{
	json_object(j);
	put_text(j, "author", h->author);
	put_text(j, "comment", h->comment);
	put_text(j, "created", h->created);
	put_text(j, "created_by", h->created_by);
	if (h->empty_layer)
		json_put_bool(j, "empty_layer", true);
	json_end(j);
}

/* How many layers the base's history speaks of. */
static size_t told_layers(const struct image_history *h, size_t n)
{
	size_t ret = 0;

	for (size_t i = 0; i < n; i++)
		ret += !h[i].empty_layer;
	return ret;
}

static void put_history(struct json *j, const struct image *im, const char *created)
{
	size_t told = told_layers(im->history, im->n_history);
	bool fits = told <= im->n_layers;

	json_key(j, "history");
	json_array(j);
	for (size_t i = 0; fits && i < im->n_history; i++)
		put_step(j, &im->history[i]);
	for (size_t i = fits ? told : 0; i < im->n_layers; i++)
		put_step(j, &(struct image_history){ .created = created, .created_by = im->layers[i].created_by });
	json_end(j);
}

static void put_rootfs(struct json *j, const struct image *im)
{
	json_key(j, "rootfs");
	json_object(j);
	json_key(j, "diff_ids");
	json_array(j);
	for (size_t i = 0; i < im->n_layers; i++) {
		auto_free char *diffid = mem_printf("sha256:%s", digest_hex(&im->layers[i].layer.diffid).hex);

		json_string(j, diffid);
	}
	json_end(j);
	json_put_string(j, "type", "layers");
	json_end(j);
}

static void encode_config(const struct image *im, const char *created, struct buf *out)
{
	struct json j = { .out = out };

	json_object(&j);
	json_put_string(&j, "architecture", im->arch);
	put_run(&j, im);
	json_put_string(&j, "created", created);
	put_history(&j, im, created);
	json_put_string(&j, "os", im->os);
	put_rootfs(&j, im);
	put_text(&j, "variant", im->variant);
	json_end(&j);
}

/* ---- encode: the manifest ---- */

static void put_annotations(struct json *j, const struct image *im, const char *created)
{
	bool missing = !descriptor_annotation(im->annotations, im->n_annotations, ANNOTATION_CREATED);

	json_key(j, "annotations");
	json_object(j);
	for (size_t i = 0; i < im->n_annotations; i++) {
		if (missing && strcmp(ANNOTATION_CREATED, im->annotations[i].key) < 0) {
			json_put_string(j, ANNOTATION_CREATED, created);
			missing = false;
		}
		json_put_string(j, im->annotations[i].key, im->annotations[i].value);
	}
	if (missing)
		json_put_string(j, ANNOTATION_CREATED, created);
	json_end(j);
}

static void put_layer(struct json *j, const struct image_layer *l)
{
	descriptor_write(j, &(struct descriptor){ .media_type = l->media_type,
						  .digest = l->layer.digest,
						  .size = l->layer.size,
						  .annotations = l->annotations,
						  .n_annotations = l->n_annotations });
}

static void encode_manifest(const struct image *im, const char *created, const struct descriptor *config,
			    struct buf *out)
{
	struct json j = { .out = out };

	json_object(&j);
	put_annotations(&j, im, created);
	json_key(&j, "config");
	descriptor_write(&j, config);
	json_key(&j, "layers");
	json_array(&j);
	for (size_t i = 0; i < im->n_layers; i++)
		put_layer(&j, &im->layers[i]);
	json_end(&j);
	json_put_string(&j, "mediaType", MEDIA_MANIFEST);
	json_put_int(&j, "schemaVersion", 2);
	json_end(&j);
}

void image_encode(const struct image *im, struct buf *config, struct buf *manifest)
{
	struct image_time created = image_time_text(im->created);
	struct descriptor d = { .media_type = MEDIA_CONFIG };
	size_t start = config->n;

	encode_config(im, created.s, config);
	d.size = config->n - start;
	d.digest = digest_bytes(config->p + start, config->n - start);
	encode_manifest(im, created.s, &d, manifest);
}

/* ---- decode ---- */

static const struct {
	const char *found, *as;
} layer_types[] = {
	{ MEDIA_LAYER, MEDIA_LAYER },
	{ MEDIA_LAYER_GZIP, MEDIA_LAYER_GZIP },
	{ MEDIA_LAYER_ZSTD, MEDIA_LAYER_ZSTD },
	{ MEDIA_DOCKER_LAYER, MEDIA_LAYER_GZIP },
	{ MEDIA_DOCKER_LAYER_TAR, MEDIA_LAYER },
	{ MEDIA_DOCKER_LAYER_ZSTD, MEDIA_LAYER_ZSTD },
};

static const char *layer_type(const char *found)
{
	for (size_t i = 0; i < COUNT(layer_types); i++)
		if (strcmp(layer_types[i].found, found) == 0)
			return layer_types[i].as;
	return NULL;
}

static const struct doc *parse(struct arena *a, const char *p, size_t n, size_t max, const char *name, struct err *err)
{
	const struct doc *d;

	if (n > max) {
		err_set(err, ERR_LIMIT, "%s has %zu bytes, more than the %zu that are read", name, n, max);
		return NULL;
	}
	d = doc_parse_json(a, p, n, name, err);
	if (d && d->type != DOC_MAP) {
		doc_fault(d, err, "is a %s, expected an object", doc_type_name(d->type));
		return NULL;
	}
	return d;
}

static const struct doc *parse_manifest(struct arena *a, const char *p, size_t n, struct err *err)
{
	const struct doc *d = parse(a, p, n, IMAGE_MANIFEST_MAX, "manifest", err);
	const char *type;
	int64_t version;

	if (!d || doc_get_int(d, "schemaVersion", 0, &version, err) < 0 ||
	    doc_get_string(d, "mediaType", MEDIA_MANIFEST, &type, err) < 0)
		return NULL;
	if (version != 2) {
		doc_fault(d, err, "schemaVersion is %" PRId64 ", expected 2%s", version,
			  version == 1 ? ": that is how images were kept before 2017" : "");
		return NULL;
	}
	if (strcmp(type, MEDIA_MANIFEST) != 0 && strcmp(type, MEDIA_DOCKER_MANIFEST) != 0) {
		doc_fault(d, err, "is of type '%.100s', expected the manifest of an image", type);
		return NULL;
	}
	return d;
}

static int read_config_descriptor(struct arena *a, const struct doc *manifest, struct descriptor *ret, struct err *err)
{
	struct descriptor d;

	if (descriptor_read(a, doc_find(manifest, "config"), &d, err) < 0)
		return err_at(err, "config");
	if (strcmp(d.media_type, MEDIA_CONFIG) != 0 && strcmp(d.media_type, MEDIA_DOCKER_CONFIG) != 0)
		return err_set(err, ERR_FORMAT, "manifest: is not of a container image: its config is of type '%.100s'",
			       d.media_type);
	*ret = d;
	return 0;
}

int image_config_of(const char *manifest, size_t n, struct digest *digest, uint64_t *size, struct err *err)
{
	auto_arena a = { 0 };
	const struct doc *d = parse_manifest(&a, manifest, n, err);
	struct descriptor config;

	if (!d || read_config_descriptor(&a, d, &config, err) < 0)
		return -1;
	if (config.size > IMAGE_CONFIG_MAX)
		return err_set(err, ERR_LIMIT, "config has %" PRIu64 " bytes, more than the %d that are read",
			       config.size, IMAGE_CONFIG_MAX);
	*digest = config.digest;
	*size = config.size;
	return 0;
}

/* A list that must be there, or a failure. */
static const struct doc *get_list(const struct doc *d, const char *key, struct err *err)
{
	const struct doc *list = doc_find(d, key);

	if (list && list->type == DOC_LIST)
		return list;
	doc_fault(d, err, "'%s' is %s, expected a list", key, list ? doc_type_name(list->type) : "missing");
	return NULL;
}

static int read_layers(struct arena *a, const struct doc *manifest, struct image *im, struct err *err)
{
	const struct doc *list = get_list(manifest, "layers", err);
	struct image_layer *layers;

	if (!list)
		return -1;
	if (list->n > IMAGE_LAYERS_MAX)
		return err_set(err, ERR_LIMIT, "manifest has %zu layers, more than the %d that are read", list->n,
			       IMAGE_LAYERS_MAX);
	layers = arena_array(a, list->n, sizeof(*layers));
	for (size_t i = 0; i < list->n; i++) {
		struct descriptor d;

		if (descriptor_read(a, &list->items[i], &d, err) < 0)
			return err_at(err, "layer %zu of %zu", i + 1, list->n);
		layers[i] = (struct image_layer){ .media_type = layer_type(d.media_type),
						  .layer = { .digest = d.digest, .size = d.size },
						  .annotations = d.annotations,
						  .n_annotations = d.n_annotations,
						  .foreign = true };
		if (!layers[i].media_type)
			return err_set(err, ERR_FORMAT, "layer %zu of %zu is of type '%.100s', which is not supported",
				       i + 1, list->n, d.media_type);
	}
	im->layers = layers;
	im->n_layers = list->n;
	return 0;
}

static int read_diffids(const struct doc *config, struct image_layer *layers, size_t n, struct err *err)
{
	const struct doc *rootfs = doc_find(config, "rootfs"), *list;

	if (!rootfs || rootfs->type != DOC_MAP)
		return doc_fault(config, err, "has no rootfs");
	list = get_list(rootfs, "diff_ids", err);
	if (!list)
		return -1;
	if (list->n != n)
		return doc_fault(config, err, "has %zu diff_ids, but the manifest has %zu layers", list->n, n);
	for (size_t i = 0; i < n; i++)
		if (list->items[i].type != DOC_STRING ||
		    !descriptor_digest(list->items[i].text, &layers[i].layer.diffid))
			return doc_fault(config, err, "diff_id %zu is not 'sha256:' and 64 lower-case hex digits",
					 i + 1);
	return 0;
}

static int read_step(const struct doc *d, struct image_history *h, struct err *err)
{
	if (d->type != DOC_MAP)
		return doc_fault(d, err, "an item of 'history' is a %s, expected an object", doc_type_name(d->type));
	if (doc_get_string(d, "created", NULL, &h->created, err) < 0 ||
	    doc_get_string(d, "created_by", NULL, &h->created_by, err) < 0 ||
	    doc_get_string(d, "author", NULL, &h->author, err) < 0 ||
	    doc_get_string(d, "comment", NULL, &h->comment, err) < 0)
		return -1;
	return doc_get_bool(d, "empty_layer", false, &h->empty_layer, err);
}

static int read_history(struct arena *a, const struct doc *config, struct image *im, struct image_layer *layers,
			struct err *err)
{
	const struct doc *list = doc_find(config, "history");
	struct image_history *h;

	if (!list || list->type == DOC_NULL)
		return 0;
	if (list->type != DOC_LIST)
		return doc_fault(list, err, "'history' is a %s, expected a list", doc_type_name(list->type));
	h = arena_array(a, list->n, sizeof(*h));
	for (size_t i = 0; i < list->n; i++)
		if (read_step(&list->items[i], &h[i], err) < 0)
			return -1;
	if (told_layers(h, list->n) != im->n_layers)
		return 0;
	im->history = h;
	im->n_history = list->n;
	for (size_t i = 0; i < list->n; i++)
		if (!h[i].empty_layer)
			(layers++)->created_by = h[i].created_by;
	return 0;
}

/* The keys of an object, sorted; NULL where there are none. */
static int read_set(struct arena *a, const struct doc *d, const char *key, const char *const **ret, struct err *err)
{
	const struct doc *map = doc_find(d, key);
	const char **list;

	*ret = NULL;
	if (!map || map->type == DOC_NULL)
		return 0;
	if (map->type != DOC_MAP)
		return doc_fault(map, err, "'%s' is a %s, expected an object", key, doc_type_name(map->type));
	if (!map->n)
		return 0;
	list = arena_array(a, map->n + 1, sizeof(*list));
	for (size_t i = 0; i < map->n; i++)
		list[i] = map->keys[i].text;
	qsort(list, map->n, sizeof(*list), str_ptr_cmp);
	*ret = list;
	return 0;
}

static int read_strings(struct arena *a, const struct doc *d, const char *key, const char *const **ret, struct err *err)
{
	size_t n;

	if (doc_get_strings(a, d, key, ret, &n, err) < 0)
		return -1;
	if (!n)
		*ret = NULL;
	return 0;
}

static int read_run(struct arena *a, const struct doc *config, struct image *im, struct err *err)
{
	const struct doc *d = doc_find(config, "config");

	if (!d || d->type == DOC_NULL)
		return 0;
	if (d->type != DOC_MAP)
		return doc_fault(d, err, "'config' is a %s, expected an object", doc_type_name(d->type));
	if (doc_get_string(d, "User", NULL, &im->user, err) < 0 ||
	    doc_get_string(d, "WorkingDir", NULL, &im->working_dir, err) < 0 ||
	    doc_get_string(d, "StopSignal", NULL, &im->stop_signal, err) < 0 ||
	    read_strings(a, d, "Env", &im->env, err) < 0 ||
	    read_strings(a, d, "Entrypoint", &im->entrypoint, err) < 0 ||
	    read_strings(a, d, "Cmd", &im->cmd, err) < 0 ||
	    read_set(a, d, "ExposedPorts", &im->exposed_ports, err) < 0 ||
	    read_set(a, d, "Volumes", &im->volumes, err) < 0)
		return -1;
	return descriptor_read_map(a, d, "Labels", &im->labels, &im->n_labels, err);
}

static int read_platform(const struct doc *config, struct image *im, struct err *err)
{
	const char *created;

	if (doc_get_string(config, "os", NULL, &im->os, err) < 0 ||
	    doc_get_string(config, "architecture", NULL, &im->arch, err) < 0 ||
	    doc_get_string(config, "variant", NULL, &im->variant, err) < 0 ||
	    doc_get_string(config, "created", NULL, &created, err) < 0)
		return -1;
	if (!im->os || !im->arch)
		return doc_fault(config, err, "has no %s", im->os ? "architecture" : "os");
	if (created && !parse_time(created, &im->created))
		return doc_fault(config, err, "created is '%.100s', expected a time such as 2006-01-02T15:04:05Z",
				 created);
	return 0;
}

int image_decode(struct arena *a, const char *manifest, size_t n_manifest, const char *config, size_t n_config,
		 struct image *ret, struct err *err)
{
	const struct doc *m = parse_manifest(a, manifest, n_manifest, err), *c;
	struct image im = { 0 };
	struct image_layer *layers;
	struct descriptor d;

	if (!m || read_config_descriptor(a, m, &d, err) < 0 || read_layers(a, m, &im, err) < 0 ||
	    descriptor_read_map(a, m, "annotations", &im.annotations, &im.n_annotations, err) < 0)
		return -1;
	c = parse(a, config, n_config, IMAGE_CONFIG_MAX, "config", err);
	layers = (struct image_layer *)im.layers;
	if (!c || read_platform(c, &im, err) < 0 || read_run(a, c, &im, err) < 0 ||
	    read_diffids(c, layers, im.n_layers, err) < 0 || read_history(a, c, &im, layers, err) < 0)
		return -1;
	*ret = im;
	return 0;
}
