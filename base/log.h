/*
 * Chatter on stderr. log_debug() anywhere (shown with -v); log_info() and
 * log_warn() from cmd/ only. A line at a time, whichever thread speaks.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_QUIET, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level);	/* the only global state of the program, with the next two; LOG_WARN at first */
enum log_level log_get_level(void);

void log_set_colours(bool wanted);		/* whether warnings are coloured; not at first */

/* A line without its end stands on the terminal: it is wiped before something is said. */
void log_set_open(bool open);

void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));	/* "condaimg: warning: ..." */

#endif
