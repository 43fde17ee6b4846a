/*
 * What no command shows of oci/registry.h, for tests:
 *	registry_tool tags REF
 *	registry_tool has|mount REF DIGEST SIZE [FROM]
 *	registry_tool attach REF DIGEST ARTIFACT_TYPE TEXT	a referrer of a manifest
 *	registry_tool referrers REF DIGEST [ARTIFACT_TYPE]
 *	registry_tool stream REF BYTES				a blob sent while it is made
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/num.h"
#include "oci/registry.h"

struct tool {
	struct arena arena;
	struct registry *r;
	char **argv;
	int argc;
};

static const char *arg(const struct tool *t, int i)
{
	return i < t->argc ? t->argv[i] : NULL;
}

static int do_tags(struct tool *t, struct err *err)
{
	const char *const *tags;
	size_t n;
	int got = registry_tags(t->r, &t->arena, &tags, &n, err);

	for (size_t i = 0; got > 0 && i < n; i++)
		puts(tags[i]);
	return got < 0 ? -1 : 0;
}

static int do_has(struct tool *t, struct err *err)
{
	struct digest d = { 0 };
	uint64_t size = 0;
	int got;

	if (!descriptor_digest(arg(t, 3), &d) || !num_parse(arg(t, 4), INT64_MAX, &size))
		return err_set(err, ERR_USAGE, "what?");
	got = strcmp(arg(t, 1), "has") == 0 ? registry_has_blob(t->r, &d, size, err)
					    : registry_mount(t->r, &d, arg(t, 5), err);
	if (got >= 0)
		puts(got ? "yes" : "no");
	return got < 0 ? -1 : 0;
}

static const char *put_text(struct tool *t, const char *text, struct err *err)
{
	struct digest d = { 0 };
	uint64_t size;
	auto_sink *out = registry_put_blob(t->r, &d, &size, err);

	if (!out || sink_write(out, text, strlen(text), err) < 0 || sink_finish(out, err) < 0)
		return NULL;
	return arena_printf(&t->arena, "\"digest\":\"sha256:%s\",\"size\":%" PRIu64, digest_hex(&d).hex, size);
}

static int do_attach(struct tool *t, struct err *err)
{
	struct registry_referrer one = { .artifact_type = arg(t, 4) };
	const char *text = put_text(t, arg(t, 5), err), *config = text ? put_text(t, "{}", err) : NULL, *manifest;
	struct descriptor subject_d;
	struct registry_put put;
	struct digest subject;

	if (!config || !descriptor_digest(arg(t, 3), &subject) ||
	    registry_head_manifest(t->r, &t->arena, arg(t, 3), &subject_d, err) < 0)
		return -1;
	manifest = arena_printf(
		&t->arena,
		"{\"artifactType\":\"%s\",\"config\":{%s,\"mediaType\":\"application/"
		"vnd.oci.empty.v1+json\"},\"layers\":[{%s,\"mediaType\":\"text/plain\"}],"
		"\"mediaType\":\"" MEDIA_MANIFEST
		"\",\"schemaVersion\":2,\"subject\":{\"digest\":\"%s\",\"mediaType\":\"%s\",\"size\":%" PRIu64 "}}",
		one.artifact_type, config, text, arg(t, 3), subject_d.media_type, subject_d.size);
	one.d = (struct descriptor){ .media_type = MEDIA_MANIFEST,
				     .digest = digest_bytes(manifest, strlen(manifest)),
				     .size = strlen(manifest) };
	if (registry_put_manifest(t->r, arena_printf(&t->arena, "sha256:%s", digest_hex(&one.d.digest).hex),
				  MEDIA_MANIFEST, manifest, strlen(manifest), &put, err) < 0)
		return -1;
	puts(put.subject_known ? "known" : "added");
	return put.subject_known ? 0 : registry_add_referrer(t->r, &subject, &one, err);
}

static int do_referrers(struct tool *t, struct err *err)
{
	struct registry_referrer *list;
	struct digest subject;
	size_t n;

	if (!descriptor_digest(arg(t, 3), &subject))
		return err_set(err, ERR_USAGE, "what?");
	if (registry_referrers(t->r, &t->arena, &subject, arg(t, 4), &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		printf("sha256:%s %s\n", digest_hex(&list[i].d.digest).hex, list[i].artifact_type);
	return 0;
}

static int do_stream(struct tool *t, struct err *err)
{
	static char chunk[65536];
	uint64_t left, size = 0;
	struct digest d = { 0 };
	auto_sink *out = registry_put_blob(t->r, &d, &size, err);

	if (!out || !num_parse(arg(t, 3), INT64_MAX, &left))
		return -1;
	for (uint64_t i = 0; left; i++) {
		size_t n = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);

		memset(chunk, (int)(i & 255), sizeof(chunk));
		if (sink_write(out, chunk, n, err) < 0)
			return -1;
		left -= n;
	}
	if (sink_finish(out, err) < 0)
		return -1;
	printf("sha256:%s %" PRIu64 "\n", digest_hex(&d).hex, size);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct tool *t, struct err *err);
} commands[] = {
	{ "tags", do_tags },	       { "has", do_has },	{ "mount", do_has }, { "attach", do_attach },
	{ "referrers", do_referrers }, { "stream", do_stream },
};

static int run(struct tool *t, struct err *err)
{
	auto_http *h = http_new("registry_tool");
	auto_registry_hub *hub = NULL;
	struct ref ref;
	int rc = -1;

	http_set_patience(h, &(struct http_patience){ .backoff_ms = 10 });
	hub = registry_hub_new(h, &(struct registry_options){ 0 }, err);
	if (!hub || t->argc < 3 || ref_parse(&t->arena, arg(t, 2), &ref, err) < 0)
		return -1;
	t->r = registry_open(hub, &ref, REGISTRY_PUSH, err);
	for (size_t i = 0; t->r && i < COUNT(commands); i++)
		if (strcmp(commands[i].name, arg(t, 1)) == 0)
			rc = commands[i].run(t, err);
	registry_free(t->r);
	return rc;
}

int main(int argc, char **argv)
{
	struct tool t = { .argv = argv, .argc = argc };
	struct err err = ERR_INIT;
	int rc = run(&t, &err);

	if (rc < 0)
		fprintf(stderr, "registry_tool: %s\n", err.text);
	arena_release(&t.arena);
	return rc < 0;
}
