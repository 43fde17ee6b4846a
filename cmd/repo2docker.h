/*
 * jupyter-repo2docker, as BinderHub calls it: a repository -> an image in which KubeSpawner can start Jupyter
 * (docs/binderhub.md). The fetching is cmd/source.h; the building is "condaimg build", run as a program of its own, so that
 * all it says comes out as lines of one log.
 */
#ifndef CMD_REPO2DOCKER_H
#define CMD_REPO2DOCKER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "cmd/opt.h"

/* argv without the program's name. The exit code. */
int cmd_repo2docker(int argc, char **argv);

/* ---- what was asked for ---- */

struct r2d_texts {
	const char **list;
	size_t n;
};

struct r2d_options {
	struct arena arena;
	bool help, version, json_logs, debug;
	bool no_build, run, no_run, push, editable;
	const char *repo, *ref, *image, *subdir, *appendix, *config;
	const char *user_name, *user_id, *target_repo_dir, *platform;
	struct r2d_texts labels;
	const char *only_run; /* the first option that only makes sense for a container that runs; or NULL */
	const char *unheeded; /* an option whose meaning is Docker's; or NULL */
	const char *command; /* the first word of a command to run; or NULL */
	/* ours */
	const char *output, *jupyter, *fallback;
	struct r2d_texts build_options;
};

/*
 * As Python's argparse does it: "--image=x" and "--image x", options by any beginning that only one has; after the
 * repository all is the command to run. ERR_USAGE. To be released in any case. Texts are argv's.
 */
int repo2docker_parse(int argc, char **argv, struct r2d_options *ret, struct err *err);
void repo2docker_release(struct r2d_options *o);

/* What --help prints; each option that it tells (opt_tell()); and the command as others are described. It has no run(). */
void repo2docker_help(struct buf *ret);
bool repo2docker_tell(size_t i, struct option_told *ret);
extern const struct command repo2docker_command;

/* ---- what is in the repository ---- */

struct r2d_repo {
	const char *front; /* "binder/", ".binder/" or "" */
	const char *environment; /* path from the root: an environment.yml, or a lock; NULL: only Jupyter is wanted */
	bool is_lock;
	const char *python; /* "3.11" of runtime.txt; or NULL */
	bool has_r; /* packages "r-..." are asked for */
	const char *start; /* path of the start script; or NULL */
	const char *interpreter; /* JSON-less words of its #! line, where it is not executable; or NULL */
	const char *const *ignore_files; /* paths; NULL-terminated */
	const char *impossible; /* what cannot be done without running code, and why: a sentence; or NULL */
};

/* By repo2docker's own rules. dir: the checkout. Texts in a. ERR_FORMAT, ERR_IO. */
int repo2docker_look(const char *dir, struct arena *a, struct r2d_repo *ret, struct err *err);

/* ---- the appendix ---- */

struct r2d_appendix {
	struct r2d_texts envs, labels; /* "NAME=value" */
	const char *impossible; /* the first line that is more than ENV and LABEL, as a sentence; or NULL */
};

/* The part of a Dockerfile that needs no command run: ENV, LABEL, and USER, which changes nothing then. In a; lists on the heap. */
void repo2docker_appendix_read(const char *text, struct arena *a, struct r2d_appendix *ret);
void repo2docker_appendix_release(struct r2d_appendix *x);

void repo2docker_add(struct r2d_texts *t, const char *text);

#endif
