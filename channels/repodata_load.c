#include "channels/repodata.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "base/work.h"
#include "channels/document.h"
#include "channels/load_impl.h"
#include "fetch/url.h"

#define BODY_MAX ((uint64_t)512 << 20) /* bytes as they are sent */
#define AT_ONCE 8
#define CHANNELS_MAX 1000
#define REQUESTS_MAX 100

static const char *const files[FORMS] = { "repodata_shards.msgpack.zst", "repodata.json.zst", "repodata.json.bz2",
					  "repodata.json" };

static bool is_local(const struct part *p)
{
	return url_is(p->url, "file");
}

/* ---- which there are ---- */

static void add_part(struct loader *l, const struct repodata_request *q, size_t rank, const char *subdir)
{
	struct part *p = &l->parts[l->n];

	*p = (struct part){ .q = q, .channel = &q->channels[rank], .rank = (uint32_t)rank, .subdir = subdir, .fd = -1 };
	for (size_t i = 0; i < l->n && !p->same; i++)
		if (!l->parts[i].same && strcmp(l->parts[i].subdir, subdir) == 0 &&
		    strcmp(l->parts[i].channel->url, p->channel->url) == 0)
			p->same = &l->parts[i];
	l->n++;
}

/* A channel that names a subdir other than the platform's has only its noarch for us. */
static void list_parts(struct loader *l, const struct repodata_request *q)
{
	for (size_t i = 0; i < q->n_channels; i++) {
		const char *only = q->channels[i].subdir;

		if (strcmp(q->subdir, "noarch") != 0 && (!only || strcmp(only, q->subdir) == 0))
			add_part(l, q, i, q->subdir);
		else if (only && strcmp(only, "noarch") != 0)
			log_debug("channel %s: %s is not for %s", q->channels[i].canonical, only, q->subdir);
		add_part(l, q, i, "noarch");
	}
}

static const char *part_url(struct loader *l, const struct part *p, enum form form)
{
	return url_join(&l->arena, p->channel->url, arena_printf(&l->arena, "%s/%s", p->subdir, files[form]));
}

/* ---- over the network ---- */

static int part_begin(struct http_batch *b, size_t i, struct http_request *q, struct sink **out, struct err *err)
{
	struct loader *l = (struct loader *)b;
	struct part *p = l->asked[i];

	sink_free(TAKE(p->out));
	buf_release(&p->bytes);
	p->out = l->cachefd >= 0 ? cache_sink(l->cachefd, p->url, err) : sink_buf(&p->bytes);
	if (!p->out)
		return -1;
	q->url = p->url;
	q->max = p->form == FORM_PLAIN ? DOCUMENT_MAX : BODY_MAX;
	q->squeeze = p->form == FORM_PLAIN;
	if (p->has_cached && !p->cached.missing) {
		q->etag = p->cached.etag;
		q->last_modified = p->cached.last_modified;
	}
	peek_init(&p->peek, p->out);
	*out = &p->peek.base;
	return HTTP_GO;
}

/* Whether what came can be that form; some servers send a page of theirs, or a network its own, and call it good. */
static bool is_form(const struct part *p)
{
	if (p->form == FORM_PLAIN)
		return !peek_is_page(&p->peek);
	return p->form == FORM_BZ2 ? peek_is_bzip2(&p->peek) : peek_is_zstd(&p->peek);
}

static int not_that_form(struct part *p, struct err *err)
{
	sink_free(TAKE(p->out));
	buf_release(&p->bytes);
	if (p->form == FORM_PLAIN)
		return err_set(
			err, ERR_NET,
			"%s: the answer is a page for people (HTML), not repodata: the URL may be wrong, or a login "
			"page of the network stands in front of the server",
			p->told);
	log_debug("%s: is not what it is called; passed over", p->told);
	return HTTP_DONE;
}

/* Remember what came; without a cache it stays in p->bytes. */
static int keep(struct loader *l, struct part *p, const struct http_answer *answer, struct err *err)
{
	struct cache_state state = { answer->etag, answer->last_modified, answer->cache_control, answer->status == 404,
				     0 };
	auto_sink *out = TAKE(p->out);

	p->found = answer->status == 200;
	p->cached.last_modified = arena_strdup(&l->arena, answer->last_modified);
	if (l->cachefd < 0)
		return p->found ? sink_finish(out, err) : 0;
	p->in_cache = p->found;
	return cache_put(l->cachefd, p->url, p->found ? out : NULL, &state, err);
}

static int part_end(struct http_batch *b, size_t i, const struct http_answer *answer, const struct err *fault,
		    struct err *err)
{
	struct loader *l = (struct loader *)b;
	struct part *p = l->asked[i];

