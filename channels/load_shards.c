#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "base/codec.h"
#include "base/log.h"
#include "channels/load_impl.h"
#include "fetch/url.h"

#define AT_ONCE 16
#define TRIES 2 /* of a shard that is not what its hash says */

/* ---- indexes ---- */

static const char *directory(struct loader *l, const char *base, const struct part *p)
{
	return url_join(&l->arena, base, p->subdir);
}

/* Both are relative to the index (CEP 16); the packages' is told, the shards' is fetched, with its credentials. */
static int settle_urls(struct loader *l, struct part *p, struct err *err)
{
	const char *rel = p->shards->shards_base_url, *dir = directory(l, p->channel->url, p);

	p->base_url = p->shards->base_url;
	if (!rel)
		rel = ".";
	p->shards->shards_base_url = url_resolve(&l->arena, dir, rel);
	if (url_is(p->shards->shards_base_url, "https") || url_is(p->shards->shards_base_url, "http") ||
	    (url_is(p->shards->shards_base_url, "file") && url_is(dir, "file")))
		return 0;
	return err_set(err, ERR_FORMAT, "%s: shards_base_url '%s' is neither http nor https", p->told,
		       url_redact(&l->arena, rel));
}

static struct source *open_index(struct part *p, struct err *err)
{
	const struct body *b = &p->body;
	struct source *in = b->bytes ? source_bytes(b->bytes->p ? b->bytes->p : "", b->bytes->n)
				     : source_file(b->dirfd, b->path, err);

	return in ? source_zstd(source_limit(in, b->max, p->told)) : NULL;
}

int load_shards_index(struct loader *l, struct part *p, struct err *err)
{
	auto_source *in = NULL;
	auto_buf text = { 0 };

	if (p->same) {
		p->shards = p->same->shards;
		p->base_url = p->same->base_url;
		return 0;
	}
	p->shards = arena_alloc(&l->arena, sizeof(*p->shards));
	in = open_index(p, err);
	if (!in || io_slurp(in, SHARD_INDEX_MAX, &text, err) < 0)
		return err_at(err, "%s", p->told);
	if (shard_index_read(&l->arena, text.p ? text.p : "", text.n, p->told, p->shards, err) < 0)
		return -1;
	log_debug("%s: shards of %zu names%s%s", p->told, p->shards->n, p->shards->created_at ? ", made " : "",
		  p->shards->created_at ? p->shards->created_at : "");
	return settle_urls(l, p, err);
}

/* ---- fetching ---- */

/* A shard that a round needs. Several parts may need the same one. */
struct blob {
	struct digest digest;
	struct part *part; /* one of those, for the URL */
	const char *url, *told;
	struct buf bytes;
	bool have;
	unsigned tries;
	struct sink *out;
};

/* A name of a part, and where its shard is. */
struct need {
	struct part *part;
	struct str name;
	size_t blob;
};

struct round {
	struct http_batch base;
	struct loader *l;
	struct blob *blobs;
	size_t n_blobs;
	size_t *missing; /* blobs that have to be fetched */
	size_t n_missing;
	struct need *needs;
	size_t n_needs;
	struct intern digests; /* of blobs */
	struct arena arena;
};

static int blob_begin(struct http_batch *b, size_t i, struct http_request *q, struct sink **out, struct err *err)
{
	struct round *r = (struct round *)b;
	struct blob *blob = &r->blobs[r->missing[i]];

	(void)err;
	sink_free(TAKE(blob->out));
	buf_release(&blob->bytes);
	blob->out = sink_buf(&blob->bytes);
	q->url = blob->url;
	q->max = SHARD_MAX;
	q->anew = blob->tries > 0;
	*out = blob->out;
	return HTTP_GO;
}

static int judge_bytes(struct blob *blob, struct err *err)
{
	struct digest found = digest_bytes(blob->bytes.p ? blob->bytes.p : "", blob->bytes.n);

	blob->have = digest_equal(&found, &blob->digest);
	if (blob->have)
		return HTTP_DONE;
	if (++blob->tries < TRIES)
		return HTTP_GO;
	return err_set(err, ERR_INTEGRITY, "%s: has the sha256 %s, which is not what the channel's index says",
		       blob->told, digest_hex(&found).hex);
}

static int blob_end(struct http_batch *b, size_t i, const struct http_answer *answer, const struct err *fault,
		    struct err *err)
{
	struct round *r = (struct round *)b;
	struct blob *blob = &r->blobs[r->missing[i]];
	int rc;

	if (fault) {
		*err = *fault;
		return -1;
	}
	sink_free(TAKE(blob->out));
	if (answer->status != 200)
		return err_set(err, ERR_NET,
			       "%s: is not there, though the channel's index names it; the channel may be changing "
			       "just now, try again",
			       blob->told);
	rc = judge_bytes(blob, err);
	if (rc == HTTP_DONE)
		cache_put_shard(r->l->cachefd, &blob->digest, &blob->bytes);
	return rc;
}

