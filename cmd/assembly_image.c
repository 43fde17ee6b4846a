/* The image that is made of the layers: environment variables, user, labels, history. */
#include <string.h>

#include "cmd/assembly.h"
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

static const char *const part_names[] = {
	[PART_LIBC] = "libc", [PART_SYSTEM] = "system", [PART_PACKAGES] = "packages", [PART_ENVIRONMENT] = "environment"
};

static void add_layer(struct assembly *a, const struct part_layer *l, struct image_layer *ret)
{
	struct annotation *notes = arena_array(&a->arena, 2, sizeof(*notes));
	const char *packages = package_names(a, l);
	size_t n = 0;

	if (*packages)
		notes[n++] = (struct annotation){ "io.condaimg.packages", packages };
	notes[n++] = (struct annotation){ "io.condaimg.part", part_names[l->part] };
	*ret = (struct image_layer){
		.media_type = layer_media_type(&a->settings->codec),
		.layer = l->layer,
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
	put_env(&e, "HOME", ROOTFS_HOME);
	if (!has_env(&e, "LANG"))
		put_env(&e, "LANG", "C.UTF-8");
	for (size_t i = 0; with_packages && i < a->paths.n_variables; i++)
		put_env(&e, a->paths.variables[i].name, a->paths.variables[i].value);
	for (size_t i = 0; i < a->lock->n_variables; i++)
		put_env(&e, a->lock->variables[i].name, a->lock->variables[i].value);
	for (size_t i = 0; with_packages && i < a->paths.n_changes; i++) {
		if (a->paths.changes[i].value)
			put_env(&e, a->paths.changes[i].name, a->paths.changes[i].value);
		else
			drop_env(&e, a->paths.changes[i].name);
	}
	ret = arena_strlist(&a->arena, e.list, e.n);
	free(e.list);
	return ret;
}

/* ---- the image ---- */

static const char *const *words(struct assembly *a, const char *word)
{
	return word ? arena_strlist(&a->arena, &word, 1) : NULL;
}

static const char *entry_point_path(struct assembly *a)
{
	return paths_plan_has_entry_point(a) ? arena_printf(&a->arena, "%s/" PATHS_PLAN_ENTRY_POINT, a->prefix.path)
					     : NULL;
}

static int annotation_cmp(const void *x, const void *y)
{
	return strcmp(((const struct annotation *)x)->key, ((const struct annotation *)y)->key);
}

static const struct annotation *make_labels(struct assembly *a, size_t *n)
{
	struct annotation *l = arena_array(&a->arena, 4 + (a->base ? a->base->n_labels : 0), sizeof(*l));
	size_t count = 0;

	l[count++] = (struct annotation){ "io.condaimg.platform", a->lp->subdir };
	l[count++] = (struct annotation){ "io.condaimg.prefix", a->prefix.path };
	if (a->lock->name)
		l[count++] = (struct annotation){ "org.opencontainers.image.title", a->lock->name };
	for (size_t i = 0; a->base && i < a->base->n_labels; i++) {
		bool ours = str_starts(a->base->labels[i].key, "io.condaimg.") ||
			    strcmp(a->base->labels[i].key, "org.opencontainers.image.title") == 0;

		if (!ours)
			l[count++] = a->base->labels[i];
	}
	qsort(l, count, sizeof(*l), annotation_cmp);
	*n = count;
	return l;
}

/* The time is added where the manifest is written. */
static const struct annotation *make_annotations(struct assembly *a, size_t *n)
{
	struct annotation *l = arena_array(&a->arena, 1, sizeof(*l));

	*n = a->lock->name != NULL;
	*l = (struct annotation){ "org.opencontainers.image.title", a->lock->name };
	return l;
}

void assembly_image(struct assembly *a, struct image *ret)
{
	size_t n_base = a->base ? a->base->n_layers : 0;
	struct image_layer *layers = arena_array(&a->arena, n_base + a->n_layers, sizeof(*layers));
	bool has_python = a->prefix.python != NULL;

	for (size_t i = 0; i < n_base; i++) {
		layers[i] = a->base->layers[i];
		layers[i].foreign = true;
	}
	for (size_t i = 0; i < a->n_layers; i++)
		add_layer(a, &a->layers[i], &layers[n_base + i]);
	*ret = (struct image){
		.os = a->platform->oci_os,
		.arch = a->platform->oci_arch,
		.variant = a->platform->oci_variant,
		.created = a->created,
		.user = ROOTFS_UID ":0",
		.working_dir = ROOTFS_HOME,
		.env = assembly_env(a, true),
		.entrypoint = words(a, entry_point_path(a)),
		.cmd = words(a, has_python ? "python" : NULL),
		.layers = layers,
		.n_layers = n_base + a->n_layers,
	};
	ret->labels = make_labels(a, &ret->n_labels);
	ret->annotations = make_annotations(a, &ret->n_annotations);
}
