/* The application's layer of an image that gets another base: it stays where it would be the same there. */
#include <string.h>

#include "cmd/making.h"
#include "cmd/patching_app.h"
#include "oci/layer.h"

#define MEMBERS_MAX 1000000

/* ---- what options alone make: the working directory and volumes ---- */

static int plan_places(struct assembly *a, const struct ground *ground, struct copy *ret, struct err *err)
{
	return copy_plan(
		&(struct copy_request){
			.app = &a->settings->app, .context = ".", .ground = ground, .prefix = a->prefix.path },
		ret, err);
}

/* Whether the layer has just the working directory and volumes, which are made by what the base has of them. */
static int only_places(struct remake *was, bool *ret, struct err *err)
{
	struct assembly *a = &was->assembly;

	*ret = false;
	for (unsigned writable = 0; writable < 2 && !*ret; writable++) {
		struct copy places = { 0 };
		struct layer made;
		struct tree *t;
		int rc;

		was->settings.app.writable = writable;
		rc = plan_places(a, &a->ground, &places, err);
		if (rc == 0 && places.n) {
			t = copy_tree(&places);
			rc = layer_write(t, a->workshop->layers, &a->settings->codec, &made, err);
			tree_free(t);
			*ret = rc == 0 && digest_equal(&made.diffid, &was->app->layer.diffid);
		}
		copy_release(&places);
		if (rc < 0)
			return -1;
	}
	if (!*ret)
		was->settings.app.writable = false;
	return 0;
}

/* ---- what was copied ---- */

struct comparing {
	struct arena arena;
	const struct ground *was, *is;
	struct map paths; /* of the layer's files and of all directories they are in */
	size_t n;
};

static bool same_entry(const struct ground_entry *a, const struct ground_entry *b)
{
	if (!a || !b)
		return a == b;
	if (a->target || b->target)
		return a->target && b->target && strcmp(a->target, b->target) == 0;
	return a->is_dir == b->is_dir && (!a->is_dir || a->mode == b->mode);
}

static bool is_same(struct comparing *c, const char *path)
{
	return same_entry(ground_find(c->was, path), ground_find(c->is, path));
}

static void add_path(struct comparing *c, const char *path)
{
	bool is_new;

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/'))
		map_put(&c->paths, arena_strndup(&c->arena, path, (size_t)(slash - path)), 0, &is_new);
	map_put(&c->paths, arena_strdup(&c->arena, path), 0, &is_new);
}

/* A path of the layer, and every directory above it, is to both what it is to the other. NULL: it is. */
static const char *odd_path(struct comparing *c, const char *path)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		const char *dir = arena_strndup(&c->arena, path, (size_t)(slash - path));

		if (!is_same(c, dir))
			return dir;
	}
	return is_same(c, path) ? NULL : path;
}

/* Links that the options' paths may have gone through lead to the same places. */
static const char *odd_link(struct comparing *c)
{
	for (const struct ground *g = c->was; g; g = g->under)
		for (size_t i = 0; i < g->n; i++) {
			const struct ground_entry *e = &g->list[i];
			const char *real =
				e->target && !e->gone ? ground_resolve(c->was, &c->arena, e->path, true) : NULL;

			if (real && *real && map_get(&c->paths, real, NULL) && !is_same(c, e->path))
				return e->path;
		}
	return NULL;
}

static int read_members(struct comparing *c, struct remake *was, const char **odd, struct err *err)
{
	const struct image *im = blobs_image(was->blobs);
	auto_layer_reader *in = layer_open(was->blobs, &im->layers[im->n_layers - 1], err);
	struct source *content;
	struct member m;
	int got = -1;

	while (in && (got = layer_next(in, &m, &content, err)) > 0) {
		char *path = arena_strdup(&c->arena, m.path);
		size_t n = strlen(path);

		while (n && path[n - 1] == '/')
			path[--n] = '\0';
		if (c->n++ > MEMBERS_MAX)
			return err_set(err, ERR_LIMIT, "the application's layer has more than %d files", MEMBERS_MAX);
		if (!n || *odd)
			continue;
		add_path(c, path);
		*odd = odd_path(c, path);
	}
	return got;
}

static bool place_is_same(struct comparing *c, const char *path)
{
	const char *x = ground_resolve(c->was, &c->arena, path + 1, true);
	const char *y = ground_resolve(c->is, &c->arena, path + 1, true);

	return x && y && strcmp(x, y) == 0 && !ground_find(c->was, x) == !ground_find(c->is, y);
}

static const char *odd_place(struct comparing *c, const struct app *app)
{
	for (const char *const *v = app->volumes; v && *v; v++)
		if (!place_is_same(c, *v))
			return *v + 1;
	return place_is_same(c, app->workdir) ? NULL : app->workdir + 1;
}

static int check_copied(struct remake *was, const struct assembly *a, struct err *err)
{
	struct comparing c = { .was = &was->assembly.ground, .is = &a->ground };
	const char *odd = NULL;
	int rc = read_members(&c, was, &odd, err);

	if (rc == 0 && !odd)
		odd = odd_link(&c);
	if (rc == 0 && !odd)
		odd = odd_place(&c, &was->settings.app);
	if (rc == 0 && odd)
		rc = err_set(err, ERR_FORMAT,
			     "/%s is not the same in the new base, and the application's files would lie differently "
			     "there: build it anew from its sources",
			     odd);
	map_release(&c.paths);
	arena_release(&c.arena);
	return rc;
}

int patching_app_stays(struct remake *was, struct assembly *a, bool *stays, struct err *err)
{
	*stays = false;
	if (!was->app)
		return 0;
	if (remake_read_base(was, err) < 0)
		return -1;
	ground_release(&was->assembly.ground);
	if (assembly_plan_ground(&was->assembly, was->base ? &was->ground : NULL, err) < 0 ||
	    only_places(was, stays, err) < 0)
		return -1;
	*stays = !*stays;
	return *stays ? check_copied(was, a, err) : 0;
}
