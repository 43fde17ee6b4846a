#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/num.h"
#include "base/work.h"
#include "fetch/http.h"
#include "fetch/url.h"

#define AT_ONCE 8
#define COPIES_AT_ONCE 4 /* of file URLs */
#define READY_MAX 64 /* verified files that wait to appear, two descriptors each */
#define READY_BYTES_MAX ((uint64_t)1 << 20) /* in them: somebody may be waiting for what is large */
#define COMMITS_AT_ONCE 8 /* waiting for the disk together is as long as waiting once */
#define DOWNLOAD_MAX ((uint64_t)64 << 30) /* where no size was told */

/* One download on its way: a sink that counts and hashes, and lets through to a file that is not there yet. */
struct item {
	struct sink base;
	struct fetcher *f;
	struct download *d;
	struct sink *file;
	char *path; /* what file will be called in dirfd */
	struct hash sha256, md5;
	struct digest got; /* once it was verified */
	uint64_t n;
	bool live; /* of the batch: its bytes are told as they come */
	bool tried; /* came once with wrong bytes */
};

struct fetcher {
	struct http_batch base;
	int dirfd;
	bool offline;
	struct item *items; /* of the batch */
	struct item *all;
	struct download_progress *progress;
	uint64_t bytes, total;
	struct item *ready[READY_MAX];
	size_t n_ready;
	uint64_t ready_bytes;
};

static void tell(struct fetcher *f, const struct download *done)
{
	if (f->progress)
		f->progress->tell(f->progress, f->bytes, f->total, done);
}

/* ---- the sink ---- */

static int item_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	struct item *t = (struct item *)s;

	if (t->d->size && t->n + n > t->d->size)
		return err_set(err, ERR_INTEGRITY, "has more than the %" PRIu64 " bytes expected", t->d->size);
	t->n += n;
	hash_add(&t->sha256, p, n);
	if (t->md5.ctx)
		hash_add(&t->md5, p, n);
	if (t->live) {
		t->f->bytes += n;
		tell(t->f, NULL);
	}
	return sink_write(t->file, p, n, err);
}

static const struct sink_ops item_ops = { .write = item_write };

static void item_reset(struct item *t)
{
	sink_free(TAKE(t->file));
	hash_release(&t->sha256);
	hash_release(&t->md5);
	free(TAKE(t->path));
	t->n = 0;
}

static int item_open(struct item *t, struct err *err)
{
	const struct download *d = t->d;

	item_reset(t);
	t->path = d->has_sha256 ? mem_printf("sha256/%s", digest_hex(&d->sha256).hex)
				: mem_printf("sha256/.%ld-%zu", (long)getpid(), (size_t)(t - t->f->all));
	t->base.ops = &item_ops;
	t->file = sink_file(t->f->dirfd, t->path, 0644, err);
	if (!t->file)
		return -1;
	hash_init(&t->sha256);
	if (!d->has_sha256)
		hash_init_md5(&t->md5);
	return 0;
}

/* Put under its sha256 what was verified by its md5, and remember which that is. */
static int rename_md5(struct item *t, const struct digest *got, struct err *err)
{
	char md5[40], to[80], note[48];

	digest_hex_of(t->d->md5, sizeof(t->d->md5), md5);
	snprintf(to, sizeof(to), "sha256/%s", digest_hex(got).hex);
	snprintf(note, sizeof(note), "md5/%s", md5);
	if (renameat(t->f->dirfd, t->path, t->f->dirfd, to) < 0)
		return err_sys(err, "cannot create %s", to);
	if (fs_mkdirs(t->f->dirfd, "md5", err) < 0 ||
	    fs_write(t->f->dirfd, note, digest_hex(got).hex, 64, 0644, err) < 0)
		return -1;
	t->d->sha256 = *got;
	t->d->has_sha256 = true;
	return 0;
}

static int item_check(struct item *t, struct err *err)
{
	const struct download *d = t->d;
	uint8_t md5[16];
	char is[40], want[40];

	if (d->size && t->n != d->size)
		return err_set(err, ERR_INTEGRITY, "has %" PRIu64 " bytes, expected %" PRIu64, t->n, d->size);
	t->got = hash_get(&t->sha256);
	if (d->has_sha256) {
		if (digest_equal(&t->got, &d->sha256))
			return 0;
		return err_set(err, ERR_INTEGRITY, "is sha256:%s, expected sha256:%s", digest_hex(&t->got).hex,
			       digest_hex(&d->sha256).hex);
	}
	hash_get_md5(&t->md5, md5);
	if (memcmp(md5, d->md5, sizeof(md5)) == 0)
		return 0;
	digest_hex_of(md5, sizeof(md5), is);
	digest_hex_of(d->md5, sizeof(md5), want);
	return err_set(err, ERR_INTEGRITY, "is md5:%s, expected md5:%s", is, want);
}

