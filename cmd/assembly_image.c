/* The image that is made of the layers: environment variables, user, labels, history. */
#include <string.h>

#include "cmd/assembly.h"
#include "cmd/holding.h"
#include "cmd/paths_plan.h"
#include "cmd/rootfs.h"

#define SYSTEM_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* "zlib-1.2.13-h5eee18b_1,xz-5.2.6-h166bdaf_0" */
static const char *package_names(struct assembly *a, const struct part_layer *l)
{
	auto_buf b = { 0 };

	if (l->part == PART_LIBC)
		return record_dist(&a->arena, &a->lp->libc_packages[0]);
	for (size_t i = 0; l->part == PART_PACKAGES && i < l->group->n; i++)
		buf_addf(&b, "%s%s", i ? "," : "", record_dist(&a->arena, &a->packages[l->group->members[i]]));
	return arena_strdup(&a->arena, buf_cstr(&b));
}

static const char *const part_names[] = { [PART_LIBC] = "libc",
					  [PART_SYSTEM] = "system",
					  [PART_PACKAGES] = "packages",
					  [PART_ENVIRONMENT] = "environment",
					  [PART_APP] = "app" };

#define LIBC_NOTES 6

/* The C library leaves no record in conda-meta: whoever asks what it is (condaimg sbom, verify) is told here. */
static size_t add_libc_notes(struct assembly *a, struct annotation *notes)
{
	const struct record *r = &a->lp->libc_packages[0];
	struct digest_text sha256 = digest_hex(&r->sha256);
	char md5[2 * sizeof(r->md5) + 1];
	const struct annotation known[LIBC_NOTES] = {
		{ "io.condaimg.libc.channel", r->channel },
		{ "io.condaimg.libc.license", r->license },
		{ "io.condaimg.libc.md5", r->has_md5 ? md5 : NULL },
		{ "io.condaimg.libc.sha256", r->has_sha256 ? sha256.hex : NULL },
		{ "io.condaimg.libc.subdir", r->subdir },
		{ "io.condaimg.libc.url", r->url },
	};
	size_t n = 0;

	digest_hex_of(r->md5, sizeof(r->md5), md5);
	for (size_t i = 0; i < LIBC_NOTES; i++)
		if (known[i].value && *known[i].value)
			notes[n++] = (struct annotation){ known[i].key, arena_strdup(&a->arena, known[i].value) };
	return n;
}

static void add_layer(struct assembly *a, const struct part_layer *l, struct image_layer *ret)
{
	struct annotation *notes = arena_array(&a->arena, 2 + LIBC_NOTES, sizeof(*notes));
	const char *packages = package_names(a, l);
	size_t n = l->part == PART_LIBC ? add_libc_notes(a, notes) : 0;

	if (*packages)
		notes[n++] = (struct annotation){ "io.condaimg.packages", packages };
	notes[n++] = (struct annotation){ "io.condaimg.part", part_names[l->part] };
	*ret = (struct image_layer){
		.media_type = layer_media_type(&a->settings->codec),
		.layer = l->layer,
		.at = l->at,
		.foreign = l->foreign || l->given,
		.in = l->foreign || l->given ? a->ready_in : NULL,
		.annotations = notes,
		.n_annotations = n,
		.created_by = arena_printf(&a->arena, "condaimg: %s%s%s", part_names[l->part], *packages ? " " : "",
					   packages),
	};
}

/* ---- Env ---- */

struct env_list {
	struct arena *a;
	const char **list;
	size_t n;
};

static bool has_env(const struct env_list *e, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < e->n; i++)
		if (strncmp(e->list[i], name, len) == 0 && e->list[i][len] == '=')
			return true;
	return false;
}

/* NAME=value; what was said of that name before is replaced in its place. */
static void put_env(struct env_list *e, const char *name, const char *value)
{
	const char *text = arena_printf(e->a, "%s=%s", name, value);
	size_t len = strlen(name);

	for (size_t i = 0; i < e->n; i++)
		if (strncmp(e->list[i], name, len) == 0 && e->list[i][len] == '=') {
			e->list[i] = text;
			return;
		}
	mem_grow(e->list, e->n);
	e->list[e->n++] = text;
}

static const char *base_path(const struct image *base)
{
	for (const char *const *e = base ? base->env : NULL; e && *e; e++)
		if (str_starts(*e, "PATH=") && (*e)[5])
			return *e + 5;
	return SYSTEM_PATH;
}

