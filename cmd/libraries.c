#include "cmd/libraries.h"

#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/map.h"
#include "base/work.h"
#include "cmd/assembly_cache.h"
#include "cmd/making.h"
#include "cmd/recipe.h"
#include "conda/libc.h"

#define FACTS_MAX ((uint64_t)64 << 20)
#define CHECK_VERSION 1

/* ---- what is missing ---- */

/* Packages of conda-forge that have what others expect of the system: read in their recipes. */
static const struct {
	const char *library, *package;
} hints[] = {
	{ "libEGL.so.1", "libegl" },	   { "libGL.so.1", "libgl" },	      { "libGLX.so.0", "libglx" },
	{ "libOpenGL.so.0", "libopengl" }, { "libX11.so.6", "xorg-libx11" },  { "libXext.so.6", "xorg-libxext" },
	{ "libasound.so.2", "alsa-lib" },  { "libcrypt.so.1", "libxcrypt1" }, { "libcrypt.so.2", "libxcrypt" },
	{ "libstdc++.so.6", "libstdcxx" }, { "libgcc_s.so.1", "libgcc" },     { "libgfortran.so.5", "libgfortran5" },
};

/* The driver's, which comes with the machine: runtimes put it into the container. */
static bool is_of_driver(const char *library)
{
	return str_starts(library, "libcuda.so") || str_starts(library, "libcudadebugger.so") ||
	       str_starts(library, "libnvidia-") || str_starts(library, "libnvcuvid.so");
}

static const char *hint(struct arena *a, const char *library)
{
	for (size_t i = 0; i < COUNT(hints); i++)
		if (strcmp(hints[i].library, library) == 0)
			return arena_printf(a, "; conda-forge has it in the package %s", hints[i].package);
	return "";
}

/* One that is missing, and who needs it. */
struct wanted {
	const struct link_need *need;
	const char *dist;
	size_t more; /* packages */
};

static int wanted_cmp(const void *x, const void *y)
{
	const struct wanted *a = x, *b = y;

	return strcmp(a->need->library, b->need->library);
}

static void add_names(struct map *there, const char *const *names, size_t n)
{
	bool is_new;

	for (size_t i = 0; i < n; i++)
		map_put(there, names[i], 0, &is_new);
}

const struct missing_library *libraries_missing(struct arena *a, const struct link_facts *facts,
						const char *const *dists, size_t n, unsigned machine,
						const char *const *others, size_t n_others, size_t *n_ret)
{
	auto_map there = { 0 }, seen = { 0 };
	struct missing_library *ret;
	struct wanted *list = NULL;
	size_t n_list = 0;
	bool is_new;

	add_names(&there, others, n_others);
	for (size_t i = 0; i < n; i++)
		add_names(&there, facts[i].libraries, facts[i].n_libraries);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < facts[i].n_needs; k++) {
			const struct link_need *need = &facts[i].needs[k];
			uint32_t at;

			if (need->machine != machine || map_get(&there, need->library, NULL) ||
			    is_of_driver(need->library))
				continue;
			at = map_put(&seen, need->library, (uint32_t)n_list, &is_new);
			if (!is_new) {
				list[at].more++;
				if (link_facts_is_vital(need->path) && !link_facts_is_vital(list[at].need->path))
					list[at] = (struct wanted){ need, dists[i], list[at].more };
				continue;
			}
			mem_grow(list, n_list);
			list[n_list++] = (struct wanted){ need, dists[i], 0 };
		}
	if (n_list)
		qsort(list, n_list, sizeof(*list), wanted_cmp);
	ret = arena_array(a, n_list, sizeof(*ret));
	for (size_t i = 0; i < n_list; i++) {
		const struct wanted *w = &list[i];
		const char *more =
			w->more ? arena_printf(a, " (and %zu more package%s)", w->more, w->more == 1 ? "" : "s") : "";

		ret[i].name = arena_strdup(a, w->need->library);
		ret[i].vital = link_facts_is_vital(w->need->path);
		ret[i].text = arena_printf(a, "%s of %s%s: needs %s, which nothing in the image has%s", w->need->path,
					   w->dist, more, w->need->library, hint(a, w->need->library));
	}
	free(list);
	*n_ret = n_list;
	return ret;
}

/* ---- facts, remembered ---- */

static char *libc_facts_name(const struct assembly *a)
{
	return mem_printf("facts-libc-%d-%d-%s-%s", LINK_FACTS_VERSION, LIBC_VERSION, a->platform->subdir,
			  digest_hex(&a->lp->libc_packages[0].sha256).hex);
}

