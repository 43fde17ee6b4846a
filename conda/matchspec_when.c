/*
 * when="a >=1 and (b or c)" (CEP 43): specs between the words "and" and "or"; "and"
 * binds tighter.
 */
#include "conda/matchspec_impl.h"

#define NEST_MAX 32
#define TERMS_MAX 256 /* also bounds the depth of the tree */

struct parser {
	struct arena *arena;
	const char *at;
	unsigned depth, terms;
	struct err *err;
};

static void skip_space(struct parser *p)
{
	while (*p->at == ' ')
		p->at++;
}

/* Whether word stands at s, and ends there. */
static bool is_word(const char *s, const char *word)
{
	size_t n = strlen(word);

	return strncmp(s, word, n) == 0 && (s[n] == '\0' || s[n] == ' ' || s[n] == '(' || s[n] == ')');
}

/* s is at a bracket: behind the one that closes it. Quotes hide brackets. */
static const char *skip_brackets(const char *s)
{
	unsigned depth = 0;
	char quote = '\0';

	for (; *s; s++) {
		if (quote)
			quote = *s == quote ? '\0' : quote;
		else if (*s == '\'' || *s == '"')
			quote = *s;
		else if (*s == '[')
			depth++;
		else if (*s == ']' && --depth == 0)
			return s + 1;
	}
	return s;
}

static const char *spec_end(const char *s)
{
	while (*s && *s != ')' && *s != '(') {
		if (*s == '[') {
			s = skip_brackets(s);
		} else if (*s == ' ' && (is_word(s + 1, "and") || is_word(s + 1, "or"))) {
			break;
		} else {
			s++;
		}
	}
	return s;
}

static struct matchspec_cond *new_cond(struct parser *p, enum matchspec_cond_type type)
{
	struct matchspec_cond *c = arena_alloc(p->arena, sizeof(*c));

	c->type = type;
	return c;
}

static struct matchspec_cond *parse_or(struct parser *p);

static struct matchspec_cond *wrong(struct parser *p, const char *what)
{
	err_set(p->err, ERR_FORMAT, "%s: '%.200s'", what, p->at);
	return NULL;
}

static struct matchspec_cond *parse_group(struct parser *p)
{
	struct matchspec_cond *c;

	if (++p->depth > NEST_MAX)
		return wrong(p, "too deeply nested");
	p->at++;
	c = parse_or(p);
	p->depth--;
	if (!c)
		return NULL;
	if (*p->at != ')')
		return wrong(p, "expected ')'");
	p->at++;
	skip_space(p);
	return c;
}

static struct matchspec_cond *parse_term(struct parser *p)
{
	const char *end;
	struct str text;
	struct matchspec_cond *c;

	skip_space(p);
	if (++p->terms > TERMS_MAX)
		return wrong(p, "too many terms");
	if (*p->at == '(')
		return parse_group(p);
	end = spec_end(p->at);
	text = str_trim((struct str){ p->at, (size_t)(end - p->at) });
	if (!text.n || is_word(text.p, "and") || is_word(text.p, "or"))
		return wrong(p, "expected a spec");
	c = new_cond(p, COND_SPEC);
	c->spec = matchspec_parse(p->arena, arena_strndup(p->arena, text.p, text.n), MATCHSPEC_V3 | MATCHSPEC_INNER,
				  p->err);
	p->at = end;
	skip_space(p);
	return c->spec ? c : NULL;
}

static struct matchspec_cond *parse_chain(struct parser *p, enum matchspec_cond_type type, const char *word,
					  struct matchspec_cond *(*operand)(struct parser *p))
{
	struct matchspec_cond *c = operand(p);

	while (c && is_word(p->at, word)) {
		struct matchspec_cond *both = new_cond(p, type);

		p->at += strlen(word);
		both->left = c;
		both->right = operand(p);
		c = both->right ? both : NULL;
	}
	return c;
}

static struct matchspec_cond *parse_and(struct parser *p)
{
	return parse_chain(p, COND_AND, "and", parse_term);
}

static struct matchspec_cond *parse_or(struct parser *p)
{
	return parse_chain(p, COND_OR, "or", parse_and);
}

/* In when="..." the quotes of an inner spec may be written with backslashes. */
static const char *unescaped(struct arena *a, const char *text)
{
	char *s = arena_strdup(a, text), *to = s;

	for (const char *from = s; *from; from++) {
		if (from[0] == '\\' && (from[1] == '"' || from[1] == '\'' || from[1] == '\\'))
			from++;
		*to++ = *from;
	}
	*to = '\0';
	return s;
}

const struct matchspec_cond *matchspec_when_parse(struct arena *a, const char *text, struct err *err)
{
	struct parser p = { .arena = a, .err = err };
	struct matchspec_cond *c;

	p.at = unescaped(a, text);
	c = parse_or(&p);
	if (c && *p.at)
		c = wrong(&p, "expected 'and' or 'or'");
	if (!c)
		err_at(err, "when");
	return c;
}
