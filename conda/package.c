#include "conda/package_impl.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "base/codec.h"
#include "base/num.h"
#include "base/tree.h"

/* What an archive may unpack to: so much whatever its size, and so many times its size on top. */
#define UNPACKED_FREE ((uint64_t)1 << 30)
#define UNPACKED_RATIO 1000
#define MEMBERS_MAX 2000000
#define LINK_DEPTH_MAX 8

/* ---- sources ---- */

struct borrowed {
	struct source base;
	struct source *in;
};

static ssize_t borrowed_read(struct source *s, void *buf, size_t len, struct err *err)
{
	return source_read(((struct borrowed *)s)->in, buf, len, err);
}

static void borrowed_free(struct source *s)
{
	free(s);
}

static const struct source_ops borrowed_ops = { borrowed_read, borrowed_free };

/* in, which the archive owns, as something that a wrapper may own. */
struct source *package_borrow(struct source *in)
{
	struct borrowed *b = NEW(struct borrowed);

	*b = (struct borrowed){ { &borrowed_ops }, in };
	return &b->base;
}

static ssize_t checked_read(struct source *s, void *buf, size_t len, struct err *err)
{
	struct checked *c = (struct checked *)s;
	ssize_t n = source_read(c->in, buf, len, err);

	c->touched = true;
	c->ended = n <= 0;
	return n;
}

static void checked_free(struct source *s)
{
	(void)s; /* part of the package */
}

static const struct source_ops checked_ops = { checked_read, checked_free };

static struct source *check_content(struct checked *c, struct source *in, const struct package_path *path,
				    const struct member *m)
{
	*c = (struct checked){
		.base = { &checked_ops },
		.in = source_verify(package_borrow(in), path->has_sha256 ? &path->sha256 : NULL, m->size),
		.path = path->path,
		.touched = m->size == 0, /* nobody reads an empty file, but it must be one */
	};
	return &c->base;
}

/* Whoever took some of the content gets what comes of the rest. */
static int settle(const struct package *p, struct checked *c, struct err *err)
{
	int rc = 0;

	if (c->in && c->touched && !c->ended)
		rc = io_drain(&c->base, err);
	if (rc < 0)
		err_at(err, "%s: %s", p->fn, c->path);
	source_free(TAKE(c->in));
	return rc;
}

/* ---- streams ---- */

void package_stream_close(struct stream *s)
{
	archive_in_free(s->tar);
	archive_in_free(s->zip);
	*s = (struct stream){ 0 };
}

int package_stream_next(struct stream *s, struct member *m, struct source **content, struct err *err)
{
	int rc;

	if (s->members++ == MEMBERS_MAX)
		return err_set(err, ERR_LIMIT, "has more than %d members", MEMBERS_MAX);
	rc = archive_next(s->tar, m, content, err);
	if (rc <= 0 || m->type != MEMBER_FILE)
		return rc;
	if (m->size > s->left)
		return err_set(err, ERR_LIMIT, "%.300s: the files of the archive are too large for one of its size",
			       m->path);
	s->left -= m->size;
	return rc;
}

int package_open_tar(struct package *p, struct stream *s, struct source *in, struct err *err)
{
	s->left = p->unpacked_max;
	s->tar = archive_open_tar(source_limit(in, p->unpacked_max, "the unpacked archive"), err);
	return s->tar ? 0 : -1;
}

/* "pkg-NAME.tar.zst": the name in it is the builder's and says nothing. */
bool package_is_part(const struct member *m, const char *prefix)
{
	return m->type == MEMBER_FILE && str_starts(m->path, prefix) && str_ends(m->path, ".tar.zst");
}

static int open_zip_payload(struct package *p, struct stream *s, struct err *err)
{
	struct source *content;
	struct member m;
	int rc;

	s->zip = archive_open_zip(p->fd, err);
	if (!s->zip)
		return -1;
	while ((rc = archive_next(s->zip, &m, &content, err)) > 0)
		if (package_is_part(&m, "pkg-"))
			return package_open_tar(p, s, source_zstd(package_borrow(content)), err);
	return rc < 0 ? -1 : err_set(err, ERR_FORMAT, "has no pkg-*.tar.zst");
}

int package_open_payload(struct package *p, struct stream *s, struct err *err)
{
	struct stat st;

	package_stream_close(s);
	if (p->conda)
		return open_zip_payload(p, s, err);
	if (fstat(p->fd, &st) < 0)
		return err_sys(err, "cannot read");
	return package_open_tar(p, s, source_bzip2(source_range(p->fd, 0, (uint64_t)st.st_size)), err);
}

/* ---- open ---- */

