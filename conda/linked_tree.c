#include "conda/linked.h"

#include "base/log.h"
#include "conda/elf.h"
#include "conda/entry_point.h"
#include "conda/meta.h"
#include "conda/placeholder.h"
#include "conda/pyc.h"

#define DIR_MODE 0755
#define SCRIPT_MODE 0775 /* of entry points, as mamba makes them */
#define META_MODE 0644
#define META_DIR "conda-meta"
#define PATH_BYTES_MAX 4096

enum phase { PHASE_DIRS, PHASE_PAYLOAD, PHASE_SCRIPTS, PHASE_LICENSES, PHASE_META, PHASE_END };

/* What is known of a path of the list while the tree streams by. */
struct item {
	bool dropped; /* another package provides it */
	bool given; /* as a file: a hard link may point to it */
	bool is_symlink;
	bool has_sha256, has_size;
	struct digest sha256; /* as it stands under the prefix */
	uint64_t size; /* in the archive */
	uint32_t mode;
};

/* The content at hand, with errors that say whose it is. */
struct named {
	struct source base;
	struct source *in;
	const char *fn, *path;
	struct elf_scan *scan; /* or NULL */
	bool ended;
};

/* A hard link that became a file. */
struct copied {
	const char *target; /* in the archive */
	const struct linked_path *path;
};

struct linked {
	struct tree base;
	struct package *package;
	const struct record *record;
	struct arena arena;
	const char *prefix; /* absolute */
	const char *interpreter; /* of entry points, or NULL */
	struct linked_list list;
	struct item *items; /* one a path of list */
	const struct linked_path **destination; /* one a path of the package; NULL where an entry point replaces it */
	struct str *dirs; /* below the prefix */
	size_t n_dirs, next_dir;
	enum phase phase;
	size_t at; /* of the prefix or the list, in their phases */
	struct named content;
	struct item *open_item; /* whose digest is known when the content at hand is at its end */
	struct copied *copies;
	size_t n_copies; /* at most PACKAGE_COPIES_MAX */
	struct buf path, target; /* of the entry at hand */
	struct link_facts *facts; /* or NULL */
	struct elf_scan scan;
};

/* ---- content ---- */

static ssize_t named_read(struct source *s, void *buf, size_t len, struct err *err)
{
	struct named *c = (struct named *)s;
	ssize_t n = source_read(c->in, buf, len, err);

	c->ended = n <= 0;
	if (n > 0 && c->scan)
		elf_scan_add(c->scan, buf, (size_t)n);
	if (n < 0)
		err_at(err, "%s: %s", c->fn, c->path);
	return n;
}

static void named_free(struct source *s)
{
	(void)s; /* part of the tree */
}

static const struct source_ops named_ops = { named_read, named_free };

/* Takes in over. */
static struct source *content_of(struct linked *t, const struct linked_path *l, struct source *in)
{
	const char *path = l ? l->path : META_DIR;
	struct elf_scan *scan = l && t->facts ? &t->scan : NULL;

	t->content = (struct named){ { &named_ops }, in, package_fn(t->package), path, scan, false };
	if (scan)
		elf_scan_begin(scan);
	return &t->content.base;
}

/* What the file at hand, which was read to its end, needs. */
static void take_needs(struct linked *t)
{
	auto_arena a = { 0 };
	unsigned machine;
	const char *const *needed = elf_scan_needed(&t->scan, &a, &machine);

	for (; needed && *needed; needed++)
		link_facts_add_need(t->facts, *needed, t->content.path, machine);
	t->content.scan = NULL;
}

/* Be done with the content at hand. Where it has to be known, it is read to its end, whoever else did not. */
static int settle(struct linked *t, struct err *err)
{
	int rc = 0;

	if ((t->open_item || t->content.scan) && t->content.in && !t->content.ended)
		rc = io_drain(&t->content.base, err);
	if (t->content.scan && rc == 0)
		take_needs(t);
	if (t->open_item && rc == 0)
		t->open_item->has_sha256 = true;
	t->open_item = NULL;
	source_free(TAKE(t->content.in));
	return rc;
}

