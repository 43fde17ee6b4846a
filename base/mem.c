#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static void *or_abort(void *p)
{
	if (!p) {
		static const char words[] = "condaimg: out of memory\n";

		if (write(2, words, sizeof(words) - 1) < 0)
			abort();
		abort();
	}
	return p;
}

void *mem_alloc(size_t size)
{
	return or_abort(calloc(1, size ? size : 1));
}

void *mem_array(size_t n, size_t size)
{
	return or_abort(calloc(n ? n : 1, size ? size : 1));
}

void *mem_resize(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		abort();
	return or_abort(realloc(p, bytes ? bytes : 1));
}

void *mem_huge(size_t size)
{
	size_t bytes;
	void *p;

	if (__builtin_add_overflow(size, MEM_HUGE - 1, &bytes))
		abort();
	bytes -= bytes % MEM_HUGE;
	p = or_abort(aligned_alloc(MEM_HUGE, bytes));
	/* A hint, so any answer will do. What is less than half a page of theirs would cost more than it saves. */
	madvise(p, size % MEM_HUGE < MEM_HUGE / 2 ? size - size % MEM_HUGE : bytes, MADV_HUGEPAGE);
	return p;
}

char *mem_strdup(const char *s)
{
	return s ? or_abort(strdup(s)) : NULL;
}

char *mem_printf(const char *fmt, ...)
{
	va_list ap;
	char *ret;

	va_start(ap, fmt);
	if (vasprintf(&ret, fmt, ap) < 0)
		ret = NULL;
	va_end(ap);
	return or_abort(ret);
}