	if (fault) {
		/* Who cannot give us this form may give us another: some servers never say 404. */
		if (fault->code == ERR_NET && fault->sys && p->form != FORM_PLAIN) {
			log_debug("%s", fault->text);
			return HTTP_DONE;
		}
		*err = *fault;
		return -1;
	}
	if (answer->status == 200 && !is_form(p))
		return not_that_form(p, err);
	if (answer->status != 304)
		return keep(l, p, answer, err);
	sink_free(TAKE(p->out));
	if (!p->has_cached)
		return err_set(err, ERR_NET, "%s: the server says that what we have is good (304), but we have nothing",
			       p->told);
	p->found = p->in_cache = true;
	if (answer->cache_control)
		p->cached.cache_control = answer->cache_control;
	return cache_touch(l->cachefd, p->url, &p->cached, l->q->ttl, err);
}

static const struct http_batch_ops part_ops = { .begin = part_begin, .end = part_end };

/* ---- what can be said without the network ---- */

static int look_at_file(struct loader *l, struct part *p, struct err *err)
{
	const char *path = url_to_path(&l->arena, p->url);
	auto_source *in = path ? source_file(AT_FDCWD, path, err) : NULL;

	if (!in && path && err->sys != ENOENT && err->sys != ENOTDIR)
		return -1;
	err_clear(err);
	p->found = in != NULL;
	return 0;
}

/* 1: the network has to be asked. insist: also for what was missing lately. */
static int look_here(struct loader *l, struct part *p, bool insist, struct err *err)
{
	if (is_local(p))
		return look_at_file(l, p, err);
	for (size_t i = 0; i < l->q->n_lower && l->cachefd >= 0; i++)
		if (l->q->lower[i] >= 0)
			cache_take(l->cachefd, l->q->lower[i], p->url);
	p->has_cached = l->cachefd >= 0 && cache_find(&l->arena, l->cachefd, p->url, &p->cached);
	p->unknown = p->unknown || (l->offline && !(p->has_cached && p->cached.missing));
	if (p->has_cached && (l->offline || cache_is_fresh(&p->cached, l->q->ttl))) {
		if (!p->cached.missing) {
			p->found = p->in_cache = true;
			return 0;
		}
		/* The plain form is the one that every channel has to have. */
		if (!insist && p->form != FORM_PLAIN) {
			p->skipped = true;
			return 0;
		}
	}
	return !l->offline;
}

static bool is_wanted(const struct part *p, enum form form)
{
	return !p->same && !p->found && !(form == FORM_SHARDS && p->q->no_shards) &&
	       !(form == FORM_ZST && p->q->no_zst);
}

/* Try this form for every part that has none yet. */
static int try_form(struct loader *l, enum form form, bool insist, struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		struct part *p = &l->parts[i];
		int rc;

		if (!is_wanted(p, form) || (insist && !p->skipped))
			continue;
		p->form = form;
		p->url = part_url(l, p, form);
		p->told = url_redact(&l->arena, p->url);
		rc = look_here(l, p, insist, err);
		if (rc < 0)
			return -1;
		if (rc > 0)
			l->asked[n++] = p;
	}
	l->base = (struct http_batch){ .ops = &part_ops, .n = n, .at_once = AT_ONCE, .afresh = true };
	return n ? http_run(l->http, &l->base, err) : 0;
}

/* What has no form at all may have got one since it was missing. */
static int try_forms(struct loader *l, struct err *err)
{
	for (int insist = 0; insist < 2; insist++)
		for (int form = 0; form < FORMS; form++)
			if (!(insist && form == FORM_PLAIN) && try_form(l, (enum form)form, insist, err) < 0)
				return -1;
	return 0;
}

static void copy_same(struct loader *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct part *p = &l->parts[i];

		if (!p->same)
			continue;
		p->form = p->same->form;
		p->url = p->same->url;
		p->told = p->same->told;
		p->found = p->same->found;
		p->unknown = p->same->unknown;
		p->in_cache = p->same->in_cache;
	}
}

/* What is found nowhere: nothing, for a platform; no channel, for noarch. */
static int judge_missing(struct loader *l, struct err *err)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct part *p = &l->parts[i];
		const char *told = url_redact(&l->arena, part_url(l, p, FORM_PLAIN));

		if (p->found)
			continue;
		if (p->unknown)
			return err_set(
				err, ERR_NET,
				"%s: is not in the cache, and nothing is fetched when offline; run once without it",
				told);
		if (strcmp(p->subdir, "noarch") == 0)
			return err_set(err, ERR_NET, "%s is no conda channel: there is no %s", p->channel->canonical,
				       told);
		log_debug("%s has nothing for %s", p->channel->canonical, p->subdir);
	}
	return 0;
}

/* ---- reading ---- */

static struct body body_of(struct loader *l, const struct part *p)
{
	struct body b = { .dirfd = l->cachefd, .url = p->url, .name = p->told, .max = BODY_MAX };

