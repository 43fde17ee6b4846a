#include "channels/packed_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

#include "base/codec.h"
#include "base/fs.h"
#include "base/log.h"
#include "channels/cache.h"
#include "channels/document.h"

#define SECOND INT64_C(1000000000)
#define DAY (24 * 3600 * SECOND)
#define YOUNG (SECOND / 50) /* times of files move in steps shorter than this, */
#define YOUNG_COARSE (2 * SECOND) /* but on some file systems */
#define KEEP (30 * DAY) /* so long what nobody used */
#define NAMES_MAX 1000

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

/* ---- the document ---- */

struct opened {
	int fd; /* -1: it is bytes */
	struct packed_source source; /* no digest yet */
};

static void opened_release(struct opened *o)
{
	mem_closep(&o->fd);
}

#define auto_opened CLEANUP(opened_release) struct opened

static int open_body(const struct body *b, struct opened *ret, struct err *err)
{
	struct stat st;
	int64_t age;

	*ret = (struct opened){ .fd = -1 };
	if (b->bytes)
		return 0;
	ret->fd = openat(b->dirfd, b->path, O_RDONLY | O_CLOEXEC);
	if (ret->fd < 0 || fstat(ret->fd, &st) < 0)
		return err_sys(err, "cannot read %s", b->name);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_FORMAT, "%s: is no regular file", b->name);
	ret->source = packed_source_of(&st);
	age = now() - ret->source.ctime;
	ret->source.young = !b->ours && age < (ret->source.ctime % SECOND == 0 ? YOUNG_COARSE : YOUNG);
	return 0;
}

static struct source *body_bytes(const struct body *b, const struct opened *o)
{
	return o->fd < 0 ? source_bytes(b->bytes->p ? b->bytes->p : "", b->bytes->n)
			 : source_range(o->fd, 0, o->source.size);
}

/* Decompressed; its digest (of the bytes as they are kept) is there at the end. */
static struct source *body_text(const struct body *b, const struct opened *o, struct digest *digest)
{
	struct source *in = source_digest(source_limit(body_bytes(b, o), b->max, b->name), digest, NULL);

	if (str_ends(b->name, ".zst"))
		return source_zstd(in);
	return str_ends(b->name, ".bz2") ? source_bzip2(in) : in;
}

static bool digest_is(const struct body *b, const struct opened *o, const struct digest *want)
{
	struct digest digest = { { 0 } };
	struct err err = ERR_INIT;
	auto_source *in = source_digest(body_bytes(b, o), &digest, NULL);

	return io_drain(in, &err) == 0 && digest_equal(&digest, want);
}

/* ---- what is kept ---- */

/* Whether it was made from the document as it is now: by its times, and where they do not tell, by its bytes. */
static bool is_of(const struct packed *p, const struct body *b, const struct opened *o)
{
	const struct packed_source *s = packed_source(p), *t = &o->source;

	if (s->size != t->size)
		return false;
	if (s->ino == t->ino && s->mtime == t->mtime && s->ctime == t->ctime && !s->young)
		return true;
	return digest_is(b, o, &s->digest);
}

