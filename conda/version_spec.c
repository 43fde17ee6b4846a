/*
 * Version specs: a tree of AND and OR over clauses. What each clause means, and
 * where the implementations disagree, is in docs/versions.md.
 */
#include "conda/version.h"

#include <string.h>

#include "base/str.h"
#include "conda/pattern.h"

#define SPACE " \t\n\v\f\r"
#define NEST_MAX 32 /* parentheses within parentheses */

enum spec_type {
	SPEC_ANY,
	SPEC_NONE,
	SPEC_EQ,
	SPEC_NE,
	SPEC_LT,
	SPEC_LE,
	SPEC_GT,
	SPEC_GE,
	SPEC_STARTS,
	SPEC_NOT_STARTS,
	SPEC_COMPATIBLE, /* at least v, and starts with prefix */
	SPEC_PATTERN, /* of the version's text */
	SPEC_NOT_PATTERN,
	SPEC_TEXT, /* the version's text exactly */
	SPEC_AND,
	SPEC_OR,
};

struct version_spec {
	enum spec_type type;
	const char *text; /* canonical */
	const struct version *v, *prefix;
	const struct pattern *pattern;
	struct version_spec *child, *next; /* of SPEC_AND and SPEC_OR: the first; the next of the same parent */
};

struct parser {
	struct arena *arena;
	const char *at;
	unsigned depth;
	struct err *err;
};

static struct version_spec *new_spec(struct arena *a, enum spec_type type)
{
	struct version_spec *s = arena_alloc(a, sizeof(*s));

	s->type = type;
	return s;
}

static struct version_spec *wrong(struct parser *p, struct str clause, const char *what)
{
	err_set(p->err, ERR_FORMAT, "version clause '%.*s': %s", (int)(clause.n < 200 ? clause.n : 200), clause.p,
		what);
	return NULL;
}

static const struct version *literal(struct parser *p, struct str clause, struct str text)
{
	const struct version *v = version_parse(p->arena, arena_strndup(p->arena, text.p, text.n), p->err);

	if (!v)
		err_at(p->err, "version clause '%.*s'", (int)(clause.n < 200 ? clause.n : 200), clause.p);
	return v;
}

static struct version_spec *pattern_clause(struct parser *p, struct str clause, struct str text)
{
	struct version_spec *s = new_spec(p->arena, SPEC_PATTERN);

	s->text = arena_strndup(p->arena, text.p, text.n);
	s->pattern = pattern_parse(p->arena, s->text, 0, p->err);
	if (!s->pattern)
		err_at(p->err, "version clause '%.*s'", (int)(clause.n < 200 ? clause.n : 200), clause.p);
	return s->pattern ? s : NULL;
}

static bool ends_in_star(struct str s)
{
	return s.n > 0 && s.p[s.n - 1] == '*';
}

/* Whether a version may consist of these bytes. */
static bool is_version_text(struct str s)
{
	static const char more[] = "._+!-*";

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || strchr(more, c)))
			return false;
	}
	return true;
}

/* "1.*", "1*", "1.*.3", "*": text holds a star. */
static struct version_spec *star_clause(struct parser *p, struct str clause, struct str text)
{
	struct str head = text;
	struct version_spec *s;

	if (!is_version_text(text))
		return wrong(p, clause, "invalid character");
	while (ends_in_star(head))
		head.n--;
	if (!head.n) {
		s = new_spec(p->arena, SPEC_ANY);
		s->text = "*";
		return s;
	}
	if (memchr(head.p, '*', head.n))
		return pattern_clause(p, clause, text);
	while (head.n > 0 && head.p[head.n - 1] == '.')
		head.n--;
	s = new_spec(p->arena, SPEC_STARTS);
	s->v = literal(p, clause, head);
	s->text = arena_printf(p->arena, "%.*s.*", (int)head.n, head.p);
	return s->v ? s : NULL;
}

/* "~=1.2.3" starts with "1.2": its text up to the last dot, as conda has it. */
static struct version_spec *compatible_clause(struct parser *p, struct str clause, struct str text)
{
	struct version_spec *s = new_spec(p->arena, SPEC_COMPATIBLE);
	const char *norm, *dot;

