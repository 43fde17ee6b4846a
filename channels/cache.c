#include "channels/cache.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/digest.h"
#include "base/doc.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/num.h"
#include "fetch/url.h"

#define STATE_MAX ((uint64_t)64 << 10)
#define MAX_AGE_MAX ((uint64_t)24 * 3600) /* seconds that a server's word is taken for */
#define MISSING_AGE ((uint64_t)7 * 24 * 3600) /* as conda and mamba have it */

struct cache_path cache_path(const char *url, const char *end)
{
	auto_arena a = { 0 };
	const char *plain = url_redact(&a, url);
	struct digest d = digest_bytes(plain, strlen(plain));
	struct cache_path p;

	snprintf(p.s, sizeof(p.s), CACHE_DIR "/%s.%s", digest_hex(&d).hex, end);
	return p;
}

static int64_t mtime_ns(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static bool body_is(int dirfd, const char *url, const struct doc *state)
{
	struct err err = ERR_INIT;
	int64_t size, mtime;
	struct stat st;

	if (fstatat(dirfd, cache_path(url, "body").s, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return false;
	return doc_get_int(state, "size", -1, &size, &err) == 0 &&
	       doc_get_int(state, "mtime_ns", -1, &mtime, &err) == 0 && size == st.st_size && mtime == mtime_ns(&st);
}

static const char *text_of(struct arena *a, const struct doc *state, const char *key)
{
	const struct doc *d = doc_find(state, key);

	return d && d->type == DOC_STRING ? arena_strdup(a, d->text) : NULL;
}

bool cache_find(struct arena *a, int dirfd, const char *url, struct cache_state *ret)
{
	auto_buf text = { 0 };
	struct err err = ERR_INIT;
	struct cache_path path = cache_path(url, "json");
	const struct doc *state, *missing;

	if (!fs_exists(dirfd, path.s) || fs_read(dirfd, path.s, STATE_MAX, &text, &err) < 0)
		return false;
	state = doc_parse_json(a, buf_cstr(&text), text.n, "state", &err);
	if (!state || state->type != DOC_MAP)
		return false;
	missing = doc_find(state, "missing");
	*ret = (struct cache_state){ text_of(a, state, "etag"), text_of(a, state, "last_modified"),
				     text_of(a, state, "cache_control"),
				     missing && missing->type == DOC_BOOL && missing->num, 0 };
	if (doc_get_int(state, "checked", 0, &ret->checked, &err) < 0)
		ret->checked = 0;
	return ret->missing || body_is(dirfd, url, state);
}

struct source *cache_body(int dirfd, const char *url, struct err *err)
{
	return source_file(dirfd, cache_path(url, "body").s, err);
}

struct sink *cache_sink(int dirfd, const char *url, struct err *err)
{
	if (fs_mkdirs(dirfd, CACHE_DIR, err) < 0)
		return NULL;
	return sink_file(dirfd, cache_path(url, "body").s, 0644, err);
}

/* The state of the body that stands there now; the caller holds the lock. */
static int write_state(int dirfd, const char *url, const struct cache_state *state, int64_t checked, struct err *err)
{
	auto_buf text = { 0 };
	auto_arena a = { 0 };
	struct json j = { .out = &text, .indent = 1 };
	struct cache_path body = cache_path(url, "body");
	struct stat st;

	json_object(&j);
	json_put_string(&j, "url", url_redact(&a, url));
	json_put_int(&j, "checked", checked);
	if (state->missing) {
		json_put_bool(&j, "missing", true);
	} else {
		if (fstatat(dirfd, body.s, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return err_sys(err, "cannot find %s", body.s);
		json_put_string(&j, "etag", state->etag);
		json_put_string(&j, "last_modified", state->last_modified);
		json_put_string(&j, "cache_control", state->cache_control);
		json_put_int(&j, "size", st.st_size);
		json_put_int(&j, "mtime_ns", mtime_ns(&st));
	}
	json_end(&j);
	buf_addc(&text, '\n');
	return fs_write(dirfd, cache_path(url, "json").s, text.p, text.n, 0644, err);
}

/* The seconds of "max-age=N" in Cache-Control; 0: to be asked each time. */
static uint64_t max_age(const char *text)
{
	struct str rest = str_of(text ? text : ""), part;
	uint64_t ret = 0;

	while (str_cut(&rest, ',', &part)) {
		char word[64];

		part = str_trim(part);
		snprintf(word, sizeof(word), "%.*s", (int)part.n, part.p);
		if (strcasecmp(word, "no-cache") == 0 || strcasecmp(word, "no-store") == 0)
			return 0;
		if (strncasecmp(word, "max-age=", 8) == 0 && !num_parse(word + 8, MAX_AGE_MAX, &ret))
			ret = word[8] >= '1' && word[8] <= '9' ? MAX_AGE_MAX : 0;
	}
	return ret;
}

bool cache_is_fresh(const struct cache_state *state, int ttl)
{
	int64_t age = (int64_t)time(NULL) - state->checked;
	uint64_t limit = state->missing ? MISSING_AGE
			 : ttl > 0	? (uint64_t)ttl
			 : ttl < 0	? 0
					: max_age(state->cache_control);

	return age >= 0 && (uint64_t)age < limit;
}

int cache_touch(int dirfd, const char *url, const struct cache_state *state, int ttl, struct err *err)
{
	auto_arena a = { 0 };
	struct cache_state there;
	auto_fd lock = -1;

	if (ttl < 0 || (ttl == 0 && !max_age(state->cache_control)))
		return 0;
	lock = fs_lock(dirfd, CACHE_DIR "/.lock", err);
	if (lock < 0)
		return -1;
	/* Another process may have put something else there since. */
	if (!cache_find(&a, dirfd, url, &there) || there.missing || !there.etag != !state->etag ||
	    (there.etag && strcmp(there.etag, state->etag) != 0))
		return 0;
	return write_state(dirfd, url, state, (int64_t)time(NULL), err);
}

int cache_put(int dirfd, const char *url, struct sink *out, const struct cache_state *state, struct err *err)
{
	auto_fd lock = -1;

	if (fs_mkdirs(dirfd, CACHE_DIR, err) < 0)
		return -1;
	lock = fs_lock(dirfd, CACHE_DIR "/.lock", err);
	if (lock < 0 || (out && sink_finish(out, err) < 0))
		return -1;
	return write_state(dirfd, url, state, (int64_t)time(NULL), err);
}

/* ---- from another cache ---- */

/* A file that is there whole, or not at all. */
static int take_file(int dirfd, int lower, const char *path, struct err *err)
{
	auto_source *in = source_file(lower, path, err);
	auto_sink *out = in ? sink_file(dirfd, path, 0644, err) : NULL;

	return out && io_copy(in, out, NULL, err) == 0 && sink_finish(out, err) == 0 ? 0 : -1;
}

void cache_take(int dirfd, int lower, const char *url)
{
	auto_arena a = { 0 };
	struct cache_path state = cache_path(url, "json");
	struct cache_state there, after;
	struct err err = ERR_INIT;
	auto_fd lock = -1;

	if (fs_exists(dirfd, state.s) || !cache_find(&a, lower, url, &there) || fs_mkdirs(dirfd, CACHE_DIR, &err) < 0)
		return;
	lock = fs_lock(dirfd, CACHE_DIR "/.lock", &err);
	if (lock < 0 || fs_exists(dirfd, state.s))
		return;
	/* Somebody may have replaced it there while it was read. */
	if (!there.missing && (take_file(dirfd, lower, cache_path(url, "body").s, &err) < 0 ||
			       !cache_find(&a, lower, url, &after) || after.missing))
		return;
	if (write_state(dirfd, url, &there, there.checked, &err) < 0)
		return;
	/* What was read from it is good while its bytes are the same, which is looked at. */
	if (!there.missing && fs_exists(lower, cache_path(url, "packed").s))
		take_file(dirfd, lower, cache_path(url, "packed").s, &err);
}
