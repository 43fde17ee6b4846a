#include "cmd/doctor.h"

#include <stdarg.h>
#include <stdio.h>

#define TEXT_MAX 2048

void doctor_add(struct doctor *d, enum finding_kind kind, const char *about, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	str_tidy(text);
	mem_grow(d->list, d->n);
	d->list[d->n++] = (struct finding){ kind, about, arena_strdup(&d->arena, text) };
}

void doctor_release(struct doctor *d)
{
	free(d->list);
	config_release(&d->config);
	arena_release(&d->arena);
}
