/*
 * The C library of an image without an OS: the loader, libc and what they need,
 * picked out of a "sysroot_linux-64" package (docs/libc.md).
 *
 * From PACKAGE:TRIPLET/sysroot/ come
 *	lib64/NAME.so.N, lib64/NAME-2.NN.so	-> LIBDIR/
 *	lib64/gconv/, usr/lib64/gconv/		-> usr/LIBDIR/gconv/ by way of the links below
 *	lib64/locale/C.utf8, usr/lib/locale/..	-> LIBDIR/locale/C.utf8
 *	info/licenses/				-> usr/share/licenses/NAME/
 * and nothing else: no headers, no static libraries, no development links. Links
 * lib, usr/lib, usr/LIBDIR and LIBDIR/MULTIARCH lead to the same directory, so that
 * a loader built by Red Hat or by Debian finds libc by its own compiled-in paths.
 */
#ifndef CONDA_LIBC_H
#define CONDA_LIBC_H

#include "base/tree.h"
#include "conda/package.h"
#include "conda/platform.h"

/* Raised whenever the same package would give another tree. Part of the layer's recipe. */
#define LIBC_VERSION 2

/* Where its licence texts are, below the package's name: there is no environment for it to be in. */
#define LIBC_LICENSES "usr/share/licenses"

/* "sysroot_linux-64", in a. */
const char *libc_package_name(struct arena *a, const struct platform *p);

/*
 * The best of the records of that name: of the wanted version if version is not NULL,
 * else the newest; none that is newer than newest (record_time(); 0: any); fewer track_features, higher build number, then record order. NULL where there is none.
 */
const struct record *libc_choose(const struct index *ix, const char *name, const char *version, int64_t newest);

/*
 * The tree. Takes p over, also on failure. ERR_FORMAT (while read) where the package has no
 * loader at the place the platform needs.
 */
struct tree *libc_tree(struct package *p, const struct platform *platform, struct err *err);

/* Whether such a tree may have a file or link of that path. */
bool libc_may_write(const char *path);

/* The links at the end of that tree, which need no package. */
struct tree *libc_links(const struct platform *platform);

#endif
