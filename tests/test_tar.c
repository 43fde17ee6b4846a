#include "oci/tar.h"

#include <setjmp.h>
#include <stdarg.h>

#include "base/archive.h"
#include "base/digest.h"
#include "oci_table.h"

#include <cmocka.h>

#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static int drain(const struct item *items, size_t n, size_t step, struct buf *out, struct err *err)
{
	auto_tree *tree = table_tree(items, n, step);
	auto_sink *sink = sink_buf(out);

	return tar_drain(tree, sink, err);
}

/* What libarchive makes of it, a line a member. */
static void list(const struct buf *tar, struct buf *out)
{
	struct err err = ERR_INIT;
	auto_archive *a = archive_open_tar(source_bytes(tar->p, tar->n), &err);
	struct source *content;
	struct member m;
	int got;

	while ((got = archive_next(a, &m, &content, &err)) > 0) {
		buf_addf(out, "%c%o %s", "-dlh?"[m.type], m.mode, m.path);
		if (m.target)
			buf_addf(out, " -> %s", m.target);
		buf_addc(out, ' ');
		if (content)
			assert_int_equal(io_slurp(content, 1 << 20, out, &err), 0);
		buf_addc(out, '\n');
	}
	assert_int_equal(got, 0);
}

/* The fields of POSIX.1-2017, pax, "ustar Interchange Format", by their offsets. */
static void header_is_ustar_without_owner_and_with_one_time(void **state)
{
	static const struct item items[] = { { ENTRY_FILE, "hello", 04755, "hello\n", 0, 0 } };
	struct err err = ERR_INIT;
	auto_buf tar = { 0 };
	unsigned sum = 8 * ' ', said;

	(void)state;
	assert_int_equal(drain(items, 1, 100, &tar, &err), 0);
	assert_int_equal(tar.n, 512 + 512 + 1024);
	assert_memory_equal(tar.p, "hello\0", 6);
	assert_memory_equal(tar.p + 100, "0004755\0", 8);
	assert_memory_equal(tar.p + 108, "0000000\0", 8);
	assert_memory_equal(tar.p + 116, "0000000\0", 8);
	assert_memory_equal(tar.p + 124, "00000000006\0", 12);
	assert_memory_equal(tar.p + 136, "02263523000\0", 12); /* date -u -d 1980-01-01 +%s, in octal */
	assert_int_equal(tar.p[156], '0');
	assert_memory_equal(tar.p + 257,
			    "ustar\0"
			    "00",
			    8);
	for (size_t i = 265; i < 329; i++)
		assert_int_equal(tar.p[i], 0); /* uname, gname */
	for (size_t i = 0; i < 512; i++)
		sum += i >= 148 && i < 156 ? 0 : (unsigned char)tar.p[i];
	assert_int_equal(sscanf(tar.p + 148, "%6o", &said), 1);
	assert_int_equal(sum, said);
	assert_memory_equal(tar.p + 512, "hello\n\0", 7);
}

/* A uid that is too long for seven octal digits is a pax record, as POSIX has it. */
static void owner_is_said_where_there_is_one(void **state)
{
	static const uint32_t uids[] = { 1000, 2097151, 2097152, 4294967294 };
	static const char *const fields[] = { "0001750", "7777777", NULL, NULL };
	static const char *const records[] = { NULL, NULL, "15 uid=2097152\n", "18 uid=4294967294\n" };

	(void)state;
	for (size_t i = 0; i < COUNT(uids); i++) {
		struct entry e = { .path = "d", .type = ENTRY_DIR, .mode = 0775, .uid = uids[i] };
		struct err err = ERR_INIT;
		auto_buf tar = { 0 };
		auto_sink *out = sink_buf(&tar);

		assert_int_equal(tar_put(out, &e, NULL, &err), 0);
		assert_int_equal(tar.n, fields[i] ? 512 : 3 * 512);
		if (fields[i])
			assert_string_equal(tar.p + 108, fields[i]);
		else
			assert_memory_equal(tar.p + 512, records[i], strlen(records[i]));
		assert_string_equal(tar.p + tar.n - 512 + 116, "0000000");
	}
}

