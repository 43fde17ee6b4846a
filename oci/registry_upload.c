/*
 * Blobs that are sent. A session is opened by POST, which may mount the blob instead; bytes go up in one PUT, or in
 * PATCHes and a PUT without bytes; where an upload was cut, the session is asked how far it got.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/num.h"
#include "fetch/url.h"
#include "oci/registry_impl.h"

#define CHUNK ((uint64_t)32 << 20) /* where one piece is too much */
#define CHUNK_MIN ((uint64_t)1 << 20) /* smaller ones are not tried */
#define CHUNK_MAX ((uint64_t)256 << 20) /* that a registry may want at least */
#define HELD ((uint64_t)8 << 20) /* bytes of a blob that is sent while it is made, held to be sent again */
#define HELD_MAX ((uint64_t)64 << 20)
#define RESTARTS_MAX 4

struct upload {
	struct registry *r;
	const struct descriptor *d; /* or NULL: not known yet */
	struct registry_origin *origin; /* of d */
	struct arena arena;
	const char *location; /* or NULL: no session */
	uint64_t at; /* bytes that the registry has */
	uint64_t chunk; /* at most so many bytes at once; 0: all */
	uint64_t chunk_min; /* that the registry wants */
	unsigned tries, restarts;
};

static void upload_release(struct upload *u)
{
	arena_release(&u->arena);
}

/* ---- bodies ---- */

struct bytes_body {
	struct registry_body base;
	const char *p;
};

static struct source *bytes_open(struct registry_body *b, struct err *err)
{
	(void)err;
	return source_bytes(((struct bytes_body *)b)->p, (size_t)b->size);
}

/* Part of a blob of an origin. */
struct part_body {
	struct registry_body base;
	struct upload *u;
	uint64_t from;
};

static int skip(struct source *in, uint64_t n, struct err *err)
{
	auto_free char *chunk = mem_alloc(IO_CHUNK);

	while (n) {
		ssize_t got = source_read(in, chunk, n < IO_CHUNK ? (size_t)n : IO_CHUNK, err);

		if (got <= 0)
			return got < 0 ? -1 : err_set(err, ERR_INTEGRITY, "ends early");
		n -= (uint64_t)got;
	}
	return 0;
}

/*
 * An origin's source tells of a wrong blob when it is read to its end and once more, which who sends the last of known
 * many bytes does not do: so the last byte is held back until the end was seen.
 */
struct checked {
	struct source base;
	struct source *in;
	uint64_t left; /* of the blob */
	char last;
	bool has_last;
};

static ssize_t checked_read(struct source *s, void *buf, size_t len, struct err *err)
{
	struct checked *c = (struct checked *)s;
	char more;
	ssize_t n;

	if (c->left > 1) {
		n = source_read(c->in, buf, len < c->left - 1 ? len : (size_t)(c->left - 1), err);
		if (n > 0)
			c->left -= (uint64_t)n;
		return n;
	}
	if (!c->left)
		return 0;
	n = source_read(c->in, &c->last, 1, err);
	if (n <= 0)
		return n;
	if (source_read(c->in, &more, 1, err) != 0)
		return err->code ? -1 : err_set(err, ERR_INTEGRITY, "is longer than promised");
	c->left = 0;
	*(char *)buf = c->last;
	return 1;
}

static void checked_free(struct source *s)
{
	source_free(((struct checked *)s)->in);
	free(s);
}

static const struct source_ops checked_ops = { checked_read, checked_free };

static struct source *part_open(struct registry_body *b, struct err *err)
{
	struct part_body *p = (struct part_body *)b;
	auto_source *in = p->u->origin->open(p->u->origin, p->u->d, err);
	struct checked *c;

	if (!in || skip(in, p->from, err) < 0)
		return NULL;
	c = NEW(struct checked);
	*c = (struct checked){ .base = { &checked_ops }, .in = TAKE(in), .left = p->u->d->size - p->from };
	return &c->base;
}

/* ---- sessions ---- */

static void take_location(struct upload *u, const struct registry_reply *reply)
{
	const char *min = call_header_of(&reply->answer, "OCI-Chunk-Min-Length");
	const char *next = registry_location(&u->arena, reply->url, call_header_of(&reply->answer, "Location"));
	uint64_t v;

	if (min && num_parse(min, CHUNK_MAX, &v))
		u->chunk_min = v;
	if (next)
		u->location = arena_strdup(&u->arena, next);
}

/* "0-99", "bytes=0-99": the first 100 are there. An empty session says "0-0", too. */
static bool take_range(struct upload *u, const struct call_answer *answer)
{
	const char *text = call_header_of(answer, "Range");
	uint64_t last;

	if (!text)
		return false;
	text += str_starts(text, "bytes=") ? strlen("bytes=") : 0;
	if (!str_starts(text, "0-") || !num_parse(text + 2, INT64_MAX - 1, &last))
		return false;
	u->at = last ? last + 1 : 0;
	return true;
}

