/*
 * A remembered plan is a text file: "INDEX PATH" a line for every dropped path,
 * then "end". Nothing in it is trusted: what does not read well is not known.
 */
#include "cmd/plan_cache.h"

#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/num.h"

#define PLAN_MAX ((uint64_t)256 << 20)
#define PLAN_VERSION 1

static char *plan_name(const struct assembly *a)
{
	auto_buf b = { 0 };
	struct digest d;

	buf_addf(&b, "clobber plan %d, linked %d\nprefix %s\npython %s %s\n", PLAN_VERSION, LINKED_VERSION, a->prefix.path,
		 a->prefix.python ? a->prefix.python : "-", a->prefix.site_packages ? a->prefix.site_packages : "-");
	for (size_t i = 0; i < a->lp->n_packages; i++)
		buf_addf(&b, "%s %d\n", digest_hex(&a->packages[i].sha256).hex, (int)a->packages[i].noarch);
	d = digest_bytes(b.p, b.n);
	return mem_printf("%s", digest_hex(&d).hex);
}

/* One line into the lists; lines come by index, then path. */
static bool read_line(struct assembly *a, struct str line, const char ***lists, size_t *counts)
{
	struct str number;
	char text[24];
	uint64_t i;
	const char *path;

	if (!str_cut(&line, ' ', &number) || !line.p || number.n >= sizeof(text))
		return false;
	memcpy(text, number.p, number.n);
	text[number.n] = '\0';
	path = arena_strndup(&a->arena, line.p, line.n);
	if (!num_parse(text, a->lp->n_packages - 1, &i) || tree_path_fault(path))
		return false;
	mem_grow(lists[i], counts[i]);
	lists[i][counts[i]++] = path;
	return true;
}

static bool read_plan(struct assembly *a, struct str text, const char ***lists, size_t *counts)
{
	struct str line;

	while (str_cut(&text, '\n', &line)) {
		if (str_eq(line, "end"))
			return true;
		if (!read_line(a, line, lists, counts))
			return false;
	}
	return false;
}

bool plan_cache_get(struct assembly *a, struct clobber_plan *ret)
{
	size_t n = a->lp->n_packages;
	auto_free char *name = plan_name(a);
	auto_free const char ***lists = mem_array(n, sizeof(*lists));
	auto_free size_t *counts = mem_array(n, sizeof(*counts));
	const char *const **dropped = arena_array(&a->arena, n, sizeof(*dropped));
	struct err none = ERR_INIT;
	auto_buf b = { 0 };
	bool good = n && fs_read(a->workshop->plans, name, PLAN_MAX, &b, &none) == 0 &&
		    read_plan(a, (struct str){ b.p, b.n }, lists, counts);

	for (size_t i = 0; i < n; i++) {
		dropped[i] = arena_strlist(&a->arena, lists[i], counts[i]);
		free(lists[i]);
	}
	if (good)
		*ret = (struct clobber_plan){ .dropped = dropped };
	return good;
}

void plan_cache_put(struct assembly *a, const struct clobber_plan *plan)
{
	auto_free char *name = plan_name(a);
	struct err err = ERR_INIT;
	auto_buf b = { 0 };

	for (size_t i = 0; i < a->lp->n_packages; i++)
		for (const char *const *p = plan->dropped[i]; p && *p; p++) {
			if (strchr(*p, '\n'))
				return;
			buf_addf(&b, "%zu %s\n", i, *p);
		}
	buf_adds(&b, "end\n");
	if (fs_write(a->workshop->plans, name, b.p, b.n, 0644, &err) < 0)
		log_debug("cannot remember the clobber plan: %s", err.text);
}
