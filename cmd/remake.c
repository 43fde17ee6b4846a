#include "cmd/remake.h"

#include <string.h>

#include "base/log.h"
#include "cmd/attachments.h"
#include "cmd/base_image.h"
#include "cmd/filling.h"
#include "cmd/holding.h"
#include "cmd/making.h"
#include "cmd/told_packages.h"

static const struct image *image_of(const struct remake *r)
{
	return blobs_image(r->blobs);
}

/* ---- which layers are ours ---- */

static const char *part_of(const struct remake *r, size_t i)
{
	auto_arena a = { 0 };
	const char *part = holding_of(&a, &image_of(r)->layers[i]).part;
	static const char *const parts[] = { "libc", "system", "packages", "environment", "app" };

	for (size_t k = 0; k < COUNT(parts); k++)
		if (strcmp(parts[k], part) == 0)
			return parts[k];
	return "";
}

/* The system files begin ours, with the C library below them; a base may have been condaimg's, too. */
static int find_ours(struct remake *r, struct err *err)
{
	size_t n = image_of(r)->n_layers, i = n;

	while (i && strcmp(part_of(r, i - 1), "system") != 0)
		i--;
	if (!i)
		return err_set(err, ERR_FORMAT, "%s was not built by condaimg: no layer of it says what it holds",
			       r->room->name);
	i--;
	if (i && strcmp(part_of(r, i - 1), "libc") == 0)
		i--;
	r->n_base = i;
	for (; i < n; i++)
		if (!*part_of(r, i))
			return err_set(err, ERR_FORMAT,
				       "layer %zu of %zu of %s was put on top by something else: build that once more "
				       "on the new image",
				       i + 1, n, r->room->name);
	return 0;
}

/* "name-version-build" of all packages in our layers, sorted; in the arena. */
static const char *const *our_dists(struct remake *r, size_t *n)
{
	struct image ours = *image_of(r);

	ours.layers += r->n_base;
	ours.n_layers -= r->n_base;
	return told_packages_dists(&r->arena, &ours, n);
}

/* ---- the lock ---- */

/* The first package that one has and the other has not, or NULL. */
static const char *odd_package(struct remake *r, const struct lock_platform *lp)
{
	size_t n, found = 0;
	const char *const *dists = our_dists(r, &n);
	bool libc = !r->n_base && lp->n_libc_packages && strcmp(part_of(r, 0), "libc") == 0;

	for (size_t i = 0; i < lp->n_packages + libc; i++) {
		const struct record *p = i < lp->n_packages ? &lp->packages[i] : &lp->libc_packages[0];
		const char *dist = record_dist(&r->arena, p);

		if (!n || !bsearch(&dist, dists, n, sizeof(*dists), str_ptr_cmp))
			return dist;
		found++;
	}
	return found == n ? NULL : "all that the image has";
}

/* The newest of those attached that has just the image's packages. */
static int find_attached(struct remake *r, struct err *err)
{
	struct digest subject = blobs_manifest_digest(r->blobs);
	const struct dest *from = r->room->from;
	struct registry_referrer *list;
	size_t n;

	if (attach_list(from, &r->arena, &subject, ATTACH_LOCK, &list, &n, err) < 0)
		return -1;
	while (n-- && !r->is_attached) {
		auto_buf text = { 0 };

		lock_release(&r->attached);
		if (attach_get(from, &list[n], ATTACH_LOCK_MAX, &text, err) < 0 ||
		    lock_parse(buf_cstr(&text), text.n, "the attached lock", &r->attached, err) < 0)
			return err_at(err, "%s", r->room->name);
		r->lp = lock_find(&r->attached, r->platform->subdir);
		r->is_attached = r->lp && !odd_package(r, r->lp);
	}
	if (!r->is_attached)
		return remake_lock(r, err);
	r->lock = &r->attached;
	r->lock_name = "the attached lock";
	return 0;
}

