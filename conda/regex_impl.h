/* What the two halves of conda/regex.h share: the program. */
#ifndef CONDA_REGEX_IMPL_H
#define CONDA_REGEX_IMPL_H

#include <stddef.h>
#include <stdint.h>

#include "conda/regex.h"

#define REGEX_PROGRAM_MAX 1000	/* instructions; bounds what {m,n} may multiply */

enum op { OP_SET, OP_SPLIT, OP_JUMP, OP_BEGIN, OP_END, OP_WORD, OP_NOT_WORD, OP_MATCH };

struct set {
	uint8_t bits[32];
};

struct instr {
	enum op op;
	uint16_t x, y;		/* where to go on; OP_SPLIT goes to both */
	const struct set *set;	/* of OP_SET */
};

struct regex {
	size_t n;
	struct instr code[];
};

static inline bool set_has(const struct set *s, unsigned char c)
{
	return s->bits[c / 8] >> c % 8 & 1;
}

static inline bool is_word(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

#endif
