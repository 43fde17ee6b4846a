/* What lies around the packages: the system's files below them, the application's above. */
#include <string.h>

#include "cmd/making.h"
#include "cmd/recipe.h"
#include "cmd/rootfs.h"
#include "conda/libc.h"

#define BUNDLE_MAX ((uint64_t)64 << 20)

/* ---- system files ---- */

static bool has(const struct assembly *a, const char *package)
{
	return making_find(a->lp, package) != NULL;
}

static struct rootfs rootfs_of(const struct assembly *a)
{
	return (struct rootfs){ .prefix = &a->prefix,
				.has_cacert = has(a, "ca-certificates"),
				.has_zoneinfo = has(a, "tzdata"),
				.has_shell = a->settings->app.shell,
				.user = &a->settings->app.user };
}

/* bundle: all certificates, or what stands for them; or NULL. */
static struct tree *system_tree(const struct assembly *a, const char *bundle)
{
	struct rootfs r = rootfs_of(a);

	r.bundle = bundle;
	return a->base ? rootfs_on_base(&r, a->base_ground) : rootfs_system(&r);
}

static int read_cacert(const struct assembly *a, struct buf *ret, struct err *err)
{
	auto_free char *path = mem_printf("%s/ssl/cacert.pem", a->prefix.path + 1);
	auto_tree *t = NULL;
	struct source *content;
	struct entry e;
	int got = 0;

	for (size_t i = 0; i < a->lp->n_packages; i++)
		if (strcmp(a->packages[i].name, "ca-certificates") == 0 && !(t = making_open_linked(a, i, NULL, err)))
			return -1;
	while (t && (got = tree_next(t, &e, &content, err)) > 0)
		if (content && strcmp(e.path, path) == 0)
			return io_slurp(content, BUNDLE_MAX, ret, err);
	if (got < 0)
		return -1;
	return t ? err_set(err, ERR_FORMAT, "ca-certificates has no ssl/cacert.pem to add to (--ca-file)") : 0;
}

int assembly_read_cacert(const struct assembly *a, struct buf *ret, struct err *err)
{
	if (read_cacert(a, ret, err) < 0)
		return -1;
	if (ret->n && ret->p[ret->n - 1] != '\n')
		buf_addc(ret, '\n');
	return 0;
}

struct tree *assembly_open_system(const struct assembly *a, struct err *err)
{
	const char *more = a->settings->app.certificates;
	auto_buf bundle = { 0 };

	if (!more)
		return system_tree(a, NULL);
	if (assembly_read_cacert(a, &bundle, err) < 0)
		return NULL;
	buf_adds(&bundle, more);
	return system_tree(a, bundle.p);
}

/* The files themselves decide, but for the bundle, in place of which its origins stand. */
struct tree *assembly_system_recipe(const struct assembly *a)
{
	const struct record *cacert = making_find(a->lp, "ca-certificates");
	const char *more = a->settings->app.certificates;
	auto_buf origins = { 0 };

	if (!more)
		return system_tree(a, NULL);
	if (cacert)
		recipe_add_record(&origins, &a->packages[cacert - a->lp->packages]);
	buf_adds(&origins, more);
	return system_tree(a, origins.p);
}

/* ---- the application ---- */

static int check_shell(const struct assembly *a, struct err *err)
{
	static const char *const needed[] = { "bash", "coreutils" };

	for (size_t i = 0; a->settings->app.shell && i < COUNT(needed); i++)
		if (!has(a, needed[i]))
			return err_set(
				err, ERR_USAGE,
				"the lock has no %s, which --shell needs: lock the environment again with --shell",
				needed[i]);
	return 0;
}

/* Packages' files must come to lie where their texts say that they are. */
static int check_prefix(const struct assembly *a, struct err *err)
{
	auto_arena tmp = { 0 };
	const char *real = ground_resolve(&a->ground, &tmp, a->prefix.path + 1, true);
	auto_free char *records = mem_printf("%s/conda-meta", a->prefix.path + 1);

	if (!real || strcmp(real, a->prefix.path + 1) != 0)
		return err_set(err, ERR_USAGE,
			       "the prefix %s is behind a link of the %s (it is /%s): choose another --prefix",
			       a->prefix.path, a->base ? "base" : "system files", real ? real : "...");
	/* Two environments in one place are none: neither was solved with the other's packages. */
	if (a->base && ground_find(a->base_ground, records))
		return err_set(err, ERR_USAGE, "the base has an environment at %s already: choose another --prefix",
			       a->prefix.path);
	return 0;
}

int assembly_lay_ground(struct assembly *a, const struct ground *base, struct err *err)
{
	a->base_ground = a->ground.under = base;
	if (a->layers[0].part == PART_LIBC && ground_add(&a->ground, libc_links(a->platform), err) < 0)
		return -1;
	if (ground_add(&a->ground, system_tree(a, NULL), err) < 0)
		return -1;
	return ground_add(&a->ground, rootfs_prefix_dirs(&a->prefix, &a->ground), err);
}

int assembly_plan_ground(struct assembly *a, const struct ground *base, struct err *err)
{
	const struct app *app = &a->settings->app;

	if (check_shell(a, err) < 0)
		return -1;
	if (base && app->certificates && !has(a, "ca-certificates"))
		return err_set(err, ERR_USAGE,
			       "--ca-file adds to the certificates of the environment, and on a base that needs the "
			       "package ca-certificates in it");
	return assembly_lay_ground(a, base, err) < 0 || check_prefix(a, err) < 0 ? -1 : 0;
}

int assembly_plan_app(struct assembly *a, const struct ground *base, const char *context, const char *const *skip,
		      struct err *err)
{
	if (assembly_plan_ground(a, base, err) < 0 || copy_plan(&(struct copy_request){ .app = &a->settings->app,
											.context = context,
											.ground = &a->ground,
											.prefix = a->prefix.path,
											.skip = skip },
								&a->files, err) < 0)
		return -1;
	if (a->files.n)
		assembly_add_layer(a, PART_APP, NULL);
	return 0;
}