	b.ours = p->in_cache;
	if (p->in_cache)
		b.path = arena_strdup(&l->arena, cache_path(p->url, "body").s);
	else if (is_local(p))
		b =
			(struct body){ AT_FDCWD, url_to_path(&l->arena, p->url), NULL, p->url, p->told, DOCUMENT_MAX,
				       false };
	else
		b.bytes = p->same ? &p->same->bytes : &p->bytes;
	return b;
}

static int read_part(struct loader *l, struct part *p, struct err *err)
{
	struct packed *packed = packed_cache_get(l->cachefd, &p->body, false, err);
	struct repodata *r;

	if (!packed)
		return -1;
	log_debug("%s: sha256 %s, %s%s", p->told, digest_hex(&packed_source(packed)->digest).hex,
		  p->cached.last_modified ? "last modified " : "of no known age",
		  p->cached.last_modified ? p->cached.last_modified : "");
	r = repodata_new(packed, p->channel, p->subdir, p->rank, p->told, packed_base_url(packed), err);
	if (!r)
		return -1;
	p->read = r;
	if (p->body.bytes)
		return 0;
	r->cachefd = l->cachefd;
	r->body = p->body;
	r->body.path = arena_strdup(&r->arena, p->body.path);
	r->body.url = arena_strdup(&r->arena, p->body.url);
	r->body.name = r->name;
	return 0;
}

static int read_first(void *arg, size_t i, struct err *err)
{
	struct loader *l = arg;
	struct part *p = &l->parts[i];

	return p->found && p->form != FORM_SHARDS && !p->same ? read_part(l, p, err) : 0;
}

/* What another request has read is packed by now. */
static int read_same(void *arg, size_t i, struct err *err)
{
	struct loader *l = arg;
	struct part *p = &l->parts[i];

	return p->found && p->form != FORM_SHARDS && p->same ? read_part(l, p, err) : 0;
}

static int read_all(struct loader *l, struct err *err)
{
	for (size_t i = 0; i < l->n; i++) {
		struct part *p = &l->parts[i];

		if (!p->found)
			continue;
		p->body = body_of(l, p);
		if (p->form == FORM_SHARDS && load_shards_index(l, p, err) < 0)
			return -1;
	}
	if (work_run(l->n, work_cpus(), read_first, l, err) < 0 || work_run(l->n, work_cpus(), read_same, l, err) < 0)
		return -1;
	return load_shards(l, err);
}

static void loader_release(struct loader *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct part *p = &l->parts[i];

		sink_free(p->out);
		buf_release(&p->bytes);
		repodata_free(p->read);
		pack_free(p->pack);
		mem_closep(&p->fd);
		shard_follow_release(&p->shard_follow);
		follow_release(&p->follow);
	}
	free(l->parts);
	free(l->asked);
	arena_release(&l->arena);
}

static int prepare(struct loader *l, struct err *err)
{
	size_t room = 0;

	for (size_t i = 0; i < l->n_requests; i++) {
		if (l->q[i].n_channels > CHANNELS_MAX)
			return err_set(err, ERR_LIMIT, "%zu channels are more than the %d that are accepted",
				       l->q[i].n_channels, CHANNELS_MAX);
		room += 2 * l->q[i].n_channels;
	}
	l->parts = mem_array(room ? room : 1, sizeof(*l->parts));
	l->asked = mem_array(room ? room : 1, sizeof(struct part *));
	for (size_t i = 0; i < l->n_requests; i++)
		list_parts(l, &l->q[i]);
	return 0;
}

int repodata_fetch_all(struct http *h, const struct repodata_request *q, size_t n, struct repodata_set *ret,
		       struct err *err)
{
	CLEANUP(loader_release)
	struct loader l = { .http = h, .q = q, .n_requests = n, .cachefd = n ? q->cachefd : -1 };

	l.offline = n && q->offline;
	if (n > REQUESTS_MAX)
		return err_set(err, ERR_LIMIT, "%zu platforms are more than the %d that are accepted", n, REQUESTS_MAX);
	if (prepare(&l, err) < 0 || try_forms(&l, err) < 0)
		return -1;
	copy_same(&l);
	if (judge_missing(&l, err) < 0 || read_all(&l, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		ret[i] = (struct repodata_set){ 0 };
	for (size_t i = 0; i < l.n; i++) {
		struct repodata_set *set = &ret[l.parts[i].q - q];

		if (!l.parts[i].read)
			continue;
		mem_grow(set->all, set->n);
		set->all[set->n++] = TAKE(l.parts[i].read);
	}
	return 0;
}

int repodata_fetch(struct http *h, const struct repodata_request *q, struct repodata_set *ret, struct err *err)
{
	return repodata_fetch_all(h, q, 1, ret, err);
}

int repodata_load(struct http *h, const struct repodata_request *q, struct index *ret, struct repodata_stats *stats,
		  struct err *err)
{
	auto_repodata_set set = { 0 };

	if (repodata_fetch(h, q, &set, err) < 0)
		return -1;
	return repodata_collect(set.all, set.n, q->names, q->n_names, ret, stats, err);
}
