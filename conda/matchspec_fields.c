/* The pieces of a spec become conditions. */
#include "conda/matchspec_impl.h"

#include "base/num.h"

#define EXTRA_MAX 64 /* bytes of a group's name: CEP 44 */

static const char *const names[FIELD_N] = {
	[FIELD_CHANNEL] = "channel",
	[FIELD_SUBDIR] = "subdir",
	[FIELD_NAME] = "name",
	[FIELD_VERSION] = "version",
	[FIELD_BUILD] = "build",
	[FIELD_BUILD_NUMBER] = "build_number",
	[FIELD_TRACK_FEATURES] = "track_features",
	[FIELD_FEATURES] = "features",
	[FIELD_URL] = "url",
	[FIELD_MD5] = "md5",
	[FIELD_SHA256] = "sha256",
	[FIELD_LICENSE] = "license",
	[FIELD_LICENSE_FAMILY] = "license_family",
	[FIELD_FN] = "fn",
	[FIELD_WHEN] = "when",
	[FIELD_EXTRAS] = "extras",
	[FIELD_FLAGS] = "flags",
};

const char *matchspec_fields_name(enum matchspec_field f)
{
	return names[f];
}

enum matchspec_field matchspec_fields_find(struct str key)
{
	enum matchspec_field f = 0;

	while (f < FIELD_N && !str_eq(key, names[f]))
		f++;
	return f;
}

enum number_op { NUMBER_EQ, NUMBER_NE, NUMBER_LT, NUMBER_LE, NUMBER_GT, NUMBER_GE };

struct matchspec_number {
	enum number_op op;
	uint64_t number;
};

static const struct {
	const char *text;
	enum number_op op;
} number_ops[] = {
	{ "==", NUMBER_EQ }, { "!=", NUMBER_NE }, { "<=", NUMBER_LE }, { ">=", NUMBER_GE },
	{ "<", NUMBER_LT },  { ">", NUMBER_GT },  { "=", NUMBER_EQ },  { "", NUMBER_EQ },
};

static int compile_number(struct arena *a, const char *text, struct matchspec *m, struct err *err)
{
	struct matchspec_number *n = arena_alloc(a, sizeof(*n));
	size_t i = 0;

	while (!str_starts(text, number_ops[i].text))
		i++;
	n->op = number_ops[i].op;
	m->build_number = text;
	if (strcmp(text, "*") == 0)
		return 0;
	if (!num_parse(text + strlen(number_ops[i].text), UINT64_MAX, &n->number))
		return err_set(err, ERR_FORMAT, "build_number '%.100s': expected a number, or an operator and a number",
			       text);
	m->number = n;
	return 0;
}

bool matchspec_number_match(const struct matchspec_number *n, uint64_t number)
{
	switch (n->op) {
	case NUMBER_EQ:
		return number == n->number;
	case NUMBER_NE:
		return number != n->number;
	case NUMBER_LT:
		return number < n->number;
	case NUMBER_LE:
		return number <= n->number;
	case NUMBER_GT:
		return number > n->number;
	case NUMBER_GE:
		return number >= n->number;
	}
	return false;
}

static char *lowered(struct arena *a, const char *text)
{
	char *s = arena_strdup(a, text);

	for (char *p = s; *p; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	}
	return s;
}

static int compile_name(struct arena *a, const char *text, struct matchspec *m, struct err *err)
{
	const char *lower;

	if (strcmp(text, "*") == 0)
		return 0;
	lower = lowered(a, text);
	if (matchspec_parse_is_file(str_of(lower)))
		return err_set(err, ERR_FORMAT, "name '%.100s' ends like a file", text);
	if (!matchspec_channel_is_pattern(text)) {
		m->name = lower;
		return 0;
	}
	m->name_pattern = pattern_parse(a, text, PATTERN_FOLD, err);
	return m->name_pattern ? 0 : -1;
}

static int compile_version(struct arena *a, const char *text, struct matchspec *m, struct err *err)
{
	const struct version_spec *s = version_spec_parse(a, text, err);

	if (!s)
		return -1;
	if (version_spec_is_any(s))
		return 0;
	m->version_text = text;
	m->version = s;
	return 0;
}

static int compile_build(struct arena *a, const char *text, struct matchspec *m, struct err *err)
{
	/* In the canonical text it would stand at the end and make the whole a file name. */
	if (matchspec_parse_is_file(str_of(text)))
		return err_set(err, ERR_FORMAT, "build '%.100s' ends like a file", text);
	if (strchr(text, ' ') && !pattern_is_regex(text))
		return err_set(err, ERR_FORMAT, "build '%.100s' has a space in it", text);
	m->build_text = text;
	if (strcmp(text, "*") == 0)
		return 0;
	m->build = pattern_parse(a, text, 0, err);
	return m->build ? 0 : -1;
}

static int compile_pattern(struct arena *a, const char *text, const struct pattern **ret, struct err *err)
{
	if (text)
		*ret = pattern_parse(a, text, PATTERN_FOLD, err);
	return !text || *ret ? 0 : -1;
}

/* Sorted, each once. NULL for NULL. */
static const char *const *word_list(struct arena *a, const char *text, const char *separators, size_t *n)
{
	const char **list;
	size_t max = 1, kept = 0;

	*n = 0;
	if (!text)
		return NULL;
	for (const char *p = text; *p; p++)
		max += strchr(separators, *p) != NULL;
	list = arena_array(a, max + 1, sizeof(*list));
	while (*text) {
		size_t len = strcspn(text, separators);

		if (len)
			list[(*n)++] = arena_strndup(a, text, len);
		text += len;
		text += strspn(text, separators);
	}
	qsort(list, *n, sizeof(*list), str_ptr_cmp);
	for (size_t i = 0; i < *n; i++) {
		if (!i || strcmp(list[i], list[kept - 1]) != 0)
			list[kept++] = list[i];
	}
	list[kept] = NULL;
	*n = kept;
	return list;
}