static int read_lock(struct remake *r, const char *path, struct err *err)
{
	const char *odd;

	if (input_read_one(path, r->platform->subdir, &r->files, &r->input, err) < 0)
		return -1;
	if (!r->input.is_lock)
		return err_set(err, ERR_USAGE, "--lock: %s is no lock", path);
	r->lock = &r->input.lock;
	r->lock_name = path;
	r->lp = lock_find(r->lock, r->platform->subdir);
	if (!r->lp)
		return err_set(err, ERR_FORMAT, "%s has nothing for %s", path, r->platform->subdir);
	odd = odd_package(r, r->lp);
	if (odd)
		return err_set(err, ERR_FORMAT, "%s is not the lock of %s: not both have %s", path, r->room->name, odd);
	return 0;
}

static int find_lock(struct remake *r, struct err *err)
{
	const char *path = r->room->o->lock;

	if ((path ? read_lock(r, path, err) : find_attached(r, err)) < 0)
		return -1;
	if (r->lp->refused)
		return err_set(err, ERR_FORMAT, "%s: %s", r->lock_name, r->lp->refused);
	if (filling_needed(r->lp))
		return err_set(err, ERR_FORMAT,
			       "%s only says where packages are, and not what they need: condaimg lock makes one that "
			       "does",
			       r->lock_name);
	return 0;
}

/* ---- the base ---- */

static int place_of_base(struct remake *r, struct err *err)
{
	const struct image *im = image_of(r);
	const char *name =
		descriptor_annotation(im->annotations, im->n_annotations, "org.opencontainers.image.base.name");
	const char *digest =
		descriptor_annotation(im->annotations, im->n_annotations, "org.opencontainers.image.base.digest");
	const char *said = r->room->o->old_base;

	if (!said && (!name || !digest))
		return err_set(err, ERR_FORMAT,
			       "%s does not tell which base it is on: say with --old-base where that is",
			       r->room->name);
	if (!said)
		said = arena_printf(&r->arena, "docker://%s@%s", name, digest);
	return registries_place(r->room->registries, r->room->o, &r->arena, said, &r->base_place, err) < 0
		       ? err_at(err, "the base of %s", r->room->name)
		       : 0;
}

static int check_base(const struct remake *r, struct err *err)
{
	const struct image *im = image_of(r), *base = blobs_image(r->base);
	auto_arena a = { 0 };
	bool same = base->n_layers == r->n_base;

	for (size_t i = 0; same && i < r->n_base; i++)
		same = digest_equal(&im->layers[i].layer.diffid, &base->layers[i].layer.diffid);
	return same ? 0
		    : err_set(err, ERR_FORMAT, "%s is not the base of %s: its layers are others",
			      dest_text(&a, &r->base_place), r->room->name);
}

/* Only manifest and config: what is in it is the same as it was. */
static int find_base(struct remake *r, struct err *err)
{
	if (!r->n_base)
		return 0;
	if (place_of_base(r, err) < 0)
		return -1;
	r->base = dest_open(&r->base_place, r->platform->oci_os, r->platform->oci_arch, err);
	if (!r->base)
		return err_at(err, "the base of %s (--old-base says where else it is)", r->room->name);
	r->ground_known = ground_remembered(r->base, r->n_base, r->room->workshop, &r->ground);
	return check_base(r, err);
}

int remake_read_base(struct remake *r, struct err *err)
{
	if (!r->base || r->ground_known)
		return 0;
	if (ground_of_base(r->base, r->n_base, r->room->workshop, &r->ground, err) < 0)
		return err_at(err, "the base of %s", r->room->name);
	r->ground_known = true;
	return 0;
}

/* ---- open ---- */

static int find_platform(struct remake *r, struct err *err)
{
	const struct image *im = image_of(r);

	r->platform = platform_parse(arena_printf(&r->arena, "%s/%s", im->os, im->arch), err);
	return r->platform ? 0 : err_at(err, "%s", r->room->name);
}

int remake_open(const struct remake_room *room, const struct platform *p, struct remake *r, struct err *err)
{
	*r = (struct remake){ .room = room };
	r->blobs = dest_open(room->from, p ? p->oci_os : NULL, p ? p->oci_arch : NULL, err);
	if (!r->blobs)
		return -1;
	r->docker_types = strcmp(attach_subject(r->blobs).media_type, MEDIA_DOCKER_MANIFEST) == 0;
	if (find_platform(r, err) < 0 || find_ours(r, err) < 0 || find_lock(r, err) < 0 || find_base(r, err) < 0)
		return -1;
	return remake_options(r, err);
}

