#include "channels/repodata.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "base/work.h"
#include "channels/cache.h"
#include "channels/repodata_impl.h"
#include "fetch/url.h"

#define BODY_MAX ((uint64_t)512 << 20) /* bytes as they are sent */
#define TEXT_MAX ((uint64_t)4 << 30) /* bytes of JSON */
#define AT_ONCE 8
#define CHANNELS_MAX 1000

/* One subdir of one channel on its way. */
struct part {
	const struct channel *channel;
	uint32_t rank;
	const char *subdir;
	const char *url; /* of what was found, or is tried now */
	const char *told; /* the same, for sentences */
	bool found, missing;
	bool in_cache; /* its body is there; else it is in body, or is a file of this machine */
	struct buf body;
	struct sink *out;
	struct cache_state cached;
	bool has_cached;
	struct body body_at;
	struct repodata *scanned;
};

struct loader {
	struct http_batch base;
	const struct repodata_request *q;
	struct arena arena;
	struct part *parts;
	size_t n;
	struct part **asked; /* those whose URL is tried now */
};

static bool is_local(const struct part *p)
{
	return url_is(p->url, "file");
}

/* ---- which there are ---- */

static void add_part(struct loader *l, size_t rank, const char *subdir)
{
	l->parts[l->n++] = (struct part){ .channel = &l->q->channels[rank], .rank = (uint32_t)rank, .subdir = subdir };
}

/* A channel that names a subdir other than the platform's has only its noarch for us. */
static void list_parts(struct loader *l)
{
	l->parts = mem_array(2 * l->q->n_channels, sizeof(*l->parts));
	l->asked = mem_array(2 * l->q->n_channels, sizeof(struct part *));
	for (size_t i = 0; i < l->q->n_channels; i++) {
		const char *only = l->q->channels[i].subdir;

		if (strcmp(l->q->subdir, "noarch") != 0 && (!only || strcmp(only, l->q->subdir) == 0))
			add_part(l, i, l->q->subdir);
		else if (only && strcmp(only, "noarch") != 0)
			log_debug("channel %s: %s is not for %s", l->q->channels[i].canonical, only, l->q->subdir);
		add_part(l, i, "noarch");
	}
}

static const char *part_url(struct loader *l, const struct part *p, const char *file)
{
	return url_join(&l->arena, p->channel->url, arena_printf(&l->arena, "%s/%s", p->subdir, file));
}

/* ---- over the network ---- */

static int part_begin(struct http_batch *b, size_t i, struct http_request *q, struct sink **out, struct err *err)
{
	struct loader *l = (struct loader *)b;
	struct part *p = l->asked[i];
	int cachefd = l->q->cachefd;

	sink_free(TAKE(p->out));
	buf_release(&p->body);
	p->out = cachefd >= 0 ? cache_sink(cachefd, p->url, err) : sink_buf(&p->body);
	if (!p->out)
		return -1;
	q->url = p->url;
	q->max = str_ends(p->url, ".zst") ? BODY_MAX : TEXT_MAX;
	q->squeeze = !str_ends(p->url, ".zst");
	if (p->has_cached && !p->cached.missing) {
		q->etag = p->cached.etag;
		q->last_modified = p->cached.last_modified;
	}
	*out = p->out;
	return 1;
}

/* Remember what came; without a cache it stays in p->body. */
static int keep(struct loader *l, struct part *p, const struct http_answer *answer, struct err *err)
{
	struct cache_state state = { answer->etag, answer->last_modified, answer->cache_control,
				     answer->status == 404 };
	auto_sink *out = TAKE(p->out);

	p->found = answer->status == 200;
	if (l->q->cachefd < 0)
		return p->found ? sink_finish(out, err) : 0;
	p->in_cache = p->found;
	return cache_put(l->q->cachefd, p->url, p->found ? out : NULL, &state, err);
}

static int part_end(struct http_batch *b, size_t i, const struct http_answer *answer, const struct err *fault,
		    struct err *err)
{
	struct loader *l = (struct loader *)b;
	struct part *p = l->asked[i];

	if (fault) {
		*err = *fault;
		return -1;
	}
	if (answer->status != 304)
		return keep(l, p, answer, err);
	sink_free(TAKE(p->out));
	if (!p->has_cached)
		return err_set(err, ERR_NET, "%s: the server says that what we have is good (304), but we have nothing",
			       p->told);
	p->found = p->in_cache = true;
	return 0;
}

static const struct http_batch_ops part_ops = { part_begin, part_end };

/* ---- what can be said without the network ---- */

