/* Manifests, tags, referrers. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/num.h"
#include "fetch/url.h"
#include "oci/index.h"
#include "oci/registry_impl.h"

#define TAGS_BYTES_MAX ((uint64_t)16 << 20)
#define TAGS_MAX 100000
#define PAGES_MAX 1000
#define REFERRERS_MAX 10000
#define REFERRER_TRIES 8
#define SETTLE_MIN_MS 40
#define SETTLE_MAX_MS 2000
#define DIGEST_HEADER "Docker-Content-Digest"

static const char accept_all[] = MEDIA_MANIFEST ", " MEDIA_INDEX ", " MEDIA_DOCKER_MANIFEST ", " MEDIA_DOCKER_INDEX;

static bool is_digest(const char *which, struct digest *ret)
{
	return descriptor_digest(which, ret);
}

/* "application/json; charset=utf-8" is of the first type. */
static const char *type_of(struct arena *a, const struct call_answer *answer)
{
	const char *type = call_header_of(answer, "Content-Type");

	return type ? arena_strndup(a, type, strcspn(type, "; ")) : "";
}

/* ---- get, head ---- */

static int get_from(struct registry *r, size_t end, struct arena *a, const char *which, struct descriptor *ret,
		    struct buf *text, struct err *err)
{
	auto_free char *path = mem_printf("manifests/%s", which);
	struct registry_question q = {
		.method = "GET", .path = path, .headers = { { "Accept", accept_all } }, .end = end
	};
	struct digest want, told;
	auto_reply reply;
	auto_source *body = NULL;
	const char *header;

	if (registry_ask(r, &q, &reply, err) < 0)
		return -1;
	if (reply.answer.status == 404)
		return 0;
	if (reply.answer.status != 200)
		return registry_refusal(&reply, &q, "a manifest", err);
	body = source_limit(TAKE(reply.body), REGISTRY_MANIFEST_MAX, "the manifest");
	if (io_slurp(body, REGISTRY_MANIFEST_MAX, text, err) < 0)
		return err_at(err, "%s/%s: manifest %s", r->ends[end].host, r->ends[end].repo, which);
	*ret = (struct descriptor){ .media_type = type_of(a, &reply.answer),
				    .digest = digest_bytes(buf_cstr(text), text->n),
				    .size = text->n };
	header = call_header_of(&reply.answer, DIGEST_HEADER);
	if (is_digest(which, &want) ? !digest_equal(&want, &ret->digest)
				    : header && is_digest(header, &told) && !digest_equal(&told, &ret->digest))
		return err_set(err, ERR_INTEGRITY, "%s/%s: manifest %s is sha256:%s, expected %s", r->ends[end].host,
			       r->ends[end].repo, which, digest_hex(&ret->digest).hex,
			       is_digest(which, &want) ? which : header);
	return 1;
}

/* Whether a mirror is meant for what is asked. */
static bool may_ask(const struct endpoint *e, const char *which)
{
	struct digest d;

	return is_digest(which, &d) ? !e->tag_only : !e->digest_only;
}

int registry_get_manifest(struct registry *r, struct arena *a, const char *which, struct descriptor *ret,
			  struct buf *text, struct err *err)
{
	size_t before = text->n;
	int got = 0;

	for (size_t i = 0; i < r->n_ends; i++) {
		auto_buf bytes = { 0 };

		if (!may_ask(&r->ends[i], which))
			continue;
		err_clear(err);
		got = get_from(r, i, a, which, ret, &bytes, err);
		if (got > 0) {
			text->n = before;
			buf_add(text, bytes.p, bytes.n);
			r->current = i;
			return 1;
		}
		if (i + 1 < r->n_ends)
			log_debug("mirror %s/%s: %s", r->ends[i].host, r->ends[i].repo,
				  got < 0 ? err->text : "has no such manifest");
	}
	return got;
}

int registry_head_manifest(struct registry *r, struct arena *a, const char *which, struct descriptor *ret,
			   struct err *err)
{
	auto_free char *path = mem_printf("manifests/%s", which);
	struct registry_question q = {
		.method = "HEAD", .path = path, .headers = { { "Accept", accept_all } }, .end = r->n_ends - 1
	};
	const char *digest, *size;
	auto_buf text = { 0 };
	auto_reply reply;