static int open_file(struct package *p, int dirfd, const char *path, struct err *err)
{
	struct stat st;

	p->fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (p->fd < 0 || fstat(p->fd, &st) < 0)
		return err_sys(err, "%s: cannot open", p->fn);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_IO, "%s: is not a plain file", p->fn);
	if (!num_mul((uint64_t)st.st_size, UNPACKED_RATIO, &p->unpacked_max) ||
	    !num_add(p->unpacked_max, UNPACKED_FREE, &p->unpacked_max))
		return err_set(err, ERR_LIMIT, "%s: is too large", p->fn);
	return 0;
}

struct package *package_open(int dirfd, const char *path, const char *fn, struct err *err)
{
	auto_package *p = NEW(struct package);
	size_t stem;

	p->fd = -1;
	p->fn = mem_strdup(fn);
	p->conda = str_ends(fn, ".conda");
	if (!record_is_package_file(fn, &stem)) {
		err_set(err, ERR_FORMAT, "%s: is no package, expected a name that ends in .conda or .tar.bz2", fn);
		return NULL;
	}
	if (open_file(p, dirfd, path, err) < 0 || package_read_info(p, err) < 0)
		return NULL;
	p->seen = arena_array(&p->arena, p->info.n_paths, sizeof(*p->seen));
	return TAKE(p);
}

const struct package_info *package_info(const struct package *p)
{
	return &p->info;
}

const char *package_fn(const struct package *p)
{
	return p->fn;
}

