#include "fetch/http.h"

/* A batch of one. */
struct single {
	struct http_batch base;
	const struct http_request *q;
	struct sink *out;
	struct arena *arena;
	struct http_answer answer;
};

static int single_begin(struct http_batch *b, size_t i, struct http_request *q, struct sink **out, struct err *err)
{
	struct single *s = (struct single *)b;

	(void)i;
	(void)err;
	*q = *s->q;
	*out = s->out;
	return HTTP_GO;
}

static int single_end(struct http_batch *b, size_t i, const struct http_answer *answer, const struct err *fault,
		      struct err *err)
{
	struct single *s = (struct single *)b;

	(void)i;
	if (fault) {
		*err = *fault;
		return -1;
	}
	s->answer = *answer;
	s->answer.etag = arena_strdup(s->arena, answer->etag);
	s->answer.last_modified = arena_strdup(s->arena, answer->last_modified);
	s->answer.cache_control = arena_strdup(s->arena, answer->cache_control);
	return HTTP_DONE;
}

static const struct http_batch_ops single_ops = { .begin = single_begin, .end = single_end };

int http_get(struct http *h, struct arena *a, const struct http_request *q, struct sink *out, struct http_answer *ret,
	     struct err *err)
{
	struct single s = { .base = { .ops = &single_ops, .n = 1, .at_once = 1 }, .q = q, .out = out, .arena = a };

	if (http_run(h, &s.base, err) < 0)
		return -1;
	*ret = s.answer;
	return 0;
}
