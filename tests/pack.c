#include "pack.h"

#include <bzlib.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/codec.h"
#include "base/digest.h"
#include "base/fs.h"
#include "ustar.h"

/* ---- members ---- */

void pack_member(struct pack *p, const char *path, char type, unsigned mode, const char *target, const void *content,
		 size_t n)
{
	struct buf *b = strncmp(path, "info/", 5) == 0 ? &p->info : &p->payload;

	ustar_member(b, &(struct ustar){ path, type, mode, 1000, 1234567890, target, n }, content, n);
}

void pack_text(struct pack *p, const char *path, const char *content)
{
	pack_member(p, path, '0', 0644, NULL, content, strlen(content));
}

void pack_path(struct pack *p, const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_addf(&p->paths, "%s{%s}", p->paths.n ? ",\n" : "", text);
}

static void list(struct pack *p, const char *path, const void *content, size_t n, const char *extra)
{
	struct digest d = digest_bytes(content, n);

	pack_path(p, "\"_path\": \"%s\", \"path_type\": \"hardlink\", \"size_in_bytes\": %zu, \"sha256\": \"%s\"%s%s",
		  path, n, digest_hex(&d).hex, extra ? ", " : "", extra ? extra : "");
}

void pack_bytes(struct pack *p, const char *path, unsigned mode, const void *content, size_t n, const char *extra)
{
	pack_member(p, path, '0', mode, NULL, content, n);
	list(p, path, content, n, extra);
}

void pack_file(struct pack *p, const char *path, unsigned mode, const char *content, const char *extra)
{
	pack_bytes(p, path, mode, content, strlen(content), extra);
}

void pack_symlink(struct pack *p, const char *path, const char *target)
{
	pack_member(p, path, '2', 0777, target, NULL, 0);
	pack_path(p, "\"_path\": \"%s\", \"path_type\": \"softlink\"", path);
}

void pack_hardlink(struct pack *p, const char *path, const char *target, const char *content, const char *extra)
{
	pack_member(p, path, '1', 0644, target, NULL, 0);
	list(p, path, content, strlen(content), extra);
}

void pack_index(struct pack *p, const char *extra)
{
	auto_buf text = { 0 };

	buf_addf(&text, "{\"name\": \"x\", \"version\": \"1\", \"build\": \"0\"%s%s}", extra ? ", " : "",
		 extra ? extra : "");
	pack_text(p, "info/index.json", text.p);
}

void pack_paths(struct pack *p)
{
	auto_buf text = { 0 };

	buf_addf(&text, "{\"paths_version\": 1, \"paths\": [%s]}", buf_cstr(&p->paths));
	pack_text(p, "info/paths.json", text.p);
}

/* ---- zip, after APPNOTE.TXT ---- */

struct zip {
	struct buf body, dir;
	unsigned n;
};

static void put(struct buf *b, uint32_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		buf_addc(b, (char)(v >> 8 * i));
}

static uint32_t crc32_of(const char *p, size_t n)
{
	uint32_t c = ~0u;

	for (size_t i = 0; i < n; i++) {
		c ^= (unsigned char)p[i];
		for (int k = 0; k < 8; k++)
			c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
	}
	return ~c;
}

static void zip_fields(struct buf *b, uint32_t crc, const char *name, size_t size)
{
	put(b, 20, 2); /* version needed */
	put(b, 0, 2); /* flags */
	put(b, 0, 2); /* stored */
	put(b, 0x00210000, 4); /* 1980-01-01 */
	put(b, crc, 4);
	put(b, (uint32_t)size, 4);
	put(b, (uint32_t)size, 4);
	put(b, (uint32_t)strlen(name), 2);
	put(b, 0, 2); /* extra */
}

