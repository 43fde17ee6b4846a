#include "oci/layer.h"

#include "oci/registry.h"
#include "oci/tar.h"

const char *layer_media_type(const struct codec *codec)
{
	switch (codec->type) {
	case CODEC_GZIP:
		return MEDIA_LAYER_GZIP;
	case CODEC_ZSTD:
		return MEDIA_LAYER_ZSTD;
	case CODEC_NONE:
		break;
	}
	return MEDIA_LAYER;
}

/* to fills in *l's digest and size. */
static int drain(struct tree *tree, struct sink *to, const struct codec *codec, struct layer *l, struct err *err)
{
	auto_sink *out = sink_digest(sink_codec(to, codec), &l->diffid, &l->tar_size);

	return !out || tar_drain(tree, out, err) < 0 || sink_finish(out, err) < 0 ? -1 : 0;
}

int layer_write(struct tree *tree, struct store *s, const struct codec *codec, struct layer *ret, struct err *err)
{
	struct layer l = { 0 };

	if (drain(tree, store_put(s, &l.digest, &l.size, err), codec, &l, err) < 0)
		return -1;
	*ret = l;
	return 0;
}

int layer_send(struct tree *tree, struct registry *to, const struct codec *codec, struct layer *ret, struct err *err)
{
	struct layer l = { 0 };

	if (drain(tree, registry_put_blob(to, &l.digest, &l.size, err), codec, &l, err) < 0)
		return -1;
	*ret = l;
	return 0;
}
