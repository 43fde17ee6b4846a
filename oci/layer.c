#include "oci/layer.h"

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

int layer_write(struct tree *tree, struct store *s, const struct codec *codec, struct layer *ret, struct err *err)
{
	struct layer l = { 0 };
	auto_sink *out = sink_digest(sink_codec(store_put(s, &l.digest, &l.size, err), codec), &l.diffid, &l.tar_size);

	if (!out || tar_drain(tree, out, err) < 0 || sink_finish(out, err) < 0)
		return -1;
	*ret = l;
	return 0;
}
