#include "cmd/paths_plan.h"

#include <string.h>

#include "base/log.h"
#include "base/work.h"
#include "cmd/activation.h"
#include "cmd/link_effects.h"

#define TOLD_MAX 5 /* names in one error */

/* Texts while they are gathered; in an arena. */
struct texts {
	struct arena *arena;
	const char **list;
	size_t n;
};

static void add_text(struct texts *t, const char *text)
{
	mem_grow(t->list, t->n);
	t->list[t->n++] = text;
}

static const char *const *keep(struct texts *t)
{
	const char *const *ret = arena_strlist(t->arena, t->list, t->n);

	free(t->list);
	*t = (struct texts){ .arena = t->arena };
	return ret;
}

/* ---- two packages, one path ---- */

static int clobber_cmp(const void *x, const void *y)
{
	const struct clobber *a = *(const struct clobber *const *)x, *b = *(const struct clobber *const *)y;

	if (a->loser != b->loser)
		return a->loser < b->loser ? -1 : 1;
	if (a->winner != b->winner)
		return a->winner < b->winner ? -1 : 1;
	return strcmp(a->path, b->path);
}

/* The n clobbers of one pair. */
static const char *tell_pair(struct assembly *a, const struct clobber *const *c, size_t n)
{
	const char *winner = a->packages[c[0]->winner].fn, *more = "";

	if (n > 1)
		more = arena_printf(&a->arena, " and %zu path%s more", n - 1, n == 2 ? "" : "s");
	return arena_printf(&a->arena, "%s and %s differ in '%s'%s; the image has what %s brings",
			    a->packages[c[0]->loser].fn, winner, c[0]->path, more, winner);
}

static const char *const *tell_clobbers(struct assembly *a, const struct clobber_plan *plan)
{
	auto_free const struct clobber **list = mem_array(plan->n_clobbers + 1, sizeof(*list));
	struct texts t = { .arena = &a->arena };
	size_t n = 0;

	for (size_t i = 0; i < plan->n_clobbers; i++)
		if (!plan->clobbers[i].same) {
			list[n++] = &plan->clobbers[i];
			log_debug("%s: %s has it, %s too", plan->clobbers[i].path,
				  a->packages[plan->clobbers[i].winner].fn, a->packages[plan->clobbers[i].loser].fn);
		}
	if (n)
		qsort(list, n, sizeof(*list), clobber_cmp);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i; end < n && list[end]->loser == list[i]->loser && list[end]->winner == list[i]->winner;)
			end++;
		add_text(&t, tell_pair(a, &list[i], end - i));
	}
	return keep(&t);
}

/* ---- which files there are ---- */

struct place {
	const struct assembly *a;
	const struct linked_list *lists;
};

/* The first path of the list that is not before the len bytes at path. */
static const struct linked_path *lower_bound(const struct linked_list *l, const char *path, size_t len)
{
	size_t lo = 0, hi = l->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strncmp(l->paths[mid].path, path, len) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < l->n ? &l->paths[lo] : NULL;
}

/* What the len bytes at path are; they are clean. */
static enum script_file kind_of(const struct place *p, const char *path, size_t len)
{
	static const enum script_file kinds[] = {
		[PATH_FILE] = SCRIPT_FILE, [PATH_SYMLINK] = SCRIPT_LINK, [PATH_DIR] = SCRIPT_DIR
	};
	auto_free char *dir = mem_printf("%.*s/", (int)len, path);

	for (size_t i = 0; i < p->a->lp->n_packages; i++) {
		const struct linked_path *is = linked_find(&p->lists[i], path, len);
		const struct linked_path *below = lower_bound(&p->lists[i], dir, len + 1);

		if (is)
			return kinds[is->type];
		if (below && strncmp(below->path, dir, len + 1) == 0)
			return SCRIPT_DIR;
	}
	return len == strlen("conda-meta") && strncmp(path, "conda-meta", len) == 0 ? SCRIPT_DIR : SCRIPT_NONE;
}

