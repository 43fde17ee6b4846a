#include "cmd/settings.h"

#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/num.h"
#include "base/work.h"
#include "conda/instant.h"
#include "conda/linked.h"

#define OVERRIDE "CONDA_OVERRIDE_"
#define EPOCH_MAX 253402300799 /* 9999-12-31 */
#define THREADS_MAX 256

extern char **environ;

static int override_cmp(const void *a, const void *b)
{
	return strcmp(((const struct override *)a)->name, ((const struct override *)b)->name);
}

static void read_overrides(struct settings *s)
{
	for (char **e = environ; *e; e++) {
		struct str rest = str_of(*e), name;

		if (!str_starts(*e, OVERRIDE) || !str_cut(&rest, '=', &name) || !rest.p)
			continue;
		mem_grow(s->overrides, s->n_overrides);
		s->overrides[s->n_overrides++] = (struct override){
			arena_strndup(&s->arena, name.p + strlen(OVERRIDE), name.n - strlen(OVERRIDE)), rest.p
		};
	}
	if (s->n_overrides)
		qsort(s->overrides, s->n_overrides, sizeof(*s->overrides), override_cmp);
}

/* Caches that are only read: further options, then those of the variable, with ':' between. */
static void read_lower_caches(const struct options *o, struct settings *s)
{
	const char *more = config_variable("CONDAIMG_CACHE_DIRS");
	struct str rest = str_of(more ? more : ""), part;
	const char **list = NULL, *path;
	size_t n = 0;

	for (size_t i = 1; i < o->n_cache_dirs; i++) {
		mem_grow(list, n);
		list[n++] = o->cache_dirs[i];
	}
	while (str_cut(&rest, ':', &part)) {
		path = arena_strndup(&s->arena, part.p, part.n);
		if (!*path || !fs_exists(AT_FDCWD, path))
			continue;
		mem_grow(list, n);
		list[n++] = path;
	}
	s->sources.caches = arena_strlist(&s->arena, list, n);
	free(list);
}

static int read_cache_dir(const struct options *o, struct settings *s, struct err *err)
{
	const char *dir = o->n_cache_dirs ? o->cache_dirs[0] : config_variable("CONDAIMG_CACHE_DIR");
	const char *home = config_variable("HOME"), *xdg = config_variable("XDG_CACHE_HOME");

	read_lower_caches(o, s);
	if (dir && *dir)
		s->cache_dir = dir;
	else if (xdg && *xdg == '/')
		s->cache_dir = arena_printf(&s->arena, "%s/condaimg", xdg);
	else if (home && *home == '/')
		s->cache_dir = arena_printf(&s->arena, "%s/.cache/condaimg", home);
	else
		return err_set(err, ERR_USAGE, "there is no HOME to keep a cache in; use --cache-dir DIR");
	return 0;
}

static int read_epoch(struct settings *s, struct err *err)
{
	const char *text = getenv("SOURCE_DATE_EPOCH");
	uint64_t v;

	s->epoch = -1;
	if (!text || !*text)
		return 0;
	if (!num_parse(text, EPOCH_MAX, &v))
		return err_set(err, ERR_USAGE, "SOURCE_DATE_EPOCH is '%s', expected seconds since 1970", text);
	s->epoch = (int64_t)v;
	return 0;
}

static int read_count(const char *option, const char *text, uint64_t dflt, uint64_t max, uint64_t *ret, struct err *err)
{
	*ret = dflt;
	if (!text)
		return 0;
	if (!num_parse(text, max, ret) || *ret == 0)
		return err_set(err, ERR_USAGE, "--%s is '%s', expected a number from 1 to %llu", option, text,
			       (unsigned long long)max);
	return 0;
}