static const struct http_batch_ops blob_ops = { .begin = blob_begin, .end = blob_end };

static int read_local(struct round *r, struct blob *blob, struct err *err)
{
	const char *path = url_to_path(&r->arena, blob->url);
	auto_source *in = path ? source_file(AT_FDCWD, path, err) : NULL;

	if (!in && !err->code)
		err_set(err, ERR_FORMAT, "is no file of this machine");
	if (!in || io_slurp(in, SHARD_MAX, &blob->bytes, err) < 0)
		return err_at(err, "%s", blob->told);
	blob->tries = TRIES;
	return judge_bytes(blob, err);
}

/* In the cache, or in another that is only read. */
static bool find_shard(struct loader *l, struct blob *b)
{
	if (cache_find_shard(l->cachefd, &b->digest, SHARD_MAX, &b->bytes))
		return true;
	for (size_t i = 0; i < l->q->n_lower; i++)
		if (l->q->lower[i] >= 0 && cache_look_at_shard(l->q->lower[i], &b->digest, SHARD_MAX, &b->bytes)) {
			cache_put_shard(l->cachefd, &b->digest, &b->bytes);
			return true;
		}
	return false;
}

/* Those at hand are read; the others are listed. */
static int look_here(struct round *r, struct err *err)
{
	for (size_t i = 0; i < r->n_blobs; i++) {
		struct blob *blob = &r->blobs[i];

		blob->url = url_join(&r->arena, blob->part->shards->shards_base_url,
				     arena_printf(&r->arena, "%s.msgpack.zst", digest_hex(&blob->digest).hex));
		blob->told = url_redact(&r->arena, blob->url);
		if (url_is(blob->url, "file")) {
			if (read_local(r, blob, err) < 0)
				return -1;
			continue;
		}
		blob->have = find_shard(r->l, blob);
		if (blob->have)
			continue;
		if (r->l->offline)
			return err_set(
				err, ERR_NET,
				"%s: is not in the cache, and nothing is fetched when offline; run once without it",
				blob->told);
		mem_grow(r->missing, r->n_missing);
		r->missing[r->n_missing++] = i;
	}
	return 0;
}

static int fetch_blobs(struct round *r, struct err *err)
{
	if (look_here(r, err) < 0)
		return -1;
	r->base = (struct http_batch){ .ops = &blob_ops, .n = r->n_missing, .at_once = AT_ONCE, .afresh = true };
	if (!r->n_missing)
		return 0;
	log_debug("%zu shards are at hand, %zu are fetched", r->n_blobs - r->n_missing, r->n_missing);
	return http_run(r->l->http, &r->base, err);
}

/* ---- reading ---- */

static int open_pack(struct part *p, struct err *err)
{
	if (p->pack)
		return 0;
	p->fd = memfd_create("shards", MFD_CLOEXEC);
	if (p->fd < 0)
		return err_sys(err, "cannot make room for %s", p->told);
	p->pack = pack_new(p->fd);
	return 0;
}

static int read_need(struct round *r, const struct need *need, struct err *err)
{
	struct part *p = need->part;
	const struct blob *blob = &r->blobs[need->blob];
	auto_source *in = source_zstd(source_bytes(blob->bytes.p, blob->bytes.n));
	auto_buf text = { 0 };

	if (io_slurp(in, SHARD_MAX, &text, err) < 0)
		return err_at(err, "%s", blob->told);
	return shard_read(text.p ? text.p : "", text.n, need->name, blob->told, p->pack, &p->shard_follow, err);
}

static void round_release(struct round *r)
{
	for (size_t i = 0; i < r->n_blobs; i++) {
		buf_release(&r->blobs[i].bytes);
		sink_free(r->blobs[i].out);
	}
	free(r->blobs);
	free(r->missing);
	free(r->needs);
	intern_release(&r->digests);
	arena_release(&r->arena);
}

static void add_need(struct round *r, struct part *p, struct str name)
{
	size_t at = shard_index_find(p->shards, name);
	struct need need = { .part = p };
	const struct digest *d;

	if (at == SIZE_MAX)
		return;
	need.name = p->shards->names[at];
	d = &p->shards->shards[at];
	need.blob = intern_add(&r->digests, (struct str){ (const char *)d->sha256, sizeof(d->sha256) });
	if (need.blob == r->n_blobs) {
		mem_grow(r->blobs, r->n_blobs);
		r->blobs[r->n_blobs++] = (struct blob){ .digest = *d, .part = p };
	}
	mem_grow(r->needs, r->n_needs);
	r->needs[r->n_needs++] = need;
}

/* ---- rounds ---- */

/* What a request has reached, and up to where that was looked at. */
struct front {
	const struct repodata_request *q;
	struct reach reach;
	uint32_t done;
};

static void front_release(struct front *f)
{
	reach_release(&f->reach);
}

