/* The documents that are attached to an image: lock, bills of materials, provenance (docs/work-on-images.md). */
#ifndef CMD_ATTACHMENTS_H
#define CMD_ATTACHMENTS_H

#include "base/json.h"
#include "cmd/opt.h"
#include "conda/lock.h"
#include "oci/attach.h"

#define ATTACH_LOCK "application/vnd.conda.lock.v1+yaml"
#define ATTACH_SPDX "application/spdx+json"
#define ATTACH_CYCLONEDX "application/vnd.cyclonedx+json"
#define ATTACH_PROVENANCE "application/vnd.in-toto+json"
#define ATTACH_LOCK_MAX ((uint64_t)64 << 20)

enum attach_kind { KIND_LOCK, KIND_SPDX, KIND_CYCLONEDX, KIND_PROVENANCE, KIND_COUNT };

/* Which ones: of "lock,sbom,provenance"; "sbom" is both. */
struct attach_wanted {
	bool kinds[KIND_COUNT];
	bool any;
};

/* What --attach said. Without provenance, which only who builds can know, where !builds. ERR_USAGE. */
int attachments_wanted(const struct options *o, bool builds, struct attach_wanted *ret, struct err *err);

/* What documents are made of. All of it must outlive them. */
struct attach_facts {
	const struct lock *lock;
	const struct lock_platform *lp; /* the part of it that the image is of */
	const struct record *packages; /* lp's, with whatever else became known; or NULL: lp's */
	const struct blobs *image; /* as it is in some place */
	int64_t epoch; /* SOURCE_DATE_EPOCH, or -1 */
	const struct options *o; /* of the build; NULL: not known, and there is no provenance */
};

/* What was attached, in the order of doing. Zeroed, it is empty. */
struct attach_done {
	const char *image; /* where */
	struct digest subject, digest;
	const char *type;
};

struct attach_told {
	struct attach_done *list;
	size_t n;
};

/* To the image in that place. Pure but for the writing: the same facts give the same bytes. */
int attachments_put(const struct attach_facts *f, const struct attach_wanted *wanted, const struct dest *to,
		    struct arena *a, struct attach_told *told, struct err *err);

/* The list "attached" of a result, after its key. */
void attachments_json(const struct attach_told *told, struct arena *a, struct json *j);
void attachments_release(struct attach_told *told);

#endif
