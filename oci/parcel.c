#include "oci/parcel.h"

#include <stdio.h>

#include "oci/index.h"

void parcel_init(struct parcel *p, const struct image *im, struct store *from, struct blobs *base,
		 struct digest *broken)
{
	*p = (struct parcel){ .im = im, .from = from, .base = base, .broken = broken };
	image_encode(im, &p->config, &p->manifest);
	p->config_digest = digest_bytes(p->config.p, p->config.n);
	p->manifest_digest = digest_bytes(p->manifest.p, p->manifest.n);
}

void parcel_release(struct parcel *p)
{
	buf_release(&p->config);
	buf_release(&p->manifest);
}

bool parcel_is_first(const struct parcel *p, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (digest_equal(&p->im->layers[k].layer.digest, &p->im->layers[i].layer.digest))
			return false;
	return true;
}

struct source *parcel_layer(const struct parcel *p, size_t i, struct err *err)
{
	const struct image_layer *l = &p->im->layers[i];

	if (!l->foreign)
		return store_get(p->from, &l->layer.digest, l->layer.size, err);
	if (p->base)
		return blobs_get(p->base, &l->layer.digest, l->layer.size, err);
	err_set(err, ERR_IO, "is of a base image, which is not at hand");
	return NULL;
}

int parcel_fault(const struct parcel *p, size_t i, struct err *err)
{
	const struct image_layer *l = &p->im->layers[i];

	if (err->code == ERR_INTEGRITY && !l->foreign && p->broken)
		*p->broken = l->layer.digest;
	return err_at(err, "layer %zu of %zu (sha256:%s)", i + 1, p->im->n_layers, digest_hex(&l->layer.digest).hex);
}

int parcel_index(const struct parcel *p, const struct annotation *annotations, size_t n_annotations, const char *old,
		 size_t n, const char *name, struct buf *ret, struct err *err)
{
	struct descriptor image = { .media_type = MEDIA_MANIFEST,
				    .digest = p->manifest_digest,
				    .size = p->manifest.n,
				    .annotations = annotations,
				    .n_annotations = n_annotations };

	return index_put(old, n, name, &image, p->im->os, p->im->arch, p->im->variant, ret, err);
}

struct parcel_path parcel_path(const struct digest *d)
{
	struct parcel_path ret;

	snprintf(ret.s, sizeof(ret.s), "blobs/sha256/%s", digest_hex(d).hex);
	return ret;
}