static int compile_words(struct arena *a, const char *text, const char *what, const char *const **ret, struct err *err)
{
	size_t n;

	*ret = word_list(a, text, ", ", &n);
	if (*ret && !n)
		return err_set(err, ERR_FORMAT, "%s without a word", what);
	return 0;
}

static bool consists_of(const char *word, const char *more, bool upper)
{
	for (; *word; word++) {
		bool ok = (*word >= '0' && *word <= '9') || (*word >= 'a' && *word <= 'z') ||
			  (upper && *word >= 'A' && *word <= 'Z') || strchr(more, *word);

		if (!ok)
			return false;
	}
	return true;
}

static int compile_extras(struct arena *a, const char *text, const char *separators, struct matchspec *m,
			  struct err *err)
{
	size_t n;

	m->extras = word_list(a, text, separators, &n);
	if (m->extras && !n)
		return err_set(err, ERR_FORMAT, "extras without a name");
	for (size_t i = 0; i < n; i++) {
		if (!consists_of(m->extras[i], "_.+-", false) || strlen(m->extras[i]) > EXTRA_MAX)
			return err_set(err, ERR_FORMAT,
				       "extra '%.100s': expected at most 64 of a-z, 0-9, '_', '.', '+', '-'",
				       m->extras[i]);
	}
	return 0;
}

/* "cuda" or "blas:mkl": at most one colon, with something on both sides. */
static bool has_good_colon(const char *flag)
{
	const char *colon = strchr(flag, ':');

	return !colon || (colon > flag && colon[1] && !strchr(colon + 1, ':'));
}

static int compile_flags(struct arena *a, const char *text, const char *separators, struct matchspec *m,
			 struct err *err)
{
	size_t n;

	m->flags = word_list(a, text, separators, &n);
	if (m->flags && !n)
		return err_set(err, ERR_FORMAT, "flags without a name");
	for (size_t i = 0; i < n; i++) {
		if (!consists_of(m->flags[i], "_:*.+-", true))
			return err_set(err, ERR_FORMAT, "flag '%.100s': expected letters, digits, '_', ':', '*'",
				       m->flags[i]);
		if (!has_good_colon(m->flags[i]))
			return err_set(err, ERR_FORMAT, "flag '%.100s': expected NAME or NAME:VALUE", m->flags[i]);
	}
	return 0;
}

static int compile_when(struct arena *a, const char *text, unsigned flags, struct matchspec *m, struct err *err)
{
	if (!text)
		return 0;
	if (flags & MATCHSPEC_INNER)
		return err_set(err, ERR_FORMAT, "'when' within 'when'");
	m->when_text = text;
	m->when = matchspec_when_parse(a, text, err);
	return m->when ? 0 : -1;
}

static int compile_strings(struct arena *a, const char *const *v, struct matchspec *m, struct err *err)
{
	for (size_t i = 0; i < FIELD_N; i++) {
		if (v[i] && !matchspec_brackets_quote(v[i]))
			return err_set(err, ERR_FORMAT, "%s '%.100s': both kinds of quotes, or a backslash at the end",
				       names[i], v[i]);
	}
	m->channel = v[FIELD_CHANNEL];
	m->subdir = v[FIELD_SUBDIR];
	m->fn = v[FIELD_FN];
	m->url = v[FIELD_URL] ? matchspec_channel_public_url(a, v[FIELD_URL]) : NULL;
	m->md5 = v[FIELD_MD5] ? lowered(a, v[FIELD_MD5]) : NULL;
	m->sha256 = v[FIELD_SHA256] ? lowered(a, v[FIELD_SHA256]) : NULL;
	return 0;
}

int matchspec_fields_compile(struct arena *a, const struct matchspec_fields *f, unsigned flags, struct matchspec *ret,
			     struct err *err)
{
	const char *const *v = f->value;
	/* What a v3 list held is kept apart by commas alone. */
	const char *separators = flags & MATCHSPEC_V3 ? "," : ", ";

	ret->optional = f->optional;
	if (compile_name(a, v[FIELD_NAME], ret, err) < 0 || compile_strings(a, v, ret, err) < 0)
		return -1;
	if (v[FIELD_VERSION] && compile_version(a, v[FIELD_VERSION], ret, err) < 0)
		return -1;
	if (v[FIELD_BUILD] && compile_build(a, v[FIELD_BUILD], ret, err) < 0)
		return -1;
	if (v[FIELD_BUILD_NUMBER] && compile_number(a, v[FIELD_BUILD_NUMBER], ret, err) < 0)
		return -1;
	if (compile_words(a, v[FIELD_TRACK_FEATURES], "track_features", &ret->track_features, err) < 0 ||
	    compile_words(a, v[FIELD_FEATURES], "features", &ret->features, err) < 0)
		return -1;
	if (compile_pattern(a, v[FIELD_LICENSE], &ret->license, err) < 0 ||
	    compile_pattern(a, v[FIELD_LICENSE_FAMILY], &ret->license_family, err) < 0)
		return -1;
	if (compile_extras(a, v[FIELD_EXTRAS], separators, ret, err) < 0 ||
	    compile_flags(a, v[FIELD_FLAGS], separators, ret, err) < 0)
		return -1;
	return compile_when(a, v[FIELD_WHEN], flags, ret, err);
}
