#include "cmd/workshop.h"

#include "base/fs.h"

static int open_room(int cache, const char *name, int *ret, struct err *err)
{
	*ret = fs_opendir(cache, name, err);
	return *ret < 0 ? -1 : 0;
}

int workshop_open(const struct settings *s, bool offline, struct workshop *ret, struct err *err)
{
	auto_fd cache = -1;

	*ret = (struct workshop){
		.packages = -1, .repodata = -1, .plans = -1, .threads = s->threads, .offline = offline
	};
	cache = fs_opendir(AT_FDCWD, s->cache_dir, err);
	if (cache < 0)
		return err_at(err, "cache");
	if (open_room(cache, "packages", &ret->packages, err) < 0 ||
	    open_room(cache, "repodata", &ret->repodata, err) < 0 || open_room(cache, "plans", &ret->plans, err) < 0)
		return err_at(err, "cache %s", s->cache_dir);
	ret->layers = store_open(cache, "layers", err);
	if (!ret->layers)
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
	close_room(w->packages);
	close_room(w->repodata);
	close_room(w->plans);
	store_free(w->layers);
	http_free(w->http);
	*w = (struct workshop){ .packages = -1, .repodata = -1, .plans = -1 };
}
