#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/num.h"

ssize_t source_read(struct source *s, void *buf, size_t len, struct err *err)
{
	return len ? s->ops->read(s, buf, len, err) : 0;
}

void source_free(struct source *s)
{
	if (s)
		s->ops->free(s);
}

int sink_write(struct sink *s, const void *buf, size_t len, struct err *err)
{
	return len ? s->ops->write(s, buf, len, err) : 0;
}

int sink_finish(struct sink *s, struct err *err)
{
	return s->ops->finish(s, err);
}

void sink_free(struct sink *s)
{
	if (s)
		s->ops->free(s);
}

int io_copy(struct source *in, struct sink *out, uint64_t *ret, struct err *err)
{
	auto_free char *buf = mem_alloc(IO_CHUNK);
	uint64_t total = 0;
	ssize_t n;

	while ((n = source_read(in, buf, IO_CHUNK, err)) > 0) {
		if (sink_write(out, buf, (size_t)n, err) < 0)
			return -1;
		total += (uint64_t)n;
	}
	if (n < 0)
		return -1;
	if (ret)
		*ret = total;
	return 0;
}

int io_drain(struct source *in, struct err *err)
{
	auto_free char *buf = mem_alloc(IO_CHUNK);
	ssize_t n;

	while ((n = source_read(in, buf, IO_CHUNK, err)) > 0)
		;
	return n < 0 ? -1 : 0;
}

int io_read_full(struct source *in, void *buf, size_t len, struct err *err)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = source_read(in, (char *)buf + got, len - got, err);

		if (n < 0)
			return -1;
		if (n == 0)
			return err_set(err, ERR_FORMAT, "ends after %zu bytes, expected %zu", got, len);
		got += (size_t)n;
	}
	return 0;
}

int io_slurp(struct source *in, uint64_t max, struct buf *ret, struct err *err)
{
	uint64_t total = 0;

	for (;;) {
		char *at = buf_room(ret, IO_CHUNK);
		ssize_t n = source_read(in, at, IO_CHUNK, err);

		if (n < 0)
			return -1;
		ret->n += (size_t)n;
		ret->p[ret->n] = '\0';
		if (n == 0)
			return 0;
		total += (uint64_t)n;
		if (total > max)
			return err_set(err, ERR_LIMIT, "is larger than %s", num_bytes(max).s);
	}
}

/* ---- bytes ---- */

struct source_mem {
	struct source base;
	const char *p;
	size_t n;
	char *owned;
};

static ssize_t mem_source_read(struct source *s, void *buf, size_t len, struct err *err)
{
	struct source_mem *m = (struct source_mem *)s;

	(void)err;
	if (len > m->n)
		len = m->n;
	if (!len)
		return 0;
	memcpy(buf, m->p, len);
	m->p += len;
	m->n -= len;
	return (ssize_t)len;
}

static void mem_source_free(struct source *s)
{
	free(((struct source_mem *)s)->owned);
	free(s);
}

static const struct source_ops mem_source_ops = { mem_source_read, mem_source_free };

struct source *source_bytes(const void *p, size_t n)
{
	struct source_mem *m = NEW(struct source_mem);

	*m = (struct source_mem){ .base = { &mem_source_ops }, .p = p, .n = n };
	return &m->base;
}

struct source *source_buf(struct buf *b)
{
	struct source_mem *m = NEW(struct source_mem);

	*m = (struct source_mem){ .base = { &mem_source_ops }, .p = b->p, .n = b->n, .owned = b->p };
	*b = (struct buf){ 0 };
	return &m->base;
}

/* ---- files to read ---- */

struct source_fd {
	struct source base;
	int fd;
	uint64_t offset, left;
	bool ranged, ended;
	char *name;
};

