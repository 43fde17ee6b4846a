/* Channel names, URLs and paths -> canonical base URLs (CEP 26). */
#ifndef CHANNELS_CHANNEL_H
#define CHANNELS_CHANNEL_H

#include "base/arena.h"
#include "base/err.h"

#define CHANNEL_ALIAS "https://conda.anaconda.org"
#define CHANNEL_ANACONDA "https://repo.anaconda.com"
#define CHANNEL_DEFAULT "conda-forge"

struct channel {
	const char *given; /* as it was written, without credentials */
	const char *url; /* base URL with credentials, for fetching; no '/' at its end */
	const char *canonical; /* base URL without credentials, no '/' at its end, for records and locks */
	const char *subdir; /* "conda-forge/linux-64" names one; else NULL */
};

/*
 * One channel as written: a name, an http(s) or file URL, or a path (absolute, "./x",
 * "../x"; relative ones against base_dir). "defaults" is two channels. Appends to list
 * (in a, grown by mem_grow; the caller frees), leaving out what is there already. ERR_USAGE.
 */
int channel_resolve(struct arena *a, const char *text, const char *base_dir, struct channel **list, size_t *n,
		    struct err *err);

/*
 * Where to fetch what a record or lock calls url: with the credentials of the first of the n channels it lies
 * below, else as it is. In a.
 */
const char *channel_fetch_url(struct arena *a, const struct channel *list, size_t n, const char *url);

#endif
