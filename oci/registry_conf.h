/*
 * registries.conf (version 2, TOML) and certs.d, as podman and skopeo have them: where a repository is really
 * pulled from, and whom to trust.
 */
#ifndef OCI_REGISTRY_CONF_H
#define OCI_REGISTRY_CONF_H

#include "fetch/call.h"
#include "oci/ref.h"

enum registry_conf_use { REGISTRY_CONF_ALL, REGISTRY_CONF_BY_DIGEST, REGISTRY_CONF_BY_TAG };

struct registry_conf_mirror {
	const char *location; /* "mirror.example/cache" */
	bool insecure;
	enum registry_conf_use use;
};

struct registry_conf_rule {
	const char *prefix; /* "docker.io", "docker.io/library", "*.example.org" */
	const char *location; /* what takes its place, or NULL: itself */
	bool insecure, blocked;
	bool by_digest_only; /* its mirrors, where they do not say */
	struct registry_conf_mirror *mirrors;
	size_t n_mirrors;
};

struct registry_conf {
	struct arena arena;
	struct registry_conf_rule *rules;
	size_t n;
};

/* One place to ask. */
struct registry_place {
	const char *host, *repo;
	bool insecure;
	enum registry_conf_use use;
};

/*
 * A file, which must be there. Or the usual ones: named, where it is set ($CONTAINERS_REGISTRIES_CONF); else
 * HOME/.config/containers/registries.conf, or where that is missing /etc/containers/registries.conf, each with the *.conf
 * of its registries.conf.d. To be released in any case. ERR_FORMAT, ERR_IO.
 */
int registry_conf_read(struct registry_conf *c, const char *path, struct err *err);
int registry_conf_read_usual(struct registry_conf *c, const char *named, const char *home, struct err *err);

/* The text of one file, added: what an earlier one says of a prefix is replaced. name: for errors. ERR_FORMAT. */
int registry_conf_parse(struct registry_conf *c, const char *p, size_t n, const char *name, struct err *err);
void registry_conf_release(struct registry_conf *c);

/* The rule for a repository, or NULL. */
const struct registry_conf_rule *registry_conf_find(const struct registry_conf *c, const char *host, const char *repo);

/* Where to pull a repository from, mirrors first, itself last; in a. */
struct registry_place *registry_conf_places(const struct registry_conf *c, struct arena *a, const struct ref *ref,
					    size_t *n);

/*
 * Certificates of /etc/docker/certs.d/HOST, /etc/containers/certs.d/HOST and ~/.config/containers/certs.d/HOST: every
 * *.crt is trusted, the first *.cert with its *.key is shown. In a. ret->ca is added to. Directories that are
 * missing are no error. ERR_IO.
 */
int registry_conf_certs(struct arena *a, const char *home, const char *host, struct call_tls *ret, struct err *err);

/* TOML as such files have it: strings, booleans, integers, lists, tables, lists of tables. In a. NULL: ERR_FORMAT. */
struct doc;
const struct doc *registry_toml_parse(struct arena *a, const char *p, size_t n, const char *name, struct err *err);

#endif
