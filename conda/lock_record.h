/*
 * What conda-lock's schema has no place for, of one record, as compact JSON: the
 * value of "condaimg.record.PLATFORM/FN" (docs/lock.md). Private to conda/lock*.c.
 */
#ifndef CONDA_LOCK_RECORD_H
#define CONDA_LOCK_RECORD_H

#include "base/doc.h"
#include "base/str.h"
#include "conda/lock_url.h"
#include "conda/record.h"

/* Appends to *ret. place is what the record's URL says by itself. */
void lock_record_write(const struct record *r, const struct lock_place *place, struct buf *ret);

/*
 * Fills what is missing in a record whose name, version, url and hashes are set
 * and whose build, subdir, fn and channel are those of its URL. ERR_FORMAT.
 */
int lock_record_parse(struct arena *a, const char *json, struct record *ret, struct err *err);

/*
 * The same from a map that is read already, JSON or YAML, without build, subdir, fn and channel. Texts that are
 * set stay where the map has none; noarch may be false, as pixi writes it. ERR_FORMAT.
 */
int lock_record_read(struct arena *a, const struct doc *map, struct record *ret, struct err *err);

#endif
