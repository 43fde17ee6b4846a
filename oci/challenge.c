#include "oci/challenge.h"

#include <strings.h>

#include "base/str.h"

#define TOKEN_MARKS "!#$%&'*+-.^_`|~"

static bool is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr(TOKEN_MARKS, c));
}

static const char *skip_blank(const char *p)
{
	while (*p == ' ' || *p == '\t' || *p == ',')
		p++;
	return p;
}

static struct str take_token(const char **p)
{
	const char *from = *p;

	while (is_token_char(**p))
		(*p)++;
	return (struct str){ from, (size_t)(*p - from) };
}

/* "a \"b\"" or a bare word (which some servers let hold ':' and '/'). */
static const char *take_value(struct arena *a, const char **p)
{
	auto_buf b = { 0 };
	const char *at = *p;

	if (*at != '"') {
		size_t n = strcspn(at, ", \t");

		*p = at + n;
		return arena_strndup(a, at, n);
	}
	for (at++; *at && *at != '"'; at++) {
		if (*at == '\\' && at[1])
			at++;
		buf_addc(&b, *at);
	}
	*p = *at ? at + 1 : at;
	return arena_strdup(a, buf_cstr(&b));
}

static bool is_word(struct str s, const char *word)
{
	return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

static enum challenge_type type_of(struct str scheme)
{
	return is_word(scheme, "Bearer")  ? CHALLENGE_BEARER
	       : is_word(scheme, "Basic") ? CHALLENGE_BASIC
					  : CHALLENGE_OTHER;
}

static void set_parameter(struct challenge *c, struct str name, const char *value)
{
	if (is_word(name, "realm"))
		c->realm = value;
	else if (is_word(name, "service"))
		c->service = value;
	else if (is_word(name, "scope"))
		c->scope = value;
}

static int worth(enum challenge_type t)
{
	static const int worths[] = {
		[CHALLENGE_NONE] = 0, [CHALLENGE_OTHER] = 1, [CHALLENGE_BASIC] = 2, [CHALLENGE_BEARER] = 3
	};

	return worths[t];
}

struct challenge challenge_parse(struct arena *a, const char *header)
{
	struct challenge best = { .realm = "", .service = "", .scope = "" }, now = best;
	const char *p = skip_blank(header);

	while (*p) {
		struct str word = take_token(&p);
		const char *after = skip_blank(p);

		if (!word.n)
			break;
		if (*after == '=' && now.type != CHALLENGE_NONE) {
			after = skip_blank(after + 1);
			set_parameter(&now, word, take_value(a, &after));
			p = skip_blank(after);
			continue;
		}
		if (worth(now.type) > worth(best.type))
			best = now;
		now = (struct challenge){ type_of(word), "", "", "" };
		p = after;
	}
	return worth(now.type) > worth(best.type) ? now : best;
}
