/*
 * Into an OCI image layout that others may be writing to at the same time. The directory itself is locked, so
 * that nothing stays behind; blobs come first, index.json last.
 */
#include <errno.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/work.h"
#include "oci/index.h"
#include "oci/parcel.h"

struct layout {
	int fd; /* locked */
	char *path;
	char *made; /* the topmost directory that was not there before, or NULL */
};

/* ---- the directory ---- */

/* The shortest part of path that does not exist, or NULL. */
static char *first_missing(const char *path)
{
	auto_free char *p = mem_strdup(path);

	for (char *at = p + (*p == '/'); *at; at++) {
		bool there;

		if (*at != '/')
			continue;
		*at = '\0';
		there = fs_exists(AT_FDCWD, p);
		if (!there)
			return TAKE(p);
		*at = '/';
	}
	return fs_exists(AT_FDCWD, p) ? NULL : TAKE(p);
}

static bool is_still_at(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Some network file systems cannot lock a directory: there, one writer at a time is up to the user. */
static int lock(int fd)
{
	while (flock(fd, LOCK_EX) < 0) {
		if (errno == EBADF || errno == EOPNOTSUPP || errno == ENOLCK || errno == ENOSYS)
			return 0;
		if (errno != EINTR)
			return -1;
	}
	return 0;
}

/* Who waited for the lock may hold a directory that its maker has given up and removed: again, then. */
static int enter(struct layout *l, const char *path, struct err *err)
{
	*l = (struct layout){ .fd = -1, .path = mem_strdup(path) };
	for (;;) {
		auto_free char *made = first_missing(path);
		auto_fd fd = fs_opendir(AT_FDCWD, path, err);

		if (made && !l->made)
			l->made = TAKE(made);
		if (fd < 0)
			return -1;
		if (lock(fd) < 0)
			return err_sys(err, "cannot lock %s", path);
		if (is_still_at(fd, path)) {
			l->fd = TAKE_FD(fd);
			return 0;
		}
	}
}

/* As if we had never been here, if the directory is ours and nobody has put an image into it. */
static void retreat(struct layout *l)
{
	auto_free char *p = mem_strdup(l->path);
	struct err ignored = ERR_INIT;
	char *slash;

	if (!l->made || (l->fd >= 0 && fs_exists(l->fd, "index.json")))
		return;
	if (l->fd >= 0)
		fs_remove(AT_FDCWD, p, &ignored);
	else
		unlinkat(AT_FDCWD, p, AT_REMOVEDIR);
	while (strlen(p) > strlen(l->made) && (slash = strrchr(p, '/'))) {
		*slash = '\0';
		if (*p && unlinkat(AT_FDCWD, p, AT_REMOVEDIR) < 0 && errno != ENOENT)
			return;
	}
}

static void leave(struct layout *l)
{
	if (l->fd >= 0)
		close(l->fd);
	free(l->path);
	free(l->made);
}

/* ---- the layout ---- */

int layout_check(const char *text, size_t n, struct err *err)
{
	auto_arena a = { 0 };
	const struct doc *d = doc_parse_json(&a, text, n, LAYOUT_FILE, err);
	const char *version;

	if (!d || doc_get_string(d, "imageLayoutVersion", "", &version, err) < 0)
		return -1;
	if (!str_starts(version, "1."))
		return doc_fault(d, err, "imageLayoutVersion is '%.40s', expected 1.0.0", version);
	return 0;
}

static int check_version(const struct layout *l, struct err *err)
{
	auto_buf text = { 0 };

	if (fs_read(l->fd, LAYOUT_FILE, LAYOUT_FILE_MAX, &text, err) < 0)
		return -1;
	return layout_check(buf_cstr(&text), text.n, err);
}

/* Whether it is what somebody left who was killed while he gave one of our files its name. */
static bool is_left_over(const char *name)
{
	return (str_starts(name, "." LAYOUT_FILE ".") || str_starts(name, ".index.json.")) && str_ends(name, ".tmp");
}

/* Nobody else is at work here: the directory is locked. */
static int sweep(const struct layout *l, struct err *err)
{
	auto_arena a = { 0 };
	const char *const *names;
	size_t n;

	if (fs_list(&a, l->fd, ".", &names, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (is_left_over(names[i]))
			unlinkat(l->fd, names[i], 0);
	return 0;
}

static int check_empty(const struct layout *l, struct err *err)
{
	auto_arena a = { 0 };
	const char *const *names;
	size_t n;

	if (fs_list(&a, l->fd, ".", &names, &n, err) < 0)
		return -1;
	return n ? err_set(err, ERR_USAGE, "is neither empty nor an OCI image layout: it has '%s', and no %s", names[0],
			   LAYOUT_FILE)
		 : 0;
}

/* The mark comes first: who is killed in the middle leaves a layout without an image, to be gone on with. */
static int claim(const struct layout *l, struct err *err)
{
	if (sweep(l, err) < 0)
		return -1;
	if (fs_exists(l->fd, LAYOUT_FILE))
		return check_version(l, err);
	if (check_empty(l, err) < 0)
		return -1;
	return fs_write(l->fd, LAYOUT_FILE, LAYOUT_TEXT, strlen(LAYOUT_TEXT), 0644, err);
}

/* ---- blobs ---- */

static int put_blob(struct store *to, struct source *in, struct err *err)
{
	struct digest digest;
	uint64_t size;
	auto_sink *out = in ? store_put(to, &digest, &size, err) : NULL;

	if (!out || io_copy(in, out, NULL, err) < 0)
		return -1;
	return sink_finish(out, err);
}

static int put_text(struct store *to, const struct buf *text, const struct digest *d, struct err *err)
{
	auto_source *in = source_bytes(text->p, text->n);

	return store_has(to, d, text->n) ? 0 : put_blob(to, in, err);
}

/* A layer that is to be fetched: of which image, which one. */
struct job {
	const struct parcel *p;
	size_t i;
};

struct fetching {
	struct store *to;
	struct job *jobs;
	size_t n;
};

static int put_layer(void *arg, size_t k, struct err *err)
{
	struct fetching *f = arg;
	struct job *j = &f->jobs[k];
	auto_source *in = parcel_layer(j->p, j->i, err);

	return put_blob(f->to, in, err) < 0 ? parcel_fault(j->p, j->i, err) : 0;
}

/* Each blob once, and none that is there. */
static void add_job(struct fetching *f, const struct parcel *p, size_t i)
{
	const struct descriptor *d = &p->layers[i].d;

	if (store_has(f->to, &d->digest, d->size))
		return;
	/* One of another size is another claim, which will turn out to be wrong. */
	for (size_t k = 0; k < f->n; k++) {
		const struct descriptor *other = &f->jobs[k].p->layers[f->jobs[k].i].d;

		if (digest_equal(&other->digest, &d->digest) && other->size == d->size)
			return;
	}
	mem_grow(f->jobs, f->n);
	f->jobs[f->n++] = (struct job){ p, i };
}

/* Side by side where they come over a network: a disk is not faster that way. */
static int put_layers(struct store *to, const struct parcel_set *s, struct err *err)
{
	struct fetching f = { .to = to };
	bool remote = false;
	int rc;

	for (size_t k = 0; k < s->n; k++) {
		remote = remote || registry_image_ref(s->list[k].base);
		for (size_t i = 0; i < s->list[k].n_layers; i++)
			add_job(&f, &s->list[k], i);
	}
	rc = work_run(f.n, remote ? REGISTRY_AT_ONCE : 1, put_layer, &f, err);
	free(f.jobs);
	return rc;
}

static int put_texts(struct store *to, const struct parcel *p, struct err *err)
{
	if (put_text(to, &p->config, &p->config_digest, err) < 0)
		return -1;
	return put_text(to, &p->manifest, &p->manifest_digest, err);
}

static int put_blobs(const struct layout *l, const struct parcel_set *s, struct err *err)
{
	auto_store *to = store_open(l->fd, ".", err);

	if (!to || put_layers(to, s, err) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++)
		if (put_texts(to, &s->list[i], err) < 0)
			return -1;
	return s->index.n ? put_text(to, &s->index, &s->index_digest, err) : 0;
}

static int put_index(const struct layout *l, const struct buf *text, struct err *err)
{
	if (text->n > INDEX_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "index.json would be larger than %d bytes", INDEX_BYTES_MAX);
	return fs_write(l->fd, "index.json", text->p, text->n, 0644, err);
}

static int move_tag(const struct layout *l, const char *tag, const struct parcel_set *s, struct err *err)
{
	struct annotation name = { ANNOTATION_REF_NAME, tag };
	auto_buf old = { 0 }, text = { 0 };

	if (fs_exists(l->fd, "index.json") && fs_read(l->fd, "index.json", INDEX_BYTES_MAX, &old, err) < 0)
		return -1;
	if (parcel_set_layout(s, &name, 1, buf_cstr(&old), old.n, "index.json", &text, err) < 0)
		return -1;
	return put_index(l, &text, err);
}

static int add_referrer(const struct layout *l, const struct registry_referrer *one, struct err *err)
{
	auto_buf old = { 0 }, text = { 0 };

	if (fs_read(l->fd, "index.json", INDEX_BYTES_MAX, &old, err) < 0 ||
	    index_put_referrer(buf_cstr(&old), old.n, "index.json", &one->d, one->artifact_type, &text, err) < 0)
		return -1;
	return put_index(l, &text, err);
}

static int attach(const struct layout *l, const struct registry_referrer *one, const struct str *blobs, size_t n,
		  struct err *err)
{
	auto_store *to = store_open(l->fd, ".", err);

	for (size_t i = 0; to && i < n; i++) {
		struct digest d = digest_bytes(blobs[i].p, blobs[i].n);
		struct buf blob = { 0 };
		int rc;

		buf_add(&blob, blobs[i].p, blobs[i].n);
		rc = put_text(to, &blob, &d, err);
		buf_release(&blob);
		if (rc < 0)
			return -1;
	}
	return to ? add_referrer(l, one, err) : -1;
}

int layout_carry(const struct dest *d, const struct registry_referrer *one, const struct parcel_set *s, struct err *err)
{
	CLEANUP(leave) struct layout l;

	return enter(&l, d->path, err) < 0 || claim(&l, err) < 0 || put_blobs(&l, s, err) < 0
		       ? -1
		       : add_referrer(&l, one, err);
}

int layout_attach(const struct dest *d, const struct registry_referrer *one, const struct str *blobs, size_t n,
		  struct err *err)
{
	CLEANUP(leave) struct layout l;

	return enter(&l, d->path, err) < 0 || claim(&l, err) < 0 ? -1 : attach(&l, one, blobs, n, err);
}

int layout_write(const struct dest *d, const struct parcel_set *s, struct err *err)
{
	CLEANUP(leave) struct layout l;

	if (enter(&l, d->path, err) == 0 && claim(&l, err) == 0 && put_blobs(&l, s, err) == 0 &&
	    move_tag(&l, d->tag ? d->tag : "latest", s, err) == 0)
		return 0;
	retreat(&l);
	return err_at(err, "%s", d->path);
}
