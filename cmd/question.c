#include "cmd/question.h"

#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "conda/instant.h"
#include "conda/matchspec.h"
#include "conda/virtual_file.h"

#define VIRTUAL_FILE_MAX ((uint64_t)1 << 20)
#define GLIBC_UNKNOWN "2.28" /* with --libc none: what conda-lock assumes of an unknown Linux */

/* A relative path without "./" is a name to conda; whoever has such a folder may have meant the folder. */
static void warn_of_folder(const char *text)
{
	auto_free char *noarch = mem_printf("%s/noarch", text);

	if (!str_starts(text, "/") && !str_starts(text, "./") && !str_starts(text, "../") &&
	    fs_exists(AT_FDCWD, noarch))
		log_warn("'%s' is taken as the name of a channel; for the folder write ./%s", text, text);
}

static int read_channels(struct question *q, const struct options *o, struct err *err)
{
	struct channel *list = NULL;
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; i < o->n_channels; i++)
		warn_of_folder(o->channels[i]);
	for (size_t i = 0; rc == 0 && i < o->n_channels; i++)
		rc = channel_resolve(&q->arena, o->channels[i], ".", &list, &n, err);
	for (size_t i = 0; rc == 0 && !o->override_channels && q->env->channels[i]; i++)
		rc = channel_resolve(&q->arena, q->env->channels[i], input_dir(&q->arena, q->env->channel_files[i]),
				     &list, &n, err);
	if (rc == 0 && !n)
		rc = channel_resolve(&q->arena, CHANNEL_DEFAULT, ".", &list, &n, err);
	if (rc == 0) {
		const char **urls = arena_array(&q->arena, n + 1, sizeof(*urls));

		for (size_t i = 0; i < n; i++)
			urls[i] = list[i].canonical;
		q->channels = arena_dup(&q->arena, list, n * sizeof(*list));
		q->n_channels = n;
		q->channel_urls = urls;
	}
	free(list);
	return rc;
}

static bool asks_for(const struct question *q, const char *name)
{
	for (size_t i = 0; i < q->n_specs; i++)
		if (str_eq(matchspec_name_of(q->specs[i]), name))
			return true;
	return false;
}

static int read_spec(struct question *q, const char *text, const char **canonical, struct err *err)
{
	const struct matchspec *m = matchspec_parse(&q->arena, text, MATCHSPEC_V3, err);

	if (!m)
		return -1;
	if (!m->name)
		return err_set(err, ERR_FORMAT, "'%s' has no plain package name, and a request needs one", text);
	*canonical = matchspec_text(&q->arena, m);
	return 0;
}

static int read_specs(struct question *q, const struct settings *s, struct err *err)
{
	static const char *const shell[] = { "bash", "coreutils" };
	size_t max = q->env->n_specs + COUNT(shell);
	const char **specs = arena_array(&q->arena, max + 1, sizeof(*specs));
	const char **canonical = arena_array(&q->arena, max + 1, sizeof(*canonical));

	q->specs = specs;
	for (size_t i = 0; i < q->env->n_specs; i++, q->n_specs++) {
		specs[i] = q->env->specs[i].text;
		if (read_spec(q, specs[i], &canonical[i], err) < 0)
			return err_at(err, "%s:%u", q->env->specs[i].file, q->env->specs[i].line);
	}
	for (size_t i = 0; s->app.shell && i < COUNT(shell); i++)
		if (!asks_for(q, shell[i]))
			specs[q->n_specs] = canonical[q->n_specs] = shell[i], q->n_specs++;
	if (q->n_specs)
		qsort(canonical, q->n_specs, sizeof(*canonical), str_ptr_cmp);
	q->canonical_specs = canonical;
	return 0;
}

/* The file that is named, or the one beside the first environment file; NULL where there is none. */
static const char *find_virtual_file(struct question *q, const struct options *o)
{
	static const char *const names[] = { "virtual-packages.yml", "virtual-packages.yaml" };
	const char *beside = q->env->files[0];

	if (o->virtual_package_spec)
		return o->virtual_package_spec;
	for (size_t i = 0; strcmp(beside, "-") != 0 && i < COUNT(names); i++) {
		const char *path = arena_printf(&q->arena, "%s/%s", input_dir(&q->arena, beside), names[i]);

		if (fs_exists(AT_FDCWD, path))
			return path;
	}
	return NULL;
}

