#include "oci/dest.h"

#include "oci/index.h"
#include "oci/local.h"
#include "oci/parcel.h"
#include "oci/repotag.h"

static const struct kind {
	const char *prefix;
	enum dest_type type;
} kinds[] = {
	{ "oci:", DEST_OCI },
	{ "oci-archive:", DEST_OCI_ARCHIVE },
	{ "docker-archive:", DEST_DOCKER_ARCHIVE },
	{ "docker://", DEST_REGISTRY },
};

/* ---- text ---- */

/*
 * Where the tag begins. A tag of oci: has no '/', so the last ':' is it unless a '/' follows, and paths may have
 * ':' in their directories. In archives it may be a whole NAME:TAG, so there the first ':' is it, as skopeo reads it.
 */
static const char *find_tag(enum dest_type type, const char *rest)
{
	const char *colon = type == DEST_OCI ? strrchr(rest, ':') : strchr(rest, ':');

	return colon && (type != DEST_OCI || !strchr(colon, '/')) ? colon : NULL;
}

static int check_tag(struct arena *a, enum dest_type type, const char *tag, struct err *err)
{
	struct repotag ignored;

	if (type == DEST_DOCKER_ARCHIVE || (type == DEST_OCI_ARCHIVE && !repotag_is_tag(tag)))
		return repotag_parse(a, tag, &ignored, err);
	return repotag_is_tag(tag) ? 0
				   : err_set(err, ERR_USAGE,
					     "'%.200s' is no tag: letters, digits, '_', '.', '-', at most 128", tag);
}

static int parse_rest(struct arena *a, enum dest_type type, const char *rest, struct dest *ret, struct err *err)
{
	const char *colon = type == DEST_REGISTRY ? NULL : find_tag(type, rest);
	size_t n = colon ? (size_t)(colon - rest) : strlen(rest);

	if (type == DEST_REGISTRY) {
		*ret = (struct dest){ .type = type };
		if (ref_parse(a, rest, &ret->ref, err) < 0)
			return -1;
		ret->tag = ret->ref.tag;
		return 0;
	}
	if (colon && check_tag(a, type, colon + 1, err) < 0)
		return -1;
	while (n > 1 && rest[n - 1] == '/')
		n--;
	if (n == 0)
		return err_set(err, ERR_USAGE, "it has no path");
	*ret = (struct dest){ .type = type,
			      .path = arena_strndup(a, rest, n),
			      .tag = colon ? arena_strdup(a, colon + 1) : NULL };
	return 0;
}

static const struct kind *find_kind(const char *text)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (str_starts(text, kinds[i].prefix))
			return &kinds[i];
	return NULL;
}

bool dest_is_place(const char *text)
{
	return find_kind(text);
}

/* "ghcr.io/me/app:1", "debian:12": what other tools take for a place in a registry. */
static bool looks_remote(struct arena *a, const char *text)
{
	struct err none = ERR_INIT;
	struct ref ignored;

	return strpbrk(text, ":.") && ref_parse(a, text, &ignored, &none) == 0;
}

int dest_parse(struct arena *a, const char *text, struct dest *ret, struct err *err)
{
	const struct kind *k = find_kind(text);

	if (!k)
		return err_set(err, ERR_USAGE,
			       "'%.300s' is no place for an image; expected oci:DIR[:TAG], oci-archive:FILE[:TAG], "
			       "docker-archive:FILE[:NAME:TAG] or docker://HOST/REPO[:TAG]%s%.300s",
			       text, looks_remote(a, text) ? "; the one in a registry is docker://" : "",
			       looks_remote(a, text) ? text : "");
	if (parse_rest(a, k->type, text + strlen(k->prefix), ret, err) < 0)
		return err_at(err, "'%.300s'", text);
	return 0;
}

const char *dest_text(struct arena *a, const struct dest *d)
{
	struct ref ref = d->ref;

	ref.tag = d->tag;
	if (d->type == DEST_REGISTRY)
		return arena_printf(a, "docker://%s", ref_text(a, &ref));
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (kinds[i].type == d->type)
			return arena_printf(a, "%s%s%s%s", kinds[i].prefix, d->path, d->tag ? ":" : "",
					    d->tag ? d->tag : "");
	return NULL;
}

/* ---- write ---- */

static int check_hub(const struct dest *d, struct err *err)
{
	return d->type != DEST_REGISTRY || d->hub ? 0
						  : err_set(err, ERR_USAGE, "docker: is not a place for this command");
}

