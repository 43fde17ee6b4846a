#include "cmd/resolve.h"

#include <string.h>

#include "base/log.h"
#include "channels/provenance.h"
#include "cmd/near_names.h"
#include "conda/libc.h"
#include "conda/matchspec.h"

/* Where reaching begins: what is asked for, what python brings, the libc. */
static const char *const *first_names(const struct question *q, struct arena *a, size_t *n)
{
	const char **names = arena_array(a, q->n_specs + 2, sizeof(*names));

	*n = 0;
	for (size_t i = 0; i < q->n_specs; i++) {
		struct str name = matchspec_name_of(q->specs[i]);

		names[(*n)++] = arena_strndup(a, name.p, name.n);
	}
	names[(*n)++] = "pip";
	if (strcmp(q->libc, "auto") == 0)
		names[(*n)++] = libc_package_name(a, q->platform);
	return names;
}

static struct repodata_request request_of(const struct question *q, const struct workshop *w, const char *const *names,
					  size_t n)
{
	return (struct repodata_request){ .channels = q->channels,
					  .n_channels = q->n_channels,
					  .subdir = q->platform->subdir,
					  .names = names,
					  .n_names = n,
					  .cachefd = w->repodata,
					  .lower = w->lower_repodata,
					  .n_lower = w->n_lower,
					  .ttl = w->repodata_ttl,
					  .offline = w->offline,
					  .no_shards = w->no_shards,
					  .no_zst = w->no_zst };
}

int resolve_fetch(const struct question *q, size_t n, struct workshop *w, struct repodata_set *ret, struct err *err)
{
	auto_arena a = { 0 };
	struct repodata_request *list = arena_array(&a, n, sizeof(*list));

	for (size_t i = 0; i < n; i++) {
		const char *const *names;
		size_t n_names;

		progress_solve(w->progress, q[i].platform->subdir);
		names = first_names(&q[i], &a, &n_names);
		list[i] = request_of(&q[i], w, names, n_names);
	}
	return repodata_fetch_all(w->http, list, n, ret, err);
}

