/* Writing packed files: what pack.c and pack_finish.c share. Private to channels/. */
#ifndef CHANNELS_PACK_IMPL_H
#define CHANNELS_PACK_IMPL_H

#include "channels/pack.h"

#define PACK_RUN_MAX ((uint32_t)1 << 28) /* bytes */
#define PACK_NAME_BYTES 255
#define PACK_NO_RUN UINT32_MAX

/* Records of one name that stand behind each other, in order. */
struct run {
	uint64_t at; /* behind the head, in bytes */
	uint32_t bytes, count, next;
};

struct name {
	uint32_t first, last; /* runs */
	bool check; /* some of its records may tell of one file, or be removed, or out of order */
};

struct pack {
	int fd;
	struct texts texts;
	struct arena arena;
	/* writing */
	char *room;
	size_t n_room;
	uint64_t at; /* bytes after the head that went before room */
	uint64_t *checks;
	size_t n_checks;
	/* names */
	struct intern names, removed;
	struct name *by_name;
	struct run *runs;
	uint32_t n_runs;
	uint32_t last; /* name of the last record, or INTERN_NONE */
	char last_name[PACK_NAME_BYTES]; /* as its file has it */
	size_t n_last_name;
	char last_fn[PACK_NAME_BYTES];
	size_t n_last_fn;
	uint64_t n_records, n_broken;
	char example[PACKED_EXAMPLE];
};

/* ---- bytes ---- */

/* Write n bytes at a place of the file. ERR_IO. */
int pack_write_at(struct pack *p, const void *bytes, size_t n, uint64_t at, struct err *err);

/* Write n bytes behind what was written, through the room. ERR_IO. */
int pack_put(struct pack *p, const void *bytes, size_t n, struct err *err);

/* What is in the room goes out, whole blocks of it unless this is the end. ERR_IO. */
int pack_flush(struct pack *p, struct err *err);

/* Bytes behind the head that were written. */
static inline uint64_t pack_here(const struct pack *p)
{
	return p->at + p->n_room;
}

/* ---- names ---- */

/* What the name of a file of this kind ends with. */
struct str pack_extension(enum packed_kind kind);

/* Where "name-version-build" has its two hyphens: the name's length; 0 where it is no such thing. */
size_t pack_split(struct str stem, size_t *version_len);

/* Names are compared without regard to case (CEP 29), and written in lower case. room: PACK_NAME_BYTES. */
struct str pack_lower(struct str name, char *room);

/* By bytes, as memcmp(). */
int pack_compare(struct str a, struct str b);

#endif
