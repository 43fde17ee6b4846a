#include "oci/attach.h"

#include <inttypes.h>

#include "oci/files.h"
#include "oci/index.h"
#include "oci/parcel.h"

#define EMPTY "{}"
#define REFERRERS_MAX 10000

/* ---- the manifest ---- */

struct descriptor attach_subject(const struct blobs *b)
{
	struct descriptor ret = { .media_type = MEDIA_MANIFEST, .digest = b->digest, .size = b->manifest.n };
	auto_arena a = { 0 };
	struct err none = ERR_INIT;
	const struct doc *d = doc_parse_json(&a, buf_cstr(&b->manifest), b->manifest.n, "manifest", &none);
	const char *type = b->type && *b->type ? b->type : "";

	if (d)
		doc_get_string(d, "mediaType", type, &type, &none);
	if (strcmp(type, MEDIA_DOCKER_MANIFEST) == 0)
		ret.media_type = MEDIA_DOCKER_MANIFEST;
	return ret;
}

static struct descriptor blob_of(const char *type, const char *p, size_t n)
{
	return (struct descriptor){ .media_type = type, .digest = digest_bytes(p, n), .size = n };
}

void attach_manifest(const struct attachment *one, const struct descriptor *subject, struct buf *ret)
{
	struct descriptor config = blob_of(MEDIA_EMPTY, EMPTY, strlen(EMPTY));
	struct descriptor layer = blob_of(one->type, one->p, one->n);
	struct annotation title = { ANNOTATION_TITLE, one->title };
	struct json j = { .out = ret };
	struct descriptor bare = *subject;

	layer.annotations = &title;
	layer.n_annotations = 1;
	bare.n_annotations = 0;
	json_object(&j);
	descriptor_write_map(&j, "annotations", one->annotations, one->n_annotations);
	json_put_string(&j, "artifactType", one->type);
	json_key(&j, "config");
	descriptor_write(&j, &config);
	json_key(&j, "layers");
	json_array(&j);
	descriptor_write(&j, &layer);
	json_end(&j);
	json_put_string(&j, "mediaType", MEDIA_MANIFEST);
	json_put_int(&j, "schemaVersion", 2);
	json_key(&j, "subject");
	descriptor_write(&j, &bare);
	json_end(&j);
}

/* ---- put ---- */

int attach_check(const struct dest *d, struct err *err)
{
	auto_arena a = { 0 };

	return d->type == DEST_OCI || d->type == DEST_REGISTRY
		       ? 0
		       : err_set(err, ERR_USAGE,
				 "nothing can be attached to %s: of the places for images, oci:DIR and "
				 "docker://HOST/REPO keep what is beside an image",
				 dest_text(&a, d));
}

struct bytes_origin {
	struct registry_origin base;
	const char *p;
	size_t n;
};

static struct source *open_bytes(struct registry_origin *o, const struct descriptor *d, struct err *err)
{
	struct bytes_origin *b = (struct bytes_origin *)o;

	(void)d;
	(void)err;
	return source_bytes(b->p, b->n);
}

static int push_bytes(struct registry *r, const char *type, const char *p, size_t n, struct err *err)
{
	struct bytes_origin o = { .base = { .open = open_bytes }, .p = p, .n = n };
	struct descriptor d = blob_of(type, p, n);
	enum registry_sent sent;

	return registry_push_blob(r, &d, &o.base, false, &sent, err);
}

static int put_remote(const struct dest *d, const struct descriptor *subject, const struct attachment *one,
		      const struct registry_referrer *self, const struct buf *manifest, struct err *err)
{
	auto_registry *r = registry_open(d->hub, &d->ref, REGISTRY_PUSH, err);
	auto_free char *which = mem_printf("sha256:%s", digest_hex(&self->d.digest).hex);
	struct registry_put put = { 0 };

	if (!r || push_bytes(r, MEDIA_EMPTY, EMPTY, strlen(EMPTY), err) < 0 ||
	    push_bytes(r, one->type, one->p, one->n, err) < 0 ||
	    registry_put_manifest(r, which, MEDIA_MANIFEST, manifest->p, manifest->n, &put, err) < 0)
		return -1;
	return put.subject_known ? 0 : registry_add_referrer(r, &subject->digest, self, err);
}

