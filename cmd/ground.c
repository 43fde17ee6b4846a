/*
 * A remembered base is a text file: "glibc 2.36", then "d MODE PATH", "f PATH", or "l PATH" and "t TARGET" on the
 * next line, then "end". Nothing in it is trusted: what does not read well is read from the layers again.
 */
#include "cmd/ground.h"

#include <stdio.h>
#include <string.h>

#include "base/archive.h"
#include "base/codec.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/num.h"
#include "cmd/base_image.h"

#define GROUND_VERSION 3
#define GROUND_MAX ((uint64_t)256 << 20)
#define ENTRIES_MAX 4000000
#define LINKS_MAX 40

#define WHITEOUT ".wh."
#define OPAQUE ".wh..wh..opq"

/* ---- entries ---- */

static int put(struct ground *g, const char *path, const struct ground_entry *e, struct err *err)
{
	bool is_new;
	const char *kept = arena_strdup(&g->arena, path);
	uint32_t at;

	if (g->n >= ENTRIES_MAX)
		return err_set(err, ERR_LIMIT, "has more than %d files", ENTRIES_MAX);
	at = map_put(&g->at, kept, (uint32_t)g->n, &is_new);
	if (is_new) {
		mem_grow(g->list, g->n);
		g->n++;
	}
	g->list[at] = *e;
	g->list[at].path = kept;
	g->list[at].target = arena_strdup(&g->arena, e->target);
	return 0;
}

const struct ground_entry *ground_find(const struct ground *g, const char *path)
{
	uint32_t at;

	for (; g; g = g->under)
		if (map_get(&g->at, path, &at))
			return g->list[at].gone ? NULL : &g->list[at];
	return NULL;
}

/* What lower layers have at a path and below it; only below it with inside. */
static void forget(struct ground *g, const char *path, bool inside, uint32_t layer)
{
	size_t n = strlen(path);
	uint32_t at;

	if (!inside && map_get(&g->at, path, &at) && !g->list[at].is_dir) {
		g->list[at].gone |= g->list[at].layer < layer;
		return;
	}
	for (size_t i = 0; i < g->n; i++) {
		const char *p = g->list[i].path;

		if (g->list[i].layer < layer && strncmp(p, path, n) == 0 &&
		    (n == 0 || p[n] == '/' || (p[n] == '\0' && !inside)))
			g->list[i].gone = true;
	}
}

/* ---- links ---- */

static void drop_last(char *path)
{
	char *slash = strrchr(path, '/');

	*(slash ? slash : path) = '\0';
}

const char *ground_resolve(const struct ground *g, struct arena *a, const char *path, bool last)
{
	struct str rest = str_of(arena_strdup(a, path)), part;
	char *at = arena_strdup(a, ""); /* what is known to be no link */
	unsigned links = 0;

	while (str_cut(&rest, '/', &part)) {
		const struct ground_entry *e;
		char *next;

		if (part.n == 0 || str_eq(part, "."))
			continue;
		if (str_eq(part, "..")) {
			drop_last(at);
			continue;
		}
		next = arena_printf(a, "%s%s%.*s", at, *at ? "/" : "", (int)part.n, part.p);
		e = ground_find(g, next);
		if (!e || !e->target || (!rest.p && !last)) {
			at = next;
			continue;
		}
		if (links++ == LINKS_MAX)
			return NULL;
		if (*e->target == '/')
			*at = '\0';
		rest = str_of(arena_printf(a, "%s/%.*s", e->target, rest.p ? (int)rest.n : 0, rest.p ? rest.p : ""));
	}
	return at;
}

/* ---- a tree ---- */

int ground_add(struct ground *g, struct tree *tree, struct err *err)
{
	auto_tree *t = tree;
	struct source *content;
	struct entry e;
	int got;

	while ((got = tree_next(t, &e, &content, err)) > 0) {
		struct ground_entry ge = { .is_dir = e.type == ENTRY_DIR, .mode = e.mode };

		if (e.type == ENTRY_SYMLINK)
			ge.target = e.target;
		if (put(g, e.path, &ge, err) < 0)
			return -1;
	}
	return got;
}

/* ---- a base ---- */

static void whiteout(struct ground *g, const char *path, const char *name, uint32_t layer)
{
	auto_free char *dir = mem_printf("%.*s", name > path ? (int)(name - path - 1) : 0, path);

	if (strcmp(name, OPAQUE) == 0) {
		forget(g, dir, true, layer);
	} else {
		auto_free char *gone = mem_printf("%s%s%s", dir, *dir ? "/" : "", name + strlen(WHITEOUT));

		forget(g, gone, false, layer);
	}
}

static int add_member(struct ground *g, const struct member *m, uint32_t layer, struct err *err)
{
	const char *slash = strrchr(m->path, '/'), *name = slash ? slash + 1 : m->path;
	struct ground_entry e = { .mode = m->mode & 07777, .is_dir = m->type == MEMBER_DIR, .layer = layer };
	const struct ground_entry *old;

	if (str_starts(name, WHITEOUT)) {
		whiteout(g, m->path, name, layer);
		return 0;
	}
	if (tree_path_fault(m->path))
		return 0;
	old = ground_find(g, m->path);
	if (old && old->is_dir && !e.is_dir)
		forget(g, m->path, false, layer);
	if (m->type == MEMBER_SYMLINK)
		e.target = m->target;
	return put(g, m->path, &e, err);
}