/* What decides the package's files decides what is to be known of them. */
static char *facts_name_of(const struct assembly *a, size_t i, bool drops)
{
	auto_buf b = { 0 };
	struct digest d;

	buf_addf(&b, "link facts %d, linked %d\n", LINK_FACTS_VERSION, LINKED_VERSION);
	recipe_add_package(&b, &a->packages[i], &a->prefix, drops ? a->paths.dropped[i] : NULL);
	d = recipe_digest(&b);
	return mem_printf("facts-%s", digest_hex(&d).hex);
}

static char *facts_name(const struct assembly *a, size_t i)
{
	return facts_name_of(a, i, true);
}

bool libraries_facts_text(const struct assembly *a, size_t i, bool drops, struct buf *ret)
{
	auto_free char *name = i < a->lp->n_packages ? facts_name_of(a, i, drops) : libc_facts_name(a);
	auto_link_facts f = { 0 };

	return workshop_recall(a->workshop, name, FACTS_MAX, ret) &&
	       link_facts_read(&f, (struct str){ buf_cstr(ret), ret->n });
}

static bool recall_facts(const struct assembly *a, const char *name, struct link_facts *ret)
{
	auto_buf b = { 0 };

	if (workshop_recall(a->workshop, name, FACTS_MAX, &b) &&
	    link_facts_read(ret, (struct str){ buf_cstr(&b), b.n }))
		return true;
	link_facts_release(ret);
	return false;
}

/* As a layer cache tells them. */
static bool learn_facts(const struct assembly *a, size_t i, struct link_facts *ret)
{
	const char *text = assembly_cache_links(a, i);

	if (text && link_facts_read(ret, str_of(text)))
		return true;
	link_facts_release(ret);
	return false;
}

static void remember(const struct assembly *a, const char *name, const struct buf *text)
{
	struct err err = ERR_INIT;

	if (fs_write(a->workshop->plans, name, text->p, text->n, 0644, &err) < 0)
		log_debug("cannot remember which libraries there are: %s", err.text);
}

static void remember_facts(const struct assembly *a, const char *name, const struct link_facts *f)
{
	auto_buf text = { 0 };

	link_facts_write(f, &text);
	remember(a, name, &text);
}

/* ---- watching ---- */

struct watched {
	struct tree base;
	struct tree *in;
	const struct assembly *a;
	struct link_facts facts;
	char *name;
};

static int watched_next(struct tree *t, struct entry *e, struct source **content, struct err *err)
{
	struct watched *w = (struct watched *)t;
	int got = tree_next(w->in, e, content, err);

	if (got == 0)
		remember_facts(w->a, w->name, &w->facts);
	return got;
}

static void watched_free(struct tree *t)
{
	struct watched *w = (struct watched *)t;

	tree_free(w->in);
	link_facts_release(&w->facts);
	free(w->name);
	free(w);
}

static const struct tree_ops watched_ops = { watched_next, watched_free };

struct tree *libraries_watch(const struct assembly *a, size_t i, struct tree *t)
{
	auto_free char *name = t ? facts_name(a, i) : NULL;
	struct watched *w;

	if (!t || workshop_remembers(a->workshop, name))
		return t;
	w = NEW(struct watched);
	*w = (struct watched){ .base = { &watched_ops }, .in = t, .a = a, .name = TAKE(name) };
	linked_watch(t, &w->facts);
	return &w->base;
}

/* ---- all of them ---- */

struct gathering {
	const struct assembly *a;
	struct link_facts *facts; /* one a package */
};

static int drain(struct tree *t, struct err *err)
{
	struct source *content;
	struct entry e;
	int got;

	while ((got = tree_next(t, &e, &content, err)) > 0)
		if (content && io_drain(content, err) < 0)
			return -1;
	return got;
}

/* Layers are made with watched packages; one whose layer was there from before has to be opened, once. */
static int gather_one(void *arg, size_t i, struct err *err)
{
	const struct gathering *g = arg;
	auto_free char *name = facts_name(g->a, i);
	auto_tree *t = NULL;

	if (recall_facts(g->a, name, &g->facts[i]) || learn_facts(g->a, i, &g->facts[i]))
		return 0;
	t = making_open_linked(g->a, i, NULL, err);
	if (!t)
		return -1;
	linked_watch(t, &g->facts[i]);
	if (drain(t, err) < 0)
		return -1;
	remember_facts(g->a, name, &g->facts[i]);
	return 0;
}

