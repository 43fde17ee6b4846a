#include "oci/unpack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/map.h"
#include "base/tree.h"
#include "oci/layer.h"
#include "oci/overlay.h"
#include "oci/whiteout.h"

#define DEPTH_MAX 256 /* directories in each other; each is a descriptor while it is taken away */
#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* Modes and times of directories are set at the end: until then we have to write into them. */
struct dir {
	const char *path;
	uint32_t mode;
	int64_t mtime;
};

struct unpack {
	struct arena arena;
	int root;
	struct unpacked *told;
	struct map own; /* paths that the layer at hand wrote, and the directories they are in */
	struct arena layer; /* of own's keys */
	struct map by_path; /* -> dirs */
	struct dir *dirs;
	size_t n_dirs, n_entries;
};

/* A name in a directory that is open. */
struct place {
	int dir;
	const char *name;
};

static void place_close(struct place *p)
{
	if (p->dir >= 0)
		close(p->dir);
}

#define auto_place CLEANUP(place_close) struct place

static bool is_own(const struct unpack *u, const char *path)
{
	return map_get(&u->own, path, NULL);
}

static void own(struct unpack *u, const char *path)
{
	bool is_new;

	if (!is_own(u, path))
		map_put(&u->own, arena_strdup(&u->layer, path), 0, &is_new);
}

static void note_dir(struct unpack *u, const char *path, uint32_t mode, int64_t mtime)
{
	uint32_t i;
	bool is_new;

	if (!map_get(&u->by_path, path, &i)) {
		mem_grow(u->dirs, u->n_dirs);
		i = (uint32_t)u->n_dirs++;
		u->dirs[i].path = arena_strdup(&u->arena, path);
		map_put(&u->by_path, u->dirs[i].path, i, &is_new);
	}
	u->dirs[i].mode = mode;
	u->dirs[i].mtime = mtime;
}

/* ---- taking away ---- */

/*
 * What is called name in dir, whatever it is, goes. path is its path in the image, for keeping what the layer at hand
 * wrote itself; NULL: nothing is kept.
 */
static int take_away(const struct unpack *u, int dir, const char *name, const char *path, struct err *err);

/* Takes fd over. One descriptor a level, of at most DEPTH_MAX. */
static int clear_dir(const struct unpack *u, int fd, const char *path, struct err *err)
{
	DIR *d = fdopendir(fd);
	struct dirent *e;
	int rc = 0;

	if (!d) {
		rc = err_sys(err, "cannot list a directory");
		close(fd);
		return rc;
	}
	while (rc == 0 && (e = readdir(d))) {
		auto_free char *below = NULL;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (path)
			below = mem_printf("%s%s%s", path, *path ? "/" : "", e->d_name);
		rc = take_away(u, dirfd(d), e->d_name, below, err);
	}
	closedir(d);
	return rc;
}

/* Also one that nobody may write to, as it is when all is done but the last step. */
static int take_away_dir(const struct unpack *u, int dir, const char *name, const char *path, struct err *err)
{
	int fd = openat(dir, name, DIR_FLAGS);

	if (fd < 0 && errno == EACCES && fchmodat(dir, name, 0700, 0) == 0)
		fd = openat(dir, name, DIR_FLAGS);
	if (fd < 0)
		return err_sys(err, "cannot open '%.300s' to remove it", name);
	if (fchmod(fd, 0700) < 0) {
		close(fd);
		return err_sys(err, "cannot remove '%.300s'", name);
	}
	if (clear_dir(u, fd, path, err) < 0)
		return -1;
	if (path && is_own(u, path))
		return 0;
	if (unlinkat(dir, name, AT_REMOVEDIR) < 0)
		return err_sys(err, "cannot remove '%.300s'", name);
	return 0;
}

static int take_away(const struct unpack *u, int dir, const char *name, const char *path, struct err *err)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(err, "cannot look at '%.300s'", name);
	if (S_ISDIR(st.st_mode))
		return take_away_dir(u, dir, name, path, err);
	if (path && is_own(u, path))
		return 0;
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return err_sys(err, "cannot remove '%.300s'", name);
	return 0;
}

int unpack_clear(int root, struct err *err)
{
	int fd = openat(root, ".", DIR_FLAGS);

	if (fd < 0 || fchmod(root, 0700) < 0) {
		if (fd >= 0)
			close(fd);
		return err_sys(err, "cannot empty the directory");
	}
	return clear_dir(NULL, fd, NULL, err);
}

/* ---- walking ---- */

/*
 * One component down. A lower layer's file or link in the way makes room for a directory, as in an overlay
 * mount; one that this layer wrote itself is not gone through.
 */