static int finish_set(struct parcel_set *s, bool has_index, const struct dest_how *how, struct err *err)
{
	for (size_t i = 0; how->docker_types && i < s->n; i++)
		if (parcel_to_docker(&s->list[i], err) < 0)
			return -1;
	if (has_index && (how->docker_types || !s->index.n))
		parcel_set_index(s, how->docker_types);
	return 0;
}

static int write_set(const struct dest *d, struct parcel_set *s, bool has_index, const struct dest_how *how,
		     struct err *err)
{
	if (finish_set(s, has_index, how, err) < 0)
		return -1;
	switch (d->type) {
	case DEST_OCI:
		return layout_write(d, s, err);
	case DEST_OCI_ARCHIVE:
	case DEST_DOCKER_ARCHIVE:
		return pack_write(d, s, err);
	case DEST_REGISTRY:
		break;
	}
	return check_hub(d, err) < 0 ? -1 : registry_image_write(d, s, how->told, err);
}

int dest_write_all(const struct dest *d, const struct dest_image *images, size_t n, const struct dest_how *how,
		   struct digest *ret, struct digest *broken, struct err *err)
{
	CLEANUP(parcel_set_release) struct parcel_set s = { .list = mem_array(n, sizeof(*s.list)) };

	for (; s.n < n; s.n++)
		parcel_init(&s.list[s.n], images[s.n].image, images[s.n].from, images[s.n].base, broken);
	if (write_set(d, &s, n > 1, how, err) < 0)
		return -1;
	*ret = parcel_set_root(&s).digest;
	return 0;
}

int dest_digest_all(const struct dest_image *images, size_t n, const struct dest_how *how, struct digest *ret,
		    struct err *err)
{
	CLEANUP(parcel_set_release) struct parcel_set s = { .list = mem_array(n, sizeof(*s.list)) };

	for (; s.n < n; s.n++)
		parcel_init(&s.list[s.n], images[s.n].image, images[s.n].from, images[s.n].base, NULL);
	if (finish_set(&s, n > 1, how, err) < 0)
		return -1;
	*ret = parcel_set_root(&s).digest;
	return 0;
}

int dest_write(const struct dest *d, const struct image *im, struct store *from, struct blobs *base, struct digest *ret,
	       struct digest *broken, struct err *err)
{
	struct dest_image one = { im, from, base };

	return dest_write_all(d, &one, 1, &(struct dest_how){ 0 }, ret, broken, err);
}

/* ---- open ---- */

static bool has_same_config(const struct blobs *x, const struct blobs *y)
{
	struct err none = ERR_INIT;
	struct digest a, b;
	size_t n, m;
	const char *one = blobs_manifest(x, &n), *other = blobs_manifest(y, &m);
	uint64_t size;

	return image_config_of(one, n, &a, &size, &none) == 0 && image_config_of(other, m, &b, &size, &none) == 0 &&
	       digest_equal(&a, &b);
}

/*
 * An archive for docker may carry the OCI layout too, and in it the image as it was made, with its own digest and
 * annotations. That is taken where it is the same image: the config tells, which names all layers.
 */
static struct blobs *open_docker(const struct dest *d, const char *os, const char *arch, struct err *err)
{
	auto_blobs *docker = local_open_docker(files_open_tar(d->path, err), d->tag, os, arch, err);
	auto_blobs *layout = NULL;
	struct err none = ERR_INIT;

	if (!docker)
		return NULL;
	layout = local_open_layout(files_open_tar(d->path, &none), NULL, os, arch, &none);
	return layout && has_same_config(docker, layout) ? TAKE(layout) : TAKE(docker);
}

static struct blobs *open_it(const struct dest *d, const char *os, const char *arch, struct err *err)
{
	switch (d->type) {
	case DEST_OCI:
		return local_open_layout(files_open_dir(d->path, err), d->tag, os, arch, err);
	case DEST_OCI_ARCHIVE:
		return local_open_layout(files_open_tar(d->path, err), d->tag, os, arch, err);
	case DEST_DOCKER_ARCHIVE:
		return open_docker(d, os, arch, err);
	case DEST_REGISTRY:
		break;
	}
	return check_hub(d, err) < 0 ? NULL : registry_image_open(d, os, arch, err);
}

struct blobs *dest_open(const struct dest *d, const char *os, const char *arch, struct err *err)
{
	struct blobs *b = open_it(d, os, arch, err);
	auto_arena a = { 0 };

	if (!b)
		err_at(err, "%.300s", dest_text(&a, d));
	return b;
}

