/* What the files of matchspec share. Nobody else includes it. */
#ifndef CONDA_MATCHSPEC_IMPL_H
#define CONDA_MATCHSPEC_IMPL_H

#include "base/str.h"
#include "conda/matchspec.h"

/* In the order in which brackets are printed. */
enum matchspec_field {
	FIELD_CHANNEL,
	FIELD_SUBDIR,
	FIELD_NAME,
	FIELD_VERSION,
	FIELD_BUILD,
	FIELD_BUILD_NUMBER,
	FIELD_TRACK_FEATURES,
	FIELD_FEATURES,
	FIELD_URL,
	FIELD_MD5,
	FIELD_SHA256,
	FIELD_LICENSE,
	FIELD_LICENSE_FAMILY,
	FIELD_FN,
	FIELD_WHEN,
	FIELD_EXTRAS,
	FIELD_FLAGS,
	FIELD_N,
};

/* The pieces of a spec, still text. extras and flags: words separated by commas. */
struct matchspec_fields {
	const char *value[FIELD_N];	/* NULL: not given */
	bool optional;
};

enum {
	MATCHSPEC_INNER = 1 << 16,	/* within "when": no further "when" */
};

/* The last c of s, or NULL. */
static inline const char *last_of(struct str s, char c)
{
	while (s.n > 0) {
		if (s.p[--s.n] == c)
			return s.p + s.n;
	}
	return NULL;
}

const char *matchspec_fields_name(enum matchspec_field f);

/* FIELD_N: unknown. */
enum matchspec_field matchspec_fields_find(struct str key);

/* Whether a text ends as the file of a package does: then it is one, and no name, version or build. */
bool matchspec_parse_is_file(struct str s);

/* What stands between the brackets, into f. */
int matchspec_brackets_parse(struct arena *a, struct str inside, unsigned flags, struct matchspec_fields *f,
			     struct err *err);

/*
 * The quote that a value can stand in, going by the quotes in it that no backslash
 * hides: "'" or "\"". NULL: none, such a value cannot be printed.
 */
const char *matchspec_brackets_quote(const char *value);

/* conda's rewriting of "=1.2" and "==1.2", in a. */
const char *matchspec_sanitise(struct arena *a, const char *version, bool has_build);

/* From pieces to conditions; ret->text is left alone. */
int matchspec_fields_compile(struct arena *a, const struct matchspec_fields *f, unsigned flags, struct matchspec *ret,
			     struct err *err);

const struct matchspec_cond *matchspec_when_parse(struct arena *a, const char *text, struct err *err);

bool matchspec_number_match(const struct matchspec_number *n, uint64_t number);

/*
 * A channel as a spec may name it: without credentials, below the default alias
 * the name alone; a known subdir at its end goes into *subdir (else untouched).
 */
const char *matchspec_channel_parse(struct arena *a, const char *text, const char **subdir, struct err *err);

/* Without user, password and token, in a. */
const char *matchspec_channel_public_url(struct arena *a, const char *url);

bool matchspec_channel_is_pattern(const char *channel);

#endif
