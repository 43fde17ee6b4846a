/*
 * conda's configuration (.condarc, .mambarc, CONDA_* variables) as text: what one source of it says, and what several
 * say together, by conda's rules. docs/configuration.md tells the keys. Nothing here opens a file or asks for a
 * variable.
 *
 * Values may hold credentials: they are never in an error.
 */
#ifndef CONDA_CONDARC_H
#define CONDA_CONDARC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

/* In the order of their names. */
enum condarc_key {
	CONDARC_ADD_ANACONDA_TOKEN,
	CONDARC_ALLOWLIST_CHANNELS,
	CONDARC_CHANNEL_ALIAS,
	CONDARC_CHANNEL_PRIORITY,
	CONDARC_CHANNELS,
	CONDARC_CLIENT_SSL_CERT,
	CONDARC_CLIENT_SSL_CERT_KEY,
	CONDARC_CUSTOM_CHANNELS,
	CONDARC_CUSTOM_MULTICHANNELS,
	CONDARC_DEFAULT_CHANNELS,
	CONDARC_DEFAULT_THREADS,
	CONDARC_DENYLIST_CHANNELS,
	CONDARC_FETCH_THREADS,
	CONDARC_LOCAL_REPODATA_TTL,
	CONDARC_MIGRATED_CHANNEL_ALIASES,
	CONDARC_MIGRATED_CUSTOM_CHANNELS,
	CONDARC_MIRRORED_CHANNELS,
	CONDARC_OFFLINE,
	CONDARC_OVERRIDE_CHANNELS_ENABLED,
	CONDARC_PINNED_PACKAGES,
	CONDARC_PKGS_DIRS,
	CONDARC_PROXY_SERVERS,
	CONDARC_REMOTE_BACKOFF_FACTOR,
	CONDARC_REMOTE_CONNECT_TIMEOUT_SECS,
	CONDARC_REMOTE_MAX_RETRIES,
	CONDARC_REMOTE_READ_TIMEOUT_SECS,
	CONDARC_REPODATA_USE_SHARDS,
	CONDARC_REPODATA_USE_ZST,
	CONDARC_SSL_VERIFY,
	CONDARC_SUBDIR,
	CONDARC_KEYS, /* how many there are */
};

enum condarc_shape {
	CONDARC_BOOL, /* "true" or "false" */
	CONDARC_NUMBER, /* "9.15" */
	CONDARC_TEXT,
	CONDARC_LIST,
	CONDARC_MAP,
	CONDARC_LISTS, /* a map of lists */
};

enum condarc_flag { CONDARC_PLAIN, CONDARC_TOP, CONDARC_BOTTOM, CONDARC_FINAL };

struct condarc_item {
	const char *key; /* of a MAP or LISTS; else NULL */
	const char *text; /* NULL: null in a MAP; in LISTS a list without anything in it */
	const char *from; /* "/etc/conda/.condarc:3", "CONDA_CHANNELS" */
	enum condarc_flag flag, list_flag; /* list_flag: of the list in LISTS that it is in */
};

struct condarc_value {
	bool is_set;
	enum condarc_flag flag; /* FINAL: no later source may say otherwise */
	const struct condarc_item *items; /* one of a BOOL, NUMBER or TEXT; the lists of LISTS one after the other */
	size_t n;
};

/* One source, or several together. All texts are in the arena that was given. */
struct condarc {
	struct condarc_value values[CONDARC_KEYS];
};

const char *condarc_name(enum condarc_key k);
enum condarc_shape condarc_shape(enum condarc_key k);

/*
 * The text of a file. name is the file's, for errors and "from" (copied). What keys it has besides is said in *unknown
 * ("file:3: solver", NULL-terminated; unknown may be NULL). ERR_FORMAT with file:line:column where it is not YAML or a
 * value has another shape than its key.
 */
int condarc_parse(struct arena *a, const char *p, size_t n, const char *name, struct condarc *ret,
		  const char *const **unknown, struct err *err);

/*
 * An environment variable ("CONDA_CHANNELS" or "MAMBA_CHANNELS", "a,b") as part of a source, which *c is. 1, or 0
 * where it is no setting's, or empty and no list's. A map is written as in YAML: {http: http://proxy:3128}. ERR_FORMAT.
 */
int condarc_add_variable(struct arena *a, struct condarc *c, const char *name, const char *value, struct err *err);

/* The value of an environment variable, or NULL. */
typedef const char *condarc_lookup(const char *name);

/*
 * n sources as one; a later one goes before an earlier one. $NAME and ${NAME} are replaced where conda does that;
 * names that lookup does not know stay. Values are checked now: ERR_FORMAT says where they stand.
 */
int condarc_merge(struct arena *a, const struct condarc *sources, size_t n, condarc_lookup *lookup, struct condarc *ret,
		  struct err *err);

/* What $NAME and ${NAME} in text become, in a. */
const char *condarc_expand(struct arena *a, const char *text, condarc_lookup *lookup);

/* A TEXT, or NULL; where it stands, or NULL. */
const char *condarc_text(const struct condarc *c, enum condarc_key k);
const char *condarc_from(const struct condarc *c, enum condarc_key k);
bool condarc_bool(const struct condarc *c, enum condarc_key k, bool dflt);

/* A NUMBER in thousandths ("9.15" is 9150). */
uint64_t condarc_number(const struct condarc *c, enum condarc_key k, uint64_t dflt);

#endif
