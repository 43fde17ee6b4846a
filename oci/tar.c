#include "oci/tar.h"

#include <inttypes.h>
#include <stdio.h>

#include "oci/paths.h"

#define BLOCK 512
#define NAME_MAX_USTAR 100
#define PREFIX_MAX_USTAR 155
#define SIZE_MAX_USTAR UINT64_C(077777777777) /* 8 GiB - 1 */
#define UID_MAX_USTAR 07777777
#define DIR_MODE 0755

/* POSIX.1-2017, pax, "ustar Interchange Format". */
struct ustar {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], chksum[8], typeflag, linkname[100];
	char magic[6], version[2], uname[32], gname[32], devmajor[8], devminor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct ustar) == BLOCK, "a header is a block");

static const char zeros[2 * BLOCK];

/* ---- headers ---- */

/* n - 1 octal digits and a NUL. */
static void octal(char *field, size_t n, uint64_t v)
{
	field[--n] = '\0';
	while (n) {
		field[--n] = (char)('0' + (v & 7));
		v >>= 3;
	}
}

static bool is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

/* As much as fits, for readers that know no pax; the others take the pax record. */
static void ascii_start(char *field, size_t n, struct str s)
{
	for (size_t i = 0; i < n && i < s.n; i++)
		field[i] = (unsigned char)s.p[i] < 0x80 ? s.p[i] : '?';
}

static bool fill_name(struct ustar *h, struct str path)
{
	if (!is_ascii(path))
		return false;
	if (path.n <= NAME_MAX_USTAR) {
		memcpy(h->name, path.p, path.n);
		return true;
	}
	/* Of the slashes that can part it the first; the last byte of a directory's path is none of them. */
	for (size_t i = path.n - NAME_MAX_USTAR - 1; i <= PREFIX_MAX_USTAR && i + 1 < path.n; i++) {
		if (path.p[i] != '/' || i == 0)
			continue;
		memcpy(h->prefix, path.p, i);
		memcpy(h->name, path.p + i + 1, path.n - i - 1);
		return true;
	}
	return false;
}

static int put_header(struct sink *out, struct ustar *h, struct err *err)
{
	const unsigned char *p = (const unsigned char *)h;
	unsigned sum = 0;

	octal(h->gid, sizeof(h->gid), 0);
	octal(h->mtime, sizeof(h->mtime), TREE_MTIME);
	octal(h->devmajor, sizeof(h->devmajor), 0);
	octal(h->devminor, sizeof(h->devminor), 0);
	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
	memset(h->chksum, ' ', sizeof(h->chksum));
	for (size_t i = 0; i < BLOCK; i++)
		sum += p[i];
	octal(h->chksum, sizeof(h->chksum) - 1, sum);
	return sink_write(out, h, BLOCK, err);
}

static int put_padding(struct sink *out, uint64_t size, struct err *err)
{
	return sink_write(out, zeros, (size_t)(-size % BLOCK), err);
}

/* ---- pax ---- */

static size_t digits(size_t n)
{
	size_t ret = 1;

	while (n /= 10)
		ret++;
	return ret;
}

/* "LENGTH KEY=VALUE\n", where LENGTH counts its own digits. */
static void pax_record(struct buf *b, const char *key, struct str value)
{
	size_t rest = 1 + strlen(key) + 1 + value.n + 1, n = rest + digits(rest);

	if (digits(n) != digits(rest))
		n = rest + digits(n);
	buf_addf(b, "%zu %s=", n, key);
	buf_add(b, value.p, value.n);
	buf_addc(b, '\n');
}

/* Well-formed UTF-8 (RFC 3629). */
static bool is_utf8(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p, *end = p + s.n;

	while (p < end) {
		unsigned c = *p++, more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
		unsigned low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
		unsigned high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;

		if ((c >= 0x80 && c < 0xc2) || c > 0xf4)
			return false;
		for (; more; more--, p++, low = 0x80, high = 0xbf)
			if (p == end || *p < low || *p > high)
				return false;
	}
	return true;
}

static int put_pax(struct sink *out, const struct buf *records, struct err *err)
{
	struct ustar h = { .name = "././@PaxHeader", .typeflag = 'x' };

	octal(h.mode, sizeof(h.mode), 0644);
	octal(h.uid, sizeof(h.uid), 0);
	octal(h.size, sizeof(h.size), records->n);
	if (put_header(out, &h, err) < 0 || sink_write(out, records->p, records->n, err) < 0)
		return -1;
	return put_padding(out, records->n, err);
}

/* ---- one member ---- */

/* In octal where it fits, else as a record. */
static void fill_number(char *field, size_t n, uint64_t max, uint64_t v, const char *key, struct buf *records)
{
	char number[24];

	octal(field, n, v > max ? 0 : v);
	if (v <= max)
		return;
	snprintf(number, sizeof(number), "%" PRIu64, v);
	pax_record(records, key, str_of(number));
}

/* Fill what of name, target and size fits into h; what does not becomes records. */
static void fill(struct ustar *h, struct buf *records, struct str path, struct str target, uint64_t size, uint32_t uid)
{
	auto_buf more = { 0 };
	bool text = true;

	if (target.n > sizeof(h->linkname) || !is_ascii(target)) {
		text = text && is_utf8(target);
		pax_record(&more, "linkpath", target);
	}
	ascii_start(h->linkname, sizeof(h->linkname), target);
	if (!fill_name(h, path)) {
		text = text && is_utf8(path);
		pax_record(&more, "path", path);
		ascii_start(h->name, sizeof(h->name), path);
	}
	fill_number(h->size, sizeof(h->size), SIZE_MAX_USTAR, size, "size", &more);
	fill_number(h->uid, sizeof(h->uid), UID_MAX_USTAR, uid, "uid", &more);
	if (!text)
		pax_record(records, "hdrcharset", STR("BINARY"));
	if (more.n)
		buf_add(records, more.p, more.n);
}

