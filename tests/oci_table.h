/* For the tests of oci/: trees that are tables, sources that drip, temporary directories. */
#ifndef TESTS_OCI_TABLE_H
#define TESTS_OCI_TABLE_H

#include <fcntl.h>
#include <stdio.h>

#include "base/fs.h"
#include "base/tree.h"

/* A source of text that gives at most step bytes at once, and fails before byte fail_at. */
struct drip {
	struct source base;
	const char *p;
	size_t n, at, step, fail_at;
};

static inline ssize_t drip_read(struct source *s, void *buf, size_t len, struct err *err)
{
	struct drip *d = (struct drip *)s;

	if (d->at >= d->fail_at)
		return err_set(err, ERR_NET, "the line is dead");
	len = len < d->step ? len : d->step;
	len = len < d->n - d->at ? len : d->n - d->at;
	memcpy(buf, d->p + d->at, len);
	d->at += len;
	return (ssize_t)len;
}

static inline void drip_free(struct source *s)
{
	free(s);
}

static inline struct source *drip(const char *p, size_t n, size_t step, size_t fail_at)
{
	static const struct source_ops ops = { drip_read, drip_free };
	struct drip *d = NEW(struct drip);

	*d = (struct drip){ { &ops }, p, n, 0, step, fail_at };
	return &d->base;
}

struct item {
	enum entry_type type;
	const char *path;
	uint32_t mode;
	const char *text; /* content or target */
	uint64_t size; /* what it says, if not 0 */
	size_t fail_at; /* byte of the content that cannot be read, if not 0 */
};

struct table {
	struct tree base;
	const struct item *items;
	size_t n, at, step;
	struct source *content;
};

static inline int table_next(struct tree *t, struct entry *e, struct source **content, struct err *err)
{
	struct table *b = (struct table *)t;
	const struct item *i;

	(void)err;
	source_free(TAKE(b->content));
	*content = NULL;
	if (b->at == b->n)
		return 0;
	i = &b->items[b->at++];
	*e = (struct entry){ .path = i->path, .mode = i->mode, .type = i->type };
	if (i->type == ENTRY_FILE) {
		e->size = i->size ? i->size : strlen(i->text);
		*content = b->content = drip(i->text, strlen(i->text), b->step, i->fail_at ? i->fail_at : SIZE_MAX);
	} else {
		e->target = i->text;
	}
	return 1;
}

static inline void table_free(struct tree *t)
{
	source_free(((struct table *)t)->content);
	free(t);
}

/* Its contents come in pieces of at most step bytes. */
static inline struct tree *table_tree(const struct item *items, size_t n, size_t step)
{
	static const struct tree_ops ops = { table_next, table_free };
	struct table *t = NEW(struct table);

	*t = (struct table){ .base = { &ops }, .items = items, .n = n, .step = step };
	return &t->base;
}

struct tmp {
	char path[64];
};

static inline struct tmp tmp_make(void)
{
	struct tmp t = { "/tmp/condaimg-test-XXXXXX" };

	if (!mkdtemp(t.path))
		abort();
	return t;
}

static inline void tmp_remove(struct tmp *t)
{
	struct err err = ERR_INIT;

	fs_remove(AT_FDCWD, t->path, &err);
}

#define auto_tmp CLEANUP(tmp_remove) struct tmp

#endif
