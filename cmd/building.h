/*
 * One run of condaimg build: what was asked, and the image of each platform while it is made. Private to
 * cmd_build.c and building_*.c.
 */
#ifndef CMD_BUILDING_H
#define CMD_BUILDING_H

#include "cmd/assembly.h"
#include "cmd/attachments.h"
#include "cmd/delivery.h"
#include "cmd/ground.h"
#include "cmd/input.h"
#include "cmd/project.h"
#include "cmd/question.h"
#include "cmd/registries.h"
#include "cmd/workshop.h"

/* What the images of all platforms have in common. */
struct order {
	struct arena arena;
	struct project project;
	const struct options *o;
	struct settings settings;
	struct input_files files;
	struct registries registries;
	struct delivery delivery;
	struct layer_cache *cache; /* or NULL */
	bool only_digest; /* and no image */
	struct attach_wanted attach;
	struct attach_told attached;
	struct question *questions; /* one a platform */
	struct lock_platform *answers;
	struct build *builds;
	size_t n;
};

/* The image of one platform. */
struct build {
	struct order *order;
	struct arena arena;
	struct settings settings;
	struct input input;
	struct lock lock; /* what is built, where the input is no lock itself */
	struct workshop workshop;
	struct question *question;
	struct lock_platform *answer;
	struct blobs *base; /* or NULL */
	struct dest base_place; /* of base: of a registry by digest */
	struct ground ground; /* of base */
	struct assembly assembly;
	const struct platform *platform;
	const struct lock *from; /* the lock that is built; NULL: not known yet */
	const struct lock_platform *lp;
};

/* ---- building_lock.c ---- */

/* Open the cache, if it is not open yet: a dry run leaves nothing behind unless it has to solve. */
int building_open(struct build *b, struct err *err);

/* Read the input for the platform asked for; NULL: the one that it means. */
int building_read(struct build *b, const struct platform *asked, struct err *err);

/* Open the base, if there is one: *glibc is its version, or NULL. */
int building_base(struct build *b, const char **glibc, struct err *err);

/* Find the lock that is to be built: the input, or what stands beside it and answers the question. Else b->from stays NULL. */
int building_lock(struct build *b, const char *glibc, struct err *err);

/* Solve for those builds that no lock answers: together, so that noarch packages are the same ones. */
int building_solve(struct order *r, struct err *err);

/* ---- building_tell.c ---- */

/* What would be built: packages by layers. */
void building_preview(const struct order *r);

/* The result on stdout, remarks on stderr. d: of the manifest or index. */
void building_report(struct order *r, const struct digest *d);

/* The result of condaimg digest. */
void building_report_digest(struct order *r, const struct digest *d);

/* ---- building_heal.c ---- */

/* Forget a layer that turned out to be broken, and any other that is, and say so. False: it is none of ours. */
bool building_heal_layers(struct order *r, const struct digest *broken);

/* An err of making layers or fetching: where the cache is, if it is full or not ours to write to. Returns -1. */
int building_tell_room(const struct order *r, struct err *err);

/* Where packages in the cache are what led to err, and are gone now: true, and err is clear. */
bool building_heal_packages(struct order *r, struct err *err);

/* ---- cmd_build.c ---- */

/* What condaimg digest does: all that a build does, but for writing the image. */
int cmd_build_digest(const struct options *given, struct err *err);

#endif
