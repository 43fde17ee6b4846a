/*
 * Drives fetch/ and channels/ for the e2e tests:
 *	fetch_tool CACHE [--offline] repodata CHANNEL SUBDIR NAME	-> lines "url sha256 size"
 *	fetch_tool CACHE [--offline] download CHANNEL SUBDIR NAME	-> what repodata lists, into CACHE
 *	fetch_tool CACHE get URL [ETAG]				-> "STATUS BYTES ETAG"
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "channels/repodata.h"

struct tool {
	struct arena arena;
	struct http *http;
	int cachefd;
	bool offline;
};

static int list(struct tool *t, char **argv, struct channel **channels, size_t *n, struct index *ix, struct err *err)
{
	const char *names[] = { argv[2] };
	struct repodata_stats stats;

	if (channel_resolve(&t->arena, argv[0], ".", channels, n, err) < 0)
		return -1;
	return repodata_load(t->http,
			     &(struct repodata_request){ .channels = *channels,
							 .n_channels = *n,
							 .subdir = argv[1],
							 .names = names,
							 .n_names = 1,
							 .cachefd = t->cachefd,
							 .offline = t->offline },
			     ix, &stats, err);
}

static int repodata(struct tool *t, char **argv, bool fetch, struct err *err)
{
	auto_free struct channel *channels = NULL;
	auto_index ix = { 0 };
	struct download *d;
	size_t n = 0;

	if (list(t, argv, &channels, &n, &ix, err) < 0)
		return -1;
	d = arena_array(&t->arena, ix.n, sizeof(*d));
	for (size_t i = 0; i < ix.n; i++) {
		const struct record *r = &ix.records[i];

		printf("%s %s %" PRIu64 "\n", r->url, digest_hex(&r->sha256).hex, r->size);
		d[i] = (struct download){ .url = channel_fetch_url(&t->arena, channels, n, r->url),
					  .fn = r->fn,
					  .size = r->size,
					  .has_sha256 = r->has_sha256,
					  .has_md5 = r->has_md5,
					  .sha256 = r->sha256 };
		memcpy(d[i].md5, r->md5, sizeof(r->md5));
	}
	return fetch ? download_all(t->http, t->cachefd, d, ix.n, t->offline, NULL, err) : 0;
}

static int get(struct tool *t, int argc, char **argv, struct err *err)
{
	struct http_request q = { .url = argv[0], .etag = argc > 1 ? argv[1] : NULL, .max = 1 << 30, .squeeze = true };
	struct http_answer answer;
	struct digest digest;
	uint64_t size = 0;
	auto_sink *out = sink_digest(sink_null(), &digest, &size);

	if (http_get(t->http, &t->arena, &q, out, &answer, err) < 0 || sink_finish(out, err) < 0)
		return -1;
	printf("%ld %" PRIu64 " %s\n", answer.status, size, answer.etag ? answer.etag : "-");
	return 0;
}

int main(int argc, char **argv)
{
	struct tool t = { .http = http_new("condaimg-test/0") };
	struct err err = ERR_INIT;
	int rc = -1;

	if (argc < 4)
		return 2;
	log_set_level(LOG_DEBUG);
	http_set_patience(t.http,
			  &(struct http_patience){ .connect_ms = 3000, .stall_s = 5, .tries = 3, .backoff_ms = 150 });
	t.cachefd = fs_opendir(AT_FDCWD, argv[1], &err);
	argc -= 2;
	argv += 2;
	if (strcmp(argv[0], "--offline") == 0) {
		t.offline = true;
		argc--;
		argv++;
	}
	if (t.cachefd >= 0 && strcmp(argv[0], "get") == 0)
		rc = get(&t, argc - 1, argv + 1, &err);
	else if (t.cachefd >= 0 && argc == 4)
		rc = repodata(&t, argv + 1, strcmp(argv[0], "download") == 0, &err);
	if (err.code)
		fprintf(stderr, "%s\n", err.text);
	if (t.cachefd >= 0)
		close(t.cachefd);
	http_free(t.http);
	arena_release(&t.arena);
	return rc < 0 ? 1 : 0;
}
