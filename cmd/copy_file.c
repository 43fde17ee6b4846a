#include "cmd/copy_file.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/fs.h"

static int changed(const char *path, struct err *err)
{
	return err_set(err, ERR_IO, "%s changed while it was read; build again when nothing writes to it", path);
}

static int open_file(const char *path, struct stat *st, struct err *err)
{
	/* Not to hang where a pipe took the file's place. */
	auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0 && errno == ELOOP)
		return changed(path, err);
	if (fd < 0 || fstat(fd, st) < 0)
		return err_sys(err, "cannot read %s", path);
	return S_ISREG(st->st_mode) ? TAKE_FD(fd) : changed(path, err);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

int copy_file_hash(const char *path, struct digest *digest, uint64_t *size, struct err *err)
{
	struct stat before, after;
	auto_fd fd = open_file(path, &before, err);
	CLEANUP(hash_release) struct hash h = { 0 };
	auto_free char *buf = NULL;
	uint64_t total = 0;
	ssize_t n;

	if (fd < 0)
		return -1;
	buf = mem_resize(NULL, 1, IO_CHUNK);
	hash_init(&h);
	while ((n = read(fd, buf, IO_CHUNK)) > 0) {
		hash_add(&h, buf, (size_t)n);
		total += (uint64_t)n;
	}
	if (n < 0 || fstat(fd, &after) < 0)
		return err_sys(err, "cannot read %s", path);
	if (total != (uint64_t)before.st_size || !is_same(&before, &after))
		return changed(path, err);
	*digest = hash_get(&h);
	*size = total;
	return 0;
}

/* A file that must still be what was hashed. */
struct source_copied {
	struct source base;
	int fd;
	struct hash hash;
	const struct copy_entry *entry;
	uint64_t left;
	bool checked;
};

static ssize_t copied_read(struct source *base, void *buf, size_t len, struct err *err)
{
	struct source_copied *s = (struct source_copied *)base;
	ssize_t n = s->checked ? 0 : read(s->fd, buf, len);
	struct digest got;

	if (n < 0)
		return err_sys(err, "cannot read %s", s->entry->source);
	if ((uint64_t)n > s->left)
		return changed(s->entry->source, err);
	s->left -= (uint64_t)n;
	hash_add(&s->hash, buf, (size_t)n);
	if (n > 0 || s->checked)
		return n;
	s->checked = true;
	got = hash_get(&s->hash);
	return s->left || !digest_equal(&got, &s->entry->digest) ? changed(s->entry->source, err) : 0;
}

static void copied_free(struct source *base)
{
	struct source_copied *s = (struct source_copied *)base;

	close(s->fd);
	hash_release(&s->hash);
	free(s);
}

static const struct source_ops copied_ops = { copied_read, copied_free };

struct source *copy_file_open(const struct copy_entry *e, struct err *err)
{
	struct source_copied *s;
	struct stat st;
	int fd = open_file(e->source, &st, err);

	if (fd < 0)
		return NULL;
	s = NEW(struct source_copied);
	*s = (struct source_copied){ .base = { &copied_ops }, .fd = fd, .entry = e, .left = e->e.size };
	hash_init(&s->hash);
	return &s->base;
}
