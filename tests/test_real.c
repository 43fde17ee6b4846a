/*
 * Real packages, from the folder CONDAIMG_SHARED (default: ../shared beside the
 * source): each one links, and an environment of 46 is, file for file, what mamba
 * made of it. Skipped (77) where the folder is not there.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>
#include <cmocka.h>

#include "base/codec.h"
#include "base/doc.h"
#include "base/fs.h"
#include "conda/clobber.h"
#include "conda/linked.h"

#define PREFIX "/opt/conda/envs/default"
#define REPODATA_MAX ((uint64_t)256 << 20)

static const char *const subdirs[] = { "linux-64", "linux-aarch64", "noarch" };
static const struct prefix prefix = { PREFIX, "3.7", NULL };

/* ---- the folder ---- */

struct channel {
	struct arena arena;
	int dirs[COUNT(subdirs)];
	const struct doc *repodata[COUNT(subdirs)];
};

static char *shared;

static int setup(void **state)
{
	struct channel *c = NEW(struct channel);
	struct err err = ERR_INIT;

	for (size_t i = 0; i < COUNT(subdirs); i++) {
		auto_free char *dir = mem_printf("%s/channels/real/%s", shared, subdirs[i]);
		auto_buf text = { 0 };

		c->dirs[i] = fs_opendir_existing(AT_FDCWD, dir, &err);
		if (c->dirs[i] < 0 || fs_read(c->dirs[i], "repodata.json", REPODATA_MAX, &text, &err) < 0)
			fail_msg("%s", err.text);
		c->repodata[i] = doc_parse_json(&c->arena, text.p, text.n, "repodata.json", &err);
		if (!c->repodata[i])
			fail_msg("%s", err.text);
	}
	*state = c;
	return 0;
}

static int teardown(void **state)
{
	struct channel *c = *state;

	for (size_t i = 0; i < COUNT(subdirs); i++)
		close(c->dirs[i]);
	arena_release(&c->arena);
	free(c);
	return 0;
}

/* The record of a file name in a subdir. */
static bool find_record(struct channel *c, size_t subdir, const char *fn, struct record *r)
{
	const char *key = str_ends(fn, ".conda") ? "packages.conda" : "packages", *hex;
	const struct doc *d = doc_find(doc_find(c->repodata[subdir], key), fn);
	struct err err = ERR_INIT;
	int64_t size = 0, number = 0;

	if (!d)
		return false;
	*r = (struct record){ .fn = fn, .subdir = subdirs[subdir], .channel = "https://conda.example/real" };
	if (doc_get_string(d, "name", "", &r->name, &err) < 0 ||
	    doc_get_string(d, "version", "", &r->version, &err) < 0 ||
	    doc_get_string(d, "build", "", &r->build, &err) < 0 ||
	    doc_get_int(d, "build_number", 0, &number, &err) < 0 || doc_get_int(d, "size", 0, &size, &err) < 0 ||
	    doc_get_int(d, "timestamp", 0, &r->timestamp, &err) < 0 ||
	    doc_get_string(d, "license", NULL, &r->license, &err) < 0 ||
	    doc_get_string(d, "sha256", "", &hex, &err) < 0 ||
	    doc_get_strings(&c->arena, d, "depends", &r->depends, NULL, &err) < 0 ||
	    doc_get_strings(&c->arena, d, "constrains", &r->constrains, NULL, &err) < 0)
		fail_msg("%s: %s", fn, err.text);
	r->build_number = (uint64_t)number;
	r->size = (uint64_t)size;
	r->has_sha256 = digest_parse(hex, &r->sha256);
	r->url = arena_printf(&c->arena, "%s/%s/%s", r->channel, r->subdir, fn);
	record_defaults(r);
	return true;
}

/* ---- the walk ---- */

struct count {
	size_t files, symlinks, hardlinks, dirs;
	uint64_t bytes;
};