static const char *session_path(struct arena *a, const struct digest *d, const char *from)
{
	auto_buf query = { 0 };

	if (!d)
		return "blobs/uploads/";
	registry_query(&query, "mount", arena_printf(a, "sha256:%s", digest_hex(d).hex));
	if (from)
		registry_query(&query, "from", from);
	return arena_printf(a, "blobs/uploads/?%s", query.p);
}

/* 1: mounted, 0: a session is open. */
static int open_session(struct upload *u, const struct digest *d, const char *from, struct err *err)
{
	struct registry_question q = { .method = "POST", .path = session_path(&u->arena, d, from) };
	auto_reply reply;

	u->at = 0;
	if (registry_ask(u->r, &q, &reply, err) < 0)
		return -1;
	if (d && reply.answer.status == 201)
		return 1;
	if (reply.answer.status == 202) {
		take_location(u, &reply);
		if (u->location)
			return 0;
		return err_set(err, ERR_NET, "%s/%s: the registry opens an upload without saying where", u->r->ref.host,
			       u->r->ref.repo);
	}
	/* Registries that know no mounts, or none without a source, or may not read there. */
	if (d && reply.answer.status >= 400 && reply.answer.status < 500)
		return open_session(u, NULL, NULL, err);
	return registry_refusal(&reply, &q, "the start of an upload", err);
}

/* How far it got; 0: the session is gone. */
static int ask_session(struct upload *u, struct err *err)
{
	struct registry_question q = { .method = "GET", .path = u->location };
	auto_reply reply;

	if (registry_ask(u->r, &q, &reply, err) < 0)
		return -1;
	if (reply.answer.status != 204 && reply.answer.status != 202 && reply.answer.status != 200)
		return 0;
	if (!take_range(u, &reply.answer))
		u->at = 0;
	take_location(u, &reply);
	return 1;
}

static void cancel_session(struct upload *u)
{
	struct registry_question q = { .method = "DELETE", .path = u->location, .once = true };
	struct err none = ERR_INIT;
	auto_reply reply;

	if (u->location)
		registry_ask(u->r, &q, &reply, &none);
	else
		reply = (struct registry_reply){ 0 };
	u->location = NULL;
}

/* ---- pieces ---- */

enum outcome { OUTCOME_DONE, OUTCOME_RETRY, OUTCOME_TOO_LARGE, OUTCOME_FAILED };

/* What went wrong, if anything, and whether it is worth another try. */
static enum outcome judge(struct upload *u, int rc, struct registry_reply *reply, const struct registry_question *q,
			  struct err *err)
{
	long status = reply->answer.status;

	if (rc == 0 && (status == 201 || status == 202 || status == 204))
		return OUTCOME_DONE;
	if (rc < 0 && !reply->answer.may_pass)
		return OUTCOME_FAILED;
	if (rc == 0 && status == 413)
		return OUTCOME_TOO_LARGE;
	if (rc == 0 && status != 416 && status != 404 && !registry_status_may_pass(status)) {
		registry_refusal(reply, q, "an upload", err);
		if (strstr(err->text, "DIGEST_INVALID"))
			err->code = ERR_INTEGRITY;
		return OUTCOME_FAILED;
	}
	if (!registry_pause(u->r, ++u->tries, &reply->answer)) {
		if (rc == 0)
			registry_refusal(reply, q, "an upload", err);
		return OUTCOME_FAILED;
	}
	err_clear(err);
	return OUTCOME_RETRY;
}

static const char *with_digest(struct arena *a, const char *location, const struct digest *d)
{
	return arena_printf(a, "%s%cdigest=sha256:%s", location, strchr(location, '?') ? '&' : '?', digest_hex(d).hex);
}

static const char *range_of(struct upload *u, uint64_t size)
{
	return arena_printf(&u->arena, "%" PRIu64 "-%" PRIu64, u->at, u->at + size - 1);
}

/* A piece smaller than the registry wants may only be the last, and only the last request tells that it is. */
static bool goes_with_put(const struct upload *u, uint64_t left)
{
	return left > 0 && ((u->at == 0 && !u->chunk) || left < u->chunk_min);
}

/* The last request: with the bytes that are left, or without any. */
static enum outcome put(struct upload *u, const struct digest *d, struct registry_body *body, struct err *err)
{
	struct registry_question q = { .method = "PUT",
				       .path = with_digest(&u->arena, u->location, d),
				       .headers = { { "Content-Type", "application/octet-stream" } },
				       .body = body,
				       .once = true,
				       .slow = true };
	auto_reply reply;
	int rc;

