#include "fetch/item.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "fetch/url.h"

#define JUDGES 8 /* threads, which mostly wait for the disk: together is as long as once */
#define PIECES_MAX 128 /* between receiver and writers: 16 MiB */

/* ---- pieces ---- */

/* One to fill. Where too many are on their way the writers are waited for. */
static struct piece *piece_get(struct desk *k)
{
	struct piece *p;

	pthread_mutex_lock(&k->lock);
	while (k->n_pieces >= PIECES_MAX)
		pthread_cond_wait(&k->moved, &k->lock);
	k->n_pieces++;
	p = k->free;
	if (p)
		k->free = p->next;
	pthread_mutex_unlock(&k->lock);
	p = p ? p : mem_alloc(sizeof(*p));
	p->n = 0;
	p->next = NULL;
	return p;
}

/* A whole list of them, which nobody needs any more; under the lock. */
static void pieces_put(struct desk *k, struct piece *p)
{
	while (p) {
		struct piece *next = p->next;

		p->next = k->free;
		k->free = p;
		k->n_pieces--;
		p = next;
	}
	pthread_cond_broadcast(&k->moved);
}

/* ---- hashing ---- */

static void hash_begin(struct item *t)
{
	hash_release(&t->job.sha256);
	hash_release(&t->job.md5);
	hash_init(&t->job.sha256);
	if (!t->d->has_sha256)
		hash_init_md5(&t->job.md5);
	free(TAKE(t->job.fault));
	t->job.hashed = 0;
	t->hand.whole = false;
}

static void hash_bytes(struct item *t, const void *p, size_t n)
{
	hash_add(&t->job.sha256, p, n);
	if (t->job.md5.ctx)
		hash_add(&t->job.md5, p, n);
	t->job.hashed += n;
}

/* What the part has from before. */
static int hash_before(struct item *t, struct err *err)
{
	auto_free char *chunk = NULL;

	if (t->job.hashed == t->part.n)
		return 0;
	chunk = mem_alloc(IO_CHUNK);
	while (t->job.hashed < t->part.n) {
		uint64_t left = t->part.n - t->job.hashed;
		ssize_t n = pread(t->part.fd, chunk, left < IO_CHUNK ? left : IO_CHUNK, (off_t)t->job.hashed);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "cannot read %s", t->part.name);
		if (n == 0)
			return err_set(err, ERR_IO, "%s became shorter", t->part.name);
		hash_bytes(t, chunk, (size_t)n);
	}
	return 0;
}

static int take_pieces(struct item *t, const struct piece *p, struct err *err)
{
	if (hash_before(t, err) < 0)
		return -1;
	for (; p; p = p->next) {
		if (part_append(&t->part, p->bytes, p->n, err) < 0)
			return -1;
		hash_bytes(t, p->bytes, p->n);
	}
	return 0;
}

/* ---- judging ---- */

static int judge(struct item *t, struct err *err)
{
	const struct download *d = t->d;
	uint8_t md5[16];
	char is[40], want[40];

	if (d->size && t->job.hashed != d->size)
		return err_set(err, ERR_INTEGRITY, "has %" PRIu64 " bytes, expected %" PRIu64, t->job.hashed, d->size);
	t->job.got = hash_get(&t->job.sha256);
	if (d->has_sha256) {
		if (digest_equal(&t->job.got, &d->sha256))
			return 0;
		return err_set(err, ERR_INTEGRITY, "is sha256:%s, expected sha256:%s", digest_hex(&t->job.got).hex,
			       digest_hex(&d->sha256).hex);
	}
	hash_get_md5(&t->job.md5, md5);
	if (memcmp(md5, d->md5, sizeof(md5)) == 0)
		return 0;
	digest_hex_of(md5, sizeof(md5), is);
	digest_hex_of(d->md5, sizeof(d->md5), want);
	return err_set(err, ERR_INTEGRITY, "is md5:%s, expected md5:%s", is, want);
}

/* Remember which sha256 is under that md5. */
static int note_md5(const struct item *t, struct err *err)
{
	char md5[40], note[48];

	if (t->d->has_sha256)
		return 0;
	digest_hex_of(t->d->md5, sizeof(t->d->md5), md5);
	snprintf(note, sizeof(note), "md5/%s", md5);
	if (fs_mkdirs(t->desk->dirfd, "md5", err) < 0)
		return -1;
	return fs_write(t->desk->dirfd, note, digest_hex(&t->job.got).hex, 64, 0644, err);
}

static void final_name(const struct item *t, char ret[80])
{
	snprintf(ret, 80, "sha256/%s", digest_hex(&t->job.got).hex);
}

static int finish_part(struct item *t, struct err *err)
{
	char to[80];

	if (judge(t, err) < 0)
		return -1;
	final_name(t, to);
	return part_finish(&t->part, to, err) < 0 || note_md5(t, err) < 0 ? -1 : 0;
}

/* ---- what is on this machine ---- */

