#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

int fs_mkdirs(int dirfd, const char *path, struct err *err)
{
	auto_free char *p = mem_strdup(path);

	for (char *at = p + (*p == '/'); *at; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		if (mkdirat(dirfd, p, 0777) < 0 && errno != EEXIST && errno != EROFS && errno != EISDIR)
			return err_sys(err, "cannot make directory %s", p);
		*at = '/';
	}
	if (mkdirat(dirfd, p, 0777) < 0) {
		struct stat st;
		int sys = errno;

		/* EEXIST is also what a file gives, EROFS what a directory on a full-time read-only disk does. */
		if (fstatat(dirfd, p, &st, 0) == 0 && S_ISDIR(st.st_mode))
			return 0;
		errno = sys;
		return err_sys(err, "cannot make directory %s", p);
	}
	return 0;
}

int fs_opendir_existing(int dirfd, const char *path, struct err *err)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "cannot open directory %s", path);
	return fd;
}

int fs_opendir(int dirfd, const char *path, struct err *err)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT && fs_mkdirs(dirfd, path, err) < 0)
		return -1;
	return fs_opendir_existing(dirfd, path, err);
}

bool fs_exists(int dirfd, const char *path)
{
	return faccessat(dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int fs_read(int dirfd, const char *path, uint64_t max, struct buf *ret, struct err *err)
{
	auto_source *in = source_file(dirfd, path, err);

	if (!in)
		return -1;
	if (io_slurp(in, max, ret, err) < 0)
		return err->code == ERR_LIMIT ? err_at(err, "%s", path) : -1;
	return 0;
}

int fs_write(int dirfd, const char *path, const void *p, size_t n, unsigned mode, struct err *err)
{
	auto_sink *out = sink_file(dirfd, path, mode, err);

	if (!out || sink_write(out, p, n, err) < 0)
		return -1;
	return sink_finish(out, err);
}

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

int fs_list(struct arena *a, int dirfd, const char *path, const char *const **ret, size_t *n, struct err *err)
{
	auto_fd fd = fs_opendir_existing(dirfd, path, err);
	CLEANUP(close_dir) DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	auto_free const char **names = NULL;
	size_t count = 0;
	struct dirent *e;

	if (fd < 0)
		return -1;
	if (!d)
		return err_sys(err, "cannot list %s", path);
	(void)TAKE_FD(fd); /* d closes it */
	while ((errno = 0, e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		mem_grow(names, count);
		names[count++] = arena_strdup(a, e->d_name);
	}
	if (errno)
		return err_sys(err, "cannot list %s", path);
	if (count)
		qsort(names, count, sizeof(*names), str_ptr_cmp);
	mem_grow(names, count);
	*ret = arena_dup(a, names, count * sizeof(*names) + sizeof(*names));
	((const char **)*ret)[count] = NULL;
	*n = count;
	return 0;
}

int fs_remove(int dirfd, const char *path, struct err *err)
{
	auto_arena a = { 0 };
	const char *const *names;
	size_t n;
	int fd;

	if (unlinkat(dirfd, path, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_sys(err, "cannot remove %s", path);
	fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "cannot remove %s", path);
	close(fd);
	if (fs_list(&a, dirfd, path, &names, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (fs_remove(dirfd, arena_printf(&a, "%s/%s", path, names[i]), err) < 0)
			return -1;
	if (unlinkat(dirfd, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return err_sys(err, "cannot remove %s", path);
	return 0;
}

static int lock(int dirfd, const char *path, int how, struct err *err)
{
	auto_fd fd = openat(dirfd, path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0)
		return err_sys(err, "cannot open %s", path);
	while (flock(fd, how) < 0) {
		if (errno == EWOULDBLOCK && (how & LOCK_NB))
			return -1;
		if (errno != EINTR)
			return err_sys(err, "cannot lock %s", path);
	}
	return TAKE_FD(fd);
}

int fs_lock(int dirfd, const char *path, struct err *err)
{
	return lock(dirfd, path, LOCK_EX, err);
}

int fs_lock_shared(int dirfd, const char *path, struct err *err)
{
	return lock(dirfd, path, LOCK_SH, err);
}

int fs_try_lock(int dirfd, const char *path, struct err *err)
{
	return lock(dirfd, path, LOCK_EX | LOCK_NB, err);
}

#define TOUCH_EVERY_S 3600

void fs_touch(int dirfd, const char *path)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_OMIT } };
	struct stat st;

	/* not being able to is no failure: it may be somebody else's */
	if (fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	    time(NULL) - st.st_atim.tv_sec > TOUCH_EVERY_S)
		(void)utimensat(dirfd, path, times, AT_SYMLINK_NOFOLLOW);
}