/* What each program calls the file that it takes certificates from. */
static void put_certificates(struct assembly *a, struct env_list *e)
{
	static const char *const names[] = { "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO",
					     "NODE_EXTRA_CA_CERTS" };
	const char *path =
		a->base ? arena_printf(&a->arena, "%s/" ROOTFS_BUNDLE_IN_PREFIX, a->prefix.path) : "/" ROOTFS_BUNDLE;

	for (size_t i = 0; i < COUNT(names); i++)
		put_env(e, names[i], path);
}

static void drop_env(struct env_list *e, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < e->n; i++)
		if (strncmp(e->list[i], name, len) == 0 && e->list[i][len] == '=') {
			memmove(&e->list[i], &e->list[i + 1], (e->n - i - 1) * sizeof(*e->list));
			e->n--;
			return;
		}
}

const char *const *assembly_env(struct assembly *a, bool with_packages)
{
	const struct app *app = &a->settings->app;
	struct env_list e = { .a = &a->arena };
	const char *const *ret;

	for (const char *const *b = a->base ? a->base->env : NULL; b && *b; b++) {
		mem_grow(e.list, e.n);
		e.list[e.n++] = *b;
	}
	put_env(&e, "PATH", arena_printf(&a->arena, "%s/bin:%s", a->prefix.path, base_path(a->base)));
	put_env(&e, "CONDA_PREFIX", a->prefix.path);
	put_env(&e, "CONDA_DEFAULT_ENV", a->lock->name ? a->lock->name : a->prefix.path);
	put_env(&e, "CONDA_SHLVL", "1");
	put_env(&e, "HOME", app->user.home);
	/* Who runs as a user that no passwd knows is asked for a name all the same. */
	put_env(&e, "USER", app->user.name);
	if (!has_env(&e, "LANG"))
		put_env(&e, "LANG", "C.UTF-8");
	for (size_t i = 0; with_packages && i < a->paths.n_variables; i++)
		put_env(&e, a->paths.variables[i].name, a->paths.variables[i].value);
	if (app->certificates)
		put_certificates(a, &e);
	for (size_t i = 0; i < a->lock->n_variables; i++)
		put_env(&e, a->lock->variables[i].name, a->lock->variables[i].value);
	for (size_t i = 0; with_packages && i < a->paths.n_changes; i++) {
		if (a->paths.changes[i].value)
			put_env(&e, a->paths.changes[i].name, a->paths.changes[i].value);
		else
			drop_env(&e, a->paths.changes[i].name);
	}
	for (size_t i = 0; i < app->n_env; i++)
		put_env(&e, app->env[i].key, app->env[i].value);
	ret = arena_strlist(&a->arena, e.list, e.n);
	free(e.list);
	return ret;
}

/* ---- the image ---- */

static const char *const *words(struct assembly *a, const char *word)
{
	return word ? arena_strlist(&a->arena, &word, 1) : NULL;
}

static int annotation_cmp(const void *x, const void *y)
{
	return strcmp(((const struct annotation *)x)->key, ((const struct annotation *)y)->key);
}

struct notes {
	struct annotation *list;
	size_t n;
};

static struct notes notes_new(struct assembly *a, size_t max)
{
	return (struct notes){ arena_array(&a->arena, max, sizeof(struct annotation)), 0 };
}

/* The later of two of the same key counts. */
static void put_note(struct notes *l, const char *key, const char *value)
{
	size_t i = 0;

	while (i < l->n && strcmp(l->list[i].key, key) != 0)
		i++;
	l->list[i] = (struct annotation){ key, value };
	l->n += i == l->n;
}

static void put_notes(struct notes *l, const struct annotation *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put_note(l, list[i].key, list[i].value);
}

static const struct annotation *notes_sorted(struct notes *l, size_t *n)
{
	qsort(l->list, l->n, sizeof(*l->list), annotation_cmp);
	*n = l->n;
	return l->list;
}

/* What verify must know to make the system files once more. */
static void put_system_notes(struct assembly *a, struct notes *l)
{
	const struct app *app = &a->settings->app;
	struct digest d;

	if (strcmp(app->user.name, "conda") != 0 || strcmp(app->user.uid, "1000") != 0)
		put_note(l, LABEL_USER, arena_printf(&a->arena, "%s:%s", app->user.name, app->user.uid));
	if (app->shell)
		put_note(l, LABEL_SHELL, "true");
	if (!app->certificates)
		return;
	d = digest_bytes(app->certificates, strlen(app->certificates));
	put_note(l, LABEL_CERTIFICATES, arena_printf(&a->arena, "sha256:%s", digest_hex(&d).hex));
}

