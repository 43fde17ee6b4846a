#include "cmd/cache_rooms.h"

#include <string.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/fs.h"
#include "base/num.h"

#define DEPTH_MAX 8 /* folders in one another; we make four */
#define DAY (24 * 3600)
#define NOTE_MAX 256
#define BLOCK ((uint64_t)512)

static const char *const names[ROOMS] = {
	[ROOM_PACKAGES] = "packages", [ROOM_REPODATA] = "repodata", [ROOM_LAYERS] = "layers", [ROOM_PLANS] = "plans"
};

const char *cache_rooms_name(enum cache_room r)
{
	return names[r];
}

/* ---- what is there ---- */

struct walk {
	int cachefd;
	int64_t now;
	enum cache_room room;
	struct cache_list *list;
	struct err *err;
};

static int64_t used_at(const struct stat *st)
{
	return st->st_atim.tv_sec > st->st_mtim.tv_sec ? st->st_atim.tv_sec : st->st_mtim.tv_sec;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Locks are nobody's: who waits for one holds it already. */
static bool is_lock(const char *path)
{
	return strcmp(last_part(path), ".lock") == 0;
}

static void add_file(struct walk *w, const char *path, const struct stat *st)
{
	struct cache_list *l = w->list;

	mem_grow(l->files, l->n);
	l->files[l->n++] = (struct cache_file){
		.room = w->room, .path = path, .size = (uint64_t)st->st_blocks * BLOCK, .used = used_at(st)
	};
}

static int walk_folder(struct walk *w, const char *path, unsigned depth)
{
	const char *const *entries;
	size_t n;

	if (fs_list(&w->list->arena, w->cachefd, path, &entries, &n, w->err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const char *below = arena_printf(&w->list->arena, "%s/%s", path, entries[i]);
		struct stat st;

		/* others may be at work */
		if (fstatat(w->cachefd, below, &st, AT_SYMLINK_NOFOLLOW) < 0 || is_lock(below))
			continue;
		if (S_ISREG(st.st_mode))
			add_file(w, below, &st);
		else if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX && walk_folder(w, below, depth + 1) < 0)
			return -1;
	}
	return 0;
}

/* ---- what is of no use ---- */

static bool has(const struct walk *w, const char *folder, const char *hex)
{
	auto_free char *path = mem_printf("%s/%s", folder, hex);

	return fs_exists(w->cachefd, path);
}

/* Whether the digest that stands in a note, behind "sha256:" or at its beginning, is one of a file that is gone. */
static bool is_dangling(const struct walk *w, const char *path, const char *folder)
{
	struct err err = ERR_INIT;
	struct digest d;
	auto_buf text = { 0 };
	const char *hex;

	if (fs_read(w->cachefd, path, NOTE_MAX, &text, &err) < 0)
		return false;
	hex = buf_cstr(&text);
	hex += str_starts(hex, "sha256:") ? strlen("sha256:") : 0;
	if (strlen(hex) < 64)
		return true;
	text.p[hex - text.p + 64] = '\0';
	return !digest_parse(hex, &d) || !has(w, folder, hex);
}

static bool is_debris(const struct walk *w, const struct cache_file *f)
{
	if (str_starts(f->path, "packages/part/"))
		return w->now - f->used > 7 * DAY;
	/* what has a name for a moment only */
	if (*last_part(f->path) == '.')
		return w->now - f->used > DAY;
	if (str_starts(f->path, "packages/md5/"))
		return is_dangling(w, f->path, "packages/sha256");
	if (str_starts(f->path, "layers/recipes/"))
		return is_dangling(w, f->path, "layers/blobs/sha256");
	return false;
}

static int path_cmp(const void *a, const void *b)
{
	return strcmp(((const struct cache_file *)a)->path, ((const struct cache_file *)b)->path);
}

int cache_rooms_list(int cachefd, int64_t now, struct cache_list *ret, struct err *err)
{
	struct walk w = { .cachefd = cachefd, .now = now, .list = ret, .err = err };

	*ret = (struct cache_list){ 0 };
	for (; w.room < ROOMS; w.room++)
		if (fs_exists(cachefd, names[w.room]) && walk_folder(&w, names[w.room], 0) < 0)
			return -1;
	if (ret->n)
		qsort(ret->files, ret->n, sizeof(*ret->files), path_cmp);
	for (size_t i = 0; i < ret->n; i++)
		ret->files[i].debris = is_debris(&w, &ret->files[i]);
	return 0;
}

void cache_rooms_release(struct cache_list *l)
{
	free(l->files);
	arena_release(&l->arena);
	*l = (struct cache_list){ 0 };
}

/* ---- what has to go ---- */

struct candidate {
	const struct cache_file *f;
	size_t i;
};

static int candidate_cmp(const void *x, const void *y)
{
	const struct candidate *a = x, *b = y;

	if (a->f->debris != b->f->debris)
		return a->f->debris ? -1 : 1;
	if (a->f->used != b->f->used)
		return a->f->used < b->f->used ? -1 : 1;
	return (a->i > b->i) - (a->i < b->i);
}

size_t cache_rooms_choose(const struct cache_list *l, const struct cache_limits *limits, size_t *gone)
{
	auto_free struct candidate *all = mem_array(l->n + 1, sizeof(*all));
	uint64_t left = 0;
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		all[i] = (struct candidate){ &l->files[i], i };
		left += l->files[i].size;
	}
	if (l->n)
		qsort(all, l->n, sizeof(*all), candidate_cmp);
	for (size_t i = 0; i < l->n; i++) {
		const struct cache_file *f = all[i].f;

		if (f->used >= limits->busy_since)
			continue;
		if (f->debris || f->used < limits->unused_since || left > limits->size) {
			gone[n++] = all[i].i;
			left -= f->size;
		}
	}
	return n;
}

bool cache_rooms_is_named(const struct cache_file *f, struct arena *a, const char **hex)
{
	struct digest d;

	if (!str_starts(f->path, "packages/sha256/") && !str_starts(f->path, "layers/blobs/sha256/"))
		return false;
	*hex = arena_strdup(a, last_part(f->path));
	return digest_parse(*hex, &d);
}