static int copy_body(struct item *t, struct source *in, struct sink *out, struct err *err)
{
	auto_free char *chunk = mem_alloc(IO_CHUNK);
	ssize_t n;

	while ((n = source_read(in, chunk, IO_CHUNK, err)) > 0) {
		if (t->desk->stop)
			return err_set(err, ERR_CANCELLED, "no longer wanted");
		hash_bytes(t, chunk, (size_t)n);
		if (t->d->size && t->job.hashed > t->d->size)
			return err_set(err, ERR_INTEGRITY, "has more than the %" PRIu64 " bytes expected", t->d->size);
		if (sink_write(out, chunk, (size_t)n, err) < 0)
			return -1;
	}
	return n < 0 ? -1 : judge(t, err);
}

bool item_is_local(const struct item *t)
{
	return t->d->local && !t->no_local;
}

static struct source *open_place(struct item *t, struct arena *a, struct err *err)
{
	struct http_place_request q = { .url = t->place_url,
					.sha256 = t->d->has_sha256 ? &t->d->sha256 : NULL,
					.size = t->d->size };
	struct http_place_answer answer = { 0 };
	struct source *in = t->place->open(t->place, a, &q, &answer, err);

	if (!in && !err->code)
		err_set(err, ERR_NET, "%s: is not there", url_redact(a, q.url));
	return in;
}

static struct source *open_copied(struct item *t, struct arena *a, struct err *err)
{
	const char *path;

	if (!item_is_local(t) && t->place)
		return open_place(t, a, err);
	path = item_is_local(t) ? t->d->local : url_to_path(a, t->d->url);
	if (path)
		return source_file(AT_FDCWD, path, err);
	err_set(err, ERR_NET, "%s: is no file of this machine", url_redact(a, t->d->url));
	return NULL;
}

/* Into a file that has no name before it is right; its name is that of what it should be. */
static int copy_file(struct item *t, struct err *err)
{
	auto_arena a = { 0 };
	auto_source *in = open_copied(t, &a, err);
	auto_sink *out = NULL;
	char to[80];

	if (!in)
		return -1;
	if (t->d->has_sha256)
		t->job.got = t->d->sha256;
	final_name(t, to);
	if (!t->d->has_sha256)
		snprintf(to, sizeof(to), "sha256/.%ld-%zu", (long)getpid(), (size_t)(t - t->desk->items));
	out = sink_file(t->desk->dirfd, to, 0644, err);
	if (!out || copy_body(t, in, out, err) < 0 || sink_finish(out, err) < 0)
		return -1;
	if (t->d->has_sha256)
		return 0;
	{
		char from[80];

		memcpy(from, to, sizeof(from));
		final_name(t, to);
		if (renameat(t->desk->dirfd, from, t->desk->dirfd, to) < 0)
			return err_sys(err, "cannot create %s", to);
	}
	return note_md5(t, err);
}

/* ---- the desk ---- */

static void blame(struct item *t, const struct err *fault)
{
	if (!fault->code || t->job.fault)
		return;
	t->job.fault = NEW(struct err);
	*t->job.fault = *fault;
}

/* Under the lock. */
static void judged(struct item *t)
{
	struct desk *k = t->desk;

	t->hand.queued = false;
	k->done[k->n_done++] = t;
	pthread_cond_broadcast(&k->moved);
	http_wake(k->http);
}

/* Take what was handed over, also what is meanwhile; the last piece is followed by the judgement. */
static void work_on(struct item *t)
{
	struct desk *k = t->desk;

	pthread_mutex_lock(&k->lock);
	while (t->hand.first || t->hand.whole) {
		struct piece *p = TAKE(t->hand.first);
		bool whole = t->hand.whole;
		struct err fault = ERR_INIT;

		t->hand.last = &t->hand.first;
		pthread_mutex_unlock(&k->lock);
		if (!t->job.fault && take_pieces(t, p, &fault) == 0 && whole)
			finish_part(t, &fault);
		blame(t, &fault);
		pthread_mutex_lock(&k->lock);
		pieces_put(k, p);
		if (whole) {
			judged(t);
			break;
		}
	}
	t->hand.queued = false;
	pthread_cond_broadcast(&k->moved);
	pthread_mutex_unlock(&k->lock);
}

static void work(void *arg, size_t i)
{
	struct desk *k = arg;
	struct item *t = &k->items[i];
	struct err fault = ERR_INIT;

	if (t->open) {
		work_on(t);
		return;
	}
	copy_file(t, &fault);
	blame(t, &fault);
	pthread_mutex_lock(&k->lock);
	judged(t);
	pthread_mutex_unlock(&k->lock);
}

/* A job that is at work sees what is added; else a new one is made. */
static void hand_over(struct item *t, bool whole)
{
	struct desk *k = t->desk;
	struct piece *p = TAKE(t->filling);
	bool is_new;

	pthread_mutex_lock(&k->lock);
	if (p) {
		*t->hand.last = p;
		t->hand.last = &p->next;
	}
	is_new = !t->hand.queued && (p || whole);
	t->hand.whole = whole;
	t->hand.queued = t->hand.queued || is_new;
	pthread_mutex_unlock(&k->lock);
	if (is_new)
		work_line_add(k->line, (size_t)(t - k->items), t->d->size);
}

