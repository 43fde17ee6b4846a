/* Blobs that are asked for and read. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/num.h"
#include "oci/registry_impl.h"

/* An endpoint answers for all of a pull, unless it lacks a blob: then the others are asked. */
static size_t nth_end(const struct registry *r, size_t i)
{
	size_t current = r->current;

	return i == 0 ? current : i <= current ? i - 1 : i;
}

struct registry_blob_path {
	char s[96];
};

static struct registry_blob_path path_of(const struct digest *d)
{
	struct registry_blob_path p;

	snprintf(p.s, sizeof(p.s), "blobs/sha256:%s", digest_hex(d).hex);
	return p;
}

/* A length that is another one means another blob, or half of it. */
static bool is_of_size(const struct call_answer *answer, uint64_t size)
{
	const char *text = call_header_of(answer, "Content-Length");
	uint64_t told;

	return !text || !num_parse(text, INT64_MAX, &told) || told == size;
}

int registry_has_blob(struct registry *r, const struct digest *d, uint64_t size, struct err *err)
{
	struct registry_blob_path path = path_of(d);
	struct registry_question q = { .method = "HEAD", .path = path.s, .end = r->current };
	auto_reply reply;

	if (registry_ask(r, &q, &reply, err) < 0)
		return -1;
	if (reply.answer.status == 200 && !is_of_size(&reply.answer, size))
		log_debug("%s is there with another size, which is not believed", path.s);
	if (reply.answer.status == 200)
		return is_of_size(&reply.answer, size);
	return reply.answer.status == 404 ? 0 : registry_refusal(&reply, &q, "whether it has a blob", err);
}

/* ---- reading ---- */

struct blob_source {
	struct source base;
	struct registry *registry;
	struct digest digest;
	uint64_t size, at;
	unsigned tries;
	struct registry_reply reply;
	bool open;
};

static void close_reply(struct blob_source *s)
{
	if (s->open)
		registry_reply_release(&s->reply);
	s->open = false;
}

/* Whoever does not know ranges sends all of it once more. */
static int skip(struct blob_source *s, struct err *err)
{
	auto_free char *chunk = mem_alloc(IO_CHUNK);
	uint64_t left = s->at;

	while (left) {
		ssize_t n = source_read(s->reply.body, chunk, left < IO_CHUNK ? (size_t)left : IO_CHUNK, err);

		if (n <= 0)
			return n < 0 ? -1 : err_set(err, ERR_NET, "the answer ends early");
		left -= (uint64_t)n;
	}
	return 0;
}

static bool is_from(const struct call_answer *answer, uint64_t at)
{
	const char *text = call_header_of(answer, "Content-Range");
	auto_free char *want = mem_printf("bytes %" PRIu64 "-", at);

	return text && str_starts(text, want);
}

/* 1: it comes, 0: not from this endpoint. */
static int open_at(struct blob_source *s, size_t end, struct err *err)
{
	struct registry_blob_path path = path_of(&s->digest);
	struct registry_question q = { .method = "GET", .path = path.s, .end = end };
	auto_free char *range = mem_printf("bytes=%" PRIu64 "-", s->at);
	const struct call_answer *answer = &s->reply.answer;

	if (s->at)
		q.headers[0] = (struct call_header){ "Range", range };
	s->open = true;
	if (registry_ask(s->registry, &q, &s->reply, err) < 0)
		return -1;
	if (answer->status == 206 && s->at && is_from(answer, s->at))
		return 1;
	if (answer->status == 200)
		return s->at && skip(s, err) < 0 ? -1 : 1;
	if (answer->status == 404)
		return 0;
	return registry_refusal(&s->reply, &q, "a blob", err);
}

static ssize_t blob_read(struct source *base, void *buf, size_t len, struct err *err)
{
	struct blob_source *s = (struct blob_source *)base;

	for (;;) {
		ssize_t n = source_read(s->reply.body, buf, len, err);
		struct err again = ERR_INIT;

		/* A proxy that gives up may end a body as if it were whole. */
		if (n == 0 && s->at < s->size)
			n = err_set(err, ERR_NET, "the answer ends after %" PRIu64 " of %" PRIu64 " bytes", s->at,
				    s->size);
		if (n >= 0) {
			s->at += (uint64_t)n;
			return n;
		}
		if (err->code != ERR_NET || !registry_pause(s->registry, ++s->tries, NULL))
			return -1;
		log_debug("blob sha256:%s: goes on at byte %" PRIu64, digest_hex(&s->digest).hex, s->at);
		close_reply(s);
		if (open_at(s, s->registry->current, &again) <= 0)
			return -1;
		err_clear(err);
	}
}

static void blob_free(struct source *base)
{
	struct blob_source *s = (struct blob_source *)base;

	close_reply(s);
	free(s);
}

static const struct source_ops blob_ops = { blob_read, blob_free };

struct source *registry_get_blob(struct registry *r, const struct digest *d, uint64_t size, struct err *err)
{
	struct blob_source *s = NEW(struct blob_source);

	*s = (struct blob_source){ .base = { &blob_ops }, .registry = r, .digest = *d, .size = size };
	for (size_t i = 0; i < r->n_ends; i++) {
		int got;

		err_clear(err);
		close_reply(s);
		got = open_at(s, nth_end(r, i), err);
		if (got > 0)
			return &s->base;
		if (got == 0)
			err_set(err, ERR_NET, "%s/%s has no blob sha256:%s", r->ref.host, r->ref.repo,
				digest_hex(d).hex);
		if (i + 1 < r->n_ends)
			log_debug("%s", err->text);
	}
	blob_free(&s->base);
	return NULL;
}