static int step(struct unpack *u, int dir, const char *name, const char *path, bool make, struct err *err)
{
	int fd = openat(dir, name, DIR_FLAGS);

	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP)) {
		if (!make)
			return -2;
		if (is_own(u, path))
			return err_set(err, ERR_FORMAT, "would go through '%.300s', which is no directory", path);
		if (unlinkat(dir, name, 0) < 0)
			return err_sys(err, "cannot remove '%.300s'", path);
		errno = ENOENT;
	}
	if (fd < 0 && errno == ENOENT) {
		if (!make)
			return -2;
		if (mkdirat(dir, name, 0700) < 0)
			return err_sys(err, "cannot make directory '%.300s'", path);
		note_dir(u, path, 0755, TREE_MTIME);
		u->told->dirs++;
		fd = openat(dir, name, DIR_FLAGS);
	}
	if (fd < 0)
		return err_sys(err, "cannot open directory '%.300s'", path);
	if (make)
		own(u, path);
	return fd;
}

/* The directory that path is in, open, and its last name. 1; 0 where there is no such directory and make is false; -1. */
static int walk(struct unpack *u, const char *path, bool make, struct place *ret, struct err *err)
{
	auto_fd fd = fcntl(u->root, F_DUPFD_CLOEXEC, 3);
	const char *at = path;

	if (fd < 0)
		return err_sys(err, "cannot open the directory");
	for (const char *slash = strchr(at, '/'); slash; slash = strchr(at, '/')) {
		auto_free char *name = mem_printf("%.*s", (int)(slash - at), at);
		auto_free char *so_far = mem_printf("%.*s", (int)(slash - path), path);
		int next = step(u, fd, name, so_far, make, err);

		if (next < 0)
			return next == -2 ? 0 : -1;
		close(fd);
		fd = next;
		at = slash + 1;
	}
	*ret = (struct place){ TAKE_FD(fd), at };
	return 1;
}

/* ---- entries ---- */

static int apply_whiteout(struct unpack *u, const char *path, const char *name, struct err *err)
{
	const char *target = whiteout_target(name);
	bool opaque = whiteout_is_opaque(name);
	auto_place p = { .dir = -1 };
	auto_free char *dir = NULL, *hidden = NULL;
	int got;

	if (!target && !str_starts(name, WHITEOUT_META))
		return err_set(err, ERR_FORMAT, "'%.300s' takes nothing away", path);
	if (!target && !opaque)
		return 0;
	got = walk(u, path, false, &p, err);
	if (got <= 0)
		return got;
	dir = mem_printf("%.*s", (int)(name == path ? 0 : name - path - 1), path);
	if (opaque)
		return clear_dir(u, TAKE_FD(p.dir), dir, err);
	hidden = mem_printf("%s%s%s", dir, *dir ? "/" : "", target);
	return take_away(u, p.dir, target, hidden, err);
}

static struct timespec moment(int64_t seconds)
{
	return (struct timespec){ .tv_sec = (time_t)seconds };
}

static int put_dir(struct unpack *u, const struct place *p, const char *path, const struct member *m, struct err *err)
{
	struct stat st;

	if (fstatat(p->dir, p->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode) &&
	    take_away(u, p->dir, p->name, NULL, err) < 0)
		return -1;
	if (mkdirat(p->dir, p->name, 0700) == 0)
		u->told->dirs++;
	else if (errno != EEXIST)
		return err_sys(err, "cannot make directory");
	note_dir(u, path, m->mode & 01777, m->mtime);
	return 0;
}

