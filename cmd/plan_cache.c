/*
 * A remembered plan is a text file: "drop INDEX PATH" a line for every dropped path, "clobber", "link", "effect"
 * and "more" TEXT for those texts, "set NAME=VALUE" for every variable, "change NAME=VALUE" and "unset NAME" for what
 * scripts make of them, by name, then "end". Nothing in it is trusted: what does not read well is not known.
 */
#include "cmd/plan_cache.h"

#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/num.h"
#include "cmd/link_effects.h"

#define PLAN_MAX ((uint64_t)256 << 20)
#define PLAN_VERSION 5

/* Scripts see the variables that the image has without them. */
static void plan_question(struct assembly *a, struct buf *b)
{
	buf_addf(b, "paths plan %d, linked %d, link effects %d\nprefix %s\npython %s %s\n", PLAN_VERSION,
		 LINKED_VERSION, LINK_EFFECTS_VERSION, a->prefix.path, a->prefix.python ? a->prefix.python : "-",
		 a->prefix.site_packages ? a->prefix.site_packages : "-");
	for (const char *const *e = assembly_env(a, false); *e; e++)
		buf_addf(b, "env %s\n", *e);
	for (size_t i = 0; i < a->lp->n_packages; i++)
		buf_addf(b, "%s %d\n", digest_hex(&a->packages[i].sha256).hex, (int)a->packages[i].noarch);
}

static char *plan_name(const struct buf *question)
{
	struct digest d = digest_bytes(question->p, question->n);

	return mem_printf("%s", digest_hex(&d).hex);
}

/* Texts that grow. */
struct texts {
	const char **list;
	size_t n;
};

struct variables {
	struct env_variable *list;
	size_t n;
};

enum texts_kind { CLOBBER, LINK, EFFECT, MORE, KINDS };

static const char *const kind_names[KINDS] = { "clobber", "link", "effect", "more" };

/* A plan while it is read. */
struct reading {
	struct assembly *a;
	struct texts *dropped; /* by package */
	struct texts texts[KINDS];
	struct variables set, changes;
};

static void add_text(struct reading *r, struct texts *to, struct str text)
{
	mem_grow(to->list, to->n);
	to->list[to->n++] = arena_strndup(&r->a->arena, text.p, text.n);
}

/* "12 lib/x" */
static bool read_drop(struct reading *r, struct str line)
{
	struct str number;
	char text[24];
	uint64_t i;

	if (!str_cut(&line, ' ', &number) || !line.p || number.n >= sizeof(text))
		return false;
	memcpy(text, number.p, number.n);
	text[number.n] = '\0';
	if (!num_parse(text, r->a->lp->n_packages - 1, &i))
		return false;
	add_text(r, &r->dropped[i], line);
	return !tree_path_fault(r->dropped[i].list[r->dropped[i].n - 1]);
}

/* "NAME=VALUE", or "NAME" of one that is unset. */
static bool read_variable(struct reading *r, struct variables *to, struct str line, bool has_value)
{
	struct arena *a = &r->a->arena;
	struct str name = line;

	if (has_value && (!str_cut(&line, '=', &name) || !line.p))
		return false;
	mem_grow(to->list, to->n);
	to->list[to->n++] = (struct env_variable){ arena_strndup(a, name.p, name.n),
						   has_value ? arena_strndup(a, line.p, line.n) : NULL };
	return name.n > 0;
}

static bool read_line(struct reading *r, struct str line)
{
	struct str kind;

	if (!str_cut(&line, ' ', &kind) || !line.p)
		return false;
	if (str_eq(kind, "drop"))
		return read_drop(r, line);
	if (str_eq(kind, "set"))
		return read_variable(r, &r->set, line, true);
	if (str_eq(kind, "change") || str_eq(kind, "unset"))
		return read_variable(r, &r->changes, line, str_eq(kind, "change"));
	for (size_t i = 0; i < KINDS; i++)
		if (str_eq(kind, kind_names[i])) {
			add_text(r, &r->texts[i], line);
			return true;
		}
	return false;
}

static bool read_plan(struct reading *r, struct str text)
{
	struct str line;

	while (str_cut(&text, '\n', &line)) {
		if (str_eq(line, "end"))
			return true;
		if (!read_line(r, line))
			return false;
	}
	return false;
}

static const char *const *keep_texts(struct reading *r, struct texts *t)
{
	const char *const *ret = arena_strlist(&r->a->arena, t->list, t->n);

	free(t->list);
	return ret;
}

static const struct env_variable *keep_variables(struct reading *r, struct variables *v, size_t *n)
{
	const struct env_variable *ret = arena_dup(&r->a->arena, v->list, v->n * sizeof(*v->list));

	*n = v->n;
	free(v->list);
	return ret;
}

