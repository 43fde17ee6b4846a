#include "oci/files.h"

#include <sys/stat.h>

#include "base/archive.h"
#include "base/arena.h"
#include "base/fs.h"

#define MEMBERS_MAX 100000
#define NAME_BYTES_MAX 4096
#define LINKS_MAX 8 /* followed one after the other */

struct item {
	const char *name;
	const char *link; /* another name, or NULL */
	uint64_t offset;
	size_t order; /* in the tar: of two with one name the later is meant */
};

struct files {
	int fd; /* of the directory or tar */
	bool is_tar;
	uint64_t size; /* of the tar */
	char *path; /* for sentences */
	struct arena arena;
	struct item *items; /* sorted by name, then order */
	size_t n;
};

/* ---- the list of a tar ---- */

static int by_name(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int c = strcmp(x->name, y->name);

	return c ? c : (x->order > y->order) - (x->order < y->order);
}

/* "a/b/x" -> "../y": "a/y". What climbs out of the tar ends up at its root, as in chroot. */
static const char *resolve(struct arena *a, const char *name, const char *target)
{
	const char *slash = strrchr(name, '/');
	struct str rest = str_of(target), part;
	auto_buf path = { 0 };

	if (slash && target[0] != '/')
		buf_add(&path, name, (size_t)(slash - name));
	while (str_cut(&rest, '/', &part)) {
		if (part.n == 0 || str_eq(part, "."))
			continue;
		if (str_eq(part, "..")) {
			while (path.n && path.p[path.n - 1] != '/')
				path.n--;
			path.n -= path.n > 0;
			continue;
		}
		if (path.n)
			buf_addc(&path, '/');
		buf_add(&path, part.p, part.n);
	}
	return arena_strndup(a, buf_cstr(&path), path.n);
}

static int add(struct files *f, const struct member *m, struct err *err)
{
	struct item *it;

	if (m->type != MEMBER_FILE && m->type != MEMBER_SYMLINK && m->type != MEMBER_HARDLINK)
		return 0;
	/* A sparse file can claim any size, and cost nothing but our time. */
	if (m->size > f->size)
		return err_set(err, ERR_FORMAT, "has a member that is larger than itself: %.200s", m->path);
	if (f->n == MEMBERS_MAX)
		return err_set(err, ERR_LIMIT, "has more than %d members", MEMBERS_MAX);
	if (strlen(m->path) >= NAME_BYTES_MAX || (m->target && strlen(m->target) >= NAME_BYTES_MAX))
		return err_set(err, ERR_LIMIT, "has a name longer than %d bytes", NAME_BYTES_MAX - 1);
	mem_grow(f->items, f->n);
	it = &f->items[f->n];
	*it = (struct item){ .name = arena_strdup(&f->arena, m->path), .offset = m->offset, .order = f->n };
	f->n++;
	if (m->type == MEMBER_SYMLINK)
		it->link = resolve(&f->arena, m->path, m->target);
	else if (m->type == MEMBER_HARDLINK)
		it->link = resolve(&f->arena, "", m->target);
	return 0;
}

static int list(struct files *f, struct err *err)
{
	auto_archive *a = archive_open_tar_at(f->fd, 0, err);
	struct source *content;
	struct member m;
	int got = -1;

	while (a && (got = archive_next(a, &m, &content, err)) > 0)
		if (add(f, &m, err) < 0)
			return -1;
	if (got == 0 && f->n)
		qsort(f->items, f->n, sizeof(*f->items), by_name);
	return got;
}

static const struct item *find(const struct files *f, const char *name)
{
	size_t low = 0, high = f->n;

	/* the last that is not after name */
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(f->items[mid].name, name) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low && strcmp(f->items[low - 1].name, name) == 0 ? &f->items[low - 1] : NULL;
}

static const struct item *follow(const struct files *f, const char *name)
{
	const struct item *it = find(f, name);

	for (int i = 0; it && it->link && i < LINKS_MAX; i++)
		it = find(f, it->link);
	return it && !it->link ? it : NULL;
}

/* ---- a member as a source ---- */

struct source_member {
	struct source base;
	struct archive_in *archive;
	struct source *content;
};