/* path without "//", and without '/' at its end. */
static char *squeeze(const char *path)
{
	auto_buf b = { 0 };

	for (; *path; path++)
		if (path[0] != '/' || (path[1] != '/' && path[1]))
			buf_addc(&b, *path);
	return buf_detach(&b);
}

static enum script_file look(void *arg, const char *path)
{
	const struct place *p = arg;
	auto_free char *clean = squeeze(path);
	size_t skip = strlen(p->a->prefix.path);
	const char *rest = clean + skip;

	if (strncmp(clean, p->a->prefix.path, skip) != 0 || (*rest && *rest != '/'))
		return SCRIPT_UNKNOWN;
	if (!*rest)
		return SCRIPT_DIR;
	rest++;
	if (tree_path_fault(rest))
		return SCRIPT_UNKNOWN;
	for (const char *slash = strchr(rest, '/'); slash; slash = strchr(slash + 1, '/')) {
		enum script_file is = kind_of(p, rest, (size_t)(slash - rest));

		if (is == SCRIPT_LINK)
			return SCRIPT_UNKNOWN;
		if (is != SCRIPT_DIR)
			return SCRIPT_NONE;
	}
	return kind_of(p, rest, strlen(rest));
}

/* ---- link scripts ---- */

static enum script_file look_nowhere(void *arg, const char *path)
{
	(void)arg;
	(void)path;
	return SCRIPT_UNKNOWN;
}

/* Whether a link script only says something, which nobody would read. */
static int only_talks(struct assembly *a, const struct record *r, const struct activation_file *f, struct err *why)
{
	auto_script_env e = { 0 };
	auto_free char *messages = mem_printf("%s/.messages.txt", a->prefix.path);
	auto_free char *number = mem_printf("%llu", (unsigned long long)r->build_number);
	struct script_host host = { .look = look_nowhere, .messages = messages, .is_process = true };

	script_env_init(&e, &a->arena);
	script_env_set(&e, "PREFIX", a->prefix.path);
	script_env_set(&e, "PKG_NAME", r->name);
	script_env_set(&e, "PKG_VERSION", r->version);
	script_env_set(&e, "PKG_BUILDNUM", number);
	return script_run(&e, str_of(f->text), &host, why);
}

/* Whether condaimg can do what the script would. */
static bool can_do(const struct place *p, const struct link_effect *e, bool *nothing)
{
	const char *needs = link_effects_needs(e);

	*nothing = !link_effects_file(e, 0);
	if (needs && kind_of(p, needs, strlen(needs)) == SCRIPT_NONE) {
		*nothing = true;
		return link_effects_may_lack(e);
	}
	for (size_t i = 0; link_effects_file(e, i); i++) {
		const char *file = link_effects_file(e, i);

		/* It would add to it, and what is in it is not known here. */
		if (kind_of(p, file, strlen(file)) != SCRIPT_NONE)
			return false;
	}
	return true;
}

static void judge(struct assembly *a, const struct place *p, const struct activation_file *f, struct texts *unknown,
		  struct texts *effects)
{
	const struct record *r = &a->packages[f->owner];
	struct digest d = digest_bytes(f->text, strlen(f->text));
	const struct link_effect *e = link_effects_find(r->name, &d);
	struct err why = ERR_INIT;
	bool nothing;

	if (e && can_do(p, e, &nothing)) {
		if (!nothing)
			add_text(effects, link_effects_id(e));
		return;
	}
	if (only_talks(a, r, f, &why) == 0)
		return;
	add_text(unknown, arena_printf(&a->arena, "%s has a link script, %s (%s)", r->fn, f->path, why.text));
}

/* ---- all of it ---- */

static bool is_dropped(const char *const *dropped, const char *path)
{
	for (; dropped && *dropped; dropped++)
		if (strcmp(*dropped, path) == 0)
			return true;
	return false;
}

