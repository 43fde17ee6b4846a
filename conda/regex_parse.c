/* Thompson's construction: regular expression to tree to program. */
#include "conda/regex_impl.h"

#include <string.h>

#define NEST_MAX 32 /* parentheses within parentheses */
#define REPEAT_MAX 1000 /* n of {m,n} */
#define WORK_MAX 20000 /* steps of writing the program: "(){1000}" within itself writes nothing, but for ages */
#define UNBOUNDED UINT_FAST16_MAX

enum node_type { NODE_EMPTY, NODE_SET, NODE_ASSERT, NODE_CAT, NODE_ALT, NODE_REPEAT };

struct node {
	enum node_type type;
	enum op op; /* of NODE_ASSERT */
	uint_fast16_t min, max; /* of NODE_REPEAT */
	const struct set *set;
	const struct node *left, *right;
};

struct parser {
	struct arena *arena;
	const char *at;
	const char *text;
	bool fold;
	unsigned depth;
	unsigned work;
	size_t n; /* instructions written to code */
	struct instr code[REGEX_PROGRAM_MAX];
	struct err *err;
};

static void *wrong(struct parser *p, const char *what)
{
	err_set(p->err, ERR_FORMAT, "regular expression '%.200s': %s", p->text, what);
	return NULL;
}

static void set_add(struct set *s, unsigned char c)
{
	s->bits[c / 8] |= (uint8_t)(1u << c % 8);
}

static void set_range(struct set *s, unsigned from, unsigned to)
{
	for (unsigned c = from; c <= to; c++)
		set_add(s, (unsigned char)c);
}

static void set_invert(struct set *s)
{
	for (size_t i = 0; i < sizeof(s->bits); i++)
		s->bits[i] = (uint8_t)~s->bits[i];
}

static void set_fold(struct set *s)
{
	for (unsigned c = 'a'; c <= 'z'; c++) {
		unsigned upper = c - 'a' + 'A';

		if (set_has(s, (unsigned char)c))
			set_add(s, (unsigned char)upper);
		else if (set_has(s, (unsigned char)upper))
			set_add(s, (unsigned char)c);
	}
}

/* \d and its kin. False where c names no class. */
static bool set_class(struct set *s, char c)
{
	struct set one = { 0 };

	switch (c) {
	case 'd':
	case 'D':
		set_range(&one, '0', '9');
		break;
	case 'w':
	case 'W':
		for (unsigned b = 0; b < 128; b++) {
			if (is_word((unsigned char)b))
				set_add(&one, (unsigned char)b);
		}
		break;
	case 's':
	case 'S':
		set_range(&one, '\t', '\r');
		set_add(&one, ' ');
		break;
	default:
		return false;
	}
	if (c < 'a')
		set_invert(&one);
	for (size_t i = 0; i < sizeof(s->bits); i++)
		s->bits[i] |= one.bits[i];
	return true;
}

/* The byte that \c stands for; -1 where the escape is not ours. Python refuses unknown letters, too. */
static int escaped_byte(char c)
{
	switch (c) {
	case 't':
		return '\t';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	default:
		return c == '\0' || (c != '_' && is_word((unsigned char)c)) ? -1 : (unsigned char)c;
	}
}

static struct node *new_node(struct parser *p, enum node_type type)
{
	struct node *n = arena_alloc(p->arena, sizeof(*n));

	n->type = type;
	return n;
}

static struct node *new_set(struct parser *p, struct set *s, bool fold)
{
	struct node *n = new_node(p, NODE_SET);

	if (fold)
		set_fold(s);
	n->set = arena_dup(p->arena, s, sizeof(*s));
	return n;
}

static struct node *new_assert(struct parser *p, enum op op)
{
	struct node *n = new_node(p, NODE_ASSERT);

	n->op = op;
	return n;
}

/* One member of [...]: a byte into *from, or a class into s and -1. False: wrong. */
static bool parse_member(struct parser *p, struct set *s, int *from)
{
	if (*p->at != '\\') {
		*from = (unsigned char)*p->at++;
		return true;
	}
	p->at++;
	if (set_class(s, *p->at)) {
		p->at++;
		*from = -1;
		return true;
	}
	*from = escaped_byte(*p->at);
	if (*from >= 0)
		p->at++;
	return *from >= 0;
}

static struct node *parse_set(struct parser *p)
{
	struct set s = { 0 };
	bool invert = *p->at == '^';
	const char *first;

	p->at += invert;
	first = p->at;
	while (*p->at != ']' || p->at == first) {
		int from, to;

		if (!*p->at)
			return wrong(p, "'[' without ']'");
		if (!parse_member(p, &s, &from))
			return wrong(p, "unknown escape");
		if (from < 0)
			continue;
		to = from;
		if (p->at[0] == '-' && p->at[1] && p->at[1] != ']') {
			p->at++;
			if (!parse_member(p, &s, &to) || to < from)
				return wrong(p, "bad range in '[]'");
		}
		set_range(&s, (unsigned)from, (unsigned)to);
	}
	p->at++;
	if (p->fold)
		set_fold(&s);
	if (invert)
		set_invert(&s);
	return new_set(p, &s, false);
}

