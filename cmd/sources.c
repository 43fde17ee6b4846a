#include "cmd/sources.h"

#include <string.h>
#include <sys/stat.h>

struct folders {
	struct arena *a;
	const char **list;
	size_t n;
};

static void add(struct folders *f, const char *path)
{
	struct stat st;

	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->list[i], path) == 0)
			return;
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return;
	mem_grow(f->list, f->n);
	f->list[f->n++] = path;
}

static void add_below(struct folders *f, const char *root, const char *name)
{
	if (root)
		add(f, arena_printf(f->a, "%s/%s", root, name));
}

const char *const *sources_folders(struct arena *a, const struct config *c)
{
	const struct condarc_value *v = &c->rc.values[CONDARC_PKGS_DIRS];
	const char *home = config_variable("HOME");
	struct folders f = { .a = a };
	const char *const *ret;

	for (size_t i = 0; i < v->n; i++)
		add(&f, home && str_starts(v->items[i].text, "~/") ? arena_printf(a, "%s%s", home, v->items[i].text + 1)
								   : v->items[i].text);
	if (!v->n && !c->none) {
		add_below(&f, config_conda_root(a), "pkgs");
		add_below(&f, config_variable("MAMBA_ROOT_PREFIX"), "pkgs");
		add_below(&f, home, ".conda/pkgs");
	}
	ret = arena_strlist(a, f.list, f.n);
	free(f.list);
	return ret;
}

static bool fits(const char *path, const struct record *r)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (!r->size || (uint64_t)st.st_size == r->size);
}

const char *sources_look(const struct sources *s, struct arena *a, const struct record *r)
{
	const char *path;

	for (const char *const *c = s->caches; r->has_sha256 && c && *c; c++) {
		path = arena_printf(a, "%s/packages/sha256/%s", *c, digest_hex(&r->sha256).hex);
		if (fits(path, r))
			return path;
	}
	for (const char *const *f = s->folders; !strchr(r->fn, '/') && f && *f; f++) {
		path = arena_printf(a, "%s/%s", *f, r->fn);
		if (fits(path, r))
			return path;
	}
	return NULL;
}