int attach_put(const struct dest *d, const struct descriptor *subject, const struct attachment *one, struct digest *ret,
	       struct err *err)
{
	struct registry_referrer self = { .artifact_type = one->type };
	auto_buf manifest = { 0 };
	auto_arena a = { 0 };
	int rc;

	if (attach_check(d, err) < 0)
		return -1;
	attach_manifest(one, subject, &manifest);
	self.d = blob_of(MEDIA_MANIFEST, manifest.p, manifest.n);
	self.d.annotations = one->annotations;
	self.d.n_annotations = one->n_annotations;
	*ret = self.d.digest;
	if (d->type == DEST_REGISTRY)
		rc = put_remote(d, subject, one, &self, &manifest, err);
	else
		rc = layout_attach(d, &self,
				   (const struct str[]){
					   { EMPTY, strlen(EMPTY) }, { one->p, one->n }, { manifest.p, manifest.n } },
				   3, err);
	return rc < 0 ? err_at(err, "%s: %s", dest_text(&a, d), one->title) : 0;
}

/* ---- list ---- */

static struct files *open_files(const struct dest *d, struct err *err)
{
	return d->type == DEST_OCI ? files_open_dir(d->path, err) : files_open_tar(d->path, err);
}

/* A manifest, or another document of a layout, verified. */
static int slurp(struct files *f, const struct descriptor *d, uint64_t max, struct buf *ret, struct err *err)
{
	auto_source *in = NULL;

	if (d->size > max)
		return err_set(err, ERR_LIMIT,
			       "sha256:%s has %" PRIu64 " bytes, more than the %" PRIu64 " that are read",
			       digest_hex(&d->digest).hex, d->size, max);
	in = source_verify(files_get(f, parcel_path(&d->digest).s, err), &d->digest, d->size);
	return in ? io_slurp(in, max, ret, err) : -1;
}

static int is_about(struct files *f, const struct descriptor *d, const struct digest *subject, struct err *err)
{
	auto_arena a = { 0 };
	auto_buf text = { 0 };
	const struct doc *m, *said;
	struct digest found;

	if (slurp(f, d, IMAGE_MANIFEST_MAX, &text, err) < 0)
		return -1;
	m = doc_parse_json(&a, buf_cstr(&text), text.n, "manifest", err);
	if (!m)
		return -1;
	said = doc_find(doc_find(m, "subject"), "digest");
	return said && said->type == DOC_STRING && descriptor_digest(said->text, &found) &&
	       digest_equal(&found, subject);
}

static int add_local(struct files *f, struct arena *a, const struct doc *entry, const struct digest *subject,
		     const char *type, struct registry_referrer *list, size_t *n, struct err *err)
{
	struct registry_referrer one;
	int about;

	if (descriptor_read(a, entry, &one.d, err) < 0 ||
	    doc_get_string(entry, "artifactType", "", &one.artifact_type, err) < 0)
		return -1;
	if (!*one.artifact_type || strcmp(one.d.media_type, MEDIA_MANIFEST) != 0 ||
	    (type && strcmp(type, one.artifact_type) != 0))
		return 0;
	about = is_about(f, &one.d, subject, err);
	if (about > 0)
		list[(*n)++] = one;
	return about < 0 ? -1 : 0;
}

static int list_local(const struct dest *d, struct arena *a, const struct digest *subject, const char *type,
		      struct registry_referrer **ret, size_t *n, struct err *err)
{
	auto_files *f = open_files(d, err);
	auto_buf text = { 0 };
	const struct doc *index, *list;