	if (memchr(text.p, '*', text.n))
		return wrong(p, clause, "'~=' does not go with '*'");
	s->v = literal(p, clause, text);
	if (!s->v)
		return NULL;
	norm = version_text(p->arena, s->v);
	dot = strrchr(norm, '.');
	if (!dot)
		return wrong(p, clause, "'~=' needs a version with a dot, such as '~=1.0'");
	s->prefix = literal(p, clause, (struct str){ norm, (size_t)(dot - norm) });
	return s->prefix ? s : NULL;
}

static struct version_spec *negated(struct version_spec *s)
{
	if (s && s->type == SPEC_ANY)
		s->type = SPEC_NONE;
	else if (s && s->type == SPEC_STARTS)
		s->type = SPEC_NOT_STARTS;
	else if (s)
		s->type = SPEC_NOT_PATTERN;
	return s;
}

static const struct operator
{
	const char *text;
	enum spec_type type;
}
operators[] = {
	{ "==", SPEC_EQ },	   { "!=", SPEC_NE }, { "<=", SPEC_LE }, { ">=", SPEC_GE },
	{ "~=", SPEC_COMPATIBLE }, { "<", SPEC_LT },  { ">", SPEC_GT },	 { "=", SPEC_STARTS },
};

static bool is_operator(char c)
{
	return c && strchr("=<>!~", c);
}

static bool cut_operator(struct str *text, enum spec_type *ret)
{
	for (size_t i = 0; i < COUNT(operators); i++) {
		size_t n = strlen(operators[i].text);

		if (text->n > n && memcmp(text->p, operators[i].text, n) == 0) {
			*ret = operators[i].type;
			*text = str_trim((struct str){ text->p + n, text->n - n });
			return text->n > 0 && !is_operator(*text->p);
		}
	}
	return false;
}

static bool cut_dot_star(struct str *text)
{
	if (text->n <= 2 || memcmp(text->p + text->n - 2, ".*", 2) != 0)
		return false;
	text->n -= 2;
	return true;
}

static bool has_space(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (strchr(SPACE, s.p[i]))
			return true;
	}
	return false;
}

/* operator_clause() without the canonical text. text is what stands behind the operator. */
static struct version_spec *comparison(struct parser *p, struct str clause, enum spec_type type, struct str text)
{
	bool star = memchr(text.p, '*', text.n);
	struct version_spec *s;

	if (type == SPEC_COMPATIBLE)
		return compatible_clause(p, clause, text);
	if (type == SPEC_STARTS && star)
		return star_clause(p, clause, text);
	if (type == SPEC_NE && star)
		return negated(star_clause(p, clause, text));
	/* conda: "superfluous and deprecated", ignored. */
	cut_dot_star(&text);
	if (type == SPEC_EQ && memchr(text.p, '*', text.n))
		return star_clause(p, clause, text);
	s = new_spec(p->arena, type);
	s->v = literal(p, clause, text);
	return s->v ? s : NULL;
}

static const char *joined(struct arena *a, struct str x, struct str y)
{
	char *ret = arena_alloc(a, x.n + y.n + 1);

	memcpy(ret, x.p, x.n);
	memcpy(ret + x.n, y.p, y.n);
	return ret;
}

static struct version_spec *operator_clause(struct parser *p, struct str clause)
{
	struct str text = clause;
	enum spec_type type;
	struct version_spec *s;
	size_t op = 0;

	if (!cut_operator(&text, &type))
		return wrong(p, clause, "expected an operator (== != <= >= < > = ~=) and a version");
	if (has_space(text))
		return wrong(p, clause, "a space within a version");
	s = comparison(p, clause, type, text);
	while (is_operator(clause.p[op]))
		op++;
	if (s)
		s->text = joined(p->arena, (struct str){ clause.p, op }, text);
	return s;
}

static bool starts_and_ends(struct str s)
{
	return s.n > 1 && s.p[0] == '^' && s.p[s.n - 1] == '$';
}

static struct version_spec *parse_clause(struct parser *p, struct str clause)
{
	struct version_spec *s;

	clause = str_trim(clause);
	if (!clause.n)
		return wrong(p, clause, "empty");
	if (clause.p[0] == '^' || clause.p[clause.n - 1] == '$') {
		if (!starts_and_ends(clause))
			return wrong(p, clause, "a regular expression begins with '^' and ends with '$'");
		return pattern_clause(p, clause, clause);
	}
	if (is_operator(*clause.p))
		return operator_clause(p, clause);
	if (has_space(clause))
		return wrong(p, clause, "a space within a version");
	if (memchr(clause.p, '*', clause.n))
		return star_clause(p, clause, clause);
	s = new_spec(p->arena, memchr(clause.p, '@', clause.n) ? SPEC_TEXT : SPEC_EQ);
	s->text = arena_strndup(p->arena, clause.p, clause.n);
	if (s->type == SPEC_EQ) {
		s->v = literal(p, clause, clause);
		if (!s->v)
			return NULL;
	}
	return s;
}