static int drain(struct tree *t, struct count *n, struct err *err)
{
	struct source *content;
	struct entry e;
	int rc;

	while ((rc = tree_next(t, &e, &content, err)) > 0) {
		assert_null(tree_path_fault(e.path));
		assert_int_equal(e.mode & ~0777u, 0);
		n->files += e.type == ENTRY_FILE;
		n->symlinks += e.type == ENTRY_SYMLINK;
		n->hardlinks += e.type == ENTRY_HARDLINK;
		n->dirs += e.type == ENTRY_DIR;
		n->bytes += e.size;
		if (content && io_drain(content, err) < 0)
			return -1;
	}
	return rc;
}

static int link_one(struct channel *c, size_t subdir, const char *fn, struct count *n, size_t *scripts, struct err *err)
{
	auto_arena a = { 0 };
	struct linked_list list;
	struct package *p;
	struct record r;

	if (!find_record(c, subdir, fn, &r))
		return err_set(err, ERR_FORMAT, "%s: is not in repodata.json", fn);
	p = package_open(c->dirs[subdir], fn, fn, err);
	if (!p)
		return -1;
	if (linked_paths(&a, p, &r, &prefix, &list, err) < 0) {
		package_free(p);
		return -1;
	}
	for (size_t i = 0; list.scripts[i]; i++, ++*scripts)
		print_message("  %s has link script %s\n", fn, list.scripts[i]);
	auto_tree *t = linked_tree(p, &r, &prefix, NULL, err);
	return t ? drain(t, n, err) : -1;
}

static void every_package_links(void **state)
{
	struct channel *c = *state;
	size_t refused = 0, scripts = 0;

	for (size_t i = 0; i < COUNT(subdirs); i++) {
		struct count n = { 0 };
		const char *const *names;
		size_t n_packages = 0, n_names, stem;
		struct err err = ERR_INIT;

		if (fs_list(&c->arena, c->dirs[i], ".", &names, &n_names, &err) < 0)
			fail_msg("%s", err.text);
		for (; *names; names++) {
			if (!record_is_package_file(*names, &stem))
				continue;
			n_packages++;
			if (link_one(c, i, *names, &n, &scripts, &err) == 0)
				continue;
			print_error("  refused: %s\n", err.text);
			err_clear(&err);
			refused++;
		}
		print_message("  %s: %zu packages, %zu files, %zu symlinks, %zu hard links, %zu directories, %" PRIu64
			      " bytes\n",
			      subdirs[i], n_packages, n.files, n.symlinks, n.hardlinks, n.dirs, n.bytes);
		assert_true(n_packages > 0);
	}
	print_message("  %zu refused, %zu link scripts\n", refused, scripts);
	assert_int_equal(refused, 0);
}

/* ---- an environment ---- */

#define ENV_MAX 100

struct env {
	struct record records[ENV_MAX];
	int dirs[ENV_MAX];
	size_t n;
};

static void find_packages(struct channel *c, const char *dists, struct env *env)
{
	struct str rest = str_of(dists), line;

	while (str_cut(&rest, '\n', &line)) {
		bool found = false;

		if (!line.n || line.p[0] == '#')
			continue;
		assert_true(env->n < ENV_MAX);
		for (size_t i = 0; i < COUNT(subdirs) && !found; i++)
			for (size_t k = 0; k < 2 && !found; k++) {
				const char *fn = arena_printf(&c->arena, "%.*s%s", (int)line.n, line.p,
							      k ? ".tar.bz2" : ".conda");

				/* The environment is linux-64's. */
				found = strcmp(subdirs[i], "linux-aarch64") != 0 && fs_exists(c->dirs[i], fn) &&
					find_record(c, i, fn, &env->records[env->n]);
				env->dirs[env->n] = c->dirs[i];
			}
		if (!found)
			fail_msg("%.*s is not in the channel", (int)line.n, line.p);
		env->n++;
	}
}

static bool depends_on(const struct record *r, const char *name)
{
	size_t n = strlen(name);

	for (const char *const *d = r->depends; *d; d++)
		if (strncmp(*d, name, n) == 0 && (!(*d)[n] || strchr(" <>=!", (*d)[n])))
			return true;
	return false;
}

