#include "cmd/resolve.h"

#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "channels/repodata.h"
#include "conda/libc.h"
#include "conda/matchspec.h"

#define GLIBC_UNKNOWN "2.28"	/* with --libc none: what conda-lock assumes of an unknown Linux */

/* ---- the question ---- */

/* A relative path without "./" is a name to conda; whoever has such a folder may have meant the folder. */
static void warn_of_folder(const char *text)
{
	auto_free char *noarch = mem_printf("%s/noarch", text);

	if (!str_starts(text, "/") && !str_starts(text, "./") && !str_starts(text, "../") && fs_exists(AT_FDCWD, noarch))
		log_warn("'%s' is taken as the name of a channel; for the folder write ./%s", text, text);
}

static int read_channels(struct question *q, const struct options *o, struct err *err)
{
	struct channel *list = NULL;
	size_t n = 0;
	const char *dir = input_dir(&q->arena, q->env->file);
	int rc = 0;

	for (size_t i = 0; i < o->n_channels; i++)
		warn_of_folder(o->channels[i]);
	for (size_t i = 0; rc == 0 && i < o->n_channels; i++)
		rc = channel_resolve(&q->arena, o->channels[i], ".", &list, &n, err);
	for (const char *const *c = q->env->channels; rc == 0 && !o->override_channels && *c; c++)
		rc = channel_resolve(&q->arena, *c, dir, &list, &n, err);
	if (rc == 0 && !n)
		rc = channel_resolve(&q->arena, CHANNEL_DEFAULT, dir, &list, &n, err);
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

static int read_specs(struct question *q, struct err *err)
{
	const char **specs = arena_array(&q->arena, q->env->n_specs + 1, sizeof(*specs));
	const char **canonical = arena_array(&q->arena, q->env->n_specs + 1, sizeof(*canonical));

	for (size_t i = 0; i < q->env->n_specs; i++) {
		const struct env_spec *s = &q->env->specs[i];
		const struct matchspec *m = matchspec_parse(&q->arena, s->text, MATCHSPEC_V3, err);

		if (!m)
			return err_at(err, "%s:%u", q->env->file, s->line);
		if (!m->name)
			return err_set(err, ERR_FORMAT, "%s:%u: '%s' has no plain package name, and a request needs one",
				       q->env->file, s->line, s->text);
		specs[i] = s->text;
		canonical[i] = matchspec_text(&q->arena, m);
	}
	q->specs = specs;
	q->n_specs = q->env->n_specs;
	if (q->n_specs)
		qsort(canonical, q->n_specs, sizeof(*canonical), str_ptr_cmp);
	q->canonical_specs = canonical;
	return 0;
}

static int read_virtuals(struct question *q, const struct settings *s, const char *base_glibc, struct err *err)
{
	const struct record *glibc;
	const char *known = base_glibc ? base_glibc : s->libc_none ? GLIBC_UNKNOWN : NULL;

	virtual_defaults(&q->arena, q->platform, known, &q->virtuals);
	if (settings_apply_virtuals(s, &q->arena, &q->virtuals, err) < 0)
		return -1;
	glibc = virtual_find(&q->virtuals, "__glibc");
	q->glibc = glibc ? glibc->version : NULL;
	q->libc = base_glibc ? "base" : s->libc_none ? "none" : "auto";
	return 0;
}

int question_make(const struct env *env, const struct options *o, const struct settings *s,
		  const struct platform *platform, const char *base_glibc, struct question *ret, struct err *err)
{
	*ret = (struct question){ .env = env, .platform = platform, .priority = s->priority };
	if (o->override_channels && !o->n_channels)
		return err_set(err, ERR_USAGE, "--override-channels leaves no channel: name one with -c");
	if (read_channels(ret, o, err) < 0 || read_specs(ret, err) < 0 || read_virtuals(ret, s, base_glibc, err) < 0)
		return -1;
	ret->content_hash = lock_content_hash(&ret->arena, &(struct lock_question){
		.subdir = platform->subdir,
		.channels = ret->channel_urls,
		.specs = ret->canonical_specs,
		.virtuals = virtual_texts(&ret->arena, &ret->virtuals),
		.priority = channel_priority_text(s->priority),
		.libc = ret->libc,
	});
	return 0;
}

void question_release(struct question *q)
{
	arena_release(&q->arena);
	*q = (struct question){ 0 };
}

/* ---- the answer ---- */

static int load(const struct question *q, struct workshop *w, struct index *ret, struct err *err)
{
	auto_arena a = { 0 };
	const char **names = arena_array(&a, q->n_specs + 2, sizeof(*names));
	struct repodata_stats stats = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < q->n_specs; i++) {
		struct str name = matchspec_name_of(q->specs[i]);

		names[n++] = arena_strndup(&a, name.p, name.n);
	}
	names[n++] = "pip";	/* which python brings */
	if (strcmp(q->libc, "auto") == 0)
		names[n++] = libc_package_name(&a, q->platform);
	if (repodata_load(w->http, &(struct repodata_request){ .channels = q->channels,
							      .n_channels = q->n_channels,
							      .subdir = q->platform->subdir,
							      .names = names,
							      .n_names = n,
							      .cachefd = w->repodata,
							      .offline = w->offline },
			  ret, &stats, err) < 0)
		return -1;
	log_debug("%zu records reached, %zu left out as unreadable%s%s", ret->n, stats.broken, stats.broken ? ": " : "",
		  stats.example);
	return 0;
}

