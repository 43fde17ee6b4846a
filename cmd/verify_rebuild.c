/* A layer once more, from its packages, and the two side by side. */
#include <inttypes.h>
#include <string.h>

#include "base/work.h"
#include "cmd/making.h"
#include "cmd/verify.h"
#include "oci/tar.h"

/* A file as building it gives it. */
struct made {
	const char *path, *target;
	uint64_t size;
	struct digest sha256;
	uint32_t mode;
	enum entry_type type;
	size_t member; /* of the layer's packages */
};

/* Passes content on and hashes it. */
struct hashed {
	struct source base;
	struct source *in;
	struct hash hash;
	bool open;
};

/* The members' trees one after the other, noting what goes by. */
struct spy {
	struct tree base;
	const struct assembly *a;
	enum part part;
	const size_t *members;
	size_t n_members, at;
	struct tree *now;
	struct arena arena;
	struct made *list;
	size_t n;
	struct hashed content;
	struct digest diffid; /* of the tar they make */
	uint32_t layer;
};

static ssize_t hashed_read(struct source *s, void *buf, size_t len, struct err *err)
{
	struct hashed *h = (struct hashed *)s;
	ssize_t n = source_read(h->in, buf, len, err);

	if (n > 0)
		hash_add(&h->hash, buf, (size_t)n);
	return n;
}

static void hashed_free(struct source *s)
{
	(void)s; /* part of the spy */
}

static const struct source_ops hashed_ops = { hashed_read, hashed_free };

/* The file before is at its end. */
static void settle(struct spy *s)
{
	if (!s->content.open)
		return;
	s->list[s->n - 1].sha256 = hash_get(&s->content.hash);
	hash_release(&s->content.hash);
	s->content.open = false;
}

static void note_entry(struct spy *s, const struct entry *e, struct source **content)
{
	mem_grow(s->list, s->n);
	s->list[s->n++] = (struct made){ .path = arena_strdup(&s->arena, e->path),
					 .target = arena_strdup(&s->arena, e->target),
					 .size = e->size,
					 .sha256 = digest_bytes("", 0),
					 .mode = e->mode,
					 .type = e->type,
					 .member = s->at };
	if (!*content)
		return;
	s->content = (struct hashed){ { &hashed_ops }, *content, { 0 }, true };
	hash_init(&s->content.hash);
	*content = &s->content.base;
}

static struct tree *open_member(const struct spy *s, struct err *err)
{
	struct opener unused = { 0 };

	if (s->part == PART_PACKAGES)
		return making_open_linked(s->a, s->members[s->at], NULL, err);
	return making_open(s->a, &(struct part_layer){ .part = s->part }, &unused, err);
}

static int spy_next(struct tree *t, struct entry *e, struct source **content, struct err *err)
{
	struct spy *s = (struct spy *)t;

	settle(s);
	for (; s->at < s->n_members; s->at++) {
		int got;

		if (!s->now)
			s->now = open_member(s, err);
		got = s->now ? tree_next(s->now, e, content, err) : -1;
		if (got > 0)
			note_entry(s, e, content);
		if (got)
			return got;
		tree_free(TAKE(s->now));
	}
	*content = NULL;
	return 0;
}

static void spy_free(struct tree *t)
{
	(void)t; /* on the stack, or in a list */
}

static const struct tree_ops spy_ops = { spy_next, spy_free };

static void spy_release(struct spy *s)
{
	settle(s);
	tree_free(s->now);
	free(s->list);
	arena_release(&s->arena);
}

/* ---- making ---- */

static int make_one(void *arg, size_t i, struct err *err)
{
	struct spy *s = (struct spy *)arg + i;
	auto_sink *out = sink_digest(sink_null(), &s->diffid, NULL);

	if (tar_drain(&s->base, out, err) < 0 || sink_finish(out, err) < 0)
		return err_at(err, "making layer %u once more", s->layer + 1);
	return 0;
}

/* ---- comparing ---- */

/* A file of the image's layer, whether or not an upper layer hides it. */
static int by_path(const void *x, const void *y)
{
	const struct overlay_file *a = *(const struct overlay_file *const *)x,
				  *b = *(const struct overlay_file *const *)y;
	int c = strcmp(a->path, b->path);

	return c ? c : (a > b) - (a < b);
}

static int made_by_path(const void *x, const void *y)
{
	const struct made *a = x, *b = y;
	int c = strcmp(a->path, b->path);

	return c ? c : (a->type == ENTRY_DIR) - (b->type == ENTRY_DIR);
}