static void know(struct item *item, const struct digest *d)
{
	item->has_sha256 = true;
	item->sha256 = *d;
}

/* The image's path of one below the prefix. */
static const char *image_path(const struct linked *t, struct buf *b, const char *path)
{
	b->n = 0;
	buf_addf(b, "%s/%s", t->prefix + 1, path);
	return b->p;
}

static struct item *item_of(const struct linked *t, const struct linked_path *l)
{
	return &t->items[l - t->list.paths];
}

/* ---- files ---- */

/* A text file's size must be told before its content: it is made in memory. */
static struct source *rewrite_text(struct linked *t, const struct linked_path *l, struct source *in, uint64_t *size,
				   struct err *err)
{
	auto_source *changed = placeholder_text(in, l->from->placeholder, t->prefix);
	auto_buf text = { 0 };
	struct digest d;

	if (io_slurp(changed, LINKED_TEXT_MAX, &text, err) < 0) {
		err_at(err, "%s: %s", package_fn(t->package), l->path);
		return NULL;
	}
	d = digest_bytes(buf_cstr(&text), text.n);
	know(item_of(t, l), &d);
	*size = text.n;
	return source_buf(&text);
}

/* The source of a .pyc in the same package, or NULL. */
static const struct package_path *pyc_source(struct linked *t, const struct linked_path *l)
{
	const char *path = pyc_source_path(&t->arena, l->from->path);
	const struct package_path *source = path ? package_find(t->package, path) : NULL;

	return source && source->type == PATH_FILE && source->has_size ? source : NULL;
}

static struct source *file_content(struct linked *t, const struct linked_path *l, struct source *in, uint64_t *size,
				   struct err *err)
{
	struct item *item = item_of(t, l);
	const struct package_path *source = pyc_source(t, l);

	if (l->from->mode == PATH_TEXT)
		return rewrite_text(t, l, in, size, err);
	if (l->from->mode == PATH_BINARY) {
		in = placeholder_binary(in, l->from->placeholder, t->prefix);
	} else if (l->from->has_sha256 && !source) {
		know(item, &l->from->sha256);
		return in;
	}
	if (source)
		in = pyc_settle(in, source->size);
	t->open_item = item;
	return source_digest(in, &item->sha256, NULL);
}

/* 1 where the file is in the tree, 0 where it is dropped: its digest is for conda-meta all the same. */
static int give_file(struct linked *t, const struct linked_path *l, const struct member *m, struct source *in,
		     struct entry *e, struct source **content, struct err *err)
{
	struct item *item = item_of(t, l);

	if (m->mode & 07000)
		log_debug("%s: '%s' loses its setuid, setgid or sticky bit (mode %o)", package_fn(t->package), l->path,
			  m->mode);
	if (t->facts && m->mode & 07000 && !item->dropped)
		link_facts_add_special(t->facts, l->path);
	*e = (struct entry){ .size = m->size, .mode = m->mode & 0777, .type = ENTRY_FILE };
	item->has_size = true;
	item->size = m->size;
	item->mode = e->mode;
	in = file_content(t, l, in, &e->size, err);
	if (!in)
		return -1;
	*content = content_of(t, l, in);
	if (!e->size)
		*content = NULL;
	if (item->dropped) {
		t->content.scan = NULL;
		return settle(t, err);
	}
	item->given = true;
	e->path = image_path(t, &t->path, l->path);
	return 1;
}

/* Targets stay as they are, as conda and mamba leave them: also those that point out of the prefix. */
static int give_symlink(struct linked *t, const struct linked_path *l, const struct member *m, struct entry *e)
{
	struct item *item = item_of(t, l);

	item->is_symlink = true;
	if (l->from->has_sha256)
		know(item, &l->from->sha256);
	item->has_size = l->from->has_size;
	item->size = l->from->size;
	if (item->dropped)
		return 0;
	t->target.n = 0;
	buf_adds(&t->target, m->target);
	*e = (struct entry){
		.path = image_path(t, &t->path, l->path),
		.target = t->target.p,
		.mode = 0777,
		.type = ENTRY_SYMLINK,
	};
	return 1;
}