/* One of two words, the first of which is the default. */
static int read_choice(const char *option, const char *text, const char *first, const char *second, bool *is_second,
		       struct err *err)
{
	*is_second = text && strcmp(text, second) == 0;
	if (!text || *is_second || strcmp(text, first) == 0)
		return 0;
	return err_set(err, ERR_USAGE, "--%s is '%s', expected %s or %s", option, text, first, second);
}

/* "/opt/env/" is "/opt/env". */
static int read_prefix(const struct options *o, struct settings *s, struct err *err)
{
	const char *said = o->prefix ? o->prefix : PREFIX_DEFAULT, *mount;
	size_t n = strlen(said);

	while (n > 1 && said[n - 1] == '/')
		n--;
	s->prefix = arena_strndup(&s->arena, said, n);
	if (strcmp(s->prefix, "/") == 0)
		return err_set(err, ERR_USAGE, "--prefix is '%s', expected a directory below /", said);
	if (prefix_check(s->prefix, err) < 0)
		return -1;
	mount = app_mount_at(s->prefix, true);
	return mount ? err_set(err, ERR_USAGE,
			       "--prefix is '%s', but what an image has in %s is hidden in many running containers",
			       said, mount)
		     : 0;
}

static int read_libc(const struct options *o, struct settings *s, struct err *err)
{
	if (o->libc && strcmp(o->libc, "auto") != 0 && strcmp(o->libc, "none") != 0)
		return err_set(err, ERR_USAGE, "--libc is '%s', expected auto or none", o->libc);
	s->libc_none = o->libc && strcmp(o->libc, "none") == 0;
	return 0;
}

static int read_images(const struct options *o, struct settings *s, struct err *err)
{
	s->tags = o->tags;
	s->n_tags = o->n_tags;
	if (o->base && strcmp(o->base, "scratch") != 0) {
		s->has_base = true;
		if (dest_parse(&s->arena, o->base, &s->base, err) < 0)
			return err_at(err, "--base");
	}
	if (o->output) {
		s->has_output = true;
		if (dest_parse(&s->arena, o->output, &s->output, err) < 0)
			return err_at(err, "--output");
	}
	if (s->has_output && s->output.type == DEST_DOCKER_ARCHIVE && s->codec.type == CODEC_ZSTD)
		return err_set(
			err, ERR_USAGE,
			"--compression zstd is not for docker-archive:, which docker load cannot read everywhere; "
			"use --compression gzip, or oci-archive:");
	return 0;
}

static int platform_cmp(const void *x, const void *y)
{
	const struct platform *const *a = x, *const *b = y;

	return strcmp((*a)->subdir, (*b)->subdir);
}

/* "linux-64", or several with commas between, or the option several times. */
static int read_platforms(const struct options *o, struct settings *s, struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < o->n_platforms; i++) {
		struct str rest = str_of(o->platforms[i]), part;

		while (str_cut(&rest, ',', &part)) {
			const struct platform *p = platform_parse(arena_strndup(&s->arena, part.p, part.n), err);

			if (!p)
				return -1;
			if (!s->platform)
				s->platform = p;
			mem_grow(s->platforms, s->n_platforms);
			s->platforms[s->n_platforms++] = p;
		}
	}
	if (s->n_platforms)
		qsort(s->platforms, s->n_platforms, sizeof(*s->platforms), platform_cmp);
	for (size_t i = 0; i < s->n_platforms; i++)
		if (!n || s->platforms[n - 1] != s->platforms[i])
			s->platforms[n++] = s->platforms[i];
	s->n_platforms = n;
	return 0;
}

int settings_one_platform(const struct settings *s, struct err *err)
{
	if (s->n_platforms > 1)
		return err_set(err, ERR_USAGE, "--platform names %zu platforms, and only lock and build take several",
			       s->n_platforms);
	return 0;
}

