#include "conda/package.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "base/codec.h"
#include "base/doc.h"
#include "base/num.h"
#include "base/tree.h"
#include "conda/info.h"

/* What an archive may unpack to: so much whatever its size, and so many times its size on top. */
#define UNPACKED_FREE ((uint64_t)1 << 30)
#define UNPACKED_RATIO 1000
#define METADATA_MAX ((uint64_t)64 << 10)
#define MEMBERS_MAX 2000000
#define LINK_DEPTH_MAX 8
#define LICENSES_MAX ((size_t)64 << 20) /* bytes of all licence texts of a package */
#define LICENSES_N_MAX 10000

/* The payload (or info) tar, and what it is read through. */
struct stream {
	struct archive_in *zip, *tar;
	size_t members;
	uint64_t left; /* bytes that files may have, holes of sparse ones included */
};

/* A file's content, checked. */
struct checked {
	struct source base;
	struct source *in;
	const char *path;
	bool touched, ended;
};

struct package {
	int fd;
	uint64_t unpacked_max;
	bool conda;
	char *fn;
	struct arena arena;
	struct package_info info;
	struct package_license *licenses;
	size_t n_licenses, licenses_bytes;
	bool licenses_sorted;
	bool *seen; /* of paths */
	struct stream payload;
	bool info_done; /* the payload's stream was read up to its first member only: that is pending */
	bool has_pending, at_end;
	struct member pending;
	struct source *pending_content;
	struct checked content;
	struct stream copy;
	struct checked copy_content;
	char *copy_path;
	unsigned n_copies;
};

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
static struct source *borrow(struct source *in)
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
		.in = source_verify(borrow(in), path->has_sha256 ? &path->sha256 : NULL, m->size),
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

static void stream_close(struct stream *s)
{
	archive_in_free(s->tar);
	archive_in_free(s->zip);
	*s = (struct stream){ 0 };
}

static int stream_next(struct stream *s, struct member *m, struct source **content, struct err *err)
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

static int open_tar(struct package *p, struct stream *s, struct source *in, struct err *err)
{
	s->left = p->unpacked_max;
	s->tar = archive_open_tar(source_limit(in, p->unpacked_max, "the unpacked archive"), err);
	return s->tar ? 0 : -1;
}

/* "pkg-NAME.tar.zst": the name in it is the builder's and says nothing. */
static bool is_part(const struct member *m, const char *prefix)
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
		if (is_part(&m, "pkg-"))
			return open_tar(p, s, source_zstd(borrow(content)), err);
	return rc < 0 ? -1 : err_set(err, ERR_FORMAT, "has no pkg-*.tar.zst");
}

static int open_payload(struct package *p, struct stream *s, struct err *err)
{
	struct stat st;

	stream_close(s);
	if (p->conda)
		return open_zip_payload(p, s, err);
	if (fstat(p->fd, &st) < 0)
		return err_sys(err, "cannot read");
	return open_tar(p, s, source_bzip2(source_range(p->fd, 0, (uint64_t)st.st_size)), err);
}

/* ---- info/ ---- */

static bool is_info(const char *path)
{
	return str_starts(path, "info/") || strcmp(path, "info") == 0;
}

/* What a licence text of info/ is called, or NULL: it is none. */
static const char *license_name(const char *path)
{
	static const char dir[] = "info/licenses/", old[] = "info/LICENSE.txt";
	const char *name = str_starts(path, dir) ? path + strlen(dir) : NULL;

	if (!name && strcmp(path, old) == 0)
		name = old + strlen("info/");
	return name && !tree_path_fault(name) ? name : NULL;
}