void remake_release(struct remake *r)
{
	assembly_release(&r->assembly);
	settings_release(&r->settings);
	lock_release(&r->attached);
	input_release(&r->input);
	input_close(&r->files);
	contents_release(&r->contents);
	ground_release(&r->ground);
	blobs_free(r->base);
	blobs_free(r->blobs);
	arena_release(&r->arena);
	*r = (struct remake){ 0 };
}

/* ---- the plan of the image ---- */

void remake_channels(struct assembly *a)
{
	struct channel *list = NULL;
	size_t n = 0;

	for (size_t i = 0; a->lock->channels && a->lock->channels[i]; i++) {
		struct err err = ERR_INIT;

		if (channel_resolve_as(&a->arena, &a->settings->config.names, a->lock->channels[i], ".", &list, &n,
				       &err) < 0)
			log_debug("%s", err.text);
	}
	a->channels = arena_dup(&a->arena, list, n * sizeof(*list));
	a->n_channels = n;
	free(list);
}

void remake_name_base(struct assembly *a, const struct dest *place, const struct blobs *base)
{
	struct digest d = blobs_manifest_digest(base);
	struct ref ref = place->ref;

	if (place->type != DEST_REGISTRY)
		return;
	ref.tag = place->tag;
	ref.has_digest = false;
	a->base_name = ref_text(&a->arena, &ref);
	a->base_digest = arena_printf(&a->arena, "sha256:%s", digest_hex(&d).hex);
}

static int plan(struct remake *r, struct err *err)
{
	struct assembly *a = &r->assembly;

	assembly_release(a);
	if (assembly_plan(a, &r->settings, r->room->workshop, r->lock, r->lp, r->platform,
			  r->base ? blobs_image(r->base) : NULL, err) < 0)
		return -1;
	a->base_blobs = r->base;
	a->ready_in = r->blobs;
	a->cache = r->room->cache;
	a->lazy = true;
	remake_channels(a);
	if (strcmp(part_of(r, image_of(r)->n_layers - 1), "app") == 0)
		assembly_add_layer(a, PART_APP, NULL);
	if (r->base)
		remake_name_base(a, &r->base_place, r->base);
	return assembly_lay_ground(a, r->base ? &r->ground : NULL, err);
}

/* Whether layer i of the plan holds what the image's says that it does; then it is that. */
static bool give(struct remake *r, size_t i)
{
	const struct image_layer *is = &image_of(r)->layers[r->n_base + i];
	struct part_layer *l = &r->assembly.layers[i];
	struct holding h = holding_of(&r->arena, is);
	static const char *const parts[] = { "libc", "system", "packages", "environment", "app" };
	auto_buf names = { 0 };

	for (size_t k = 0; l->group && k < l->group->n; k++)
		buf_addf(&names, "%s%s", k ? "," : "", record_dist(&r->arena, &r->lp->packages[l->group->members[k]]));
	if (strcmp(parts[l->part], h.part) != 0 || (l->group && strcmp(buf_cstr(&names), h.packages) != 0))
		return false;
	l->layer = is->layer;
	l->given = true;
	return true;
}

static bool give_all(struct remake *r)
{
	if (r->assembly.n_layers != image_of(r)->n_layers - r->n_base)
		return false;
	for (size_t i = 0; i < r->assembly.n_layers; i++)
		if (!give(r, i))
			return false;
	return true;
}

/* How many layers there were to be (--layers): the default, or else the fewest that share packages out in this way. */
static int find_layers(struct remake *r, struct err *err)
{
	/* 0 stands for the default, which is looked at first. */
	for (size_t k = 0; k <= LAYERS_LIMIT; k++) {
		size_t n = k ? k : LAYERS_DEFAULT;
		struct err none = ERR_INIT;

		if (k && r->room->o->layers)
			break;
		if (!r->room->o->layers)
			r->settings.layers = n;
		if (plan(r, &none) < 0 || !give_all(r))
			continue;
		if (k)
			r->options.layers = arena_printf(&r->arena, "%zu", n);
		return 0;
	}
	return err_set(err, ERR_FORMAT,
		       "the packages of %s are in other layers than %s comes to%s%s: was it made by another condaimg?",
		       r->room->name, r->lock_name, r->room->o->layers ? " with --layers " : "",
		       r->room->o->layers ? r->room->o->layers : "");
}

