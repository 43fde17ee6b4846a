/*
 * Drives fetch/ and channels/ for the e2e tests:
 *	fetch_tool CACHE [--offline] repodata CHANNEL SUBDIR NAME	-> lines "url sha256 size"
 *	fetch_tool CACHE [--offline] download CHANNEL SUBDIR NAME	-> what repodata lists, into CACHE
 *	fetch_tool CACHE get URL [ETAG]				-> "STATUS BYTES ETAG"
 *	fetch_tool CACHE fetch FILE				-> downloads lines "url sha256 size" into CACHE
 * Before the command, as often as needed:
 *	--offline, --quiet, --insecure, --ca-file FILE, --ca-dir DIR, --cert FILE, --key FILE, --proxy URL, --no-proxy LIST,
 *	--bearer TOKEN, --header NAME=VALUE, --at-once N
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "channels/repodata.h"

struct tool {
	struct arena arena;
	struct http *http;
	int cachefd;
	bool offline;
	const char *cert, *key;
	struct http_login login;
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

/* Lines "url sha256 size". */
static int fetch(struct tool *t, const char *path, struct err *err)
{
	auto_buf text = { 0 };
	struct download *d = NULL;
	struct str rest, line;
	size_t n = 0;
	int rc;

	if (fs_read(AT_FDCWD, path, 64 << 20, &text, err) < 0)
		return -1;
	rest = (struct str){ text.p, text.n };
	while (str_cut(&rest, '\n', &line)) {
		char *url = arena_array(&t->arena, line.n + 1, 1), hex[65] = "";
		uint64_t size = 0;

		if (!line.n)
			continue;
		mem_grow(d, n);
		if (sscanf(arena_strndup(&t->arena, line.p, line.n), "%s %64s %" SCNu64, url, hex, &size) < 2)
			return err_set(err, ERR_USAGE, "%s: a line is no 'url sha256 size'", path);
		d[n] = (struct download){ .url = url, .fn = strrchr(url, '/') + 1, .size = size };
		d[n].has_sha256 = digest_parse(hex, &d[n].sha256);
		n++;
	}
	rc = download_all(t->http, t->cachefd, d, n, t->offline, NULL, err);
	free(d);
	return rc;
}

static int login(void *arg, const char *url, struct http_login *ret)
{
	(void)url;
	*ret = *(const struct http_login *)arg;
	return ret->kind != HTTP_LOGIN_NONE;
}

/* How many arguments it took. */
static int option(struct tool *t, char **argv)
{
	struct http *h = t->http;
	const char *o = argv[0], *v = argv[1];
	char *eq = v ? strchr(v, '=') : NULL;

	if (strcmp(o, "--offline") == 0)
		t->offline = true;
	else if (strcmp(o, "--quiet") == 0)
		log_set_level(LOG_WARN);
	else if (strcmp(o, "--insecure") == 0)
		http_set_verify(h, false);
	else if (!v)
		return 0;
	else if (strcmp(o, "--ca-file") == 0)
		http_set_ca_file(h, v);
	else if (strcmp(o, "--ca-dir") == 0)
		http_set_ca_dir(h, v);
	else if (strcmp(o, "--cert") == 0)
		http_set_client_cert(h, t->cert = v, t->key);
	else if (strcmp(o, "--key") == 0)
		http_set_client_cert(h, t->cert, t->key = v);
	else if (strcmp(o, "--proxy") == 0)
		http_set_proxy(h, NULL, NULL, v);
	else if (strcmp(o, "--no-proxy") == 0)
		http_set_no_proxy(h, v);
	else if (strcmp(o, "--at-once") == 0)
		http_set_at_once(h, (unsigned)strtoul(v, NULL, 10));
	else if (strcmp(o, "--bearer") == 0)
		t->login = (struct http_login){ .kind = HTTP_LOGIN_BEARER, .token = v };
	else if (strcmp(o, "--header") == 0 && eq)
		t->login = (struct http_login){ .kind = HTTP_LOGIN_HEADER,
						.header = arena_strndup(&t->arena, v, (size_t)(eq - v)),
						.token = eq + 1 };
	else
		return 0;
	return v && strcmp(o, "--offline") != 0 && strcmp(o, "--quiet") != 0 && strcmp(o, "--insecure") != 0 ? 2 : 1;
}

static int run(struct tool *t, int argc, char **argv, struct err *err)
{
	if (argc >= 2 && strcmp(argv[0], "get") == 0)
		return get(t, argc - 1, argv + 1, err);
	if (argc == 2 && strcmp(argv[0], "fetch") == 0)
		return fetch(t, argv[1], err);
	if (argc == 4)
		return repodata(t, argv + 1, strcmp(argv[0], "download") == 0, err);
	return err_set(err, ERR_USAGE, "what is '%s'?", argc ? argv[0] : "");
}

int main(int argc, char **argv)
{
	struct tool t = { .http = http_new("condaimg-test/0") };
	struct err err = ERR_INIT;
	int rc = -1, used;

	if (argc < 4)
		return 2;
	log_set_level(LOG_DEBUG);
	http_set_patience(t.http,
			  &(struct http_patience){ .connect_ms = 3000, .stall_s = 5, .tries = 3, .backoff_ms = 150 });
	http_set_login(t.http, login, &t.login);
	t.cachefd = fs_opendir(AT_FDCWD, argv[1], &err);
	for (argc -= 2, argv += 2; argc && (used = option(&t, argv)) > 0; argv += used)
		argc -= used;
	if (t.cachefd >= 0)
		rc = run(&t, argc, argv, &err);
	if (err.code)
		fprintf(stderr, "%s\n", err.text);
	if (t.cachefd >= 0)
		close(t.cachefd);
	http_free(t.http);
	arena_release(&t.arena);
	return rc < 0 ? err.code == ERR_INTEGRITY ? 4 : 1 : 0;
}