static const char *skip_space(const char *s)
{
	return s + strspn(s, SPACE);
}

static struct version_spec *parse_or(struct parser *p);

/* A regular expression reaches to its '$' whatever stands between. */
static struct str cut_clause(struct parser *p)
{
	const char *start = p->at, *dollar = *start == '^' ? strchr(start, '$') : NULL;

	p->at = dollar ? dollar + 1 : start + strcspn(start, "()|,");
	return (struct str){ start, (size_t)(p->at - start) };
}

static struct version_spec *parse_operand(struct parser *p)
{
	struct version_spec *s;

	p->at = skip_space(p->at);
	if (*p->at != '(') {
		s = parse_clause(p, cut_clause(p));
		p->at = skip_space(p->at);
		return s;
	}
	if (++p->depth > NEST_MAX)
		return wrong(p, str_of(p->at), "too deeply nested");
	p->at++;
	s = parse_or(p);
	p->depth--;
	if (s && *p->at != ')')
		return wrong(p, str_of(p->at), "expected ')'");
	if (s)
		p->at = skip_space(p->at + 1);
	return s;
}

/* Operands that are the same kind of list are taken into the list. */
static void append(struct version_spec *list, struct version_spec ***end, struct version_spec *s)
{
	**end = s->type == list->type ? s->child : s;
	while (**end)
		*end = &(**end)->next;
}

static const char *list_text(struct arena *a, const struct version_spec *list)
{
	auto_buf b = { 0 };

	for (const struct version_spec *s = list->child; s; s = s->next) {
		bool parens = list->type == SPEC_AND && s->type == SPEC_OR;

		if (s != list->child)
			buf_addc(&b, list->type == SPEC_AND ? ',' : '|');
		buf_adds(&b, parens ? "(" : "");
		buf_adds(&b, s->text);
		buf_adds(&b, parens ? ")" : "");
	}
	return arena_strndup(a, b.p, b.n);
}

static struct version_spec *parse_list(struct parser *p, enum spec_type type, char sep,
				       struct version_spec *(*operand)(struct parser *p))
{
	struct version_spec *s = operand(p), *list;
	struct version_spec **end;

	if (!s || *p->at != sep)
		return s;
	list = new_spec(p->arena, type);
	end = &list->child;
	append(list, &end, s);
	while (*p->at == sep) {
		p->at++;
		s = operand(p);
		if (!s)
			return NULL;
		append(list, &end, s);
	}
	list->text = list_text(p->arena, list);
	return list;
}

static struct version_spec *parse_and(struct parser *p)
{
	return parse_list(p, SPEC_AND, ',', parse_operand);
}

static struct version_spec *parse_or(struct parser *p)
{
	return parse_list(p, SPEC_OR, '|', parse_and);
}

const struct version_spec *version_spec_parse(struct arena *a, const char *text, struct err *err)
{
	struct parser p = { .arena = a, .at = skip_space(text), .err = err };
	struct version_spec *s;

	if (strlen(text) > VERSION_SPEC_MAX) {
		err_set(err, ERR_FORMAT, "version spec of %zu bytes, at most %d are allowed", strlen(text),
			VERSION_SPEC_MAX);
		return NULL;
	}
	if (!*p.at)
		p.at = "*";
	s = parse_or(&p);
	if (s && *p.at)
		return wrong(&p, str_of(p.at), "expected ',' or '|' before it");
	return s;
}

static bool clause_match(const struct version_spec *s, const struct version *v)
{
	switch (s->type) {
	case SPEC_EQ:
		return version_cmp(v, s->v) == 0;
	case SPEC_NE:
		return version_cmp(v, s->v) != 0;
	case SPEC_LT:
		return version_cmp(v, s->v) < 0;
	case SPEC_LE:
		return version_cmp(v, s->v) <= 0;
	case SPEC_GT:
		return version_cmp(v, s->v) > 0;
	case SPEC_GE:
		return version_cmp(v, s->v) >= 0;
	case SPEC_STARTS:
		return version_starts_with(v, s->v);
	case SPEC_NOT_STARTS:
		return !version_starts_with(v, s->v);
	case SPEC_COMPATIBLE:
		return version_cmp(v, s->v) >= 0 && version_starts_with(v, s->prefix);
	case SPEC_ANY:
	case SPEC_NONE:
	case SPEC_PATTERN:
	case SPEC_NOT_PATTERN:
	case SPEC_TEXT:
	case SPEC_AND:
	case SPEC_OR:
		break;
	}
	return false;
}

