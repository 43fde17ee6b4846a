#include "oci/index.h"

#include <inttypes.h>

#define ENTRIES_MAX 10000

struct entry_of {
	struct descriptor d;
	const char *tag; /* or NULL */
	const char *os, *arch; /* or NULL where it does not say */
	const char *artifact; /* what it is, where it is no image, or "" */
};

/* What is copied must fit into what is written, which nests less deep than what is read. */
static bool is_deep(const struct doc *d, unsigned left)
{
	for (size_t i = 0; (d->type == DOC_LIST || d->type == DOC_MAP) && i < d->n; i++)
		if (!left || is_deep(&d->items[i], left - 1))
			return true;
	return false;
}

static const struct doc *parse(struct arena *a, const char *json, size_t n, const char *name, struct err *err)
{
	const struct doc *d, *list;
	const char *type;

	if (n > INDEX_BYTES_MAX) {
		err_set(err, ERR_LIMIT, "%s has %zu bytes, more than the %d that are read", name, n, INDEX_BYTES_MAX);
		return NULL;
	}
	d = doc_parse_json(a, json, n, name, err);
	if (!d || doc_get_string(d, "mediaType", MEDIA_INDEX, &type, err) < 0)
		return NULL;
	list = doc_find(d, "manifests");
	if (!list || list->type != DOC_LIST ||
	    (strcmp(type, MEDIA_INDEX) != 0 && strcmp(type, MEDIA_DOCKER_INDEX) != 0)) {
		doc_fault(d, err, "is no image index: it has no list of manifests");
		return NULL;
	}
	if (is_deep(d, JSON_DEPTH_MAX - 1)) {
		err_set(err, ERR_LIMIT, "%s is nested deeper than %d levels", name, JSON_DEPTH_MAX);
		return NULL;
	}
	if (list->n > ENTRIES_MAX) {
		err_set(err, ERR_LIMIT, "%s has %zu entries, more than the %d that are read", name, list->n,
			ENTRIES_MAX);
		return NULL;
	}
	return d;
}

static int read_entry(struct arena *a, const struct doc *d, struct entry_of *ret, struct err *err)
{
	const struct doc *platform = doc_find(d, "platform");

	*ret = (struct entry_of){ 0 };
	if (descriptor_read(a, d, &ret->d, err) < 0)
		return -1;
	ret->tag = descriptor_annotation(ret->d.annotations, ret->d.n_annotations, ANNOTATION_REF_NAME);
	if (doc_get_string(d, "artifactType", "", &ret->artifact, err) < 0)
		return -1;
	if (!platform || platform->type == DOC_NULL)
		return 0;
	if (platform->type != DOC_MAP)
		return doc_fault(platform, err, "'platform' is a %s, expected an object",
				 doc_type_name(platform->type));
	return doc_get_string(platform, "os", NULL, &ret->os, err) < 0 ||
			       doc_get_string(platform, "architecture", NULL, &ret->arch, err) < 0
		       ? -1
		       : 0;
}

bool index_is_one(const struct descriptor *d)
{
	return strcmp(d->media_type, MEDIA_INDEX) == 0 || strcmp(d->media_type, MEDIA_DOCKER_INDEX) == 0;
}

/* Whether it can be an image at all; others are signatures, attestations and the like. */
static bool is_image(const struct entry_of *e)
{
	const char *type = e->d.media_type;

	if (*e->artifact && strcmp(e->artifact, MEDIA_CONFIG) != 0)
		return false;
	return index_is_one(&e->d) || strcmp(type, MEDIA_MANIFEST) == 0 || strcmp(type, MEDIA_DOCKER_MANIFEST) == 0;
}

static bool same_or_any(const char *want, const char *found)
{
	return !want || !found || strcmp(want, found) == 0;
}

static bool fits(const struct entry_of *e, const struct index_want *want)
{
	return is_image(e) && (!want->tag || (e->tag && strcmp(e->tag, want->tag) == 0)) &&
	       same_or_any(want->os, e->os) && same_or_any(want->arch, e->arch);
}