/* As a layer cache tells them. */
static void add_learnt(struct assembly *a, size_t i, struct activation_file **files, size_t *n)
{
	for (size_t k = 0; k < a->facts[i].n_files; k++)
		if (!is_dropped(a->paths.dropped[i], a->facts[i].files[k].path)) {
			mem_grow(*files, *n);
			(*files)[*n] = a->facts[i].files[k];
			(*files)[(*n)++].owner = i;
		}
}

/* Few packages have scripts, or variables to set; these are read once more for them. */
static int read_files(struct assembly *a, const struct linked_list *lists, struct activation_file **files, size_t *n,
		      struct err *err)
{
	for (size_t i = 0; i < a->lp->n_packages; i++) {
		struct tree *t;

		if (!activation_is_in(&lists[i]))
			continue;
		if (a->facts && a->facts[i].has_list) {
			add_learnt(a, i, files, n);
			continue;
		}
		t = making_open_linked(a, i, NULL, err);
		if (!t)
			return -1;
		if (activation_read(&a->arena, t, &a->prefix, &lists[i], i, files, n, err) < 0)
			return err_at(err, "%s", a->packages[i].fn);
	}
	return 0;
}

static int owner_cmp(const void *x, const void *y)
{
	const struct activation_file *a = x, *b = y;

	return a->owner != b->owner ? (a->owner < b->owner ? -1 : 1) : strcmp(a->path, b->path);
}

static void judge_link_scripts(struct assembly *a, const struct place *p, struct activation_file *files, size_t n)
{
	struct texts unknown = { .arena = &a->arena }, effects = { .arena = &a->arena };

	if (n)
		qsort(files, n, sizeof(*files), owner_cmp);
	for (size_t i = 0; i < n; i++)
		if (!activation_is_variables(files[i].path) && !activation_is_script(files[i].path))
			judge(a, p, &files[i], &unknown, &effects);
	a->paths.link_scripts = keep(&unknown);
	a->paths.effects = keep(&effects);
}

static void run_scripts(struct assembly *a, struct place *p, const struct activation_file *files, size_t n)
{
	struct script_host host = { .arg = p, .look = look };
	struct activation_result got;
	struct texts more = { .arena = &a->arena };

	activation_run(&a->arena, files, n, assembly_env(a, true), &host, &got);
	a->paths.changes = got.changes;
	a->paths.n_changes = got.n_changes;
	for (size_t i = 0; i < got.n_more; i++)
		add_text(&more, arena_printf(&a->arena, "%s (%s)", got.more[i].path, got.more[i].why));
	a->paths.more = keep(&more);
}

static int plan_scripts(struct assembly *a, const struct linked_list *lists, struct err *err)
{
	auto_free struct activation_file *files = NULL;
	struct place p = { a, lists };
	size_t n = 0;

	if (read_files(a, lists, &files, &n, err) < 0)
		return -1;
	judge_link_scripts(a, &p, files, n);
	if (activation_merge(&a->arena, files, n, &a->paths.variables, &a->paths.n_variables, err) < 0)
		return -1;
	run_scripts(a, &p, files, n);
	return 0;
}

struct unlisted {
	const struct assembly *a;
	struct listing *listing;
};

static int list_one(void *arg, size_t i, struct err *err)
{
	struct unlisted *u = arg;
	auto_package *p = u->listing->done[i] ? NULL : making_open_package(u->a, &u->a->packages[i], err);

	if (u->listing->done[i])
		return 0;
	return p ? making_list(u->a, u->listing, i, p, err) : -1;
}

