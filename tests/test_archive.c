#include "base/archive.h"

#include "base/fs.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "streams.h"
#include "ustar.h"

/* ---- archives by hand, after POSIX pax (ustar) and APPNOTE.TXT (zip) ---- */

/* A member that says it has `said` bytes. */
static void tar_member(struct buf *b, const char *path, char type, const char *target, const char *content, size_t n,
		       uint64_t said)
{
	ustar_member(b, &(struct ustar){ path, type, 0644, 0, 0, target, said & USTAR_SIZE_MAX }, content, n);
}

static void tar_file(struct buf *b, const char *path, const char *content)
{
	tar_member(b, path, '0', NULL, content, strlen(content), strlen(content));
}

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

struct zip {
	struct buf body, dir;
	unsigned n;
};

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

static void zip_file(struct zip *z, const char *name, const char *content, uint32_t crc)
{
	uint32_t offset = (uint32_t)z->body.n;

	put(&z->body, 0x04034b50, 4);
	zip_fields(&z->body, crc, name, strlen(content));
	buf_adds(&z->body, name);
	buf_adds(&z->body, content);
	put(&z->dir, 0x02014b50, 4);
	put(&z->dir, 0x0314, 2); /* made on unix */
	zip_fields(&z->dir, crc, name, strlen(content));
	put(&z->dir, 0, 2); /* comment */
	put(&z->dir, 0, 4); /* disk, internal attributes */
	put(&z->dir, 0100644u << 16, 4);
	put(&z->dir, offset, 4);
	buf_adds(&z->dir, name);
	z->n++;
}

static int zip_fd(struct zip *z)
{
	uint32_t at = (uint32_t)z->body.n;
	int fd = memfd_create("zip", MFD_CLOEXEC);

	buf_add(&z->body, z->dir.p, z->dir.n);
	put(&z->body, 0x06054b50, 4);
	put(&z->body, 0, 4);
	put(&z->body, z->n, 2);
	put(&z->body, z->n, 2);
	put(&z->body, (uint32_t)z->dir.n, 4);
	put(&z->body, at, 4);
	put(&z->body, 0, 2);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, z->body.p, z->body.n), z->body.n);
	buf_release(&z->body);
	buf_release(&z->dir);
	return fd;
}

/* ---- reading all of it as text: one line a member ---- */

static int list(struct archive_in *a, struct buf *out, struct err *err)
{
	static const char types[] = "-dlh?";
	struct source *content;
	struct member m;
	int got;

	while ((got = archive_next(a, &m, &content, err)) > 0) {
		buf_addf(out, "%c%o %s", types[m.type], m.mode, m.path);
		if (m.target)
			buf_addf(out, " -> %s", m.target);
		if (content) {
			buf_addf(out, " %llu:", (unsigned long long)m.size);
			if (io_slurp(content, 1 << 20, out, err) < 0)
				return -1;
		}
		buf_addc(out, '\n');
	}
	return got;
}

static void every_kind_of_member_is_told(void **state)
{
	static const size_t steps[] = { 1, 7, 511, 512, 4096, 1 << 20 };
	auto_buf tar = { 0 };

	(void)state;
	tar_member(&tar, "./", '5', NULL, "", 0, 0);
	tar_member(&tar, "./bin/", '5', NULL, "", 0, 0);
	tar_file(&tar, "./bin/a", "hello");
	tar_file(&tar, "bin/empty", "");
	tar_member(&tar, "bin/l", '2', "../a b", "", 0, 0);
	tar_member(&tar, "bin/h", '1', "bin/a", "", 0, 0);
	tar_member(&tar, "dev/null", '3', NULL, "", 0, 0);
	tar_file(&tar, "/abs", "x");
	tar_file(&tar, "../up", "y");
	ustar_end(&tar);
	for (size_t i = 0; i < COUNT(steps); i++) {
		struct err err = ERR_INIT;
		auto_buf out = { 0 };
		auto_archive *a = archive_open_tar(streams_dribble(tar.p, tar.n, steps[i]), &err);

		assert_non_null(a);
		assert_int_equal(list(a, &out, &err), 0);
		assert_string_equal(buf_cstr(&out), "d644 .\nd644 bin\n-644 bin/a 5:hello\n-644 bin/empty 0:\n"
						    "l644 bin/l -> ../a b\nh644 bin/h -> bin/a\n?644 dev/null\n"
						    "-644 /abs 1:x\n-644 ../up 1:y\n");
	}
}