/* The libc package, and through it the glibc of the machine that will be. */
static int settle_libc(const struct question *q, const struct index *ix, struct arena *a, struct virtual_set *virtuals,
		       struct lock_platform *ret, struct err *err)
{
	const char *name = libc_package_name(a, q->platform);
	const struct record *r;
	auto_buf channels = { 0 };

	if (strcmp(q->libc, "auto") != 0)
		return 0;
	r = libc_choose(ix, name, q->glibc);
	if (!r) {
		for (size_t i = 0; i < q->n_channels; i++)
			buf_addf(&channels, "%s%s", i ? ", " : "", q->channels[i].canonical);
		return err_set(err, ERR_UNSAT,
			       "there is no C library for the image: no package %s%s%s in %s; add a channel that has it (-c conda-forge), "
			       "put the image on a base (--base oci:DIR), or leave the C library out (--libc none)",
			       name, q->glibc ? " of version " : "", q->glibc ? q->glibc : "", channels.p);
	}
	ret->libc_packages = arena_dup(a, r, sizeof(*r));
	ret->n_libc_packages = 1;
	if (!q->glibc)
		return virtual_apply(a, virtuals, arena_printf(a, "__glibc=%s", r->version), err);
	return 0;
}

static void print_why(const struct question *q, const struct solution *s)
{
	if (!s->why || !s->why[0])
		return;
	fprintf(stderr, "Cannot solve %s for %s:\n", q->env->file, q->platform->subdir);
	for (const char *const *line = s->why; *line; line++)
		fprintf(stderr, "  %s%s\n", line == s->why && s->why[1] && str_ends(*line, ":") ? "" : "- ", *line);
}

static const char *const *channel_names(const struct question *q, struct arena *a)
{
	const char **names = arena_array(a, q->n_channels + 1, sizeof(*names));

	for (size_t i = 0; i < q->n_channels; i++)
		names[i] = q->channels[i].canonical;
	return names;
}

/* Records by value, in the lock's order; their strings still belong to the index. */
static void keep_records(const struct solution *s, struct arena *a, struct lock_platform *ret)
{
	struct record *records = arena_array(a, s->n, sizeof(*records));

	for (size_t i = 0; i < s->n; i++)
		records[i] = *s->records[i];
	lock_order(records, s->n);
	ret->packages = records;
	ret->n_packages = s->n;
}

int resolve(const struct question *q, struct workshop *w, struct arena *a, struct lock_platform *ret, struct err *err)
{
	struct index ix = { 0 };
	auto_solution solution = { 0 };
	struct virtual_set virtuals = q->virtuals;
	int rc;

	*ret = (struct lock_platform){ .subdir = q->platform->subdir, .content_hash = q->content_hash, .libc = q->libc };
	rc = load(q, w, &ix, err);
	if (rc == 0)
		rc = settle_libc(q, &ix, a, &virtuals, ret, err);
	if (rc == 0) {
		rc = solver_run(&(struct solve){ .index = &ix,
						 .specs = q->specs,
						 .n_specs = q->n_specs,
						 .virtuals = virtuals.records,
						 .n_virtuals = virtuals.n,
						 .channel_names = channel_names(q, a),
						 .priority = q->priority,
						 .python_needs_pip = true },
				&solution, err);
		if (rc < 0 && err->code == ERR_UNSAT) {
			print_why(q, &solution);
			err_clear(err);
			err_set(err, ERR_UNSAT, "%s cannot be met for %s", q->env->file, q->platform->subdir);
		}
	}
	if (rc == 0) {
		keep_records(&solution, a, ret);
		ret->virtuals = virtual_texts(a, &virtuals);
	}
	/* The records' strings live in the index, so the answer's arena takes it over. */
	arena_join(a, &ix.arena);
	return rc;
}

void resolve_lock(struct lock *ret, const struct question *q, const char *source, const struct lock_platform *platforms,
		  size_t n)
{
	const char **sources = arena_array(&ret->arena, 2, sizeof(*sources));

	sources[0] = source;
	ret->channels = q->channel_urls;
	ret->sources = sources;
	ret->requested = q->canonical_specs;
	ret->name = q->env->name;
	ret->priority = channel_priority_text(q->priority);
	ret->variables = q->env->variables;
	ret->n_variables = q->env->n_variables;
	ret->platforms = platforms;
	ret->n_platforms = n;
}

/* ---- the platform ---- */

static bool has_platform(const char *const *list, const char *subdir)
{
	for (; list && *list; list++)
		if (strcmp(*list, subdir) == 0)
			return true;
	return false;
}

const struct platform *resolve_platform(const struct settings *s, const struct input *in, struct err *err)
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