int paths_plan_make(struct assembly *a, struct listing *l, struct err *err)
{
	size_t n = a->lp->n_packages;
	const char **names = arena_array(&a->arena, n, sizeof(*names));
	struct clobber_plan plan;

	if (work_run(n, a->workshop->threads, list_one, &(struct unlisted){ a, l }, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		names[i] = record_dist(&a->arena, &a->packages[i]);
	if (clobber_plan(&a->arena, l->lists, names, n, &plan, err) < 0)
		return -1;
	a->paths = (struct paths_plan){ .dropped = plan.dropped, .clobbers = tell_clobbers(a, &plan) };
	return plan_scripts(a, l->lists, err);
}

/* ---- what is said ---- */

/* The first of them, and how many more. */
static void join(struct buf *b, const char *const *texts)
{
	size_t n = 0;

	for (; texts[n]; n++)
		if (n < TOLD_MAX)
			buf_addf(b, "%s%s", n ? "; " : "", texts[n]);
	if (n > TOLD_MAX)
		buf_addf(b, "; and %zu more", n - TOLD_MAX);
}

static int tell_of_clobbers(const struct assembly *a, struct err *err)
{
	auto_buf all = { 0 };

	if (a->settings->refuse_clobbers && a->paths.clobbers && a->paths.clobbers[0]) {
		join(&all, a->paths.clobbers);
		return err_set(err, ERR_FORMAT, "--clobber error: %s", all.p);
	}
	for (const char *const *c = a->paths.clobbers; c && *c; c++)
		log_warn("%s", *c);
	return 0;
}

static int tell_of_link_scripts(const struct assembly *a, struct err *err)
{
	auto_buf all = { 0 };

	if (!a->settings->ignore_link_scripts && a->paths.link_scripts && a->paths.link_scripts[0]) {
		join(&all, a->paths.link_scripts);
		return err_set(
			err, ERR_FORMAT,
			"%s: condaimg runs none, and does not know what would be missing; leave the package out, or "
			"build with --link-scripts ignore",
			all.p);
	}
	for (const char *const *s = a->paths.link_scripts; s && *s; s++)
		log_warn("%s, which is not run: what it would do is missing from the image", *s);
	return 0;
}

bool paths_plan_has_entry_point(const struct assembly *a)
{
	return a->paths.more && a->paths.more[0] && making_find(a->lp, "bash");
}

int paths_plan_tell(const struct assembly *a, struct err *err)
{
	bool run = paths_plan_has_entry_point(a);

	if (tell_of_clobbers(a, err) < 0 || tell_of_link_scripts(a, err) < 0)
		return -1;
	for (const char *const *m = a->paths.more; m && *m; m++)
		log_warn("activation script %s does more than set variables: %s", *m,
			 run ? "the image's entry point runs it, exec does not"
			     : "it is not run, as the environment has no bash");
	return 0;
}

/* ---- files ---- */

/* In single quotes, as sh reads it. */
static void add_quoted(struct buf *b, const char *p, size_t n)
{
	buf_addc(b, '\'');
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\'')
			buf_adds(b, "'\\'");
		buf_addc(b, p[i]);
	}
	buf_addc(b, '\'');
}

static void write_entry_point(const struct assembly *a, struct tree *t)
{
	static const char *const dirs[] = { "etc", "etc/conda" };
	const char *prefix = a->prefix.path;
	auto_free char *path = mem_printf("%s/" PATHS_PLAN_ENTRY_POINT, prefix + 1);
	auto_buf b = { 0 };

	for (size_t i = 0; i < COUNT(dirs); i++) {
		auto_free char *dir = mem_printf("%s/%s", prefix + 1, dirs[i]);

		tree_memory_dir(t, dir, 0755);
	}
	buf_addf(&b, "#!%s/bin/bash\n# Activation scripts that condaimg could not evaluate.\n", prefix);
	for (const char *const *m = a->paths.more; *m; m++) {
		const char *end = strstr(*m, ".sh ("); /* "PATH (WHY)" */
		auto_free char *script = mem_printf("%s/%.*s", prefix, end ? (int)(end + 3 - *m) : 0, *m);

		buf_adds(&b, ". ");
		add_quoted(&b, script, strlen(script));
		buf_addc(&b, '\n');
	}
	buf_adds(&b, "exec \"$@\"\n");
	tree_memory_file(t, path, 0755, b.p, b.n);
}

void paths_plan_write(const struct assembly *a, struct tree *t)
{
	if (a->paths.effects)
		link_effects_write(t, a->prefix.path, a->paths.effects);
	if (paths_plan_has_entry_point(a))
		write_entry_point(a, t);
}