static int read_virtual_file(struct question *q, const struct options *o, struct err *err)
{
	const char *path = find_virtual_file(q, o);
	auto_buf text = { 0 };

	if (!path)
		return 0;
	if (!o->virtual_package_spec)
		log_info("virtual packages are those of %s", path);
	if (fs_read(AT_FDCWD, path, VIRTUAL_FILE_MAX, &text, err) < 0)
		return -1;
	return virtual_file_apply(&q->arena, buf_cstr(&text), text.n, path, q->platform->subdir, &q->virtuals, err);
}

static int read_pins(struct question *q, const struct options *o, struct err *err)
{
	const char **canonical = arena_array(&q->arena, o->n_pins + 1, sizeof(*canonical));

	for (size_t i = 0; i < o->n_pins; i++) {
		const struct matchspec *m = matchspec_parse(&q->arena, o->pins[i], MATCHSPEC_V3, err);

		if (!m)
			return err_at(err, "--pin");
		if (!m->name || m->when)
			return err_set(err, ERR_USAGE, "--pin is '%s', expected a package name and what it must meet",
				       o->pins[i]);
		canonical[i] = matchspec_text(&q->arena, m);
	}
	if (o->n_pins)
		qsort(canonical, o->n_pins, sizeof(*canonical), str_ptr_cmp);
	q->pins = o->pins;
	q->n_pins = o->n_pins;
	q->canonical_pins = canonical;
	return 0;
}

static int read_virtuals(struct question *q, const struct options *o, const struct settings *s, const char *base_glibc,
			 struct err *err)
{
	const struct record *glibc;
	const char *known = base_glibc ? base_glibc : s->libc_none ? GLIBC_UNKNOWN : NULL;

	virtual_defaults(&q->arena, q->platform, known, &q->virtuals);
	if (read_virtual_file(q, o, err) < 0 || settings_apply_virtuals(s, &q->arena, &q->virtuals, err) < 0)
		return -1;
	glibc = virtual_find(&q->virtuals, "__glibc");
	q->glibc = glibc ? glibc->version : NULL;
	q->libc = base_glibc ? "base" : s->libc_none ? "none" : "auto";
	return 0;
}

int question_make(const struct env *env, const struct options *o, const struct settings *s,
		  const struct platform *platform, const char *base_glibc, struct question *ret, struct err *err)
{
	*ret = (struct question){
		.env = env, .platform = platform, .priority = s->priority, .exclude_newer = s->exclude_newer
	};
	if (o->override_channels && !o->n_channels)
		return err_set(err, ERR_USAGE, "--override-channels leaves no channel: name one with -c");
	if (read_channels(ret, o, err) < 0 || read_specs(ret, s, err) < 0 || read_pins(ret, o, err) < 0 ||
	    read_virtuals(ret, o, s, base_glibc, err) < 0)
		return -1;
	if (s->exclude_newer)
		ret->exclude_newer_text = instant_text(&ret->arena, s->exclude_newer);
	ret->content_hash =
		lock_content_hash(&ret->arena, &(struct lock_question){
						       .subdir = platform->subdir,
						       .channels = ret->channel_urls,
						       .specs = ret->canonical_specs,
						       .virtuals = virtual_texts(&ret->arena, &ret->virtuals),
						       .priority = channel_priority_text(s->priority),
						       .libc = ret->libc,
						       .pins = ret->canonical_pins,
						       .exclude_newer = ret->exclude_newer_text,
					       });
	return 0;
}

void question_release(struct question *q)
{
	arena_release(&q->arena);
	*q = (struct question){ 0 };
}

static bool has_platform(const char *const *list, const char *subdir)
{
	for (; list && *list; list++)
		if (strcmp(*list, subdir) == 0)
			return true;
	return false;
}

const struct platform *question_platform(const struct settings *s, const struct input *in, struct err *err)
{
	const struct platform *host = platform_host();

	if (s->platform)
		return s->platform;
	if (in->is_lock) {
		if (in->lock.n_platforms == 0 || lock_find(&in->lock, host->subdir))
			return host;
		return platform_parse(in->lock.platforms[0].subdir, err);
	}
	if (!in->env.platforms[0] || has_platform(in->env.platforms, host->subdir))
		return host;
	return platform_parse(in->env.platforms[0], err);
}