static int put_headers(struct sink *out, const struct entry *e, struct err *err)
{
	static const char flags[] = {
		[ENTRY_FILE] = '0', [ENTRY_DIR] = '5', [ENTRY_SYMLINK] = '2', [ENTRY_HARDLINK] = '1'
	};
	auto_buf path = { 0 }, records = { 0 };
	struct ustar h = { .typeflag = flags[e->type] };

	buf_adds(&path, e->path);
	if (e->type == ENTRY_DIR)
		buf_addc(&path, '/');
	octal(h.mode, sizeof(h.mode), e->mode & 07777);
	fill(&h, &records, (struct str){ path.p, path.n }, str_of(e->target ? e->target : ""),
	     e->type == ENTRY_FILE ? e->size : 0, e->uid);
	if (records.n && put_pax(out, &records, err) < 0)
		return -1;
	return put_header(out, &h, err);
}

/* Asks once more after the last byte: a source that verifies says only then what it thinks. */
static int put_content(struct sink *out, uint64_t size, struct source *content, struct err *err)
{
	size_t cap = size < IO_CHUNK ? (size_t)size + 1 : IO_CHUNK;
	auto_free char *buf = content ? mem_resize(NULL, 1, cap) : NULL;
	uint64_t left = size;
	ssize_t n = 0;

	while (content && (n = source_read(content, buf, cap, err)) > 0) {
		if ((uint64_t)n > left)
			return err_set(err, ERR_INTEGRITY, "has more than the %" PRIu64 " bytes expected", size);
		if (sink_write(out, buf, (size_t)n, err) < 0)
			return -1;
		left -= (uint64_t)n;
	}
	if (n < 0)
		return -1;
	if (left)
		return err_set(err, ERR_INTEGRITY, "has %" PRIu64 " bytes, expected %" PRIu64, size - left, size);
	return put_padding(out, size, err);
}

int tar_put(struct sink *out, const struct entry *e, struct source *content, struct err *err)
{
	if (put_headers(out, e, err) < 0)
		return -1;
	if (e->type == ENTRY_FILE && put_content(out, e->size, content, err) < 0)
		return err_at(err, "%s", e->path);
	return 0;
}

int tar_end(struct sink *out, struct err *err)
{
	return sink_write(out, zeros, sizeof(zeros), err);
}

/* ---- a whole tree ---- */

static int fault(struct err *err, const struct entry *e, const char *what)
{
	return err_set(err, ERR_FORMAT, "path '%s' %s", e->path, what);
}

static int put_parents(struct paths *seen, const struct entry *e, struct sink *out, struct err *err)
{
	auto_free char *path = mem_strdup(e->path);

	for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		struct entry dir = { .path = path, .type = ENTRY_DIR, .mode = DIR_MODE };
		const struct path_seen *s;

		*slash = '\0';
		s = paths_find(seen, path);
		if (s && s->type != ENTRY_DIR)
			return err_set(err, ERR_FORMAT, "path '%s' is below '%s', which is no directory", e->path,
				       path);
		if (!s) {
			if (tar_put(out, &dir, NULL, err) < 0)
				return -1;
			paths_add(seen, path, ENTRY_DIR, DIR_MODE);
		}
		*slash = '/';
	}
	return 0;
}

/* Runtimes chmod what they hard linked, so the link must say the mode of the file. */
static int check_link(const struct paths *seen, struct entry *e, struct err *err)
{
	const struct path_seen *s;

	if (!e->target || !*e->target)
		return fault(err, e, "is a link without a target");
	if (e->type != ENTRY_HARDLINK)
		return 0;
	s = paths_find(seen, e->target);
	if (!s || s->type == ENTRY_DIR)
		return err_set(err, ERR_FORMAT, "path '%s' is a hard link to '%s', which is %s", e->path, e->target,
			       s ? "a directory" : "not before it in this layer");
	e->mode = s->mode;
	return 0;
}

/* 1: to be written, 0: was written before, -1: err. */
static int judge(const struct paths *seen, struct entry *e, struct err *err)
{
	const char *wrong = tree_path_fault(e->path);
	const struct path_seen *s;

	if (wrong)
		return fault(err, e, wrong);
	s = paths_find(seen, e->path);
	if (!s)
		return (e->type == ENTRY_SYMLINK || e->type == ENTRY_HARDLINK) && check_link(seen, e, err) < 0 ? -1 : 1;
	if (s->type != ENTRY_DIR || e->type != ENTRY_DIR)
		return fault(err, e, "comes twice");
	if (s->mode != e->mode)
		return err_set(err, ERR_FORMAT, "directory '%s' comes again with mode %o, it was written with %o",
			       e->path, e->mode, s->mode);
	return 0;
}

int tar_drain(struct tree *tree, struct sink *out, struct err *err)
{
	auto_paths seen = { 0 };
	struct source *content;
	struct entry e;
	int got;

	while ((got = tree_next(tree, &e, &content, err)) > 0) {
		int verdict = judge(&seen, &e, err);

		if (verdict < 0)
			return -1;
		if (verdict == 0)
			continue;
		if (put_parents(&seen, &e, out, err) < 0 || tar_put(out, &e, content, err) < 0)
			return -1;
		paths_add(&seen, e.path, e.type, e.mode);
	}
	return got < 0 ? -1 : tar_end(out, err);
}