/* "; it has a, b" or the platforms, where these are the reason. */
static void describe(const struct entry_of *entries, size_t n, bool tags, struct buf *out)
{
	size_t told = 0;

	for (size_t i = 0; i < n; i++) {
		if (!is_image(&entries[i]) || (tags && !entries[i].tag))
			continue;
		if (++told > 20) {
			buf_adds(out, ", ...");
			return;
		}
		buf_adds(out, told == 1 ? "" : ", ");
		if (tags)
			buf_addf(out, "'%.128s'", entries[i].tag);
		else
			buf_addf(out, "%.40s/%.40s", entries[i].os ? entries[i].os : "?",
				 entries[i].arch ? entries[i].arch : "?");
	}
	if (!told)
		buf_adds(out, "none");
}

static int nothing_fits(const struct entry_of *entries, size_t n, const char *name, const struct index_want *want,
			struct err *err)
{
	bool has_tag = !want->tag;
	auto_buf list = { 0 };

	for (size_t i = 0; i < n; i++)
		has_tag =
			has_tag || (is_image(&entries[i]) && entries[i].tag && strcmp(entries[i].tag, want->tag) == 0);
	describe(entries, n, !has_tag, &list);
	if (!has_tag)
		return err_set(err, ERR_USAGE, "%s has no image with tag '%s'; its tags: %s", name, want->tag,
			       buf_cstr(&list));
	return err_set(err, ERR_USAGE, "%s has no image for %s/%s; it has: %s", name, want->os ? want->os : "any",
		       want->arch ? want->arch : "any", buf_cstr(&list));
}

/* Several images of different tags and no word which: "latest", else nobody can know. */
static int decide(const struct entry_of *entries, size_t n, const char *name, const struct index_want *want,
		  const struct entry_of **ret, struct err *err)
{
	const struct entry_of *first = NULL, *latest = NULL;
	bool several = false;

	for (size_t i = 0; i < n; i++) {
		const struct entry_of *e = &entries[i];

		if (!fits(e, want))
			continue;
		if (!first)
			first = e;
		else if (strcmp(first->tag ? first->tag : "", e->tag ? e->tag : "") != 0)
			several = true;
		if (!latest && e->tag && strcmp(e->tag, "latest") == 0)
			latest = e;
	}
	if (!first)
		return nothing_fits(entries, n, name, want, err);
	if (several && !latest) {
		auto_buf list = { 0 };

		describe(entries, n, true, &list);
		return err_set(err, ERR_USAGE, "%s has several images, say which; its tags: %s", name, buf_cstr(&list));
	}
	*ret = several ? latest : first;
	return 0;
}

int index_choose(struct arena *a, const char *json, size_t n, const char *name, const struct index_want *want,
		 struct descriptor *ret, struct err *err)
{
	const struct doc *d = parse(a, json, n, name, err), *list;
	const struct entry_of *chosen = NULL;
	struct entry_of *entries;

	if (!d)
		return -1;
	list = doc_find(d, "manifests");
	entries = arena_array(a, list->n, sizeof(*entries));
	for (size_t i = 0; i < list->n; i++)
		if (read_entry(a, &list->items[i], &entries[i], err) < 0)
			return err_at(err, "entry %zu of %zu", i + 1, list->n);
	if (decide(entries, list->n, name, want, &chosen, err) < 0)
		return -1;
	*ret = chosen->d;
	return 0;
}

/* ---- put ---- */

static void copy(struct json *j, const struct doc *d)
{
	switch (d->type) {
	case DOC_NULL:
		json_null(j);
		break;
	case DOC_BOOL:
		json_bool(j, d->num);
		break;
	case DOC_INT:
		json_int(j, d->num);
		break;
	case DOC_FLOAT:
		json_number(j, d->text);
		break;
	case DOC_STRING:
		json_string(j, d->text);
		break;
	case DOC_LIST:
		json_array(j);
		for (size_t i = 0; i < d->n; i++)
			copy(j, &d->items[i]);
		json_end(j);
		break;
	case DOC_MAP:
		json_object(j);
		for (size_t i = 0; i < d->n; i++) {
			json_key(j, d->keys[i].text);
			copy(j, &d->items[i]);
		}
		json_end(j);
		break;
	}
}

