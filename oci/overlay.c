#include "oci/overlay.h"

#include <string.h>

#include "base/tree.h"
#include "oci/whiteout.h"

#define NONE UINT32_MAX

const char *overlay_path(struct arena *a, const char *path, struct err *err)
{
	const char *fault;
	auto_free char *last = NULL;
	char *slash;

	while (*path == '/' || (path[0] == '.' && path[1] == '/'))
		path++;
	/* tree_path_fault() judges paths that are to be; a whiteout's own name is the one exception, and at the end. */
	last = mem_strdup(path);
	slash = strrchr(last, '/');
	if (whiteout_name(slash ? slash + 1 : last))
		memcpy(slash ? slash + 1 : last, "wh_", 3);
	fault = tree_path_fault(last);
	if (fault) {
		err_set(err, ERR_FORMAT, "'%.300s' %s", path, fault);
		return NULL;
	}
	return arena_strdup(a, path);
}

void overlay_begin(struct overlay *o, uint32_t layer)
{
	o->layer = layer;
	o->first = o->n;
	o->cuts = false;
}

static struct overlay_file *seen(const struct overlay *o, const char *path)
{
	uint32_t slot;

	return map_get(&o->by_path, path, &slot) ? &o->files[o->top[slot]] : NULL;
}

const struct overlay_file *overlay_find(const struct overlay *o, const char *path)
{
	const struct overlay_file *f = seen(o, path);

	return f && !f->hidden ? f : NULL;
}

static int count(struct overlay *o, size_t bytes, struct err *err)
{
	o->bytes += bytes;
	if (o->n >= OVERLAY_FILES_MAX)
		return err_set(err, ERR_LIMIT, "the image has more than %d files", OVERLAY_FILES_MAX);
	if (o->bytes > OVERLAY_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "the image has more than %zu bytes of file names", OVERLAY_BYTES_MAX);
	return 0;
}

static bool is_file(const struct overlay_file *f)
{
	return f->type == MEMBER_FILE || f->type == MEMBER_HARDLINK;
}

/* f's path is in the arena. What was seen there before is hidden; below it, where that was a directory and f is none. */
static void put(struct overlay *o, const struct overlay_file *f)
{
	bool is_new;
	uint32_t slot = map_put(&o->by_path, f->path, (uint32_t)o->n_top, &is_new);

	if (is_new) {
		mem_grow(o->top, o->n_top);
		o->top[o->n_top++] = NONE;
	} else {
		struct overlay_file *old = &o->files[o->top[slot]];

		if (!old->hidden && old->type == MEMBER_DIR && f->type != MEMBER_DIR) {
			map_put(&o->opaque, f->path, 0, &is_new);
			o->cuts = true;
		}
		old->hidden = true;
	}
	mem_grow(o->files, o->n);
	o->top[slot] = (uint32_t)o->n;
	o->files[o->n++] = *f;
}

/* Every directory that path is in is there, as unpacking it would make it: also in the place of what was none. */
static int imply(struct overlay *o, const char *path, struct err *err)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		auto_free char *dir = mem_printf("%.*s", (int)(slash - path), path);
		const struct overlay_file *f = overlay_find(o, dir);

		if (f && f->type == MEMBER_DIR)
			continue;
		if (count(o, strlen(dir), err) < 0)
			return -1;
		put(o, &(struct overlay_file){ .path = arena_strdup(&o->arena, dir),
					       .mode = 0755,
					       .layer = o->layer,
					       .type = MEMBER_DIR,
					       .implied = true });
	}
	return 0;
}

static int add_whiteout(struct overlay *o, const char *path, const char *name, struct err *err)
{
	size_t dir = (size_t)(strrchr(path, '/') ? strrchr(path, '/') - path : 0);
	struct map *where = &o->whiteouts;
	const char *what;
	bool is_new;

	if (whiteout_is_opaque(name)) {
		where = &o->opaque;
		what = arena_strndup(&o->arena, path, dir);
	} else {
		const char *hidden = whiteout_target(name);

		if (!hidden && str_starts(name, WHITEOUT_META))
			return 0;
		if (!hidden)
			return err_set(err, ERR_FORMAT, "'%.300s' takes nothing away", path);
		what = arena_printf(&o->arena, "%.*s%s%s", (int)dir, path, dir ? "/" : "", hidden);
	}
	map_put(where, what, 0, &is_new);
	o->cuts = true;
	return count(o, strlen(what), err);
}

/* A hard link is what its target is. */
static int resolve_link(struct overlay *o, const struct member *m, struct overlay_file *f, struct err *err)
{
	const char *path = overlay_path(&o->arena, m->target, err);
	const struct overlay_file *to;

	if (!path)
		return err_at(err, "'%.300s' is a hard link", m->path);
	to = overlay_find(o, path);
	if (!to || to->type == MEMBER_DIR)
		return err_set(err, ERR_FORMAT, "'%.300s' is a hard link to '%.300s', which is no file before it",
			       m->path, path);
	f->target = to->type == MEMBER_SYMLINK ? to->target : path;
	if (!is_file(to))
		f->type = to->type;
	f->size = to->size;
	f->sha256 = to->sha256;
	f->hashed = to->hashed;
	return 0;
}

int overlay_add(struct overlay *o, const struct member *m, const struct digest *sha256, struct err *err)
{
	struct overlay_file f = { .mode = m->mode, .size = m->size, .layer = o->layer, .type = m->type };
	const char *slash, *name;

	if (count(o, strlen(m->path) + (m->target ? strlen(m->target) : 0), err) < 0)
		return -1;
	if (strcmp(m->path, ".") == 0 || strcmp(m->path, "/") == 0)
		return 0;
	f.path = overlay_path(&o->arena, m->path, err);
	if (!f.path || imply(o, f.path, err) < 0)
		return -1;
	slash = strrchr(f.path, '/');
	name = slash ? slash + 1 : f.path;
	if (whiteout_name(name))
		return add_whiteout(o, f.path, name, err);
	if (m->type == MEMBER_HARDLINK && resolve_link(o, m, &f, err) < 0)
		return -1;
	if (m->type == MEMBER_SYMLINK)
		f.target = arena_strdup(&o->arena, m->target);
	if (sha256) {
		f.sha256 = *sha256;
		f.hashed = true;
	}
	put(o, &f);
	return 0;
}

/* Whether this layer takes path away, or a directory that it is in. */
static bool is_cut(const struct overlay *o, const char *path, char *room)
{
	size_t n = strlen(path);

	if (map_get(&o->whiteouts, path, NULL) || map_get(&o->opaque, "", NULL))
		return true;
	memcpy(room, path, n + 1);
	for (char *slash = memrchr(room, '/', n); slash; slash = memrchr(room, '/', (size_t)(slash - room))) {
		*slash = '\0';
		if (map_get(&o->whiteouts, room, NULL) || map_get(&o->opaque, room, NULL))
			return true;
	}
	return false;
}

void overlay_end(struct overlay *o)
{
	char room[8192];

	for (size_t i = 0; o->cuts && i < o->first; i++)
		if (!o->files[i].hidden && is_cut(o, o->files[i].path, room))
			o->files[i].hidden = true;
	map_release(&o->whiteouts);
	map_release(&o->opaque);
}

void overlay_release(struct overlay *o)
{
	map_release(&o->whiteouts);
	map_release(&o->opaque);
	map_release(&o->by_path);
	free(o->files);
	free(o->top);
	arena_release(&o->arena);
	*o = (struct overlay){ 0 };
}