static struct paths_plan keep(struct reading *r)
{
	size_t n = r->a->lp->n_packages;
	const char *const **dropped = arena_array(&r->a->arena, n, sizeof(*dropped));
	struct paths_plan ret = { .dropped = dropped };

	for (size_t i = 0; i < n; i++)
		dropped[i] = keep_texts(r, &r->dropped[i]);
	ret.clobbers = keep_texts(r, &r->texts[CLOBBER]);
	ret.link_scripts = keep_texts(r, &r->texts[LINK]);
	ret.effects = keep_texts(r, &r->texts[EFFECT]);
	ret.more = keep_texts(r, &r->texts[MORE]);
	ret.variables = keep_variables(r, &r->set, &ret.n_variables);
	ret.changes = keep_variables(r, &r->changes, &ret.n_changes);
	return ret;
}

static bool take_plan(struct assembly *a, const struct buf *text, struct paths_plan *ret)
{
	auto_free struct texts *dropped = mem_array(a->lp->n_packages, sizeof(*dropped));
	struct reading r = { .a = a, .dropped = dropped };
	bool good = read_plan(&r, (struct str){ buf_cstr(text), text->n });
	struct paths_plan plan = keep(&r);

	if (good)
		*ret = plan;
	return good;
}

bool plan_cache_get(struct assembly *a, struct paths_plan *ret)
{
	auto_buf question = { 0 }, text = { 0 };
	auto_free char *name = NULL;

	plan_question(a, &question);
	name = plan_name(&question);
	if (!a->lp->n_packages)
		return false;
	if (workshop_recall(a->workshop, name, PLAN_MAX, &text) && take_plan(a, &text, ret))
		return true;
	text.n = 0;
	a->plan_learnt =
		a->lazy && layer_cache_text(a->cache, LAYER_CACHE_PLAN, &question, &text) && take_plan(a, &text, ret);
	return a->plan_learnt;
}

/* False where a text cannot stand on a line. */
static bool write_texts(struct buf *b, const char *kind, const char *const *list)
{
	for (; list && *list; list++) {
		if (strchr(*list, '\n'))
			return false;
		buf_addf(b, "%s %s\n", kind, *list);
	}
	return true;
}

static bool write_variables(struct buf *b, const char *kind, const struct env_variable *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strchr(list[i].name, '\n') || (list[i].value && strchr(list[i].value, '\n')))
			return false;
		if (list[i].value)
			buf_addf(b, "%s %s=%s\n", kind, list[i].name, list[i].value);
		else
			buf_addf(b, "unset %s\n", list[i].name);
	}
	return true;
}

static bool write_plan(const struct assembly *a, const struct paths_plan *plan, struct buf *b)
{
	const char *const *const texts[KINDS] = {
		[CLOBBER] = plan->clobbers, [LINK] = plan->link_scripts, [EFFECT] = plan->effects, [MORE] = plan->more
	};

	for (size_t i = 0; i < a->lp->n_packages; i++) {
		char kind[32];

		snprintf(kind, sizeof(kind), "drop %zu", i);
		if (!write_texts(b, kind, plan->dropped[i]))
			return false;
	}
	for (size_t i = 0; i < KINDS; i++)
		if (!write_texts(b, kind_names[i], texts[i]))
			return false;
	return write_variables(b, "set", plan->variables, plan->n_variables) &&
	       write_variables(b, "change", plan->changes, plan->n_changes);
}

static bool knows_all(const struct assembly *a)
{
	for (size_t i = 0; i < a->lp->n_packages; i++)
		if (!a->packages[i].has_sha256)
			return false;
	return true;
}

void plan_cache_put(struct assembly *a, const struct paths_plan *plan)
{
	struct err err = ERR_INIT;
	auto_buf question = { 0 }, b = { 0 };
	auto_free char *name = NULL;

	if (!write_plan(a, plan, &b))
		return;
	buf_adds(&b, "end\n");
	plan_question(a, &question);
	name = plan_name(&question);
	if (fs_write(a->workshop->plans, name, b.p, b.n, 0644, &err) < 0)
		log_debug("cannot remember which paths are whose: %s", err.text);
}

void plan_cache_tell(struct assembly *a)
{
	auto_buf question = { 0 }, b = { 0 };
	struct digest d;

	if (a->plan_learnt || !a->lp->n_packages || !knows_all(a) || !write_plan(a, &a->paths, &b))
		return;
	buf_adds(&b, "end\n");
	plan_question(a, &question);
	d = digest_bytes(question.p, question.n);
	if (layer_cache_lacks(a->cache, LAYER_CACHE_PLAN, &d))
		layer_cache_put_text(a->cache, LAYER_CACHE_PLAN, &question, &b);
}
