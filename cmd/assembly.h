/* lock -> packages -> layers -> image: the steps of a build, in their order. */
#ifndef CMD_ASSEMBLY_H
#define CMD_ASSEMBLY_H

#include "channels/channel.h"
#include "cmd/copy.h"
#include "cmd/layer_cache.h"
#include "cmd/layer_facts.h"
#include "cmd/workshop.h"
#include "conda/clobber.h"
#include "conda/group.h"
#include "conda/lock.h"
#include "oci/layer.h"

/* What a layer holds, in the order in which layers lie on each other. */
enum part { PART_LIBC, PART_SYSTEM, PART_PACKAGES, PART_ENVIRONMENT, PART_APP };

struct part_layer {
	enum part part;
	const struct group *group; /* of PART_PACKAGES */
	struct digest recipe;
	uint64_t recipe_size; /* bytes of its text */
	uint64_t weight; /* what it costs to make, compared to others: the heaviest are begun first */
	struct layer layer;
	struct cached_layer cached; /* of a layer cache */
	struct registry *at; /* the layer cache that has the blob, where this machine has not; or NULL */
	bool distrusted; /* what a layer cache says of it */
	bool known; /* remembered: nothing had to be made */
	bool given; /* told by an image, whose plan this is: it is not made */
	bool told; /* a bundle's word: here, but nothing that is vouched for */
	bool foreign; /* an image that is there has it: one of struct assembly's ready */
	bool made; /* by this build */
};

/* What the packages' own lists of paths come to. Lists of texts end with NULL. */
struct paths_plan {
	const char *const **dropped; /* by package: paths that another package provides */
	const char *const *clobbers; /* a sentence for every two packages that differ in a path */
	const char *const *link_scripts; /* a sentence for every link script whose effect is not known */
	const char *const *effects; /* of those whose effect is: see cmd/link_effects.h */
	const char *const *more; /* "PATH (WHY)" of the activation scripts that only a shell can run */
	const struct env_variable *variables; /* of all packages together: what activation would set */
	size_t n_variables;
	const struct env_variable *changes; /* what activation scripts make of all variables; value NULL: unset */
	size_t n_changes;
};

struct assembly {
	struct arena arena;
	const struct settings *settings;
	struct workshop *workshop;
	const struct lock *lock;
	const struct lock_platform *lp;
	const struct platform *platform;
	struct prefix prefix;
	const struct image *base; /* or NULL */
	const struct ground *base_ground; /* of base */
	const char *base_name, *base_digest; /* of base: to be told in annotations; or NULL */
	struct blobs *base_blobs; /* of base, where whoever writes the image is not told; or NULL */
	/* Layers of an image, by what they are made of, that need not be made; and the image. */
	const struct ready_layer *ready;
	size_t n_ready;
	struct blobs *ready_in;
	/* Layers of a bundle, whose blobs are in the store: which recipe gave them, it says. */
	const struct ready_layer *told;
	size_t n_told;
	struct registry *stream; /* where layers go while they are made, instead of the store; or NULL */
	struct layer_cache *cache; /* or NULL */
	bool lazy; /* fetch only the packages that something has to be made of */
	struct package_facts *facts; /* by package, and behind them the C library: from layer caches; or NULL */
	bool plan_learnt; /* paths are a layer cache's word */
	struct ground ground; /* of the application's layer */
	struct copy files; /* the application's */
	const struct channel *channels; /* those asked, with their credentials; records' URLs have none */
	size_t n_channels;
	struct record *packages; /* lp's, with sha256 known of all */
	struct paths_plan paths;
	const struct group *groups;
	size_t n_groups;
	struct part_layer *layers;
	size_t n_layers;
	int64_t newest; /* seconds since 1970: of the packages, so that layers know no SOURCE_DATE_EPOCH */
	int64_t created; /* of the image */
};

/* Everything that can be known without the packages: prefix, python, groups, time. ERR_FORMAT, ERR_USAGE. */
int assembly_plan(struct assembly *a, const struct settings *s, struct workshop *w, const struct lock *lock,
		  const struct lock_platform *lp, const struct platform *platform, const struct image *base,
		  struct err *err);

/* Learn what the packages and the application lie on. base: of the base image, must outlive the assembly; or NULL. */
int assembly_lay_ground(struct assembly *a, const struct ground *base, struct err *err);

/*
 * The application's layer, with assembly_lay_ground(): which files, and how they lie on what is below. context: the project's folder. skip: what is never copied (NULL-terminated). As copy_plan().
 */
int assembly_plan_app(struct assembly *a, const struct ground *base, const char *context, const char *const *skip,
		      struct err *err);

/* What assembly_plan_app() does of it where there is no application's layer to be planned: checks, and what is below one. */
int assembly_plan_ground(struct assembly *a, const struct ground *base, struct err *err);

/*
 * Fetch what is missing, find clobbered paths; most layers are made on the way. What there is to say of them is not
 * said: see paths_plan_tell().
 */
int assembly_fetch(struct assembly *a, struct err *err);

/* Fetch these, of a lock without all digests: their sha256 is known then. */
int assembly_fetch_records(struct assembly *a, struct record *records, size_t n, struct err *err);

/* Fetch packages, by their index in the lock, and the C library's: what is there already is not. */
int assembly_fetch_some(struct assembly *a, const bool *want, bool libc, struct err *err);

/*
 * The environment's certificates, which those of --ca-file are put behind; nothing where it has none. Its packages
 * must be fetched. ERR_FORMAT.
 */
int assembly_read_cacert(const struct assembly *a, struct buf *ret, struct err *err);

/* Make the layers that are not remembered. */
int assembly_layers(struct assembly *a, struct err *err);

/* Forget a layer that turned out to be broken, so that assembly_layers() makes it anew. False: it is none of ours. */
bool assembly_forget(struct assembly *a, const struct digest *blob);

/* Read all layers that were in the cache, and forget those that are not what they are called; returns their number. */
size_t assembly_forget_broken(struct assembly *a);

/*
 * The variables of the image, "NAME=value", ends with NULL: of the base, condaimg, and the environment; and, where
 * with_packages, of the packages. In the assembly's arena.
 */
const char *const *assembly_env(struct assembly *a, bool with_packages);

/* The image of these layers. Texts live as long as the assembly. */
void assembly_image(struct assembly *a, struct image *ret);

void assembly_release(struct assembly *a);

/* ---- among the files that make up this module ---- */

/* Whether the layer of l->recipe need not be made: then l->layer is it, here or in an image (l->foreign). */
bool assembly_recall(const struct assembly *a, struct part_layer *l);

/* Plan once more, where the packages had to be asked what they are. */
int assembly_plan_filled(struct assembly *a, struct err *err);

/* The next layer up. group: of PART_PACKAGES. */
void assembly_add_layer(struct assembly *a, enum part part, const struct group *group);

/* The layer of PART_SYSTEM; and a tree that decides it, which needs no package opened. */
struct tree *assembly_open_system(const struct assembly *a, struct err *err);
struct tree *assembly_system_recipe(const struct assembly *a);

#define auto_assembly CLEANUP(assembly_release) struct assembly

#endif
