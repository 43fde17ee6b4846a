/*
 * Thompson's simulation: all alternatives advance together, a byte at a time, so
 * no expression takes exponential time.
 */
#include "conda/regex_impl.h"

#include <string.h>

/* The instructions that wait for the next byte. */
struct front {
	size_t n;
	uint16_t at[REGEX_PROGRAM_MAX];
	uint8_t seen[(REGEX_PROGRAM_MAX + 7) / 8];
};

struct place {
	const char *text, *at;
};

static bool holds(enum op op, struct place here)
{
	bool before = here.at > here.text && is_word((unsigned char)here.at[-1]);
	bool after = is_word((unsigned char)*here.at);

	switch (op) {
	case OP_BEGIN:
		return here.at == here.text;
	case OP_END:
		return !*here.at;
	case OP_WORD:
		return before != after;
	case OP_NOT_WORD:
		return before == after;
	case OP_SET:
	case OP_SPLIT:
	case OP_JUMP:
	case OP_MATCH:
		break;
	}
	return true;
}

static void push(struct front *f, uint16_t *stack, size_t *n, uint16_t pc)
{
	if (f->seen[pc / 8] >> pc % 8 & 1)
		return;
	f->seen[pc / 8] |= (uint8_t)(1u << pc % 8);
	stack[(*n)++] = pc;
}

/* Follow pc to all that wait for a byte. True: the whole expression has matched. */
static bool reach(const struct regex *r, struct front *f, uint16_t pc, struct place here)
{
	uint16_t stack[REGEX_PROGRAM_MAX];
	size_t n = 0;

	push(f, stack, &n, pc);
	while (n > 0) {
		const struct instr *i = &r->code[stack[--n]];

		if (i->op == OP_MATCH)
			return true;
		if (i->op == OP_SET) {
			f->at[f->n++] = (uint16_t)(i - r->code);
		} else if (holds(i->op, here)) {
			push(f, stack, &n, i->x);
			if (i->op == OP_SPLIT)
				push(f, stack, &n, i->y);
		}
	}
	return false;
}

bool regex_match(const struct regex *r, const char *text)
{
	struct front fronts[2] = { 0 }, *now = &fronts[0], *next = &fronts[1], *swap;
	struct place here = { text, text };

	if (reach(r, now, 0, here))
		return true;
	while (*here.at && now->n > 0) {
		unsigned char c = (unsigned char)*here.at++;

		for (size_t i = 0; i < now->n; i++) {
			const struct instr *in = &r->code[now->at[i]];

			if (set_has(in->set, c) && reach(r, next, in->x, here))
				return true;
		}
		swap = now;
		now = next;
		next = swap;
		next->n = 0;
		memset(next->seen, 0, sizeof(next->seen));
	}
	return false;
}