static void pax_and_gnu_names_are_bytes(void **state)
{
	struct err err = ERR_INIT;
	auto_buf tar = { 0 }, out = { 0 };
	auto_archive *a = NULL;
	char longer[301] = { 0 }, want[400];

	(void)state;
	memset(longer, 'n', 300);
	tar_member(&tar, "PaxHeaders/x", 'x', NULL,
		   "16 path=gr\xc3\xbc\xc3\x9f"
		   "e\n",
		   16, 16);
	tar_file(&tar, "short", "1");
	tar_file(&tar, "raw\xff", "2");
	tar_member(&tar, "././@LongLink", 'L', NULL, longer, 301, 301);
	tar_file(&tar, "short", "3");
	ustar_end(&tar);
	a = archive_open_tar(source_bytes(tar.p, tar.n), &err);
	assert_non_null(a);
	assert_int_equal(list(a, &out, &err), 0);
	snprintf(want, sizeof(want),
		 "-644 gr\xc3\xbc\xc3\x9f"
		 "e 1:1\n-644 raw\xff 1:2\n-644 %s 1:3\n",
		 longer);
	assert_string_equal(buf_cstr(&out), want);
}

/* As GNU tar writes them, in each of its ways: holes are zeros. */
static void holes_of_sparse_files_are_zeros(void **state)
{
	static const char *const formats[] = { "gnu --sparse", "pax --sparse --sparse-version=0.1",
					       "pax --sparse --sparse-version=1.0" };
	char dir[] = "/tmp/condaimg-sparse-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < COUNT(formats); i++) {
		auto_free char *make = mem_printf(
			"cd %s && rm -f x t && truncate -s 5000005 x && printf begin | dd of=x conv=notrunc status=none && "
			"printf middle | dd of=x bs=1M seek=2 conv=notrunc status=none && "
			"tar --format=%s -cf t x",
			dir, formats[i]);
		auto_free char *path = mem_printf("%s/t", dir);
		struct err err = ERR_INIT;
		struct source *content;
		auto_buf tar = { 0 }, text = { 0 };
		struct member m;

		assert_int_equal(system(make), 0);
		assert_int_equal(fs_read(AT_FDCWD, path, 1 << 20, &tar, &err), 0);
		assert_true(tar.n < 100000);
		auto_archive *a = archive_open_tar(source_bytes(tar.p, tar.n), &err);

		assert_int_equal(archive_next(a, &m, &content, &err), 1);
		assert_string_equal(m.path, "x");
		assert_int_equal(m.size, 5000005);
		assert_int_equal(io_slurp(content, 1 << 23, &text, &err), 0);
		assert_int_equal(text.n, 5000005);
		assert_memory_equal(text.p, "begin\0", 6);
		assert_memory_equal(text.p + (2 << 20) - 1, "\0middle\0", 8);
		for (size_t k = 5; k < text.n; k++)
			if (k < 2 << 20 || k >= (2 << 20) + 6)
				assert_int_equal(text.p[k], 0);
		assert_int_equal(archive_next(a, &m, &content, &err), 0);
	}
	auto_free char *remove = mem_printf("rm -rf %s", dir);

	assert_int_equal(system(remove), 0);
}

static void unread_content_is_skipped(void **state)
{
	struct err err = ERR_INIT;
	auto_buf tar = { 0 };
	auto_archive *a = NULL;
	struct source *content;
	struct member m;
	char c;

	(void)state;
	tar_file(&tar, "a", "hello");
	tar_file(&tar, "b", "world");
	tar_file(&tar, "c", "!");
	ustar_end(&tar);
	a = archive_open_tar(source_bytes(tar.p, tar.n), &err);
	assert_int_equal(archive_next(a, &m, &content, &err), 1);
	assert_int_equal(archive_next(a, &m, &content, &err), 1);
	assert_int_equal(source_read(content, &c, 1, &err), 1);
	assert_int_equal(c, 'w');
	assert_int_equal(archive_next(a, &m, &content, &err), 1);
	assert_string_equal(m.path, "c");
	assert_int_equal(archive_next(a, &m, &content, &err), 0);
}