int settings_read(const struct options *o, struct settings *ret, struct err *err)
{
	uint64_t layers, threads;

	*ret = (struct settings){ .options = o,
				  .codec = CODEC_GZIP_DEFAULT,
				  .priority = PRIORITY_FLEXIBLE,
				  .virtual_packages = o->virtual_packages,
				  .n_virtual_packages = o->n_virtual_packages,
				  .cuda = o->cuda,
				  .priority_said = o->channel_priority != NULL,
				  .host = platform_host(),
				  .offline = o->offline };
	if (read_platforms(o, ret, err) < 0)
		return -1;
	if (progress_parse(o->progress, &ret->progress, err) < 0)
		return -1;
	if (o->exclude_newer && instant_parse(o->exclude_newer, &ret->exclude_newer, err) < 0)
		return err_at(err, "--exclude-newer");
	if (o->compression && codec_parse(o->compression, &ret->codec, err) < 0)
		return err_at(err, "--compression %s", o->compression);
	if (o->channel_priority && channel_priority_parse(o->channel_priority, &ret->priority, err) < 0)
		return -1;
	if (read_prefix(o, ret, err) < 0 ||
	    read_count("layers", o->layers, LAYERS_DEFAULT, LAYERS_LIMIT, &layers, err) < 0 ||
	    read_count("jobs", o->jobs, work_cpus(), THREADS_MAX, &threads, err) < 0)
		return -1;
	ret->layers = layers;
	ret->threads = (unsigned)threads;
	read_overrides(ret);
	if (read_choice("link-scripts", o->link_scripts, "fail", "ignore", &ret->ignore_link_scripts, err) < 0 ||
	    read_choice("clobber", o->clobber, "warn", "error", &ret->refuse_clobbers, err) < 0)
		return -1;
	if (app_read(o, &ret->arena, &ret->app, err) < 0 || read_libc(o, ret, err) < 0 ||
	    read_images(o, ret, err) < 0 || read_epoch(ret, err) < 0)
		return -1;
	return read_cache_dir(o, ret, err);
}

/* CONDA_SUBDIR may be of a system that has no containers of ours. */
static void take_subdir(struct settings *s)
{
	const char *subdir = condarc_text(&s->config.rc, CONDARC_SUBDIR);
	struct err err = ERR_INIT;
	const struct platform *p = subdir ? platform_parse(subdir, &err) : NULL;

	if (p)
		s->host = p;
	else if (subdir)
		log_debug("%s: subdir is not heeded: %s", condarc_from(&s->config.rc, CONDARC_SUBDIR), err.text);
}

int settings_configure(const struct options *o, struct settings *s, struct err *err)
{
	const char *priority;

	if (config_read(o->condarc, &s->config, err) < 0)
		return -1;
	priority = condarc_text(&s->config.rc, CONDARC_CHANNEL_PRIORITY);
	if (!s->priority_said && priority && channel_priority_parse(priority, &s->priority, err) < 0)
		return -1;
	s->offline = o->offline || condarc_bool(&s->config.rc, CONDARC_OFFLINE, false);
	take_subdir(s);
	s->sources.folders = sources_folders(&s->arena, &s->config);
	return 0;
}

void settings_release(struct settings *s)
{
	config_release(&s->config);
	free(s->overrides);
	free(s->platforms);
	arena_release(&s->arena);
	*s = (struct settings){ 0 };
}

int settings_apply_virtuals(const struct settings *s, struct arena *a, struct virtual_set *set, struct err *err)
{
	for (size_t i = 0; i < s->n_overrides; i++)
		if (virtual_override(a, set, s->overrides[i].name, s->overrides[i].value, err) < 0)
			return err_at(err, OVERRIDE "%s", s->overrides[i].name);
	for (size_t i = 0; i < s->n_virtual_packages; i++)
		if (virtual_apply(a, set, s->virtual_packages[i], err) < 0)
			return err_at(err, "--virtual-package");
	if (s->cuda && virtual_apply(a, set, arena_printf(a, "__cuda=%s", s->cuda), err) < 0)
		return err_at(err, "--cuda %s", s->cuda);
	return 0;
}
