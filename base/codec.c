#include "base/codec.h"

#include <bzlib.h>
#include <libdeflate.h>
#include <stdio.h>
#include <zlib.h>
#include <zstd.h>

#include "base/num.h"

#define MEMBER_SIZE ((size_t)1 << 20)	/* of a gzip member, before compression */
#define WINDOW_LOG_MAX 27		/* 128 MiB: the largest zstd window that is read */

int codec_parse(const char *text, struct codec *ret, struct err *err)
{
	struct str rest = str_of(text), name = { 0 };
	struct codec c;
	uint64_t level, max;

	str_cut(&rest, ':', &name);
	if (str_eq(name, "gzip"))
		c = CODEC_GZIP_DEFAULT;
	else if (str_eq(name, "zstd"))
		c = CODEC_ZSTD_DEFAULT;
	else if (str_eq(name, "none") && !rest.p)
		c = (struct codec){ CODEC_NONE, 0 };
	else
		return err_set(err, ERR_USAGE, "compression '%s' is not known; use gzip, zstd, none, gzip:LEVEL or zstd:LEVEL",
			       text);
	max = c.type == CODEC_GZIP ? 12 : 19;
	if (rest.p) {
		if (!num_parse(rest.p, max, &level) || level == 0)
			return err_set(err, ERR_USAGE, "compression level '%s' is not a number from 1 to %d", rest.p, (int)max);
		c.level = (int)level;
	}
	*ret = c;
	return 0;
}

struct codec_text codec_name(const struct codec *c)
{
	struct codec_text t;

	switch (c->type) {
	case CODEC_NONE:
		snprintf(t.s, sizeof(t.s), "none");
		break;
	case CODEC_GZIP:
		snprintf(t.s, sizeof(t.s), "gzip:%d libdeflate %s rules %d", c->level, LIBDEFLATE_VERSION_STRING,
			 CODEC_VERSION);
		break;
	case CODEC_ZSTD:
		snprintf(t.s, sizeof(t.s), "zstd:%d libzstd %s rules %d", c->level, ZSTD_versionString(), CODEC_VERSION);
		break;
	}
	return t;
}

/* ---- decoders: one frame around three libraries ---- */

struct decoder {
	struct source base;
	struct source *in;
	char *buf;		/* IO_CHUNK bytes of input */
	size_t at, n;		/* what of it is not used yet: buf[at..n) */
	bool in_ended;		/* in has no more */
	bool between;		/* at the start, or after a whole frame */
	bool started;		/* some frame was begun */
	union {
		ZSTD_DCtx *zstd;
		z_stream zlib;
		bz_stream bz;
	} u;
};

/* 1 when buf has bytes, 0 at the end of in. */
static int fill(struct decoder *d, struct err *err)
{
	ssize_t n;

	if (d->at < d->n)
		return 1;
	if (d->in_ended)
		return 0;
	n = source_read(d->in, d->buf, IO_CHUNK, err);
	if (n < 0)
		return -1;
	d->at = 0;
	d->n = (size_t)n;
	d->in_ended = n == 0;
	return n > 0;
}

static int truncated(struct err *err, const char *what)
{
	return err_set(err, ERR_FORMAT, "%s data ends too early", what);
}

static ssize_t zstd_read(struct source *s, void *buf, size_t len, struct err *err)
{
	struct decoder *d = (struct decoder *)s;
	ZSTD_outBuffer out = { buf, len, 0 };

	while (out.pos == 0) {
		ZSTD_inBuffer in;
		size_t hint;
		int got = fill(d, err);

		if (got < 0)
			return -1;
		in = (ZSTD_inBuffer){ d->buf + d->at, d->n - d->at, 0 };
		if (!got && d->between)
			return d->started ? 0 : truncated(err, "zstd");
		hint = ZSTD_decompressStream(d->u.zstd, &out, &in);
		if (ZSTD_isError(hint))
			return err_set(err, ERR_FORMAT, "zstd data is broken: %s", ZSTD_getErrorName(hint));
		d->at += in.pos;
		d->between = hint == 0;
		d->started = true;
		if (!got && !d->between && out.pos == 0)
			return truncated(err, "zstd");
	}
	return (ssize_t)out.pos;
}

static void decoder_done(struct decoder *d)
{
	source_free(d->in);
	free(d->buf);
	free(d);
}

static void zstd_free(struct source *s)
{
	struct decoder *d = (struct decoder *)s;

	ZSTD_freeDCtx(d->u.zstd);
	decoder_done(d);
}

