#include "check.h"

#include <sys/stat.h>

#include "cmd/cache_rooms.h"

#define DAY (24 * 3600)
#define NOW ((int64_t)1000 * DAY)

/* path:size:days without use[:debris] */
struct row {
	const char *path;
	uint64_t size;
	int64_t days;
	bool debris;
};

static void make_list(struct cache_list *l, const struct row *rows, size_t n)
{
	*l = (struct cache_list){ .files = mem_array(n, sizeof(*l->files)), .n = n };
	for (size_t i = 0; i < n; i++)
		l->files[i] = (struct cache_file){ .path = rows[i].path,
						   .size = rows[i].size,
						   .used = NOW - rows[i].days * DAY,
						   .debris = rows[i].debris };
}

static void what_goes_is_debris_then_the_old_then_the_longest_unused(void **state)
{
	static const struct row files[] = {
		{ "a", 10, 1, false }, { "b", 20, 40, false }, { "c", 30, 5, false },
		{ "d", 40, 0, true },  { "e", 50, 5, false },
	};
	static const struct {
		struct cache_limits limits;
		const char *gone;
	} rows[] = {
		{ { INT64_MIN, UINT64_MAX, INT64_MAX }, "d" },
		{ { NOW - 30 * DAY, UINT64_MAX, INT64_MAX }, "db" },
		{ { NOW - 40 * DAY, UINT64_MAX, INT64_MAX }, "d" },
		{ { INT64_MIN, 110, INT64_MAX }, "d" },
		{ { INT64_MIN, 109, INT64_MAX }, "db" },
		{ { INT64_MIN, 60, INT64_MAX }, "dbc" },
		{ { INT64_MIN, 59, INT64_MAX }, "dbce" },
		{ { INT64_MIN, 0, INT64_MAX }, "dbcea" },
		{ { INT64_MIN, 0, NOW - 2 * DAY }, "bce" },
		{ { INT64_MIN, UINT64_MAX, NOW - 2 * DAY }, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct cache_list l;
		size_t gone[COUNT(files)], n;
		auto_buf got = { 0 };

		make_list(&l, files, COUNT(files));
		n = cache_rooms_choose(&l, &rows[i].limits, gone);
		for (size_t k = 0; k < n; k++)
			buf_adds(&got, l.files[gone[k]].path);
		if (strcmp(buf_cstr(&got), rows[i].gone) != 0)
			fail_msg("row %zu: %s, expected %s", i, buf_cstr(&got), rows[i].gone);
		cache_rooms_release(&l);
	}
}

static void write_old(int dirfd, const char *path, const char *text, int64_t days)
{
	const struct timespec times[2] = { { .tv_sec = NOW - days * DAY }, { .tv_sec = NOW - days * DAY } };
	struct err err = ERR_INIT;

	assert_ok(fs_write(dirfd, path, text, strlen(text), 0644, &err), err);
	assert_int_equal(utimensat(dirfd, path, times, 0), 0);
}

static void debris_is_what_nobody_can_use(void **state)
{
	static const char *const folders[] = { "packages/sha256", "packages/md5",
					       "packages/part",	  "layers/blobs/sha256",
					       "layers/recipes",  "repodata/repodata",
					       "plans",		  "other" };
	static const char *const debris[] = {
		"layers/blobs/sha256/.tmp-1-0",
		"layers/recipes/gone",
		"packages/md5/gone",
		"packages/part/old",
	};
	struct check_dir d = check_mkdir();
	struct err err = ERR_INIT;
	auto_cache_list l = { 0 };
	char hex[65];
	size_t n = 0;

	(void)state;
	memset(hex, 'a', 64);
	hex[64] = '\0';
	for (size_t i = 0; i < COUNT(folders); i++)
		assert_ok(fs_mkdirs(d.fd, folders[i], &err), err);
	{
		auto_free char *package = mem_printf("packages/sha256/%s", hex);
		auto_free char *blob = mem_printf("layers/blobs/sha256/%s", hex);
		auto_free char *recipe = mem_printf("sha256:%s 5 sha256:%s 9\n", hex, hex);
		auto_free char *gone = mem_printf("sha256:b%s 5 sha256:%s 9\n", hex + 1, hex);
		auto_free char *none = mem_printf("b%s", hex + 1);

		write_old(d.fd, package, "p", 100);
		write_old(d.fd, blob, "l", 100);
		write_old(d.fd, "packages/md5/there", hex, 100);
		write_old(d.fd, "packages/md5/gone", none, 0);
		write_old(d.fd, "layers/recipes/there", recipe, 100);
		write_old(d.fd, "layers/recipes/gone", gone, 0);
	}
	write_old(d.fd, "packages/part/old", "x", 8);
	write_old(d.fd, "packages/part/new", "x", 6);
	write_old(d.fd, "layers/blobs/sha256/.tmp-1-0", "x", 2);
	write_old(d.fd, "layers/blobs/sha256/.tmp-1-1", "x", 0);
	write_old(d.fd, "repodata/repodata/.lock", "x", 100);
	write_old(d.fd, "repodata/repodata/y.body", "x", 100);
	write_old(d.fd, "plans/z", "x", 100);
	write_old(d.fd, "other/not-ours", "x", 100);
	write_old(d.fd, "lock", "", 100);

	assert_ok(cache_rooms_list(d.fd, NOW, &l, &err), err);
	assert_int_equal(l.n, 12);
	for (size_t i = 0; i < l.n; i++) {
		if (!l.files[i].debris)
			continue;
		assert_in_range(n, 0, COUNT(debris) - 1);
		assert_string_equal(l.files[i].path, debris[n++]);
	}
	assert_int_equal(n, COUNT(debris));
	check_rmdir(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_is_debris_then_the_old_then_the_longest_unused),
		cmocka_unit_test(debris_is_what_nobody_can_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