	*n = 0;
	/* What docker save wrote has none. */
	if (f && !files_has(f, "index.json"))
		return 0;
	if (!f || files_slurp(f, "index.json", INDEX_BYTES_MAX, &text, err) < 0)
		return -1;
	index = doc_parse_json(a, buf_cstr(&text), text.n, "index.json", err);
	if (!index)
		return -1;
	list = doc_find(index, "manifests");
	if (!list || list->type != DOC_LIST)
		return doc_fault(index, err, "has no list 'manifests'");
	if (list->n > REFERRERS_MAX)
		return err_set(err, ERR_LIMIT, "index.json has more than %d entries", REFERRERS_MAX);
	*ret = arena_array(a, list->n, sizeof(**ret));
	for (size_t i = 0; i < list->n; i++)
		if (add_local(f, a, &list->items[i], subject, type, *ret, n, err) < 0)
			return err_at(err, "entry %zu of index.json", i + 1);
	return 0;
}

int attach_list(const struct dest *d, struct arena *a, const struct digest *subject, const char *type,
		struct registry_referrer **ret, size_t *n, struct err *err)
{
	auto_registry *r = NULL;

	*ret = NULL;
	*n = 0;
	if (d->type != DEST_REGISTRY)
		return list_local(d, a, subject, type, ret, n, err) < 0 ? err_at(err, "%s", d->path) : 0;
	r = registry_open(d->hub, &d->ref, REGISTRY_PULL, err);
	return r ? registry_referrers(r, a, subject, type, ret, n, err) : -1;
}

/* ---- get ---- */

/* The one blob of an artifact that a manifest tells. */
static int find_blob(struct arena *a, const struct buf *manifest, struct descriptor *ret, struct err *err)
{
	const struct doc *m = doc_parse_json(a, buf_cstr(manifest), manifest->n, "manifest", err), *layers;

	if (!m)
		return -1;
	layers = doc_find(m, "layers");
	if (!layers || layers->type != DOC_LIST || layers->n != 1)
		return doc_fault(m, err, "is no document that is attached: it has not one layer");
	return descriptor_read(a, &layers->items[0], ret, err);
}

static int get_local(const struct dest *d, const struct registry_referrer *one, uint64_t max, struct buf *ret,
		     struct err *err)
{
	auto_files *f = open_files(d, err);
	auto_arena a = { 0 };
	auto_buf manifest = { 0 };
	struct descriptor blob;

	return !f || slurp(f, &one->d, IMAGE_MANIFEST_MAX, &manifest, err) < 0 ||
			       find_blob(&a, &manifest, &blob, err) < 0
		       ? -1
		       : slurp(f, &blob, max, ret, err);
}

static int get_remote(const struct dest *d, const struct registry_referrer *one, uint64_t max, struct buf *ret,
		      struct err *err)
{
	auto_registry *r = registry_open(d->hub, &d->ref, REGISTRY_PULL, err);
	auto_free char *which = mem_printf("sha256:%s", digest_hex(&one->d.digest).hex);
	auto_arena a = { 0 };
	auto_buf manifest = { 0 };
	auto_source *in = NULL;
	struct descriptor found, blob;
	int got = r ? registry_get_manifest(r, &a, which, &found, &manifest, err) : -1;

	if (got == 0)
		return err_set(err, ERR_NET, "the registry has no manifest %s", which);
	if (got < 0 || find_blob(&a, &manifest, &blob, err) < 0)
		return -1;
	if (blob.size > max)
		return err_set(err, ERR_LIMIT, "%s leads to %" PRIu64 " bytes, more than the %" PRIu64 " that are read",
			       which, blob.size, max);
	in = source_verify(registry_get_blob(r, &blob.digest, blob.size, err), &blob.digest, blob.size);
	return in ? io_slurp(in, max, ret, err) : -1;
}

int attach_get(const struct dest *d, const struct registry_referrer *one, uint64_t max, struct buf *ret,
	       struct err *err)
{
	return d->type == DEST_REGISTRY ? get_remote(d, one, max, ret, err) : get_local(d, one, max, ret, err);
}
