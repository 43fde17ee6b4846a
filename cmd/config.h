/*
 * The configuration and the logins that conda, mamba, rattler and curl have on this machine: which files, in which
 * order, and what they come to here (docs/configuration.md). Besides cmd/settings.c the only place that reads the
 * environment.
 */
#ifndef CMD_CONFIG_H
#define CMD_CONFIG_H

#include "channels/channel.h"
#include "conda/condarc.h"
#include "fetch/auth.h"
#include "fetch/http.h"

struct config {
	struct arena arena;
	struct condarc rc;
	const char *const *files; /* that were read, the most important last; NULL-terminated */
	bool none; /* --condarc none */
	const char *const *ignored; /* "/etc/conda/.condarc:3: solver": keys that are not for us; NULL-terminated */
	struct channel_names names;
	const struct channel_group *mirrors; /* by canonical URL of a channel, or of what is above some */
	size_t n_mirrors;
	struct auth *auth;
};

/*
 * condarc: NULL: conda's search path and CONDA_* variables; "none": neither; a FILE: that one alone, and the
 * variables. Logins are looked for in any case; a file of theirs that cannot be read is a warning. ERR_FORMAT with
 * file:line, ERR_IO, ERR_USAGE. To be released in any case.
 */
int config_read(const char *condarc, struct config *ret, struct err *err);

/* The same without logins. */
int config_read_settings(const char *condarc, struct config *ret, struct err *err);
void config_release(struct config *c);

#define auto_config CLEANUP(config_release) struct config

/* What names of channels mean, and their mirrors: c->names, c->mirrors, of c->rc. */
void config_names(struct config *c);

/* The logins of this machine and those in the configuration's URLs. */
struct auth *config_logins(const struct config *c);

/* Proxies, certificates, patience and logins as configured, which must outlive h. ERR_USAGE, ERR_FORMAT. */
int config_apply(const struct config *c, struct http *h, struct err *err);

/*
 * What of it is also for registries, which have logins, certificates and lists of hosts of their own: proxies and
 * patience. *ca: a file of certificates that are trusted besides others, or NULL. In c's arena.
 */
void config_apply_to_registries(struct config *c, struct http *h, const char **ca);

/* Whether the channels are allowed: allowlist_channels, denylist_channels. ERR_USAGE. */
int config_allows(const struct config *c, const struct channel *list, size_t n, struct err *err);

/* Likewise for a package's URL, which a lock may have from anywhere. */
int config_allows_url(const struct config *c, const char *url, struct err *err);

/* "~/x" for what is below the user's home: for sentences. In a. */
const char *config_place(struct arena *a, const char *path);

/* A text of the configuration without credentials and without any "user:password@" in what is no URL. In a. */
const char *config_redact(struct arena *a, const char *text);

/* Where conda is installed, as far as its variables tell; or NULL. In a. */
const char *config_conda_root(struct arena *a);

/* The value of a variable, NULL where it is empty. */
const char *config_variable(const char *name);

#endif