/* 1: the network has to be asked. */
static int look_here(struct loader *l, struct part *p, struct err *err)
{
	if (is_local(p)) {
		const char *path = url_to_path(&l->arena, p->url);
		auto_source *in = path ? source_file(AT_FDCWD, path, err) : NULL;

		if (!in && path && err->sys != ENOENT && err->sys != ENOTDIR)
			return -1;
		err_clear(err);
		p->found = in != NULL;
		return 0;
	}
	p->has_cached = l->q->cachefd >= 0 && cache_find(&l->arena, l->q->cachefd, p->url, &p->cached);
	if (!l->q->offline)
		return 1;
	p->found = p->in_cache = p->has_cached && !p->cached.missing;
	return 0;
}

/* Try this name for every part that has none yet. */
static int try_file(struct http *h, struct loader *l, const char *file, struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		struct part *p = &l->parts[i];
		int rc;

		if (p->found)
			continue;
		p->url = part_url(l, p, file);
		p->told = url_redact(&l->arena, p->url);
		rc = look_here(l, p, err);
		if (rc < 0)
			return -1;
		if (rc > 0)
			l->asked[n++] = p;
	}
	l->base = (struct http_batch){ .ops = &part_ops, .n = n, .at_once = AT_ONCE, .afresh = true };
	return n ? http_run(h, &l->base, err) : 0;
}

/* What is found nowhere: nothing, for a platform; no channel, for noarch. */
static int judge_missing(struct loader *l, struct err *err)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct part *p = &l->parts[i];
		bool known = is_local(p) || !l->q->offline || (p->has_cached && p->cached.missing);

		if (p->found)
			continue;
		if (!known)
			return err_set(
				err, ERR_NET,
				"%s: is not in the cache, and nothing is fetched when offline; run once without it",
				p->told);
		if (strcmp(p->subdir, "noarch") == 0)
			return err_set(err, ERR_NET, "%s is no conda channel: there is no %s", p->channel->canonical,
				       p->told);
		log_debug("%s has nothing for %s", p->channel->canonical, p->subdir);
	}
	return 0;
}

/* ---- reading ---- */

static struct body body_of(struct loader *l, const struct part *p)
{
	struct body b = { .dirfd = l->q->cachefd, .url = p->url, .name = p->told, .max = BODY_MAX };

	if (p->in_cache)
		b.path = arena_strdup(&l->arena, cache_path(p->url, "body").s);
	else if (is_local(p))
		b = (struct body){ AT_FDCWD, url_to_path(&l->arena, p->url), NULL, p->url, p->told, TEXT_MAX };
	else
		b.bytes = &p->body;
	return b;
}

static int read_part(void *arg, size_t i, struct err *err)
{
	struct loader *l = arg;
	struct part *p = &l->parts[i];
	struct body body;
	struct packed *packed;
	struct repodata *r;

	if (!p->found)
		return 0;
	body = p->body_at;
	packed = packed_cache_get(l->q->cachefd, &body, false, err);
	if (!packed)
		return -1;
	r = repodata_new(packed, p->channel, p->subdir, p->rank, p->told, packed_base_url(packed), err);
	if (!r)
		return -1;
	p->scanned = r;
	if (body.bytes)
		return 0;
	r->cachefd = l->q->cachefd;
	r->body = body;
	r->body.path = arena_strdup(&r->arena, body.path);
	r->body.url = arena_strdup(&r->arena, body.url);
	r->body.name = r->name;
	return 0;
}

static void loader_release(struct loader *l)
{
	for (size_t i = 0; i < l->n; i++) {
		sink_free(l->parts[i].out);
		buf_release(&l->parts[i].body);
		repodata_free(l->parts[i].scanned);
	}
	free(l->parts);
	free(l->asked);
	arena_release(&l->arena);
}

int repodata_fetch(struct http *h, const struct repodata_request *q, struct repodata_set *ret, struct err *err)
{
	CLEANUP(loader_release) struct loader l = { .q = q };
	struct repodata_set set = { 0 };

	if (q->n_channels > CHANNELS_MAX)
		return err_set(err, ERR_LIMIT, "%zu channels are more than the %d that are accepted", q->n_channels,
			       CHANNELS_MAX);
	list_parts(&l);
	if (try_file(h, &l, "repodata.json.zst", err) < 0 || try_file(h, &l, "repodata.json", err) < 0 ||
	    judge_missing(&l, err) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++)
		if (l.parts[i].found)
			l.parts[i].body_at = body_of(&l, &l.parts[i]);
	if (work_run(l.n, work_cpus(), read_part, &l, err) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++) {
		if (!l.parts[i].scanned)
			continue;
		mem_grow(set.all, set.n);
		set.all[set.n++] = TAKE(l.parts[i].scanned);
	}
	*ret = set;
	return 0;
}

int repodata_load(struct http *h, const struct repodata_request *q, struct index *ret, struct repodata_stats *stats,
		  struct err *err)
{
	auto_repodata_set set = { 0 };

	if (repodata_fetch(h, q, &set, err) < 0)
		return -1;
	return repodata_collect(set.all, set.n, q->names, q->n_names, ret, stats, err);
}
