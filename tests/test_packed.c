#include "channels/packed_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "channels/cache.h"
#include "channels/packed_format.h"
#include "channels/repodata.h"
#include "check.h"
#include "packed_reseal.h"

#define RECORD(name, version, depends)                                                                           \
	"\"" name "-" version "-h_0.conda\":{\"name\":\"" name "\",\"version\":\"" version                       \
	"\",\"build\":\"h_0\",\"build_number\":0,\"depends\":[" depends                                          \
	"],\"license\":\"MIT\",\"sha256\":\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"," \
	"\"extra_depends\":{\"x\":[\"c\"]},\"indexed_timestamp\":1600000000000}"

static const char text[] =
	"{\"info\":{\"base_url\":\"./f/\"},\"packages.conda\":{" RECORD("a", "1", "\"b >=1\"") ",\n" RECORD(
		"b", "1", "") "," RECORD("b", "2", "\"a\",\"c\"") "," RECORD("c", "1",
									     "") "},\"removed\":[\"c-1-h_0.tar.bz2\"]}";

struct place {
	struct check_dir dir;
	struct body body;
	struct cache_path packed;
};

static struct place make_place(void)
{
	struct place p = { .dir = check_mkdir() };
	struct err err = ERR_INIT;

	assert_ok(fs_write(p.dir.fd, "repodata.json", text, strlen(text), 0644, &err), err);
	p.body = (struct body){ p.dir.fd, "repodata.json", NULL, "file:///x/repodata.json", "x", 1 << 20, false };
	p.packed = cache_path(p.body.url, "packed");
	return p;
}

static void drop_place(struct place *p)
{
	check_rmdir(&p->dir);
}

/* Everything that can be asked of it, as text. */
static void tell(struct packed *p, struct buf *ret)
{
	const char *example;

	buf_addf(ret, "%zu %s %zu;", (size_t)packed_records(p), packed_base_url(p) ? packed_base_url(p) : "-",
		 (size_t)packed_broken(p, &example));
	for (size_t i = 0; i < packed_names(p); i++) {
		struct packed_cursor c = packed_records_of(p, i);
		struct packed_item item;
		struct str name = packed_name(p, i);
		size_t count = 0;

		buf_addf(ret, "%.*s:", (int)name.n, name.p);
		packed_find(p, name);
		while (packed_next(p, &c, &item)) {
			const uint32_t *ids;
			uint32_t n = 0;

			buf_addf(ret, "%s(", item.fn);
			count++;
			ids = packed_list(p, item.r->depends, &n);
			for (uint32_t k = 0; ids && k < n; k++) {
				size_t len;
				const char *s = packed_string(p, ids[k], &len);

				buf_addf(ret, "%s,", s ? s : "!");
			}
			if (item.more && item.more->n_extras) {
				size_t len;
				const char *s = packed_string(p, item.extras[0], &len);

				buf_addf(ret, "%s", s ? s : "!");
			}
			buf_adds(ret, ")");
		}
		assert_true(count <= packed_count_of(p, i) || packed_damaged(p));
	}
}

static void what_is_packed_is_found(void **state)
{
	struct place p = make_place();
	struct err err = ERR_INIT;
	auto_packed *made = packed_cache_get(p.dir.fd, &p.body, false, &err), *kept = NULL;
	auto_buf one = { 0 }, two = { 0 };

	(void)state;
	assert_non_null(made);
	tell(made, &one);
	assert_non_null(strstr(buf_cstr(&one), "4 ./f/ 0;a:a-1-h_0.conda(b >=1,"));
	assert_non_null(strstr(buf_cstr(&one), "b:b-1-h_0.conda("));
	assert_int_equal(packed_find(made, STR("a")), 0);
	assert_int_equal(packed_find(made, STR("c")), 2);
	assert_int_equal(packed_find(made, STR("aa")), PACKED_NONE);
	kept = packed_cache_get(p.dir.fd, &p.body, false, &err);
	tell(kept, &two);
	assert_string_equal(one.p, two.p);
	drop_place(&p);
}

/* The document is not read again as long as it is the same: its times are what says so. */
static void a_document_that_did_not_change_is_not_read(void **state)
{
	struct place p = make_place();
	struct err err = ERR_INIT;
	struct stat before, after;

	(void)state;
	usleep(50000); /* no longer young */
	for (int i = 0; i < 2; i++) {
		auto_packed *made = packed_cache_get(p.dir.fd, &p.body, false, &err);

		assert_non_null(made);
		assert_int_equal(fstatat(p.dir.fd, p.packed.s, i ? &after : &before, 0), 0);
	}
	assert_int_equal(before.st_ino, after.st_ino);
	/* another document of the same size */
	{
		auto_free char *other = mem_strdup(text);
		auto_packed *made = NULL;
		auto_buf told = { 0 };

		other[strlen(other) - strlen("c-1-h_0.tar.bz2\"]}")] = 'd';
		strstr(other, "b >=1")[0] = 'c';
		assert_ok(fs_write(p.dir.fd, "repodata.json", other, strlen(other), 0644, &err), err);
		made = packed_cache_get(p.dir.fd, &p.body, false, &err);
		tell(made, &told);
		assert_non_null(strstr(told.p, "a-1-h_0.conda(c >=1,"));
	}
	drop_place(&p);
}

