#include "cmd/ignore.h"

#include <stdint.h>
#include <string.h>

#include "base/str.h"

#define PATTERN_BYTES_MAX 4096
#define PATTERNS_MAX 10000

enum token_type {
	ONE, /* this character */
	ANY, /* '?' */
	RUN, /* '*' */
	CLASS,
	ALL, /* "**" that is the end, or before plain text in front */
	DIRS, /* "**" and its '/': nothing, or ... */
	DIRS_IN /* ... anything up to a '/' */
};

struct range {
	uint32_t low, high;
};

struct token {
	enum token_type type;
	uint32_t c; /* of ONE */
	const struct range *ranges; /* of CLASS */
	size_t n_ranges;
	bool negated;
};

struct ignore_pattern {
	const struct token *tokens;
	size_t n;
	bool exception; /* '!' */
};

/* The next character of UTF-8; a byte that is none counts as one. */
static uint32_t next_char(const char **at)
{
	const unsigned char *p = (const unsigned char *)*at;
	unsigned more = *p < 0xc2 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : *p < 0xf5 ? 3 : 0;
	uint32_t c = more == 0 ? *p : *p & (0x3fu >> more);

	for (unsigned i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			more = 0;
			c = *p;
			break;
		}
		c = c << 6 | (p[i] & 0x3f);
	}
	*at += more + 1;
	return c;
}

/* ---- patterns ---- */

struct compiler {
	struct arena *a;
	struct token *tokens;
	size_t n;
};

static struct token *add(struct compiler *c, enum token_type type)
{
	c->tokens[c->n] = (struct token){ .type = type };
	return &c->tokens[c->n++];
}

/* A character of a class, perhaps behind a '\'. False where there is none. */
static bool class_char(const char **at, uint32_t *ret)
{
	if (**at == '\0' || **at == '-' || **at == ']')
		return false;
	if (**at == '\\' && *++*at == '\0')
		return false;
	*ret = next_char(at);
	return true;
}

/* What stands behind '['; NULL, or what is wrong with it. */
static const char *add_class(struct compiler *c, const char **at)
{
	struct token *t = add(c, CLASS);
	struct range *ranges = arena_array(c->a, strlen(*at), sizeof(*ranges));

	t->negated = **at == '^';
	*at += t->negated;
	do {
		struct range *r = &ranges[t->n_ranges];

		if (!class_char(at, &r->low))
			return "has a '[' without a ']', or an empty class, or a '-' at the edge of one";
		r->high = r->low;
		if (**at == '-') {
			++*at;
			if (!class_char(at, &r->high))
				return "has a range in '[]' without an end";
		}
		t->n_ranges++;
	} while (**at != ']');
	++*at;
	t->ranges = ranges;
	return NULL;
}

static void add_stars(struct compiler *c, const char *text, const char **at)
{
	bool first = *at == text + 1;

	if (**at != '*') {
		add(c, RUN);
		return;
	}
	++*at;
	/* Docker takes "**.pyc" for any path with that end, as long as nothing else in it is special. */
	if (!**at || (first && **at != '/' && !strpbrk(*at, "*?[]\\"))) {
		add(c, ALL);
		return;
	}
	*at += **at == '/';
	if (!**at) {
		add(c, ALL);
		return;
	}
	add(c, DIRS);
	add(c, DIRS_IN);
}

/* NULL, or what is wrong with the pattern. */
static const char *compile(struct arena *a, const char *text, struct ignore_pattern *ret)
{
	struct compiler c = { .a = a, .tokens = arena_array(a, strlen(text) + 1, sizeof(*c.tokens)) };
	const char *at = text;

	while (*at) {
		const char *fault = NULL;

		if (*at == '*') {
			at++;
			add_stars(&c, text, &at);
		} else if (*at == '?') {
			at++;
			add(&c, ANY);
		} else if (*at == '[') {
			at++;
			fault = add_class(&c, &at);
		} else {
			if (*at == '\\' && *++at == '\0')
				return "ends with a '\\'";
			add(&c, ONE)->c = next_char(&at);
		}
		if (fault)
			return fault;
	}
	ret->tokens = c.tokens;
	ret->n = c.n;
	return NULL;
}

/* ---- matching ---- */

static bool takes(const struct token *t, uint32_t c)
{
	bool found = false;

	switch (t->type) {
	case ONE:
		return c == t->c;
	case ANY:
		return c != '/';
	case CLASS:
		for (size_t i = 0; i < t->n_ranges; i++)
			found = found || (c >= t->ranges[i].low && c <= t->ranges[i].high);
		return found != t->negated;
	case DIRS_IN:
		return c == '/';
	case RUN:
	case ALL:
	case DIRS:
		break;
	}
	return false;
}