/* The libraries of the C library's package, as facts of their own. */
static int gather_libc(struct assembly *a, struct link_facts *ret, struct err *err)
{
	const struct record *r = &a->lp->libc_packages[0];
	auto_free bool *no_packages = mem_array(a->lp->n_packages + 1, sizeof(*no_packages));
	auto_free char *name = libc_facts_name(a);
	struct source *content;
	struct entry e;
	struct package *p;
	int got;

	if (r->has_sha256 && recall_facts(a, name, ret))
		return 0;
	assembly_cache_read(a, (struct part_layer *[]){ &a->layers[0] }, 1);
	if (learn_facts(a, a->lp->n_packages, ret))
		return 0;
	if (a->lazy && assembly_fetch_some(a, no_packages, true, err) < 0)
		return -1;
	p = making_open_package(a, r, err);
	auto_tree *t = p ? libc_tree(p, a->platform, err) : NULL;

	if (!t)
		return -1;
	while ((got = tree_next(t, &e, &content, err)) > 0)
		if (e.type != ENTRY_DIR)
			link_facts_add_path(ret, e.path);
	if (got < 0)
		return -1;
	link_facts_finish(ret);
	if (r->has_sha256)
		remember_facts(a, name, ret);
	return 0;
}

static void gather_base(const struct ground *base, struct link_facts *ret)
{
	for (size_t i = 0; i < base->n; i++)
		if (!base->list[i].gone && !base->list[i].is_dir && strstr(base->list[i].path, ".so"))
			link_facts_add_path(ret, base->list[i].path);
	link_facts_finish(ret);
}

/* ---- the outcome, remembered ---- */

static bool has_libc(const struct assembly *a)
{
	return a->layers[0].part == PART_LIBC;
}

static void outcome_question(const struct assembly *a, const struct link_facts *below, struct buf *b)
{
	buf_addf(b, "libraries %d, %s\n", CHECK_VERSION, a->platform->subdir);
	for (size_t i = 0; i < a->lp->n_packages; i++) {
		auto_free char *name = facts_name(a, i);

		buf_addf(b, "%s\n", name);
	}
	link_facts_write(below, b);
}

static char *outcome_name(const struct buf *question)
{
	struct digest d = digest_bytes(question->p, question->n);

	return mem_printf("libraries-%s", digest_hex(&d).hex);
}

/* "missing NAME TEXT", "lacking NAME TEXT" of what is not vital, and "special TEXT" lines, then "end". */
static bool read_outcome(struct assembly *a, const struct buf *b, struct libraries *ret)
{
	struct missing_library *missing = NULL;
	const char **special = NULL;
	size_t n = 0, n_special = 0;
	struct str text = { buf_cstr(b), b->n }, line, kind, library;
	bool good = false;

	while (!good && str_cut(&text, '\n', &line)) {
		good = str_eq(line, "end");
		if (good || !str_cut(&line, ' ', &kind) || !line.p)
			break;
		if (str_eq(kind, "special")) {
			mem_grow(special, n_special);
			special[n_special++] = arena_strndup(&a->arena, line.p, line.n);
		} else if (str_cut(&line, ' ', &library) && line.p) {
			mem_grow(missing, n);
			missing[n++] = (struct missing_library){ arena_strndup(&a->arena, library.p, library.n),
								 arena_strndup(&a->arena, line.p, line.n),
								 str_eq(kind, "missing") };
		}
	}
	*ret = (struct libraries){ arena_dup(&a->arena, missing, n * sizeof(*missing)), n,
				   arena_strlist(&a->arena, special, n_special) };
	free(missing);
	free(special);
	return good;
}

static bool recall(struct assembly *a, const char *name, struct libraries *ret)
{
	auto_buf b = { 0 };

	return workshop_recall(a->workshop, name, FACTS_MAX, &b) && read_outcome(a, &b, ret);
}

static bool learn(struct assembly *a, const struct buf *question, struct libraries *ret)
{
	auto_buf b = { 0 };

	return a->lazy && layer_cache_text(a->cache, LAYER_CACHE_LIBRARIES, question, &b) && read_outcome(a, &b, ret);
}

static void write_outcome(const struct libraries *l, struct buf *b)
{
	for (size_t i = 0; i < l->n_missing; i++)
		buf_addf(b, "%s %s %s\n", l->missing[i].vital ? "missing" : "lacking", l->missing[i].name,
			 l->missing[i].text);
	for (const char *const *s = l->special; s && *s; s++)
		buf_addf(b, "special %s\n", *s);
	buf_adds(b, "end\n");
}

static void keep(const struct assembly *a, const char *name, const struct libraries *l)
{
	auto_buf b = { 0 };

	write_outcome(l, &b);
	remember(a, name, &b);
}

