#include "oci/store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/num.h"

#define BLOB_MODE 0644
#define RECIPE_BYTES_MAX 256 /* the longest is 2 * (7 + 64 + 1 + 20) */

struct store {
	int dir; /* DIR */
	int blobs; /* DIR/blobs/sha256 */
	struct store *lower; /* what is not here may be there; or NULL */
	struct digest *broken; /* that are not to be taken from lower ones */
	size_t n_broken;
};

struct store *store_open(int dirfd, const char *dir, struct err *err)
{
	auto_fd fd = fs_opendir(dirfd, dir, err);
	auto_fd blobs = fd < 0 ? -1 : fs_opendir(fd, "blobs/sha256", err);
	struct store *s;

	if (blobs < 0) {
		if (fd >= 0)
			err_at(err, "%s", dir);
		return NULL;
	}
	s = NEW(struct store);
	s->dir = TAKE_FD(fd);
	s->blobs = TAKE_FD(blobs);
	return s;
}

void store_free(struct store *s)
{
	if (!s)
		return;
	store_free(s->lower);
	close(s->dir);
	close(s->blobs);
	free(s->broken);
	free(s);
}

int store_add_lower(struct store *s, int dirfd, const char *dir, struct err *err)
{
	auto_fd fd = fs_opendir_existing(dirfd, dir, err);
	auto_fd blobs = fd < 0 ? -1 : fs_opendir_existing(fd, "blobs/sha256", err);

	if (blobs < 0)
		return err_at(err, "%s", dir);
	while (s->lower)
		s = s->lower;
	s->lower = NEW(struct store);
	s->lower->dir = TAKE_FD(fd);
	s->lower->blobs = TAKE_FD(blobs);
	return 0;
}

/* ---- a blob to be ---- */

struct putter {
	struct sink base;
	int blobs; /* the store's own */
	int fd;
	char *tmp; /* a hidden name in blobs, or NULL while the file has no name */
	struct hash hash;
	uint64_t total;
	char *buf; /* IO_CHUNK bytes: tar headers are small, writes should not be */
	size_t n;
	struct digest *ret;
	uint64_t *ret_size;
};

static int flush(struct putter *p, struct err *err)
{
	for (size_t at = 0; at < p->n;) {
		ssize_t n = write(p->fd, p->buf + at, p->n - at);

		if (n < 0 && errno != EINTR)
			return err_sys(err, "cannot write blob");
		at += n < 0 ? 0 : (size_t)n;
	}
	p->n = 0;
	return 0;
}

static int put_write(struct sink *s, const void *bytes, size_t len, struct err *err)
{
	struct putter *p = (struct putter *)s;

	hash_add(&p->hash, bytes, len);
	p->total += len;
	while (len) {
		size_t take = IO_CHUNK - p->n;

		if (take > len)
			take = len;
		memcpy(p->buf + p->n, bytes, take);
		p->n += take;
		bytes = (const char *)bytes + take;
		len -= take;
		if (p->n == IO_CHUNK && flush(p, err) < 0)
			return -1;
	}
	return 0;
}

