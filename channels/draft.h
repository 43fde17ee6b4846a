/* One record as it is read, before it is packed (CEP 34, 36; v3: CEP 43-48): out of JSON, or out of a shard. */
#ifndef CHANNELS_DRAFT_H
#define CHANNELS_DRAFT_H

#include "base/digest.h"
#include "channels/texts.h"
#include "conda/record.h"

#define DRAFT_SIZE_MAX ((uint64_t)1 << 50) /* bytes that a package may say it has */
#define DRAFT_EXTRAS_MAX 1000

struct draft_extra {
	uint32_t name, depends; /* string, list */
};

struct draft {
	struct str name, version, build; /* n is 0 where not told; they live until the next record is read */
	uint32_t license, license_family, site_packages, legacy_bz2_md5; /* string + 1; 0: not told */
	uint32_t depends, constrains, track_features, flags; /* lists */
	const struct draft_extra *extras; /* likewise until the next */
	size_t n_extras;
	uint64_t build_number, size;
	int64_t timestamp, indexed_timestamp; /* milliseconds; 0: not told */
	struct digest sha256;
	uint8_t md5[16];
	bool has_sha256, has_md5;
	enum noarch noarch;
};

/* A time as repodata has it, in seconds (with thousandths) or milliseconds, as milliseconds; 0: it is none that can be. */
int64_t draft_time(uint64_t whole, unsigned thousandths);

/* track_features as one string: words between commas and white space. Returns the list. */
uint32_t draft_features(struct texts *t, struct str words);

#endif
