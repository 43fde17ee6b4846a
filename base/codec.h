/*
 * zstd, gzip and bzip2 as sources; zstd and gzip as sinks. The only user of the
 * compression libraries, and the one place where their settings are.
 *
 * What a sink writes depends on the bytes, the codec and its level alone: not on
 * how the bytes are cut into writes, on the number of threads, or on the CPU.
 * (zstd: one worker always, never a pledged size. gzip: libdeflate over members
 * of a fixed size.) CODEC_VERSION counts the times these rules changed.
 */
#ifndef BASE_CODEC_H
#define BASE_CODEC_H

#include "base/io.h"

#define CODEC_VERSION 1

enum codec_type { CODEC_NONE, CODEC_GZIP, CODEC_ZSTD };

struct codec {
	enum codec_type type;
	int level;	/* gzip 1..12, zstd 1..19 */
};

#define CODEC_GZIP_DEFAULT ((struct codec){ CODEC_GZIP, 6 })
#define CODEC_ZSTD_DEFAULT ((struct codec){ CODEC_ZSTD, 3 })

/* "gzip", "zstd", "zstd:9", "none". ERR_USAGE. */
int codec_parse(const char *text, struct codec *ret, struct err *err);

/* What else but the bytes decides what a sink writes: "zstd:3 libzstd 1.5.4 rules 1". */
struct codec_text {
	char s[64];
};
struct codec_text codec_name(const struct codec *c);

/* Concatenated frames or members are read as one; anything else after the end is ERR_FORMAT. */
struct source *source_zstd(struct source *in);
struct source *source_gzip(struct source *in);
struct source *source_bzip2(struct source *in);

/* Looks at the first bytes: zstd, gzip, bzip2, else passes everything through. */
struct source *source_auto(struct source *in);

struct sink *sink_codec(struct sink *out, const struct codec *c);

#endif