	if (body && u->at)
		q.headers[1] = (struct call_header){ "Content-Range", range_of(u, body->size) };
	rc = registry_ask(u->r, &q, &reply, err);
	return judge(u, rc, &reply, &q, err);
}

static enum outcome patch(struct upload *u, struct registry_body *body, struct err *err)
{
	struct registry_question q = { .method = "PATCH",
				       .path = u->location,
				       .headers = { { "Content-Type", "application/octet-stream" },
						    { "Content-Range", range_of(u, body->size) } },
				       .body = body,
				       .once = true,
				       .slow = true };
	auto_reply reply;
	int rc = registry_ask(u->r, &q, &reply, err);
	enum outcome ret = judge(u, rc, &reply, &q, err);

	if (ret != OUTCOME_DONE)
		return ret;
	u->at += body->size;
	u->tries = 0;
	take_location(u, &reply);
	return ret;
}

/* After something went wrong: how far are we? A session that is gone is begun again. */
static int find_back(struct upload *u, uint64_t size, struct err *err)
{
	uint64_t before = u->at;
	int got = u->location ? ask_session(u, err) : 0;

	if (got < 0)
		return -1;
	if (got > 0 && u->at <= size) {
		if (u->at > before)
			u->tries = 0;
		log_debug("an upload goes on at byte %" PRIu64, u->at);
		return 0;
	}
	if (u->restarts++ == RESTARTS_MAX)
		return err_set(err, ERR_NET, "%s/%s: the registry forgets uploads again and again", u->r->ref.host,
			       u->r->ref.repo);
	u->location = NULL;
	return open_session(u, NULL, NULL, err);
}

/* 413: smaller pieces, if there are any. */
static int shrink(struct upload *u, uint64_t sent, struct err *err)
{
	uint64_t next = u->chunk ? u->chunk / 2 : CHUNK;

	while (next >= sent && next > CHUNK_MIN)
		next /= 2;
	if (next < u->chunk_min)
		next = u->chunk_min;
	if (next < CHUNK_MIN || next >= sent)
		return err_set(err, ERR_NET, "%s/%s: the registry finds %s too large to be sent at once",
			       u->r->ref.host, u->r->ref.repo, num_bytes(sent).s);
	u->chunk = next;
	return 0;
}

static enum outcome send_some(struct upload *u, uint64_t *sent, struct err *err)
{
	uint64_t left = u->d->size - u->at;
	struct part_body body = { { part_open, left }, u, u->at };

	*sent = left;
	if (left == 0)
		return put(u, &u->d->digest, NULL, err);
	if (goes_with_put(u, left))
		return put(u, &u->d->digest, &body.base, err);
	if (u->chunk && left > u->chunk)
		body.base.size = *sent = u->chunk;
	return patch(u, &body.base, err);
}

static int upload(struct upload *u, struct err *err)
{
	for (;;) {
		uint64_t sent, at, left = u->d->size - u->at;
		bool last = left == 0 || goes_with_put(u, left);

		switch (send_some(u, &sent, err)) {
		case OUTCOME_DONE:
			if (last)
				return 0;
			break;
		case OUTCOME_TOO_LARGE:
			if (shrink(u, sent, err) < 0 || find_back(u, u->d->size, err) < 0)
				return -1;
			break;
		case OUTCOME_RETRY:
			at = u->at;
			if (find_back(u, u->d->size, err) < 0)
				return -1;
			/* Who finds a body too large may hang up on it before the answer could be read. */
			if (u->at == at && u->tries > 1 && shrink(u, sent, err) < 0)
				err_clear(err);
			break;
		case OUTCOME_FAILED:
			return -1;
		}
	}
}

int registry_push_blob(struct registry *r, const struct descriptor *d, struct registry_origin *origin, bool blindly,
		       enum registry_sent *ret, struct err *err)
{
	CLEANUP(upload_release) struct upload u = { .r = r, .d = d, .origin = origin };
	int got = blindly ? 0 : registry_has_blob(r, &d->digest, d->size, err);

	if (got != 0) {
		*ret = REGISTRY_WAS_THERE;
		return got < 0 ? -1 : 0;
	}
	got = open_session(&u, blindly ? NULL : &d->digest, origin->from, err);
	if (got != 0) {
		*ret = REGISTRY_MOUNTED;
		return got < 0 ? -1 : 0;
	}
	*ret = REGISTRY_UPLOADED;
	if (upload(&u, err) == 0)
		return 0;
	cancel_session(&u);
	return -1;
}

int registry_mount(struct registry *r, const struct digest *d, const char *from, struct err *err)
{
	CLEANUP(upload_release) struct upload u = { .r = r };
	int got = open_session(&u, d, from, err);

	if (got == 0)
		cancel_session(&u);
	return got;
}

