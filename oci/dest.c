#include "oci/dest.h"

#include "oci/local.h"
#include "oci/parcel.h"
#include "oci/repotag.h"

static const struct {
	const char *prefix;
	enum dest_type type;
} kinds[] = {
	{ "oci:", DEST_OCI },
	{ "oci-archive:", DEST_OCI_ARCHIVE },
	{ "docker-archive:", DEST_DOCKER_ARCHIVE },
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
	const char *colon = find_tag(type, rest);
	size_t n = colon ? (size_t)(colon - rest) : strlen(rest);

	if (colon && check_tag(a, type, colon + 1, err) < 0)
		return -1;
	while (n > 1 && rest[n - 1] == '/')
		n--;
	if (n == 0)
		return err_set(err, ERR_USAGE, "it has no path");
	*ret = (struct dest){ type, arena_strndup(a, rest, n), colon ? arena_strdup(a, colon + 1) : NULL };
	return 0;
}

int dest_parse(struct arena *a, const char *text, struct dest *ret, struct err *err)
{
	for (size_t i = 0; i < COUNT(kinds); i++) {
		if (!str_starts(text, kinds[i].prefix))
			continue;
		if (parse_rest(a, kinds[i].type, text + strlen(kinds[i].prefix), ret, err) < 0)
			return err_at(err, "'%.300s'", text);
		return 0;
	}
	return err_set(err, ERR_USAGE,
		       "'%.300s' is no place for an image; expected oci:DIR[:TAG], oci-archive:FILE[:TAG] or "
		       "docker-archive:FILE[:NAME:TAG]",
		       text);
}

const char *dest_text(struct arena *a, const struct dest *d)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (kinds[i].type == d->type)
			return arena_printf(a, "%s%s%s%s", kinds[i].prefix, d->path, d->tag ? ":" : "",
					    d->tag ? d->tag : "");
	return NULL;
}

/* ---- write ---- */

int dest_write(const struct dest *d, const struct image *im, struct store *from, struct blobs *base, struct digest *ret,
	       struct digest *broken, struct err *err)
{
	CLEANUP(parcel_release) struct parcel p;

	parcel_init(&p, im, from, base, broken);
	if ((d->type == DEST_OCI ? layout_write(d, &p, err) : pack_write(d, &p, err)) < 0)
		return -1;
	*ret = p.manifest_digest;
	return 0;
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
		break;
	}
	return open_docker(d, os, arch, err);
}

struct blobs *dest_open(const struct dest *d, const char *os, const char *arch, struct err *err)
{
	struct blobs *b = open_it(d, os, arch, err);
	auto_arena a = { 0 };

	if (!b)
		err_at(err, "%.300s", dest_text(&a, d));
	return b;
}
