#include "base/arena.h"

#include <stdarg.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>

#define CHUNK_SIZE ((size_t)64 << 10)
#define LARGE (CHUNK_SIZE * 8) /* an arena that holds so much is likely to get as large as a huge chunk */
#define ALIGN alignof(max_align_t)

struct arena_chunk {
	struct arena_chunk *next;
	alignas(max_align_t) char bytes[];
};

/* Uninitialised bytes; aligned when size was rounded up by the caller. */
static char *take(struct arena *a, size_t size)
{
	struct arena_chunk *c;
	size_t room;

	if (size <= a->left) {
		char *p = a->at;

		a->at += size;
		a->left -= size;
		return p;
	}
	room = size > CHUNK_SIZE / 4 ? size : a->total < LARGE ? CHUNK_SIZE : MEM_HUGE - sizeof(*c);
	c = room < MEM_HUGE - sizeof(*c) ? mem_resize(NULL, 1, sizeof(*c) + room) : mem_huge(sizeof(*c) + room);
	a->total += room;
	if (room == size && a->chunks) {
		/* A large one gets a chunk of its own behind the current one. */
		c->next = a->chunks->next;
		a->chunks->next = c;
		return c->bytes;
	}
	c->next = a->chunks;
	a->chunks = c;
	a->at = c->bytes + size;
	a->left = room - size;
	return c->bytes;
}

void *arena_alloc(struct arena *a, size_t size)
{
	size_t skew = (size_t)((ALIGN - (size_t)a->at % ALIGN) % ALIGN);
	void *p;

	if (size > (size_t)-1 / 2)
		abort();
	if (skew && skew <= a->left) {
		a->at += skew;
		a->left -= skew;
	} else if (skew) {
		a->left = 0;
	}
	p = take(a, size ? size : 1);
	return memset(p, 0, size ? size : 1);
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		abort();
	return arena_alloc(a, bytes);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = take(a, n + 1);

	if (n)
		memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

void *arena_dup(struct arena *a, const void *p, size_t size)
{
	void *ret = arena_alloc(a, size);

	if (size)
		memcpy(ret, p, size);
	return ret;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	int n;
	char *p;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	p = take(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}

const char *const *arena_strlist(struct arena *a, const char *const *s, size_t n)
{
	const char **list = arena_array(a, n + 1, sizeof(*list));

	for (size_t i = 0; i < n; i++)
		list[i] = arena_strdup(a, s[i]);
	return list;
}

void arena_join(struct arena *a, struct arena *from)
{
	struct arena_chunk *last = from->chunks;

	if (!last)
		return;
	while (last->next)
		last = last->next;
	/* Behind a's newest chunk, in which a goes on filling. */
	a->total += from->total;
	if (a->chunks) {
		last->next = a->chunks->next;
		a->chunks->next = from->chunks;
	} else {
		*a = *from;
	}
	*from = (struct arena){ 0 };
}

void arena_release(struct arena *a)
{
	while (a->chunks) {
		struct arena_chunk *next = a->chunks->next;

		free(a->chunks);
		a->chunks = next;
	}
	*a = (struct arena){ 0 };
}