static int read_layer(struct blobs *b, const struct image_layer *l, uint32_t number, struct ground *g, struct err *err)
{
	struct source *in = blobs_get(b, &l->layer.digest, l->layer.size, err);
	auto_archive *tar = in ? archive_open_tar(source_auto(in), err) : NULL;
	struct source *content;
	struct member m;
	int got;

	if (!tar)
		return -1;
	while ((got = archive_next(tar, &m, &content, err)) > 0)
		if (add_member(g, &m, number, err) < 0)
			return -1;
	return got;
}

static int read_base(struct blobs *b, size_t n_layers, struct ground *g, struct err *err)
{
	const struct image *im = blobs_image(b);
	struct err none = ERR_INIT;

	for (size_t i = 0; i < n_layers; i++)
		if (read_layer(b, &im->layers[i], (uint32_t)i, g, err) < 0)
			return err_at(err, "layer %zu of %zu", i + 1, im->n_layers);
	/* Whoever needs the version asks again, and is told why there is none. */
	if (base_image_glibc(&g->arena, b, &g->glibc, &none) < 0)
		g->glibc = NULL;
	return 0;
}

/* ---- remembered ---- */

static char *cut(struct arena *a, struct str line, size_t front)
{
	return arena_strndup(a, line.p + front, line.n - front);
}

static bool starts(struct str line, const char *front)
{
	return line.n > strlen(front) && memcmp(line.p, front, strlen(front)) == 0;
}

/* "d 755 usr/lib" */
static bool read_dir(struct ground *g, struct str line, struct err *none)
{
	struct ground_entry e = { .is_dir = true };
	struct str mode;

	str_cut(&line, ' ', &mode);
	if (!line.p || mode.n > 4)
		return false;
	for (size_t i = 0; i < mode.n; i++)
		e.mode = e.mode * 8 + ((unsigned)mode.p[i] & 7);
	return put(g, cut(&g->arena, line, 0), &e, none) == 0;
}

static bool read_text(struct ground *g, struct str text)
{
	struct err none = ERR_INIT;
	const char *link = NULL;
	struct str line;

	while (str_cut(&text, '\n', &line)) {
		struct ground_entry e = { 0 };
		bool good = true;

		if (str_eq(line, "end"))
			return true;
		if (starts(line, "glibc ")) {
			g->glibc = cut(&g->arena, line, 6);
		} else if (starts(line, "d ")) {
			good = read_dir(g, (struct str){ line.p + 2, line.n - 2 }, &none);
		} else if (starts(line, "f ")) {
			good = put(g, cut(&g->arena, line, 2), &e, &none) == 0;
		} else if (starts(line, "l ")) {
			link = cut(&g->arena, line, 2);
		} else if (starts(line, "t ") && link) {
			e.target = cut(&g->arena, line, 2);
			good = put(g, link, &e, &none) == 0;
		} else {
			good = false;
		}
		if (!good)
			return false;
	}
	return false;
}

static void write_text(const struct ground *g, struct buf *b)
{
	if (g->glibc)
		buf_addf(b, "glibc %s\n", g->glibc);
	for (size_t i = 0; i < g->n; i++) {
		const struct ground_entry *e = &g->list[i];

		if (e->gone || strchr(e->path, '\n') || (e->target && (strchr(e->target, '\n') || !*e->target)))
			continue;
		if (e->is_dir)
			buf_addf(b, "d %o %s\n", e->mode, e->path);
		else if (e->target)
			buf_addf(b, "l %s\nt %s\n", e->path, e->target);
		else
			buf_addf(b, "f %s\n", e->path);
	}
	buf_adds(b, "end\n");
}

static bool recall(struct ground *g, const struct workshop *w, const char *name)
{
	auto_buf b = { 0 };

	if (workshop_recall(w, name, GROUND_MAX, &b) && read_text(g, (struct str){ b.p, b.n }))
		return true;
	ground_release(g);
	return false;
}

static char *remembered_name(const struct blobs *b, size_t n_layers)
{
	struct digest d = blobs_manifest_digest(b);

	return mem_printf("base-%d-%zu-%s", GROUND_VERSION, n_layers, digest_hex(&d).hex);
}

bool ground_remembered(struct blobs *b, size_t n_layers, const struct workshop *w, struct ground *ret)
{
	auto_free char *name = remembered_name(b, n_layers);

	*ret = (struct ground){ 0 };
	return recall(ret, w, name);
}

int ground_of_base(struct blobs *b, size_t n_layers, const struct workshop *w, struct ground *ret, struct err *err)
{
	auto_free char *name = remembered_name(b, n_layers);
	struct err none = ERR_INIT;
	auto_buf text = { 0 };

	*ret = (struct ground){ 0 };
	if (recall(ret, w, name))
		return 0;
	if (read_base(b, n_layers, ret, err) < 0)
		return -1;
	write_text(ret, &text);
	if (fs_write(w->plans, name, text.p, text.n, 0644, &none) < 0)
		log_debug("cannot remember what is in the base: %s", none.text);
	return 0;
}

void ground_release(struct ground *g)
{
	map_release(&g->at);
	free(g->list);
	arena_release(&g->arena);
	*g = (struct ground){ 0 };
}
