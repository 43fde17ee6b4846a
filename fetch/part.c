#include "fetch/part.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fs.h"

#define KEEP_MIN ((uint64_t)64 << 10) /* bytes: fewer are sooner fetched than gone on with */
#define NOTE_MAX 8192
#define WEEK (7 * 24 * 3600)

static void note_name(const struct part *p, char ret[100])
{
	snprintf(ret, 100, "%s.from", p->name);
}

/* Where the bytes came from: two lines. A hint, so it is worth no waiting for the disk. */
static void read_note(struct part *p)
{
	auto_buf text = { 0 };
	struct err none = ERR_INIT;
	struct str rest, url, tag;
	char name[100];

	note_name(p, name);
	if (!p->n || fs_read(p->dirfd, name, NOTE_MAX, &text, &none) < 0)
		return;
	rest = (struct str){ text.p, text.n };
	if (!str_cut(&rest, '\n', &url) || !str_cut(&rest, '\n', &tag))
		return;
	p->noted = true;
	buf_add(&p->from, url.p, url.n);
	buf_add(&p->tag, tag.p, tag.n);
}

static void write_note(struct part *p)
{
	auto_buf text = { 0 };
	char name[100];
	auto_fd fd = -1;

	p->noted = true;
	note_name(p, name);
	buf_addf(&text, "%s\n%s\n", buf_cstr(&p->from), buf_cstr(&p->tag));
	fd = openat(p->dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd >= 0 && (text.n > NOTE_MAX || write(fd, text.p, text.n) != (ssize_t)text.n))
		unlinkat(p->dirfd, name, 0);
}

static void remove_note(struct part *p)
{
	char name[100];

	note_name(p, name);
	unlinkat(p->dirfd, name, 0);
}

static void forget(struct part *p)
{
	if (p->fd >= 0)
		close(p->fd);
	buf_release(&p->from);
	buf_release(&p->tag);
	*p = (struct part){ .fd = -1 };
}

/* Whether the file that we have locked is still the one of that name: another may have finished or dropped it. */
static bool is_named(const struct part *p, struct stat *own)
{
	struct stat st;

	return fstat(p->fd, own) == 0 && fstatat(p->dirfd, p->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       own->st_ino == st.st_ino && own->st_dev == st.st_dev && S_ISREG(st.st_mode);
}

/* 1: locked; 0: another has it. A file system without locks is taken for ours alone. */
static int lock(const struct part *p, struct err *err)
{
	while (flock(p->fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return 0;
		if (errno == ENOLCK || errno == EOPNOTSUPP || errno == ENOSYS)
			return 1;
		if (errno != EINTR)
			return err_sys(err, "cannot lock %s", p->name);
	}
	return 1;
}

int part_open(struct part *p, int dirfd, const char *key, struct err *err)
{
	*p = (struct part){ .dirfd = dirfd, .fd = -1 };
	snprintf(p->name, sizeof(p->name), "part/%s", key);
	for (;;) {
		struct stat st;
		int rc;

		p->fd = openat(dirfd, p->name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
		if (p->fd < 0 && errno == ENOENT) {
			if (fs_mkdirs(dirfd, "part", err) < 0)
				return -1;
			continue;
		}
		if (p->fd < 0)
			return err_sys(err, "cannot create %s", p->name);
		rc = lock(p, err);
		if (rc > 0 && is_named(p, &st)) {
			p->n = (uint64_t)st.st_size;
			read_note(p);
			return 1;
		}
		close(p->fd);
		p->fd = -1;
		if (rc <= 0)
			return rc;
	}
}

int part_append(struct part *p, const void *buf, size_t n, struct err *err)
{
	const char *at = buf;

	while (n) {
		ssize_t k = pwrite(p->fd, at, n, (off_t)p->n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_sys(err, "cannot write %s", p->name);
		at += k;
		n -= (size_t)k;
		p->n += (uint64_t)k;
	}
	if (!p->noted && p->n >= KEEP_MIN)
		write_note(p);
	return 0;
}

int part_restart(struct part *p, const char *url, const char *tag, struct err *err)
{
	if (p->n && ftruncate(p->fd, 0) < 0)
		return err_sys(err, "cannot write %s", p->name);
	if (p->noted)
		remove_note(p);
	p->noted = false;
	p->n = p->from.n = p->tag.n = 0;
	buf_adds(&p->from, url);
	buf_adds(&p->tag, tag ? tag : "");
	return 0;
}

int part_finish(struct part *p, const char *to, struct err *err)
{
	if (fchmod(p->fd, 0644) < 0 || fdatasync(p->fd) < 0)
		return err_sys(err, "cannot write %s", p->name);
	if (p->noted)
		remove_note(p); /* first, so that it is never alone */
	if (renameat(p->dirfd, p->name, p->dirfd, to) < 0)
		return err_sys(err, "cannot create %s", to);
	forget(p);
	return 0;
}

void part_close(struct part *p)
{
	if (p->fd < 0)
		return;
	if (p->n < KEEP_MIN) {
		part_drop(p);
		return;
	}
	forget(p);
}

void part_drop(struct part *p)
{
	if (p->fd < 0)
		return;
	remove_note(p);
	unlinkat(p->dirfd, p->name, 0);
	forget(p);
}

int64_t part_age(int dirfd, const char *key)
{
	char name[80];
	struct timespec now;
	struct stat st;

	snprintf(name, sizeof(name), "part/%s", key);
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec > st.st_mtim.tv_sec ? now.tv_sec - st.st_mtim.tv_sec : 0;
}

void part_sweep(int dirfd)
{
	auto_arena a = { 0 };
	struct err none = ERR_INIT;
	const char *const *names;
	size_t n;

	if (!fs_exists(dirfd, "part") || fs_list(&a, dirfd, "part", &names, &n, &none) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		struct part p;

		if (strchr(names[i], '.') || strlen(names[i]) > 70 || part_age(dirfd, names[i]) < WEEK)
			continue;
		if (part_open(&p, dirfd, names[i], &none) > 0)
			part_drop(&p);
		err_clear(&none);
	}
}