static int collect(const struct question *q, const struct repodata_set *set, struct index *ret, struct err *err)
{
	auto_arena a = { 0 };
	struct repodata_stats stats = { 0 };
	size_t n;
	const char *const *names = first_names(q, &a, &n);

	if (repodata_collect(set->all, set->n, names, n, ret, &stats, err) < 0)
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

static bool is_listed(const struct favored *favored, const struct record *r)
{
	for (size_t i = 0; i < favored->n; i++)
		if (strcmp(favored->list[i]->url, r->url) == 0)
			return true;
	return false;
}

/* The libc that is to stay, if it still will do; else the best. */
static const struct record *choose_libc(const struct question *q, const struct index *ix, const char *name,
					const struct favored *favored)
{
	struct record_range range = index_find(ix, name);

	for (size_t i = 0; i < range.n; i++)
		if (is_listed(favored, &range.first[i]) &&
		    (!q->glibc || version_text_cmp(range.first[i].version, q->glibc) == 0) &&
		    (!q->exclude_newer || record_time(&range.first[i]) <= q->exclude_newer))
			return &range.first[i];
	return libc_choose(ix, name, q->glibc, q->exclude_newer);
}

/* The versions of a C library that the image can get; NULL where it gets none. */
static const char *const *glibc_choices(const struct question *q, const struct index *ix, struct arena *a)
{
	const char *name = libc_package_name(a, q->platform), *before = "";
	struct record_range range = index_find(ix, name);
	const char **ret = arena_array(a, range.n + 1, sizeof(*ret));
	size_t n = 0;

	if (strcmp(q->libc, "auto") != 0)
		return NULL;
	for (size_t i = 0; i < range.n; i++) {
		if (strcmp(range.first[i].version, before) == 0 ||
		    (q->exclude_newer && record_time(&range.first[i]) > q->exclude_newer))
			continue;
		before = range.first[i].version;
		ret[n++] = before;
	}
	return ret;
}

/* ", only 2.17, 2.28": what there is instead of the version that was asked for. */
static const char *other_glibcs(const struct question *q, const struct index *ix, struct arena *a)
{
	const char *const *all = glibc_choices(q, ix, a);
	const char *ret = "";

	for (size_t i = 0; q->glibc && all && all[i]; i++)
		ret = arena_printf(a, "%s%s%s", ret, i ? ", " : ", only ", all[i]);
	return ret;
}

/* The libc package, and through it the glibc of the machine that will be. */
static int settle_libc(const struct question *q, const struct index *ix, const struct favored *favored, struct arena *a,
		       struct virtual_set *virtuals, struct lock_platform *ret, struct err *err)
{
	const char *name = libc_package_name(a, q->platform);
	const struct record *r;

	if (strcmp(q->libc, "auto") != 0)
		return 0;
	r = choose_libc(q, ix, name, favored);
	if (!r)
		return err_set(
			err, ERR_UNSAT,
			"there is no C library for the image: no package %s%s%s%s in %s%s; add a channel that has it (-c conda-forge), "
			"put the image on a base (--base oci:DIR), or leave the C library out (--libc none)",
			name, q->glibc ? " of version " : "", q->glibc ? q->glibc : "",
			q->exclude_newer ? " that --exclude-newer allows" : "", channel_list(q, a),
			other_glibcs(q, ix, a));
	ret->libc_packages = arena_dup(a, r, sizeof(*r));
	ret->n_libc_packages = 1;
	if (!q->glibc)
		return virtual_apply(a, virtuals, arena_printf(a, "__glibc=%s", r->version), err);
	return 0;
}

/* The platform, other than the question's, that has the name in indexes that are at hand; or NULL. */
static const char *elsewhere(const struct question *q, const struct workshop *w, const char *name)
{
	static const char *const others[] = { "linux-64", "linux-aarch64" };
	/* Its own, because other platforms may be solved at the same time; it asks nobody. */
	auto_http *http = http_new("condaimg/" CONDAIMG_VERSION);

	for (size_t i = 0; i < COUNT(others); i++) {
		auto_repodata_set set = { 0 };
		auto_index ix = { 0 };
		struct err err = ERR_INIT;
		struct repodata_request r = { .channels = q->channels,
					      .n_channels = q->n_channels,
					      .subdir = others[i],
					      .names = &name,
					      .n_names = 1,
					      .cachefd = w->repodata,
					      .offline = true };

		if (strcmp(others[i], q->platform->subdir) != 0 && repodata_fetch(http, &r, &set, &err) == 0 &&
		    repodata_collect(set.all, set.n, &name, 1, &ix, NULL, &err) == 0 && index_find(&ix, name).n)
			return others[i];
	}
	return NULL;
}

static struct why missing_name(const struct question *q, const struct repodata_set *set, const struct workshop *w,
			       const char *name, const char *spec, struct arena *a)
{
	const char *text = arena_printf(a, "there is no package '%s' in %s", name, channel_list(q, a));
	const char *other = elsewhere(q, w, name);
	struct near_names near = { "", NULL };

	if (other)
		text = arena_printf(a, "%s for %s; there is one for %s", text, q->platform->subdir, other);
	else
		near = near_names_of(a, set->all, set->n, name);
	return (struct why){ .kind = WHY_MISSING,
			     .text = arena_printf(a, "%s%s", text, near.text),
			     .name = name,
			     .specs = arena_strlist(a, &spec, 1),
			     .near = near.names };
}

static bool is_conditional(const char *spec)
{
	auto_arena a = { 0 };
	struct err err = ERR_INIT;
	const struct matchspec *m = matchspec_parse(&a, spec, MATCHSPEC_V3, &err);

	return m && m->when;
}

/* Names that no channel has, with those that look like them. False where there are none. */
static bool missing_names(const struct question *q, const struct index *ix, const struct repodata_set *set,
			  const struct workshop *w, struct arena *a, struct refusal *ret)
{
	struct why *list = arena_array(a, q->n_specs, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < q->n_specs; i++) {
		struct str text = matchspec_name_of(q->specs[i]);
		const char *name = arena_strndup(a, text.p, text.n);

		if (!str_starts(name, "__") && !index_find(ix, name).n && !is_conditional(q->specs[i]))
			list[n++] = missing_name(q, set, w, name, q->specs[i], a);
	}
	ret->why = list;
	ret->n_why = n;
	return n > 0;
}

static int unsatisfiable(const struct question *q, struct err *err)
{
	return err_set(err, ERR_UNSAT, "%s cannot be met for %s", q->env->file, q->platform->subdir);
}

/* An error that is one sentence, as a refusal of one step; what is left to say is that it cannot be met. */
static void refuse_plainly(const struct question *q, struct refusal *r, struct arena *a, struct err *err)
{
	struct why w = { .kind = WHY_MISSING, .text = arena_strdup(a, err->text) };

	if (err->code != ERR_UNSAT || r->n_why)
		return;
	r->why = arena_dup(a, &w, sizeof(w));
	r->n_why = 1;
	err_clear(err);
	unsatisfiable(q, err);
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

static int solve(const struct question *q, const struct index *ix, const struct favored *favored,
		 const struct virtual_set *virtuals, struct arena *a, struct lock_platform *ret,
		 struct refusal *refusal, struct err *err)
{
	struct solution solution = { 0 };
	struct solve s = {
		.index = ix,
		.specs = q->specs,
		.n_specs = q->n_specs,
		.virtuals = virtuals->records,
		.n_virtuals = virtuals->n,
		.glibc_from = strcmp(q->libc, "base") == 0   ? GLIBC_OF_BASE
			      : strcmp(q->libc, "none") == 0 ? GLIBC_ASSUMED
							     : GLIBC_OF_IMAGE,
		.glibc_choices = glibc_choices(q, ix, a),
		.pins = q->pins,
		.n_pins = q->n_pins,
		.channel_names = channel_names(q, a),
		.priority = q->priority,
		.exclude_newer = q->exclude_newer,
		.python_needs_pip = true,
		.favored = favored->list,
		.n_favored = favored->n,
	};
	int rc = solver_run(&s, &solution, err);

	if (rc == 0) {
		keep_records(&solution, a, ret);
		ret->virtuals = virtual_texts(a, virtuals);
	} else if (err->code == ERR_UNSAT && solution.n_why) {
		refusal->why = solution.why;
		refusal->n_why = solution.n_why;
		refusal->advice = solution.advice;
		err_clear(err);
		unsatisfiable(q, err);
	}
	arena_join(a, &solution.arena);
	return rc;
}

int resolve_solve(const struct question *q, const struct repodata_set *set, const struct workshop *w,
		  const struct favored *favored, struct arena *a, struct lock_platform *ret, struct refusal *refusal,
		  struct err *err)
{
	struct index ix = { 0 };
	struct virtual_set virtuals = q->virtuals;
	int rc;

	*ret = (struct lock_platform){ .subdir = q->platform->subdir,
				       .content_hash = q->content_hash,
				       .libc = q->libc };
	*refusal = (struct refusal){ .file = q->env->file, .subdir = q->platform->subdir };
	rc = collect(q, set, &ix, err);
	if (rc == 0 && missing_names(q, &ix, set, w, a, refusal))
		rc = unsatisfiable(q, err);
	if (rc == 0)
		rc = settle_libc(q, &ix, favored, a, &virtuals, ret, err);
	if (rc == 0)
		rc = solve(q, &ix, favored, &virtuals, a, ret, refusal, err);
	ret->provenance = rc == 0 ? provenance_text(a, &ix) : NULL;
	if (rc < 0)
		refuse_plainly(q, refusal, a, err);
	else
		progress_solved(w->progress, q->platform->subdir, ret->n_packages);
	/* The records' strings live in the index, so the answer's arena takes it over. */
	arena_join(a, &ix.arena);
	return rc;
}

int resolve(const struct question *q, struct workshop *w, struct arena *a, struct lock_platform *ret,
	    struct refusal *refusal, struct err *err)
{
	auto_repodata_set set = { 0 };

	if (resolve_fetch(q, 1, w, &set, err) < 0)
		return -1;
	return resolve_solve(q, &set, w, &(struct favored){ 0 }, a, ret, refusal, err);
}

int resolve_records(const struct question *q, const char *const *names, size_t n, struct workshop *w, struct index *ix,
		    struct err *err)
{
	auto_repodata_set set = { 0 };
	struct repodata_request r = request_of(q, w, names, n);

	if (repodata_fetch(w->http, &r, &set, err) < 0)
		return -1;
	return repodata_collect(set.all, set.n, names, n, ix, NULL, err);
}

int resolve_libc(const struct question *q, struct workshop *w, struct arena *a, struct lock_platform *ret,
		 struct err *err)
{
	auto_repodata_set set = { 0 };
	struct index ix = { 0 };
	struct virtual_set virtuals = q->virtuals;
	const char *const name = libc_package_name(a, q->platform);
	struct repodata_request r = request_of(q, w, &name, 1);
	int rc;

	progress_solve(w->progress, q->platform->subdir);
	rc = repodata_fetch(w->http, &r, &set, err);
	if (rc == 0)
		rc = repodata_collect(set.all, set.n, &name, 1, &ix, NULL, err);
	if (rc == 0)
		rc = settle_libc(q, &ix, &(struct favored){ 0 }, a, &virtuals, ret, err);
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
	ret->pins = q->canonical_pins;
	ret->exclude_newer = q->exclude_newer_text;
	ret->variables = q->env->variables;
	ret->n_variables = q->env->n_variables;
	ret->platforms = platforms;
	ret->n_platforms = n;
}