	if (registry_ask(r, &q, &reply, err) < 0)
		return -1;
	if (reply.answer.status == 404)
		return 0;
	if (reply.answer.status != 200)
		return registry_refusal(&reply, &q, "whether it has a manifest", err);
	digest = call_header_of(&reply.answer, DIGEST_HEADER);
	size = call_header_of(&reply.answer, "Content-Length");
	*ret = (struct descriptor){ .media_type = type_of(a, &reply.answer) };
	if (digest && is_digest(digest, &ret->digest) && size && num_parse(size, INT64_MAX, &ret->size))
		return 1;
	/* A head that says too little. */
	return registry_get_manifest(r, a, which, ret, &text, err);
}

/* ---- put ---- */

struct text_body {
	struct registry_body base;
	const char *p;
};

static struct source *text_open(struct registry_body *b, struct err *err)
{
	(void)err;
	return source_bytes(((struct text_body *)b)->p, (size_t)b->size);
}

/* MANIFEST_BLOB_UNKNOWN names it somewhere in its detail. */
static void find_missing(const struct buf *text, struct registry_put *ret)
{
	const char *at = strstr(buf_cstr(text), "BLOB_UNKNOWN");
	char hex[72];

	at = at ? strstr(at, "sha256:") : NULL;
	if (!at || !ret)
		return;
	snprintf(hex, sizeof(hex), "%.71s", at);
	ret->has_missing = is_digest(hex, &ret->missing);
}

int registry_put_manifest(struct registry *r, const char *which, const char *media_type, const void *p, size_t n,
			  struct registry_put *ret, struct err *err)
{
	auto_free char *path = mem_printf("manifests/%s", which);
	struct text_body body = { { text_open, n }, p };
	struct registry_question q = { .method = "PUT",
				       .path = path,
				       .headers = { { "Content-Type", media_type } },
				       .body = &body.base,
				       .slow = true };
	struct digest mine = digest_bytes(p, n), theirs;
	const char *header;
	auto_reply reply;

	if (ret)
		*ret = (struct registry_put){ 0 };
	if (registry_ask(r, &q, &reply, err) < 0)
		return -1;
	if (reply.answer.status != 201 && reply.answer.status != 200 && reply.answer.status != 202) {
		auto_buf text = { 0 };

		registry_error_text(&reply, &text);
		find_missing(&text, ret);
		source_free(reply.body);
		reply.body = source_bytes(text.p, text.n);
		return registry_refusal(&reply, &q,
					reply.answer.status == 413 ? "a manifest of that size" : "a manifest", err);
	}
	header = call_header_of(&reply.answer, DIGEST_HEADER);
	if (header && is_digest(header, &theirs) && !digest_equal(&mine, &theirs))
		return err_set(err, ERR_INTEGRITY, "%s/%s: the registry stored manifest %s as %s, expected sha256:%s",
			       r->ref.host, r->ref.repo, which, header, digest_hex(&mine).hex);
	if (ret)
		ret->subject_known = call_header_of(&reply.answer, "OCI-Subject") != NULL;
	return 0;
}

/* ---- tags ---- */

static int add_tags(struct arena *a, const struct buf *text, const char ***list, size_t *n, struct err *err)
{
	const struct doc *d = doc_parse_json(a, buf_cstr(text), text->n, "the list of tags", err);
	const char *const *tags;
	size_t more;

	if (!d || doc_get_strings(a, d, "tags", &tags, &more, err) < 0)
		return -1;
	if (*n + more > TAGS_MAX)
		return err_set(err, ERR_LIMIT, "there are more than %d tags", TAGS_MAX);
	for (size_t i = 0; i < more; i++) {
		mem_grow(*list, *n);
		(*list)[(*n)++] = tags[i];
	}
	return 0;
}