static ssize_t gzip_read(struct source *s, void *buf, size_t len, struct err *err)
{
	struct decoder *d = (struct decoder *)s;
	z_stream *z = &d->u.zlib;

	z->next_out = buf;
	z->avail_out = len > UINT32_MAX ? UINT32_MAX : (uInt)len;
	for (;;) {
		uInt before = z->avail_out;
		int got = fill(d, err), rc;

		if (got < 0)
			return -1;
		if (!got)
			return d->between && d->started ? 0 : truncated(err, "gzip");
		if (d->between && d->started && inflateReset(z) != Z_OK)
			abort();
		z->next_in = (unsigned char *)d->buf + d->at;
		z->avail_in = (uInt)(d->n - d->at);
		rc = inflate(z, Z_NO_FLUSH);
		d->at = d->n - z->avail_in;
		d->started = true;
		d->between = rc == Z_STREAM_END;
		if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
			return err_set(err, ERR_FORMAT, "gzip data is broken: %s", z->msg ? z->msg : "bad checksum");
		if (z->avail_out < before)
			return (ssize_t)(before - z->avail_out);
	}
}

static void gzip_free(struct source *s)
{
	struct decoder *d = (struct decoder *)s;

	inflateEnd(&d->u.zlib);
	decoder_done(d);
}

static ssize_t bzip2_read(struct source *s, void *buf, size_t len, struct err *err)
{
	struct decoder *d = (struct decoder *)s;
	bz_stream *z = &d->u.bz;

	z->next_out = buf;
	z->avail_out = len > UINT32_MAX ? UINT32_MAX : (unsigned)len;
	for (;;) {
		unsigned before = z->avail_out;
		int got = fill(d, err), rc;

		if (got < 0)
			return -1;
		if (!got)
			return d->between && d->started ? 0 : truncated(err, "bzip2");
		if (d->between) {
			if (d->started)
				BZ2_bzDecompressEnd(z);
			if (BZ2_bzDecompressInit(z, 0, 0) != BZ_OK)
				abort();
		}
		z->next_in = d->buf + d->at;
		z->avail_in = (unsigned)(d->n - d->at);
		rc = BZ2_bzDecompress(z);
		d->at = d->n - z->avail_in;
		d->started = true;
		d->between = rc == BZ_STREAM_END;
		if (rc != BZ_OK && rc != BZ_STREAM_END)
			return err_set(err, ERR_FORMAT, "bzip2 data is broken");
		if (z->avail_out < before)
			return (ssize_t)(before - z->avail_out);
	}
}

static void bzip2_free(struct source *s)
{
	struct decoder *d = (struct decoder *)s;

	if (d->started)
		BZ2_bzDecompressEnd(&d->u.bz);
	decoder_done(d);
}

static ssize_t plain_read(struct source *s, void *buf, size_t len, struct err *err)
{
	struct decoder *d = (struct decoder *)s;

	if (d->at < d->n) {
		if (len > d->n - d->at)
			len = d->n - d->at;
		memcpy(buf, d->buf + d->at, len);
		d->at += len;
		return (ssize_t)len;
	}
	return d->in_ended ? 0 : source_read(d->in, buf, len, err);
}

static void plain_free(struct source *s)
{
	decoder_done((struct decoder *)s);
}

static const struct source_ops zstd_ops = { zstd_read, zstd_free };
static const struct source_ops gzip_ops = { gzip_read, gzip_free };
static const struct source_ops bzip2_ops = { bzip2_read, bzip2_free };
static const struct source_ops plain_ops = { plain_read, plain_free };

static void become(struct decoder *d, const struct source_ops *ops)
{
	d->base.ops = ops;
	if (ops == &zstd_ops) {
		d->u.zstd = ZSTD_createDCtx();
		if (!d->u.zstd || ZSTD_isError(ZSTD_DCtx_setParameter(d->u.zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MAX)))
			abort();
	} else if (ops == &gzip_ops && inflateInit2(&d->u.zlib, 15 + 16) != Z_OK) {
		abort();
	}
}

static struct source *decoder(struct source *in, const struct source_ops *ops)
{
	struct decoder *d;

	if (!in)
		return NULL;
	d = NEW(struct decoder);
	d->in = in;
	d->buf = mem_resize(NULL, 1, IO_CHUNK);
	d->between = true;
	become(d, ops);
	return &d->base;
}

struct source *source_zstd(struct source *in)
{
	return decoder(in, &zstd_ops);
}

struct source *source_gzip(struct source *in)
{
	return decoder(in, &gzip_ops);
}

struct source *source_bzip2(struct source *in)
{
	return decoder(in, &bzip2_ops);
}