static struct packed *find(int cachefd, const char *path, const struct body *b, const struct opened *o)
{
	int fd = o->fd < 0 ? -1 : openat(cachefd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	auto_packed *p = NULL;
	struct stat st;

	if (fd < 0)
		return NULL;
	/* What is used is not old, for whoever removes what is. */
	if (fstat(fd, &st) == 0 && now() - packed_source_of(&st).mtime > DAY)
		futimens(fd, NULL);
	p = packed_open(fd);
	return p && is_of(p, b, o) ? TAKE(p) : NULL;
}

/* Packed files that nobody used for long, and pieces of them that a killed process left. */
static void prune(int cachefd)
{
	auto_arena a = { 0 };
	struct err err = ERR_INIT;
	const char *const *names;
	int64_t then = now();
	size_t n;

	if (fs_list(&a, cachefd, CACHE_DIR, &names, &n, &err) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		const char *path = arena_printf(&a, CACHE_DIR "/%s", names[i]);
		struct stat st;
		int64_t age;

		if (!str_ends(names[i], ".packed") && !strstr(names[i], ".packed."))
			continue;
		if (fstatat(cachefd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		age = then - packed_source_of(&st).mtime;
		if (age > KEEP || (*names[i] == '.' && age > DAY))
			unlinkat(cachefd, path, 0);
	}
}

/* ---- making one ---- */

static int unnamed(int cachefd)
{
	return openat(cachefd, CACHE_DIR, O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
}

/* Its name is taken at last, so that nobody sees it half. No fsync: what a crash leaves is told by its checksums. */
static int name_it(int cachefd, int fd, const char *path)
{
	static atomic_uint serial;
	char proc[64];

	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	for (unsigned i = 0; i < NAMES_MAX; i++) {
		auto_free char *hidden = mem_printf(CACHE_DIR "/.%s.%ld-%u.tmp", strrchr(path, '/') + 1, (long)getpid(),
						    atomic_fetch_add(&serial, 1));

		if (linkat(AT_FDCWD, proc, cachefd, hidden, AT_SYMLINK_FOLLOW) < 0) {
			if (errno == EEXIST)
				continue;
			return -1;
		}
		if (renameat(cachefd, hidden, cachefd, path) == 0)
			return 0;
		unlinkat(cachefd, hidden, 0);
		return -1;
	}
	return -1;
}

static int pack_into(int fd, const struct body *b, const struct opened *o, struct err *err)
{
	struct packed_source source = o->source;
	auto_source *in = body_text(b, o, &source.digest);
	auto_pack *p = pack_new(fd);
	auto_arena a = { 0 };
	const char *base_url = NULL;

	if (document_read(in, b->name, p, &a, &base_url, err) < 0)
		return -1;
	return pack_finish(p, &source, base_url, err);
}

static struct packed *make(int fd, const struct body *b, const struct opened *o, struct err *err)
{
	auto_fd file = fd;
	struct packed *p;

	if (file < 0) {
		err_sys(err, "cannot make room for %s", b->name);
		return NULL;
	}
	if (pack_into(file, b, o, err) < 0)
		return NULL;
	p = packed_open(TAKE_FD(file));
	if (!p)
		err_set(err, ERR_IO, "%s: what was written could not be read again", b->name);
	return p;
}

/* In memory alone. */
static struct packed *make_here(const struct body *b, const struct opened *o, struct err *err)
{
	return make(memfd_create("repodata", MFD_CLOEXEC), b, o, err);
}

static struct packed *make_kept(int cachefd, const char *path, const struct body *b, const struct opened *o,
				struct err *err)
{
	auto_fd fd = fs_mkdirs(cachefd, CACHE_DIR, err) == 0 ? unnamed(cachefd) : -1;
	auto_packed *p = NULL;
	struct err first = ERR_INIT;

	err_clear(err);
	if (fd < 0)
		return make_here(b, o, err);
	p = make(dup(fd), b, o, &first);
	if (p && name_it(cachefd, fd, path) == 0) {
		prune(cachefd);
		return TAKE(p);
	}
	log_debug("%s is not kept: %s", b->name, p ? strerror(errno) : first.text);
	if (p)
		return TAKE(p);
	if (first.code == ERR_IO)
		return make_here(b, o, err);
	*err = first;
	return NULL;
}

struct packed *packed_cache_get(int cachefd, const struct body *b, bool afresh, struct err *err)
{
	struct cache_path path = cache_path(b->url, "packed");
	auto_opened o = { -1, { 0 } };
	struct packed *p;

	if (open_body(b, &o, err) < 0)
		return NULL;
	if (cachefd < 0 || o.fd < 0)
		return make_here(b, &o, err);
	p = afresh ? NULL : find(cachefd, path.s, b, &o);
	return p ? p : make_kept(cachefd, path.s, b, &o, err);
}