static ssize_t member_read(struct source *s, void *buf, size_t len, struct err *err)
{
	return source_read(((struct source_member *)s)->content, buf, len, err);
}

static void member_free(struct source *s)
{
	archive_in_free(((struct source_member *)s)->archive);
	free(s);
}

static const struct source_ops member_ops = { member_read, member_free };

static struct source *open_member(struct files *f, const struct item *it, struct err *err)
{
	auto_archive *a = archive_open_tar_at(f->fd, it->offset, err);
	struct source_member *s;
	struct source *content;
	struct member m;
	int got = a ? archive_next(a, &m, &content, err) : -1;

	if (got < 0)
		return NULL;
	if (got == 0 || m.type != MEMBER_FILE || strcmp(m.path, it->name) != 0) {
		err_set(err, ERR_FORMAT, "%s changed while it was read", f->path);
		return NULL;
	}
	s = NEW(struct source_member);
	*s = (struct source_member){ { &member_ops }, TAKE(a), content };
	return &s->base;
}

/* ---- open ---- */

static struct files *files_new(const char *path, bool is_tar, int fd)
{
	struct files *f = NEW(struct files);

	*f = (struct files){ .fd = fd, .is_tar = is_tar, .path = mem_strdup(path) };
	return f;
}

struct files *files_open_dir(const char *path, struct err *err)
{
	int fd = fs_opendir_existing(AT_FDCWD, path, err);

	return fd < 0 ? NULL : files_new(path, false, fd);
}

static const char *compression(const unsigned char *p)
{
	return memcmp(p, "\x1f\x8b", 2) == 0	       ? "gzip"
	       : memcmp(p, "\x28\xb5\x2f\xfd", 4) == 0 ? "zstd"
	       : memcmp(p, "BZh", 3) == 0	       ? "bzip2"
	       : memcmp(p,
			"\xfd"
			"7zXZ",
			5) == 0
		       ? "xz"
		       : NULL;
}

static int open_tar(const char *path, struct err *err)
{
	auto_fd fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	unsigned char magic[8] = { 0 };
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "cannot open %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_USAGE, "%s is %s, expected an archive", path,
			       S_ISDIR(st.st_mode) ? "a directory" : "no regular file");
	if (pread(fd, magic, sizeof(magic), 0) < 0)
		return err_sys(err, "cannot read %s", path);
	if (compression(magic))
		return err_set(err, ERR_USAGE, "%s is compressed with %s, expected a plain tar; uncompress it first",
			       path, compression(magic));
	return TAKE_FD(fd);
}

struct files *files_open_tar(const char *path, struct err *err)
{
	int fd = open_tar(path, err);
	auto_files *f = fd < 0 ? NULL : files_new(path, true, fd);

	struct stat st;

	if (!f)
		return NULL;
	f->size = fstat(f->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
	if (list(f, err) < 0) {
		err_at(err, "%s", path);
		return NULL;
	}
	return TAKE(f);
}

void files_free(struct files *f)
{
	if (!f)
		return;
	close(f->fd);
	arena_release(&f->arena);
	free(f->items);
	free(f->path);
	free(f);
}

/* ---- use ---- */

bool files_has(struct files *f, const char *name)
{
	return f->is_tar ? follow(f, name) != NULL : fs_exists(f->fd, name);
}

struct source *files_get(struct files *f, const char *name, struct err *err)
{
	const struct item *it;
	struct source *s;

	if (!f->is_tar) {
		s = source_file(f->fd, name, err);
	} else {
		it = follow(f, name);
		if (!it) {
			err_set(err, ERR_IO, "%s has no %.200s", f->path, name);
			return NULL;
		}
		s = open_member(f, it, err);
	}
	if (!s)
		err_at(err, "%s", f->path);
	return s;
}

int files_slurp(struct files *f, const char *name, uint64_t max, struct buf *ret, struct err *err)
{
	auto_source *in = files_get(f, name, err);

	if (!in)
		return -1;
	if (io_slurp(in, max, ret, err) < 0)
		return err_at(err, "%s: %s", f->path, name);
	return 0;
}