/* Files alone: a link in info/ leads to one of them, or nowhere. */
static int read_license(struct package *p, const struct member *m, struct source *content, struct err *err)
{
	const char *name = m->type == MEMBER_FILE ? license_name(m->path) : NULL;
	struct package_license *l;
	auto_buf text = { 0 };

	if (!name)
		return 0;
	if (m->size > LICENSES_MAX - p->licenses_bytes || p->n_licenses == LICENSES_N_MAX)
		return err_set(err, ERR_LIMIT, "%.300s: there are more than %d licence texts, or %zu bytes of them",
			       m->path, LICENSES_N_MAX, LICENSES_MAX);
	if (io_slurp(content, LICENSES_MAX, &text, err) < 0)
		return err_at(err, "%.300s", m->path);
	p->licenses_bytes += text.n;
	p->licenses_sorted = false;
	mem_grow(p->licenses, p->n_licenses);
	l = &p->licenses[p->n_licenses++];
	l->name = arena_strdup(&p->arena, name);
	l->text = (struct str){ arena_strndup(&p->arena, buf_cstr(&text), text.n), text.n };
	return 0;
}

static int read_info_member(struct package *p, struct info_texts *t, const struct member *m, struct source *content,
			    struct err *err)
{
	int f = info_file_of(m->path);

	if (f < 0)
		return read_license(p, m, content, err);
	if (t->there[f])
		return err_set(err, ERR_FORMAT, "%s stands in the archive twice", m->path);
	if (m->type != MEMBER_FILE)
		return err_set(err, ERR_FORMAT, "%s is not a plain file", m->path);
	if (io_slurp(content, info_file_max((enum info_file)f), &t->text[f], err) < 0)
		return err_at(err, "%s", m->path);
	t->there[f] = true;
	return 0;
}

static int read_metadata(struct source *content, struct err *err)
{
	auto_buf text = { 0 };
	auto_arena a = { 0 };
	const struct doc *d;
	int64_t version;

	if (io_slurp(content, METADATA_MAX, &text, err) < 0)
		return err_at(err, "metadata.json");
	if (!text.n) /* as anaconda's builders of 2020 left it */
		return 0;
	d = doc_parse_json(&a, buf_cstr(&text), text.n, "metadata.json", err);
	if (!d || doc_get_int(d, "conda_pkg_format_version", 0, &version, err) < 0)
		return -1;
	if (version != 2)
		return err_set(err, ERR_FORMAT, "metadata.json: 'conda_pkg_format_version' is %" PRId64 ", expected 2",
			       version);
	return 0;
}

static int read_info_tar(struct package *p, struct info_texts *t, struct source *in, struct err *err)
{
	struct stream s = { 0 };
	struct source *content;
	struct member m;
	int rc = open_tar(p, &s, source_zstd(borrow(in)), err);

	while (rc == 0 && (rc = stream_next(&s, &m, &content, err)) > 0)
		rc = read_info_member(p, t, &m, content, err);
	stream_close(&s);
	return rc;
}

/* All members of the zip, in whatever order: each of the three must be there once. */
static int read_zip_info(struct package *p, struct info_texts *t, struct err *err)
{
	auto_archive *zip = archive_open_zip(p->fd, err);
	unsigned n_info = 0, n_pkg = 0, n_metadata = 0;
	struct source *content;
	struct member m;
	int rc = zip ? 1 : -1;

	while (rc > 0 && (rc = archive_next(zip, &m, &content, err)) > 0) {
		if (is_part(&m, "info-") && n_info++ == 0) {
			if (read_info_tar(p, t, content, err) < 0)
				return err_at(err, "info");
		} else if (is_part(&m, "pkg-")) {
			n_pkg++;
		} else if (strcmp(m.path, "metadata.json") == 0 && content && n_metadata++ == 0) {
			if (read_metadata(content, err) < 0)
				return -1;
		}
	}
	if (rc < 0)
		return -1;
	if (n_info != 1 || n_pkg != 1 || n_metadata != 1)
		return err_set(err, ERR_FORMAT,
			       "has %u info-*.tar.zst, %u pkg-*.tar.zst, %u metadata.json, expected one of each",
			       n_info, n_pkg, n_metadata);
	return 0;
}

