/*
 * The application in an image, as its user says it: what is copied, where it runs, as whom, what is started.
 * Values are checked and made canonical here; nothing is read but the certificates of --ca-file.
 */
#ifndef CMD_APP_H
#define CMD_APP_H

#include "base/arena.h"
#include "cmd/opt.h"
#include "oci/descriptor.h"

struct app_copy {
	const char *from; /* a file or folder of this machine */
	const char *to; /* "/app", "src", "." */
	bool into; /* to ends with '/': a file goes into it */
};

struct app_user {
	const char *name, *uid; /* uid: decimal */
	const char *home; /* absolute */
	uint32_t number; /* uid */
};

struct app {
	const struct app_copy *copies; /* the later wins where two bring the same file */
	size_t n_copies;
	bool writable; /* what is copied belongs to user */
	const char *const *ignore_files; /* in place of .dockerignore; NULL-terminated; NULL: not said */
	const char *workdir; /* absolute */
	/* NULL-terminated; NULL: not said. An empty one says: none. */
	const char *const *entrypoint, *const *cmd;
	const struct annotation *env; /* in the order said; each name once */
	size_t n_env;
	const struct annotation *labels, *annotations; /* sorted by key, each once */
	size_t n_labels, n_annotations;
	const char *const *ports; /* "8080/tcp", sorted; NULL-terminated */
	const char *const *volumes; /* absolute, sorted; NULL-terminated */
	struct app_user user;
	bool shell;
	const char *certificates; /* PEM, one after the other; or NULL */
};

/* Texts in a. ERR_USAGE, which names the option; what is wrong with a file of --ca-file: ERR_IO, ERR_FORMAT, ERR_LIMIT. */
int app_read(const struct options *o, struct arena *a, struct app *ret, struct err *err);

/*
 * "python -m web" or ["python", "-m", "web"] as words, in a. Quotes, '\' and spaces mean what they mean to a shell, and
 * nothing else does. Empty: no words. option is for errors. ERR_USAGE.
 */
int app_words(struct arena *a, const char *option, const char *text, const char *const **ret, struct err *err);

/* "NAME[:UID]", or NULL for the default. Texts in a. ERR_USAGE. */
int app_user_parse(struct arena *a, const char *text, struct app_user *ret, struct err *err);

/*
 * The directory of the running container's own that hides what an image has at that path, "/proc"; or NULL. may_vanish: also
 * those that many runtimes put an empty one over, "/tmp".
 */
const char *app_mount_at(const char *path, bool may_vanish);

/* An absolute path without "." and double '/', in a; NULL where it is not absolute or leads out by "..". */
const char *app_path(struct arena *a, const char *path);

#endif