/* Dependencies first, ties by name; a cycle begins with its first name. */
static void sort_env(struct env *env)
{
	for (size_t at = 0; at < env->n; at++) {
		size_t best = env->n, first = at;

		for (size_t i = at; i < env->n; i++) {
			bool ready = true;

			if (strcmp(env->records[i].name, env->records[first].name) < 0)
				first = i;
			for (size_t k = at; k < env->n && ready; k++)
				ready = k == i || !depends_on(&env->records[i], env->records[k].name);
			if (ready && (best == env->n || strcmp(env->records[i].name, env->records[best].name) < 0))
				best = i;
		}
		if (best == env->n)
			best = first;
		struct record r = env->records[at];
		int dir = env->dirs[at];

		env->records[at] = env->records[best];
		env->dirs[at] = env->dirs[best];
		env->records[best] = r;
		env->dirs[best] = dir;
	}
}

struct line {
	const char *path, *text;
};

struct lines {
	struct line *all;
	size_t n;
};

static int line_cmp(const void *x, const void *y)
{
	return strcmp(((const struct line *)x)->path, ((const struct line *)y)->path);
}

static void add_line(struct lines *l, const char *path, const char *text)
{
	mem_grow(l->all, l->n);
	l->all[l->n++] = (struct line){ path, text };
}

/* As tools/tree-manifest writes it. */
static void add_entry(struct arena *a, struct lines *l, const struct entry *e, const struct digest *d)
{
	const char *path = e->path + strlen(PREFIX); /* e->path has no leading '/', the rest has */
	const char *text = NULL;

	if (e->type == ENTRY_DIR || str_starts(path, "conda-meta/") || str_ends(path, ".pyc"))
		return;
	path = arena_strdup(a, path);
	if (e->type == ENTRY_SYMLINK)
		text = arena_printf(a, "l %s %s", e->target, path);
	else if (e->type == ENTRY_FILE)
		text = arena_printf(a, "f %04o %s %s", e->mode, digest_hex(d).hex, path);
	for (size_t i = 0; !text && i < l->n; i++)
		if (strcmp(l->all[i].path, e->target + strlen(PREFIX)) == 0)
			text = arena_printf(a, "%.*s %s", 4 + 2 + 64 + 1, l->all[i].text, path);
	assert_non_null(text);
	add_line(l, path, text);
}

static void add_tree(struct arena *a, struct lines *l, struct tree *t)
{
	struct err err = ERR_INIT;
	struct source *content;
	struct entry e;
	int rc;

	while ((rc = tree_next(t, &e, &content, &err)) > 0) {
		struct digest d = digest_bytes("", 0);
		uint64_t size = 0;

		assert_true(str_starts(PREFIX, "/opt"));
		if (content) {
			auto_source *in = source_digest(content, &d, &size);

			if (io_drain(in, &err) < 0)
				fail_msg("%s", err.text);
		}
		assert_int_equal(size, e.size);
		if (e.type == ENTRY_DIR || strlen(e.path) >= strlen(PREFIX))
			add_entry(a, l, &e, &d);
	}
	if (rc < 0)
		fail_msg("%s", err.text);
}

