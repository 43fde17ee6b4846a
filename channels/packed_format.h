/*
 * Packed repodata, byte by byte: see docs/channels.md, "The packed file". Private to packed.c and pack.c.
 *
 * All numbers are of this machine: a file that was made on one with another order of bytes is not used.
 */
#ifndef CHANNELS_PACKED_FORMAT_H
#define CHANNELS_PACKED_FORMAT_H

#include <stdint.h>

#define PACKED_MAGIC "condaimg packed\n"
#define PACKED_ORDER 0x01020304u
#define PACKED_VERSION 1u
#define PACKED_HEAD 4096u /* bytes of the head; then come the parts */
#define PACKED_BLOCK 32768u /* bytes after the head that share a checksum */
#define PACKED_EXAMPLE 200
#define PACKED_URL_MAX 2048

enum packed_part {
	PART_RECORDS, /* struct packed_record with what follows it, in the order of the document, each at a multiple of 8 */
	PART_TEXT, /* strings, a NUL after each */
	PART_TEXT_AT, /* uint32_t: where string i begins; one more: the end */
	PART_WORDS, /* uint32_t: lists, each its length and so many numbers of strings; the first is empty */
	PART_NAMES, /* struct packed_name, sorted by bytes */
	PART_NAME_TEXT, /* their bytes, in the same order, a NUL after each */
	PART_RUNS, /* struct packed_run */
	PART_CHECKS, /* uint64_t: of each block before this part */
	PARTS
};

struct packed_span {
	uint64_t at, len; /* at: from the beginning of the file */
};

struct packed_head {
	char magic[16];
	uint32_t order, version;
	uint32_t record_size, flags;
	uint64_t size; /* of the file */
	struct packed_span parts[PARTS];
	uint64_t n_records, n_broken;
	uint8_t source[32]; /* sha256 of what it was made from */
	uint64_t source_ino, source_size;
	int64_t source_mtime, source_ctime; /* nanoseconds */
	char example[PACKED_EXAMPLE];
	char base_url[PACKED_URL_MAX];
	uint64_t checks; /* checksum of PART_CHECKS */
	uint64_t check; /* of this head up to here */
};

/* The source was so young when it was read that it may have changed afterwards without its times telling. */
#define PACKED_YOUNG 1u

enum packed_kind { KIND_BZ2, KIND_V3_BZ2, KIND_CONDA, KIND_V3_CONDA }; /* larger goes first */

#define RECORD_KIND 3u
#define RECORD_NOARCH 4u /* two bits: times enum noarch */
#define RECORD_SHA256 16u
#define RECORD_MD5 32u
#define RECORD_MORE 64u

/* fn follows, with a NUL, and, at the next multiple of 8, struct packed_more. */
struct packed_record {
	uint8_t sha256[32], md5[16];
	uint64_t size;
	int64_t timestamp;
	uint32_t depends, constrains; /* where the list begins in PART_WORDS */
	uint32_t license, license_family; /* string + 1, or 0 */
	uint32_t build_number; /* if no packed_more follows */
	uint16_t bytes; /* of all of it, in eights */
	uint8_t flags;
	uint8_t fn_len, name_len, version_len; /* fn begins name-version-build unless packed_more says otherwise */
	uint8_t unused[2];
};

struct packed_more {
	uint64_t build_number;
	int64_t indexed_timestamp;
	uint32_t version, build, site_packages, legacy_bz2_md5; /* string + 1; 0: not told, or as fn has it */
	uint32_t track_features, flags; /* lists */
	uint32_t n_extras, unused;
	/* n_extras times: name (string), depends (list) */
};

struct packed_name {
	uint32_t at, len; /* in PART_NAME_TEXT */
	uint32_t first_run, n_runs;
};

/* Records that lie one after the other, sorted by fn; all of a name's runs are in that order, too. */
struct packed_run {
	uint64_t at; /* in PART_RECORDS */
	uint32_t bytes, count;
};

/* Not to be forged against, but a changed bit anywhere changes it. p is not NULL; n need not be a multiple of anything. */
uint64_t packed_check(const void *p, size_t n);

#endif