/* Whether what was read of info/ decides everything: whatever may follow of it is of no account. */
static int info_complete(const struct info_texts *t, bool *ret, struct err *err)
{
	bool wants_link = false;

	*ret = false;
	if (!t->there[INFO_INDEX] || !t->there[INFO_PATHS])
		return 0;
	if (!t->there[INFO_LINK] && info_wants_link(t, &wants_link, err) < 0)
		return -1;
	*ret = !wants_link;
	return 0;
}

/*
 * bzip2 is slow enough to be worth reading once: where info/ stands in front, the first
 * member of the payload is kept pending and package_next() goes on from there.
 */
static int read_bz2_info(struct package *p, struct info_texts *t, struct err *err)
{
	bool payload_began = false;
	struct source *content;
	struct member m;
	int rc = open_payload(p, &p->payload, err);

	if (rc < 0)
		return -1;
	while ((rc = stream_next(&p->payload, &m, &content, err)) > 0) {
		if (is_info(m.path)) {
			if (read_info_member(p, t, &m, content, err) < 0)
				return -1;
			continue;
		}
		if (!payload_began && info_complete(t, &p->info_done, err) < 0)
			return -1;
		if (p->info_done) {
			p->has_pending = true;
			p->pending = m;
			p->pending_content = content;
			return 0;
		}
		payload_began = true;
	}
	return rc;
}

/* ---- open ---- */

static int read_info(struct package *p, struct err *err)
{
	struct info_texts t = { 0 };
	int rc = p->conda ? read_zip_info(p, &t, err) : read_bz2_info(p, &t, err);

	if (rc == 0 && !p->info_done)
		rc = open_payload(p, &p->payload, err);
	if (rc == 0)
		rc = info_parse(&p->arena, &t, &p->info, err);
	info_release(&t);
	return rc < 0 ? err_at(err, "%s", p->fn) : 0;
}

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
	if (open_file(p, dirfd, path, err) < 0 || read_info(p, err) < 0)
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

static int license_cmp(const void *x, const void *y)
{
	const struct package_license *a = x, *b = y;

	return strcmp(a->name, b->name);
}

/* Whether dir is a directory that path is in, or path itself. */
static bool is_on_the_way(const char *dir, const char *path)
{
	size_t n = strlen(dir);

	return strncmp(dir, path, n) == 0 && (!path[n] || path[n] == '/');
}

/* A name that is there twice, or is a directory of another, is no name of two files. */
const struct package_license *package_licenses(struct package *p, size_t *n)
{
	size_t kept = 0;

	*n = p->n_licenses;
	if (p->licenses_sorted || !p->n_licenses)
		return p->licenses;
	qsort(p->licenses, p->n_licenses, sizeof(*p->licenses), license_cmp);
	for (size_t i = 0; i < p->n_licenses; i++) {
		bool taken = false;

		for (size_t k = kept; k && !taken; k--) {
			if (p->licenses[k - 1].name[0] != p->licenses[i].name[0])
				break;
			taken = is_on_the_way(p->licenses[k - 1].name, p->licenses[i].name);
		}
		if (!taken)
			p->licenses[kept++] = p->licenses[i];
	}
	p->n_licenses = *n = kept;
	p->licenses_sorted = true;
	return p->licenses;
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
	return is_info(m->path) && (p->conda || p->info_done);
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
	rc = stream_next(&p->payload, m, content, err);
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

	if (is_info(m->path))
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
		else if (rc > 0 && brings_license(p, m) && read_license(p, m, in, err) < 0)
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
	int rc = open_payload(p, &p->copy, err);

	if (rc < 0)
		return -1;
	while ((rc = stream_next(&p->copy, m, content, err)) > 0)
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
	stream_close(&p->payload);
	stream_close(&p->copy);
	free(p->copy_path);
	free(p->licenses);
	free(p->fn);
	mem_closep(&p->fd);
	arena_release(&p->arena);
	free(p);
}
