/*
 * Virtual packages that would help: the versions that records speak of are tried from
 * the lowest on, so that what is told is the least that does.
 */
#include <string.h>

#include "base/str.h"
#include "conda/virtual.h"
#include "solver/advice_impl.h"
#include "solver/lacking.h"

#define VERSIONS_MAX 10 /* of one virtual package that are tried */
#define CUDA_USUAL "12.4" /* where records ask for __cuda of any version */

/* ---- what to try ---- */

struct versions {
	struct arena arena;
	const char **list; /* sorted, each once */
	size_t n;
};

static int version_order(const void *x, const void *y)
{
	return version_text_cmp(*(const char *const *)x, *(const char *const *)y);
}

static void add_version(struct versions *v, const char *text)
{
	for (size_t i = 0; i < v->n; i++)
		if (version_text_cmp(v->list[i], text) == 0)
			return;
	mem_grow(v->list, v->n);
	v->list[v->n++] = text;
}

static void add_named(struct versions *v, const struct matchspec *m, const char *name)
{
	const char *const *literals;

	if (!m->name || strcmp(m->name, name) != 0 || !m->version_text)
		return;
	literals = lacking_literals(m->version_text, &v->arena);
	for (size_t i = 0; literals[i]; i++)
		if (*literals[i] >= '0' && *literals[i] <= '9' && !strpbrk(literals[i], "*^$"))
			add_version(v, literals[i]);
}

/* Microarchitectures have no order but their names; those below what there is are of no use. */
static void add_archspecs(struct versions *v, const struct problem *p)
{
	static const char *const levels[] = { "x86_64", "x86_64_v2", "x86_64_v3", "x86_64_v4" };
	bool above = false;

	for (size_t i = 0; i < p->q->n_virtuals; i++)
		for (size_t k = 0; strcmp(p->q->virtuals[i].name, "__archspec") == 0 && k < COUNT(levels); k++) {
			if (above) {
				mem_grow(v->list, v->n);
				v->list[v->n++] = arena_printf(&v->arena, "1=%s", levels[k]);
			}
			above |= strcmp(p->q->virtuals[i].build, levels[k]) == 0;
		}
}

/* Every version of a virtual package that a spec speaks of. */
static void versions_init(struct versions *v, const struct problem *p, const char *name)
{
	*v = (struct versions){ 0 };
	if (strcmp(name, "__archspec") == 0) {
		add_archspecs(v, p);
		return;
	}
	for (uint32_t i = 0; i < p->n_specs; i++)
		add_named(v, p->specs[i].m, name);
	if (!v->n && strcmp(name, "__cuda") == 0)
		add_version(v, CUDA_USUAL);
	if (v->n)
		qsort(v->list, v->n, sizeof(*v->list), version_order);
}

static void versions_release(struct versions *v)
{
	free(v->list);
	arena_release(&v->arena);
}

/* ---- trying ---- */

/* The question with one virtual package of this version. */
static bool solves_with(struct adviser *v, const char *name, const char *version, struct solution *ret)
{
	struct solve q = *v->p->q;
	struct err err = ERR_INIT;
	struct virtual_set set = { arena_dup(v->a, q.virtuals, q.n_virtuals * sizeof(*q.virtuals)), q.n_virtuals };

	*ret = (struct solution){ 0 };
	if (virtual_apply(v->a, &set, arena_printf(v->a, "%s=%s", name, version), &err) < 0)
		return false;
	q.virtuals = set.records;
	q.n_virtuals = set.n;
	return advice_solves(v, q, ret);
}

/* "pytorch 2.5.1": what becomes of the first package that the core asks for; or "". */
static const char *outcome(struct adviser *v, const struct solution *s)
{
	for (uint32_t i = 0; i < v->core->n_roots; i++) {
		const char *name = v->p->specs[v->core->roots[i]].m->name;
		const struct record *r = name ? advice_record(s, name) : NULL;

		if (r)
			return arena_printf(v->a, "%s %s", r->name, r->version);
	}
	return "";
}

struct found {
	const char *version, *outcome; /* NULL: nothing does */
};

/* From the lowest on (or the highest) to the first that does. */
static struct found first_that_does(struct adviser *v, const char *name, const struct versions *versions, bool highest)
{
	struct found ret = { 0 };