/* ---- comparing ---- */

/* The image's time is the packages', or SOURCE_DATE_EPOCH. */
static void find_time(struct remake *r)
{
	r->settings.epoch = image_of(r)->created == r->assembly.newest ? -1 : image_of(r)->created;
	r->assembly.created = image_of(r)->created;
}

/* With the options that are known by now. */
static int plan_again(struct remake *r, struct err *err)
{
	int64_t epoch = r->settings.epoch;
	size_t layers = r->settings.layers;

	settings_release(&r->settings);
	if (settings_read(&r->options, &r->settings, err) < 0 || settings_configure(&r->options, &r->settings, err) < 0)
		return err_at(err, "the options that %s was made with", r->room->name);
	r->settings.epoch = epoch;
	r->settings.layers = layers;
	if (plan(r, err) < 0)
		return -1;
	if (!give_all(r))
		return err_set(err, ERR_BUG, "%s has other layers the second time", r->room->name);
	r->assembly.created = image_of(r)->created;
	/* Variables are something that activation scripts may heed. */
	return assembly_fetch(&r->assembly, err);
}

static bool is_remade(struct remake *r)
{
	struct dest_how how = { .docker_types = r->docker_types };
	struct digest is = blobs_manifest_digest(r->blobs), made;
	struct err none = ERR_INIT;
	struct image image;

	assembly_image(&r->assembly, &image);
	return dest_digest_all(&(struct dest_image){ &image, NULL, r->blobs }, 1, &how, &made, &none) == 0 &&
	       digest_equal(&is, &made);
}

/* Whether the image comes out as well with fewer variables said; then those are its options. */
static int try_envs(struct remake *r, const char **envs, size_t n, bool *good, struct err *err)
{
	struct options all = r->options;

	r->options.envs = envs;
	r->options.n_envs = n;
	if (plan_again(r, err) < 0)
		return -1;
	*good = is_remade(r);
	if (!*good)
		r->options = all;
	return 0;
}

static bool is_named(const char *const *names, const char *text)
{
	for (; *names; names++) {
		size_t n = strlen(*names);

		if (strncmp(*names, text, n) == 0 && text[n] == '=')
			return true;
	}
	return false;
}

/* Less those of these names, or (only) less just one of them. */
static int drop_envs(struct remake *r, const char *const *names, const char *only, bool *good, struct err *err)
{
	const struct options *o = &r->options;
	const char **list = arena_array(&r->arena, o->n_envs + 1, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < o->n_envs; i++)
		if (only ? o->envs[i] != only : !is_named(names, o->envs[i]))
			list[n++] = o->envs[i];
	*good = false;
	return n == o->n_envs ? 0 : try_envs(r, list, n, good, err);
}

/*
 * What scripts make of variables depends on those that options say, and looks like an option itself as long as these are not
 * known. So each that a script sets is an option only if the image is not the same without it.
 */
static int drop_scripted(struct remake *r, const char *const *names, struct err *err)
{
	const char *const *envs = r->options.envs;
	size_t n = r->options.n_envs;
	bool good;

	if (drop_envs(r, names, NULL, &good, err) < 0)
		return -1;
	for (size_t i = 0; !good && i < n; i++) {
		bool one = false;

		if (is_named(names, envs[i]) && drop_envs(r, names, envs[i], &one, err) < 0)
			return -1;
	}
	return plan_again(r, err);
}

static int find_app_options(struct remake *r, struct err *err)
{
	const struct paths_plan *p = &r->assembly.paths;
	const char **names = arena_array(&r->arena, p->n_changes + 1, sizeof(*names));
	struct image plain;

	for (size_t i = 0; i < p->n_changes; i++)
		names[i] = arena_strdup(&r->arena, p->changes[i].name);
	assembly_image(&r->assembly, &plain);
	if (!remake_add_options(r, &plain))
		return 0;
	return *names && r->options.n_envs ? drop_scripted(r, names, err) : plan_again(r, err);
}

