/*
 * What the files of info/ say, from their bytes (CEP 34): index.json, link.json,
 * and paths.json or, in old packages, files, has_prefix and no_link.
 */
#ifndef CONDA_INFO_H
#define CONDA_INFO_H

#include "conda/package.h"

enum info_file { INFO_INDEX, INFO_LINK, INFO_PATHS, INFO_FILES, INFO_HAS_PREFIX, INFO_NO_LINK, INFO_NO_SOFTLINK };
#define INFO_FILES_N 7

/* The files of info/ that decide what is linked; there[i] where text[i] was read. */
struct info_texts {
	struct buf text[INFO_FILES_N];
	bool there[INFO_FILES_N];
};

/* Which of them a path is ("info/index.json"), or -1. */
int info_file_of(const char *path);

/* How large this one may be. */
uint64_t info_file_max(enum info_file f);

void info_release(struct info_texts *t);

/* Whether index.json says that link.json matters: it does for noarch packages. ERR_FORMAT. */
int info_wants_link(const struct info_texts *t, bool *ret, struct err *err);

/* Everything in a. Errors begin with the file's name. ERR_FORMAT, ERR_LIMIT. */
int info_parse(struct arena *a, const struct info_texts *t, struct package_info *ret, struct err *err);

#endif
