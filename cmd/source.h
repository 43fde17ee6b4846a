/*
 * Where a project's files come from: a folder, an archive, a git repository (docs/binderhub.md).
 *
 * A folder is used where it is. An archive (tar, also gzip, zstd or bzip2; zip) is unpacked; where all of it is in one
 * folder, that is the project. A repository is fetched by the program git, which is given no shell, no hooks,
 * no terminal, and a list of the protocols it may use.
 */
#ifndef CMD_SOURCE_H
#define CMD_SOURCE_H

#include <stdbool.h>

#include "base/arena.h"
#include "cmd/process.h"

#define SOURCE_ENTRIES_MAX 1000000
#define SOURCE_BYTES_MAX ((uint64_t)16 << 30)

/* What git calls itself by when it asks us for a password. */
#define SOURCE_ASKPASS "condaimg-git-askpass"

enum source_kind { SOURCE_FOLDER, SOURCE_ARCHIVE, SOURCE_GIT };

struct source_request {
	const char *what; /* a folder, an archive, or a URL */
	const char *ref; /* of git: a branch, a tag, a commit; NULL: what is checked out by default */
	const char *subdir; /* of the project in it; or NULL */
	const char *tmp; /* an empty directory of the caller's, which removes it */
	const char *credentials; /* GIT_CREDENTIAL_ENV: "username=me\npassword=x"; or NULL */
	process_line_fn *line; /* what git says */
	void *arg;
};

struct source_place {
	enum source_kind kind;
	const char *dir; /* the project's folder */
	const char *commit; /* of git; else NULL */
};

/* Texts in a. ERR_USAGE, ERR_FORMAT, ERR_IO, ERR_LIMIT, ERR_NET. */
int source_fetch(const struct source_request *q, struct arena *a, struct source_place *ret, struct err *err);

/* What other tools can fetch and we cannot: "a DOI, ...", for a sentence; or NULL. */
const char *source_elsewhere(const char *what);

/* The URL without user and password, in a; anything else as it is. */
const char *source_shown(struct arena *a, const char *what);

/* What git is: answer its question ("Password for 'https://me@host': ") on stdout. An exit code. */
int source_askpass(int argc, char **argv);

/* ---- among the files that make up this module ---- */

/* Whether git may be given this: "https://...", "git@host:path". */
bool source_is_url(const char *what);

/* Into the empty directory into. *commit in a. */
int source_git(const struct source_request *q, const char *into, struct arena *a, const char **commit, struct err *err);

/* The answer to git's question in the credentials that q has for its host. NULL: none. In a. */
const char *source_answer(struct arena *a, const char *credentials, const char *host, const char *question);

/* Into the empty directory into. */
int source_unpack(const char *archive, const char *into, struct err *err);

#endif