/* Modes of the base's directories may be in it: where they are not known, and it comes out as another one, they are looked up. */
static int find_ground(struct remake *r, const struct layer *made, const struct layer *is, struct err *err)
{
	if (!r->base || r->ground_known || digest_equal(&made->diffid, &is->diffid))
		return 0;
	if (remake_read_base(r, err) < 0)
		return -1;
	ground_release(&r->assembly.ground);
	return assembly_lay_ground(&r->assembly, &r->ground, err) < 0 ? -1 : 1;
}

static int environment_layer(struct remake *r, struct layer *ret, struct err *err)
{
	struct opener unused = { 0 };
	struct part_layer l = { .part = PART_ENVIRONMENT };
	auto_tree *t = making_open(&r->assembly, &l, &unused, err);

	return t ? layer_write(t, r->room->workshop->layers, &r->settings.codec, ret, err) : -1;
}

static const struct part_layer *find_part(const struct assembly *a, enum part part)
{
	for (size_t i = 0; i < a->n_layers; i++)
		if (a->layers[i].part == part)
			return &a->layers[i];
	return NULL;
}

/*
 * The environment's own layer is a small one that is made of the lock alone: it tells whether that is the image's, and, of
 * several that are, with which level it was compressed.
 */
static int find_level(struct remake *r, struct err *err)
{
	const struct part_layer *is = find_part(&r->assembly, PART_ENVIRONMENT);
	struct codec *codec = &r->settings.codec, first = *codec;
	int max = codec->type == CODEC_GZIP ? 12 : codec->type == CODEC_ZSTD ? 19 : 0;
	struct layer made;
	int again;

	for (int level = 0; level <= max; level++) {
		codec->level = level ? level : first.level;
		if (environment_layer(r, &made, err) < 0)
			return -1;
		again = find_ground(r, &made, &is->layer, err);
		if (again < 0 || (again && environment_layer(r, &made, err) < 0))
			return -1;
		if (!digest_equal(&made.diffid, &is->layer.diffid))
			return err_set(err, ERR_FORMAT,
				       "%s cannot be made again of %s: conda-meta/history and its like would be others",
				       r->room->name, r->lock_name);
		if (digest_equal(&made.digest, &is->layer.digest)) {
			if (codec->level != first.level)
				r->options.compression = arena_printf(
					&r->arena, "%s:%d", codec->type == CODEC_ZSTD ? "zstd" : "gzip", codec->level);
			return 0;
		}
		if (r->room->o->compression)
			break;
	}
	*codec = first;
	return err_set(
		err, ERR_FORMAT,
		"%s was compressed by something else than this condaimg would%s: a layer of it cannot be told from "
		"its recipe",
		r->room->name, r->room->o->compression ? " with this --compression" : "");
}

static void keep_recipes(struct remake *r)
{
	struct assembly *a = &r->assembly;

	for (size_t i = 0; i < a->n_layers; i++) {
		if (a->layers[i].part == PART_APP)
			r->app = &a->layers[i];
		else
			making_recipe(a, &a->layers[i]);
	}
}

static int compare(struct remake *r, struct err *err)
{
	struct image image;
	const char *what;

	if (is_remade(r))
		return 0;
	assembly_image(&r->assembly, &image);
	what = remake_difference(&r->arena, image_of(r), &image);
	return err_set(
		err, ERR_FORMAT,
		"%s cannot be made again of %s: its %s would be another, so something else changed it, or another "
		"condaimg built it",
		r->room->name, r->lock_name, what ? what : "config or manifest");
}

int remake_check(struct remake *r, struct err *err)
{
	if (find_layers(r, err) < 0)
		return -1;
	find_time(r);
	if (assembly_fetch(&r->assembly, err) < 0 || find_app_options(r, err) < 0 || find_level(r, err) < 0)
		return -1;
	keep_recipes(r);
	return compare(r, err);
}
