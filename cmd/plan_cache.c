/*
 * A remembered plan is a text file: "drop INDEX PATH" a line for every dropped path,
 * "script INDEX PATH" for every link script, "set NAME=VALUE" for every variable, by
 * name, then "end". Nothing in it is trusted: what does not read well is not known.
 */
#include "cmd/plan_cache.h"

#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/num.h"

#define PLAN_MAX ((uint64_t)256 << 20)
#define PLAN_VERSION 3

static char *plan_name(const struct assembly *a)
{
	auto_buf b = { 0 };
	struct digest d;

	buf_addf(&b, "paths plan %d, linked %d\nprefix %s\npython %s %s\n", PLAN_VERSION, LINKED_VERSION,
		 a->prefix.path, a->prefix.python ? a->prefix.python : "-",
		 a->prefix.site_packages ? a->prefix.site_packages : "-");
	for (size_t i = 0; i < a->lp->n_packages; i++)
		buf_addf(&b, "%s %d\n", digest_hex(&a->packages[i].sha256).hex, (int)a->packages[i].noarch);
	d = digest_bytes(b.p, b.n);
	return mem_printf("%s", digest_hex(&d).hex);
}

/* Lists of paths that grow, one a package. */
struct lists {
	const char ***list;
	size_t *counts;
};

static struct lists lists_new(size_t n)
{
	return (struct lists){ mem_array(n, sizeof(const char **)), mem_array(n, sizeof(size_t)) };
}

/* The lists as they are kept, in the arena; l is gone. */
static const char *const **lists_keep(struct lists *l, struct arena *a, size_t n)
{
	const char *const **ret = arena_array(a, n, sizeof(*ret));

	for (size_t i = 0; i < n; i++) {
		ret[i] = arena_strlist(a, l->list[i], l->counts[i]);
		free(l->list[i]);
	}
	free(l->list);
	free(l->counts);
	return ret;
}

/* "drop 12 lib/x": kind, index, path. */
static bool read_line(struct assembly *a, struct str line, struct lists *dropped, struct lists *scripts)
{
	struct str kind, number;
	struct lists *to;
	char text[24];
	uint64_t i;
	const char *path;

	if (!str_cut(&line, ' ', &kind) || !line.p || !str_cut(&line, ' ', &number) || !line.p ||
	    number.n >= sizeof(text))
		return false;
	to = str_eq(kind, "drop") ? dropped : str_eq(kind, "script") ? scripts : NULL;
	memcpy(text, number.p, number.n);
	text[number.n] = '\0';
	path = arena_strndup(&a->arena, line.p, line.n);
	if (!to || !num_parse(text, a->lp->n_packages - 1, &i) || tree_path_fault(path))
		return false;
	mem_grow(to->list[i], to->counts[i]);
	to->list[i][to->counts[i]++] = path;
	return true;
}

static bool read_variable(struct assembly *a, struct str line, struct env_variable *ret)
{
	struct str name;

	if (!str_cut(&line, '=', &name) || !name.n || !line.p)
		return false;
	*ret = (struct env_variable){ arena_strndup(&a->arena, name.p, name.n),
				      arena_strndup(&a->arena, line.p, line.n) };
	return true;
}

static bool read_plan(struct assembly *a, struct str text, struct lists *dropped, struct lists *scripts,
		      struct env_variable **variables, size_t *n)
{
	struct str line;

	while (str_cut(&text, '\n', &line)) {
		if (str_eq(line, "end"))
			return true;
		if (line.n > 4 && memcmp(line.p, "set ", 4) == 0) {
			mem_grow(*variables, *n);
			if (!read_variable(a, (struct str){ line.p + 4, line.n - 4 }, &(*variables)[(*n)++]))
				return false;
		} else if (!read_line(a, line, dropped, scripts)) {
			return false;
		}
	}
	return false;
}

bool plan_cache_get(struct assembly *a, struct paths_plan *ret)
{
	size_t n = a->lp->n_packages;
	auto_free char *name = plan_name(a);
	struct lists dropped = lists_new(n), scripts = lists_new(n);
	struct paths_plan plan = { 0 };
	auto_free struct env_variable *variables = NULL;
	struct err none = ERR_INIT;
	auto_buf b = { 0 };
	bool good = n && fs_exists(a->workshop->plans, name) &&
		    fs_read(a->workshop->plans, name, PLAN_MAX, &b, &none) == 0 &&
		    read_plan(a, (struct str){ b.p, b.n }, &dropped, &scripts, &variables, &plan.n_variables);

	plan.dropped = lists_keep(&dropped, &a->arena, n);
	plan.scripts = lists_keep(&scripts, &a->arena, n);
	plan.variables = arena_dup(&a->arena, variables, plan.n_variables * sizeof(*variables));
	if (good)
		*ret = plan;
	return good;
}

/* False where a path cannot stand on a line. */
static bool write_list(struct buf *b, const char *kind, size_t i, const char *const *list)
{
	for (; list && *list; list++) {
		if (strchr(*list, '\n'))
			return false;
		buf_addf(b, "%s %zu %s\n", kind, i, *list);
	}
	return true;
}

void plan_cache_put(struct assembly *a, const struct paths_plan *plan)
{
	auto_free char *name = plan_name(a);
	struct err err = ERR_INIT;
	auto_buf b = { 0 };

	for (size_t i = 0; i < a->lp->n_packages; i++)
		if (!write_list(&b, "drop", i, plan->dropped[i]) || !write_list(&b, "script", i, plan->scripts[i]))
			return;
	for (size_t i = 0; i < plan->n_variables; i++) {
		if (strchr(plan->variables[i].name, '\n') || strchr(plan->variables[i].value, '\n'))
			return;
		buf_addf(&b, "set %s=%s\n", plan->variables[i].name, plan->variables[i].value);
	}
	buf_adds(&b, "end\n");
	if (fs_write(a->workshop->plans, name, b.p, b.n, 0644, &err) < 0)
		log_debug("cannot remember which paths are whose: %s", err.text);
}
