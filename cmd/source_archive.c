#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/archive.h"
#include "base/codec.h"
#include "base/fs.h"
#include "base/tree.h"
#include "cmd/source.h"

/*
 * Links are made last, hard ones before symbolic ones: so no path that is written to leads through a link of the
 * archive's, and nothing comes to lie outside of the folder.
 */
struct link {
	const char *path, *target;
};

struct links {
	struct link *list;
	size_t n;
};

struct unpacker {
	struct arena arena;
	int root;
	struct links hard, symbolic;
	size_t entries;
	uint64_t bytes;
	struct err *err;
};

static void unpacker_release(struct unpacker *u)
{
	free(u->hard.list);
	free(u->symbolic.list);
	arena_release(&u->arena);
	if (u->root >= 0)
		close(u->root);
}

static void remember(struct unpacker *u, struct links *l, const struct member *m)
{
	mem_grow(l->list, l->n);
	l->list[l->n++] = (struct link){ arena_strdup(&u->arena, m->path), arena_strdup(&u->arena, m->target) };
}

static int make_parents(struct unpacker *u, const char *path)
{
	const char *slash = strrchr(path, '/');
	auto_free char *dir = slash ? mem_printf("%.*s", (int)(slash - path), path) : NULL;

	return dir ? fs_mkdirs(u->root, dir, u->err) : 0;
}

static int write_file(struct unpacker *u, const struct member *m, struct source *content)
{
	auto_sink *out = NULL;

	u->bytes += m->size;
	if (u->bytes > SOURCE_BYTES_MAX)
		return err_set(u->err, ERR_LIMIT, "holds more than %llu GiB",
			       (unsigned long long)(SOURCE_BYTES_MAX >> 30));
	if (make_parents(u, m->path) < 0)
		return -1;
	out = sink_file(u->root, m->path, m->mode & S_IXUSR ? 0755 : 0644, u->err);
	if (!out || (content && io_copy(content, out, NULL, u->err) < 0))
		return -1;
	return sink_finish(out, u->err);
}

static int put_member(struct unpacker *u, const struct member *m, struct source *content)
{
	const char *fault = strcmp(m->path, ".") == 0 ? NULL : tree_path_fault(m->path);

	if (++u->entries > SOURCE_ENTRIES_MAX)
		return err_set(u->err, ERR_LIMIT, "has more than %d files", SOURCE_ENTRIES_MAX);
	if (fault)
		return err_set(u->err, ERR_FORMAT, "path '%s' %s", m->path, fault);
	switch (m->type) {
	case MEMBER_FILE:
		return write_file(u, m, content);
	case MEMBER_DIR:
		return fs_mkdirs(u->root, m->path, u->err);
	case MEMBER_SYMLINK:
		remember(u, &u->symbolic, m);
		return 0;
	case MEMBER_HARDLINK:
		remember(u, &u->hard, m);
		return 0;
	case MEMBER_OTHER:
		break;
	}
	return err_set(u->err, ERR_FORMAT, "'%s' is neither a file, nor a folder, nor a link", m->path);
}

static int make_links(struct unpacker *u)
{
	for (size_t i = 0; i < u->hard.n; i++) {
		const struct link *l = &u->hard.list[i];
		const char *target = str_starts(l->target, "./") ? l->target + 2 : l->target;

		if (tree_path_fault(target))
			return err_set(u->err, ERR_FORMAT, "the hard link '%s' is to '%s', which %s", l->path,
				       l->target, tree_path_fault(target));
		if (make_parents(u, l->path) < 0)
			return -1;
		if (linkat(u->root, target, u->root, l->path, 0) < 0)
			return err_sys(u->err, "cannot make the link %s", l->path);
	}
	for (size_t i = 0; i < u->symbolic.n; i++)
		if (make_parents(u, u->symbolic.list[i].path) < 0)
			return -1;
	for (size_t i = 0; i < u->symbolic.n; i++)
		if (symlinkat(u->symbolic.list[i].target, u->root, u->symbolic.list[i].path) < 0)
			return err_sys(u->err, "cannot make the link %s", u->symbolic.list[i].path);
	return 0;
}

static struct archive_in *open_archive(int fd, const char *path, struct err *err)
{
	char magic[4] = "";

	if (pread(fd, magic, sizeof(magic), 0) == sizeof(magic) && memcmp(magic, "PK\3\4", sizeof(magic)) == 0)
		return archive_open_zip(fd, err);
	return archive_open_tar(source_auto(source_file(AT_FDCWD, path, err)), err);
}

int source_unpack(const char *archive, const char *into, struct err *err)
{
	CLEANUP(unpacker_release) struct unpacker u = { .root = fs_opendir_existing(AT_FDCWD, into, err), .err = err };
	auto_fd fd = u.root < 0 ? -1 : open(archive, O_RDONLY | O_CLOEXEC);
	auto_archive *in = NULL;
	struct source *content;
	struct member m;
	int got = 0;

	if (u.root < 0)
		return -1;
	if (fd < 0)
		return err_sys(err, "cannot read %s", archive);
	in = open_archive(fd, archive, err);
	if (!in)
		return err_at(err, "%s", archive);
	while (got >= 0 && (got = archive_next(in, &m, &content, err)) > 0)
		if (put_member(&u, &m, content) < 0)
			got = -1;
	if (got < 0 || make_links(&u) < 0)
		return err_at(err, "%s", archive);
	return 0;
}