/* The first read looks, then the source is what it saw. */
static ssize_t auto_read(struct source *s, void *buf, size_t len, struct err *err)
{
	struct decoder *d = (struct decoder *)s;

	while (d->n < 4 && !d->in_ended) {
		ssize_t n = source_read(d->in, d->buf + d->n, IO_CHUNK - d->n, err);

		if (n < 0)
			return -1;
		d->n += (size_t)n;
		d->in_ended = n == 0;
	}
	if (d->n >= 4 && memcmp(d->buf, "\x28\xb5\x2f\xfd", 4) == 0)
		become(d, &zstd_ops);
	else if (d->n >= 2 && memcmp(d->buf, "\x1f\x8b", 2) == 0)
		become(d, &gzip_ops);
	else if (d->n >= 3 && memcmp(d->buf, "BZh", 3) == 0)
		become(d, &bzip2_ops);
	else
		become(d, &plain_ops);
	return source_read(s, buf, len, err);
}

static const struct source_ops auto_ops = { auto_read, plain_free };

struct source *source_auto(struct source *in)
{
	return decoder(in, &auto_ops);
}

/* ---- encoders ---- */

struct encoder {
	struct sink base;
	struct sink *out;
	char *held;		/* gzip: the member so far */
	size_t n;
	bool wrote;
	char *buf;		/* compressed bytes on their way out */
	size_t cap;
	ZSTD_CCtx *zstd;
	struct libdeflate_compressor *deflate;
};

static int zstd_push(struct encoder *c, const void *p, size_t len, ZSTD_EndDirective how, struct err *err)
{
	ZSTD_inBuffer in = { p, len, 0 };
	size_t left;

	do {
		ZSTD_outBuffer out = { c->buf, c->cap, 0 };

		left = ZSTD_compressStream2(c->zstd, &out, &in, how);
		if (ZSTD_isError(left))
			return err_set(err, ERR_IO, "cannot compress: %s", ZSTD_getErrorName(left));
		if (sink_write(c->out, c->buf, out.pos, err) < 0)
			return -1;
	} while (how == ZSTD_e_end ? left > 0 : in.pos < in.size);
	return 0;
}

static int zstd_write(struct sink *s, const void *p, size_t len, struct err *err)
{
	return zstd_push((struct encoder *)s, p, len, ZSTD_e_continue, err);
}

static int zstd_finish(struct sink *s, struct err *err)
{
	struct encoder *c = (struct encoder *)s;

	if (zstd_push(c, NULL, 0, ZSTD_e_end, err) < 0)
		return -1;
	return sink_finish(c->out, err);
}

static int gzip_member(struct encoder *c, struct err *err)
{
	size_t n = libdeflate_gzip_compress(c->deflate, c->held, c->n, c->buf, c->cap);

	if (n == 0)
		abort();	/* cap is libdeflate's own bound */
	c->n = 0;
	c->wrote = true;
	return sink_write(c->out, c->buf, n, err);
}

static int gzip_write(struct sink *s, const void *p, size_t len, struct err *err)
{
	struct encoder *c = (struct encoder *)s;

	while (len) {
		size_t take = MEMBER_SIZE - c->n;

		if (take > len)
			take = len;
		memcpy(c->held + c->n, p, take);
		c->n += take;
		p = (const char *)p + take;
		len -= take;
		if (c->n == MEMBER_SIZE && gzip_member(c, err) < 0)
			return -1;
	}
	return 0;
}

static int gzip_finish(struct sink *s, struct err *err)
{
	struct encoder *c = (struct encoder *)s;

	if ((c->n || !c->wrote) && gzip_member(c, err) < 0)
		return -1;
	return sink_finish(c->out, err);
}

static void encoder_free(struct sink *s)
{
	struct encoder *c = (struct encoder *)s;

	sink_free(c->out);
	ZSTD_freeCCtx(c->zstd);
	libdeflate_free_compressor(c->deflate);
	free(c->held);
	free(c->buf);
	free(c);
}

static const struct sink_ops zstd_sink_ops = { zstd_write, zstd_finish, encoder_free };
static const struct sink_ops gzip_sink_ops = { gzip_write, gzip_finish, encoder_free };

struct sink *sink_codec(struct sink *out, const struct codec *codec)
{
	struct encoder *c;

	if (!out || codec->type == CODEC_NONE)
		return out;
	c = NEW(struct encoder);
	c->out = out;
	if (codec->type == CODEC_ZSTD) {
		c->base.ops = &zstd_sink_ops;
		c->zstd = ZSTD_createCCtx();
		c->cap = ZSTD_CStreamOutSize();
		if (!c->zstd || ZSTD_isError(ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_compressionLevel, codec->level)) ||
		    ZSTD_isError(ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_nbWorkers, 1)))
			abort();
	} else {
		c->base.ops = &gzip_sink_ops;
		c->deflate = libdeflate_alloc_compressor(codec->level);
		if (!c->deflate)
			abort();
		c->held = mem_resize(NULL, 1, MEMBER_SIZE);
		c->cap = libdeflate_gzip_compress_bound(c->deflate, MEMBER_SIZE);
	}
	c->buf = mem_resize(NULL, 1, c->cap);
	return &c->base;
}
