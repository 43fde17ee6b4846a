#include "oci/paths.h"

#include <search.h>
#include <string.h>

static int seen_cmp(const void *a, const void *b)
{
	return strcmp(((const struct path_seen *)a)->path, ((const struct path_seen *)b)->path);
}

const struct path_seen *paths_find(const struct paths *p, const char *path)
{
	const struct path_seen key = { .path = path };
	void *const *node = tfind(&key, &p->root, seen_cmp);

	return node ? *node : NULL;
}

void paths_add(struct paths *p, const char *path, int type, uint32_t mode)
{
	struct path_seen *s = arena_alloc(&p->arena, sizeof(*s));

	*s = (struct path_seen){ arena_strdup(&p->arena, path), mode, type };
	if (!tsearch(s, &p->root, seen_cmp))
		abort();
}

static void in_the_arena(void *s)
{
	(void)s;
}

void paths_release(struct paths *p)
{
	tdestroy(p->root, in_the_arena);
	p->root = NULL;
	arena_release(&p->arena);
}
