#include "channels/shard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "base/fs.h"
#include "check.h"

/* What python's msgpack package writes; also what the fuzz target begins with. */
static void sample(const char *name, struct buf *ret)
{
	auto_free char *path = mem_printf("%s/testdata/fuzz/shard/%s.msgpack", getenv("CONDAIMG_SOURCE_ROOT"), name);
	struct err err = ERR_INIT;

	assert_ok(fs_read(AT_FDCWD, path, 1 << 20, ret, &err), err);
}

static void an_index_names_shards(void **state)
{
	auto_buf b = { 0 };
	auto_arena a = { 0 };
	struct shard_index ix;
	struct err err = ERR_INIT;

	(void)state;
	sample("index", &b);
	assert_ok(shard_index_read(&a, b.p, b.n, "x", &ix, &err), err);
	assert_string_equal(ix.base_url, "./");
	assert_string_equal(ix.shards_base_url, "./shards/");
	assert_string_equal(ix.created_at, "2026-01-02T03:04:05Z");
	/* "B" and "b" are one name, of which the last counts */
	assert_int_equal(ix.n, 2);
	assert_int_equal(shard_index_find(&ix, STR("a")), 0);
	assert_int_equal(shard_index_find(&ix, STR("b")), 1);
	assert_int_equal(shard_index_find(&ix, STR("c")), SIZE_MAX);
	assert_int_equal(ix.shards[0].sha256[31], 31);
	assert_int_equal(ix.shards[1].sha256[31], 15);
}

static void indexes_that_are_none_are_refused(void **state)
{
	static const struct {
		const char *name, *words;
	} rows[] = {
		{ "index-new", "x: has repodata_version 3" },
		{ "index-short", "a shard whose hash is no sha256" },
		{ "shard", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_buf b = { 0 };
		auto_arena a = { 0 };
		struct shard_index ix;
		struct err err = ERR_INIT;

		sample(rows[i].name, &b);
		if (shard_index_read(&a, b.p, b.n, "x", &ix, &err) == 0) {
			assert_null(rows[i].words);
			assert_int_equal(ix.n, 0);
		} else {
			assert_non_null(rows[i].words);
			assert_err(err, ERR_FORMAT, rows[i].words);
		}
	}
	for (size_t n = 0; n < 150; n++) {
		auto_buf b = { 0 };
		auto_arena a = { 0 };
		struct shard_index ix;
		struct err err = ERR_INIT;

		sample("index", &b);
		if (n < b.n)
			assert_int_equal(shard_index_read(&a, b.p, n, "x", &ix, &err), -1);
	}
}

struct read {
	struct reach reach;
	struct shard_follow follow;
	struct packed *packed;
	int rc;
	struct err err;
};

static void read_sample(const char *name, const char *package, struct read *r)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	auto_pack *pack = pack_new(fd);
	auto_buf b = { 0 };

	*r = (struct read){ .err = ERR_INIT };
	reach_init(&r->reach);
	r->follow.reach = &r->reach;
	sample(name, &b);
	r->rc = shard_read(b.p, b.n, str_of(package), "x", pack, &r->follow, &r->err);
	if (r->rc == 0)
		assert_ok(pack_finish(pack, NULL, NULL, &r->err), r->err);
	r->packed = r->rc == 0 ? packed_open(fd) : NULL;
	if (!r->packed)
		close(fd);
}

static void read_release(struct read *r)
{
	packed_free(r->packed);
	reach_release(&r->reach);
	shard_follow_release(&r->follow);
}

static void a_shard_has_the_records_of_its_name(void **state)
{
	static const char *const want[] = { "a-1-0.conda", "a-2-0.conda", "a-5-0.conda" };
	CLEANUP(read_release) struct read r;
	struct packed_cursor c;
	struct packed_item item;
	const char *example;

	(void)state;
	read_sample("shard", "a", &r);
	assert_ok(r.rc, r.err);
	/* of another name; with a digest of one byte; of no name */
	assert_int_equal(packed_broken(r.packed, &example), 3);
	assert_int_equal(packed_names(r.packed), 1);
	c = packed_records_of(r.packed, 0);
	for (size_t i = 0; i < COUNT(want); i++) {
		assert_true(packed_next(r.packed, &c, &item));
		assert_string_equal(item.fn, want[i]);
		assert_int_equal(item.r->sha256[31], 31);
		assert_int_equal(item.r->md5[15], 15);
		assert_int_equal(item.r->timestamp, i == 1 ? 1704067200250 : 1704067200000);
		if (i == 1) {
			uint32_t n;

			assert_int_equal(item.r->build_number, 7);
			assert_int_equal(item.r->flags / RECORD_NOARCH & 3, NOARCH_PYTHON);
			assert_non_null(item.more);
			packed_list(r.packed, item.more->track_features, &n);
			assert_int_equal(n, 2);
		}
	}
	assert_false(packed_next(r.packed, &c, &item));
	/* by depends, by when, by extra_depends */
	for (size_t i = 0; i < 4; i++)
		assert_int_not_equal(intern_find(&r.reach.names, (struct str){ &"bcde"[i], 1 }), INTERN_NONE);
	assert_int_equal(r.reach.names.n, 4);
}

static void shards_that_are_none_are_refused(void **state)
{
	static const struct {
		const char *name, *words;
	} rows[] = {
		{ "shard-empty", NULL },
		{ "shard-nil", NULL },
		{ "shard-wrong", "has something else where a map is expected" },
		{ "shard-cut", "ends too early" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(read_release) struct read r;

		read_sample(rows[i].name, "a", &r);
		assert_int_equal(r.rc, rows[i].words ? -1 : 0);
		if (rows[i].words)
			assert_err(r.err, ERR_FORMAT, rows[i].words);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_index_names_shards),
		cmocka_unit_test(indexes_that_are_none_are_refused),
		cmocka_unit_test(a_shard_has_the_records_of_its_name),
		cmocka_unit_test(shards_that_are_none_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
