/* A new image in the place of one that is there, of which most layers stay: what condaimg patch and rebase have in common. */
#ifndef CMD_PATCHING_H
#define CMD_PATCHING_H

#include "cmd/attachments.h"
#include "cmd/delivery.h"
#include "cmd/diff.h"
#include "cmd/remake.h"

/* The image of one platform, as it was and as it is to be. */
struct patched {
	struct remake was;
	struct lock lock; /* texts belong to others */
	struct lock_platform lp;
	struct blobs *base; /* the new one, where it is another; or NULL */
	struct dest base_place;
	struct ground ground; /* of base */
	struct ready_layer *ready;
	struct assembly assembly;
	struct digest digest;
	struct told_packages told[2]; /* before and after */
	struct diff diff;
};

struct patching {
	struct arena arena;
	const struct options *o;
	struct settings settings;
	struct registries registries;
	struct workshop workshop;
	struct layer_cache *cache;
	struct remake_room room;
	struct dest from, to;
	struct digest was; /* what the name stood for */
	bool rebases;
	struct attach_wanted attach;
	struct attach_told attached;
	struct delivery delivery;
	struct patched *images; /* by platform */
	size_t n;
};

/* Open o->args[0] and all of its images, and know where the new one goes. To be released in any case. */
int patching_open(const struct options *o, bool rebases, struct patching *ret, struct err *err);

/* Make the new images of what patched.lock, lp and base say by now; write and tell. */
int patching_finish(struct patching *p, struct err *err);
void patching_release(struct patching *p);

#define auto_patching CLEANUP(patching_release) struct patching

/* ---- patching_tell.c ---- */

/* d: what has the name now. */
void patching_tell(struct patching *p, const struct digest *d);

#endif
