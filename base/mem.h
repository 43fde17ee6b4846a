/*
 * Allocate or abort; what frees stands beside what is freed.
 *
 * Running out of memory aborts. Therefore every size that comes from outside
 * passes a named limit before it reaches an allocation.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdlib.h>
#include <unistd.h>

void *mem_alloc(size_t size);				/* zeroed */
void *mem_array(size_t n, size_t size);			/* zeroed; the product is checked */
void *mem_resize(void *p, size_t n, size_t size);	/* as realloc; new bytes are not zeroed */

/*
 * Not zeroed; for blocks of MEM_HUGE and more that are going to be used whole: the system is asked to give their pages in
 * one go, where page by page each is a trap. free() them.
 */
#define MEM_HUGE ((size_t)2 << 20)
void *mem_huge(size_t size) __attribute__((malloc));
char *mem_strdup(const char *s);			/* NULL gives NULL */
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#define NEW(type) ((type *)mem_alloc(sizeof(type)))

/* Room for one more in a growing array whose capacity is the next power of two. */
#define mem_grow(p, n) \
	((((n) & ((n) - 1)) == 0) ? ((p) = mem_resize((p), (n) ? 2 * (n) : 1, sizeof(*(p)))) : (p))

#define CLEANUP(fn) __attribute__((cleanup(fn)))

static inline void mem_freep(void *p)
{
	free(*(void **)p);
}

static inline void mem_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define auto_free CLEANUP(mem_freep)
#define auto_fd CLEANUP(mem_closep) int

/* Marks the moment at which ownership leaves: p is NULL (or -1) afterwards. */
#define TAKE(p) ({ __typeof__(p) took_ = (p); (p) = NULL; took_; })
#define TAKE_FD(fd) ({ int took_ = (fd); (fd) = -1; took_; })

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#endif
