#include "base/err.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "base/str.h"

void err_fill(struct err *err, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	assert(err->code == ERR_NONE && code != ERR_NONE);
	err->code = code;
	err->sys = 0;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	str_tidy(err->text);
	secret_hide(err->text);
}

void err_fill_sys(struct err *err, const char *fmt, ...)
{
	int sys = errno;
	va_list ap;
	size_t n;

	assert(err->code == ERR_NONE);
	err->code = ERR_IO;
	err->sys = sys;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	n = strlen(err->text);
	snprintf(err->text + n, sizeof(err->text) - n, ": %s", strerrordesc_np(sys) ?: "unknown error");
	str_tidy(err->text);
	secret_hide(err->text);
}

void err_put_front(struct err *err, const char *fmt, ...)
{
	char front[sizeof(err->text)];
	va_list ap;
	size_t n, keep;

	assert(err->code != ERR_NONE);
	va_start(ap, fmt);
	vsnprintf(front, sizeof(front), fmt, ap);
	va_end(ap);
	n = strlen(front);
	if (n + 2 >= sizeof(err->text))
		return;
	keep = strnlen(err->text, sizeof(err->text) - n - 3);
	memmove(err->text + n + 2, err->text, keep);
	memcpy(err->text, front, n);
	memcpy(err->text + n, ": ", 2);
	err->text[n + 2 + keep] = '\0';
	str_tidy(err->text);
	secret_hide(err->text);
}

void err_clear(struct err *err)
{
	err->code = ERR_NONE;
	err->sys = 0;
	err->text[0] = '\0';
}
