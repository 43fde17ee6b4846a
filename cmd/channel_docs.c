#include "cmd/channel_docs.h"

#include "base/codec.h"

#define LEVEL 12 /* of zstd: written once, read often */

static int squeeze(const struct buf *text, struct buf *ret, struct err *err)
{
	const struct codec codec = { CODEC_ZSTD, LEVEL };
	auto_sink *out = sink_codec(sink_buf(ret), &codec);

	return sink_write(out, text->p, text->n, err) < 0 ? -1 : sink_finish(out, err);
}

/* bytes is taken over. */
static void add(struct channel_docs *d, const char *subdir, const char *name, struct buf *bytes)
{
	mem_grow(d->docs, d->n);
	d->docs[d->n++] = (struct channel_doc){ arena_printf(&d->arena, "%s/%s", subdir, name), *bytes };
	*bytes = (struct buf){ 0 };
}

static int add_shard(struct channel_docs *d, const struct publish *p, const char *name, struct digest *ret,
		     struct err *err)
{
	auto_buf text = { 0 }, bytes = { 0 };
	auto_free char *path = NULL;

	publish_shard(p, name, &text);
	if (squeeze(&text, &bytes, err) < 0)
		return -1;
	*ret = digest_bytes(bytes.p, bytes.n);
	path = mem_printf("shards/%s.msgpack.zst", digest_hex(ret).hex);
	add(d, p->subdir, path, &bytes);
	return 0;
}

static int add_shards(struct channel_docs *d, const struct publish *p, struct err *err)
{
	auto_arena a = { 0 };
	const char *const *names = publish_names(p, &a);
	struct digest *shards = arena_array(&a, p->n + 1, sizeof(*shards));
	auto_buf text = { 0 }, bytes = { 0 };

	for (size_t i = 0; names[i]; i++)
		if (add_shard(d, p, names[i], &shards[i], err) < 0)
			return -1;
	publish_shard_index(p, names, shards, &text);
	if (squeeze(&text, &bytes, err) < 0)
		return -1;
	add(d, p->subdir, "repodata_shards.msgpack.zst", &bytes);
	return 0;
}

int channel_docs_add(struct channel_docs *d, const struct publish *p, struct err *err)
{
	auto_buf text = { 0 }, bytes = { 0 };

	if (add_shards(d, p, err) < 0)
		return -1;
	publish_repodata(p, &text);
	if (squeeze(&text, &bytes, err) < 0)
		return -1;
	add(d, p->subdir, "repodata.json.zst", &bytes);
	add(d, p->subdir, "repodata.json", &text);
	return 0;
}

void channel_docs_release(struct channel_docs *d)
{
	for (size_t i = 0; i < d->n; i++)
		buf_release(&d->docs[i].bytes);
	free(d->docs);
	arena_release(&d->arena);
	*d = (struct channel_docs){ 0 };
}