/* Follow names through what was read as a whole; where that is damaged, again through what it is then. */
static int follow_read(struct part *p, struct front *f, uint32_t from, uint32_t to, struct err *err)
{
	for (;;) {
		for (uint32_t i = from; i < to; i++) {
			const struct intern_entry *e = &f->reach.names.entries[i];

			follow_name(&p->follow, &f->reach, (struct str){ e->p, e->n });
		}
		if (!packed_damaged(p->read->packed))
			return 0;
		if (repodata_again(p->read, err) < 0)
			return -1;
		follow_release(&p->follow);
		follow_init(&p->follow, p->read->packed);
		from = 0;
	}
}

static int begin_front(struct loader *l, struct front *f, struct err *err)
{
	reach_init(&f->reach);
	for (size_t i = 0; i < l->n; i++) {
		struct part *p = &l->parts[i];

		if (p->q != f->q)
			continue;
		if (p->shards) {
			p->shard_follow.reach = &f->reach;
			if (open_pack(p, err) < 0)
				return -1;
		} else if (p->read) {
			follow_init(&p->follow, p->read->packed);
		}
		for (size_t k = 0; k < f->q->n_names; k++) {
			const char *name = f->q->names[k];

			if (!strchr(name, '*'))
				reach_name(&f->reach, str_of(name));
			else if (p->read)
				repodata_reach(&f->reach, &p->read, 1, name);
			for (size_t j = 0; p->shards && strchr(name, '*') && j < p->shards->n; j++)
				if (reach_fits(name, p->shards->names[j]))
					reach_name(&f->reach, p->shards->names[j]);
		}
	}
	return 0;
}

static int run_round(struct loader *l, struct front *fronts, size_t n, bool *more, struct err *err)
{
	CLEANUP(round_release) struct round r = { .l = l };

	intern_init(&r.digests, &r.arena);
	for (size_t k = 0; k < n; k++) {
		struct front *f = &fronts[k];
		uint32_t from = f->done, to = f->reach.names.n;

		f->done = to;
		for (size_t i = 0; i < l->n; i++) {
			struct part *p = &l->parts[i];

			if (p->q != f->q)
				continue;
			for (uint32_t j = from; p->shards && j < to; j++)
				add_need(&r, p,
					 (struct str){ f->reach.names.entries[j].p, f->reach.names.entries[j].n });
			if (p->read && follow_read(p, f, from, to, err) < 0)
				return -1;
		}
	}
	if (fetch_blobs(&r, err) < 0)
		return -1;
	for (size_t i = 0; i < r.n_needs; i++)
		if (read_need(&r, &r.needs[i], err) < 0)
			return -1;
	*more = false;
	for (size_t k = 0; k < n; k++)
		*more = *more || fronts[k].done < fronts[k].reach.names.n;
	return 0;
}

static int finish_part(struct part *p, struct err *err)
{
	struct packed *packed;
	struct repodata *r;
	struct str *names;

	if (pack_finish(p->pack, NULL, NULL, err) < 0)
		return err_at(err, "%s", p->told);
	packed = packed_open(TAKE_FD(p->fd));
	if (!packed)
		return err_set(err, ERR_IO, "%s: what was read of it cannot be read again", p->told);
	r = repodata_new(packed, p->channel, p->subdir, p->rank, p->told, p->base_url, err);
	if (!r)
		return -1;
	names = arena_array(&r->arena, p->shards->n, sizeof(*names));
	for (size_t i = 0; i < p->shards->n; i++)
		names[i] = (struct str){ arena_strndup(&r->arena, p->shards->names[i].p, p->shards->names[i].n),
					 p->shards->names[i].n };
	r->all_names = names;
	r->n_all_names = p->shards->n;
	p->read = r;
	return 0;
}

static int run_rounds(struct loader *l, struct front *fronts, struct err *err)
{
	bool more = true;

	for (size_t i = 0; i < l->n_requests; i++) {
		fronts[i].q = &l->q[i];
		if (begin_front(l, &fronts[i], err) < 0)
			return -1;
	}
	while (more)
		if (run_round(l, fronts, l->n_requests, &more, err) < 0)
			return -1;
	for (size_t i = 0; i < l->n; i++)
		if (l->parts[i].shards && finish_part(&l->parts[i], err) < 0)
			return -1;
	cache_prune_shards(l->cachefd);
	return 0;
}

int load_shards(struct loader *l, struct err *err)
{
	struct front *fronts;
	bool any = false;
	int rc;

	for (size_t i = 0; i < l->n; i++)
		any = any || l->parts[i].shards;
	if (!any)
		return 0;
	fronts = mem_array(l->n_requests, sizeof(*fronts));
	rc = run_rounds(l, fronts, err);
	for (size_t i = 0; i < l->n_requests; i++)
		front_release(&fronts[i]);
	free(fronts);
	return rc;
}