/* A copy of a cache has other inodes and times; the bytes are the same. */
static void a_copied_document_is_known_by_its_digest(void **state)
{
	struct place p = make_place();
	struct err err = ERR_INIT;
	auto_packed *made = packed_cache_get(p.dir.fd, &p.body, false, &err), *again = NULL;
	struct stat before, after;

	(void)state;
	assert_non_null(made);
	fstatat(p.dir.fd, p.packed.s, &before, 0);
	assert_ok(fs_remove(p.dir.fd, "repodata.json", &err), err);
	assert_ok(fs_write(p.dir.fd, "repodata.json", text, strlen(text), 0644, &err), err);
	again = packed_cache_get(p.dir.fd, &p.body, false, &err);
	assert_non_null(again);
	fstatat(p.dir.fd, p.packed.s, &after, 0);
	assert_int_equal(before.st_ino, after.st_ino);
	drop_place(&p);
}

static void read_packed(struct place *p, struct buf *ret)
{
	struct err err = ERR_INIT;

	assert_ok(fs_read(p->dir.fd, p->packed.s, 1 << 20, ret, &err), err);
}

static int file_of(const struct buf *bytes)
{
	int fd = memfd_create("mutant", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes->p, bytes->n), bytes->n);
	return fd;
}

/* Open a file of these bytes and ask everything of it. True where it was found good all along. */
static bool survives(const struct buf *bytes, const struct buf *want)
{
	auto_packed *q = packed_open(file_of(bytes));
	auto_buf told = { 0 };
	bool good;

	if (!q)
		return false;
	tell(q, &told);
	good = !packed_damaged(q);
	if (good)
		assert_string_equal(told.p, want->p);
	return good;
}

static void every_changed_byte_and_every_cut_is_seen(void **state)
{
	struct place p = make_place();
	struct err err = ERR_INIT;
	auto_packed *made = packed_cache_get(p.dir.fd, &p.body, false, &err);
	auto_buf bytes = { 0 }, want = { 0 };
	size_t head = sizeof(struct packed_head);

	(void)state;
	assert_non_null(made);
	tell(made, &want);
	read_packed(&p, &bytes);
	assert_true(survives(&bytes, &want));
	for (size_t i = 0; i < bytes.n; i++) {
		/* what follows the head in its page is nothing */
		if (i >= head && i < PACKED_HEAD)
			continue;
		bytes.p[i] ^= 0x10;
		if (survives(&bytes, &want))
			fail_msg("byte %zu of %zu was changed, and nobody saw", i, bytes.n);
		bytes.p[i] ^= 0x10;
	}
	for (size_t n = bytes.n; n-- > 0;) {
		struct buf cut = { bytes.p, n, n };

		if (n % 7 == 0 && survives(&cut, &want))
			fail_msg("cut to %zu bytes, and nobody saw", n);
	}
	drop_place(&p);
}

/* The head says so itself here, so that what is behind the checksums is held against the rules. */
static void lies_with_good_checksums_are_survived(void **state)
{
	struct place p = make_place();
	struct err err = ERR_INIT;
	auto_packed *made = packed_cache_get(p.dir.fd, &p.body, false, &err);
	auto_buf bytes = { 0 };
	uint32_t seed = 1;

	(void)state;
	assert_non_null(made);
	read_packed(&p, &bytes);
	for (int round = 0; round < 3000; round++) {
		auto_buf b = { 0 };
		auto_packed *q = NULL;
		auto_buf told = { 0 };

		buf_add(&b, bytes.p, bytes.n);
		for (uint32_t k = check_random(&seed) % 3 + 1; k > 0; k--) {
			size_t at = PACKED_HEAD + check_random(&seed) % (b.n - PACKED_HEAD);

			if (check_random(&seed) % 4 == 0)
				at = offsetof(struct packed_head, size) +
				     check_random(&seed) % (offsetof(struct packed_head, source) -
							    offsetof(struct packed_head, size));
			b.p[at] = (char)(check_random(&seed) % 3 ? check_random(&seed) : 0xff);
		}
		packed_reseal(b.p, b.n);
		q = packed_open(file_of(&b));
		if (q)
			tell(q, &told);
	}
	drop_place(&p);
}