/* Whether the content of a, once it stands under the prefix, is that of b: both are said to be hard links of one another. */
static bool same_treatment(const struct package_path *a, const struct package_path *b)
{
	return a->type == b->type && a->mode == b->mode &&
	       (a->mode == PATH_PLAIN || strcmp(a->placeholder, b->placeholder) == 0) &&
	       (b->has_sha256 || !a->has_sha256);
}

/*
 * What a hard link from l to target of the archive can point to: the target itself, or an earlier
 * link to it that became a file. Its content is known; it is in the tree, unless l is not either.
 */
static const struct linked_path *stand_in(const struct linked *t, const struct linked_path *l, const char *target)
{
	const struct package_path *to = package_find(t->package, target);
	const struct linked_path *first = to ? t->destination[to - package_info(t->package)->paths] : NULL;
	bool dropped = item_of(t, l)->dropped;

	for (size_t i = 0; i <= t->n_copies; i++) {
		const struct item *item = first ? item_of(t, first) : NULL;

		if (item && (item->given || (dropped && item->has_sha256)) && !item->is_symlink &&
		    same_treatment(l->from, first->from))
			return first;
		first = NULL;
		if (i < t->n_copies && strcmp(t->copies[i].target, target) == 0)
			first = t->copies[i].path;
	}
	return NULL;
}

static int check_same(const struct linked *t, const struct package_path *from, const struct package_path *to,
		      struct err *err)
{
	if (!from->has_sha256 || digest_equal(&from->sha256, &to->sha256))
		return 0;
	return err_set(err, ERR_INTEGRITY, "%s: %s: is a hard link to '%s', sha256:%s, expected sha256:%s",
		       package_fn(t->package), from->path, to->path, digest_hex(&to->sha256).hex,
		       digest_hex(&from->sha256).hex);
}

/* 1 where the link is in the tree, 0 where it is dropped. Runtimes give a file the mode that its last link says. */
static int keep_hardlink(struct linked *t, const struct linked_path *l, const struct linked_path *to, struct entry *e)
{
	struct item *item = item_of(t, l);
	bool dropped = item->dropped;

	*item = *item_of(t, to);
	item->dropped = dropped;
	item->given = !dropped;
	*e = (struct entry){ .mode = item->mode, .type = ENTRY_HARDLINK };
	e->path = image_path(t, &t->path, l->path);
	e->target = image_path(t, &t->target, to->path);
	return item->given;
}

/*
 * A hard link whose target is in the tree, and is treated as it is, stays one. All others
 * (the target is not installed, dropped, a symlink, or has another placeholder) become
 * what they are: a file of their own.
 */
static int give_hardlink(struct linked *t, const struct linked_path *l, const struct member *m, struct entry *e,
			 struct source **content, struct err *err)
{
	const struct linked_path *to = stand_in(t, l, m->target);
	struct member copy;
	struct source *in;

	if (to)
		return check_same(t, l->from, to->from, err) < 0 ? -1 : keep_hardlink(t, l, to, e);
	if (package_copy(t->package, l->from->path, m->target, &copy, &in, err) < 0)
		return -1;
	mem_grow(t->copies, t->n_copies);
	t->copies[t->n_copies++] = (struct copied){ arena_strdup(&t->arena, m->target), l };
	if (copy.type == MEMBER_SYMLINK)
		return give_symlink(t, l, &copy, e);
	return give_file(t, l, &copy, in, e, content, err);
}

/* ---- phases: 1 with an entry, 0 when over, -1 ---- */

/* First the prefix, component by component, then what is below it. */
static int next_dir(struct linked *t, struct entry *e)
{
	const char *root = t->prefix + 1, *slash;

	t->path.n = 0;
	if (t->at <= strlen(root)) {
		slash = strchrnul(root + t->at, '/');
		buf_add(&t->path, root, (size_t)(slash - root));
		t->at = t->path.n + 1;
	} else if (t->next_dir < t->n_dirs) {
		buf_addf(&t->path, "%s/%.*s", root, (int)t->dirs[t->next_dir].n, t->dirs[t->next_dir].p);
		t->next_dir++;
	} else {
		return 0;
	}
	*e = (struct entry){ .path = t->path.p, .mode = DIR_MODE, .type = ENTRY_DIR };
	return 1;
}