static void broken_tars_are_refused(void **state)
{
	struct err err = ERR_INIT;
	auto_buf whole = { 0 }, out = { 0 };
	struct archive_in *a;

	(void)state;
	tar_file(&whole, "a", "hello");
	tar_member(&whole, "big", '0', NULL, "short", 5, 5000); /* says more than there is */
	for (size_t n = 0; n < 7; n++) {
		static const size_t cuts[] = { 0, 100, 511, 513, 700, 1500, 2000 };

		a = archive_open_tar(source_bytes(whole.p, cuts[n]), &err);
		if (a)
			assert_int_equal(list(a, &out, &err), -1);
		archive_in_free(a);
		assert_int_equal(err.code, ERR_FORMAT);
		err_clear(&err);
	}
	a = archive_open_tar(source_bytes(whole.p, whole.n), &err);
	assert_int_equal(list(a, &out, &err), -1);
	assert_int_equal(err.code, ERR_FORMAT);
	archive_in_free(a);
	err_clear(&err);
	whole.p[3] ^= 1; /* no longer what the header's checksum says */
	a = archive_open_tar(source_bytes(whole.p, whole.n), &err);
	if (a)
		assert_int_equal(list(a, &out, &err), -1);
	assert_int_equal(err.code, ERR_FORMAT);
	archive_in_free(a);
}

static void endless_special_headers_end(void **state)
{
	struct err err = ERR_INIT;
	auto_buf tar = { 0 }, out = { 0 };
	auto_archive *a = NULL;

	(void)state;
	for (int i = 0; i < 100000; i++)
		tar_member(&tar, "././@LongLink", 'L', NULL, "", 0, 0);
	tar_file(&tar, "a", "b");
	ustar_end(&tar);
	a = archive_open_tar(source_buf(&tar), &err);
	if (a)
		assert_int_equal(list(a, &out, &err), -1);
	assert_int_equal(err.code, ERR_FORMAT);
}

static void broken_pax_header_is_not_passed_over(void **state)
{
	struct err err = ERR_INIT;
	auto_buf tar = { 0 }, out = { 0 };
	auto_archive *a = NULL;

	(void)state;
	tar_member(&tar, "PaxHeaders/x", 'x', NULL, "17 path=evil.sh\n", 16, 16);
	tar_file(&tar, "good", "1");
	ustar_end(&tar);
	a = archive_open_tar(source_bytes(tar.p, tar.n), &err);
	if (a)
		assert_int_equal(list(a, &out, &err), -1);
	assert_int_equal(err.code, ERR_FORMAT);
}

static void huge_special_header_is_refused(void **state)
{
	struct err err = ERR_INIT;
	auto_buf tar = { 0 }, out = { 0 };
	auto_archive *a = NULL;

	(void)state;
	tar_member(&tar, "PaxHeaders/x", 'x', NULL, "", 0, 077777777777);
	a = archive_open_tar(source_buf(&tar), &err);
	if (a)
		assert_int_equal(list(a, &out, &err), -1);
	assert_int_equal(err.code, ERR_FORMAT);
}

static void failure_of_the_stream_comes_through(void **state)
{
	auto_buf tar = { 0 };

	(void)state;
	tar_file(&tar, "a", "hello");
	tar_file(&tar, "b", "world");
	ustar_end(&tar);
	for (size_t at = 0; at < 1600; at += 200) {
		struct err err = ERR_INIT;
		auto_buf out = { 0 };
		auto_archive *a = archive_open_tar(streams_dribble_until(tar.p, tar.n, 100, at), &err);

		if (a)
			assert_int_equal(list(a, &out, &err), -1);
		assert_int_equal(err.code, ERR_NET);
		assert_string_equal(err.text, "broken on purpose");
	}
}

static void member_can_be_opened_where_it_begins(void **state)
{
	enum { BIG = 300000 };
	auto_fd fd = memfd_create("tar", MFD_CLOEXEC);
	auto_free char *big = mem_alloc(BIG);
	uint64_t offsets[4];
	struct err err = ERR_INIT;
	auto_buf tar = { 0 };
	struct archive_in *a;
	struct source *content;
	struct member m;
	size_t n = 0;

	(void)state;
	memset(big, 'b', BIG);
	tar_file(&tar, "a", "hello");
	tar_member(&tar, "big", '0', NULL, big, BIG, BIG);
	tar_member(&tar, "PaxHeaders/x", 'x', NULL, "12 path=pax\n", 12, 12);
	tar_file(&tar, "short", "1");
	tar_file(&tar, "last", "2");
	ustar_end(&tar);
	assert_int_equal(write(fd, tar.p, tar.n), tar.n);
	a = archive_open_tar_at(fd, 0, &err);
	while (archive_next(a, &m, &content, &err) > 0)
		offsets[n++] = m.offset;
	archive_in_free(a);
	assert_int_equal(n, 4);
	assert_int_equal(offsets[1], 1024);
	for (size_t i = 0; i < n; i++) {
		static const char *const names[] = { "a", "big", "pax", "last" };

		a = archive_open_tar_at(fd, offsets[i], &err);
		assert_int_equal(archive_next(a, &m, &content, &err), 1);
		assert_string_equal(m.path, names[i]);
		assert_int_equal(m.offset, offsets[i]);
		assert_int_equal(io_drain(content, &err), 0);
		archive_in_free(a);
	}
	assert_null(archive_open_tar_at(fd, tar.n + 1, &err));
	assert_int_equal(err.code, ERR_FORMAT);
	err_clear(&err);
	assert_int_equal(ftruncate(fd, 100000), 0); /* in the middle of big, which is passed over */
	a = archive_open_tar_at(fd, 0, &err);
	assert_int_equal(archive_next(a, &m, &content, &err), 1);
	assert_int_equal(archive_next(a, &m, &content, &err), 1);
	assert_int_equal(archive_next(a, &m, &content, &err), -1);
	archive_in_free(a);
}