/* <URL>; rel="next" */
static const char *next_page(struct arena *a, const struct registry_reply *reply)
{
	const char *link = call_header_of(&reply->answer, "Link"), *end;

	if (!link || *link != '<' || !(end = strchr(link, '>')) || !strstr(end, "next"))
		return NULL;
	return registry_location(a, reply->url, arena_strndup(a, link + 1, (size_t)(end - link - 1)));
}

static int read_pages(struct registry *r, struct arena *a, const char ***list, size_t *n, struct err *err)
{
	const char *path = "tags/list";

	for (size_t page = 0; path; page++) {
		struct registry_question q = { .method = "GET", .path = path, .end = r->n_ends - 1 };
		auto_buf text = { 0 };
		auto_reply reply;

		if (page == PAGES_MAX)
			return err_set(err, ERR_LIMIT, "there are more than %d pages of tags", PAGES_MAX);
		if (registry_ask(r, &q, &reply, err) < 0)
			return -1;
		if (reply.answer.status == 404)
			return 0;
		if (reply.answer.status != 200)
			return registry_refusal(&reply, &q, "its list of tags", err);
		if (io_slurp(reply.body, TAGS_BYTES_MAX, &text, err) < 0 || add_tags(a, &text, list, n, err) < 0)
			return -1;
		path = next_page(a, &reply);
	}
	return 1;
}

int registry_tags(struct registry *r, struct arena *a, const char *const **ret, size_t *n, struct err *err)
{
	auto_free const char **list = NULL;
	int got;

	*n = 0;
	got = read_pages(r, a, &list, n, err);
	if (got <= 0)
		return got < 0 ? err_at(err, "%s/%s", r->ref.host, r->ref.repo) : 0;
	if (*n)
		qsort(list, *n, sizeof(*list), str_ptr_cmp);
	*ret = arena_strlist(a, list, *n);
	return 1;
}

/* ---- referrers ---- */

static int read_referrers(struct arena *a, const struct buf *text, const char *type, struct registry_referrer **ret,
			  size_t *n, struct err *err)
{
	const struct doc *d = doc_parse_json(a, buf_cstr(text), text->n, "the list of referrers", err);
	const struct doc *list = doc_find(d, "manifests");

	if (!d)
		return -1;
	if (!list || list->type != DOC_LIST)
		return doc_fault(d, err, "has no list 'manifests'");
	if (list->n > REFERRERS_MAX)
		return err_set(err, ERR_LIMIT, "there are more than %d referrers", REFERRERS_MAX);
	*ret = arena_array(a, list->n, sizeof(**ret));
	for (size_t i = 0; i < list->n; i++) {
		struct registry_referrer one;

		if (descriptor_read(a, &list->items[i], &one.d, err) < 0 ||
		    doc_get_string(&list->items[i], "artifactType", "", &one.artifact_type, err) < 0)
			return err_at(err, "referrer %zu of %zu", i + 1, list->n);
		if (!type || strcmp(type, one.artifact_type) == 0)
			(*ret)[(*n)++] = one;
	}
	return 0;
}

static const char *fallback_tag(struct arena *a, const struct digest *subject)
{
	return arena_printf(a, "sha256-%s", digest_hex(subject).hex);
}

static const char *referrers_query(struct buf *b, const char *type)
{
	if (type)
		registry_query(b, "artifactType", type);
	return buf_cstr(b);
}

/* 1: the registry keeps them, 0: it does not know how. */
static int ask_referrers(struct registry *r, struct arena *a, const struct digest *subject, const char *type,
			 struct buf *text, struct err *err)
{
	auto_buf query = { 0 };
	struct registry_question q = { .method = "GET",
				       .path = arena_printf(a, "referrers/sha256:%s%s%s", digest_hex(subject).hex,
							    type ? "?" : "", referrers_query(&query, type)),
				       .headers = { { "Accept", MEDIA_INDEX } },
				       .end = r->n_ends - 1 };
	auto_reply reply;

	if (registry_ask(r, &q, &reply, err) < 0)
		return -1;
	if (reply.answer.status == 200)
		return io_slurp(reply.body, INDEX_BYTES_MAX, text, err) < 0 ? -1 : 1;
	if (reply.answer.status == 404 || reply.answer.status == 405 || reply.answer.status == 400)
		return 0;
	return registry_refusal(&reply, &q, "its list of referrers", err);
}

