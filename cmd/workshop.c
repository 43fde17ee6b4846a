#include "cmd/workshop.h"

#include <fcntl.h>

#include "base/fs.h"
#include "base/log.h"

#define TTL_MAX (10 * 365 * 24 * 3600) /* seconds */

static int open_room(int cache, const char *name, int *ret, struct err *err)
{
	*ret = fs_opendir(cache, name, err);
	return *ret < 0 ? -1 : 0;
}

static int lower_room(int cache, const char *name)
{
	return openat(cache, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* What further caches have. One that has none yet is no reason not to go on. */
static int open_lower(const struct settings *s, struct workshop *w, struct err *err)
{
	size_t n = 0;

	while (s->sources.caches[n])
		n++;
	w->lower_repodata = mem_array(n, sizeof(int));
	w->lower_plans = mem_array(n, sizeof(int));
	for (const char *const *c = s->sources.caches; *c; c++) {
		auto_fd dir = fs_opendir_existing(AT_FDCWD, *c, err);

		if (dir < 0)
			return -1;
		w->lower_repodata[w->n_lower] = lower_room(dir, "repodata");
		w->lower_plans[w->n_lower++] = lower_room(dir, "plans");
		if (fs_exists(dir, "layers/blobs/sha256") && store_add_lower(w->layers, dir, "layers", err) < 0)
			return -1;
	}
	return 0;
}

/* conda: 0 is "ask each time", 1 "as the server says", more are seconds. */
static void heed_config(const struct condarc *rc, struct workshop *w)
{
	uint64_t ttl = condarc_number(rc, CONDARC_LOCAL_REPODATA_TTL, 1000) / 1000;

	w->no_shards = !condarc_bool(rc, CONDARC_REPODATA_USE_SHARDS, true);
	w->no_zst = !condarc_bool(rc, CONDARC_REPODATA_USE_ZST, true);
	w->repodata_ttl = ttl == 0 ? -1 : ttl == 1 ? 0 : ttl < TTL_MAX ? (int)ttl : TTL_MAX;
}

int workshop_open(const struct settings *s, bool offline, struct workshop *ret, struct err *err)
{
	auto_fd cache = -1;

	*ret = (struct workshop){ .packages = -1,
				  .repodata = -1,
				  .plans = -1,
				  .lock = -1,
				  .sources = &s->sources,
				  .threads = s->threads,
				  .offline = offline };
	heed_config(&s->config.rc, ret);
	ret->progress = progress_new(s->progress);
	cache = fs_opendir(AT_FDCWD, s->cache_dir, err);
	if (cache < 0)
		return err_at(err, "cache");
	ret->lock = fs_lock_shared(cache, WORKSHOP_LOCK, err);
	if (ret->lock < 0) {
		/* one that cannot be written to: whatever is missing there will be told */
		log_debug("cache %s: %s", s->cache_dir, err->text);
		err_clear(err);
	}
	if (open_room(cache, "packages", &ret->packages, err) < 0 ||
	    open_room(cache, "repodata", &ret->repodata, err) < 0 || open_room(cache, "plans", &ret->plans, err) < 0)
		return err_at(err, "cache %s", s->cache_dir);
	ret->layers = store_open(cache, "layers", err);
	if (!ret->layers || open_lower(s, ret, err) < 0)
		return err_at(err, "cache %s", s->cache_dir);
	ret->http = http_new("condaimg/" CONDAIMG_VERSION);
	ret->places = channel_places_new(s->options, ret->http);
	return s->config.auth ? config_apply(&s->config, ret->http, err) : 0;
}

static void close_room(int fd)
{
	if (fd >= 0)
		close(fd);
}

void workshop_release(struct workshop *w)
{
	progress_free(w->progress);
	close_room(w->packages);
	close_room(w->repodata);
	close_room(w->plans);
	close_room(w->lock);
	for (size_t i = 0; i < w->n_lower; i++) {
		close_room(w->lower_repodata[i]);
		close_room(w->lower_plans[i]);
	}
	free(w->lower_repodata);
	free(w->lower_plans);
	store_free(w->layers);
	http_free(w->http);
	channel_places_free(w->places);
	*w = (struct workshop){ .packages = -1, .repodata = -1, .plans = -1, .lock = -1 };
}

static bool recall(int plans, const char *name, uint64_t max, struct buf *ret)
{
	struct err none = ERR_INIT;

	return plans >= 0 && fs_exists(plans, name) && fs_read(plans, name, max, ret, &none) == 0;
}

bool workshop_recall(const struct workshop *w, const char *name, uint64_t max, struct buf *ret)
{
	bool there = recall(w->plans, name, max, ret);

	for (size_t i = 0; i < w->n_lower && !there; i++)
		there = recall(w->lower_plans[i], name, max, ret);
	return there;
}

bool workshop_remembers(const struct workshop *w, const char *name)
{
	bool there = fs_exists(w->plans, name);

	for (size_t i = 0; i < w->n_lower && !there; i++)
		there = w->lower_plans[i] >= 0 && fs_exists(w->lower_plans[i], name);
	return there;
}
