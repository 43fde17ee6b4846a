#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/secret.h"
#include "base/str.h"

static atomic_int level_now = LOG_WARN;
static atomic_bool line_is_open, colours;

void log_set_level(enum log_level level)
{
	level_now = level;
}

enum log_level log_get_level(void)
{
	return level_now;
}

void log_set_colours(bool wanted)
{
	colours = wanted;
}

void log_set_open(bool open)
{
	line_is_open = open;
}

__attribute__((format(printf, 2, 0))) static void line(const char *front, const char *fmt, va_list ap)
{
	char text[2200];

	vsnprintf(text, sizeof(text), fmt, ap);
	str_tidy(text);
	secret_hide(text);
	/* one call: stdio keeps the line whole */
	fprintf(stderr, "%s%s%s%s%s\n", line_is_open ? "\r\033[K" : "", colours && *front ? "\033[33m" : "", front,
		colours && *front ? "\033[0m" : "", text);
}

#define LINE(at, front)				\
	do {					\
		va_list ap;			\
						\
		if ((int)level_now < (at))	\
			return;			\
		va_start(ap, fmt);		\
		line(front, fmt, ap);		\
		va_end(ap);			\
	} while (0)

void log_debug(const char *fmt, ...)
{
	LINE(LOG_DEBUG, "condaimg: debug: ");
}

void log_info(const char *fmt, ...)
{
	LINE(LOG_INFO, "");
}

void log_warn(const char *fmt, ...)
{
	LINE(LOG_WARN, "condaimg: warning: ");
}
