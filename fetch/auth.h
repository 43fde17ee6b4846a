/*
 * Logins by URL, from the files that conda, mamba, rattler, pixi and curl keep them in, and from URLs of a
 * configuration. Filled once, then only read.
 *
 * Sources are asked in the order in which they were added; the first that has a login for a URL wins. Within one, the
 * exact host goes before "*.domain", the longest before shorter ones, and the longest path that the URL is below. What is
 * secret leaves here in struct auth_login alone: errors say where something is wrong, and not what stands there.
 */
#ifndef FETCH_AUTH_H
#define FETCH_AUTH_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "fetch/http.h"

struct auth;

struct auth *auth_new(void);
void auth_free(struct auth *a);

/*
 * {"host": {"BearerToken": "x"} | {"BasicHTTP": {"username": "x", "password": "x"}} | {"CondaToken": "x"}}, as rattler and
 * pixi write it. Hosts may be "*.domain" and have a port or path. S3 and OAuth entries are left out. text is n bytes with a
 * NUL behind; name is the file's, for sentences (copied). ERR_FORMAT.
 */
int auth_add_rattler(struct auth *a, const char *text, size_t n, const char *name, struct err *err);

/* {"host/path": {"type": "CondaToken" | "BearerToken" | "BasicHTTPAuthentication", ...}}: mamba's. */
int auth_add_mamba(struct auth *a, const char *text, size_t n, const char *name, struct err *err);

/* machine, default, login, password; as curl reads it. */
int auth_add_netrc(struct auth *a, const char *text, size_t n, const char *name, struct err *err);

/* A file of anaconda-client's: file_name is a URL, percent-encoded, and ".token". Other names are ignored. */
void auth_add_token(struct auth *a, const char *file_name, const char *text, size_t n, const char *name);

/*
 * "https://user:password@host/path" or "https://host/t/TOKEN/path" is the login of all that is below
 * https://host/path. A URL without either is ignored. from is told where the login does not help (copied).
 */
void auth_add_url(struct auth *a, const char *url, const char *from);

/* A source that was looked at, whether it is there or not, for sentences (copied). */
void auth_looked_at(struct auth *a, const char *name);

/* "~/.netrc, RATTLER_AUTH_FILE", in a; "" where nothing was looked at. */
const char *auth_sources(const struct auth *a);

/* What to log in to a URL with. False where there is none. Strings are the store's. */
bool auth_find(const struct auth *a, const char *url, struct http_login *ret);

/* Entry i in the order they are asked, without what is secret: "*.domain", "https://host/path". Texts in a. */
struct auth_entry_text {
	const char *place, *kind, *from; /* kind: "basic", "bearer", "token", "basic and token" */
};
bool auth_tell(const struct auth *a, size_t i, struct arena *to, struct auth_entry_text *ret);

/* Let h ask here. a must outlive h. */
void auth_use(const struct auth *a, struct http *h);

static inline void auth_freep(struct auth **a)
{
	auth_free(*a);
}

#define auto_auth CLEANUP(auth_freep) struct auth

#endif
