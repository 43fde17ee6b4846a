/*
 * What condaimg itself puts into an image: the few files that a process needs
 * where there is no OS, and what records the environment. docs/image.md lists them.
 */
#ifndef CMD_ROOTFS_H
#define CMD_ROOTFS_H

#include "base/tree.h"
#include "conda/linked.h"
#include "conda/lock.h"

/* Raised whenever one of these trees changes for the same input. Part of their recipes. */
#define ROOTFS_VERSION 1

#define ROOTFS_UID "1000"
#define ROOTFS_USER "conda"
#define ROOTFS_HOME "/home/conda"

struct rootfs {
	const struct prefix *prefix;
	bool has_cacert; /* the environment has ca-certificates: ssl/cacert.pem */
	bool has_zoneinfo; /* the environment has tzdata: share/zoneinfo */
};

/* /etc/passwd, group, nsswitch.conf, os-release, CA bundle, zoneinfo, /tmp, HOME, mount points. Pure. */
struct tree *rootfs_system(const struct rootfs *r);

/* Only HOME: for an image on a foreign base. */
struct tree *rootfs_home(void);

/* PREFIX/conda-meta/history and state. time: of that history, seconds since 1970. Pure. */
struct tree *rootfs_environment(const struct prefix *prefix, const struct lock *lock, const struct lock_platform *lp,
				int64_t time);

#endif
