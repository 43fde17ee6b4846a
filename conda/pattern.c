#include "conda/pattern.h"

#include <stdint.h>

#include "base/str.h"
#include "conda/regex.h"

enum pattern_type { PATTERN_EXACT, PATTERN_GLOB, PATTERN_REGEX };

struct pattern {
	enum pattern_type type;
	bool fold;
	const char *text;
	const struct regex *regex;
};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same(char a, char b, bool fold)
{
	return fold ? lower(a) == lower(b) : a == b;
}

/* On a mismatch only the last star can help by taking one byte more, so there is nothing to recurse into. */
static bool glob_match(const char *glob, const char *text, bool fold)
{
	const char *star = NULL, *tried = NULL;

	while (*text) {
		if (*glob == '*') {
			star = glob++;
			tried = text;
		} else if (*glob && same(*glob, *text, fold)) {
			glob++;
			text++;
		} else if (star) {
			glob = star + 1;
			text = ++tried;
		} else {
			return false;
		}
	}
	while (*glob == '*')
		glob++;
	return !*glob;
}

static bool exact_match(const char *a, const char *b, bool fold)
{
	while (*a && same(*a, *b, fold)) {
		a++;
		b++;
	}
	return !*a && !*b;
}

static char *lowered(struct arena *a, const char *text)
{
	char *s = arena_strdup(a, text);

	for (char *p = s; *p; p++)
		*p = lower(*p);
	return s;
}

const struct pattern *pattern_parse(struct arena *a, const char *text, unsigned flags, struct err *err)
{
	bool fold = flags & PATTERN_FOLD;
	struct pattern *p;

	if (strlen(text) > PATTERN_MAX) {
		err_set(err, ERR_FORMAT, "pattern of %zu bytes, at most %d are allowed", strlen(text), PATTERN_MAX);
		return NULL;
	}
	p = arena_alloc(a, sizeof(*p));
	p->fold = fold;
	if (pattern_is_regex(text)) {
		p->type = PATTERN_REGEX;
		p->text = arena_strdup(a, text);
		p->regex = regex_parse(a, text, fold, err);
		return p->regex ? p : NULL;
	}
	p->type = strchr(text, '*') ? PATTERN_GLOB : PATTERN_EXACT;
	p->text = fold ? lowered(a, text) : arena_strdup(a, text);
	return p;
}

bool pattern_match(const struct pattern *p, const char *text)
{
	switch (p->type) {
	case PATTERN_EXACT:
		return exact_match(p->text, text, p->fold);
	case PATTERN_GLOB:
		return glob_match(p->text, text, p->fold);
	case PATTERN_REGEX:
		return regex_match(p->regex, text);
	}
	return false;
}

const char *pattern_text(const struct pattern *p)
{
	return p->text;
}

bool pattern_is_exact(const struct pattern *p)
{
	return p->type == PATTERN_EXACT;
}

bool pattern_is_regex(const char *text)
{
	return str_starts(text, "^") && str_ends(text, "$");
}

bool pattern_glob(const char *glob, const char *text)
{
	return glob_match(glob, text, false);
}
