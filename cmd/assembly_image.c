/* The image that is made of the layers: environment variables, user, labels, history. */
#include <string.h>

#include "cmd/assembly.h"
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

static const char *const *make_env(struct assembly *a)
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
	for (size_t i = 0; i < a->paths.n_variables; i++)
		put_env(&e, a->paths.variables[i].name, a->paths.variables[i].value);
	for (size_t i = 0; i < a->lock->n_variables; i++)
		put_env(&e, a->lock->variables[i].name, a->lock->variables[i].value);
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
		.env = make_env(a),
		.cmd = words(a, has_python ? "python" : NULL),
		.layers = layers,
		.n_layers = n_base + a->n_layers,
	};
	ret->labels = make_labels(a, &ret->n_labels);
	ret->annotations = make_annotations(a, &ret->n_annotations);
}