struct addition {
	const struct descriptor *image;
	const char *os, *arch, *variant;
	const char *tag; /* or NULL */
	const char *artifact; /* what a referrer is, or NULL */
};

static void put_image(struct json *j, const struct addition *add)
{
	auto_free char *digest = mem_printf("sha256:%s", digest_hex(&add->image->digest).hex);

	json_object(j);
	descriptor_write_map(j, "annotations", add->image->annotations, add->image->n_annotations);
	if (add->artifact)
		json_put_string(j, "artifactType", add->artifact);
	json_put_string(j, "digest", digest);
	json_put_string(j, "mediaType", add->image->media_type);
	if (add->os) {
		json_key(j, "platform");
		json_object(j);
		json_put_string(j, "architecture", add->arch);
		json_put_string(j, "os", add->os);
		if (add->variant && *add->variant)
			json_put_string(j, "variant", add->variant);
		json_end(j);
	}
	json_key(j, "size");
	json_uint(j, add->image->size);
	json_end(j);
}

/* Of the same tag; an image without a tag replaces only itself without a tag. */
static bool is_replaced(const struct doc *entry, const struct addition *add)
{
	const struct doc *tag = doc_find(doc_find(entry, "annotations"), ANNOTATION_REF_NAME);
	const struct doc *digest = doc_find(entry, "digest");
	struct digest d;

	if (add->tag)
		return tag && tag->type == DOC_STRING && strcmp(tag->text, add->tag) == 0;
	return !tag && digest && digest->type == DOC_STRING && descriptor_digest(digest->text, &d) &&
	       digest_equal(&d, &add->image->digest);
}

static void put_entries(struct json *j, const struct doc *list, const struct addition *add)
{
	bool there = false;

	json_array(j);
	for (size_t i = 0; list && i < list->n; i++) {
		if (!is_replaced(&list->items[i], add)) {
			copy(j, &list->items[i]);
		} else if (!there) {
			put_image(j, add);
			there = true;
		}
	}
	if (!there)
		put_image(j, add);
	json_end(j);
}

static void put_new(struct json *j, const struct addition *add)
{
	json_key(j, "manifests");
	put_entries(j, NULL, add);
	json_put_string(j, "mediaType", MEDIA_INDEX);
	json_put_int(j, "schemaVersion", 2);
}

static void put_old(struct json *j, const struct doc *old, const struct addition *add)
{
	for (size_t i = 0; i < old->n; i++) {
		json_key(j, old->keys[i].text);
		if (strcmp(old->keys[i].text, "manifests") == 0)
			put_entries(j, &old->items[i], add);
		else
			copy(j, &old->items[i]);
	}
}

static int put(const char *json, size_t n, const char *name, struct addition *add, struct buf *ret, struct err *err)
{
	auto_arena a = { 0 };
	const struct doc *old = n ? parse(&a, json, n, name, err) : NULL;
	struct json j = { .out = ret };

	if (n && !old)
		return -1;
	add->tag = descriptor_annotation(add->image->annotations, add->image->n_annotations, ANNOTATION_REF_NAME);
	json_object(&j);
	if (old)
		put_old(&j, old, add);
	else
		put_new(&j, add);
	json_end(&j);
	return 0;
}

int index_put(const char *json, size_t n, const char *name, const struct descriptor *image, const char *os,
	      const char *arch, const char *variant, struct buf *ret, struct err *err)
{
	return put(json, n, name, &(struct addition){ .image = image, .os = os, .arch = arch, .variant = variant }, ret,
		   err);
}

int index_put_referrer(const char *json, size_t n, const char *name, const struct descriptor *d,
		       const char *artifact_type, struct buf *ret, struct err *err)
{
	return put(json, n, name, &(struct addition){ .image = d, .artifact = artifact_type }, ret, err);
}
