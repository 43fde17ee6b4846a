#include "oci/parcel.h"

#include <stdio.h>

#include "oci/index.h"

/* ---- one ---- */

void parcel_init(struct parcel *p, const struct image *im, struct store *from, struct blobs *base,
		 struct digest *broken)
{
	*p = (struct parcel){ .from = from,
			      .base = base,
			      .broken = broken,
			      .media_type = MEDIA_MANIFEST,
			      .os = im->os,
			      .arch = im->arch,
			      .variant = im->variant,
			      .n_layers = im->n_layers };
	image_encode(im, &p->config, &p->manifest);
	p->config_digest = digest_bytes(p->config.p, p->config.n);
	p->manifest_digest = digest_bytes(p->manifest.p, p->manifest.n);
	p->layers = arena_array(&p->arena, im->n_layers, sizeof(*p->layers));
	for (size_t i = 0; i < im->n_layers; i++) {
		const struct image_layer *l = &im->layers[i];

		p->layers[i] = (struct parcel_layer){
			{ .media_type = l->media_type, .digest = l->layer.digest, .size = l->layer.size },
			l->foreign,
			l->in,
			l->at
		};
	}
}

static int read_layers(struct parcel *p, const struct doc *d, struct err *err)
{
	const struct doc *list = doc_find(d, "layers");

	if (!list || list->type != DOC_LIST)
		return doc_fault(d, err, "is no manifest of an image: it has no list of layers");
	if (list->n > IMAGE_LAYERS_MAX)
		return err_set(err, ERR_LIMIT, "manifest has %zu layers, more than the %d that are read", list->n,
			       IMAGE_LAYERS_MAX);
	p->layers = arena_array(&p->arena, list->n, sizeof(*p->layers));
	for (; p->n_layers < list->n; p->n_layers++) {
		struct parcel_layer *l = &p->layers[p->n_layers];

		l->foreign = true;
		if (descriptor_read(&p->arena, &list->items[p->n_layers], &l->d, err) < 0)
			return err_at(err, "layer %zu of %zu", p->n_layers + 1, list->n);
	}
	return 0;
}

/* The config tells for whom an image is; what is no image has another config, or none of these keys. */
static void read_platform(struct parcel *p)
{
	struct err none = ERR_INIT;
	const struct doc *d = doc_parse_json(&p->arena, buf_cstr(&p->config), p->config.n, "config", &none);

	if (!d || d->type != DOC_MAP || doc_get_string(d, "os", NULL, &p->os, &none) < 0 ||
	    doc_get_string(d, "architecture", NULL, &p->arch, &none) < 0 ||
	    doc_get_string(d, "variant", NULL, &p->variant, &none) < 0 || !p->os || !p->arch)
		p->os = p->arch = p->variant = NULL;
}

static int read_manifest(struct parcel *p, const char *type, struct err *err)
{
	const struct doc *d = doc_parse_json(&p->arena, buf_cstr(&p->manifest), p->manifest.n, "manifest", err);
	struct descriptor config;

	if (!d || doc_get_string(d, "mediaType", type && *type ? type : MEDIA_MANIFEST, &p->media_type, err) < 0)
		return -1;
	if (descriptor_read(&p->arena, doc_find(d, "config"), &config, err) < 0)
		return err_at(err, "config");
	if (blobs_slurp(p->base, &config.digest, config.size, IMAGE_CONFIG_MAX, &p->config, err) < 0)
		return err_at(err, "config");
	p->config_digest = config.digest;
	read_platform(p);
	return read_layers(p, d, err);
}

int parcel_init_copy(struct parcel *p, const char *manifest, size_t n, const char *type, struct blobs *base,
		     struct err *err)
{
	*p = (struct parcel){ .base = base };
	buf_add(&p->manifest, manifest, n);
	p->manifest_digest = digest_bytes(manifest, n);
	return read_manifest(p, type, err);
}

void parcel_release(struct parcel *p)
{
	buf_release(&p->config);
	buf_release(&p->manifest);
	arena_release(&p->arena);
}

/* ---- Docker's types ---- */

static const char *docker_type(const char *type)
{
	static const struct {
		const char *oci, *docker;
	} types[] = {
		{ MEDIA_LAYER, MEDIA_DOCKER_LAYER_TAR },
		{ MEDIA_LAYER_GZIP, MEDIA_DOCKER_LAYER },
	};

	for (size_t i = 0; i < COUNT(types); i++)
		if (strcmp(type, types[i].oci) == 0 || strcmp(type, types[i].docker) == 0)
			return types[i].docker;
	return NULL;
}

