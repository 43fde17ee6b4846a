#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fs.h"
#include "channels/cache.h"

#define SHARD_DIR CACHE_DIR "/shards"
#define STAMP SHARD_DIR "/.pruned"
#define DAY (24 * 3600)
#define KEEP (60 * DAY)

static struct cache_path path_of(const struct digest *shard)
{
	struct cache_path p;

	snprintf(p.s, sizeof(p.s), SHARD_DIR "/%s", digest_hex(shard).hex);
	return p;
}

bool cache_look_at_shard(int dirfd, const struct digest *shard, uint64_t max, struct buf *ret)
{
	struct cache_path path = path_of(shard);
	struct err err = ERR_INIT;
	struct digest found;
	auto_buf b = { 0 };

	if (!fs_exists(dirfd, path.s) || fs_read(dirfd, path.s, max, &b, &err) < 0)
		return false;
	found = digest_bytes(b.p ? b.p : "", b.n);
	if (!digest_equal(&found, shard))
		return false;
	buf_add(ret, b.p, b.n);
	return true;
}

bool cache_find_shard(int dirfd, const struct digest *shard, uint64_t max, struct buf *ret)
{
	struct cache_path path = path_of(shard);
	struct err err = ERR_INIT;
	struct digest found;
	struct stat st;
	auto_buf b = { 0 };

	if (dirfd < 0 || fstatat(dirfd, path.s, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
	    fs_read(dirfd, path.s, max, &b, &err) < 0)
		return false;
	found = digest_bytes(b.p ? b.p : "", b.n);
	if (!digest_equal(&found, shard)) {
		unlinkat(dirfd, path.s, 0);
		return false;
	}
	/* What is used is not old, for whoever removes what is. */
	if (time(NULL) - st.st_mtim.tv_sec > DAY)
		utimensat(dirfd, path.s, NULL, AT_SYMLINK_NOFOLLOW);
	buf_add(ret, b.p, b.n);
	return true;
}

/* Without a sync: the name says what the bytes have to be. */
void cache_put_shard(int dirfd, const struct digest *shard, const struct buf *b)
{
	struct cache_path path = path_of(shard);
	struct err err = ERR_INIT;
	char proc[64];
	auto_fd fd = -1;

	if (dirfd < 0 || fs_mkdirs(dirfd, SHARD_DIR, &err) < 0)
		return;
	fd = openat(dirfd, SHARD_DIR, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
	if (fd < 0) {
		fs_write(dirfd, path.s, b->p, b->n, 0644, &err);
		return;
	}
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	if (write(fd, b->p, b->n) == (ssize_t)b->n)
		linkat(AT_FDCWD, proc, dirfd, path.s, AT_SYMLINK_FOLLOW);
}

void cache_prune_shards(int dirfd)
{
	auto_arena a = { 0 };
	struct err err = ERR_INIT;
	const char *const *names;
	time_t now = time(NULL);
	struct stat st;
	size_t n;

	if (dirfd < 0 || (fstatat(dirfd, STAMP, &st, 0) == 0 && now - st.st_mtim.tv_sec < DAY) ||
	    fs_write(dirfd, STAMP, "", 0, 0644, &err) < 0 || fs_list(&a, dirfd, SHARD_DIR, &names, &n, &err) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		const char *path = arena_printf(&a, SHARD_DIR "/%s", names[i]);

		if (fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && now - st.st_mtim.tv_sec > KEEP)
			unlinkat(dirfd, path, 0);
	}
}
