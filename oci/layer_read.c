#include "base/codec.h"
#include "oci/dest.h"
#include "oci/layer.h"

/* Lends what is below: a chain that is freed leaves it alive. */
struct lent {
	struct source base;
	struct source *in;
};

struct layer_reader {
	const struct image_layer *layer;
	struct source *blob, *tar; /* as they are; tar takes from blob */
	struct lent lent_blob, lent_tar;
	struct archive_in *members;
	struct digest diffid; /* once tar is at its end */
	bool over, at_end;
};

static ssize_t lent_read(struct source *s, void *buf, size_t len, struct err *err)
{
	return source_read(((struct lent *)s)->in, buf, len, err);
}

static void lent_free(struct source *s)
{
	(void)s; /* part of the reader */
}

static const struct source_ops lent_ops = { lent_read, lent_free };

static struct source *lend(struct lent *l, struct source *in)
{
	*l = (struct lent){ { &lent_ops }, in };
	return &l->base;
}

int layer_judge(struct layer_reader *r, struct err *err)
{
	struct err cause = ERR_INIT;

	r->over = true;
	if (err->code == ERR_INTEGRITY)
		return err_at(err, "the blob");
	if (err->code == ERR_IO)
		return -1;
	if (io_drain(r->blob, &cause) < 0 && cause.code == ERR_INTEGRITY) {
		err_put_front(&cause, "the blob");
		*err = cause;
	}
	return -1;
}

struct layer_reader *layer_open(struct blobs *b, const struct image_layer *l, struct err *err)
{
	struct source *blob = blobs_get(b, &l->layer.digest, l->layer.size, err);
	struct layer_reader *r;

	if (!blob)
		return NULL;
	r = NEW(struct layer_reader);
	r->layer = l;
	r->blob = blob;
	r->tar = source_digest(source_auto(lend(&r->lent_blob, blob)), &r->diffid, NULL);
	r->members = archive_open_tar(lend(&r->lent_tar, r->tar), err);
	if (r->members)
		return r;
	layer_judge(r, err);
	layer_close(r);
	return NULL;
}

/* What stands behind the tar's end belongs to it, too. */
static int finish(struct layer_reader *r, struct err *err)
{
	const struct digest *want = &r->layer->layer.diffid;

	r->at_end = true;
	if (io_drain(r->tar, err) < 0 || io_drain(r->blob, err) < 0)
		return layer_judge(r, err);
	r->over = true;
	if (digest_equal(&r->diffid, want))
		return 0;
	return err_set(err, ERR_INTEGRITY, "its tar is sha256:%s, expected sha256:%s, as the config says",
		       digest_hex(&r->diffid).hex, digest_hex(want).hex);
}

int layer_next(struct layer_reader *r, struct member *m, struct source **content, struct err *err)
{
	int got;

	if (r->over)
		return 0;
	got = archive_next(r->members, m, content, err);
	if (got > 0)
		return 1;
	return got < 0 ? layer_judge(r, err) : finish(r, err);
}

bool layer_at_end(const struct layer_reader *r)
{
	return r->at_end;
}

void layer_close(struct layer_reader *r)
{
	if (!r)
		return;
	archive_in_free(r->members);
	source_free(r->tar);
	source_free(r->blob);
	free(r);
}
