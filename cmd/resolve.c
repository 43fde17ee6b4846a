#include "cmd/resolve.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "channels/repodata.h"
#include "conda/libc.h"
#include "conda/matchspec.h"

#define SIMILAR_MAX 3

static int load(const struct question *q, struct workshop *w, struct repodata_set *set, struct index *ret,
		struct err *err)
{
	auto_arena a = { 0 };
	const char **names = arena_array(&a, q->n_specs + 2, sizeof(*names));
	struct repodata_stats stats = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < q->n_specs; i++) {
		struct str name = matchspec_name_of(q->specs[i]);

		names[n++] = arena_strndup(&a, name.p, name.n);
	}
	names[n++] = "pip"; /* which python brings */
	if (strcmp(q->libc, "auto") == 0)
		names[n++] = libc_package_name(&a, q->platform);
	if (repodata_fetch(w->http,
			   &(struct repodata_request){ .channels = q->channels,
						       .n_channels = q->n_channels,
						       .subdir = q->platform->subdir,
						       .cachefd = w->repodata,
						       .offline = w->offline },
			   set, err) < 0 ||
	    repodata_collect(set->all, set->n, names, n, ret, &stats, err) < 0)
		return -1;
	log_debug("%zu records reached, %zu left out as unreadable%s%s", ret->n, stats.broken, stats.broken ? ": " : "",
		  stats.example);
	return 0;
}

/* "https://a, https://b" */
static const char *channel_list(const struct question *q, struct arena *a)
{
	auto_buf b = { 0 };

	for (size_t i = 0; i < q->n_channels; i++)
		buf_addf(&b, "%s%s", i ? ", " : "", q->channels[i].canonical);
	return arena_strdup(a, buf_cstr(&b));
}

/* The libc package, and through it the glibc of the machine that will be. */
static int settle_libc(const struct question *q, const struct index *ix, struct arena *a, struct virtual_set *virtuals,
		       struct lock_platform *ret, struct err *err)
{
	const char *name = libc_package_name(a, q->platform);
	const struct record *r;

	if (strcmp(q->libc, "auto") != 0)
		return 0;
	r = libc_choose(ix, name, q->glibc);
	if (!r)
		return err_set(
			err, ERR_UNSAT,
			"there is no C library for the image: no package %s%s%s in %s; add a channel that has it (-c conda-forge), "
			"put the image on a base (--base oci:DIR), or leave the C library out (--libc none)",
			name, q->glibc ? " of version " : "", q->glibc ? q->glibc : "", channel_list(q, a));
	ret->libc_packages = arena_dup(a, r, sizeof(*r));
	ret->n_libc_packages = 1;
	if (!q->glibc)
		return virtual_apply(a, virtuals, arena_printf(a, "__glibc=%s", r->version), err);
	return 0;
}

/* Names that no channel has, with those that look like them. NULL where there are none. */
static const char *const *missing_names(const struct question *q, const struct index *ix,
					const struct repodata_set *set, struct arena *a)
{
	const char **lines = arena_array(a, q->n_specs + 1, sizeof(*lines));
	size_t n = 0;

	for (size_t i = 0; i < q->n_specs; i++) {
		struct str text = matchspec_name_of(q->specs[i]);
		const char *name = arena_strndup(a, text.p, text.n);
		const char *const *similar;

		if (str_starts(name, "__") || index_find(ix, name).n || strstr(q->specs[i], "when"))
			continue;
		lines[n] = arena_printf(a, "there is no package '%s' in %s", name, channel_list(q, a));
		similar = repodata_similar(a, set->all, set->n, name, SIMILAR_MAX);
		for (size_t k = 0; similar[k]; k++)
			lines[n] = arena_printf(a, "%s%s %s%s", lines[n], k ? "," : "; did you mean", similar[k],
						similar[k + 1] ? "" : "?");
		n++;
	}
	return n ? lines : NULL;
}

static int unsatisfiable(const struct question *q, const char *const *why, struct err *err)
{
	fprintf(stderr, "Cannot solve %s for %s:\n", q->env->file, q->platform->subdir);
	for (const char *const *line = why; line && *line; line++)
		fprintf(stderr, "  %s%s\n", line == why && why[1] && str_ends(*line, ":") ? "" : "- ", *line);
	return err_set(err, ERR_UNSAT, "%s cannot be met for %s", q->env->file, q->platform->subdir);
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

static int solve(const struct question *q, const struct index *ix, const struct repodata_set *set,
		 const struct virtual_set *virtuals, struct arena *a, struct lock_platform *ret, struct err *err)
{
	const char *const *missing = missing_names(q, ix, set, a);
	auto_solution solution = { 0 };
	struct solve s = {
		.index = ix,
		.specs = q->specs,
		.n_specs = q->n_specs,
		.virtuals = virtuals->records,
		.n_virtuals = virtuals->n,
		.channel_names = channel_names(q, a),
		.priority = q->priority,
		.python_needs_pip = true,
	};

	if (missing)
		return unsatisfiable(q, missing, err);
	if (solver_run(&s, &solution, err) < 0) {
		if (err->code != ERR_UNSAT)
			return -1;
		err_clear(err);
		return unsatisfiable(q, solution.why, err);
	}
	keep_records(&solution, a, ret);
	ret->virtuals = virtual_texts(a, virtuals);
	return 0;
}

int resolve(const struct question *q, struct workshop *w, struct arena *a, struct lock_platform *ret, struct err *err)
{
	auto_repodata_set set = { 0 };
	struct index ix = { 0 };
	struct virtual_set virtuals = q->virtuals;
	int rc;

	*ret = (struct lock_platform){ .subdir = q->platform->subdir,
				       .content_hash = q->content_hash,
				       .libc = q->libc };
	rc = load(q, w, &set, &ix, err);
	if (rc == 0)
		rc = settle_libc(q, &ix, a, &virtuals, ret, err);
	if (rc == 0)
		rc = solve(q, &ix, &set, &virtuals, a, ret, err);
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