int registry_referrers(struct registry *r, struct arena *a, const struct digest *subject, const char *artifact_type,
		       struct registry_referrer **ret, size_t *n, struct err *err)
{
	struct descriptor unused;
	auto_buf text = { 0 };
	int got = ask_referrers(r, a, subject, artifact_type, &text, err);

	*ret = NULL;
	*n = 0;
	if (got == 0)
		got = registry_get_manifest(r, a, fallback_tag(a, subject), &unused, &text, err);
	if (got <= 0)
		return got;
	return read_referrers(a, &text, artifact_type, ret, n, err) < 0
		       ? err_at(err, "%s/%s: referrers of sha256:%s", r->ref.host, r->ref.repo, digest_hex(subject).hex)
		       : 0;
}

static bool is_in(const struct registry_referrer *list, size_t n, const struct digest *d)
{
	for (size_t i = 0; i < n; i++)
		if (digest_equal(&list[i].d.digest, d))
			return true;
	return false;
}

static void write_referrer(struct json *j, const struct registry_referrer *one)
{
	auto_free char *digest = mem_printf("sha256:%s", digest_hex(&one->d.digest).hex);

	json_object(j);
	descriptor_write_map(j, "annotations", one->d.annotations, one->d.n_annotations);
	if (*one->artifact_type)
		json_put_string(j, "artifactType", one->artifact_type);
	json_put_string(j, "digest", digest);
	json_put_string(j, "mediaType", one->d.media_type);
	json_key(j, "size");
	json_uint(j, one->d.size);
	json_end(j);
}

static void write_index(const struct registry_referrer *list, size_t n, const struct registry_referrer *add,
			struct buf *ret)
{
	struct json j = { .out = ret };

	json_object(&j);
	json_key(&j, "manifests");
	json_array(&j);
	for (size_t i = 0; i < n; i++)
		write_referrer(&j, &list[i]);
	write_referrer(&j, add);
	json_end(&j);
	json_put_string(&j, "mediaType", MEDIA_INDEX);
	json_put_int(&j, "schemaVersion", 2);
	json_end(&j);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/*
 * Who read the list before we wrote will write over it about as long after us as reading and writing takes. What we did
 * is worth believing only after that. Each try and each referrer has another time, so that two do not go on in step.
 */
static void settle(int64_t took_ms, unsigned tries, const struct digest *own)
{
	int64_t ms = 3 * took_ms + took_ms * own->sha256[tries % sizeof(own->sha256)] / 64;
	struct timespec t;

	ms = ms < SETTLE_MIN_MS ? SETTLE_MIN_MS + own->sha256[0] / 8 : ms > SETTLE_MAX_MS ? SETTLE_MAX_MS : ms;
	t = (struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
	nanosleep(&t, NULL);
}

int registry_add_referrer(struct registry *r, const struct digest *subject, const struct registry_referrer *add,
			  struct err *err)
{
	for (unsigned tries = 0; tries < REFERRER_TRIES; tries++) {
		auto_arena a = { 0 };
		const char *tag = fallback_tag(&a, subject);
		struct registry_referrer *list = NULL;
		auto_buf old = { 0 }, text = { 0 };
		struct descriptor unused;
		size_t n = 0;
		int64_t began = now_ms();
		int got = registry_get_manifest(r, &a, tag, &unused, &old, err);

		if (got < 0 || (got > 0 && read_referrers(&a, &old, NULL, &list, &n, err) < 0))
			return -1;
		if (is_in(list, n, &add->d.digest))
			return 0;
		write_index(list, n, add, &text);
		if (registry_put_manifest(r, tag, MEDIA_INDEX, text.p, text.n, NULL, err) < 0)
			return -1;
		settle(now_ms() - began, tries, &add->d.digest);
	}
	/* Written each time, and each time somebody else wrote over it before we looked. */
	return err_set(err, ERR_NET, "%s/%s: the referrers of sha256:%s are written by too many at once", r->ref.host,
		       r->ref.repo, digest_hex(subject).hex);
}