static struct node *parse_escape(struct parser *p)
{
	struct set s = { 0 };
	char c = *p->at;
	int byte;

	if (c)
		p->at++;
	switch (c) {
	case 'A':
		return new_assert(p, OP_BEGIN);
	case 'Z':
		return new_assert(p, OP_END);
	case 'b':
		return new_assert(p, OP_WORD);
	case 'B':
		return new_assert(p, OP_NOT_WORD);
	default:
		break;
	}
	if (set_class(&s, c))
		return new_set(p, &s, false);
	byte = escaped_byte(c);
	if (byte < 0)
		return wrong(p, "unknown or unsupported escape");
	set_add(&s, (unsigned char)byte);
	return new_set(p, &s, p->fold);
}

static struct node *parse_alt(struct parser *p);

/* Behind "(": what kind of group it is. False: one we refuse. */
static bool skip_group_head(struct parser *p)
{
	if (*p->at != '?')
		return true;
	if (p->at[1] == ':') {
		p->at += 2;
		return true;
	}
	if (p->at[1] == 'P' && p->at[2] == '<') {
		const char *end = p->at + 3;

		while (is_word((unsigned char)*end))
			end++;
		if (*end == '>' && end > p->at + 3) {
			p->at = end + 1;
			return true;
		}
	}
	return false;
}

static struct node *parse_group(struct parser *p)
{
	struct node *n;

	if (!skip_group_head(p))
		return wrong(p, "'(?' is supported as '(?:' and '(?P<name>' only");
	if (++p->depth > NEST_MAX)
		return wrong(p, "too deeply nested");
	n = parse_alt(p);
	p->depth--;
	if (!n)
		return NULL;
	if (*p->at != ')')
		return wrong(p, "'(' without ')'");
	p->at++;
	return n;
}

static struct node *parse_atom(struct parser *p)
{
	struct set s = { 0 };
	char c = *p->at++;

	switch (c) {
	case '(':
		return parse_group(p);
	case '[':
		return parse_set(p);
	case '\\':
		return parse_escape(p);
	case '^':
		return new_assert(p, OP_BEGIN);
	case '$':
		return new_assert(p, OP_END);
	case '*':
	case '+':
	case '?':
		return wrong(p, "nothing to repeat");
	case '.':
		set_add(&s, '\n');
		set_invert(&s);
		return new_set(p, &s, false);
	default:
		set_add(&s, (unsigned char)c);
		return new_set(p, &s, p->fold);
	}
}

/* Digits at *at, at most max (and no overflow). False where there are none. */
static bool parse_count(const char **at, uint_fast16_t max, uint_fast16_t *ret)
{
	uint_fast16_t v = 0;

	if (**at < '0' || **at > '9')
		return false;
	for (; **at >= '0' && **at <= '9'; (*at)++) {
		if (v <= max)
			v = v * 10 + (uint_fast16_t)(**at - '0');
	}
	*ret = v;
	return true;
}

/* "{m}", "{m,}", "{,n}", "{m,n}" behind the brace. False: the brace is a plain byte, as in Python. */
static bool parse_braces(const char **at, uint_fast16_t *min, uint_fast16_t *max)
{
	const char *s = *at;
	bool has_min, has_max;

	*min = 0;
	has_min = parse_count(&s, REPEAT_MAX, min);
	*max = has_min ? *min : UNBOUNDED;
	if (*s == ',') {
		s++;
		*max = UNBOUNDED;
		has_max = parse_count(&s, REPEAT_MAX, max);
	} else {
		has_max = has_min;
	}
	if (*s != '}' || (!has_min && !has_max))
		return false;
	*at = s + 1;
	return true;
}

/* Whether a repeat follows; p->at is then behind it. */
static bool parse_repeat(struct parser *p, uint_fast16_t *min, uint_fast16_t *max)
{
	const char *behind = p->at + 1;

	*min = *p->at == '+';
	*max = *p->at == '?' ? 1 : UNBOUNDED;
	if (*p->at == '{') {
		if (!parse_braces(&behind, min, max))
			return false;
	} else if (*p->at != '*' && *p->at != '+' && *p->at != '?') {
		return false;
	}
	p->at = behind;
	return true;
}

static struct node *parse_piece(struct parser *p)
{
	struct node *atom = parse_atom(p), *n;
	uint_fast16_t min, max;

	if (!atom || !parse_repeat(p, &min, &max))
		return atom;
	if (atom->type == NODE_ASSERT)
		return wrong(p, "nothing to repeat");
	if (max < min || (max != UNBOUNDED && max > REPEAT_MAX) || min > REPEAT_MAX)
		return wrong(p, "bad repeat count");
	n = new_node(p, NODE_REPEAT);
	n->min = min;
	n->max = max;
	n->left = atom;
	/* Lazy or not, the same texts match. */
	if (*p->at == '?')
		p->at++;
	if (*p->at == '+' || parse_repeat(p, &min, &max))
		return wrong(p, "a repeat of a repeat");
	return n;
}