	for (size_t i = 0; i < versions->n && i < VERSIONS_MAX && !ret.version; i++) {
		const char *version = versions->list[highest ? versions->n - 1 - i : i];
		auto_solution s = { 0 };

		if (solves_with(v, name, version, &s))
			ret = (struct found){ arena_strdup(v->a, version), outcome(v, &s) };
	}
	return ret;
}

/* ---- telling ---- */

static bool is_choice(const struct problem *p, const char *version)
{
	for (const char *const *g = p->q->glibc_choices; g && *g; g++)
		if (version_text_cmp(*g, version) == 0)
			return true;
	return !p->q->glibc_choices;
}

static const char *option_text(struct adviser *v, const char *name, const char *version)
{
	if (strcmp(name, "__cuda") == 0)
		return arena_printf(v->a, "--cuda %s", version);
	if (strcmp(name, "__glibc") == 0 && (v->p->q->glibc_from == GLIBC_OF_BASE ||
					     (v->p->q->glibc_from == GLIBC_OF_IMAGE && !is_choice(v->p, version))))
		return arena_printf(v->a, "a --base that has glibc %s", version);
	return arena_printf(v->a, "--virtual-package %s=%s", name, version);
}

/* On what the advice hangs: an option does not make the machine. */
static const char *condition_text(const struct adviser *v, const char *name)
{
	if (strcmp(name, "__cuda") == 0)
		return ", if the machine that runs the image has a GPU for that";
	if (strcmp(name, "__glibc") != 0)
		return ", if the machine that runs the image has that";
	return v->p->q->glibc_from == GLIBC_ASSUMED ? ", if that is what the image will find" : "";
}

static const char *with_text(struct adviser *v, const char *name, struct found f, bool outcome)
{
	return arena_printf(v->a, "%s%s%s%s", option_text(v, name, f.version), outcome && *f.outcome ? " (" : "",
			    outcome ? f.outcome : "", outcome && *f.outcome ? ")" : "");
}

static void try_versions(struct adviser *v, const char *name, const struct versions *versions)
{
	struct found least = first_that_does(v, name, versions, false), most = { 0 };
	bool differ;

	if (!least.version)
		return;
	most = first_that_does(v, name, versions, true);
	differ = most.version && strcmp(least.version, most.version) != 0 && strcmp(least.outcome, most.outcome) != 0;
	advice_add(v, arena_printf(v->a, "with %s%s%s it can be solved%s", with_text(v, name, least, differ),
				   differ ? " or " : "", differ ? with_text(v, name, most, true) : "",
				   condition_text(v, name)));
}

static void try_virtual(struct adviser *v, const char *name)
{
	struct versions versions = { 0 };
	size_t before = v->n;

	/* What the image can get by an option goes before another base. */
	for (const char *const *g = v->p->q->glibc_choices; strcmp(name, "__glibc") == 0 && g && *g; g++)
		add_version(&versions, *g);
	if (versions.n)
		qsort(versions.list, versions.n, sizeof(*versions.list), version_order);
	try_versions(v, name, &versions);
	versions_release(&versions);
	if (v->n > before)
		return;
	versions_init(&versions, v->p, name);
	try_versions(v, name, &versions);
	versions_release(&versions);
}

/* Virtual packages that the core, or a spec that nothing meets, speaks of; sorted, each once. */
static size_t names_of(const struct adviser *v, const char **ret, size_t max)
{
	size_t n = 0, kept = 0;

	for (uint32_t i = 0; i < v->core->n_links && n < max; i++)
		if (str_starts(v->core->links[i].to_text, "__"))
			ret[n++] = v->core->links[i].to_text;
	for (uint32_t i = 0; i < v->p->n_roots && n < max; i++)
		if (v->p->specs[v->p->roots[i]].m->name && str_starts(v->p->specs[v->p->roots[i]].m->name, "__"))
			ret[n++] = v->p->specs[v->p->roots[i]].m->name;
	if (n)
		qsort(ret, n, sizeof(*ret), str_ptr_cmp);
	for (size_t i = 0; i < n; i++)
		if (!i || strcmp(ret[i], ret[i - 1]) != 0)
			ret[kept++] = ret[i];
	return kept;
}

void advice_of_machine(struct adviser *v)
{
	const char *names[16];
	size_t n = names_of(v, names, COUNT(names));

	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], "__win") != 0 && strcmp(names[i], "__osx") != 0)
			try_virtual(v, names[i]);
}
