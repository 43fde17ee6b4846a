#include "base/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>

struct content {
	struct source base;
	struct archive_in *owner;
	uint64_t size, got;
	bool ended;
};

struct archive_in {
	struct archive *lib;
	const char *kind; /* "tar", "zip": for sentences */
	struct source *in; /* of a tar */
	int fd; /* of what is read by position */
	int64_t start; /* where in fd it begins */
	int64_t at, size; /* where we read, and the end; both from start on */
	char *buf; /* IO_CHUNK bytes that libarchive looks at */
	char *path; /* of the member at hand */
	struct err err; /* why a callback failed: libarchive has only an int for it */
	struct content content;
};

/* libarchive's own words, or those of the stream below it. */
static int broken(struct archive_in *a, struct err *err)
{
	const char *why = archive_error_string(a->lib);

	if (a->err.code != ERR_NONE) {
		*err = a->err;
		return -1;
	}
	return err_set(err, ERR_FORMAT, "%s is broken: %s", a->kind, why ? why : "no reason given");
}

/* ---- callbacks ---- */

static la_ssize_t give_stream(struct archive *lib, void *arg, const void **ret)
{
	struct archive_in *a = arg;
	ssize_t n = source_read(a->in, a->buf, IO_CHUNK, &a->err);

	if (n < 0)
		archive_set_error(lib, EIO, "cannot read");
	*ret = a->buf;
	return n;
}

static la_ssize_t give_range(struct archive *lib, void *arg, const void **ret)
{
	struct archive_in *a = arg;
	ssize_t n;

	do {
		n = pread(a->fd, a->buf, IO_CHUNK, a->start + a->at);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		err_sys(&a->err, "cannot read %s", a->kind);
		archive_set_error(lib, EIO, "cannot read");
		return -1;
	}
	a->at += n;
	*ret = a->buf;
	return n;
}

static la_int64_t seek_range(struct archive *lib, void *arg, la_int64_t offset, int whence)
{
	struct archive_in *a = arg;
	int64_t from = whence == SEEK_CUR ? a->at : whence == SEEK_END ? a->size : 0, to;

	(void)lib;
	if (__builtin_add_overflow(from, offset, &to) || to < 0 || to > a->size)
		return ARCHIVE_FATAL;
	a->at = to;
	return to;
}

/* ---- open ---- */

static struct archive_in *archive_new(const char *kind)
{
	struct archive_in *a = NEW(struct archive_in);

	a->kind = kind;
	a->fd = -1;
	a->buf = mem_resize(NULL, 1, IO_CHUNK);
	a->lib = archive_read_new();
	if (!a->lib)
		abort();
	return a;
}

static struct archive_in *opened(struct archive_in *a, struct err *err)
{
	if (archive_read_set_callback_data(a->lib, a) == ARCHIVE_OK && archive_read_open1(a->lib) == ARCHIVE_OK)
		return a;
	broken(a, err);
	archive_in_free(a);
	return NULL;
}

struct archive_in *archive_open_tar(struct source *in, struct err *err)
{
	struct archive_in *a;

	if (!in)
		return NULL;
	a = archive_new("tar");
	a->in = in;
	if (archive_read_support_format_tar(a->lib) != ARCHIVE_OK ||
	    archive_read_set_read_callback(a->lib, give_stream) != ARCHIVE_OK)
		abort();
	return opened(a, err);
}

static struct archive_in *by_position(const char *kind, int fd, uint64_t start, struct err *err)
{
	struct archive_in *a;
	struct stat st;

	if (fstat(fd, &st) < 0) {
		err_sys(err, "cannot read %s", kind);
		return NULL;
	}
	if (start > (uint64_t)st.st_size) {
		err_set(err, ERR_FORMAT, "%s is broken: it has %lld bytes, a member begins at %" PRIu64, kind,
			(long long)st.st_size, start);
		return NULL;
	}
	a = archive_new(kind);
	a->fd = fd;
	a->start = (int64_t)start;
	a->size = st.st_size - a->start;
	if (archive_read_set_read_callback(a->lib, give_range) != ARCHIVE_OK ||
	    archive_read_set_seek_callback(a->lib, seek_range) != ARCHIVE_OK)
		abort();
	return a;
}

struct archive_in *archive_open_tar_at(int fd, uint64_t offset, struct err *err)
{
	struct archive_in *a = by_position("tar", fd, offset, err);

	if (a && archive_read_support_format_tar(a->lib) != ARCHIVE_OK)
		abort();
	return a ? opened(a, err) : NULL;
}

struct archive_in *archive_open_zip(int fd, struct err *err)
{
	struct archive_in *a = by_position("zip", fd, 0, err);