static void zip_file(struct zip *z, const char *name, const char *content, size_t n)
{
	uint32_t offset = (uint32_t)z->body.n, crc = crc32_of(content, n);

	put(&z->body, 0x04034b50, 4);
	zip_fields(&z->body, crc, name, n);
	buf_adds(&z->body, name);
	buf_add(&z->body, content, n);
	put(&z->dir, 0x02014b50, 4);
	put(&z->dir, 0x0314, 2); /* made on unix */
	zip_fields(&z->dir, crc, name, n);
	put(&z->dir, 0, 2); /* comment */
	put(&z->dir, 0, 4); /* disk, internal attributes */
	put(&z->dir, 0100644u << 16, 4);
	put(&z->dir, offset, 4);
	buf_adds(&z->dir, name);
	z->n++;
}

static void zip_end(struct zip *z)
{
	uint32_t at = (uint32_t)z->body.n;

	buf_add(&z->body, z->dir.p, z->dir.n);
	put(&z->body, 0x06054b50, 4);
	put(&z->body, 0, 4);
	put(&z->body, z->n, 2);
	put(&z->body, z->n, 2);
	put(&z->body, (uint32_t)z->dir.n, 4);
	put(&z->body, at, 4);
	put(&z->body, 0, 2);
	buf_release(&z->dir);
}

/* ---- both kinds ---- */

static void must(int rc, const struct err *err)
{
	if (rc < 0) {
		fprintf(stderr, "%s\n", err->text);
		abort();
	}
}

static void zip_zstd(struct zip *z, const char *name, struct buf *tar)
{
	struct err err = ERR_INIT;
	auto_buf packed = { 0 };
	auto_sink *out = sink_codec(sink_buf(&packed), &CODEC_ZSTD_DEFAULT);

	ustar_end(tar);
	must(sink_write(out, tar->p, tar->n, &err), &err);
	must(sink_finish(out, &err), &err);
	zip_file(z, name, packed.p, packed.n);
}

static void make_conda(struct pack *p, struct buf *ret)
{
	const char *metadata = p->metadata ? p->metadata : "{\"conda_pkg_format_version\": 2}";
	struct zip z = { 0 };

	if (*metadata != '-')
		zip_file(&z, "metadata.json", metadata, strlen(metadata));
	zip_zstd(&z, "pkg-x-1-0.tar.zst", &p->payload);
	zip_zstd(&z, "info-x-1-0.tar.zst", &p->info);
	zip_end(&z);
	*ret = z.body;
}

static void make_bz2(struct pack *p, struct buf *ret)
{
	auto_buf tar = { 0 };
	unsigned n;

	buf_add(&tar, p->info_last ? p->payload.p : p->info.p, p->info_last ? p->payload.n : p->info.n);
	buf_add(&tar, p->info_last ? p->info.p : p->payload.p, p->info_last ? p->info.n : p->payload.n);
	ustar_end(&tar);
	n = (unsigned)(tar.n + tar.n / 100 + 600);
	buf_room(ret, n);
	if (BZ2_bzBuffToBuffCompress(ret->p, &n, tar.p, (unsigned)tar.n, 1, 0, 0) != BZ_OK)
		abort();
	ret->n = n;
}

void pack_bytes_of(struct pack *p, const char *fn, struct buf *ret)
{
	if (str_ends(fn, ".conda"))
		make_conda(p, ret);
	else
		make_bz2(p, ret);
	buf_release(&p->info);
	buf_release(&p->payload);
	buf_release(&p->paths);
	*p = (struct pack){ 0 };
}

void pack_write(struct pack *p, int dirfd, const char *fn)
{
	struct err err = ERR_INIT;
	auto_buf bytes = { 0 };

	pack_bytes_of(p, fn, &bytes);
	must(fs_write(dirfd, fn, bytes.p, bytes.n, 0644, &err), &err);
}

int pack_dir(char path[64])
{
	struct err err = ERR_INIT;
	int fd;

	snprintf(path, 64, "/tmp/condaimg-test-XXXXXX");
	if (!mkdtemp(path))
		abort();
	fd = fs_opendir_existing(AT_FDCWD, path, &err);
	must(fd, &err);
	return fd;
}

void pack_remove(char path[64], int fd)
{
	struct err err = ERR_INIT;

	close(fd);
	must(fs_remove(AT_FDCWD, path, &err), &err);
}
