/*
 * Another program, started without a shell, and what it says, line by line.
 *
 * It gets no input, no descriptor of ours, and SIGPIPE as usual. It ends when we do.
 */
#ifndef CMD_PROCESS_H
#define CMD_PROCESS_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

#define PROCESS_LINE_MAX 65536 /* longer lines come in pieces */

/* Without its end; control characters are replaced. */
typedef void process_line_fn(void *arg, const char *line);

struct process {
	const char *const *argv; /* argv[0] is looked up in PATH where it has no '/'; NULL-terminated */
	const char *program; /* what is started, where argv[0] is only its name; or NULL */
	const char *const *env; /* "NAME=value", NULL-terminated; NULL: ours */
	const char *dir; /* to work in; NULL: ours */
	process_line_fn *line; /* what it says on stderr, and on stdout */
	void *arg;
	struct buf *out; /* stdout goes here (and ends at PROCESS_LINE_MAX bytes); NULL: to line */
};

/* *status: its exit code, or 128 + the signal that ended it. ERR_IO where it cannot be started. */
int process_run(const struct process *p, int *status, struct err *err);

/* ---- an environment for it ---- */

struct process_environ {
	const char **list; /* NULL-terminated */
	size_t n;
};

/* That of this process. Texts stay where they are. To be released. */
void process_environ_copy(struct process_environ *ret);

/* "NAME=value" in place of what is there; a NAME alone takes it away. text must outlive the list. */
void process_environ_put(struct process_environ *e, const char *text);
void process_environ_release(struct process_environ *e);

#define auto_process_environ CLEANUP(process_environ_release) struct process_environ

#endif