static bool is_there(int blobs, const char *name, uint64_t size)
{
	struct stat st;

	return fstatat(blobs, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size == size;
}

/* A name nobody has, from tries alone: process ids are not unique where directories are shared. */
static char *hidden_name(unsigned try)
{
	return mem_printf(".tmp-%ld-%u", (long)getpid(), try);
}

/* Give the unnamed file a hidden name. */
static int name_it(struct putter *p)
{
	auto_free char *proc = mem_printf("/proc/self/fd/%d", p->fd);

	for (unsigned try = 0; !p->tmp; try++) {
		auto_free char *name = hidden_name(try);

		if (linkat(AT_FDCWD, proc, p->blobs, name, AT_SYMLINK_FOLLOW) == 0)
			p->tmp = TAKE(name);
		else if (errno != EEXIST)
			return -1;
	}
	return 0;
}

/*
 * Two steps, link and rename, and not one link: a rename replaces what is there
 * with another size, which is the debris of a disk that lost writes.
 */
static int publish(struct putter *p, const char *name, struct err *err)
{
	if (fdatasync(p->fd) < 0 && errno != EINVAL && errno != EROFS)
		return err_sys(err, "cannot write blob %s", name);
	if (name_it(p) < 0 || renameat(p->blobs, p->tmp, p->blobs, name) < 0)
		return err_sys(err, "cannot create blob %s", name);
	free(TAKE(p->tmp));
	return 0;
}

static int put_finish(struct sink *s, struct err *err)
{
	struct putter *p = (struct putter *)s;
	struct digest digest = hash_get(&p->hash);
	struct digest_text name = digest_hex(&digest);

	if (!is_there(p->blobs, name.hex, p->total) && (flush(p, err) < 0 || publish(p, name.hex, err) < 0))
		return -1;
	*p->ret = digest;
	*p->ret_size = p->total;
	return 0;
}

static void put_free(struct sink *s)
{
	struct putter *p = (struct putter *)s;

	if (p->tmp)
		unlinkat(p->blobs, p->tmp, 0);
	if (p->fd >= 0)
		close(p->fd);
	hash_release(&p->hash);
	free(p->tmp);
	free(p->buf);
	free(p);
}

static const struct sink_ops put_ops = { put_write, put_finish, put_free };

static int create(struct putter *p)
{
	p->fd = openat(p->blobs, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (p->fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return p->fd;
	for (unsigned try = 0; p->fd < 0; try++) {
		auto_free char *name = hidden_name(try);

		p->fd = openat(p->blobs, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
		if (p->fd >= 0)
			p->tmp = TAKE(name);
		else if (errno != EEXIST)
			return -1;
	}
	return p->fd;
}

struct sink *store_put(struct store *s, struct digest *digest, uint64_t *size, struct err *err)
{
	struct putter *p = NEW(struct putter);

	*p = (struct putter){ .base = { &put_ops }, .blobs = s->blobs, .fd = -1, .ret = digest, .ret_size = size };
	hash_init(&p->hash);
	if (create(p) < 0 || fchmod(p->fd, BLOB_MODE) < 0) {
		err_sys(err, "cannot create a blob");
		put_free(&p->base);
		return NULL;
	}
	p->buf = mem_resize(NULL, 1, IO_CHUNK);
	return &p->base;
}

/* ---- blobs that are ---- */

static bool is_broken(const struct store *s, const struct digest *d)
{
	for (size_t i = 0; i < s->n_broken; i++)
		if (digest_equal(&s->broken[i], d))
			return true;
	return false;
}

struct source *store_get(struct store *s, const struct digest *d, uint64_t size, struct err *err)
{
	struct source *in;

	if (!is_broken(s, d))
		while (s->lower && !is_there(s->blobs, digest_hex(d).hex, size))
			s = s->lower;
	in = source_file(s->blobs, digest_hex(d).hex, err);
	if (!in)
		err_at(err, "blob");
	return source_verify(in, d, size);
}

bool store_has(struct store *s, const struct digest *d, uint64_t size)
{
	for (bool lower = !is_broken(s, d); s; s = lower ? s->lower : NULL)
		if (is_there(s->blobs, digest_hex(d).hex, size)) {
			fs_touch(s->blobs, digest_hex(d).hex);
			return true;
		}
	return false;
}

void store_drop(struct store *s, const struct digest *d)
{
	unlinkat(s->blobs, digest_hex(d).hex, 0);
	mem_grow(s->broken, s->n_broken);
	s->broken[s->n_broken++] = *d;
}

/* ---- recipes ---- */

struct recipe_path {
	char s[80];
};

static struct recipe_path recipe_path(const struct digest *recipe)
{
	struct recipe_path p;

	snprintf(p.s, sizeof(p.s), "recipes/%s", digest_hex(recipe).hex);
	return p;
}

void store_layer_text(const struct layer *l, struct buf *ret)
{
	buf_addf(ret, "sha256:%s %" PRIu64 " sha256:%s %" PRIu64 "\n", digest_hex(&l->digest).hex, l->size,
		 digest_hex(&l->diffid).hex, l->tar_size);
}

int store_remember(struct store *s, const struct digest *recipe, const struct layer *layer, struct err *err)
{
	auto_buf text = { 0 };

	store_layer_text(layer, &text);
	if (fs_mkdirs(s->dir, "recipes", err) < 0)
		return -1;
	return fs_write(s->dir, recipe_path(recipe).s, text.p, text.n, BLOB_MODE, err);
}

static bool parse_digest(struct str s, struct digest *ret)
{
	auto_free char *text = mem_printf("%.*s", (int)s.n, s.p);

	return str_starts(text, "sha256:") && digest_parse(text + 7, ret);
}

static bool parse_size(struct str s, uint64_t *ret)
{
	auto_free char *text = mem_printf("%.*s", (int)s.n, s.p);

	return num_parse(text, INT64_MAX, ret);
}

bool store_layer_parse(struct str s, struct layer *ret)
{
	struct str digest = { 0 }, size = { 0 }, diffid = { 0 }, tar_size = { 0 };

	if (!s.n || s.p[--s.n] != '\n')
		return false;
	return str_cut(&s, ' ', &digest) && str_cut(&s, ' ', &size) && str_cut(&s, ' ', &diffid) &&
	       str_cut(&s, ' ', &tar_size) && !s.p && parse_digest(digest, &ret->digest) &&
	       parse_size(size, &ret->size) && parse_digest(diffid, &ret->diffid) &&
	       parse_size(tar_size, &ret->tar_size);
}

/* What cannot be read is not known: the layer is made again. */
static bool recall_here(const struct store *s, const struct digest *recipe, struct layer *ret)
{
	struct err none = ERR_INIT;
	auto_buf text = { 0 };

	if (fs_read(s->dir, recipe_path(recipe).s, RECIPE_BYTES_MAX, &text, &none) < 0 ||
	    !store_layer_parse((struct str){ buf_cstr(&text), text.n }, ret))
		return false;
	fs_touch(s->dir, recipe_path(recipe).s);
	return true;
}

bool store_recall(struct store *s, const struct digest *recipe, struct layer *ret)
{
	for (struct store *at = s; at; at = at->lower) {
		struct layer l = { 0 };

		if (recall_here(at, recipe, &l) && store_has(s, &l.digest, l.size)) {
			*ret = l;
			return true;
		}
	}
	return false;
}
