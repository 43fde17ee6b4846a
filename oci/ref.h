/*
 * Names of images in registries: "debian:12", "ghcr.io/me/app:1@sha256:...", "127.0.0.1:5000/app".
 *
 * The first component is a host where it has a '.' or a ':' or is "localhost"; without one it is Docker Hub, and there
 * a name of one component is in "library/".
 */
#ifndef OCI_REF_H
#define OCI_REF_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/digest.h"

#define REF_HUB "docker.io"

struct ref {
	const char *host; /* "docker.io", "127.0.0.1:5000", "[::1]:5000" */
	const char *repo; /* "library/debian" */
	const char *tag; /* or NULL */
	bool has_digest;
	struct digest digest;
};

/* Without "docker://". Texts in a. ERR_USAGE. */
int ref_parse(struct arena *a, const char *text, struct ref *ret, struct err *err);

/* "host/repo:tag@sha256:..." of what there is, in a. */
const char *ref_text(struct arena *a, const struct ref *r);

/* What a registry is asked for: the digest ("sha256:..."), else the tag, else "latest". In a. */
const char *ref_wanted(struct arena *a, const struct ref *r);

/* Whether both name one repository. */
bool ref_same_repo(const struct ref *x, const struct ref *y);

/* 127.0.0.0/8, ::1, localhost, whatever the port: what cannot be listened to from outside. */
bool ref_is_loopback(const char *host);

#endif
