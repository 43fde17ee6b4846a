#include "oci/local.h"

#include "oci/index.h"
#include "oci/parcel.h"
#include "oci/repotag.h"

#define DOCKER_MANIFEST "manifest.json"

struct named {
	const char *name;
	struct descriptor d;
};

struct local {
	struct blobs base;
	struct files *files;
	struct named *named; /* of a docker archive: where blobs are */
	size_t n_named;
};

static struct source *local_get(struct blobs *b, const struct digest *d, uint64_t size, struct err *err)
{
	struct local *l = (struct local *)b;

	(void)size;
	for (size_t i = 0; i < l->n_named; i++)
		if (digest_equal(&l->named[i].d.digest, d))
			return files_get(l->files, l->named[i].name, err);
	return files_get(l->files, parcel_path(d).s, err);
}

static void local_free(struct blobs *b)
{
	struct local *l = (struct local *)b;

	files_free(l->files);
	free(l->named);
	blobs_release(b);
	free(l);
}

static const struct blobs_ops local_ops = { .get = local_get, .free = local_free };

static struct local *local_new(struct files *f)
{
	struct local *l = NEW(struct local);

	l->base.ops = &local_ops;
	l->files = f;
	return l;
}

/* ---- OCI ---- */

static int check_layout(struct files *f, struct err *err)
{
	auto_buf text = { 0 };

	if (!files_has(f, LAYOUT_FILE))
		return err_set(err, ERR_FORMAT, "is no OCI image layout: it has no %s", LAYOUT_FILE);
	if (files_slurp(f, LAYOUT_FILE, LAYOUT_FILE_MAX, &text, err) < 0)
		return -1;
	return layout_check(buf_cstr(&text), text.n, err);
}

/* From an index within the index: for images of several platforms. One level and no more. */
static int look_inside(struct local *l, const struct index_want *want, struct descriptor *d, struct err *err)
{
	struct index_want inner = { .os = want->os, .arch = want->arch };
	auto_buf text = { 0 };

	if (blobs_slurp(&l->base, &d->digest, d->size, INDEX_BYTES_MAX, &text, err) < 0 ||
	    index_choose(&l->base.arena, buf_cstr(&text), text.n, "the index of the image", &inner, d, err) < 0)
		return -1;
	if (index_is_one(d))
		return err_set(err, ERR_FORMAT, "the index of the image leads to another index");
	return 0;
}

static int load_layout(struct local *l, const struct index_want *want, struct err *err)
{
	struct blobs *b = &l->base;
	struct descriptor d;
	auto_buf index = { 0 };

	if (check_layout(l->files, err) < 0 || files_slurp(l->files, "index.json", INDEX_BYTES_MAX, &index, err) < 0 ||
	    index_choose(&b->arena, buf_cstr(&index), index.n, "index.json", want, &d, err) < 0)
		return -1;
	if (index_is_one(&d) && look_inside(l, want, &d, err) < 0)
		return -1;
	if (blobs_slurp(b, &d.digest, d.size, IMAGE_MANIFEST_MAX, &b->manifest, err) < 0)
		return err_at(err, "manifest");
	return blobs_load(b, want->os, want->arch, err);
}

static int load_trunk(struct local *l, const char *tag, struct err *err)
{
	struct index_want want = { .tag = tag };
	struct blobs *b = &l->base;
	struct descriptor d;
	auto_buf index = { 0 };

	if (check_layout(l->files, err) < 0 || files_slurp(l->files, "index.json", INDEX_BYTES_MAX, &index, err) < 0 ||
	    index_choose(&b->arena, buf_cstr(&index), index.n, "index.json", &want, &d, err) < 0)
		return -1;
	if (blobs_slurp(b, &d.digest, d.size, IMAGE_MANIFEST_MAX, &b->manifest, err) < 0)
		return err_at(err, "manifest");
	b->digest = d.digest;
	b->type = d.media_type;
	return 0;
}

struct blobs *local_open_trunk(struct files *f, const char *tag, struct err *err)
{
	struct local *l;

	if (!f)
		return NULL;
	l = local_new(f);
	if (load_trunk(l, tag, err) == 0)
		return &l->base;
	local_free(&l->base);
	return NULL;
}

struct blobs *local_open_layout(struct files *f, const char *tag, const char *os, const char *arch, struct err *err)
{
	struct index_want want = { tag, os, arch };
	struct local *l;

	if (!f)
		return NULL;
	l = local_new(f);
	if (load_layout(l, &want, err) == 0)
		return &l->base;
	local_free(&l->base);
	return NULL;
}

/* ---- docker ---- */

static bool has_repotag(const struct doc *image, const struct repotag *want)
{
	const struct doc *tags = doc_find(image, "RepoTags");
	auto_arena a = { 0 };

	for (size_t i = 0; tags && tags->type == DOC_LIST && i < tags->n; i++) {
		struct err not_a_name = ERR_INIT;
		struct repotag found;

		if (tags->items[i].type == DOC_STRING &&
		    repotag_parse(&a, tags->items[i].text, &found, &not_a_name) == 0 &&
		    strcmp(found.full, want->full) == 0)
			return true;
	}
	return false;
}