static struct node *join(struct parser *p, enum node_type type, struct node *left, struct node *right)
{
	struct node *n = new_node(p, type);

	n->left = left;
	n->right = right;
	return n;
}

static struct node *parse_cat(struct parser *p)
{
	struct node *n = NULL;

	while (*p->at && *p->at != '|' && *p->at != ')') {
		struct node *piece = parse_piece(p);

		if (!piece)
			return NULL;
		n = n ? join(p, NODE_CAT, n, piece) : piece;
	}
	return n ? n : new_node(p, NODE_EMPTY);
}

static struct node *parse_alt(struct parser *p)
{
	struct node *n = parse_cat(p);

	while (n && *p->at == '|') {
		struct node *right;

		p->at++;
		right = parse_cat(p);
		n = right ? join(p, NODE_ALT, n, right) : NULL;
	}
	return n;
}

/* The next instruction, going on to the one behind it. NULL: too many. */
static struct instr *put(struct parser *p, enum op op)
{
	struct instr *i;

	/* One is kept for OP_MATCH. */
	if (p->n + 1 >= REGEX_PROGRAM_MAX)
		return wrong(p, "too large");
	i = &p->code[p->n++];
	*i = (struct instr){ .op = op, .x = (uint16_t)p->n, .y = (uint16_t)p->n };
	return i;
}

static bool emit(struct parser *p, const struct node *n);

static bool emit_alt(struct parser *p, const struct node *n)
{
	struct instr *split = put(p, OP_SPLIT), *jump;

	if (!split || !emit(p, n->left))
		return false;
	jump = put(p, OP_JUMP);
	if (!jump)
		return false;
	split->y = (uint16_t)p->n;
	if (!emit(p, n->right))
		return false;
	jump->x = (uint16_t)p->n;
	return true;
}

/* max - min further ones: each may be the last. */
static bool emit_optional(struct parser *p, const struct node *n)
{
	size_t first = p->n, step = 0;

	for (uint_fast16_t i = n->min; i < n->max; i++) {
		if (!put(p, OP_SPLIT) || !emit(p, n->left))
			return false;
		step = step ? step : p->n - first;
	}
	for (size_t i = first; i < p->n; i += step)
		p->code[i].y = (uint16_t)p->n;
	return true;
}

static bool emit_star(struct parser *p, const struct node *n)
{
	size_t start = p->n;
	struct instr *split = put(p, OP_SPLIT), *jump;

	if (!split || !emit(p, n->left))
		return false;
	jump = put(p, OP_JUMP);
	if (!jump)
		return false;
	jump->x = (uint16_t)start;
	split->y = (uint16_t)p->n;
	return true;
}

static bool emit_repeat(struct parser *p, const struct node *n)
{
	for (uint_fast16_t i = 0; i < n->min; i++) {
		if (!emit(p, n->left))
			return false;
	}
	return n->max == UNBOUNDED ? emit_star(p, n) : emit_optional(p, n);
}

/* Depth: chains of NODE_CAT and NODE_ALT lean left and are as long as the text at most, which PATTERN_MAX bounds. */
static bool emit(struct parser *p, const struct node *n)
{
	struct instr *i;

	if (++p->work > WORK_MAX)
		return wrong(p, "too large");
	switch (n->type) {
	case NODE_EMPTY:
		break;
	case NODE_SET:
		i = put(p, OP_SET);
		if (!i)
			return false;
		i->set = n->set;
		break;
	case NODE_ASSERT:
		return put(p, n->op);
	case NODE_CAT:
		return emit(p, n->left) && emit(p, n->right);
	case NODE_ALT:
		return emit_alt(p, n);
	case NODE_REPEAT:
		return emit_repeat(p, n);
	}
	return true;
}

const struct regex *regex_parse(struct arena *a, const char *text, bool fold, struct err *err)
{
	auto_arena scratch = { 0 };
	auto_free struct parser *p = NEW(struct parser);
	struct regex *r;
	struct node *tree;

	p->arena = &scratch;
	p->at = p->text = text;
	p->fold = fold;
	p->err = err;
	tree = parse_alt(p);
	if (tree && *p->at)
		tree = wrong(p, "')' without '('");
	if (!tree || !emit(p, tree))
		return NULL;
	p->code[p->n++].op = OP_MATCH;
	r = arena_alloc(a, sizeof(*r) + p->n * sizeof(r->code[0]));
	r->n = p->n;
	for (size_t i = 0; i < p->n; i++) {
		r->code[i] = p->code[i];
		if (p->code[i].set)
			r->code[i].set = arena_dup(a, p->code[i].set, sizeof(struct set));
	}
	return r;
}