/* A hard link has the content of its target. */
static void resolve_links(struct spy *s)
{
	auto_map paths = { 0 };
	bool is_new;
	uint32_t to;

	for (size_t i = 0; i < s->n; i++) {
		map_put(&paths, s->list[i].path, (uint32_t)i, &is_new);
		if (s->list[i].type == ENTRY_HARDLINK && map_get(&paths, s->list[i].target, &to)) {
			s->list[i].sha256 = s->list[to].sha256;
			s->list[i].size = s->list[to].size;
		}
	}
}

/* A tree may leave directories out: then the tar has them all the same. */
static void add_parents(struct spy *s)
{
	size_t told = s->n;
	auto_map paths = { 0 };
	bool is_new;

	for (size_t i = 0; i < told; i++)
		map_put(&paths, s->list[i].path, 0, &is_new);
	for (size_t i = 0; i < told; i++) {
		struct made m = { .mode = 0755, .type = ENTRY_DIR, .member = s->list[i].member };
		const char *path = s->list[i].path;

		for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
			m.path = arena_strndup(&s->arena, path, (size_t)(slash - path));
			map_put(&paths, m.path, 0, &is_new);
			if (!is_new)
				continue;
			mem_grow(s->list, s->n);
			s->list[s->n++] = m;
		}
	}
}

static enum member_type member_type(enum entry_type t)
{
	static const enum member_type types[] = { [ENTRY_FILE] = MEMBER_FILE,
						  [ENTRY_DIR] = MEMBER_DIR,
						  [ENTRY_SYMLINK] = MEMBER_SYMLINK,
						  [ENTRY_HARDLINK] = MEMBER_HARDLINK };

	return types[t];
}

static const char *const type_names[] = { [MEMBER_FILE] = "a file",
					  [MEMBER_DIR] = "a directory",
					  [MEMBER_SYMLINK] = "a symlink",
					  [MEMBER_HARDLINK] = "a hard link",
					  [MEMBER_OTHER] = "a device or pipe" };

static void compare_file(struct verify *v, const char *package, const struct made *m, const struct overlay_file *f)
{
	struct arena *a = &v->arena;

	v->checked[f - v->contents.files.files] = true;
	if (f->type != member_type(m->type))
		verify_add(v, package, m->path, arena_printf(a, "is %s", type_names[f->type]),
			   arena_printf(a, "expected %s", type_names[member_type(m->type)]));
	else if (m->type == ENTRY_SYMLINK && strcmp(m->target, f->target) != 0)
		verify_add(v, package, m->path, arena_printf(a, "leads to '%s'", f->target),
			   arena_printf(a, "expected '%s'", m->target));
	else if ((m->type == ENTRY_FILE || m->type == ENTRY_HARDLINK) && f->hashed &&
		 !digest_equal(&m->sha256, &f->sha256))
		verify_add(v, package, m->path, arena_printf(a, "is sha256:%s", digest_hex(&f->sha256).hex),
			   arena_printf(a, "expected sha256:%s", digest_hex(&m->sha256).hex));
	else if (m->type != ENTRY_SYMLINK && m->type != ENTRY_HARDLINK && !f->implied && m->mode != f->mode)
		verify_add(v, package, m->path, arena_printf(a, "has mode %04o", f->mode),
			   arena_printf(a, "expected %04o", m->mode));
}

static const char *package_of(struct verify *v, const struct spy *s, const struct made *m)
{
	if (s->part == PART_PACKAGES)
		return record_dist(&v->arena, &s->a->packages[s->members[m->member]]);
	return verify_layer_name(v, s->layer);
}

static const char *seen_as(struct verify *v, const struct overlay_file *f)
{
	if (f->hashed)
		return arena_printf(&v->arena, "is sha256:%s", digest_hex(&f->sha256).hex);
	return arena_printf(&v->arena, "is %s", type_names[f->type]);
}

/* Two sorted lists side by side. */
static void compare_lists(struct verify *v, const struct spy *s, const struct overlay_file *const *is, size_t n)
{
	size_t i = 0, k = 0;

	while (i < s->n || k < n) {
		const struct made *m = i < s->n ? &s->list[i] : NULL;
		int c = !m ? 1 : k == n ? -1 : strcmp(m->path, is[k]->path);

		if (m && i && strcmp(m->path, s->list[i - 1].path) == 0) {
			i++; /* a directory of several packages */
		} else if (c == 0) {
			/* Of a path told twice the last one counts. */
			if (k + 1 == n || strcmp(is[k + 1]->path, m->path) != 0)
				compare_file(v, package_of(v, s, m), m, is[k]);
			k++;
			i += k == n || strcmp(is[k]->path, m->path) != 0;
		} else if (c < 0) {
			verify_add(v, package_of(v, s, m), m->path, "is missing",
				   arena_printf(&v->arena, "expected in layer %u", s->layer + 1));
			i++;
		} else {
			if (!is[k]->implied)
				verify_add(v, verify_layer_name(v, s->layer), is[k]->path, seen_as(v, is[k]),
					   "expected nothing: no package has it");
			k++;
		}
	}
}