int parcel_to_docker(struct parcel *p, struct err *err)
{
	struct descriptor config = { .media_type = MEDIA_DOCKER_CONFIG,
				     .digest = p->config_digest,
				     .size = p->config.n };
	auto_buf out = { 0 };
	struct json j = { .out = &out };

	json_object(&j);
	json_key(&j, "config");
	descriptor_write(&j, &config);
	json_key(&j, "layers");
	json_array(&j);
	for (size_t i = 0; i < p->n_layers; i++) {
		struct descriptor d = p->layers[i].d;

		d.media_type = docker_type(d.media_type);
		d.n_annotations = 0;
		if (!d.media_type)
			return err_set(
				err, ERR_USAGE,
				"layer %zu of %zu is of type %.100s, which has no like among Docker's media types; "
				"use --compression gzip, or --media-types oci",
				i + 1, p->n_layers, p->layers[i].d.media_type);
		p->layers[i].d = d;
		descriptor_write(&j, &d);
	}
	json_end(&j);
	json_put_string(&j, "mediaType", MEDIA_DOCKER_MANIFEST);
	json_put_int(&j, "schemaVersion", 2);
	json_end(&j);
	p->manifest.n = 0;
	buf_add(&p->manifest, out.p, out.n);
	p->manifest_digest = digest_bytes(out.p, out.n);
	p->media_type = MEDIA_DOCKER_MANIFEST;
	return 0;
}

/* ---- layers ---- */

bool parcel_is_first(const struct parcel *p, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (digest_equal(&p->layers[k].d.digest, &p->layers[i].d.digest))
			return false;
	return true;
}

struct source *parcel_layer(const struct parcel *p, size_t i, struct err *err)
{
	const struct parcel_layer *l = &p->layers[i];

	if (l->at)
		return source_verify(registry_get_blob(l->at, &l->d.digest, l->d.size, err), &l->d.digest, l->d.size);
	if (!l->foreign)
		return store_get(p->from, &l->d.digest, l->d.size, err);
	if (l->in || p->base)
		return blobs_get(l->in ? l->in : p->base, &l->d.digest, l->d.size, err);
	err_set(err, ERR_IO, "is of a base image, which is not at hand");
	return NULL;
}

int parcel_fault(const struct parcel *p, size_t i, struct err *err)
{
	const struct parcel_layer *l = &p->layers[i];

	bool gone = l->at && err->code == ERR_NET; /* it was there when it was found */

	if ((err->code == ERR_INTEGRITY || gone) && !l->foreign && p->broken)
		*p->broken = l->d.digest;
	return err_at(err, "layer %zu of %zu (sha256:%s)", i + 1, p->n_layers, digest_hex(&l->d.digest).hex);
}

/* ---- several ---- */

static void put_entry(struct json *j, const struct parcel *p)
{
	auto_free char *digest = mem_printf("sha256:%s", digest_hex(&p->manifest_digest).hex);

	json_object(j);
	json_put_string(j, "digest", digest);
	json_put_string(j, "mediaType", p->media_type);
	if (p->os) {
		json_key(j, "platform");
		json_object(j);
		json_put_string(j, "architecture", p->arch);
		json_put_string(j, "os", p->os);
		if (p->variant && *p->variant)
			json_put_string(j, "variant", p->variant);
		json_end(j);
	}
	json_key(j, "size");
	json_uint(j, p->manifest.n);
	json_end(j);
}

void parcel_set_index(struct parcel_set *s, bool docker_types)
{
	struct json j = { .out = &s->index };

	s->index.n = 0;
	s->index_type = docker_types ? MEDIA_DOCKER_INDEX : MEDIA_INDEX;
	json_object(&j);
	json_key(&j, "manifests");
	json_array(&j);
	for (size_t i = 0; i < s->n; i++)
		put_entry(&j, &s->list[i]);
	json_end(&j);
	json_put_string(&j, "mediaType", s->index_type);
	json_put_int(&j, "schemaVersion", 2);
	json_end(&j);
	s->index_digest = digest_bytes(s->index.p, s->index.n);
}

void parcel_set_release(struct parcel_set *s)
{
	for (size_t i = 0; i < s->n; i++)
		parcel_release(&s->list[i]);
	free(s->list);
	buf_release(&s->index);
	arena_release(&s->arena);
}

struct descriptor parcel_set_root(const struct parcel_set *s)
{
	if (s->index.n)
		return (struct descriptor){ .media_type = s->index_type,
					    .digest = s->index_digest,
					    .size = s->index.n };
	return (struct descriptor){ .media_type = s->list[0].media_type,
				    .digest = s->list[0].manifest_digest,
				    .size = s->list[0].manifest.n };
}

int parcel_set_layout(const struct parcel_set *s, const struct annotation *annotations, size_t n_annotations,
		      const char *old, size_t n, const char *name, struct buf *ret, struct err *err)
{
	struct descriptor root = parcel_set_root(s);
	const struct parcel *one = s->index.n ? NULL : &s->list[0];

	root.annotations = annotations;
	root.n_annotations = n_annotations;
	return index_put(old, n, name, &root, one ? one->os : NULL, one ? one->arch : NULL, one ? one->variant : NULL,
			 ret, err);
}

struct parcel_path parcel_path(const struct digest *d)
{
	struct parcel_path ret;

	snprintf(ret.s, sizeof(ret.s), "blobs/sha256/%s", digest_hex(d).hex);
	return ret;
}
