/*
 * An image as the build that made it: the lock, the base and the options that make just this image once more, found
 * from its manifest and config. A new image can then be planned with one of them changed (condaimg patch, rebase), and it
 * is the one that a build would give; the layers that stay are the image's own, which nobody reads.
 *
 * What was found is believed only if it gives the image's digest again.
 */
#ifndef CMD_REMAKE_H
#define CMD_REMAKE_H

#include "cmd/assembly.h"
#include "cmd/contents.h"
#include "cmd/ground.h"
#include "cmd/input.h"
#include "cmd/registries.h"

/* What the images of all platforms have in common; all of it must outlive them. */
struct remake_room {
	const struct options *o; /* as given: they help where an image does not tell */
	struct registries *registries;
	struct workshop *workshop;
	struct layer_cache *cache; /* or NULL */
	const struct dest *from; /* where the image is */
	const char *name; /* what it was called, for sentences */
};

struct remake {
	const struct remake_room *room;
	struct arena arena;
	const struct platform *platform;
	struct blobs *blobs; /* the image */
	bool docker_types;
	size_t n_base; /* layers of the base, the lowest */
	struct blobs *base; /* or NULL */
	struct dest base_place;
	struct ground ground; /* of base: empty where it was not read, and nothing asks for it */
	bool ground_known;
	struct input_files files;
	struct input input; /* of --lock */
	struct lock attached;
	bool is_attached; /* the lock is the attached one */
	struct contents contents; /* where the lock had to be made of it */
	const char *lock_name; /* for sentences */
	const struct lock *lock;
	const struct lock_platform *lp;
	struct options options; /* that the image was made with; lists and texts in arena */
	struct settings settings;
	struct assembly assembly; /* the image's plan: its layers are given */
	const struct part_layer *app; /* of assembly; or NULL */
};

/*
 * Open the image of a platform (NULL: its only one), and find its lock, base and options. No layer is read. ERR_FORMAT: it is none of
 * condaimg's, or cannot be made again. To be released in any case.
 */
int remake_open(const struct remake_room *room, const struct platform *p, struct remake *ret, struct err *err);

/*
 * Plan the image once more and compare; its layers' recipes are known then. Packages are fetched where nobody remembers
 * which paths they have. ERR_FORMAT: it comes out as another one.
 */
int remake_check(struct remake *r, struct err *err);

/* Know what is in the base, reading it if need be. */
int remake_read_base(struct remake *r, struct err *err);

/* What the image says of the one below it, where that is in a registry. */
void remake_name_base(struct assembly *a, const struct dest *place, const struct blobs *base);

/* Channels that packages are fetched from, with their logins. */
void remake_channels(struct assembly *a);
void remake_release(struct remake *r);

/* ---- remake_lock.c ---- */

/* The lock that the layers' own records come to, which are all read: r->lock, lp and lock_name. */
int remake_lock(struct remake *r, struct err *err);

/* ---- remake_options.c ---- */

/* Fill r->options and r->settings by what labels and layers say. */
int remake_options(struct remake *r, struct err *err);

/* Add the options that make of plain, which is the image without them, the image. False: there are none. */
bool remake_add_options(struct remake *r, const struct image *plain);

/* What two images differ in, in words; NULL: nothing that is known of. In a. */
const char *remake_difference(struct arena *a, const struct image *is, const struct image *made);

#endif