/* Be at token i, and wherever that leads without a character. */
static void enter(const struct ignore_pattern *p, bool *at, size_t i)
{
	for (; i <= p->n && !at[i]; i++) {
		at[i] = true;
		if (i == p->n)
			return;
		switch (p->tokens[i].type) {
		case DIRS:
			enter(p, at, i + 2);
			break; /* and i + 1 */
		case RUN:
		case ALL:
			break;
		case ONE:
		case ANY:
		case CLASS:
		case DIRS_IN:
			return;
		}
	}
}

/* All places of the pattern at once, a character after the other: no pattern takes long. */
static bool matches(const struct ignore_pattern *p, const char *path, size_t len)
{
	auto_free bool *now = mem_array(p->n + 1, sizeof(*now)), *next = mem_array(p->n + 1, sizeof(*next));
	const char *at = path;

	enter(p, now, 0);
	while (at < path + len) {
		uint32_t c = next_char(&at);
		bool *swap = now;

		for (size_t i = 0; i < p->n; i++) {
			const struct token *t = &p->tokens[i];
			bool stays = t->type == ALL || t->type == DIRS_IN || (t->type == RUN && c != '/');

			if (now[i] && takes(t, c))
				enter(p, next, i + 1);
			if (now[i] && stays)
				enter(p, next, i);
		}
		now = next;
		next = swap;
		memset(next, 0, p->n + 1);
	}
	return now[p->n];
}

static bool matches_or_parent_does(const struct ignore_pattern *p, const char *path)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/'))
		if (matches(p, path, (size_t)(slash - path)))
			return true;
	return matches(p, path, strlen(path));
}

bool ignore_match(const struct ignore *ig, const char *path)
{
	bool out = false;

	for (size_t i = 0; i < ig->n; i++)
		if (ig->patterns[i].exception == out && matches_or_parent_does(&ig->patterns[i], path))
			out = !out;
	return out;
}

/* ---- the file ---- */

/* The path without "." and "..", double and outer '/', as far as text alone tells; "" where nothing is left. */
static char *clean(struct arena *a, struct str text)
{
	char *ret = arena_alloc(a, text.n + 1);
	size_t n = 0, floor = 0; /* what is before floor are ".." that lead outside */
	struct str part;

	while (str_cut(&text, '/', &part)) {
		if (part.n == 0 || str_eq(part, "."))
			continue;
		if (str_eq(part, "..") && n > floor) {
			while (n > floor && ret[n - 1] != '/')
				n--;
			n -= n > floor;
			continue;
		}
		if (n)
			ret[n++] = '/';
		memcpy(ret + n, part.p, part.n);
		n += part.n;
		if (str_eq(part, ".."))
			floor = n;
	}
	ret[n] = '\0';
	return ret;
}

/* 1 with a pattern, 0 for a line that says nothing, -1: err. */
static int read_line(struct arena *a, struct str line, const char *name, unsigned number, struct ignore_pattern *ret,
		     struct err *err)
{
	struct str text;
	const char *fault;

	if (line.n && line.p[0] == '#')
		return 0;
	text = str_trim(line);
	if (!text.n)
		return 0;
	*ret = (struct ignore_pattern){ .exception = text.p[0] == '!' };
	if (ret->exception) {
		text = str_trim((struct str){ text.p + 1, text.n - 1 });
		if (!text.n)
			return err_set(err, ERR_FORMAT, "%s:%u: '!' takes a pattern behind it", name, number);
	}
	if (text.n > PATTERN_BYTES_MAX || memchr(text.p, '\0', text.n))
		return err_set(err, ERR_FORMAT, "%s:%u: is no pattern: it has a NUL or more than %d bytes", name,
			       number, PATTERN_BYTES_MAX);
	fault = compile(a, clean(a, text), ret);
	if (fault)
		return err_set(err, ERR_FORMAT, "%s:%u: the pattern '%.*s' %s", name, number, (int)text.n, text.p,
			       fault);
	return ret->n > 0;
}

int ignore_parse(struct arena *a, const char *p, size_t n, const char *name, struct ignore *ret, struct err *err)
{
	struct str text = { p, n }, line;
	auto_free struct ignore_pattern *list = NULL;
	struct ignore ig = { 0 };
	unsigned number = 0;

	if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		text = (struct str){ p + 3, n - 3 };
	while (text.n && str_cut(&text, '\n', &line)) {
		struct ignore_pattern one;
		int got = read_line(a, line, name, ++number, &one, err);

		if (got < 0)
			return -1;
		if (got == 0)
			continue;
		if (ig.n == PATTERNS_MAX)
			return err_set(err, ERR_LIMIT, "%s: has more than %d patterns", name, PATTERNS_MAX);
		mem_grow(list, ig.n);
		list[ig.n++] = one;
		ig.has_exceptions |= one.exception;
	}
	ig.patterns = arena_dup(a, list, ig.n * sizeof(*list));
	*ret = ig;
	return 0;
}