/* ---- a blob that is sent while it is made ---- */

struct blob_sink {
	struct sink base;
	struct upload u;
	struct hash hash;
	uint64_t total;
	char *held;
	uint64_t n, room;
	struct digest *ret;
	uint64_t *ret_size;
};

/* After something went wrong: what the registry has must lie in what is held, which begins at begin. */
static int find_forward(struct blob_sink *s, uint64_t begin, struct err *err)
{
	int got = ask_session(&s->u, err);

	if (got < 0)
		return -1;
	if (got > 0 && s->u.at >= begin && s->u.at <= s->total)
		return 0;
	return err_set(err, ERR_NET,
		       "%s/%s: the registry forgot an upload that was made on the way; push again, without --no-store",
		       s->u.r->ref.host, s->u.r->ref.repo);
}

/* What is held, and begins at begin, goes up. */
static int send_held(struct blob_sink *s, uint64_t begin, struct err *err)
{
	while (s->u.at < s->total) {
		struct bytes_body body = { { bytes_open, s->total - s->u.at }, s->held + (s->u.at - begin) };

		if (s->u.chunk && body.base.size > s->u.chunk)
			body.base.size = s->u.chunk;
		switch (patch(&s->u, &body.base, err)) {
		case OUTCOME_DONE:
			break;
		case OUTCOME_TOO_LARGE:
			if (shrink(&s->u, body.base.size, err) < 0)
				return -1;
			/* fall through */
		case OUTCOME_RETRY:
			if (begin == 0 ? find_back(&s->u, s->total, err) < 0 : find_forward(s, begin, err) < 0)
				return -1;
			break;
		case OUTCOME_FAILED:
			return -1;
		}
	}
	return 0;
}

static int blob_write(struct sink *base, const void *bytes, size_t len, struct err *err)
{
	struct blob_sink *s = (struct blob_sink *)base;

	hash_add(&s->hash, bytes, len);
	while (len) {
		size_t take = s->room - s->n < len ? (size_t)(s->room - s->n) : len;

		memcpy(s->held + s->n, bytes, take);
		s->n += take;
		s->total += take;
		bytes = (const char *)bytes + take;
		len -= take;
		if (s->n < s->room)
			continue;
		if (send_held(s, s->total - s->n, err) < 0)
			return -1;
		s->n = 0;
	}
	return 0;
}

static int blob_finish(struct sink *base, struct err *err)
{
	struct blob_sink *s = (struct blob_sink *)base;
	struct digest d = hash_get(&s->hash);
	uint64_t begin = s->total - s->n;

	for (;;) {
		/* What fits is sent in one piece, as everything else is. */
		uint64_t left = s->total - s->u.at;
		struct bytes_body body = { { bytes_open, left }, s->held + (s->u.at - begin) };
		bool with_body = goes_with_put(&s->u, left);
		enum outcome got;

		if (!with_body && send_held(s, begin, err) < 0)
			return -1;
		got = put(&s->u, &d, with_body ? &body.base : NULL, err);
		if (got == OUTCOME_DONE)
			break;
		if (got == OUTCOME_FAILED)
			return -1;
		if (got == OUTCOME_TOO_LARGE && shrink(&s->u, left, err) < 0)
			return -1;
		if (begin == 0 ? find_back(&s->u, s->total, err) < 0 : find_forward(s, begin, err) < 0)
			return -1;
	}
	s->u.location = NULL;
	*s->ret = d;
	*s->ret_size = s->total;
	return 0;
}

static void blob_free(struct sink *base)
{
	struct blob_sink *s = (struct blob_sink *)base;

	cancel_session(&s->u);
	upload_release(&s->u);
	hash_release(&s->hash);
	free(s->held);
	free(s);
}

static const struct sink_ops blob_ops = { blob_write, blob_finish, blob_free };

struct sink *registry_put_blob(struct registry *r, struct digest *digest, uint64_t *size, struct err *err)
{
	struct blob_sink *s = NEW(struct blob_sink);

	*s = (struct blob_sink){ .base = { &blob_ops }, .u = { .r = r }, .ret = digest, .ret_size = size };
	hash_init(&s->hash);
	if (open_session(&s->u, NULL, NULL, err) < 0) {
		blob_free(&s->base);
		return NULL;
	}
	s->room = s->u.chunk_min > HELD ? s->u.chunk_min : HELD;
	if (s->room > HELD_MAX) {
		err_set(err, ERR_LIMIT, "%s/%s: the registry wants pieces of %s, more than the %s that are held",
			r->ref.host, r->ref.repo, num_bytes(s->room).s, num_bytes(HELD_MAX).s);
		blob_free(&s->base);
		return NULL;
	}
	s->held = mem_resize(NULL, 1, (size_t)s->room);
	return &s->base;
}