const struct package_path *package_find(const struct package *p, const char *path)
{
	size_t lo = 0, hi = p->info.n_paths;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(p->info.paths[mid].path, path);

		if (c == 0)
			return &p->info.paths[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/* ---- payload ---- */

static int check_member_path(const char *path, const char *what, struct err *err)
{
	const char *fault = tree_path_fault(path);

	return fault ? err_set(err, ERR_FORMAT, "%s '%s' %s", what, path, fault) : 0;
}

static const char *type_name(enum member_type t)
{
	static const char *const names[] = { "a file", "a directory", "a symlink", "a hard link", "a device" };

	return names[t];
}

/* Old packages do not say what their paths are; paths.json does, and must be right. */
static int check_type(const struct package *p, const struct package_path *path, const struct member *m, struct err *err)
{
	static const char *const expected[] = { "a file", "a symlink", "a directory" };
	bool ok;

	if (m->type == MEMBER_DIR)
		ok = path->type == PATH_DIR;
	else if (!p->info.has_paths_json)
		ok = true;
	else if (m->type == MEMBER_HARDLINK)
		ok = path->type != PATH_DIR;
	else
		ok = path->type == (m->type == MEMBER_FILE ? PATH_FILE : PATH_SYMLINK);
	if (!ok)
		return err_set(err, ERR_INTEGRITY, "%s: is %s in the archive, expected %s", path->path,
			       type_name(m->type), expected[path->type]);
	if (m->type == MEMBER_FILE && path->has_size && path->size != m->size)
		return err_set(err, ERR_INTEGRITY, "%s: has %" PRIu64 " bytes, expected %" PRIu64, path->path, m->size,
			       path->size);
	return 0;
}

static int check_links(struct member *m, struct err *err)
{
	if (m->type == MEMBER_HARDLINK) {
		while (str_starts(m->target, "./"))
			m->target += 2;
		return check_member_path(m->target, "the hard link's target", err);
	}
	if (m->type == MEMBER_SYMLINK && (!*m->target || strlen(m->target) > 4095))
		return err_set(err, ERR_FORMAT, "%s: is a symlink with a target of %zu bytes", m->path,
			       strlen(m->target));
	return 0;
}

/* Had this been known before the payload began, it might have meant something. */
static int check_late_info(const struct package *p, const char *path, struct err *err)
{
	int f = info_file_of(path);

	if (!p->info_done || (f != INFO_INDEX && f != INFO_PATHS && f != INFO_LINK))
		return 0;
	return err_set(err, ERR_FORMAT, "%s stands behind the payload, where it contradicts the info/ in front", path);
}

/* Of a .conda they are in the payload's tar; of a .tar.bz2 whose info/ stands in front they may still come. */
static bool brings_license(const struct package *p, const struct member *m)
{
	return package_is_info(m->path) && (p->conda || p->info_done);
}

static int raw_next(struct package *p, struct member *m, struct source **content, struct err *err)
{
	int rc;

	if (p->has_pending) {
		p->has_pending = false;
		*m = p->pending;
		*content = p->pending_content;
		return 1;
	}
	if (p->at_end)
		return 0;
	rc = package_stream_next(&p->payload, m, content, err);
	p->at_end = rc == 0;
	return rc;
}

static int check_all_seen(const struct package *p, struct err *err)
{
	for (size_t i = 0; i < p->info.n_paths; i++)
		if (!p->seen[i] && p->info.paths[i].type != PATH_DIR)
			return err_set(err, ERR_INTEGRITY, "%s: is listed in info/ but is not in the archive",
				       p->info.paths[i].path);
	return 0;
}

/* 1 where m is to be told, 0 where it is not installed. */
static int judge(struct package *p, struct member *m, const struct package_path **ret, struct err *err)
{
	const struct package_path *path;

	if (package_is_info(m->path))
		return check_late_info(p, m->path, err);
	if (strcmp(m->path, ".") == 0)
		return 0;
	if (check_member_path(m->path, "member", err) < 0)
		return -1;
	if (m->type == MEMBER_OTHER)
		return err_set(err, ERR_FORMAT, "%s: is a device, a fifo or a socket", m->path);
	*ret = path = package_find(p, m->path);
	if (!path)
		return 0;
	if (p->seen[path - p->info.paths])
		return err_set(err, ERR_FORMAT, "%s: stands in the archive twice", m->path);
	p->seen[path - p->info.paths] = true;
	return check_type(p, path, m, err) < 0 || check_links(m, err) < 0 ? -1 : 1;
}

int package_next(struct package *p, struct member *m, struct source **content, struct err *err)
{
	const struct package_path *path = NULL;
	int rc;

	if (settle(p, &p->content, err) < 0)
		return -1;
	for (;;) {
		struct source *in;

		*content = NULL;
		rc = raw_next(p, m, &in, err);
		if (rc == 0)
			rc = check_all_seen(p, err);
		else if (rc > 0 && brings_license(p, m) && package_read_license(p, m, in, err) < 0)
			rc = -1;
		else if (rc > 0 && (rc = judge(p, m, &path, err)) == 0)
			continue;
		if (rc < 0)
			return err_at(err, "%s", p->fn);
		if (rc > 0 && m->type == MEMBER_FILE)
			*content = check_content(&p->content, in, path, m);
		return rc;
	}
}

/* ---- copies of hard links ---- */

static int find_target(struct package *p, struct member *m, struct source **content, struct err *err)
{
	int rc = package_open_payload(p, &p->copy, err);

	if (rc < 0)
		return -1;
	while ((rc = package_stream_next(&p->copy, m, content, err)) > 0)
		if (strcmp(m->path, p->copy_path) == 0)
			return 0;
	return rc < 0 ? -1
		      : err_set(err, ERR_FORMAT, "is a hard link to '%s', which is not in the archive", p->copy_path);
}

static int follow(struct package *p, struct member *m, struct source **content, struct err *err)
{
	for (unsigned i = 0; i < LINK_DEPTH_MAX; i++) {
		if (find_target(p, m, content, err) < 0 || check_links(m, err) < 0)
			return -1;
		if (m->type == MEMBER_FILE || m->type == MEMBER_SYMLINK)
			return 0;
		if (m->type != MEMBER_HARDLINK)
			return err_set(err, ERR_FORMAT, "is a hard link to '%s', which is %s", p->copy_path,
				       type_name(m->type));
		free(p->copy_path);
		p->copy_path = mem_strdup(m->target);
	}
	return err_set(err, ERR_LIMIT, "is a chain of more than %d hard links", LINK_DEPTH_MAX);
}

int package_copy(struct package *p, const char *path, const char *target, struct member *m, struct source **content,
		 struct err *err)
{
	const struct package_path *listed = package_find(p, path);
	struct source *in;

	if (settle(p, &p->copy_content, err) < 0)
		return -1;
	*content = NULL;
	free(p->copy_path);
	p->copy_path = mem_strdup(target);
	if (p->n_copies++ == PACKAGE_COPIES_MAX)
		err_set(err, ERR_LIMIT, "needs more than %d copies of hard links", PACKAGE_COPIES_MAX);
	if (err->code != ERR_NONE || follow(p, m, &in, err) < 0)
		return err_at(err, "%s: %s", p->fn, path);
	if (check_type(p, listed, m, err) < 0)
		return err_at(err, "%s", p->fn);
	m->path = listed->path;
	if (m->type == MEMBER_FILE)
		*content = check_content(&p->copy_content, in, listed, m);
	return 0;
}

void package_free(struct package *p)
{
	if (!p)
		return;
	source_free(p->content.in);
	source_free(p->copy_content.in);
	package_stream_close(&p->payload);
	package_stream_close(&p->copy);
	free(p->copy_path);
	free(p->licenses);
	free(p->fn);
	mem_closep(&p->fd);
	arena_release(&p->arena);
	free(p);
}
