/* What is kept beside an image, from one place to another: byte for byte, and what is beside that in turn (signatures). */
#include "base/map.h"
#include "oci/attach.h"
#include "oci/index.h"
#include "oci/parcel.h"

#define DEPTH_MAX 8 /* of documents about documents */
#define DOCUMENTS_MAX 10000

struct carrying {
	struct arena arena;
	const struct dest *from, *to;
	const struct dest_how *how;
	struct blobs *source; /* any manifest and blob of from */
	struct map done; /* digests */
	size_t n;
};

static int carry_all(struct carrying *c, const struct digest *subject, unsigned depth, struct err *err);

/* ---- one ---- */

/* Whoever reads a registry's list is told this; as the specification has it where a manifest says none. */
static const char *artifact_type(struct carrying *c, const struct buf *manifest)
{
	struct err none = ERR_INIT;
	const struct doc *d = doc_parse_json(&c->arena, buf_cstr(manifest), manifest->n, "manifest", &none);
	const char *type = NULL;

	if (doc_get_string(d, "artifactType", NULL, &type, &none) == 0 && type && *type)
		return type;
	return doc_get_string(doc_find(d, "config"), "mediaType", NULL, &type, &none) == 0 && type ? type : "";
}

static bool is_listed(const struct registry_referrer *list, size_t n, const struct digest *d)
{
	for (size_t i = 0; i < n; i++)
		if (digest_equal(&list[i].d.digest, d))
			return true;
	return false;
}

/* A registry that knows of subjects lists it by now; in another one that is the writer's part. */
static int list_there(struct carrying *c, const struct digest *subject, const struct registry_referrer *one,
		      struct err *err)
{
	auto_registry *r = registry_open(c->to->hub, &c->to->ref, REGISTRY_PUSH, err);
	struct registry_referrer *list;
	size_t n;

	if (!r || registry_referrers(r, &c->arena, subject, NULL, &list, &n, err) < 0)
		return -1;
	return is_listed(list, n, &one->d.digest) ? 0 : registry_add_referrer(r, subject, one, err);
}

static int put(struct carrying *c, const struct digest *subject, const struct registry_referrer *one,
	       const struct parcel_set *s, struct err *err)
{
	struct dest at = *c->to;

	if (c->to->type != DEST_REGISTRY)
		return layout_carry(c->to, one, s, err);
	at.tag = NULL;
	at.ref.digest = one->d.digest;
	at.ref.has_digest = true;
	return registry_image_write(&at, s, c->how->told, err) < 0 ? -1 : list_there(c, subject, one, err);
}

static int carry_one(struct carrying *c, const struct digest *subject, const struct registry_referrer *found,
		     struct err *err)
{
	CLEANUP(parcel_set_release) struct parcel_set s = { .list = mem_array(1, sizeof(*s.list)) };
	struct registry_referrer one = *found;
	auto_buf text = { 0 };

	if (index_is_one(&found->d))
		return err_set(err, ERR_FORMAT, "is an index, and only manifests are copied along");
	if (blobs_manifest_of(c->source, &found->d, &text, err) < 0)
		return -1;
	s.n = 1;
	if (parcel_init_copy(&s.list[0], buf_cstr(&text), text.n, found->d.media_type, c->source, err) < 0)
		return -1;
	one.artifact_type = artifact_type(c, &text);
	return put(c, subject, &one, &s, err);
}

static int carry(struct carrying *c, const struct digest *subject, const struct registry_referrer *one, unsigned depth,
		 struct err *err)
{
	const char *hex = arena_strdup(&c->arena, digest_hex(&one->d.digest).hex);
	bool is_new;

	map_put(&c->done, hex, 0, &is_new);
	if (!is_new)
		return 0;
	if (++c->n > DOCUMENTS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d documents are attached", DOCUMENTS_MAX);
	if (carry_one(c, subject, one, err) < 0)
		return err_at(err, "attached sha256:%s (%.100s)", hex, one->artifact_type);
	return depth == DEPTH_MAX ? 0 : carry_all(c, &one->d.digest, depth + 1, err);
}

static int carry_all(struct carrying *c, const struct digest *subject, unsigned depth, struct err *err)
{
	struct registry_referrer *list;
	size_t n;

	if (attach_list(c->from, &c->arena, subject, NULL, &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (carry(c, subject, &list[i], depth, err) < 0)
			return -1;
	return 0;
}

/* ---- all ---- */

/* The images that an index is of have documents of their own. */
static int carry_images(struct carrying *c, const struct digest *root, struct err *err)
{
	const struct doc *list;

	if (!digest_equal(&c->source->digest, root))
		return 0;
	list = doc_find(
		doc_parse_json(&c->arena, buf_cstr(&c->source->manifest), c->source->manifest.n, "manifest", err),
		"manifests");
	if (err->code != ERR_NONE)
		return -1;
	for (size_t i = 0; list && list->type == DOC_LIST && i < list->n; i++) {
		struct descriptor d;

		if (descriptor_read(&c->arena, &list->items[i], &d, err) < 0 || carry_all(c, &d.digest, 0, err) < 0)
			return -1;
	}
	return 0;
}

int attach_copy(const struct dest *from, const struct dest *to, const struct digest *root, const struct dest_how *how,
		size_t *n, struct err *err)
{
	struct carrying c = { .from = from, .to = to, .how = how };
	int rc = -1;

	*n = 0;
	if (attach_check(to, err) < 0)
		return -1;
	c.source = dest_open_trunk(from, err);
	if (c.source && carry_all(&c, root, 0, err) == 0)
		rc = carry_images(&c, root, err);
	*n = c.n;
	blobs_free(c.source);
	map_release(&c.done);
	arena_release(&c.arena);
	return rc;
}