static void every_kind_is_read_back(void **state)
{
	static const struct item items[] = {
		{ ENTRY_DIR, "tmp", 01777, NULL, 0, 0 },
		{ ENTRY_FILE, "a/b/f", 0644, "1", 0, 0 },
		{ ENTRY_HARDLINK, "a/h", 0600, "a/b/f", 0, 0 },
		{ ENTRY_SYMLINK, "a/s", 0777, "../../b", 0, 0 },
		{ ENTRY_FILE, "a/empty", 0, "", 0, 0 },
		{ ENTRY_DIR, "a", 0755, NULL, 0, 0 },
		{ ENTRY_DIR, "tmp", 01777, NULL, 0, 0 },
		{ ENTRY_SYMLINK, HUNDRED, 0777, HUNDRED, 0, 0 },
		{ ENTRY_SYMLINK, HUNDRED "1", 0777, HUNDRED "1", 0, 0 },
		{ ENTRY_FILE, "p/" HUNDRED, 0644, "2", 0, 0 },
		{ ENTRY_FILE, "p/" HUNDRED "1", 0644, "3", 0, 0 },
		{ ENTRY_FILE, "\xc3\xbc", 0644, "4", 0, 0 },
		{ ENTRY_SYMLINK, "s", 0777, "\xc3\xbc", 0, 0 },
		{ ENTRY_FILE, "\xfc", 0644, "5", 0, 0 },
		{ ENTRY_SYMLINK, "t", 0777, "\xfc", 0, 0 },
		{ ENTRY_FILE, "a new\nline", 0644, "6", 0, 0 },
	};
	struct err err = ERR_INIT;
	auto_buf tar = { 0 }, out = { 0 };

	(void)state;
	assert_int_equal(drain(items, COUNT(items), 1000, &tar, &err), 0);
	list(&tar, &out);
	assert_string_equal(out.p,
			    "d1777 tmp \nd755 a \nd755 a/b \n-644 a/b/f 1\nh644 a/h -> a/b/f \nl777 a/s -> ../../b \n"
			    "-0 a/empty \n"
			    "l777 " HUNDRED " -> " HUNDRED " \nl777 " HUNDRED "1 -> " HUNDRED "1 \n"
			    "d755 p \n-644 p/" HUNDRED " 2\n-644 p/" HUNDRED "1 3\n"
			    "-644 \xc3\xbc 4\nl777 s -> \xc3\xbc \n-644 \xfc 5\nl777 t -> \xfc \n-644 a new\nline 6\n");
}

/* Where a pax header is, and where none is needed: 'x' in the first header of the member. */
static void pax_only_when_needed(void **state)
{
	static const struct {
		const char *path, *target;
		uint64_t size;
		const char *records; /* NULL: none */
	} rows[] = {
		{ HUNDRED, NULL, 0, NULL },
		{ HUNDRED "1", NULL, 0, "111 path=" HUNDRED "1\n" },
		{ "a/" HUNDRED, NULL, 0, NULL },
		{ HUNDRED TEN TEN TEN TEN TEN "01234/" HUNDRED, NULL, 0, NULL }, /* 155 and 100 */
		{ HUNDRED TEN TEN TEN TEN TEN "012345/"
					      "a",
		  NULL, 0, "168 path=" HUNDRED TEN TEN TEN TEN TEN "012345/a\n" },
		{ "a/" HUNDRED "1", NULL, 0, "113 path=a/" HUNDRED "1\n" },
		{ "l", HUNDRED, 0, NULL },
		{ "l", HUNDRED "1", 0, "115 linkpath=" HUNDRED "1\n" },
		{ "\xc3\xbc", NULL, 0, "11 path=\xc3\xbc\n" },
		{ "\xfc", NULL, 0, "21 hdrcharset=BINARY\n9 path=\xfc\n" },
		{ "\xc3\xbc", "\xed\xa0\x80", 0, "21 hdrcharset=BINARY\n16 linkpath=\xed\xa0\x80\n11 path=\xc3\xbc\n" },
		{ "f", NULL, UINT64_C(8589934591), NULL },
		{ "f", NULL, UINT64_C(8589934592), "19 size=8589934592\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct entry e = { .path = rows[i].path,
				   .target = rows[i].target,
				   .size = rows[i].size,
				   .mode = 0644,
				   .type = rows[i].target ? ENTRY_SYMLINK : ENTRY_FILE };
		struct err err = ERR_INIT;
		auto_buf tar = { 0 };
		auto_sink *sink = sink_buf(&tar);
		auto_source *content = source_bytes("", 0);

		/* Where a size is said the content is missing: the headers are out by then. */
		assert_int_equal(tar_put(sink, &e, content, &err), rows[i].size ? -1 : 0);
		if ((tar.p[156] == 'x') != (rows[i].records != NULL))
			fail_msg("row %zu: '%s': typeflag %c", i, rows[i].path, tar.p[156]);
		if (!rows[i].records)
			continue;
		assert_string_equal(tar.p, "././@PaxHeader");
		assert_int_equal(strtoul(tar.p + 124, NULL, 8), strlen(rows[i].records));
		assert_memory_equal(tar.p + 512, rows[i].records, strlen(rows[i].records));
		assert_int_equal(tar.n, 3 * 512);
	}
}

