#include "cmd/solve_all.h"

#include <string.h>

#include "base/work.h"
#include "conda/matchspec.h"

/* ---- what stays ---- */

static bool has(const char *const *list, const char *text)
{
	for (; list && *list; list++)
		if (strcmp(*list, text) == 0)
			return true;
	return false;
}

static bool is_locked(const struct lock *l, const char *name)
{
	for (size_t i = 0; i < l->n_platforms; i++) {
		const struct lock_platform *p = &l->platforms[i];

		for (size_t k = 0; k < p->n_packages; k++)
			if (strcmp(p->packages[k].name, name) == 0)
				return true;
		for (size_t k = 0; k < p->n_libc_packages; k++)
			if (strcmp(p->libc_packages[k].name, name) == 0)
				return true;
	}
	return false;
}

static bool is_asked(const struct question *questions, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < questions[i].n_specs; k++)
			if (str_eq(matchspec_name_of(questions[i].specs[k]), name))
				return true;
	return false;
}

/* As the channel has it: "Numpy" is numpy. */
static int package_name(struct arena *a, struct str text, const char **ret, struct err *err)
{
	const char *name = arena_strndup(a, text.p, text.n);
	const struct matchspec *m = matchspec_parse(a, name, MATCHSPEC_V3, err);

	if (!m)
		return err_at(err, "--update");
	if (!m->name || strcmp(matchspec_text(a, m), m->name) != 0)
		return err_set(
			err, ERR_USAGE,
			"--update takes names of packages, not '%s': which version it may be, the environment says",
			name);
	*ret = m->name;
	return 0;
}

int kept_init(struct kept *ret, const struct lock *lock, const char *const *moving, size_t n,
	      const struct question *questions, size_t n_questions, struct err *err)
{
	size_t total = 0, count = 0;
	const char **names;

	*ret = (struct kept){ .lock = lock };
	for (size_t i = 0; i < n; i++)
		total += strlen(moving[i]) / 2 + 1;
	names = arena_array(&ret->arena, total + 1, sizeof(*names));
	for (size_t i = 0; i < n; i++) {
		struct str rest = str_of(moving[i]), name;

		while (str_cut(&rest, ',', &name)) {
			if (!name.n)
				continue;
			if (package_name(&ret->arena, name, &names[count++], err) < 0)
				return -1;
			if (!is_locked(lock, names[count - 1]) && !is_asked(questions, n_questions, names[count - 1]))
				return err_set(err, ERR_USAGE,
					       "--update names '%s', which is neither locked nor asked for",
					       names[count - 1]);
		}
	}
	ret->moving = names;
	return 0;
}

void kept_release(struct kept *k)
{
	arena_release(&k->arena);
	*k = (struct kept){ 0 };
}

/* ---- solving ---- */

struct run {
	const struct question *questions;
	const struct kept *kept;
	const struct workshop *workshop;
	struct repodata_set *sets;
	struct arena *arenas;
	struct lock_platform *answers;
	struct refusal *refusals;
	size_t n;
};

static void run_release(struct run *r)
{
	for (size_t i = 0; i < r->n; i++) {
		repodata_set_release(&r->sets[i]);
		arena_release(&r->arenas[i]);
	}
	free(r->sets);
	free(r->arenas);
	free(r->refusals);
}

static void favor(const struct record **list, size_t *n, const struct record *records, size_t n_records,
		  const char *const *moving, bool only_noarch)
{
	for (size_t i = 0; i < n_records; i++)
		if (!has(moving, records[i].name) && (!only_noarch || strcmp(records[i].subdir, "noarch") == 0))
			list[(*n)++] = &records[i];
}

/* What is locked for this platform; and of another platform than the first, what that has taken of noarch. */
static int solve_one(void *arg, size_t i, struct err *err)
{
	struct run *r = arg;
	const struct lock_platform *old =
		r->kept->lock ? lock_find(r->kept->lock, r->questions[i].platform->subdir) : NULL;
	size_t n = i ? r->answers[0].n_packages : 0;
	auto_free const struct record **list =
		mem_array(n + (old ? old->n_packages + old->n_libc_packages : 0), sizeof(*list));
	struct favored favored = { .list = list };

	if (old) {
		favor(list, &favored.n, old->packages, old->n_packages, r->kept->moving, false);
		favor(list, &favored.n, old->libc_packages, old->n_libc_packages, r->kept->moving, false);
	}
	if (i)
		favor(list, &favored.n, r->answers[0].packages, n, NULL, true);
	return resolve_solve(&r->questions[i], &r->sets[i], r->workshop, &favored, &r->arenas[i], &r->answers[i],
			     &r->refusals[i], err);
}

static int solve_other(void *arg, size_t i, struct err *err)
{
	return solve_one(arg, i + 1, err);
}

static int run_all(struct run *r, struct workshop *w, struct err *err)
{
	if (resolve_fetch(r->questions, r->n, w, r->sets, err) < 0)
		return -1;
	if (solve_one(r, 0, err) < 0)
		return -1;
	return r->n > 1 ? work_run(r->n - 1, w->threads, solve_other, r, err) : 0;
}

int solve_all(const struct question *questions, size_t n, const struct kept *kept, struct workshop *w, struct arena *a,
	      struct lock_platform *ret, struct refusal *refusal, struct err *err)
{
	CLEANUP(run_release)
	struct run r = { questions,
			 kept,
			 w,
			 mem_array(n, sizeof(*r.sets)),
			 mem_array(n, sizeof(*r.arenas)),
			 ret,
			 mem_array(n, sizeof(*r.refusals)),
			 n };
	int rc = run_all(&r, w, err);

	for (size_t i = 0; i < n; i++) {
		if (!refusal->n_why && r.refusals[i].n_why)
			*refusal = r.refusals[i];
		arena_join(a, &r.arenas[i]);
	}
	return rc;
}