static int next_payload(struct linked *t, struct entry *e, struct source **content, struct err *err)
{
	const struct package_path *paths = package_info(t->package)->paths;
	const struct linked_path *l;
	struct source *in;
	struct member m;
	int rc, given = 0;

	while (given == 0 && (rc = package_next(t->package, &m, &in, err)) != 0) {
		if (rc < 0)
			return -1;
		l = t->destination[package_find(t->package, m.path) - paths];
		if (!l || m.type == MEMBER_DIR)
			continue;
		if (t->facts && !item_of(t, l)->dropped)
			link_facts_add_path(t->facts, l->path);
		if (m.type == MEMBER_FILE)
			given = give_file(t, l, &m, in, e, content, err);
		else if (m.type == MEMBER_SYMLINK)
			given = give_symlink(t, l, &m, e);
		else
			given = give_hardlink(t, l, &m, e, content, err);
	}
	return given;
}

static int next_script(struct linked *t, struct entry *e, struct source **content)
{
	while (t->at < t->list.n) {
		const struct linked_path *l = &t->list.paths[t->at++];
		auto_buf text = { 0 };

		if (!l->script)
			continue;
		entry_point_script(l->script, t->interpreter, &text);
		know(item_of(t, l), &l->sha256);
		item_of(t, l)->has_size = true;
		item_of(t, l)->size = text.n;
		if (item_of(t, l)->dropped)
			continue;
		*e = (struct entry){ .size = text.n, .mode = SCRIPT_MODE, .type = ENTRY_FILE };
		e->path = image_path(t, &t->path, l->path);
		*content = content_of(t, l, source_buf(&text));
		return 1;
	}
	return 0;
}

/* Scanners take what ends in .json for a record, wherever it is below conda-meta. */
static int next_license(struct linked *t, struct entry *e, struct source **content, struct err *err)
{
	size_t n;
	const struct package_license *l = package_licenses(t->package, &n);
	const char *end, *fault;

	if (t->at == n)
		return 0;
	l += t->at++;
	end = str_ends(l->name, ".json") ? ".txt" : "";
	t->path.n = 0;
	buf_addf(&t->path, "%s/" LINKED_LICENSES "/%s/%s%s", t->prefix + 1, t->record->name, l->name, end);
	fault = t->path.n < PATH_BYTES_MAX ? tree_path_fault(t->path.p) : "is too long";
	if (fault)
		return err_set(err, ERR_FORMAT, "%s: the licence text '%.300s' %s", package_fn(t->package), l->name,
			       fault);
	*e = (struct entry){ .path = t->path.p, .size = l->text.n, .mode = META_MODE, .type = ENTRY_FILE };
	if (l->text.n)
		*content = content_of(t, NULL, source_bytes(l->text.p, l->text.n));
	return 1;
}

static int give_meta(struct linked *t, struct entry *e, struct source **content)
{
	auto_free struct meta_path *paths = mem_array(t->list.n, sizeof(*paths));
	const struct record *r = t->record;
	auto_buf text = { 0 };

	for (size_t i = 0; i < t->list.n; i++) {
		const struct item *item = &t->items[i];

		paths[i] = (struct meta_path){ &t->list.paths[i], item->has_sha256, item->sha256, item->has_size,
					       item->size };
	}
	meta_write(r, package_info(t->package), paths, t->list.n, &text);
	*e = (struct entry){ .size = text.n, .mode = META_MODE, .type = ENTRY_FILE };
	t->path.n = 0;
	buf_addf(&t->path, "%s/" META_DIR "/%s-%s-%s.json", t->prefix + 1, r->name, r->version, r->build);
	e->path = t->path.p;
	*content = content_of(t, NULL, source_buf(&text));
	return 1;
}

