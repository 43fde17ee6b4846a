#include "cmd/workshop.h"

#include "base/fs.h"
#include "base/log.h"

static int open_room(int cache, const char *name, int *ret, struct err *err)
{
	*ret = fs_opendir(cache, name, err);
	return *ret < 0 ? -1 : 0;
}

/* Layers of further caches. One that has none yet is no reason not to go on. */
static int open_lower(const struct settings *s, struct workshop *w, struct err *err)
{
	for (const char *const *c = s->sources.caches; *c; c++) {
		auto_fd dir = fs_opendir_existing(AT_FDCWD, *c, err);

		if (dir < 0)
			return -1;
		if (fs_exists(dir, "layers/blobs/sha256") && store_add_lower(w->layers, dir, "layers", err) < 0)
			return -1;
	}
	return 0;
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
	store_free(w->layers);
	http_free(w->http);
	*w = (struct workshop){ .packages = -1, .repodata = -1, .plans = -1, .lock = -1 };
}
