#include "oci/blobs.h"

#include <inttypes.h>

const struct image *blobs_image(const struct blobs *b)
{
	return &b->image;
}

struct digest blobs_manifest_digest(const struct blobs *b)
{
	return b->digest;
}

const char *blobs_manifest(const struct blobs *b, size_t *n)
{
	*n = b->manifest.n;
	return buf_cstr(&b->manifest);
}

struct source *blobs_get(struct blobs *b, const struct digest *d, uint64_t size, struct err *err)
{
	return source_verify(b->ops->get(b, d, size, err), d, size);
}

int blobs_slurp(struct blobs *b, const struct digest *d, uint64_t size, uint64_t max, struct buf *ret, struct err *err)
{
	auto_source *in = NULL;

	if (size > max)
		return err_set(err, ERR_LIMIT,
			       "blob sha256:%s has %" PRIu64 " bytes, more than the %" PRIu64 " that are read",
			       digest_hex(d).hex, size, max);
	in = blobs_get(b, d, size, err);
	if (!in)
		return -1;
	if (io_slurp(in, max, ret, err) < 0)
		return err_at(err, "blob sha256:%s", digest_hex(d).hex);
	return 0;
}

int blobs_manifest_of(struct blobs *b, const struct descriptor *d, struct buf *ret, struct err *err)
{
	auto_buf text = { 0 };
	struct digest found;

	if (!b->ops->manifest)
		return blobs_slurp(b, &d->digest, d->size, IMAGE_MANIFEST_MAX, ret, err);
	if (d->size > IMAGE_MANIFEST_MAX)
		return err_set(err, ERR_LIMIT, "manifest has %" PRIu64 " bytes, more than the %d that are read",
			       d->size, IMAGE_MANIFEST_MAX);
	if (b->ops->manifest(b, d, &text, err) < 0)
		return -1;
	found = digest_bytes(buf_cstr(&text), text.n);
	if (!digest_equal(&found, &d->digest) || text.n != d->size)
		return err_set(err, ERR_INTEGRITY, "manifest is sha256:%s of %zu bytes, expected sha256:%s of %" PRIu64,
			       digest_hex(&found).hex, text.n, digest_hex(&d->digest).hex, d->size);
	buf_add(ret, text.p, text.n);
	return 0;
}

static int check_platform(const struct image *im, const char *os, const char *arch, struct err *err)
{
	if ((!os || strcmp(os, im->os) == 0) && (!arch || strcmp(arch, im->arch) == 0))
		return 0;
	return err_set(err, ERR_USAGE, "image is for %.40s/%.40s, expected %s/%s", im->os, im->arch, os ? os : "any",
		       arch ? arch : "any");
}

int blobs_load(struct blobs *b, const char *os, const char *arch, struct err *err)
{
	auto_buf config = { 0 };
	struct digest d;
	uint64_t size;

	b->digest = digest_bytes(buf_cstr(&b->manifest), b->manifest.n);
	if (image_config_of(buf_cstr(&b->manifest), b->manifest.n, &d, &size, err) < 0)
		return -1;
	if (blobs_slurp(b, &d, size, IMAGE_CONFIG_MAX, &config, err) < 0)
		return err_at(err, "config");
	if (image_decode(&b->arena, buf_cstr(&b->manifest), b->manifest.n, buf_cstr(&config), config.n, &b->image,
			 err) < 0)
		return -1;
	return check_platform(&b->image, os, arch, err);
}

void blobs_release(struct blobs *b)
{
	arena_release(&b->arena);
	buf_release(&b->manifest);
}

void blobs_free(struct blobs *b)
{
	if (b)
		b->ops->free(b);
}
