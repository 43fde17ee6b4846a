#include "cmd/output.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/io.h"
#include "cmd/input.h"

#define TAR_MAGIC_AT 257

bool output_is_special(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

/* ---- what is read ---- */

struct reads {
	struct arena arena;
	const char **list;
	size_t n;
};

static void add(struct reads *r, const char *path)
{
	if (!path)
		return;
	mem_grow(r->list, r->n);
	r->list[r->n++] = path;
}

/* A file, or the place of an image that is one. */
static void add_place(struct reads *r, const char *text)
{
	struct err none = ERR_INIT;
	struct dest d;

	if (text && dest_is_place(text))
		text = dest_parse(&r->arena, text, &d, &none) == 0 ? d.path : NULL;
	add(r, text);
}

/* SRC of SRC:DST. */
static void add_front(struct reads *r, const char *text)
{
	const char *colon = strrchr(text, ':');

	add(r, colon ? arena_strndup(&r->arena, text, (size_t)(colon - text)) : NULL);
}

static void add_all(struct reads *r, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add(r, list[i]);
}

static void find_reads(const struct options *o, bool writes_lock, struct reads *r)
{
	for (size_t i = 0; i < o->n_args; i++)
		add_place(r, o->args[i]);
	for (size_t i = 0; i < o->n_compares; i++)
		add_place(r, o->compares[i]);
	for (size_t i = 0; i < o->n_copies; i++)
		add_front(r, o->copies[i]);
	add_all(r, o->ca_files, o->n_ca_files);
	add_all(r, o->ignore_files, o->n_ignore_files);
	add_place(r, o->base);
	add(r, o->lock);
	add(r, o->config);
	add(r, o->condarc);
	add(r, o->registry_ca);
	add(r, o->virtual_package_spec);
	if (!writes_lock && o->n_args)
		add(r, o->lockfile ? o->lockfile : input_lock_path(&r->arena, o->args[0]));
}

static void reads_release(struct reads *r)
{
	free(r->list);
	arena_release(&r->arena);
}

int output_check(const struct options *o, const char *option, const char *path, bool writes_lock, struct err *err)
{
	CLEANUP(reads_release) struct reads r = { 0 };
	struct stat out, in;

	if (stat(path, &out) < 0 || !S_ISREG(out.st_mode))
		return 0;
	find_reads(o, writes_lock, &r);
	for (size_t i = 0; i < r.n; i++)
		if (stat(r.list[i], &in) == 0 && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
			return err_set(err, ERR_USAGE, "%s %s is a file that is read here (%s): write to another",
				       option, path, r.list[i]);
	return 0;
}

/* ---- archives ---- */

static bool is_tar(const char *path)
{
	auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char magic[5];

	return fd >= 0 && pread(fd, magic, sizeof(magic), TAR_MAGIC_AT) == sizeof(magic) &&
	       memcmp(magic, "ustar", sizeof(magic)) == 0;
}

int output_check_archive(const struct options *o, const struct dest *d, struct err *err)
{
	struct stat st;

	if (d->type != DEST_OCI_ARCHIVE && d->type != DEST_DOCKER_ARCHIVE)
		return 0;
	if (output_check(o, "the archive", d->path, false, err) < 0)
		return -1;
	/* A build is repeated over its last image, and over nobody's notes. */
	if (lstat(d->path, &st) < 0 || !S_ISREG(st.st_mode) || !st.st_size || is_tar(d->path))
		return 0;
	return err_set(err, ERR_USAGE, "%s is there and no archive: remove it, or name another file", d->path);
}

/* ---- writing ---- */

static int write_special(const char *path, const struct buf *text, struct err *err)
{
	auto_fd fd = open(path, O_WRONLY | O_CLOEXEC);
	auto_sink *out = NULL;

	if (fd < 0)
		return err_sys(err, "cannot open %s", path);
	out = sink_fd(fd);
	if (sink_write(out, text->p, text->n, err) < 0 || sink_finish(out, err) < 0)
		return err_at(err, "%s", path);
	return 0;
}

int output_write(const char *path, const struct buf *text, struct err *err)
{
	auto_free char *real = realpath(path, NULL);

	if (output_is_special(path))
		return write_special(path, text, err);
	return fs_write(AT_FDCWD, real ? real : path, text->p, text->n, 0644, err);
}