static int linked_next(struct tree *tree, struct entry *e, struct source **content, struct err *err)
{
	struct linked *t = (struct linked *)tree;
	int rc = settle(t, err);

	*content = NULL;
	while (rc == 0 && t->phase < PHASE_END) {
		if (t->phase == PHASE_DIRS)
			rc = next_dir(t, e);
		else if (t->phase == PHASE_PAYLOAD)
			rc = next_payload(t, e, content, err);
		else if (t->phase == PHASE_SCRIPTS)
			rc = next_script(t, e, content);
		else if (t->phase == PHASE_LICENSES)
			rc = next_license(t, e, content, err);
		else
			rc = give_meta(t, e, content);
		if (rc == 0 || t->phase == PHASE_META) {
			t->phase++;
			t->at = 0;
		}
	}
	if (rc == 0 && t->facts)
		link_facts_finish(t->facts);
	return rc;
}

static void linked_free(struct tree *tree)
{
	struct linked *t = (struct linked *)tree;

	source_free(t->content.in);
	package_free(t->package);
	free(t->items);
	free(t->destination);
	free(t->dirs);
	free(t->copies);
	buf_release(&t->path);
	buf_release(&t->target);
	elf_scan_release(&t->scan);
	arena_release(&t->arena);
	free(t);
}

static const struct tree_ops linked_ops = { linked_next, linked_free };

/* ---- open ---- */

static void add_dir(struct linked *t, const char *path, size_t n)
{
	mem_grow(t->dirs, t->n_dirs);
	t->dirs[t->n_dirs++] = (struct str){ path, n };
}

static int dir_cmp(const void *x, const void *y)
{
	const struct str *a = x, *b = y;
	int c = memcmp(a->p, b->p, a->n < b->n ? a->n : b->n);

	return c ? c : (a->n > b->n) - (a->n < b->n);
}

static void collect_dirs(struct linked *t)
{
	const char *last = "";
	size_t n = 0;

	add_dir(t, META_DIR, strlen(META_DIR));
	for (size_t i = 0; i < t->list.n; i++) {
		const char *path = t->list.paths[i].path, *slash = strchr(path + linked_common_dir(last, path), '/');

		if (t->items[i].dropped)
			continue;
		for (last = path; slash; slash = strchr(slash + 1, '/'))
			add_dir(t, path, (size_t)(slash - path));
		if (t->list.paths[i].type == PATH_DIR)
			add_dir(t, path, strlen(path));
	}
	qsort(t->dirs, t->n_dirs, sizeof(*t->dirs), dir_cmp);
	for (size_t i = 0; i < t->n_dirs; i++)
		if (!n || dir_cmp(&t->dirs[n - 1], &t->dirs[i]) != 0)
			t->dirs[n++] = t->dirs[i];
	t->n_dirs = n;
}

static void place(struct linked *t, const char *const *dropped)
{
	const struct package_info *info = package_info(t->package);

	t->items = mem_array(t->list.n, sizeof(*t->items));
	t->destination = mem_array(info->n_paths, sizeof(*t->destination));
	for (size_t i = 0; i < t->list.n; i++)
		if (t->list.paths[i].from)
			t->destination[t->list.paths[i].from - info->paths] = &t->list.paths[i];
	for (; dropped && *dropped; dropped++) {
		const struct linked_path *l = linked_find(&t->list, *dropped, strlen(*dropped));

		if (l)
			item_of(t, l)->dropped = true;
	}
}

struct tree *linked_tree(struct package *p, const struct record *r, const struct prefix *prefix,
			 const char *const *dropped, struct err *err)
{
	struct linked *t = NEW(struct linked);

	t->base.ops = &linked_ops;
	t->package = p;
	t->record = r;
	t->prefix = arena_strdup(&t->arena, prefix->path);
	if (prefix->python)
		t->interpreter = arena_printf(&t->arena, "%s/bin/python%s", prefix->path, prefix->python);
	if (linked_paths(&t->arena, p, r, prefix, &t->list, err) < 0) {
		linked_free(&t->base);
		return NULL;
	}
	place(t, dropped);
	collect_dirs(t);
	return &t->base;
}

void linked_watch(struct tree *linked, struct link_facts *to)
{
	((struct linked *)linked)->facts = to;
}