static void null_passes_through(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_null(archive_open_tar(NULL, &err));
	assert_int_equal(err.code, ERR_NONE);
}

static void zip_members_are_told(void **state)
{
	struct err err = ERR_INIT;
	struct zip z = { 0 };
	auto_buf out = { 0 };
	auto_fd fd = -1;
	auto_archive *a = NULL;

	(void)state;
	zip_file(&z, "metadata.json", "{}", crc32_of("{}", 2));
	zip_file(&z, "pkg-x-1-0.tar.zst", "payload", crc32_of("payload", 7));
	fd = zip_fd(&z);
	a = archive_open_zip(fd, &err);
	assert_non_null(a);
	assert_int_equal(list(a, &out, &err), 0);
	assert_string_equal(buf_cstr(&out), "-644 metadata.json 2:{}\n-644 pkg-x-1-0.tar.zst 7:payload\n");
}

static void wrong_zip_checksum_is_seen(void **state)
{
	struct err err = ERR_INIT;
	struct zip z = { 0 };
	auto_buf out = { 0 };
	auto_fd fd = -1;
	auto_archive *a = NULL;

	(void)state;
	zip_file(&z, "a", "hello", crc32_of("hellO", 5));
	fd = zip_fd(&z);
	a = archive_open_zip(fd, &err);
	assert_non_null(a);
	assert_int_equal(list(a, &out, &err), -1);
	assert_int_equal(err.code, ERR_FORMAT);
}

static void what_is_no_zip_is_refused(void **state)
{
	static const char *const rows[] = { "", "PK", "PK\x05\x06", "hello, this is not a zip file at all" };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_buf out = { 0 };
		auto_fd fd = memfd_create("zip", MFD_CLOEXEC);
		auto_archive *a = NULL;

		assert_int_equal(write(fd, rows[i], strlen(rows[i])), strlen(rows[i]));
		a = archive_open_zip(fd, &err);
		if (a)
			assert_int_equal(list(a, &out, &err), -1);
		assert_int_equal(err.code, ERR_FORMAT);
	}
}

/* No byte of a zip that is flipped may do more than fail. */
static void flipped_zip_bytes_do_no_harm(void **state)
{
	struct zip z = { 0 };
	auto_fd fd = -1;
	char byte;

	(void)state;
	zip_file(&z, "a", "hello", crc32_of("hello", 5));
	zip_file(&z, "b", "world", crc32_of("world", 5));
	fd = zip_fd(&z);
	for (off_t at = 0; pread(fd, &byte, 1, at) == 1; at++) {
		struct err err = ERR_INIT;
		auto_buf out = { 0 };
		char other = (char)(byte ^ 0xff);
		struct archive_in *a;

		assert_int_equal(pwrite(fd, &other, 1, at), 1);
		a = archive_open_zip(fd, &err);
		if (a)
			list(a, &out, &err);
		archive_in_free(a);
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_member_is_told),
		cmocka_unit_test(pax_and_gnu_names_are_bytes),
		cmocka_unit_test(holes_of_sparse_files_are_zeros),
		cmocka_unit_test(unread_content_is_skipped),
		cmocka_unit_test(broken_tars_are_refused),
		cmocka_unit_test(endless_special_headers_end),
		cmocka_unit_test(broken_pax_header_is_not_passed_over),
		cmocka_unit_test(huge_special_header_is_refused),
		cmocka_unit_test(failure_of_the_stream_comes_through),
		cmocka_unit_test(member_can_be_opened_where_it_begins),
		cmocka_unit_test(null_passes_through),
		cmocka_unit_test(zip_members_are_told),
		cmocka_unit_test(wrong_zip_checksum_is_seen),
		cmocka_unit_test(what_is_no_zip_is_refused),
		cmocka_unit_test(flipped_zip_bytes_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
