/* Private to fetch/auth: what the readers of the several files put into the store. */
#ifndef FETCH_AUTH_IMPL_H
#define FETCH_AUTH_IMPL_H

#include "base/str.h"
#include "fetch/auth.h"

/* What URLs an entry is for. */
struct auth_place {
	const char *scheme; /* NULL: any */
	const char *host; /* in lower case; "*.domain": what is below it, and itself; "*": all */
	const char *port; /* NULL: any */
	const char *path; /* "" or "/a/b" */
};

struct auth_entry {
	struct auth_place place;
	struct http_login login;
	const char *token_path; /* the path behind which a token goes; NULL: as behind_conda says */
	bool behind_conda; /* a token goes behind the host, or behind "/conda" where the path begins with that */
	unsigned source;
};

struct auth {
	struct arena arena;
	struct auth_entry *entries;
	size_t n;
	unsigned n_sources;
	struct buf looked;
};

/* place is "[scheme://]host[:port][/path]"; strings are copied. NULL where it names no host. */
struct auth_entry *auth_put(struct auth *a, const char *place, const struct http_login *login);

#endif