static void plan(struct channel *c, const struct env *env, struct clobber_plan *ret)
{
	struct linked_list lists[ENV_MAX];
	const char *names[ENV_MAX];
	struct package *packages[ENV_MAX];
	struct err err = ERR_INIT;

	for (size_t i = 0; i < env->n; i++) {
		const struct record *r = &env->records[i];

		names[i] = record_dist(&c->arena, r);
		packages[i] = package_open(env->dirs[i], r->fn, r->fn, &err);
		if (!packages[i] || linked_paths(&c->arena, packages[i], r, &prefix, &lists[i], &err) < 0)
			fail_msg("%s", err.text);
	}
	if (clobber_plan(&c->arena, lists, names, env->n, ret, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < ret->n_clobbers; i++) {
		const struct clobber *k = &ret->clobbers[i];

		print_message("  %s: %s wins over %s%s\n", k->path, names[k->winner], names[k->loser],
			      k->same ? ", same content" : "");
	}
	for (size_t i = 0; i < env->n; i++)
		package_free(packages[i]);
}

static void link_env(struct channel *c, const struct env *env, const struct clobber_plan *cp, struct lines *l)
{
	for (size_t i = 0; i < env->n; i++) {
		const struct record *r = &env->records[i];
		struct err err = ERR_INIT;
		struct package *p = package_open(env->dirs[i], r->fn, r->fn, &err);
		auto_tree *t = p ? linked_tree(p, r, &prefix, cp->dropped[i], &err) : NULL;

		if (!t)
			fail_msg("%s", err.text);
		add_tree(&c->arena, l, t);
	}
	qsort(l->all, l->n, sizeof(*l->all), line_cmp);
}

static void read_expected(struct channel *c, struct lines *l)
{
	auto_free char *path = mem_printf("%s/expected/py37-requests.tree.zst", shared);
	auto_buf text = { 0 };
	struct err err = ERR_INIT;
	auto_source *in = source_zstd(source_file(AT_FDCWD, path, &err));
	struct str rest, line;

	if (!in || io_slurp(in, REPODATA_MAX, &text, &err) < 0)
		fail_msg("%s", err.text);
	rest = (struct str){ text.p, text.n };
	while (str_cut(&rest, '\n', &line)) {
		const char *s;

		if (!line.n || line.p[0] == '#')
			continue;
		s = arena_strndup(&c->arena, line.p, line.n);
		add_line(l, *s == 'f' ? s + strlen("f 0644 ") + 64 + 1 : strrchr(s, ' ') + 1, s);
	}
	qsort(l->all, l->n, sizeof(*l->all), line_cmp);
}

static size_t compare(const struct lines *ours, const struct lines *theirs)
{
	size_t i = 0, k = 0, differences = 0;

	while (i < ours->n || k < theirs->n) {
		int order = i == ours->n ? 1 : k == theirs->n ? -1 : line_cmp(&ours->all[i], &theirs->all[k]);
		const char *o = order <= 0 ? ours->all[i++].text : "nothing";
		const char *t = order >= 0 ? theirs->all[k++].text : "nothing";

		if (strcmp(o, t) == 0)
			continue;
		if (differences++ < 40)
			print_error("  ours:  %s\n  mamba: %s\n", o, t);
	}
	return differences;
}

static void environment_is_what_mamba_made(void **state)
{
	struct channel *c = *state;
	auto_free char *list = mem_printf("%s/expected/py37-requests.packages", shared);
	struct env *env = NEW(struct env);
	struct lines ours = { 0 }, theirs = { 0 };
	struct clobber_plan cp;
	struct err err = ERR_INIT;
	auto_buf dists = { 0 };
	size_t differences;

	if (fs_read(AT_FDCWD, list, REPODATA_MAX, &dists, &err) < 0)
		fail_msg("%s", err.text);
	find_packages(c, dists.p, env);
	sort_env(env);
	plan(c, env, &cp);
	link_env(c, env, &cp, &ours);
	read_expected(c, &theirs);
	differences = compare(&ours, &theirs);
	print_message("  %zu packages, %zu lines, %zu expected, %zu differ\n", env->n, ours.n, theirs.n, differences);
	free(ours.all);
	free(theirs.all);
	free(env);
	assert_int_equal(differences, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(environment_is_what_mamba_made),
		cmocka_unit_test(every_package_links),
	};
	const char *root = getenv("CONDAIMG_SOURCE_ROOT"), *folder = getenv("CONDAIMG_SHARED");
	int rc;

	shared = folder ? mem_strdup(folder) : mem_printf("%s/../shared", root ? root : ".");
	auto_free char *real = mem_printf("%s/channels/real", shared);

	if (!fs_exists(AT_FDCWD, real)) {
		printf("skipped: there are no real packages in %s (set CONDAIMG_SHARED)\n", real);
		free(shared);
		return 77;
	}
	rc = cmocka_run_group_tests(tests, setup, teardown);
	free(shared);
	return rc;
}