	if (a && archive_read_support_format_zip_seekable(a->lib) != ARCHIVE_OK)
		abort();
	return a ? opened(a, err) : NULL;
}

/* ---- content ---- */

static ssize_t content_read(struct source *s, void *buf, size_t len, struct err *err)
{
	struct content *c = (struct content *)s;
	la_ssize_t n;

	if (c->ended)
		return 0;
	/* Asked again after the last byte, too: only then a zip's checksum has been looked at. */
	n = archive_read_data(c->owner->lib, buf, len);
	if (n < 0)
		return broken(c->owner, err);
	if ((uint64_t)n > c->size - c->got)
		return err_set(err, ERR_FORMAT, "%s is broken: a member has more than its %" PRIu64 " bytes",
			       c->owner->kind, c->size);
	c->got += (uint64_t)n;
	c->ended = n == 0;
	if (c->ended && c->got != c->size)
		return err_set(err, ERR_FORMAT, "%s is broken: a member has %" PRIu64 " of its %" PRIu64 " bytes",
			       c->owner->kind, c->got, c->size);
	return n;
}

static void content_free(struct source *s)
{
	(void)s; /* part of the archive */
}

static const struct source_ops content_ops = { content_read, content_free };

/* ---- members ---- */

static char *bare_path(const char *path)
{
	size_t n;

	while (path[0] == '.' && path[1] == '/')
		path += 2;
	n = strlen(path);
	while (n > 1 && path[n - 1] == '/')
		n--;
	return n ? mem_printf("%.*s", (int)n, path) : mem_strdup(".");
}

static enum member_type type_of(struct archive_entry *e)
{
	if (archive_entry_hardlink(e))
		return MEMBER_HARDLINK;
	switch (archive_entry_filetype(e)) {
	case AE_IFREG:
		return MEMBER_FILE;
	case AE_IFDIR:
		return MEMBER_DIR;
	case AE_IFLNK:
		return MEMBER_SYMLINK;
	default:
		return MEMBER_OTHER;
	}
}

static int describe(struct archive_in *a, struct archive_entry *e, struct member *m, struct err *err)
{
	const char *path = archive_entry_pathname(e);

	if (!path)
		return err_set(err, ERR_FORMAT, "%s has a member whose name cannot be read", a->kind);
	free(a->path);
	a->path = bare_path(path);
	*m = (struct member){ .path = a->path,
			      .type = type_of(e),
			      .mode = archive_entry_perm(e) & 07777,
			      .mtime = archive_entry_mtime(e),
			      .offset = (uint64_t)(a->start + archive_read_header_position(a->lib)) };
	if (m->type == MEMBER_HARDLINK || m->type == MEMBER_SYMLINK) {
		m->target = m->type == MEMBER_HARDLINK ? archive_entry_hardlink(e) : archive_entry_symlink(e);
		if (!m->target)
			return err_set(err, ERR_FORMAT, "%s: %s is a link whose target cannot be read", a->kind, path);
	}
	if (m->type != MEMBER_FILE)
		return 0;
	if (!archive_entry_size_is_set(e) || archive_entry_size(e) < 0)
		return err_set(err, ERR_FORMAT, "%s: %s does not say its size", a->kind, path);
	m->size = (uint64_t)archive_entry_size(e);
	return 0;
}

/*
 * After a warning: that a name is not text in this locale is nothing to us, who take
 * names as bytes. Others hide damage: a pax header that was ignored had perhaps the real name.
 */
static bool harmless(struct archive *lib)
{
	return archive_errno(lib) == EILSEQ; /* its ARCHIVE_ERRNO_FILE_FORMAT, which is not in its header */
}

int archive_next(struct archive_in *a, struct member *m, struct source **content, struct err *err)
{
	struct archive_entry *e;
	int rc;

	*content = NULL;
	do {
		rc = archive_read_next_header(a->lib, &e);
	} while (rc == ARCHIVE_RETRY);
	if (a->err.code != ERR_NONE)
		return broken(a, err);
	if (rc == ARCHIVE_EOF)
		return 0;
	if (rc != ARCHIVE_OK && !(rc == ARCHIVE_WARN && harmless(a->lib)))
		return broken(a, err);
	if (describe(a, e, m, err) < 0)
		return -1;
	if (m->type == MEMBER_FILE) {
		a->content = (struct content){ .base = { &content_ops }, .owner = a, .size = m->size };
		*content = &a->content.base;
	}
	return 1;
}

void archive_in_free(struct archive_in *a)
{
	if (!a)
		return;
	archive_read_free(a->lib);
	source_free(a->in);
	free(a->buf);
	free(a->path);
	free(a);
}