/* Through the door that everybody uses: the answer is as before, and the file is whole again. */
static void a_damaged_file_is_made_anew(void **state)
{
	struct check_dir dir = check_mkdir();
	auto_arena a = { 0 };
	auto_free char *channel = mem_printf("%s/ch", dir.path);
	auto_free struct channel *list = NULL;
	static const char *const names[] = { "a" };
	struct repodata_request q = { .subdir = "noarch", .names = names, .n_names = 1, .cachefd = dir.fd };
	struct http *http = http_new("condaimg-test/0");
	struct err err = ERR_INIT;
	const char *const *files;
	const char *packed = NULL;
	auto_buf whole = { 0 };
	size_t n;

	(void)state;
	assert_ok(fs_mkdirs(dir.fd, "ch/noarch", &err), err);
	assert_ok(fs_write(dir.fd, "ch/noarch/repodata.json", text, strlen(text), 0644, &err), err);
	assert_ok(channel_resolve(&a, channel, ".", &list, &q.n_channels, &err), err);
	q.channels = list;
	for (size_t round = 0; round < 40; round++) {
		auto_repodata_set set = { 0 };
		auto_index ix = { 0 };

		assert_ok(repodata_fetch(http, &q, &set, &err), err);
		if (!packed) {
			assert_ok(fs_list(&a, dir.fd, "repodata", &files, &n, &err), err);
			for (size_t i = 0; i < n; i++)
				if (str_ends(files[i], ".packed"))
					packed = arena_printf(&a, "repodata/%s", files[i]);
			assert_non_null(packed);
			assert_ok(fs_read(dir.fd, packed, 1 << 20, &whole, &err), err);
		}
		/* while it is mapped: the same file, another byte */
		if (round % 2) {
			int fd = openat(dir.fd, packed, O_WRONLY | O_CLOEXEC);
			size_t at = PACKED_HEAD + round * (whole.n - PACKED_HEAD) / 40;

			assert_int_equal(pwrite(fd, "\xee\xee\xee", 3, (off_t)at), 3);
			close(fd);
		}
		assert_ok(repodata_collect(set.all, set.n, names, 1, &ix, NULL, &err), err);
		assert_int_equal(ix.n, 4);
		assert_string_equal(ix.records[2].fn, "b-2-h_0.conda");
		assert_string_equal(ix.records[2].depends[1], "c");
		if (!(round % 2)) {
			/* between runs: cut, or empty */
			size_t left = round % 4 ? 0 : whole.n * round / 40;

			assert_ok(fs_write(dir.fd, packed, whole.p, left, 0644, &err), err);
		}
	}
	http_free(http);
	check_rmdir(&dir);
}

static void a_file_of_another_version_is_made_anew(void **state)
{
	struct place p = make_place();
	struct err err = ERR_INIT;
	auto_packed *made = packed_cache_get(p.dir.fd, &p.body, false, &err), *again = NULL;
	auto_buf bytes = { 0 };
	struct packed_head head;
	struct stat st;

	(void)state;
	assert_non_null(made);
	read_packed(&p, &bytes);
	memcpy(&head, bytes.p, sizeof(head));
	head.version++;
	memcpy(bytes.p, &head, sizeof(head));
	packed_reseal(bytes.p, bytes.n);
	assert_ok(fs_write(p.dir.fd, p.packed.s, bytes.p, bytes.n, 0644, &err), err);
	again = packed_cache_get(p.dir.fd, &p.body, false, &err);
	assert_non_null(again);
	bytes.n = 0;
	read_packed(&p, &bytes);
	memcpy(&head, bytes.p, sizeof(head));
	assert_int_equal(head.version, PACKED_VERSION);
	assert_int_equal(fstatat(p.dir.fd, p.packed.s, &st, 0), 0);
	assert_int_equal(st.st_size, head.size);
	drop_place(&p);
}

/* In any order, in any cut of the window, the records are the same. */
static void the_order_of_the_document_shows_nowhere(void **state)
{
	static const char other[] =
		"{\"removed\":[\"c-1-h_0.tar.bz2\"],\"packages.conda\":{" RECORD("c", "1", "") "," RECORD(
			"b", "2",
			"\"a\",\"c\"") "," RECORD("a", "1",
						  "\"b >=1\"") "," RECORD("b", "1",
									  "") "},\"info\":{\"base_url\":\"./f/\"}}";
	struct buf docs[2] = { { (char *)text, strlen(text), 0 }, { (char *)other, strlen(other), 0 } };
	struct buf told[2] = { { 0 }, { 0 } };
	struct err err = ERR_INIT;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct body b = { .dirfd = -1, .bytes = &docs[i], .url = "", .name = "x", .max = 1 << 20 };
		auto_packed *p = packed_cache_get(-1, &b, false, &err);

		assert_non_null(p);
		tell(p, &told[i]);
	}
	assert_string_equal(told[0].p, told[1].p);
	buf_release(&told[0]);
	buf_release(&told[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_packed_is_found),
		cmocka_unit_test(a_document_that_did_not_change_is_not_read),
		cmocka_unit_test(a_copied_document_is_known_by_its_digest),
		cmocka_unit_test(every_changed_byte_and_every_cut_is_seen),
		cmocka_unit_test(lies_with_good_checksums_are_survived),
		cmocka_unit_test(a_damaged_file_is_made_anew),
		cmocka_unit_test(a_file_of_another_version_is_made_anew),
		cmocka_unit_test(the_order_of_the_document_shows_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
