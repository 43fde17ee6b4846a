/*
 * Repodata of one subdir, packed: what the next run maps and reads in part. Nothing in it is believed before it was
 * checked: where it is found to be damaged (cut off, a wrong byte), everything asked of it from then on is empty, and
 * packed_damaged() says so.
 */
#ifndef CHANNELS_PACKED_H
#define CHANNELS_PACKED_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/str.h"
#include "conda/record.h"

/* The file that repodata came from, to see whether it is still the same. */
struct packed_source {
	uint64_t ino, size;
	int64_t mtime, ctime; /* nanoseconds */
	bool young;
	struct digest digest;
};

/* All but the digest. */
struct packed_source packed_source_of(const struct stat *st);

struct packed;

/* Takes fd (it is closed with the rest). NULL: it is no such file, or one that was cut or changed. */
struct packed *packed_open(int fd);
void packed_free(struct packed *p);
bool packed_damaged(const struct packed *p);

/* What it was made from. */
const struct packed_source *packed_source(const struct packed *p);

/* The document's base_url as it was written, or NULL. */
const char *packed_base_url(const struct packed *p);
uint64_t packed_records(const struct packed *p);
uint64_t packed_broken(const struct packed *p, const char **example);

/* Names, sorted by bytes. n is 0 where one cannot be read. */
size_t packed_names(const struct packed *p);
struct str packed_name(struct packed *p, size_t i);

#define PACKED_NONE SIZE_MAX
size_t packed_find(struct packed *p, struct str name); /* or PACKED_NONE */

/* Strings and lists by number; NULL: damaged. Valid as long as p. */
const char *packed_string(struct packed *p, uint32_t i, size_t *len);
const uint32_t *packed_list(struct packed *p, uint32_t at, uint32_t *n);
uint32_t packed_n_strings(const struct packed *p);
uint32_t packed_n_words(const struct packed *p);

/* A record as it lies there. Everything points into the file. */
struct packed_item {
	const struct packed_record *r;
	const struct packed_more *more; /* or NULL */
	const uint32_t *extras; /* more->n_extras pairs: name (string), depends (list) */
	const char *fn; /* with a NUL */
};

/* All records of the name i, by file name. */
struct packed_cursor {
	uint32_t run, runs_left, left;
	const unsigned char *at, *end;
};
struct packed_cursor packed_records_of(struct packed *p, size_t i);
/* How many those are at most. */
size_t packed_count_of(struct packed *p, size_t i);
bool packed_next(struct packed *p, struct packed_cursor *c, struct packed_item *ret);

static inline void packed_freep(struct packed **p)
{
	packed_free(*p);
}

#define auto_packed CLEANUP(packed_freep) struct packed

#endif
