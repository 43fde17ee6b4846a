/* Channel names, URLs and paths -> canonical base URLs (CEP 26). */
#ifndef CHANNELS_CHANNEL_H
#define CHANNELS_CHANNEL_H

#include <stdbool.h>

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

/* A name and the URL below which it lies (conda's custom_channels): the channel is URL/NAME. */
struct channel_place {
	const char *name, *url;
};

/* A name and channels or URLs it stands for; NULL-terminated. */
struct channel_group {
	const char *name;
	const char *const *members;
};

/*
 * What names of channels mean, where somebody says so. URLs may have credentials. Zeroes mean what CEP 26 says.
 */
struct channel_names {
	const char *alias; /* URL below which names lie; NULL: CHANNEL_ALIAS */
	const struct channel_place *custom; /* the longest name that a name begins with wins */
	size_t n_custom;
	const struct channel_group *multi; /* one name for several channels */
	size_t n_multi;
	const char *const *defaults; /* of the name "defaults"; NULL: pkgs/main, pkgs/r */
	const struct channel_place *moved; /* where custom channels were before: their URLs mean those of custom */
	size_t n_moved;
	const char *const *old_aliases; /* URLs that mean alias; NULL: none */
	const char *home; /* what "~/" is; NULL: not replaced */
};

/*
 * One channel as written: a name, an http(s) or file URL, or a path (absolute, "./x",
 * "../x"; relative ones against base_dir). "defaults" is several channels. names may be NULL. Appends to list
 * (in a, grown by mem_grow; the caller frees), leaving out what is there already. ERR_USAGE.
 */
int channel_resolve_as(struct arena *a, const struct channel_names *names, const char *text, const char *base_dir,
		       struct channel **list, size_t *n, struct err *err);

static inline int channel_resolve(struct arena *a, const char *text, const char *base_dir, struct channel **list,
				  size_t *n, struct err *err)
{
	return channel_resolve_as(a, NULL, text, base_dir, list, n, err);
}

/*
 * Where to fetch what a record or lock calls url: with the credentials of the first of the n channels it lies
 * below, else as it is. In a.
 */
const char *channel_fetch_url(struct arena *a, const struct channel *list, size_t n, const char *url);

/* What a name or URL comes to, without credentials and '/' at its end; of several channels the first. NULL: none. In a. */
const char *channel_base(struct arena *a, const struct channel_names *names, const char *text);

/* Whether the channel is of the company whose terms ask some users to pay: "defaults" and what is beside it. */
bool channel_is_licensed(const struct channel *c);

#endif