static int no_such_name(const struct doc *list, const char *tag, struct err *err)
{
	auto_buf names = { 0 };

	for (size_t i = 0; i < list->n && names.n < 1000; i++) {
		const struct doc *tags = doc_find(&list->items[i], "RepoTags");

		for (size_t k = 0; tags && tags->type == DOC_LIST && k < tags->n && names.n < 1000; k++)
			if (tags->items[k].type == DOC_STRING)
				buf_addf(&names, "%s'%.300s'", names.n ? ", " : "", tags->items[k].text);
	}
	if (!tag)
		return err_set(err, ERR_USAGE, "has %zu images, say which; their names: %s", list->n,
			       names.n ? names.p : "none");
	return err_set(err, ERR_USAGE, "has no image '%s'; its names: %s", tag, names.n ? names.p : "none");
}

static int choose(struct arena *a, const struct doc *list, const char *tag, const struct doc **ret, struct err *err)
{
	struct repotag want;

	if (list->type != DOC_LIST || !list->n)
		return doc_fault(list, err, "is no list of images");
	if (!tag && list->n > 1)
		return no_such_name(list, NULL, err);
	*ret = &list->items[0];
	if (!tag)
		return 0;
	if (repotag_parse(a, tag, &want, err) < 0)
		return -1;
	for (size_t i = 0; i < list->n; i++) {
		*ret = &list->items[i];
		if (has_repotag(*ret, &want))
			return 0;
	}
	return no_such_name(list, tag, err);
}

static const char *sniff(const unsigned char *p)
{
	if (memcmp(p, "\x1f\x8b", 2) == 0)
		return MEDIA_LAYER_GZIP;
	if (memcmp(p, "\x28\xb5\x2f\xfd", 4) == 0)
		return MEDIA_LAYER_ZSTD;
	return MEDIA_LAYER;
}

/* What a file is: its digest and size, and its type by its first bytes. */
static int look_at(struct files *f, const char *name, struct descriptor *ret, struct err *err)
{
	auto_source *in = source_digest(files_get(f, name, err), &ret->digest, &ret->size);
	unsigned char first[4] = { 0 };
	size_t got = 0;

	while (in && got < sizeof(first)) {
		ssize_t n = source_read(in, first + got, sizeof(first) - got, err);

		if (n < 0)
			return -1;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	if (!in || io_drain(in, err) < 0)
		return -1;
	ret->media_type = sniff(first);
	return 0;
}

/* Each file is looked at once, however often the image names it. */
static int note(struct local *l, const char *name, struct descriptor *ret, struct err *err)
{
	*ret = (struct descriptor){ 0 };
	for (size_t i = 0; i < l->n_named; i++) {
		if (strcmp(l->named[i].name, name) == 0) {
			*ret = l->named[i].d;
			return 0;
		}
	}
	if (look_at(l->files, name, ret, err) < 0)
		return -1;
	mem_grow(l->named, l->n_named);
	l->named[l->n_named++] = (struct named){ arena_strdup(&l->base.arena, name), *ret };
	return 0;
}

/* The manifest that the image would have in a registry. */
static int make_up(struct local *l, const char *config, const char *const *layers, size_t n, struct err *err)
{
	struct json j = { .out = &l->base.manifest };
	struct descriptor d;

	json_object(&j);
	json_key(&j, "config");
	if (note(l, config, &d, err) < 0)
		return err_at(err, "config");
	d.media_type = MEDIA_CONFIG;
	descriptor_write(&j, &d);
	json_key(&j, "layers");
	json_array(&j);
	for (size_t i = 0; i < n; i++) {
		if (note(l, layers[i], &d, err) < 0)
			return err_at(err, "layer %zu of %zu", i + 1, n);
		descriptor_write(&j, &d);
	}
	json_end(&j);
	json_put_string(&j, "mediaType", MEDIA_MANIFEST);
	json_put_int(&j, "schemaVersion", 2);
	json_end(&j);
	return 0;
}

static int load_docker(struct local *l, const char *tag, const char *os, const char *arch, struct err *err)
{
	auto_arena a = { 0 };
	auto_buf text = { 0 };
	const struct doc *list, *image = NULL;
	const char *const *layers;
	const char *config;
	size_t n;

	if (!files_has(l->files, DOCKER_MANIFEST))
		return err_set(err, ERR_FORMAT, "is no docker archive: it has no %s", DOCKER_MANIFEST);
	if (files_slurp(l->files, DOCKER_MANIFEST, IMAGE_MANIFEST_MAX, &text, err) < 0)
		return -1;
	list = doc_parse_json(&a, buf_cstr(&text), text.n, DOCKER_MANIFEST, err);
	if (!list || choose(&a, list, tag, &image, err) < 0)
		return -1;
	if (doc_get_string(image, "Config", NULL, &config, err) < 0 ||
	    doc_get_strings(&a, image, "Layers", &layers, &n, err) < 0)
		return -1;
	if (!config)
		return doc_fault(image, err, "the image has no Config");
	if (n > IMAGE_LAYERS_MAX)
		return err_set(err, ERR_LIMIT, "image has %zu layers, more than the %d that are read", n,
			       IMAGE_LAYERS_MAX);
	if (make_up(l, config, layers, n, err) < 0)
		return -1;
	return blobs_load(&l->base, os, arch, err);
}

struct blobs *local_open_docker(struct files *f, const char *tag, const char *os, const char *arch, struct err *err)
{
	struct local *l;

	if (!f)
		return NULL;
	l = local_new(f);
	if (load_docker(l, tag, os, arch, err) == 0)
		return &l->base;
	local_free(&l->base);
	return NULL;
}