/* What was verified appears. */
static int item_commit(struct item *t, struct err *err)
{
	if (sink_finish(t->file, err) < 0 || (!t->d->has_sha256 && rename_md5(t, &t->got, err) < 0))
		return -1;
	item_reset(t);
	return 0;
}

static int commit_one(void *arg, size_t i, struct err *err)
{
	return item_commit(((struct item **)arg)[i], err);
}

static int commit_ready(struct fetcher *f, struct err *err)
{
	size_t n = f->n_ready;

	f->n_ready = 0;
	f->ready_bytes = 0;
	if (work_run(n, COMMITS_AT_ONCE, commit_one, f->ready, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		tell(f, f->ready[i]->d);
	return 0;
}

static void make_ready(struct fetcher *f, struct item *t)
{
	f->ready[f->n_ready++] = t;
	f->ready_bytes += t->n;
}

static int at_url(const struct item *t, struct err *err)
{
	auto_arena a = { 0 };

	return err_at(err, "%s", url_redact(&a, t->d->url));
}

/* ---- what is there already ---- */

static bool there(int dirfd, const struct digest *sha256, uint64_t size)
{
	char path[80];
	struct stat st;

	snprintf(path, sizeof(path), "sha256/%s", digest_hex(sha256).hex);
	return fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       (!size || (uint64_t)st.st_size == size);
}

static bool is_there(int dirfd, struct download *d)
{
	auto_buf note = { 0 };
	struct err err = ERR_INIT;
	struct digest sha256;
	char path[48], md5[40];

	if (d->has_sha256)
		return there(dirfd, &d->sha256, d->size);
	digest_hex_of(d->md5, sizeof(d->md5), md5);
	snprintf(path, sizeof(path), "md5/%s", md5);
	if (!fs_exists(dirfd, path) || fs_read(dirfd, path, 64, &note, &err) < 0)
		return false;
	if (!digest_parse(buf_cstr(&note), &sha256) || !there(dirfd, &sha256, d->size))
		return false;
	d->sha256 = sha256;
	d->has_sha256 = true;
	return true;
}

/* ---- over the network ---- */

static int fetch_begin(struct http_batch *b, size_t i, struct http_request *q, struct sink **out, struct err *err)
{
	struct fetcher *f = (struct fetcher *)b;
	struct item *t = &f->items[i];

	f->bytes -= t->n;
	if (item_open(t, err) < 0)
		return -1;
	t->live = true;
	q->url = t->d->url;
	q->max = DOWNLOAD_MAX; /* the sink knows better, where a size was told */
	*out = &t->base;
	return 1;
}

static int refused(struct item *t, const struct err *fault, struct err *err)
{
	if (fault->code == ERR_INTEGRITY && !t->tried) {
		t->tried = true;
		return 1;
	}
	*err = *fault;
	return fault->code == ERR_INTEGRITY ? at_url(t, err) : -1;
}

static int fetch_end(struct http_batch *b, size_t i, const struct http_answer *answer, const struct err *fault,
		     struct err *err)
{
	struct fetcher *f = (struct fetcher *)b;
	struct item *t = &f->items[i];
	struct err wrong = ERR_INIT;

	if (fault)
		return refused(t, fault, err);
	if (answer->status != 200) {
		err_set(err, ERR_NET,
			"is not there (%ld): the channel may have removed it, or is being updated; lock again, or "
			"try again later",
			answer->status);
		return at_url(t, err);
	}
	if (item_check(t, &wrong) < 0)
		return refused(t, &wrong, err);
	make_ready(f, t);
	return f->n_ready < READY_MAX && f->ready_bytes < READY_BYTES_MAX ? 0 : commit_ready(f, err);
}

static const struct http_batch_ops fetch_ops = { fetch_begin, fetch_end };

/* ---- from this machine ---- */

static int copy_one(void *arg, size_t i, struct err *err)
{
	struct item *t = (struct item *)arg + i;
	auto_arena a = { 0 };
	const char *path = url_to_path(&a, t->d->url);
	auto_source *in = NULL;

	if (!path)
		return err_set(err, ERR_NET, "%s: is no file of this machine", url_redact(&a, t->d->url));
	in = source_file(AT_FDCWD, path, err);
	if (!in || item_open(t, err) < 0)
		return -1;
	if (io_copy(in, &t->base, NULL, err) < 0 || item_check(t, err) < 0)
		return err->code == ERR_INTEGRITY ? at_url(t, err) : -1;
	return 0;
}

static int copy_all(struct fetcher *f, struct item *items, size_t n, struct err *err)
{
	unsigned threads = work_cpus() < COPIES_AT_ONCE ? work_cpus() : COPIES_AT_ONCE;

	for (size_t from = 0; from < n; from += READY_MAX) {
		size_t some = n - from < READY_MAX ? n - from : READY_MAX;

		if (work_run(some, threads, copy_one, items + from, err) < 0)
			return -1;
		for (size_t i = from; i < from + some; i++) {
			f->bytes += items[i].n;
			make_ready(f, &items[i]);
		}
		if (commit_ready(f, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- all ---- */

/* File URLs first, then largest first; downloads of the same content stand side by side. */
static int item_cmp(const void *x, const void *y)
{
	const struct item *a = x, *b = y;
	bool a_file = url_is(a->d->url, "file"), b_file = url_is(b->d->url, "file");
	int c = 0;

	if (a_file != b_file)
		return a_file ? -1 : 1;
	if (a->d->size != b->d->size)
		return a->d->size > b->d->size ? -1 : 1;
	if (a->d->has_sha256 && b->d->has_sha256)
		c = memcmp(a->d->sha256.sha256, b->d->sha256.sha256, sizeof(a->d->sha256.sha256));
	else if (a->d->has_sha256 != b->d->has_sha256)
		c = a->d->has_sha256 ? -1 : 1;
	return c ? c : (a->d > b->d) - (a->d < b->d);
}

static bool same(const struct download *a, const struct download *b)
{
	return a->has_sha256 && b->has_sha256 && a->size == b->size && digest_equal(&a->sha256, &b->sha256);
}

static int check_request(const struct download *d, bool offline, struct err *err)
{
	auto_arena a = { 0 };

	if (!d->has_sha256 && !d->has_md5)
		return err_set(err, ERR_INTEGRITY, "%s: cannot be verified: its channel tells neither sha256 nor md5",
			       url_redact(&a, d->url));
	if (d->size >= DOWNLOAD_MAX)
		return err_set(err, ERR_LIMIT, "%s: has %" PRIu64 " bytes, which is more than is accepted",
			       url_redact(&a, d->url), d->size);
	if (offline && !url_is(d->url, "file"))
		return err_set(err, ERR_NET, "%s: is not in the cache, and nothing is fetched when offline",
			       url_redact(&a, d->url));
	return 0;
}

/* What has to be fetched, in the order in which it will be. */
static int plan(struct fetcher *f, struct download *downloads, size_t n, struct err *err)
{
	size_t count = 0, kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct download *d = &downloads[i];

		if ((d->has_sha256 || d->has_md5) && is_there(f->dirfd, d))
			continue;
		if (check_request(d, f->offline, err) < 0)
			return -1;
		f->items[count++] = (struct item){ .f = f, .d = d };
	}
	if (count)
		qsort(f->items, count, sizeof(*f->items), item_cmp);
	for (size_t i = 0; i < count; i++) {
		if (kept && same(f->items[kept - 1].d, f->items[i].d))
			continue;
		f->items[kept++] = f->items[i];
		if (!num_add(f->total, f->items[i].d->size, &f->total))
			f->total = UINT64_MAX;
	}
	f->base.n = kept;
	return 0;
}

static int fetch_all(struct http *h, struct fetcher *f, struct err *err)
{
	struct item *all = f->items;
	size_t n = f->base.n, local = 0;
	struct err late = ERR_INIT;
	int rc;

	while (local < n && url_is(all[local].d->url, "file"))
		local++;
	rc = copy_all(f, all, local, err);
	f->items = all + local;
	f->base.n = n - local;
	if (rc == 0 && f->base.n)
		rc = http_run(h, &f->base, err);
	f->items = all;
	/* Also after a failure: what came need not come again. */
	if (commit_ready(f, rc < 0 ? &late : err) < 0)
		rc = -1;
	for (size_t i = 0; i < n; i++)
		item_reset(&all[i]);
	return rc;
}

int download_all(struct http *h, int dirfd, struct download *downloads, size_t n, bool offline,
		 struct download_progress *progress, struct err *err)
{
	auto_free struct item *items = mem_array(n, sizeof(*items));
	struct fetcher f = { .base = { .ops = &fetch_ops, .at_once = AT_ONCE, .afresh = true },
			     .dirfd = dirfd,
			     .offline = offline,
			     .items = items,
			     .all = items,
			     .progress = progress };

	if (plan(&f, downloads, n, err) < 0)
		return -1;
	if (!f.base.n)
		return 0;
	if (fs_mkdirs(dirfd, "sha256", err) < 0)
		return -1;
	return fetch_all(h, &f, err);
}