static ssize_t fd_source_read(struct source *s, void *buf, size_t len, struct err *err)
{
	struct source_fd *f = (struct source_fd *)s;
	ssize_t n;

	if (f->ranged) {
		if (len > f->left)
			len = (size_t)f->left;
		if (len == 0)
			return 0;
	}
	do {
		n = pread(f->fd, buf, len, (off_t)f->offset);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(err, "cannot read %s", f->name ? f->name : "file");
	if (n == 0 && f->ranged)
		return err_set(err, ERR_FORMAT, "file ends %" PRIu64 " bytes early", f->left);
	f->offset += (uint64_t)n;
	f->left -= f->ranged ? (uint64_t)n : 0;
	return n;
}

/* For what cannot be read by position: pipes, terminals. */
static ssize_t stream_source_read(struct source *s, void *buf, size_t len, struct err *err)
{
	struct source_fd *f = (struct source_fd *)s;
	ssize_t n;

	if (f->ended)
		return 0;
	do {
		n = read(f->fd, buf, len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(err, "cannot read %s", f->name);
	f->ended = n == 0; /* a terminal would go on after its end */
	return n;
}

static void fd_source_free(struct source *s)
{
	struct source_fd *f = (struct source_fd *)s;

	if (!f->ranged)
		close(f->fd);
	free(f->name);
	free(f);
}

static const struct source_ops fd_source_ops = { fd_source_read, fd_source_free };
static const struct source_ops stream_source_ops = { stream_source_read, fd_source_free };

struct source *source_file(int dirfd, const char *path, struct err *err)
{
	auto_fd fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	struct source_fd *f;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		err_sys(err, "cannot open %s", path);
		return NULL;
	}
	if (S_ISDIR(st.st_mode)) {
		err_set(err, ERR_IO, "cannot read %s: it is a directory", path);
		return NULL;
	}
	f = NEW(struct source_fd);
	f->base.ops = S_ISREG(st.st_mode) ? &fd_source_ops : &stream_source_ops;
	f->fd = TAKE_FD(fd);
	f->name = mem_strdup(path);
	return &f->base;
}

struct source *source_range(int fd, uint64_t offset, uint64_t len)
{
	struct source_fd *f = NEW(struct source_fd);

	f->base.ops = &fd_source_ops;
	f->fd = fd;
	f->offset = offset;
	f->left = len;
	f->ranged = true;
	return &f->base;
}

/* ---- limit ---- */

struct source_lim {
	struct source base;
	struct source *in;
	uint64_t left, max;
	char *what;
};

static ssize_t lim_read(struct source *s, void *buf, size_t len, struct err *err)
{
	struct source_lim *l = (struct source_lim *)s;
	ssize_t n = source_read(l->in, buf, len, err);

	if (n < 0)
		return -1;
	if ((uint64_t)n > l->left)
		return err_set(err, ERR_LIMIT, "%s is larger than %s", l->what, num_bytes(l->max).s);
	l->left -= (uint64_t)n;
	return n;
}

static void lim_free(struct source *s)
{
	struct source_lim *l = (struct source_lim *)s;

	source_free(l->in);
	free(l->what);
	free(l);
}

static const struct source_ops lim_ops = { lim_read, lim_free };

struct source *source_limit(struct source *in, uint64_t max, const char *what)
{
	struct source_lim *l;

	if (!in)
		return NULL;
	l = NEW(struct source_lim);
	*l = (struct source_lim){ { &lim_ops }, in, max, max, mem_strdup(what) };
	return &l->base;
}

/* ---- sinks ---- */

struct sink_mem {
	struct sink base;
	struct buf *b;
};

static int buf_sink_write(struct sink *s, const void *p, size_t len, struct err *err)
{
	(void)err;
	buf_add(((struct sink_mem *)s)->b, p, len);
	return 0;
}

static int nothing_to_finish(struct sink *s, struct err *err)
{
	(void)s;
	(void)err;
	return 0;
}

static void plain_free(struct sink *s)
{
	free(s);
}

static const struct sink_ops buf_sink_ops = { buf_sink_write, nothing_to_finish, plain_free };

struct sink *sink_buf(struct buf *b)
{
	struct sink_mem *m = NEW(struct sink_mem);

	*m = (struct sink_mem){ { &buf_sink_ops }, b };
	return &m->base;
}

static int null_write(struct sink *s, const void *p, size_t len, struct err *err)
{
	(void)s;
	(void)p;
	(void)len;
	(void)err;
	return 0;
}

static const struct sink_ops null_ops = { null_write, nothing_to_finish, plain_free };

struct sink *sink_null(void)
{
	struct sink *s = NEW(struct sink);

	s->ops = &null_ops;
	return s;
}

static int write_all(int fd, const char *p, size_t len, const char *name, struct err *err)
{
	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return err_sys(err, "cannot write %s", name);
		}
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

struct sink_des {
	struct sink base;
	int fd;
};

static int fd_sink_write(struct sink *s, const void *p, size_t len, struct err *err)
{
	return write_all(((struct sink_des *)s)->fd, p, len, "output", err);
}

static const struct sink_ops fd_sink_ops = { fd_sink_write, nothing_to_finish, plain_free };

struct sink *sink_fd(int fd)
{
	struct sink_des *d = NEW(struct sink_des);

	*d = (struct sink_des){ { &fd_sink_ops }, fd };
	return &d->base;
}

/* ---- a file that appears on finish ---- */

struct sink_tmp {
	struct sink base;
	int dirfd; /* of the file's directory; owned */
	int fd;
	char *name; /* in that directory */
	char *tmp; /* a hidden name, where O_TMPFILE is not to be had or to replace */
	char *path; /* as the caller gave it, for sentences */
};

static char *hidden_name(const char *name)
{
	static atomic_uint serial;

	return mem_printf(".%.200s.%ld-%u.tmp", name, (long)getpid(), atomic_fetch_add(&serial, 1));
}

static int tmp_write(struct sink *s, const void *p, size_t len, struct err *err)
{
	struct sink_tmp *t = (struct sink_tmp *)s;

	return write_all(t->fd, p, len, t->path, err);
}

#define NAMES_MAX 1000 /* hidden names that are tried: a killed process of the same pid may have left some */

/* Link the unnamed file in. Without /proc the kernel may still allow it by descriptor. */
static int link_fd(const struct sink_tmp *t, const char *name)
{
	char proc[64];

	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", t->fd);
	if (linkat(AT_FDCWD, proc, t->dirfd, name, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	return errno == ENOENT ? linkat(t->fd, "", t->dirfd, name, AT_EMPTY_PATH) : -1;
}

/* Give the unnamed file a hidden name, so that a rename can put it over an existing one. */
static int name_it(struct sink_tmp *t)
{
	for (unsigned i = 0; !t->tmp && i < NAMES_MAX; i++) {
		auto_free char *name = hidden_name(t->name);

		if (link_fd(t, name) == 0)
			t->tmp = TAKE(name);
		else if (errno != EEXIST)
			return -1;
	}
	return t->tmp ? 0 : -1;
}

/* The same where unnamed files are not to be had: it has a hidden name from the start. */
static void create_hidden(struct sink_tmp *t)
{
	for (unsigned i = 0; t->fd < 0 && i < NAMES_MAX; i++) {
		auto_free char *name = hidden_name(t->name);

		t->fd = openat(t->dirfd, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
		if (t->fd >= 0)
			t->tmp = TAKE(name);
		else if (errno != EEXIST)
			return;
	}
}

static int tmp_finish(struct sink *s, struct err *err)
{
	struct sink_tmp *t = (struct sink_tmp *)s;

	if (fdatasync(t->fd) < 0 && errno != EINVAL && errno != EROFS)
		return err_sys(err, "cannot write %s", t->path);
	/* where nothing has to be replaced there is no moment at which a hidden name could be left behind */
	if (!t->tmp && link_fd(t, t->name) == 0)
		return 0;
	if (name_it(t) < 0 || renameat(t->dirfd, t->tmp, t->dirfd, t->name) < 0)
		return err_sys(err, "cannot create %s", t->path);
	free(TAKE(t->tmp));
	return 0;
}

static void tmp_free(struct sink *s)
{
	struct sink_tmp *t = (struct sink_tmp *)s;

	if (t->tmp)
		unlinkat(t->dirfd, t->tmp, 0);
	if (t->fd >= 0)
		close(t->fd);
	if (t->dirfd >= 0)
		close(t->dirfd);
	free(t->tmp);
	free(t->name);
	free(t->path);
	free(t);
}

static const struct sink_ops tmp_ops = { tmp_write, tmp_finish, tmp_free };

struct sink *sink_file(int dirfd, const char *path, unsigned mode, struct err *err)
{
	const char *slash = strrchr(path, '/');
	auto_free char *dir = slash ? mem_printf("%.*s", (int)(slash - path + 1), path) : mem_strdup(".");
	struct sink_tmp *t = NEW(struct sink_tmp);

	*t = (struct sink_tmp){
		.base = { &tmp_ops }, .fd = -1, .name = mem_strdup(slash ? slash + 1 : path), .path = mem_strdup(path)
	};
	t->dirfd = openat(dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->dirfd >= 0)
		t->fd = openat(t->dirfd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (t->dirfd >= 0 && t->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
		create_hidden(t);
	if (t->fd < 0 || fchmod(t->fd, (mode_t)mode) < 0) {
		err_sys(err, "cannot create %s", path);
		tmp_free(&t->base);
		return NULL;
	}
	return &t->base;
}