static void wait_until_quiet(struct item *t)
{
	struct desk *k = t->desk;

	pthread_mutex_lock(&k->lock);
	while (t->hand.queued)
		pthread_cond_wait(&k->moved, &k->lock);
	pthread_mutex_unlock(&k->lock);
}

void desk_open(struct desk *k, int dirfd, struct http *h, struct item *items, size_t n)
{
	*k = (struct desk){ .dirfd = dirfd,
			    .http = h,
			    .items = items,
			    .lock = PTHREAD_MUTEX_INITIALIZER,
			    .moved = PTHREAD_COND_INITIALIZER,
			    .done = mem_array(n, sizeof(struct item *)) };
	for (size_t i = 0; i < n; i++) {
		items[i].desk = k;
		items[i].hand.last = &items[i].hand.first;
	}
	k->line = work_line_new(JUDGES, work, k);
}

void desk_close(struct desk *k, size_t n)
{
	k->stop = true;
	for (size_t i = 0; i < n; i++)
		item_close(&k->items[i], false);
	work_line_end(k->line, false);
	while (k->free) {
		struct piece *p = k->free;

		k->free = p->next;
		free(p);
	}
	free(k->done);
	pthread_cond_destroy(&k->moved);
	pthread_mutex_destroy(&k->lock);
}

struct item *desk_take(struct desk *k)
{
	struct item *ret = NULL;

	pthread_mutex_lock(&k->lock);
	if (k->n_done)
		ret = k->done[--k->n_done];
	pthread_mutex_unlock(&k->lock);
	return ret;
}

/* ---- one item ---- */

static void count_to(struct item *t, uint64_t bytes)
{
	if (t->count && bytes != t->counted)
		t->count(t->count_arg, (int64_t)bytes - (int64_t)t->counted);
	t->counted = bytes;
}

static int item_write(struct sink *s, const void *buf, size_t n, struct err *err)
{
	struct item *t = (struct item *)s;
	const char *at = buf;

	if (t->d->size && t->n + n > t->d->size)
		return err_set(err, ERR_INTEGRITY, "has more than the %" PRIu64 " bytes expected", t->d->size);
	t->n += n;
	count_to(t, t->n);
	while (n) {
		size_t room, some;

		if (!t->filling)
			t->filling = piece_get(t->desk);
		room = sizeof(t->filling->bytes) - t->filling->n;
		some = n < room ? n : room;
		memcpy(t->filling->bytes + t->filling->n, at, some);
		t->filling->n += some;
		at += some;
		n -= some;
		if (some == room)
			hand_over(t, false);
	}
	return 0;
}

static const struct sink_ops item_ops = { .write = item_write };

struct item_key item_key(const struct item *t)
{
	struct item_key ret;
	char md5[40];

	digest_hex_of(t->d->md5, sizeof(t->d->md5), md5);
	if (t->d->has_sha256)
		snprintf(ret.s, sizeof(ret.s), "%s", digest_hex(&t->d->sha256).hex);
	else
		snprintf(ret.s, sizeof(ret.s), "md5-%s", md5);
	return ret;
}

int item_open(struct item *t, struct err *err)
{
	int rc = part_open(&t->part, t->desk->dirfd, item_key(t).s, err);

	if (rc <= 0)
		return rc;
	t->base.ops = &item_ops;
	t->open = true;
	t->n = t->part.n;
	t->resumed = t->n > 0;
	hash_begin(t);
	count_to(t, t->n);
	return 1;
}

int item_settle(struct item *t, struct err *err)
{
	hand_over(t, false);
	wait_until_quiet(t);
	if (!t->job.fault)
		return 0;
	*err = *t->job.fault;
	return -1;
}

int item_restart(struct item *t, const char *url, const char *tag, struct err *err)
{
	if (item_settle(t, err) < 0)
		return -1;
	hash_begin(t);
	t->resumed = false;
	t->n = 0;
	count_to(t, 0);
	return part_restart(&t->part, url, tag, err);
}

void item_whole(struct item *t)
{
	hand_over(t, true);
}

void item_copy(struct item *t)
{
	hash_begin(t);
	t->hand.queued = true;
	work_line_add(t->desk->line, (size_t)(t - t->desk->items), t->d->size);
}

void item_close(struct item *t, bool spoilt)
{
	if (t->open && !t->hand.whole)
		hand_over(t, false);
	wait_until_quiet(t);
	if (t->open && spoilt)
		part_drop(&t->part);
	else if (t->open)
		part_close(&t->part);
	if (spoilt)
		count_to(t, 0);
	hash_release(&t->job.sha256);
	hash_release(&t->job.md5);
	free(TAKE(t->job.fault));
	t->open = false;
}