static void compare_layer(struct verify *v, struct spy *s)
{
	const struct overlay *o = &v->contents.files;
	const struct digest *is = &v->contents.image->layers[s->layer].layer.diffid;
	bool same = digest_equal(&s->diffid, is);
	auto_free const struct overlay_file **files = NULL;
	size_t n = 0, before = v->n;

	for (size_t i = 0; i < o->n; i++) {
		if (o->files[i].layer != s->layer)
			continue;
		v->checked[i] |= same;
		mem_grow(files, n);
		files[n++] = &o->files[i];
	}
	v->rebuilt++;
	if (same)
		return;
	resolve_links(s);
	add_parents(s);
	if (s->n)
		qsort(s->list, s->n, sizeof(*s->list), made_by_path);
	if (n)
		qsort(files, n, sizeof(*files), by_path);
	compare_lists(v, s, files, n);
	if (v->n == before)
		verify_add(
			v, verify_layer_name(v, s->layer), "",
			arena_printf(&v->arena, "is sha256:%s as a tar", digest_hex(is).hex),
			arena_printf(&v->arena,
				     "expected sha256:%s: the files are the same, their times, owners or order are not",
				     digest_hex(&s->diffid).hex));
}

/* ---- which layers can be made ---- */

static bool find_members(const struct assembly *a, const char *list, struct arena *arena, struct spy *s)
{
	struct str rest = str_of(list), name;
	size_t *members = NULL;
	bool all = *list != '\0';

	while (all && str_cut(&rest, ',', &name)) {
		size_t i = 0;

		while (i < a->lp->n_packages && !str_eq(name, record_dist(arena, &a->packages[i])))
			i++;
		all = i < a->lp->n_packages;
		mem_grow(members, s->n_members);
		members[s->n_members++] = i;
	}
	s->members = arena_dup(&s->arena, members, s->n_members * sizeof(*members));
	free(members);
	return all;
}

/* Whether the layer is one that a can make. */
static bool plan_layer(const struct verify *v, const struct assembly *a, uint32_t i, bool with_environment,
		       struct spy *s)
{
	static const size_t one[] = { 0 };
	const struct holding *h = &v->contents.holdings[i];
	auto_arena tmp = { 0 };

	*s = (struct spy){ .base = { &spy_ops }, .a = a, .members = one, .n_members = 1, .layer = i };
	if (i < v->contents.own || contents_is_broken(&v->contents, i))
		return false;
	if (strcmp(h->part, "packages") == 0) {
		s->part = PART_PACKAGES;
		s->n_members = 0;
		return find_members(a, h->packages, &tmp, s);
	}
	if (strcmp(h->part, "system") == 0) {
		s->part = PART_SYSTEM;
		/* Where certificates were added, they have to be known. */
		return !holding_label(v->contents.image, LABEL_CERTIFICATES) || a->settings->app.certificates;
	}
	if (strcmp(h->part, "libc") == 0) {
		s->part = PART_LIBC;
		return a->layers[0].part == PART_LIBC &&
		       strcmp(record_dist(&tmp, &a->lp->libc_packages[0]), h->packages) == 0;
	}
	s->part = PART_ENVIRONMENT;
	return with_environment && strcmp(h->part, "environment") == 0;
}

int verify_rebuild(struct verify *v, const struct assembly *a, bool with_environment, struct err *err)
{
	size_t n_layers = v->contents.image->n_layers, n = 0;
	auto_free struct spy *spies = mem_array(n_layers, sizeof(*spies));
	int rc;

	for (uint32_t i = 0; i < n_layers; i++) {
		if (plan_layer(v, a, i, with_environment, &spies[n]))
			n++;
		else
			spy_release(&spies[n]);
	}
	rc = work_run(n, a->workshop->threads, make_one, spies, err);
	for (size_t i = 0; i < n; i++) {
		if (rc == 0)
			compare_layer(v, &spies[i]);
		spy_release(&spies[i]);
	}
	return rc;
}
