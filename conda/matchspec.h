/*
 * MatchSpec (CEP 29; the v3 keys: CEP 43-45): parse, match, print.
 *
 * The reading is conda's wherever real repodata relies on it (docs/matchspec.md
 * lists each place). Everything lives in the arena given to matchspec_parse();
 * a parsed spec is immutable and may be shared by threads.
 */
#ifndef CONDA_MATCHSPEC_H
#define CONDA_MATCHSPEC_H

#include "base/str.h"
#include "conda/pattern.h"
#include "conda/record.h"
#include "conda/version.h"

#define MATCHSPEC_MAX 4096	/* bytes of a spec */

enum matchspec_cond_type { COND_SPEC, COND_AND, COND_OR };

/* when="..." (CEP 43): a tree of specs. */
struct matchspec_cond {
	enum matchspec_cond_type type;
	const struct matchspec *spec;			/* of COND_SPEC */
	const struct matchspec_cond *left, *right;	/* of the others */
};

struct matchspec_number;	/* a condition on the build number */

struct matchspec {
	const char *text;	/* as it was written */
	const char *name;	/* lower case; NULL where the name is a glob, a regular expression or "*" */
	const struct pattern *name_pattern;	/* where name is NULL; NULL: any name */
	const char *channel;	/* "conda-forge", a URL, a glob; without subdir and credentials; or NULL */
	const char *subdir;	/* or NULL */
	const char *version_text;	/* after sanitising, or NULL for any */
	const struct version_spec *version;	/* NULL: any */
	const char *build_text;			/* as written, or NULL; "*" has no condition below */
	const struct pattern *build;		/* NULL: any */
	const char *build_number;		/* "3", ">=3", or NULL */
	const struct matchspec_number *number;	/* NULL: any */
	const char *const *track_features;	/* sorted; NULL: no condition */
	const char *const *features;		/* sorted; NULL: no condition */
	const struct pattern *license, *license_family;	/* or NULL */
	const char *fn, *url;			/* or NULL; url without credentials */
	const char *md5, *sha256;		/* lower case, or NULL; what is no digest matches nothing */
	const char *const *extras;		/* sorted, or NULL */
	const char *const *flags;		/* patterns, sorted, or NULL */
	const struct matchspec_cond *when;	/* or NULL; never part of matchspec_match() */
	const char *when_text;			/* as written, or NULL */
	bool optional;
};

enum matchspec_flags {
	/*
	 * Read brackets by the v3 rules: lists for extras and flags, nothing in the
	 * brackets that is not understood. Without it, as conda reads them today:
	 * single words for extras and flags, and what is not "key=value" skipped.
	 */
	MATCHSPEC_V3 = 1 << 0,
};

/* In a. NULL: ERR_FORMAT with the spec quoted and what is wrong with it. */
const struct matchspec *matchspec_parse(struct arena *a, const char *text, unsigned flags, struct err *err);

/*
 * The name alone of a dependency string, without parsing the rest: for
 * reachability. As written, so upper case is possible. n is 0 where there is
 * none: a glob, a file, nothing.
 */
struct str matchspec_name_of(const char *text);

/*
 * Whether a record meets every condition but "when" and "extras" (those are the
 * solver's). v is the record's parsed version, or NULL to parse it here.
 */
bool matchspec_match(const struct matchspec *m, const struct record *r, const struct version *v);

/* The same without the name and the version, which are known to fit. */
bool matchspec_match_rest(const struct matchspec *m, const struct record *r);

/* Whether nothing but name and version is tested. */
bool matchspec_is_version_only(const struct matchspec *m);

/*
 * Whether spec channel c means the channel with this base URL. c is a URL
 * (compared without scheme, credentials, token and slash at the end), a glob or
 * regular expression (of the channel's short name or URL), or a name: what stands
 * behind the host, or the last component of a file URL. "defaults" is pkgs/main,
 * pkgs/r and pkgs/msys2 of repo.anaconda.com, whatever a .condarc says.
 */
bool matchspec_channel_match(const char *c, const char *channel_url);

/*
 * Canonical text (CEP 29 appendix A; conda's str(MatchSpec)), in a. Parsed again
 * with MATCHSPEC_V3 it is the same condition and has the same canonical text.
 */
const char *matchspec_text(struct arena *a, const struct matchspec *m);

#endif
