#include "cmd/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/codec.h"
#include "base/doc.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/num.h"
#include "conda/record.h"
#include "oci/tar.h"

#define LIST "condaimg-bundle.json"
#define LOCK "conda-lock.yml"
#define FORMAT 1
#define BLOBS "layers/blobs/sha256/"
#define RECIPES "layers/recipes/"
#define LIST_MAX ((uint64_t)64 << 20)
#define LOCK_MAX ((uint64_t)64 << 20)
#define NOTE_MAX 256 /* of a recipe: the longest is 2 * (7 + 64 + 1 + 20) */
#define BLOCK 512
#define MODE 0644

/* ---- the list ---- */

static int file_cmp(const void *x, const void *y)
{
	const struct bundle_file *a = x, *b = y;
	bool a_lock = strcmp(a->path, LOCK) == 0, b_lock = strcmp(b->path, LOCK) == 0;

	return a_lock != b_lock ? b_lock - a_lock : strcmp(a->path, b->path);
}

static void render(const struct bundle_file *files, size_t n, const char *base, struct buf *ret)
{
	struct json j = { .out = ret, .indent = 1 };

	json_object(&j);
	json_put_int(&j, "condaimg_bundle", FORMAT);
	json_put_string(&j, "base", base);
	json_key(&j, "files");
	json_array(&j);
	for (size_t i = 0; i < n; i++) {
		json_object(&j);
		json_put_string(&j, "path", files[i].path);
		json_put_int(&j, "size", (int64_t)files[i].size);
		json_put_string(&j, "sha256", digest_hex(&files[i].sha256).hex);
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
	buf_addc(ret, '\n');
}

/* ---- making one ---- */

static void add(struct bundle_plan *p, const struct bundle_file *f)
{
	mem_grow(p->files, p->n);
	p->files[p->n] = *f;
	p->files[p->n++].path = arena_strdup(&p->arena, f->path);
}

void bundle_add_bytes(struct bundle_plan *p, const char *path, const struct buf *bytes)
{
	add(p, &(struct bundle_file){ .path = path,
				      .size = bytes->n,
				      .sha256 = digest_bytes(bytes->p ? bytes->p : "", bytes->n),
				      .bytes = bytes });
}

void bundle_add_file(struct bundle_plan *p, const char *path, uint64_t size, const struct digest *sha256, int dirfd,
		     const char *from)
{
	add(p, &(struct bundle_file){ .path = path,
				      .size = size,
				      .sha256 = *sha256,
				      .dirfd = dirfd,
				      .from = arena_strdup(&p->arena, from) });
}

static struct buf *layer_text(struct bundle_plan *p, const struct layer *layer)
{
	struct buf *ret = arena_alloc(&p->arena, sizeof(*ret));
	auto_buf text = { 0 };

	store_layer_text(layer, &text);
	*ret = (struct buf){ .p = arena_strdup(&p->arena, buf_cstr(&text)), .n = text.n };
	return ret;
}

void bundle_add_layer(struct bundle_plan *p, const struct digest *recipe, const struct layer *layer, struct store *from)
{
	auto_free char *blob = mem_printf(BLOBS "%s", digest_hex(&layer->digest).hex);
	auto_free char *note = mem_printf(RECIPES "%s", digest_hex(recipe).hex);

	add(p, &(struct bundle_file){ .path = blob, .size = layer->size, .sha256 = layer->digest, .store = from });
	bundle_add_bytes(p, note, layer_text(p, layer));
}

static struct source *open_content(const struct bundle_file *f, struct err *err)
{
	struct source *in = f->store   ? store_get(f->store, &f->sha256, f->size, err)
			    : f->bytes ? source_bytes(f->bytes->p ? f->bytes->p : "", f->bytes->n)
				       : source_file(f->dirfd, f->from, err);

	return source_verify(in, &f->sha256, f->size);
}

static int put(struct sink *out, const char *path, uint64_t size, struct source *content, struct err *err)
{
	return tar_put(out, &(struct entry){ .path = path, .size = size, .mode = MODE, .type = ENTRY_FILE }, content,
		       err);
}

int bundle_write(struct bundle_plan *p, struct sink *out, struct err *err)
{
	auto_buf list = { 0 };
	auto_source *head = NULL;
	size_t n = 0;

	if (p->n)
		qsort(p->files, p->n, sizeof(*p->files), file_cmp);
	for (size_t i = 0; i < p->n; i++)
		if (!n || strcmp(p->files[n - 1].path, p->files[i].path) != 0)
			p->files[n++] = p->files[i];
	p->n = n;
	render(p->files, p->n, p->base, &list);
	head = source_bytes(list.p, list.n);
	if (put(out, LIST, list.n, head, err) < 0)
		return -1;
	for (size_t i = 0; i < p->n; i++) {
		auto_source *in = open_content(&p->files[i], err);

		if (!in || put(out, p->files[i].path, p->files[i].size, in, err) < 0)
			return -1;
	}
	return tar_end(out, err);
}

void bundle_plan_release(struct bundle_plan *p)
{
	free(p->files);
	arena_release(&p->arena);
	*p = (struct bundle_plan){ 0 };
}

/* ---- reading one ---- */

/*
 * A bundle is read by writing it once more, with the content that it has, and comparing: whatever would be written in
 * another way is not what we wrote.
 */
struct checker {
	struct sink base;
	struct bundle *b;
	char chunk[16384];
};

static int read_at(const struct bundle *b, void *p, size_t n, uint64_t at, struct err *err)
{
	for (size_t done = 0; done < n;) {
		ssize_t got = pread(b->fd, (char *)p + done, n - done, (off_t)(at + done));

		if (got < 0 && errno != EINTR)
			return err_sys(err, "cannot read %s", b->path);
		if (got == 0)
			return err_set(err, ERR_INTEGRITY, "%s ends early, after %llu bytes", b->path,
				       (unsigned long long)(at + done));
		done += got < 0 ? 0 : (size_t)got;
	}
	return 0;
}

static int check_write(struct sink *s, const void *buf, size_t len, struct err *err)
{
	struct checker *c = (struct checker *)s;
	const char *p = buf;

	while (len) {
		size_t n = len < sizeof(c->chunk) ? len : sizeof(c->chunk);

		if (read_at(c->b, c->chunk, n, c->b->at, err) < 0)
			return -1;
		for (size_t i = 0; memcmp(p, c->chunk, n) != 0 && i < n; i++)
			if (p[i] != c->chunk[i])
				return err_set(err, ERR_INTEGRITY, "%s: byte %llu is not what its list says",
					       c->b->path, (unsigned long long)(c->b->at + i));
		c->b->at += n;
		p += n;
		len -= n;
	}
	return 0;
}

static const struct sink_ops check_ops = { .write = check_write };

/* The content of the member that is being compared: what stands where the comparison is. */
struct here {
	struct source base;
	struct bundle *b;
	uint64_t at, left;
	bool begun;
};

static ssize_t here_read(struct source *s, void *buf, size_t len, struct err *err)
{
	struct here *h = (struct here *)s;
	size_t n = len < h->left ? len : (size_t)h->left;

	if (!h->begun)
		h->at = h->b->at;
	h->begun = true;
	if (n && read_at(h->b, buf, n, h->at, err) < 0)
		return -1;
	h->at += n;
	h->left -= n;
	return (ssize_t)n;
}

static void here_free(struct source *s)
{
	free(s);
}

static const struct source_ops here_ops = { here_read, here_free };

static struct source *source_here(struct bundle *b, uint64_t size)
{
	struct here *h = NEW(struct here);

	*h = (struct here){ .base = { &here_ops }, .b = b, .left = size };
	return &h->base;
}

/* Whatever is wrong with it: it is not what was made. */
static int damaged(struct bundle *b, struct err *err)
{
	if (err->code == ERR_IO)
		return -1;
	err->code = ERR_INTEGRITY;
	return strstr(err->text, b->path) ? -1 : err_at(err, "%s", b->path);
}

static int check_member(struct bundle *b, const char *path, uint64_t size, const struct digest *sha256, struct err *err)
{
	auto_free struct checker *c = NEW(struct checker);
	auto_source *in = source_here(b, size);

	c->base.ops = &check_ops;
	c->b = b;
	if (sha256)
		in = source_verify(in, sha256, size);
	return put(&c->base, path, size, in, err) < 0 ? damaged(b, err) : 0;
}

/* Where the content of what was just compared is. */
static uint64_t content_of(const struct bundle *b, uint64_t size)
{
	return b->at - (size + BLOCK - 1) / BLOCK * BLOCK;
}

static struct source *source_of(const struct bundle *b, uint64_t at, const struct bundle_file *f)
{
	return source_verify(source_range(b->fd, at, f->size), &f->sha256, f->size);
}

/* "0000001234" as an ustar header has it. */
static bool octal(const char *p, size_t n, uint64_t *ret)
{
	*ret = 0;
	for (; n && *p >= '0' && *p <= '7'; n--)
		*ret = *ret << 3 | (uint64_t)(*p++ - '0');
	return n == 1 && *p == '\0';
}

static int parse_file(const struct doc *d, struct bundle_file *ret, struct err *err)
{
	const char *sha256;
	int64_t size;

	if (doc_get_string(d, "path", "", &ret->path, err) < 0 || doc_get_int(d, "size", -1, &size, err) < 0 ||
	    doc_get_string(d, "sha256", "", &sha256, err) < 0)
		return -1;
	if (size < 0 || !*ret->path || !digest_parse(sha256, &ret->sha256))
		return err_set(err, ERR_INTEGRITY, "its list has a file without path, size or sha256");
	ret->size = (uint64_t)size;
	return 0;
}

static int parse_list(struct bundle *b, const char *text, size_t n, struct err *err)
{
	const struct doc *d = doc_parse_json(&b->arena, text, n, LIST, err), *list;
	struct bundle_file *files;
	auto_buf again = { 0 };
	int64_t format;

	if (!d || doc_get_int(d, "condaimg_bundle", 0, &format, err) < 0)
		return damaged(b, err);
	if (format > FORMAT)
		return err_set(err, ERR_FORMAT,
			       "%s was made by a later condaimg (format %lld, this one reads %d): use a newer condaimg",
			       b->path, (long long)format, FORMAT);
	list = doc_find(d, "files");
	if (!list || list->type != DOC_LIST)
		return err_set(err, ERR_INTEGRITY, "its list has no files");
	if (doc_get_string(d, "base", NULL, &b->base, err) < 0)
		return damaged(b, err);
	files = arena_array(&b->arena, list->n + 1, sizeof(*files));
	for (size_t i = 0; i < list->n; i++)
		if (parse_file(&list->items[i], &files[i], err) < 0)
			return damaged(b, err);
	b->files = files;
	b->n = list->n;
	render(b->files, b->n, b->base, &again);
	if (again.n != n || memcmp(again.p, text, n) != 0)
		return err_set(err, ERR_INTEGRITY, "its list is not written as condaimg writes it");
	return 0;
}

static int read_list(struct bundle *b, struct err *err)
{
	char header[BLOCK];
	auto_free char *text = NULL;
	uint64_t size;
	int rc;

	if (read_at(b, header, sizeof(header), 0, err) < 0)
		return -1;
	if (!octal(header + 124, 12, &size) || size > LIST_MAX)
		return err_set(err, ERR_INTEGRITY, "%s: the size of its list is no number", b->path);
	text = mem_alloc((size_t)size + 1);
	if (read_at(b, text, (size_t)size, BLOCK, err) < 0 || check_member(b, LIST, size, NULL, err) < 0)
		return -1;
	rc = parse_list(b, text, (size_t)size, err);
	return rc < 0 && err->code != ERR_FORMAT ? damaged(b, err) : rc;
}

static int read_lock(struct bundle *b, struct err *err)
{
	const struct bundle_file *f = &b->files[0];
	char *text;

	if (!b->n || strcmp(f->path, LOCK) != 0 || f->size > LOCK_MAX)
		return err_set(err, ERR_INTEGRITY, "%s has no lock", b->path);
	if (check_member(b, f->path, f->size, &f->sha256, err) < 0)
		return -1;
	text = arena_alloc(&b->arena, (size_t)f->size + 1);
	b->lock = text;
	b->lock_size = (size_t)f->size;
	return read_at(b, text, (size_t)f->size, content_of(b, f->size), err);
}

bool bundle_is(const char *path)
{
	auto_fd fd = -1;
	struct stat st;
	char header[BLOCK];

	/* a pipe is read once */
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && pread(fd, header, sizeof(header), 0) == (ssize_t)sizeof(header) && strcmp(header, LIST) == 0;
}

int bundle_open(const char *path, struct bundle *ret, struct err *err)
{
	*ret = (struct bundle){ .fd = open(path, O_RDONLY | O_CLOEXEC) };
	ret->path = arena_strdup(&ret->arena, path);
	if (ret->fd < 0)
		return err_sys(err, "cannot open %s", path);
	return read_list(ret, err) < 0 || read_lock(ret, err) < 0 ? -1 : 0;
}

/* A package has the name of one, in the channel. */
static int put_package(struct bundle *b, const struct bundle_file *f, int packagesfd, struct err *err)
{
	auto_free char *to = mem_printf("sha256/%s", digest_hex(&f->sha256).hex);
	auto_source *in = NULL;
	auto_sink *out = NULL;
	size_t stem;
	struct stat st;

	if (!str_starts(f->path, "channel/") || !record_is_package_file(f->path, &stem))
		return 0;
	if (fstatat(packagesfd, to, &st, AT_SYMLINK_NOFOLLOW) == 0 && (uint64_t)st.st_size == f->size) {
		fs_touch(packagesfd, to);
		return 0;
	}
	in = source_of(b, content_of(b, f->size), f);
	out = sink_file(packagesfd, to, MODE, err);
	if (!out || io_copy(in, out, NULL, err) < 0 || sink_finish(out, err) < 0)
		return err_at(err, "%s", f->path);
	return 0;
}

/* ---- layers ---- */

static int path_cmp(const void *key, const void *file)
{
	return strcmp(key, ((const struct bundle_file *)file)->path);
}

/* All but the lock are by path. SIZE_MAX: there is none. */
static size_t find_blob(const struct bundle *b, const struct layer *l)
{
	auto_free char *path = mem_printf(BLOBS "%s", digest_hex(&l->digest).hex);
	const struct bundle_file *f = bsearch(path, b->files + 1, b->n - 1, sizeof(*f), path_cmp);

	return f && f->size == l->size && digest_equal(&f->sha256, &l->digest) ? (size_t)(f - b->files) : SIZE_MAX;
}

/* Its digest was looked at with all others: this is about what it is in truth. */
static int check_tar(struct bundle *b, uint64_t at, const struct bundle_file *f, const struct layer *l, struct err *err)
{
	auto_source *in = source_limit(source_auto(source_range(b->fd, at, f->size)), l->tar_size,
				       "a layer, which should be that much,");
	struct digest diffid;
	uint64_t size;
	auto_sink *out = sink_digest(sink_null(), &diffid, &size);

	if (!in || io_copy(in, out, NULL, err) < 0 || sink_finish(out, err) < 0)
		return -1;
	if (!digest_equal(&diffid, &l->diffid) || size != l->tar_size)
		return err_set(err, ERR_INTEGRITY, "unpacked it is sha256:%s, expected sha256:%s",
			       digest_hex(&diffid).hex, digest_hex(&l->diffid).hex);
	return 0;
}

static int put_blob(struct bundle *b, uint64_t at, const struct bundle_file *f, struct store *store, struct err *err)
{
	auto_source *in = NULL;
	auto_sink *out = NULL;
	struct digest digest;
	uint64_t size;

	if (store_has(store, &f->sha256, f->size))
		return 0;
	in = source_range(b->fd, at, f->size);
	out = store_put(store, &digest, &size, err);
	if (!out || io_copy(in, out, NULL, err) < 0 || sink_finish(out, err) < 0)
		return -1;
	/* the store calls it what it is */
	return digest_equal(&digest, &f->sha256)
		       ? 0
		       : err_set(err, ERR_INTEGRITY, "its layer changed while the bundle was read");
}

/* i: of the note. contents: where those of all files are. */
static int take_layer(struct bundle *b, size_t i, const uint64_t *contents, struct store *store,
		      struct ready_layer *ret, struct err *err)
{
	const struct bundle_file *note = &b->files[i];
	char text[NOTE_MAX];
	size_t blob;

	if (note->size > NOTE_MAX || !digest_parse(note->path + strlen(RECIPES), &ret->recipe))
		return err_set(err, ERR_INTEGRITY, "it is no recipe");
	if (read_at(b, text, (size_t)note->size, contents[i], err) < 0)
		return -1;
	if (!store_layer_parse((struct str){ text, (size_t)note->size }, &ret->layer))
		return err_set(err, ERR_INTEGRITY, "it tells of no layer");
	blob = find_blob(b, &ret->layer);
	if (blob == SIZE_MAX)
		return err_set(err, ERR_INTEGRITY, "its layer sha256:%s is not there",
			       digest_hex(&ret->layer.digest).hex);
	return check_tar(b, contents[blob], &b->files[blob], &ret->layer, err) < 0
		       ? -1
		       : put_blob(b, contents[blob], &b->files[blob], store, err);
}

static int take_layers(struct bundle *b, const uint64_t *contents, struct store *store, struct err *err)
{
	struct ready_layer *list = arena_array(&b->arena, b->n, sizeof(*list));

	for (size_t i = 1; i < b->n; i++) {
		if (!str_starts(b->files[i].path, RECIPES))
			continue;
		if (take_layer(b, i, contents, store, &list[b->n_layers], err) < 0) {
			err_at(err, "%s", b->files[i].path);
			return damaged(b, err);
		}
		b->n_layers++;
	}
	b->layers = list;
	return 0;
}

/* ---- all of it ---- */

/* What stands behind the last file: nothing. */
static int check_end(struct bundle *b, struct err *err)
{
	auto_free struct checker *c = NEW(struct checker);
	struct stat st;

	c->base.ops = &check_ops;
	c->b = b;
	if (tar_end(&c->base, err) < 0)
		return damaged(b, err);
	if (fstat(b->fd, &st) < 0)
		return err_sys(err, "cannot read %s", b->path);
	if ((uint64_t)st.st_size != b->at)
		return err_set(err, ERR_INTEGRITY, "%s has %lld bytes, expected %llu", b->path, (long long)st.st_size,
			       (unsigned long long)b->at);
	return 0;
}

int bundle_unpack(struct bundle *b, int packagesfd, struct store *store, struct err *err)
{
	auto_free uint64_t *contents = mem_array(b->n, sizeof(*contents));

	if (fs_mkdirs(packagesfd, "sha256", err) < 0)
		return -1;
	for (size_t i = 1; i < b->n; i++) {
		if (check_member(b, b->files[i].path, b->files[i].size, &b->files[i].sha256, err) < 0 ||
		    put_package(b, &b->files[i], packagesfd, err) < 0)
			return -1;
		contents[i] = content_of(b, b->files[i].size);
	}
	return check_end(b, err) < 0 ? -1 : take_layers(b, contents, store, err);
}

void bundle_close(struct bundle *b)
{
	if (b->path && b->fd >= 0)
		close(b->fd);
	arena_release(&b->arena);
	*b = (struct bundle){ .fd = -1 };
}
