#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/num.h"
#include "fetch/http_impl.h"
#include "fetch/item.h"
#include "fetch/url.h"

#define AT_ONCE 32 /* small files are mostly waited for, large ones share the line */
#define DOWNLOAD_MAX ((uint64_t)64 << 30) /* where no size was told */
#define IDLE_MAX_S 600 /* that another process may hold what we need without a byte */

struct fetcher {
	struct http_batch base;
	int dirfd;
	bool offline;
	struct download *downloads;
	size_t n_downloads;
	struct item *items;
	struct desk desk;
	struct http *http;
	struct arena arena;
	struct download_progress *progress;
	uint64_t bytes, total;
};

static void tell(struct fetcher *f, const struct download *done)
{
	if (f->progress)
		f->progress->tell(f->progress, f->bytes, f->total, done);
}

static void count(void *arg, int64_t bytes)
{
	struct fetcher *f = arg;

	f->bytes += (uint64_t)bytes;
	tell(f, NULL);
}

static int at_url(const struct item *t, struct err *err)
{
	auto_arena a = { 0 };

	return err_at(err, "%s", t->part.from.n ? buf_cstr(&t->part.from) : url_redact(&a, t->d->url));
}

/* ---- what is there already ---- */

static bool there(int dirfd, const struct digest *sha256, uint64_t size)
{
	char path[80];
	struct stat st;

	snprintf(path, sizeof(path), "sha256/%s", digest_hex(sha256).hex);
	if (fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
	    (size && (uint64_t)st.st_size != size))
		return false;
	fs_touch(dirfd, path);
	return true;
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

static int not_offline(const struct download *d, struct err *err)
{
	auto_arena a = { 0 };

	return err_set(err, ERR_NET, "%s: is not in the cache, and nothing is fetched when offline",
		       url_redact(&a, d->url));
}

/* ---- the batch ---- */

static bool same(const struct download *a, const struct download *b)
{
	if (a->has_sha256 != b->has_sha256 || a->size != b->size)
		return false;
	return a->has_sha256 ? digest_equal(&a->sha256, &b->sha256) : memcmp(a->md5, b->md5, sizeof(a->md5)) == 0;
}

/* It is there, and so is whatever else was to be the same. */
static void tell_done(struct fetcher *f, const struct item *t, struct digest got, bool was_there)
{
	struct download was = *t->d;

	for (size_t i = 0; i < f->n_downloads; i++) {
		struct download *d = &f->downloads[i];

		if (!same(d, &was))
			continue;
		d->sha256 = got;
		d->has_sha256 = true;
		d->was_there = was_there;
		tell(f, d);
	}
}

/* Somebody else was quicker. */
static int found(struct fetcher *f, struct item *t, const struct digest *sha256)
{
	item_close(t, true);
	f->total -= t->d->size < f->total ? t->d->size : f->total;
	tell_done(f, t, *sha256, true);
	return HTTP_DONE;
}

/* Another process is at it: it will be there in a moment, unless that process hangs. */
static int wait_for_other(const struct item *t, struct err *err)
{
	if (part_age(t->desk->dirfd, item_key(t).s) > IDLE_MAX_S) {
		err_set(err, ERR_IO,
			"another process is fetching it and has not got a byte for %d minutes; end that one",
			IDLE_MAX_S / 60);
		return at_url(t, err);
	}
	return HTTP_LATER;
}

/* Who knows of it by its own URL, or by that of the mirror whose turn it is. */
static bool find_place(struct fetcher *f, struct item *t)
{
	const char *url = t->d->url, *rest;
	struct http_mirrors *m = http_mirrors_find(f->http, url, &rest);
	int k = m ? http_mirrors_pick(m, 0) : -1;

	if (k >= 0 && t->no_place)
		return false;
	t->mirror = k >= 0 ? &m->all[k] : NULL;
	t->place_url = k >= 0 ? url_join(&f->arena, m->all[k].url, rest) : url;
	t->place = http_place_of(f->http, t->place_url);
	return t->place;
}

static int fetch_begin(struct http_batch *b, size_t i, struct http_request *q, struct sink **out, struct err *err)
{
	struct fetcher *f = (struct fetcher *)b;
	struct item *t = &f->items[i];
	struct download now = *t->d;
	int rc;

	if (item_is_local(t) || url_is(t->d->url, "file")) {
		item_copy(t);
		return HTTP_HOLD;
	}
	if (f->offline)
		return not_offline(t->d, err);
	if (find_place(f, t)) {
		item_copy(t);
		return HTTP_HOLD;
	}
	rc = t->open ? item_settle(t, err) + 1 : item_open(t, err);
	if (rc < 0 || err->code)
		return -1;
	if (is_there(f->dirfd, &now))
		return found(f, t, &now.sha256);
	if (rc == 0)
		return wait_for_other(t, err);
	if (t->d->size && t->n >= t->d->size) {
		item_whole(t);
		return HTTP_HOLD;
	}
	q->url = t->d->url;
	q->from = t->n;
	q->if_range = t->part.tag.n ? buf_cstr(&t->part.tag) : NULL;
	q->if_range_url = buf_cstr(&t->part.from);
	q->anew = t->tried;
	q->max = DOWNLOAD_MAX; /* the sink knows better, where a size was told */
	*out = &t->base;
	return HTTP_GO;
}

/* What a server calls these bytes so surely that others can be put behind them (RFC 9110 13.1.5). */
static const char *strong_tag(const struct http_answer *answer)
{
	if (answer->etag && strncmp(answer->etag, "W/", 2) != 0)
		return answer->etag;
	return answer->etag ? NULL : answer->last_modified;
}

static int fetch_head(struct http_batch *b, size_t i, const struct http_answer *answer, struct err *fault)
{
	struct item *t = &((struct fetcher *)b)->items[i];

	if (answer->status == 206)
		return 0;
	return item_restart(t, answer->url, strong_tag(answer), fault);
}

/* Wrong bytes: once more, all of them, and past the caches on the way; what was put together does not count. */
static int refused(struct item *t, const struct err *fault, struct err *err)
{
	if (fault->code == ERR_INTEGRITY && (!t->tried || t->resumed)) {
		log_debug("%s: %s; once more", t->d->fn, fault->text);
		t->tried = t->tried || !t->resumed;
		item_close(t, true);
		return HTTP_GO;
	}
	*err = *fault;
	if (fault->code != ERR_INTEGRITY)
		return -1;
	at_url(t, err);
	item_close(t, true);
	return -1;
}

static int fetch_end(struct http_batch *b, size_t i, const struct http_answer *answer, const struct err *fault,
		     struct err *err)
{
	struct item *t = &((struct fetcher *)b)->items[i];

	if (fault)
		return refused(t, fault, err);
	if (answer->status == 200 || answer->status == 206) {
		item_whole(t);
		return HTTP_HOLD;
	}
	if (answer->status == 416) { /* what we have is no beginning of what there is */
		item_close(t, true);
		return HTTP_GO;
	}
	err_set(err, ERR_NET,
		"is not there (%ld): the channel may have removed it, or is being updated; lock again, or try again later",
		answer->status);
	return at_url(t, err);
}

/* The local file is not what it was taken for: where the channel has it, it is asked. */
static void pass_over(struct fetcher *f, struct item *t, const struct err *fault)
{
	log_debug("%s: %s: not taken: %s", t->d->fn, t->d->local, fault->text);
	t->no_local = true;
	item_close(t, true);
	http_release(&f->base, (size_t)(t - f->items), HTTP_GO);
}

/* One of several that have it is of no use: all of them are asked in turn. */
static void pass_by(struct fetcher *f, struct item *t, const struct err *fault)
{
	log_debug("%s: %s; others are asked", t->d->fn, fault->text);
	http_mirror_bad(t->mirror);
	t->place = NULL;
	t->no_place = true;
	item_close(t, true);
	http_release(&f->base, (size_t)(t - f->items), HTTP_GO);
}

static int fetch_idle(struct http_batch *b, struct err *err)
{
	struct fetcher *f = (struct fetcher *)b;
	struct item *t;

	tell(f, NULL); /* silence, too, is something to tell */
	while ((t = desk_take(&f->desk))) {
		int next = HTTP_DONE;

		if (t->job.fault) {
			struct err fault = *t->job.fault;

			if (item_is_local(t)) {
				pass_over(f, t, &fault);
				continue;
			}
			if (t->place && t->mirror) {
				pass_by(f, t, &fault);
				continue;
			}
			next = url_is(t->d->url, "file") ? -1 : refused(t, &fault, err);
			if (next < 0 && !err->code) {
				*err = fault;
				if (fault.code == ERR_INTEGRITY)
					at_url(t, err);
			}
		} else {
			if (!t->open)
				count(f, (int64_t)t->job.hashed);
			item_close(t, false);
			tell_done(f, t, t->job.got, false);
		}
		if (next < 0)
			return -1;
		http_release(b, (size_t)(t - f->items), next);
	}
	return 0;
}

static const struct http_batch_ops fetch_ops = { fetch_begin, fetch_head, fetch_end, fetch_idle };

/* ---- all ---- */

/* Largest first; downloads of the same content stand side by side. */
static int item_cmp(const void *x, const void *y)
{
	const struct item *a = x, *b = y;
	int c = 0;

	if (a->d->size != b->d->size)
		return a->d->size > b->d->size ? -1 : 1;
	if (a->d->has_sha256 != b->d->has_sha256)
		return a->d->has_sha256 ? -1 : 1;
	c = a->d->has_sha256 ? memcmp(a->d->sha256.sha256, b->d->sha256.sha256, sizeof(a->d->sha256.sha256))
			     : memcmp(a->d->md5, b->d->md5, sizeof(a->d->md5));
	return c ? c : (a->d > b->d) - (a->d < b->d);
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
	if (offline && !d->local && !url_is(d->url, "file"))
		return not_offline(d, err);
	return 0;
}

/* What has to be fetched, in the order in which it will be. */
static int plan(struct fetcher *f, struct err *err)
{
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < f->n_downloads; i++) {
		struct download *d = &f->downloads[i];

		d->was_there = (d->has_sha256 || d->has_md5) && is_there(f->dirfd, d);
		if (d->was_there)
			continue;
		if (check_request(d, f->offline, err) < 0)
			return -1;
		f->items[n++] = (struct item){ .d = d, .count = count, .count_arg = f, .part = { .fd = -1 } };
	}
	if (n)
		qsort(f->items, n, sizeof(*f->items), item_cmp);
	for (size_t i = 0; i < n; i++) {
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
	int rc;

	if (fs_mkdirs(f->dirfd, "sha256", err) < 0)
		return -1;
	part_sweep(f->dirfd);
	desk_open(&f->desk, f->dirfd, h, f->items, f->base.n);
	rc = http_run(h, &f->base, err);
	desk_close(&f->desk, f->base.n); /* also after a failure: what came need not come again */
	return rc;
}

int download_all(struct http *h, int dirfd, struct download *downloads, size_t n, bool offline,
		 struct download_progress *progress, struct err *err)
{
	auto_free struct item *items = mem_array(n, sizeof(*items));
	struct fetcher f = { .base = { .ops = &fetch_ops, .at_once = AT_ONCE, .afresh = true },
			     .dirfd = dirfd,
			     .offline = offline,
			     .downloads = downloads,
			     .n_downloads = n,
			     .items = items,
			     .http = h,
			     .progress = progress };
	int rc = plan(&f, err);

	for (size_t i = 0; i < n && rc == 0; i++)
		if (downloads[i].was_there)
			tell(&f, &downloads[i]);
	if (rc == 0 && f.base.n)
		rc = fetch_all(h, &f, err);
	arena_release(&f.arena);
	return rc;
}