static void what_makes_no_layer_is_refused(void **state)
{
	static const struct {
		struct item items[3];
		enum err_code want;
		const char *text;
	} rows[] = {
		{ { { ENTRY_FILE, "/a", 0644, "x", 0, 0 } }, ERR_FORMAT, "path '/a' is absolute" },
		{ { { ENTRY_FILE, "", 0644, "x", 0, 0 } }, ERR_FORMAT, "path '' is empty" },
		{ { { ENTRY_FILE, "a/../b", 0644, "x", 0, 0 } }, ERR_FORMAT, "path 'a/../b' has a \"..\" component" },
		{ { { ENTRY_DIR, "a/", 0755, NULL, 0, 0 } }, ERR_FORMAT, "path 'a/' has an empty component" },
		{ { { ENTRY_FILE, "a/.wh.b", 0644, "", 0, 0 } },
		  ERR_FORMAT,
		  "path 'a/.wh.b' has a component that begins with \".wh.\", which layers use for deletions" },
		{ { { ENTRY_FILE, "a", 0644, "x", 0, 0 }, { ENTRY_FILE, "a", 0644, "x", 0, 0 } },
		  ERR_FORMAT,
		  "path 'a' comes twice" },
		{ { { ENTRY_FILE, "a", 0644, "x", 0, 0 }, { ENTRY_DIR, "a", 0755, NULL, 0, 0 } },
		  ERR_FORMAT,
		  "path 'a' comes twice" },
		{ { { ENTRY_FILE, "a/b", 0644, "x", 0, 0 }, { ENTRY_SYMLINK, "a", 0777, "c", 0, 0 } },
		  ERR_FORMAT,
		  "path 'a' comes twice" },
		{ { { ENTRY_FILE, "a", 0644, "x", 0, 0 }, { ENTRY_FILE, "a/b/c", 0644, "x", 0, 0 } },
		  ERR_FORMAT,
		  "path 'a/b/c' is below 'a', which is no directory" },
		{ { { ENTRY_SYMLINK, "a", 0777, "b", 0, 0 }, { ENTRY_FILE, "a/c", 0644, "x", 0, 0 } },
		  ERR_FORMAT,
		  "path 'a/c' is below 'a', which is no directory" },
		{ { { ENTRY_HARDLINK, "a", 0644, "b", 0, 0 }, { ENTRY_FILE, "b", 0644, "x", 0, 0 } },
		  ERR_FORMAT,
		  "path 'a' is a hard link to 'b', which is not before it in this layer" },
		{ { { ENTRY_DIR, "b", 0755, NULL, 0, 0 }, { ENTRY_HARDLINK, "a", 0644, "b", 0, 0 } },
		  ERR_FORMAT,
		  "path 'a' is a hard link to 'b', which is a directory" },
		{ { { ENTRY_SYMLINK, "a", 0777, "", 0, 0 } }, ERR_FORMAT, "path 'a' is a link without a target" },
		{ { { ENTRY_FILE, "tmp/a", 0644, "x", 0, 0 }, { ENTRY_DIR, "tmp", 01777, NULL, 0, 0 } },
		  ERR_FORMAT,
		  "directory 'tmp' comes again with mode 1777, it was written with 755" },
		{ { { ENTRY_FILE, "a", 0644, "12345", 4, 0 } },
		  ERR_INTEGRITY,
		  "a: has more than the 4 bytes expected" },
		{ { { ENTRY_FILE, "a", 0644, "12345", 6, 0 } }, ERR_INTEGRITY, "a: has 5 bytes, expected 6" },
		{ { { ENTRY_FILE, "a", 0644, "12345", 0, 3 } }, ERR_NET, "a: the line is dead" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_buf tar = { 0 };
		size_t n = 0;

		while (n < 3 && rows[i].items[n].path)
			n++;
		assert_int_equal(drain(rows[i].items, n, 3, &tar, &err), -1);
		assert_string_equal(err.text, rows[i].text);
		assert_int_equal(err.code, rows[i].want);
	}
}

static void content_in_any_pieces_gives_the_same_tar(void **state)
{
	static const struct item items[] = {
		{ ENTRY_FILE, "a/one", 0644, HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED, 0, 0 },
		{ ENTRY_FILE, "a/two", 0644, HUNDRED TEN, 0, 0 },
		{ ENTRY_FILE, "b", 0644, HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED TEN "12", 0, 0 }, /* a block */
	};
	static const size_t steps[] = { 1, 2, 3, 7, 100, 511, 512, 513, 100000 };
	auto_buf first = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(steps); i++) {
		struct err err = ERR_INIT;
		auto_buf tar = { 0 };

		assert_int_equal(drain(items, COUNT(items), steps[i], &tar, &err), 0);
		if (!first.n)
			buf_add(&first, tar.p, tar.n);
		assert_int_equal(tar.n, first.n);
		assert_memory_equal(tar.p, first.p, first.n);
	}
	assert_int_equal(first.n, 512 * (1 + 3 + 2 + 2 + 2));
}

static void empty_tree_is_an_empty_tar(void **state)
{
	struct err err = ERR_INIT;
	auto_buf tar = { 0 };
	struct digest d;

	(void)state;
	assert_int_equal(drain(NULL, 0, 1, &tar, &err), 0);
	d = digest_bytes(tar.p, tar.n);
	/* head -c 1024 /dev/zero | sha256sum: also the diff_id that Docker has for an empty layer */
	assert_string_equal(digest_hex(&d).hex, "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_is_ustar_without_owner_and_with_one_time),
		cmocka_unit_test(owner_is_said_where_there_is_one),
		cmocka_unit_test(every_kind_is_read_back),
		cmocka_unit_test(pax_only_when_needed),
		cmocka_unit_test(what_makes_no_layer_is_refused),
		cmocka_unit_test(content_in_any_pieces_gives_the_same_tar),
		cmocka_unit_test(empty_tree_is_an_empty_tar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
