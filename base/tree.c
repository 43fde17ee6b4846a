#include "base/tree.h"

#include "base/arena.h"

#define PATH_BYTES_MAX 4096
#define NAME_BYTES_MAX 255

int tree_next(struct tree *t, struct entry *e, struct source **content, struct err *err)
{
	return t->ops->next(t, e, content, err);
}

void tree_free(struct tree *t)
{
	if (t)
		t->ops->free(t);
}

const char *tree_path_fault(const char *path)
{
	struct str rest = str_of(path), part;

	if (!rest.n)
		return "is empty";
	if (path[0] == '/')
		return "is absolute";
	if (rest.n >= PATH_BYTES_MAX)
		return "is longer than 4095 bytes";
	while (str_cut(&rest, '/', &part)) {
		if (part.n == 0)
			return "has an empty component";
		if (str_eq(part, "."))
			return "has a \".\" component";
		if (str_eq(part, ".."))
			return "has a \"..\" component";
		if (part.n > NAME_BYTES_MAX)
			return "has a component longer than 255 bytes";
		if (part.n >= 4 && memcmp(part.p, ".wh.", 4) == 0)
			return "has a component that begins with \".wh.\", which layers use for deletions";
	}
	return NULL;
}

/* ---- memory ---- */

struct mem_entry {
	struct entry e;
	const void *p;
};

struct tree_mem {
	struct tree base;
	struct arena arena;
	struct mem_entry *entries;
	size_t n, at;
	struct source *content;
};

static int mem_next(struct tree *t, struct entry *e, struct source **content, struct err *err)
{
	struct tree_mem *m = (struct tree_mem *)t;
	const struct mem_entry *me;

	(void)err;
	source_free(TAKE(m->content));
	*content = NULL;
	if (m->at == m->n)
		return 0;
	me = &m->entries[m->at++];
	*e = me->e;
	if (me->e.type == ENTRY_FILE && me->e.size)
		*content = m->content = source_bytes(me->p, (size_t)me->e.size);
	return 1;
}

static void mem_tree_free(struct tree *t)
{
	struct tree_mem *m = (struct tree_mem *)t;

	source_free(m->content);
	free(m->entries);
	arena_release(&m->arena);
	free(m);
}

static const struct tree_ops mem_tree_ops = { mem_next, mem_tree_free };

struct tree *tree_memory(void)
{
	struct tree_mem *m = NEW(struct tree_mem);

	m->base.ops = &mem_tree_ops;
	return &m->base;
}

static struct mem_entry *add(struct tree *t, const char *path, enum entry_type type, uint32_t mode)
{
	struct tree_mem *m = (struct tree_mem *)t;
	struct mem_entry *me;

	mem_grow(m->entries, m->n);
	me = &m->entries[m->n++];
	*me = (struct mem_entry){ .e = { .path = arena_strdup(&m->arena, path), .type = type, .mode = mode } };
	return me;
}

void tree_memory_dir(struct tree *t, const char *path, uint32_t mode)
{
	add(t, path, ENTRY_DIR, mode);
}

void tree_memory_file(struct tree *t, const char *path, uint32_t mode, const void *p, size_t n)
{
	struct mem_entry *me = add(t, path, ENTRY_FILE, mode);

	me->e.size = n;
	me->p = arena_dup(&((struct tree_mem *)t)->arena, p, n);
}

void tree_memory_symlink(struct tree *t, const char *path, const char *target)
{
	add(t, path, ENTRY_SYMLINK, 0777)->e.target = arena_strdup(&((struct tree_mem *)t)->arena, target);
}

/* ---- chain ---- */

struct tree_seq {
	struct tree base;
	tree_open_fn *open;
	void *arg;
	size_t at, n;
	struct tree *now;
};

static int seq_next(struct tree *t, struct entry *e, struct source **content, struct err *err)
{
	struct tree_seq *q = (struct tree_seq *)t;

	for (;;) {
		int got;

		if (!q->now) {
			*content = NULL;
			if (q->at == q->n)
				return 0;
			q->now = q->open(q->arg, q->at++, err);
			if (!q->now)
				return -1;
		}
		got = tree_next(q->now, e, content, err);
		if (got)
			return got;
		tree_free(TAKE(q->now));
	}
}

static void seq_free(struct tree *t)
{
	tree_free(((struct tree_seq *)t)->now);
	free(t);
}

static const struct tree_ops seq_ops = { seq_next, seq_free };

struct tree *tree_chain(tree_open_fn *open, void *arg, size_t n)
{
	struct tree_seq *q = NEW(struct tree_seq);

	*q = (struct tree_seq){ .base = { &seq_ops }, .open = open, .arg = arg, .n = n };
	return &q->base;
}
