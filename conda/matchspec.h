/*
 * MatchSpec (CEP 29; the v3 keys: CEP 43-45): parse, match, print.
 *
 * The reading is conda's wherever real repodata relies on it (docs/matchspec.md
 * lists each place). Everything lives in the arena given to matchspec_parse();
 * a parsed spec is immutable and may be shared by threads.
 */
#ifndef CONDA_MATCHSPEC_H
#define CONDA_MATCHSPEC_H

#include "conda/record.h"
#include "conda/version.h"

/* A string condition: exact, glob ("py3*"), regular expression ("^...$"), or anything. */
struct matchspec_text;

enum matchspec_cond_type { COND_SPEC, COND_AND, COND_OR };

/* when="..." (CEP 43): a tree of specs. */
struct matchspec_cond {
	enum matchspec_cond_type type;
	const struct matchspec *spec;			/* of COND_SPEC */
	const struct matchspec_cond *left, *right;	/* of the others */
};

struct matchspec {
	const char *text;	/* as it was written */
	const char *name;	/* lower case; NULL where the name is a glob, a regular expression or "*" */
	const struct matchspec_text *name_pattern;	/* where name is NULL; NULL: any name */
	const char *channel;	/* as written ("conda-forge", a URL, a glob), or NULL */
	const char *subdir;	/* or NULL */
	const char *version_text;	/* after sanitising, or NULL for any */
	const struct version_spec *version;	/* NULL: any */
	const char *build_text;			/* or NULL for any */
	const struct matchspec_text *build;	/* NULL: any */
	const char *build_number;		/* "3", ">=3", or NULL */
	const char *const *track_features;	/* sorted; NULL: no condition */
	const char *const *features;		/* sorted; NULL: no condition */
	const char *license, *license_family, *fn, *url;	/* or NULL */
	const char *md5, *sha256;		/* hex, lower case, or NULL */
	const char *const *extras;		/* sorted, or NULL */
	const char *const *flags;		/* patterns, or NULL */
	const struct matchspec_cond *when;	/* or NULL; never part of matchspec_match() */
	bool optional;
};

enum matchspec_flags {
	MATCHSPEC_V3 = 1 << 0,	/* accept when, extras, flags and the v3 bracket rules */
};

/* In a. NULL: ERR_FORMAT with the spec quoted and what is wrong with it. */
const struct matchspec *matchspec_parse(struct arena *a, const char *text, unsigned flags, struct err *err);

/* The name alone of a dependency string, without parsing the rest: for reachability. n is 0 where there is none. */
struct str matchspec_name_of(const char *text);

/*
 * Whether a record meets every condition but "when" and "extras" (those are the
 * solver's). v is the record's parsed version, or NULL to parse it here.
 */
bool matchspec_match(const struct matchspec *m, const struct record *r, const struct version *v);

/* Whether anything but the version is tested (so that versions can be tested once each). */
bool matchspec_is_version_only(const struct matchspec *m);

/* Whether spec channel c ("conda-forge", a URL, a glob) means the channel with this canonical base URL. */
bool matchspec_channel_match(const char *c, const char *channel_url);

/* Canonical text (CEP 29 appendix A; conda's str(MatchSpec)), in a. */
const char *matchspec_text(struct arena *a, const struct matchspec *m);

#endif