static void tell_cache(struct assembly *a, const struct buf *question, const struct libraries *l)
{
	struct digest d = digest_bytes(question->p, question->n);
	auto_buf b = { 0 };

	write_outcome(l, &b);
	if (layer_cache_lacks(a->cache, LAYER_CACHE_LIBRARIES, &d))
		layer_cache_put_text(a->cache, LAYER_CACHE_LIBRARIES, question, &b);
}

static const char *const *tell_special(struct assembly *a, const struct link_facts *facts)
{
	const char **list = arena_array(&a->arena, a->lp->n_packages + 1, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < a->lp->n_packages; i++) {
		const struct link_facts *f = &facts[i];

		if (f->n_special == 1)
			list[n++] = arena_printf(&a->arena, "%s of %s", f->special[0], a->packages[i].fn);
		else if (f->n_special)
			list[n++] = arena_printf(&a->arena, "%s and %zu more of %s", f->special[0], f->n_special - 1,
						 a->packages[i].fn);
	}
	return list;
}

/* Of a lazy assembly: facts that a layer cache has, and the packages of the others. */
static int fetch_unknown(struct assembly *a, struct err *err)
{
	auto_free struct part_layer **list = mem_array(a->n_layers, sizeof(struct part_layer *));
	auto_free bool *want = mem_array(a->lp->n_packages + 1, sizeof(*want));
	size_t n = 0;

	if (!a->lazy)
		return 0;
	for (size_t i = 0; i < a->n_layers; i++)
		if (a->layers[i].at && a->layers[i].part == PART_PACKAGES)
			list[n++] = &a->layers[i];
	assembly_cache_read(a, list, n);
	for (size_t i = 0; i < a->lp->n_packages; i++) {
		auto_free char *name = facts_name(a, i);

		want[i] = !workshop_remembers(a->workshop, name) && !assembly_cache_links(a, i);
	}
	return assembly_fetch_some(a, want, false, err);
}

static int check(struct assembly *a, const struct link_facts *below, struct link_facts *facts, struct libraries *ret,
		 struct err *err)
{
	size_t n = a->lp->n_packages;
	auto_free const char **dists = mem_array(n, sizeof(*dists));

	if (fetch_unknown(a, err) < 0 ||
	    work_run(n, a->workshop->threads, gather_one, &(struct gathering){ a, facts }, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		dists[i] = record_dist(&a->arena, &a->packages[i]);
	*ret = (struct libraries){ .special = tell_special(a, facts) };
	if (has_libc(a) || a->base)
		ret->missing = libraries_missing(&a->arena, facts, dists, n, a->platform->elf_machine, below->libraries,
						 below->n_libraries, &ret->n_missing);
	return 0;
}

int libraries_check(struct assembly *a, struct libraries *ret, struct err *err)
{
	size_t n = a->lp->n_packages;
	auto_free struct link_facts *facts = mem_array(n, sizeof(*facts));
	auto_link_facts below = { 0 };
	auto_buf question = { 0 };
	auto_free char *name = NULL;
	int rc = has_libc(a) ? gather_libc(a, &below, err) : 0;

	if (a->base)
		gather_base(a->base_ground, &below);
	outcome_question(a, &below, &question);
	name = outcome_name(&question);
	if (rc == 0 && !recall(a, name, ret) && !learn(a, &question, ret)) {
		rc = check(a, &below, facts, ret, err);
		if (rc == 0 && !a->facts) /* nothing of it is somebody else's word */
			keep(a, name, ret);
	}
	if (rc == 0)
		tell_cache(a, &question, ret);
	for (size_t i = 0; i < n; i++)
		link_facts_release(&facts[i]);
	return rc;
}

/* ---- what is said ---- */

static bool is_copied(const struct assembly *a, const char *library)
{
	for (size_t i = 0; i < a->files.n; i++) {
		const char *path = a->files.entries[i].e.path, *slash = strrchr(path, '/');

		if (strcmp(slash ? slash + 1 : path, library) == 0)
			return true;
	}
	return false;
}

void libraries_tell(const struct assembly *a, const struct libraries *l)
{
	for (size_t i = 0; i < l->n_missing; i++)
		if (is_copied(a, l->missing[i].name))
			continue;
		else if (l->missing[i].vital)
			log_warn("%s", l->missing[i].text);
		else
			log_info("%s", l->missing[i].text);
	for (const char *const *s = l->special; s && *s; s++)
		log_info("%s: setuid, setgid and sticky bits are not kept", *s);
}