static struct blobs *open_trunk(const struct dest *d, struct err *err)
{
	switch (d->type) {
	case DEST_OCI:
		return local_open_trunk(files_open_dir(d->path, err), d->tag, err);
	case DEST_OCI_ARCHIVE:
		return local_open_trunk(files_open_tar(d->path, err), d->tag, err);
	case DEST_DOCKER_ARCHIVE:
		return open_docker(d, NULL, NULL, err);
	case DEST_REGISTRY:
		break;
	}
	return check_hub(d, err) < 0 ? NULL : registry_image_trunk(d, err);
}

struct blobs *dest_open_trunk(const struct dest *d, struct err *err)
{
	struct blobs *b = open_trunk(d, err);
	auto_arena a = { 0 };

	if (!b)
		err_at(err, "%.300s", dest_text(&a, d));
	return b;
}

/* ---- copy ---- */

static bool is_index(const struct doc *d, const char *type)
{
	const char *said = type ? type : "";
	struct err none = ERR_INIT;

	doc_get_string(d, "mediaType", said, &said, &none);
	return strcmp(said, MEDIA_INDEX) == 0 || strcmp(said, MEDIA_DOCKER_INDEX) == 0 ||
	       (!*said && doc_find(d, "manifests"));
}

static int add_entry(struct parcel_set *s, const struct doc *entry, struct blobs *from, struct err *err)
{
	struct descriptor d;
	auto_buf text = { 0 };

	if (descriptor_read(&s->arena, entry, &d, err) < 0)
		return -1;
	if (index_is_one(&d))
		return err_set(err, ERR_FORMAT, "leads to another index");
	if (blobs_manifest_of(from, &d, &text, err) < 0)
		return -1;
	s->n++;
	return parcel_init_copy(&s->list[s->n - 1], buf_cstr(&text), text.n, d.media_type, from, err);
}

static int add_all(struct parcel_set *s, const struct doc *index, struct blobs *from, struct err *err)
{
	const struct doc *list = doc_find(index, "manifests");
	size_t n;

	if (!list || list->type != DOC_LIST || !list->n)
		return doc_fault(index, err, "is an index without manifests");
	if (list->n > PARCEL_IMAGES_MAX)
		return err_set(err, ERR_LIMIT, "the index has %zu images, more than the %d that are copied", list->n,
			       PARCEL_IMAGES_MAX);
	s->list = mem_array(list->n, sizeof(*s->list));
	for (size_t i = 0; i < list->n; i++)
		if (add_entry(s, &list->items[i], from, err) < 0)
			return err_at(err, "image %zu of %zu", i + 1, list->n);
	s->index_type = from->type && *from->type ? from->type : MEDIA_INDEX;
	buf_add(&s->index, blobs_manifest(from, &n), from->manifest.n);
	s->index_digest = from->digest;
	return 0;
}

static int copy_from(struct blobs *from, const struct dest *to, const struct dest_how *how, struct digest *ret,
		     struct err *err)
{
	CLEANUP(parcel_set_release) struct parcel_set s = { 0 };
	const struct doc *d = doc_parse_json(&s.arena, buf_cstr(&from->manifest), from->manifest.n, "manifest", err);
	bool index = d && is_index(d, from->type);

	if (!d)
		return -1;
	if (index) {
		if (add_all(&s, d, from, err) < 0)
			return -1;
	} else {
		s.list = mem_array(1, sizeof(*s.list));
		s.n = 1;
		if (parcel_init_copy(&s.list[0], buf_cstr(&from->manifest), from->manifest.n, from->type, from, err) <
		    0)
			return -1;
	}
	if (write_set(to, &s, index, how, err) < 0)
		return -1;
	*ret = parcel_set_root(&s).digest;
	return 0;
}

int dest_copy(const struct dest *from, const char *os, const char *arch, const struct dest *to,
	      const struct dest_how *how, struct digest *ret, struct err *err)
{
	auto_blobs *b = os || arch ? dest_open(from, os, arch, err) : dest_open_trunk(from, err);
	auto_arena a = { 0 };

	if (!b)
		return -1;
	return copy_from(b, to, how, ret, err) < 0 ? err_at(err, "%.300s", dest_text(&a, from)) : 0;
}

int dest_digest(const struct dest *d, struct digest *ret, struct err *err)
{
	auto_blobs *b = dest_open_trunk(d, err);

	if (!b)
		return -1;
	*ret = b->digest;
	return 0;
}
