/* A request that nothing meets, told to people (stderr) or as data (stdout). */
#ifndef CMD_REFUSAL_H
#define CMD_REFUSAL_H

#include "solver/solver.h"

struct refusal {
	const char *file; /* the environment's */
	const char *subdir; /* the platform that cannot be solved */
	const struct why *why;
	size_t n_why; /* 0: nothing was refused */
	const char *const *advice; /* NULL-terminated, or NULL */
};

/*
 * Print it, if it is one. The data: {"error": "unsatisfiable", "file", "platform", "message", "reasons": [{"kind",
 * "depth", "text", "package", "lowest", "highest", "builds", "specs", "against"}], "advice": [...]}.
 */
void refusal_print(const struct refusal *r, bool as_json, const struct err *err);

#endif
