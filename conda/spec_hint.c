#include "conda/spec_hint.h"

#include <string.h>

#include "base/str.h"
#include "conda/matchspec.h"

/* ---- what kind of thing it is ---- */

static bool is_relation(char c)
{
	return c && strchr("<>=!~", c);
}

static bool parses(struct arena *a, const char *text)
{
	struct err err = ERR_INIT;

	return matchspec_parse(a, text, MATCHSPEC_V3, &err);
}

/* The text with one piece replaced wherever it stands. */
static const char *with(struct arena *a, const char *text, const char *piece, const char *instead)
{
	auto_buf b = { 0 };

	for (const char *at; (at = strstr(text, piece)); text = at + strlen(piece))
		buf_addf(&b, "%.*s%s", (int)(at - text), text, instead);
	buf_adds(&b, text);
	return arena_strdup(a, buf_cstr(&b));
}

/* "six>1 <2" as "six>1,<2": a comma for each blank between two conditions. */
static const char *joined(struct arena *a, const char *text)
{
	char *ret = arena_strdup(a, text);
	bool after = false;

	for (char *p = ret; *p; p++) {
		if (after && *p == ' ' && is_relation(p[1]) && p[-1] != ',' && !is_relation(p[-1]))
			*p = ',';
		after |= is_relation(*p);
	}
	return ret;
}

static const char *joined_hint(struct arena *a, const char *text)
{
	const char *comma = joined(a, with(a, with(a, text, " and ", " "), " && ", " "));

	if (strcmp(comma, text) != 0 && parses(a, comma))
		return arena_printf(a, "two conditions are joined by a comma: '%s'", comma);
	return NULL;
}

static const char *or_hint(struct arena *a, const char *text)
{
	const char *bar = with(a, with(a, text, " or ", "|"), " || ", "|");

	if (strcmp(bar, text) != 0 && parses(a, bar))
		return arena_printf(a, "alternatives are parted by a bar: '%s'", bar);
	return NULL;
}

/* "dask[complete]>=2": conda's packages have no such extras. */
static const char *extras_hint(struct arena *a, const char *text)
{
	static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-., ";
	const char *open = strchr(text, '['), *close = open ? strchr(open, ']') : NULL;
	const char *without;

	if (!close || open == text || strspn(open + 1, word) != (size_t)(close - open - 1))
		return NULL;
	without = arena_printf(a, "%.*s%s", (int)(open - text), text, close + 1);
	if (!parses(a, without))
		return "this is how pip asks for extras; write the name alone, and the packages that the extra brings";
	return arena_printf(a, "this is how pip asks for extras; write '%s', and the packages that the extra brings",
			    without);
}

static const char *template_hint(const char *text)
{
	const char *percent = strchr(text, '%');

	if (strstr(text, "{{") || strstr(text, "${") || strstr(text, "$(") || strstr(text, "<%") || strchr(text, '$') ||
	    (percent && strchr(percent + 1, '%')))
		return "a template is not filled in here; write the value itself";
	return NULL;
}

/* A row of `conda list`: name, version, build, and often a channel, in columns. */
static const char *columns_hint(const char *text)
{
	if (strstr(text, "   "))
		return "this looks like a row of `conda list`; write the file with `conda list --export`, or "
		       "`conda list --explicit --sha256`";
	return NULL;
}

static const char *caret_hint(const char *text)
{
	const char *caret = strchr(text, '^');

	if (caret && caret[1] >= '0' && caret[1] <= '9')
		return "'^' is not conda's; '^2.1' of other tools is '>=2.1,<3'";
	return NULL;
}

static const char *pip_hint(struct arena *a, const char *text)
{
	const char *marker = strchr(text, ';');

	if (text[0] == '-' || strstr(text, " --"))
		return "this is an option of pip, and conda packages are listed here";
	if (strstr(text, "git+") || strstr(text, "hg+") || strstr(text, "svn+"))
		return "this is how pip names a repository; conda packages come from channels";
	if (strstr(text, " @ "))
		return "this is how pip names a file or repository; conda packages come from channels";
	if (marker) {
		struct str trimmed = str_trim((struct str){ text, (size_t)(marker - text) });
		const char *front = arena_strndup(a, trimmed.p, trimmed.n);

		if (parses(a, front))
			return arena_printf(a, "what stands behind ';' is a marker of pip; write '%s'", front);
		return "what stands behind ';' is a marker of pip, and conda has none";
	}
	return NULL;
}

const char *spec_hint(struct arena *a, const char *text)
{
	const char *ret = text[0] == '@' ? "the mark of a list of URLs is written '@EXPLICIT', on a line of its own"
					 : template_hint(text);

	ret = ret ? ret : pip_hint(a, text);
	ret = ret ? ret : joined_hint(a, text);
	ret = ret ? ret : or_hint(a, text);
	ret = ret ? ret : extras_hint(a, text);
	ret = ret ? ret : columns_hint(text);
	return ret ? ret : caret_hint(text);
}

const char *spec_hint_unheeded(struct arena *a, const char *text)
{
	size_t front = strcspn(text, "[(");
	const char *open = text + front, *close = *open == '(' ? strchr(open, ')') : NULL;
	struct str inside;

	/* In brackets parentheses count, and behind "^" they are an expression. */
	if (!close || memchr(text, '^', front))
		return NULL;
	inside = str_trim((struct str){ open + 1, (size_t)(close - open - 1) });
	if (!inside.n || str_eq(inside, "optional"))
		return NULL;
	return arena_printf(a,
			    "conda does not heed what stands in parentheses: '%s' is read without '(%.*s)'; write it "
			    "without parentheses",
			    text, (int)inside.n, inside.p);
}