static bool list_match(const struct version_spec *list, const struct version *v, const char *text)
{
	bool enough = list->type == SPEC_OR;

	for (const struct version_spec *s = list->child; s; s = s->next) {
		if (version_spec_match(s, v, text) == enough)
			return enough;
	}
	return !enough;
}

bool version_spec_match(const struct version_spec *s, const struct version *v, const char *text)
{
	switch (s->type) {
	case SPEC_ANY:
		return true;
	case SPEC_NONE:
		return false;
	case SPEC_PATTERN:
		return pattern_match(s->pattern, text);
	case SPEC_NOT_PATTERN:
		return !pattern_match(s->pattern, text);
	case SPEC_TEXT:
		return strcmp(s->text, text) == 0;
	case SPEC_AND:
	case SPEC_OR:
		return list_match(s, v, text);
	case SPEC_EQ:
	case SPEC_NE:
	case SPEC_LT:
	case SPEC_LE:
	case SPEC_GT:
	case SPEC_GE:
	case SPEC_STARTS:
	case SPEC_NOT_STARTS:
	case SPEC_COMPATIBLE:
		return v && clause_match(s, v);
	}
	return false;
}

/* How many of the versions are below v, or (with v) not above it. */
static size_t count_below(const struct version *const *sorted, size_t n, const struct version *v, bool with)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = version_cmp(sorted[mid], v);

		if (c < 0 || (c == 0 && with))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void set_range(bool *ret, size_t n, size_t first, size_t end, bool inside)
{
	memset(ret, !inside, n);
	memset(ret + first, inside, end - first);
}

/* Sorted, what is compared with one version is a range. */
static void range_match(const struct version_spec *s, const struct version *const *sorted, size_t n, bool *ret)
{
	size_t below = count_below(sorted, n, s->v, s->type == SPEC_LE || s->type == SPEC_GT), end;

	if (s->type == SPEC_LT || s->type == SPEC_LE) {
		set_range(ret, n, 0, below, true);
	} else if (s->type == SPEC_GT || s->type == SPEC_GE) {
		set_range(ret, n, below, n, true);
	} else {
		for (end = below; end < n && version_cmp(sorted[end], s->v) == 0; end++)
			;
		set_range(ret, n, below, end, s->type == SPEC_EQ);
	}
}

static bool list_match_sorted(const struct version_spec *list, const struct version *const *sorted, size_t n, bool *ret)
{
	auto_free bool *one = mem_array(n, sizeof(*one));

	memset(ret, list->type == SPEC_AND, n);
	for (const struct version_spec *s = list->child; s; s = s->next) {
		if (!version_spec_match_sorted(s, sorted, n, one))
			return false;
		for (size_t i = 0; i < n; i++)
			ret[i] = list->type == SPEC_AND ? ret[i] & one[i] : ret[i] | one[i];
	}
	return true;
}

bool version_spec_match_sorted(const struct version_spec *s, const struct version *const *sorted, size_t n, bool *ret)
{
	switch (s->type) {
	case SPEC_ANY:
	case SPEC_NONE:
		memset(ret, s->type == SPEC_ANY, n);
		return true;
	case SPEC_EQ:
	case SPEC_NE:
	case SPEC_LT:
	case SPEC_LE:
	case SPEC_GT:
	case SPEC_GE:
		range_match(s, sorted, n, ret);
		return true;
	case SPEC_STARTS:
	case SPEC_NOT_STARTS:
	case SPEC_COMPATIBLE:
		for (size_t i = 0; i < n; i++)
			ret[i] = clause_match(s, sorted[i]);
		return true;
	case SPEC_AND:
	case SPEC_OR:
		return list_match_sorted(s, sorted, n, ret);
	case SPEC_PATTERN:
	case SPEC_NOT_PATTERN:
	case SPEC_TEXT:
		break;
	}
	return false;
}

bool version_spec_is_any(const struct version_spec *s)
{
	return s->type == SPEC_ANY;
}

const char *version_spec_text(const struct version_spec *s)
{
	return s->text;
}