static const struct annotation *make_labels(struct assembly *a, size_t *n)
{
	const struct app *app = &a->settings->app;
	size_t n_base = a->base ? a->base->n_labels : 0;
	struct notes l = notes_new(a, 6 + n_base + app->n_labels);

	/* What a base of our making says of itself is not true of this image. */
	for (size_t i = 0; i < n_base; i++)
		if (!str_starts(a->base->labels[i].key, "io.condaimg."))
			put_note(&l, a->base->labels[i].key, a->base->labels[i].value);
	put_note(&l, "io.condaimg.platform", a->lp->subdir);
	put_note(&l, "io.condaimg.prefix", a->prefix.path);
	if (a->lock->name)
		put_note(&l, "org.opencontainers.image.title", a->lock->name);
	put_system_notes(a, &l);
	put_notes(&l, app->labels, app->n_labels);
	return notes_sorted(&l, n);
}

/* The time is added where the manifest is written. */
static const struct annotation *make_annotations(struct assembly *a, size_t *n)
{
	const struct app *app = &a->settings->app;
	struct notes l = notes_new(a, 3 + app->n_annotations);

	if (a->lock->name)
		put_note(&l, "org.opencontainers.image.title", a->lock->name);
	if (a->base_name)
		put_note(&l, "org.opencontainers.image.base.name", a->base_name);
	if (a->base_digest)
		put_note(&l, "org.opencontainers.image.base.digest", a->base_digest);
	put_notes(&l, app->annotations, app->n_annotations);
	return notes_sorted(&l, n);
}

/* Two sorted sets as one. */
static const char *const *join_sets(struct assembly *a, const char *const *x, const char *const *y)
{
	struct env_list all = { .a = &a->arena };
	const char *const *ret;
	size_t n = 0;

	for (unsigned i = 0; i < 2; i++)
		for (const char *const *s = i ? y : x; s && *s; s++) {
			mem_grow(all.list, all.n);
			all.list[all.n++] = *s;
		}
	if (all.n)
		qsort(all.list, all.n, sizeof(*all.list), str_ptr_cmp);
	for (size_t i = 0; i < all.n; i++)
		if (!n || strcmp(all.list[n - 1], all.list[i]) != 0)
			all.list[n++] = all.list[i];
	ret = arena_strlist(&a->arena, all.list, n);
	free(all.list);
	return ret;
}

/* An entry point of the user's own starts nothing that was not said. */
/* Activation that needs a shell comes first, and starts what the application says. */
static const char *const *make_entrypoint(struct assembly *a)
{
	const char *const *own = a->settings->app.entrypoint;
	const char **list;
	size_t n = 0;

	if (!paths_plan_has_entry_point(a))
		return own;
	while (own && own[n])
		n++;
	list = arena_array(&a->arena, n + 2, sizeof(*list));
	list[0] = arena_printf(&a->arena, "%s/" PATHS_PLAN_ENTRY_POINT, a->prefix.path);
	for (size_t i = 0; i < n; i++)
		list[i + 1] = own[i];
	return list;
}

static const char *const *make_cmd(struct assembly *a)
{
	const struct app *app = &a->settings->app;

	if (app->cmd)
		return app->cmd;
	return app->entrypoint && app->entrypoint[0] ? NULL : words(a, a->prefix.python ? "python" : NULL);
}

void assembly_image(struct assembly *a, struct image *ret)
{
	size_t n_base = a->base ? a->base->n_layers : 0;
	struct image_layer *layers = arena_array(&a->arena, n_base + a->n_layers, sizeof(*layers));
	const struct app *app = &a->settings->app;

	for (size_t i = 0; i < n_base; i++) {
		layers[i] = a->base->layers[i];
		layers[i].foreign = true;
		layers[i].in = a->base_blobs;
	}
	for (size_t i = 0; i < a->n_layers; i++)
		add_layer(a, &a->layers[i], &layers[n_base + i]);
	*ret = (struct image){
		.os = a->platform->oci_os,
		.arch = a->platform->oci_arch,
		.variant = a->platform->oci_variant,
		.created = a->created,
		.user = arena_printf(&a->arena, "%s:0", app->user.uid),
		.working_dir = app->workdir,
		.env = assembly_env(a, true),
		.entrypoint = make_entrypoint(a),
		.cmd = make_cmd(a),
		.exposed_ports = join_sets(a, app->ports, a->base ? a->base->exposed_ports : NULL),
		.volumes = join_sets(a, app->volumes, a->base ? a->base->volumes : NULL),
		.stop_signal = a->base ? a->base->stop_signal : NULL,
		.history = a->base ? a->base->history : NULL,
		.n_history = a->base ? a->base->n_history : 0,
		.layers = layers,
		.n_layers = n_base + a->n_layers,
	};
	ret->labels = make_labels(a, &ret->n_labels);
	ret->annotations = make_annotations(a, &ret->n_annotations);
}