static int put_file(struct unpack *u, const struct place *p, const struct member *m, struct source *content,
		    struct err *err)
{
	auto_fd fd = openat(p->dir, p->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct timespec times[2] = { moment(m->mtime), moment(m->mtime) };
	auto_sink *out = NULL;
	uint64_t n;

	if (fd < 0)
		return err_sys(err, "cannot make file");
	out = sink_fd(fd);
	if (io_copy(content, out, &n, err) < 0 || sink_finish(out, err) < 0)
		return -1;
	u->told->files++;
	u->told->bytes += n;
	u->told->set_ids += (m->mode & 06000) != 0;
	if (fchmod(fd, m->mode & 0777) < 0 || futimens(fd, times) < 0)
		return err_sys(err, "cannot set mode and time");
	return 0;
}

static int put_symlink(struct unpack *u, const struct place *p, const struct member *m, struct err *err)
{
	struct timespec times[2] = { moment(m->mtime), moment(m->mtime) };

	if (symlinkat(m->target, p->dir, p->name) < 0 || utimensat(p->dir, p->name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "cannot make symlink");
	u->told->symlinks++;
	return 0;
}

static int put_hardlink(struct unpack *u, const struct place *p, const struct member *m, struct err *err)
{
	auto_arena a = { 0 };
	auto_place to = { .dir = -1 };
	const char *path = overlay_path(&a, m->target, err);
	struct stat st;
	int got;

	if (!path)
		return err_at(err, "is a hard link");
	got = walk(u, path, false, &to, err);
	if (got < 0)
		return -1;
	if (!got || fstatat(to.dir, to.name, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR(st.st_mode))
		return err_set(err, ERR_FORMAT, "is a hard link to '%.300s', which is no file before it", path);
	if (linkat(to.dir, to.name, p->dir, p->name, 0) < 0)
		return err_sys(err, "cannot make hard link to '%.300s'", path);
	u->told->files++;
	return 0;
}

static int put(struct unpack *u, const char *path, const struct member *m, struct source *content, struct err *err)
{
	auto_place p = { .dir = -1 };

	if (walk(u, path, true, &p, err) < 0)
		return -1;
	if (m->type == MEMBER_OTHER) {
		u->told->left_out++;
		return take_away(u, p.dir, p.name, NULL, err);
	}
	if (m->type != MEMBER_DIR && take_away(u, p.dir, p.name, NULL, err) < 0)
		return -1;
	own(u, path);
	switch (m->type) {
	case MEMBER_DIR:
		return put_dir(u, &p, path, m, err);
	case MEMBER_FILE:
		return put_file(u, &p, m, content, err);
	case MEMBER_SYMLINK:
		return put_symlink(u, &p, m, err);
	case MEMBER_HARDLINK:
		return put_hardlink(u, &p, m, err);
	case MEMBER_OTHER:
		break;
	}
	return 0;
}

static int check_depth(const char *path, struct err *err)
{
	unsigned depth = 0;

	for (const char *at = path; *at; at++)
		depth += *at == '/';
	return depth < DEPTH_MAX
		       ? 0
		       : err_set(err, ERR_LIMIT, "'%.100s...' is more than %d directories deep", path, DEPTH_MAX);
}

static int put_member(struct unpack *u, const struct member *m, struct source *content, struct err *err)
{
	auto_arena a = { 0 };
	const char *path, *slash;

	if (u->n_entries++ == UNPACK_ENTRIES_MAX)
		return err_set(err, ERR_LIMIT, "the image has more than %d files", UNPACK_ENTRIES_MAX);
	if (strcmp(m->path, ".") == 0 || strcmp(m->path, "/") == 0) {
		if (m->type == MEMBER_DIR)
			note_dir(u, "", m->mode & 01777, m->mtime);
		return 0;
	}
	path = overlay_path(&a, m->path, err);
	if (!path || check_depth(path, err) < 0)
		return -1;
	slash = strrchr(path, '/');
	if (whiteout_name(slash ? slash + 1 : path))
		return apply_whiteout(u, path, slash ? slash + 1 : path, err);
	if (put(u, path, m, content, err) < 0)
		return err_at(err, "'%.300s'", path);
	return 0;
}

static int put_layer(struct unpack *u, struct blobs *b, const struct image_layer *l, struct err *err)
{
	auto_layer_reader *in = layer_open(b, l, err);
	struct source *content;
	struct member m;
	int got = -1;

	while (in && (got = layer_next(in, &m, &content, err)) > 0)
		if (put_member(u, &m, content, err) < 0)
			return layer_judge(in, err);
	map_release(&u->own);
	arena_release(&u->layer);
	return got;
}

/* ---- the end ---- */

static int deeper_first(const void *x, const void *y)
{
	return strcmp(((const struct dir *)y)->path, ((const struct dir *)x)->path);
}

/* A directory may be gone, or another layer's file. */
static int settle_dir(struct unpack *u, const struct dir *d, struct err *err)
{
	struct timespec times[2] = { moment(d->mtime), moment(d->mtime) };
	auto_place p = { .dir = -1 };
	auto_fd fd = -1;
	int got;

	if (*d->path) {
		got = walk(u, d->path, false, &p, err);
		if (got <= 0)
			return got;
		fd = openat(p.dir, p.name, DIR_FLAGS);
	} else {
		fd = fcntl(u->root, F_DUPFD_CLOEXEC, 3);
	}
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return 0;
	if (fd < 0 || fchmod(fd, d->mode) < 0 || futimens(fd, times) < 0)
		return err_sys(err, "cannot set mode and time of '%.300s'", d->path);
	return 0;
}

static void unpack_release(struct unpack *u)
{
	map_release(&u->own);
	map_release(&u->by_path);
	free(u->dirs);
	arena_release(&u->layer);
	arena_release(&u->arena);
}

int unpack_image(struct blobs *b, int root, struct unpacked *ret, struct err *err)
{
	const struct image *im = blobs_image(b);
	CLEANUP(unpack_release) struct unpack u = { .root = root, .told = ret };

	*ret = (struct unpacked){ 0 };
	for (size_t i = 0; i < im->n_layers; i++)
		if (put_layer(&u, b, &im->layers[i], err) < 0)
			return err_at(err, "layer %zu of %zu", i + 1, im->n_layers);
	if (u.n_dirs)
		qsort(u.dirs, u.n_dirs, sizeof(*u.dirs), deeper_first);
	for (size_t i = 0; i < u.n_dirs; i++)
		if (settle_dir(&u, &u.dirs[i], err) < 0)
			return -1;
	return 0;
}
