/*
 * What condaimg itself puts into an image: the few files that a process needs
 * where there is no OS, and what records the environment. docs/image.md lists them.
 */
#ifndef CMD_ROOTFS_H
#define CMD_ROOTFS_H

#include "cmd/app.h"
#include "cmd/ground.h"
#include "conda/linked.h"
#include "conda/lock.h"

/* Raised whenever one of these trees changes for the same input. Part of their recipes. */
#define ROOTFS_VERSION 1

/* Where the certificates are that --ca-file adds to: on scratch, and (below the prefix) on a base. */
#define ROOTFS_BUNDLE "etc/ssl/certs/ca-certificates.crt"
#define ROOTFS_BUNDLE_IN_PREFIX "ssl/condaimg-ca-bundle.pem"

struct rootfs {
	const struct prefix *prefix;
	bool has_cacert; /* the environment has ca-certificates: ssl/cacert.pem */
	bool has_zoneinfo; /* the environment has tzdata: share/zoneinfo */
	bool has_shell; /* bash and coreutils are the image's, too */
	const struct app_user *user;
	const char *bundle; /* all certificates, where they are not the environment's alone; or NULL */
};

/* /etc/passwd, group, nsswitch.conf, os-release, CA bundle, zoneinfo, /tmp, HOME, mount points. Pure. */
struct tree *rootfs_system(const struct rootfs *r);

/* What a foreign base lacks of these: HOME, a shell, the bundle. Nothing that it has is touched. Pure. */
struct tree *rootfs_on_base(const struct rootfs *r, const struct ground *base);

/* Whether one of these two may have a file or link of that path, whatever the prefix; the bundle in the prefix is none of them. */
bool rootfs_may_write(const char *path);

/*
 * PREFIX/conda-meta/history and state. time: of that history, seconds since 1970. ground: what is below the packages; or
 * NULL. Pure.
 */
struct tree *rootfs_environment(const struct prefix *prefix, const struct ground *ground, const struct lock *lock,
				const struct lock_platform *lp, int64_t time);

/* The directories on the way to the prefix, and itself, which are not 0755 below: HOME is one. Whoever runs can enter them. Pure. */
struct tree *rootfs_prefix_dirs(const struct prefix *prefix, const struct ground *ground);

#endif
