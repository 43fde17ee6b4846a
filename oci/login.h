/*
 * Logins that docker, podman, skopeo and their like keep: read, never written.
 *
 * Asked in this order, the first that knows the registry is taken: $REGISTRY_AUTH_FILE alone where it is set;
 * else $XDG_RUNTIME_DIR/containers/auth.json, $XDG_CONFIG_HOME/containers/auth.json (or ~/.config),
 * $DOCKER_CONFIG/config.json (or ~/.docker), ~/.dockercfg. In a file the longest key that fits wins ("host/team/app"
 * before "host"); "credHelpers" and "credsStore" name programs docker-credential-NAME, which are run with "get".
 */
#ifndef OCI_LOGIN_H
#define OCI_LOGIN_H

#include "oci/ref.h"

struct login {
	const char *user, *password; /* or NULL */
	const char *identity_token; /* to be exchanged for tokens; or NULL */
	const char *token; /* a bearer token itself; or NULL */
	const char *from; /* the file, for sentences; where nobody knows a login: all that were looked at */
	bool found;
};

/*
 * The login for a repository, in a; not found is no error. ERR_FORMAT, ERR_IO, ERR_LIMIT: a file that is there and cannot
 * be read; a helper that is missing or fails.
 */
int login_find(struct arena *a, const char *host, const char *repo, struct login *ret, struct err *err);

/* The same in the text of one file. name is for errors. *ret untouched where it knows none. */
int login_find_in(struct arena *a, const char *text, size_t n, const char *name, const char *host, const char *repo,
		  struct login *ret, struct err *err);

/* The files that are looked at, first the first; NULL-terminated. In a. */
const char *const *login_places(struct arena *a);

/* "Basic ..." of user and password, in a. */
const char *login_basic(struct arena *a, const char *user, const char *password);

/*
 * Ask docker-credential-NAME for server. 1 and *ret, 0: it knows none, -1: ERR_USAGE (no such program, or no fit name),
 * ERR_IO, ERR_LIMIT, ERR_FORMAT. What it prints is told nowhere.
 */
int login_helper(struct arena *a, const char *name, const char *server, struct login *ret, struct err *err);

#endif
